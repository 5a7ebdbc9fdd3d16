// Add-ons by track: what this MicroK8s has, under which name and with which arguments.
#include "tools/kelpie/manifest/addons.h"

#include <gtest/gtest.h>

namespace kelpie::cli {
namespace {

struct Row {
  std::string name;
  AddonWish wish;
  std::string channel;
  std::string trouble;
};

class RefusedAddons : public testing::TestWithParam<Row> {};

TEST_P(RefusedAddons, SayWhy) {
  std::optional<Channel> channel;
  if (!GetParam().channel.empty()) channel = *parse_channel(GetParam().channel);
  EXPECT_EQ(judge_addon(GetParam().wish, channel).trouble, GetParam().trouble);
}

INSTANTIATE_TEST_SUITE_P(
    Addons, RefusedAddons,
    testing::Values(
        Row{"Unknown",
            {.name = "ingres"},
            "1.32/stable",
            "MicroK8s has no core add-on \"ingres\". Did you mean \"ingress\"?"},
        Row{"DashboardAfter135", {.name = "dashboard"}, "1.36/stable", "add-on dashboard left MicroK8s with 1.36"},
        Row{"DashboardBefore136", {.name = "dashboard"}, "1.35/stable", ""},
        Row{"Community",
            {.name = "portainer"},
            "1.32/stable",
            "add-on portainer comes from the community repository, which is not supported yet"},
        Row{"OtherRepository",
            {.name = "mine/dns"},
            "1.32/stable",
            "add-ons of other repositories than core are not supported yet: \"mine/dns\""},
        Row{"MetallbWithoutRange",
            {.name = "metallb"},
            "1.32/stable",
            "metallb needs addresses: { name: metallb, args: [10.0.0.10-10.0.0.20] }"},
        Row{"NvidiaOnStrict",
            {.name = "gpu"},
            "1.32-strict/stable",
            "add-on nvidia needs a classic track; 1.32-strict/stable is strict"},
        Row{"SmallRegistry",
            {.name = "registry", .args = {"--size=5Gi"}},
            "",
            "registry takes --size=NGi from 20Gi, not \"--size=5Gi\""},
        Row{"TraefikArgumentOnNginx",
            {.name = "ingress", .args = {"--default-ssl-certificate=a/b"}},
            "1.34/stable",
            "ingress of 1.34 is nginx and takes default-ssl-certificate=ns/secret, not "
            "\"--default-ssl-certificate=a/b\""},
        Row{"BlankInArgument",
            {.name = "dns", .args = {"1.1.1.1 8.8.8.8"}},
            "",
            "argument \"1.1.1.1 8.8.8.8\" holds a blank: write each argument on its own"},
        Row{"AbsentWithArguments",
            {.name = "dns", .args = {"1.1.1.1"}, .is_absent = true},
            "",
            "an absent add-on has no arguments: dns"}),
    [](const auto& row) { return row.param.name; });

TEST(Addons, AreTakenUnderTheirPresentName) {
  EXPECT_EQ(judge_addon({.name = "storage"}, std::nullopt).addon.name, "hostpath-storage");
  EXPECT_EQ(judge_addon({.name = "core/prometheus"}, std::nullopt).addon.name, "observability");
  const AddonVerdict metallb = judge_addon({.name = "metallb:10.0.0.1-10.0.0.9"}, std::nullopt);
  EXPECT_EQ(metallb.trouble, "");
  EXPECT_EQ(metallb.addon.args, (std::vector<std::string>{"10.0.0.1-10.0.0.9"}));
}

}  // namespace
}  // namespace kelpie::cli
