#include "hub/api/auth.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/hub/api/samples.h"
#include "tests/support/temp_dir.h"

namespace kelpie::hub {
namespace {

using test::told;

std::string line(const std::string& role, const std::string& name, const std::string& token,
                 const std::string& expiry = "-") {
  return fmt::format("{} {} {} {}\n", role, name, blake2b_256(token).hex(), expiry);
}

TEST(Tokens, AreKnownByTheirHash) {
  const Result<Tokens> tokens = Tokens::parse("# who may do what\n\n" + line("operator", "ana", "secret"));
  ASSERT_TRUE(tokens) << tokens.error().message;
  const Result<Caller> caller = tokens->find("secret", {0});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name, "ana");
  EXPECT_EQ(caller->role, api::v1::OPERATOR);
  EXPECT_EQ(told(tokens->find("Secret", {0})), "UNAUTHENTICATED: the token is not known here");
}

TEST(Tokens, Expire) {
  const Result<Tokens> tokens = Tokens::parse(line("viewer", "page", "x", "1970-01-01T00:00:10Z"));
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_TRUE(tokens->find("x", {9'999}));
  EXPECT_EQ(told(tokens->find("x", {10'000})),
            "UNAUTHENTICATED: the token of page expired at 1970-01-01T00:00:10.000Z");
}

TEST(Tokens, ABadLineIsNamed) {
  EXPECT_NE(told(Tokens::parse("# one\nviewer page\n")).find("line 2 of the token file"), std::string::npos);
  EXPECT_NE(told(Tokens::parse(line("king", "ana", "x"))).find("role \"king\""), std::string::npos);
  EXPECT_NE(told(Tokens::parse(line("viewer", "ana", "x", "soon"))).find("expiry \"soon\""), std::string::npos);
}

TEST(Tokens, AFileOpenToOthersIsRefused) {
  const test::TempDir dir;
  const std::string path = dir / "tokens";
  std::ofstream(path) << line("viewer", "page", "x");
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  EXPECT_EQ(told(Tokens::load(path)).substr(0, 18), "PERMISSION_DENIED:");
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  EXPECT_EQ(told(Tokens::load(path)), "ok");
}

TEST(Peers, TheHubsOwnUserAdministersAndTheGroupOperates) {
  EXPECT_EQ(caller_of_peer(geteuid()).role, api::v1::ADMIN);
  EXPECT_EQ(caller_of_peer(0).role, api::v1::ADMIN);
  EXPECT_EQ(caller_of_peer(geteuid() + 12'345).role, api::v1::OPERATOR);
}

TEST(Failures, CloseTheDoorForAMinute) {
  FailureLimit failures;
  for (std::size_t i = 0; i < kAuthFailuresPerMinute; ++i) {
    EXPECT_FALSE(failures.is_reached({1'000}));
    failures.count({1'000});
  }
  EXPECT_TRUE(failures.is_reached({60'999}));
  EXPECT_FALSE(failures.is_reached({61'000}));
}

HttpRequest browser(std::string method, std::string host, std::string origin) {
  HttpRequest out;
  out.method = std::move(method);
  out.headers["host"] = std::move(host);
  if (!origin.empty()) out.headers["origin"] = std::move(origin);
  return out;
}

TEST(Browsers, AReboundNameIsNotLoopback) {
  EXPECT_EQ(told(check_browser(browser("GET", "127.0.0.1:8080", ""), Transport::Loopback)), "ok");
  EXPECT_EQ(told(check_browser(browser("GET", "[::1]:8080", ""), Transport::Loopback)), "ok");
  EXPECT_EQ(told(check_browser(browser("GET", "evil.example", ""), Transport::Loopback)),
            "HOST_REFUSED: host \"evil.example\" is not this machine's loopback");
  EXPECT_EQ(told(check_browser(browser("GET", "hub", ""), Transport::Socket)), "ok");
}

TEST(Browsers, AForeignPageMayNotWrite) {
  EXPECT_EQ(told(check_browser(browser("POST", "localhost:1", "http://evil.example"), Transport::Loopback)),
            "ORIGIN_REFUSED: a page of http://evil.example may not write here");
  EXPECT_EQ(told(check_browser(browser("POST", "localhost:1", "http://localhost:1"), Transport::Loopback)), "ok");
}

TEST(Roles, RiseFromViewerToAdmin) {
  const Caller page{.name = "page", .role = api::v1::VIEWER};
  EXPECT_EQ(told(check_role(page, api::v1::VIEWER)), "ok");
  EXPECT_EQ(told(check_role(page, api::v1::OPERATOR)), "ROLE_TOO_LOW: page is viewer; this needs operator");
}

}  // namespace
}  // namespace kelpie::hub
