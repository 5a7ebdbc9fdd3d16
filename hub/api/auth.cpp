#include "hub/api/auth.h"

#include <pwd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include <fmt/core.h>
#include <google/protobuf/util/time_util.h>

#include "hub/api/problem.h"

namespace kelpie::hub {
namespace {

constexpr std::size_t kPasswdBytes = 4'096;  // chosen: holds any sane passwd line
constexpr std::chrono::minutes kFailureWindow{1};

Error unauthenticated(std::string message) {
  return problem(Code::PermissionDenied, kReasonUnauthenticated, std::move(message),
                 "send Authorization: Bearer TOKEN, or use the hub's socket");
}

std::string user_name(uid_t uid) {
  std::array<char, kPasswdBytes> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return fmt::format("uid-{}", uid);
  }
  return entry.pw_name;
}

Result<api::v1::Role> parse_role(std::string_view text) {
  if (text == "viewer") return api::v1::VIEWER;
  if (text == "operator") return api::v1::OPERATOR;
  if (text == "admin") return api::v1::ADMIN;
  return fail(Code::InvalidArgument, fmt::format("role \"{}\" is not viewer, operator or admin", text));
}

Result<std::optional<WallTime>> parse_expiry(const std::string& text) {
  if (text == "-") return std::optional<WallTime>();
  google::protobuf::Timestamp time;
  if (!google::protobuf::util::TimeUtil::FromString(text, &time)) {
    return fail(Code::InvalidArgument, fmt::format("expiry \"{}\" is no RFC 3339 time and not -", text));
  }
  return std::optional<WallTime>(WallTime{google::protobuf::util::TimeUtil::TimestampToMilliseconds(time)});
}

/// "127.0.0.1:8080" → "127.0.0.1"; "[::1]:8080" → "[::1]".
std::string_view host_name(std::string_view host) {
  if (!host.empty() && host.front() == '[') return host.substr(0, std::min(host.find(']') + 1, host.size()));
  return host.substr(0, host.find(':'));
}

std::string_view role_word(api::v1::Role role) {
  if (role == api::v1::VIEWER) return "viewer";
  return role == api::v1::OPERATOR ? "operator" : "admin";
}

}  // namespace

Caller caller_of_peer(uid_t uid) {
  const bool is_admin = uid == 0 || uid == geteuid();
  return {.name = user_name(uid), .role = is_admin ? api::v1::ADMIN : api::v1::OPERATOR};
}

Result<Tokens::Token> Tokens::parse_line(const std::string& line) {
  std::istringstream words(line);
  std::string role;
  std::string name;
  std::string hash;
  std::string expiry;
  std::string rest;
  if (!(words >> role >> name >> hash >> expiry) || (words >> rest)) {
    return fail(Code::InvalidArgument, "expected role, name, hash and expiry");
  }
  Token out;
  KELPIE_TRY(out.caller.role, parse_role(role));
  out.caller.name = name;
  KELPIE_TRY(out.hash, Digest::from_hex(hash));
  KELPIE_TRY(out.expires_at, parse_expiry(expiry));
  return out;
}

Result<Tokens> Tokens::parse(std::string_view text) {
  Tokens out;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    Result<Token> token = parse_line(line);
    if (!token) return fail(with_context(token.error(), fmt::format("line {} of the token file", number)));
    out.tokens_.push_back(std::move(*token));
  }
  return out;
}

Result<Tokens> Tokens::load(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return fail(Code::Unavailable, fmt::format("cannot open token file \"{}\"", path));
  }
  if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return fail(Code::PermissionDenied, fmt::format("token file \"{}\" is open to others", path));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return fail(Code::Unavailable, fmt::format("cannot read token file \"{}\"", path));
  return parse(text.str());
}

Result<Caller> Tokens::find(std::string_view token, WallTime now) const {
  const Digest hash = blake2b_256(token);
  for (const Token& known : tokens_) {
    if (sodium_memcmp(known.hash.view().data(), hash.view().data(), Digest::kSize) != 0) continue;
    if (known.expires_at && *known.expires_at <= now) {
      return fail(unauthenticated(
          fmt::format("the token of {} expired at {}", known.caller.name, to_rfc3339(*known.expires_at))));
    }
    return known.caller;
  }
  return fail(unauthenticated("the token is not known here"));
}

bool FailureLimit::is_reached(WallTime now) {
  while (!failures_.empty() && now - failures_.front() >= kFailureWindow) failures_.pop_front();
  return failures_.size() >= kAuthFailuresPerMinute;
}

void FailureLimit::count(WallTime now) {
  if (!is_reached(now)) failures_.push_back(now);
}

Result<std::string_view> bearer_token(const HttpRequest& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view header = request.header("authorization");
  if (header.substr(0, kScheme.size()) != kScheme || header.size() == kScheme.size()) {
    return fail(unauthenticated("a token is needed here"));
  }
  return header.substr(kScheme.size());
}

Result<void> check_browser(const HttpRequest& request, Transport transport) {
  const std::string_view host = request.header("host");
  if (transport != Transport::Socket) {
    const std::string_view name = host_name(host);
    if (name != "127.0.0.1" && name != "localhost" && name != "[::1]") {
      return fail(problem(Code::PermissionDenied, "HOST_REFUSED",
                          fmt::format("host \"{}\" is not this machine's loopback", host)));
    }
  }
  const std::string_view origin = request.header("origin");
  if (request.method == "GET" || origin.empty() || origin == fmt::format("http://{}", host)) return {};
  return fail(
      problem(Code::PermissionDenied, "ORIGIN_REFUSED", fmt::format("a page of {} may not write here", origin)));
}

Result<void> check_role(const Caller& caller, api::v1::Role wanted) {
  if (caller.role >= wanted) return {};
  return fail(problem(Code::PermissionDenied, "ROLE_TOO_LOW",
                      fmt::format("{} is {}; this needs {}", caller.name, role_word(caller.role), role_word(wanted))));
}

}  // namespace kelpie::hub
