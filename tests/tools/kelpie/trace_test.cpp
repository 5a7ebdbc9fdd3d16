// What -vv shows of requests: no secret, and no flood.
#include "tools/kelpie/trace.h"

#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

namespace kelpie::cli {
namespace {

TEST(Trace, TellsThatThereIsATokenButNotWhich) {
  wire::HttpRequest request;
  request.headers = {{"X-Request-Id", "01J9"}, {"Authorization", "Bearer c2VjcmV0"}};
  EXPECT_EQ(traced_headers(request),
            (std::vector<std::string>{"> X-Request-Id: 01J9", "> Authorization: Bearer (hidden)"}));
}

TEST(Trace, ABodyIsOneLineAndEndsWhereATerminalHasHadEnough) {
  api::v1::Named named;
  named.set_name("kiosk");
  EXPECT_EQ(traced_body(named), R"({"name":"kiosk"})");
  named.set_name(std::string(5'000, 'k'));
  const std::string cut = traced_body(named);
  EXPECT_EQ(cut.size(), 4'096 + std::string_view("… 915 bytes more").size());
  EXPECT_TRUE(cut.ends_with("… 915 bytes more")) << cut.substr(4'090);
}

}  // namespace
}  // namespace kelpie::cli
