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
        Row{"NvidiaBefore129", {.name = "gpu"}, "1.28/stable", "add-on nvidia came to MicroK8s with 1.29"},
        Row{"NvidiaOnStrict",
            {.name = "gpu"},
            "1.32-strict/stable",
            "add-on nvidia needs a classic track, not a strict one"},
        Row{"Community",
            {.name = "istio"},
            "1.32/stable",
            "add-on istio comes from the community repository, whose scripts are cloned from the internet, run as root "
            "and signed by nobody: deploy it as a workload"},
        Row{"OtherRepository",
            {.name = "mine/dns"},
            "1.32/stable",
            "only add-ons of the core repository are taken, not \"mine/dns\": scripts of others are signed by nobody"},
        Row{"Refused",
            {.name = "ha-cluster", .is_absent = true},
            "",
            "add-on ha-cluster is on in every MicroK8s; switching it on one node replaces the datastore and destroys "
            "what is in it: leave it out"},
        Row{"AlwaysThere",
            {.name = "helm3", .is_absent = true},
            "",
            "add-on helm3 is part of every MicroK8s and cannot be taken out"},
        Row{"MetallbWithoutRange",
            {.name = "metallb"},
            "1.32/stable",
            "add-on metallb needs the addresses it may give out: { name: metallb, args: [10.0.0.10-10.0.0.20] }"},
        Row{"SmallRegistry",
            {.name = "registry", .args = {"--size=5Gi"}},
            "",
            "add-on registry size: \"5Gi\" is not a size such as 20Gi, the least it takes"},
        Row{"ArgumentOfALaterTrack",
            {.name = "ingress", .args = {"-V", "39.0.8"}},
            "1.34/stable",
            "add-on ingress takes version from 1.35, not on 1.34"},
        Row{"AbsentWithArguments",
            {.name = "dns", .args = {"1.1.1.1"}, .is_absent = true},
            "",
            "add-on dns takes no arguments when it is to be absent"}),
    [](const auto& row) { return row.param.name; });

TEST(Addons, AreTakenUnderTheirPresentName) {
  EXPECT_EQ(judge_addon({.name = "storage"}, std::nullopt).addon.name, "hostpath-storage");
  EXPECT_EQ(judge_addon({.name = "core/prometheus"}, std::nullopt).addon.name, "observability");
  const AddonVerdict metallb = judge_addon({.name = "metallb:10.0.0.1-10.0.0.9"}, std::nullopt);
  EXPECT_EQ(metallb.trouble, "");
  EXPECT_EQ(metallb.addon.args, (std::vector<std::string>{"10.0.0.1-10.0.0.9"}));
}

TEST(Addons, AreSignedWithTheArgumentsThatTheirTrackTakes) {
  const AddonWish wish{.name = "ingress", .args = {"--default-ssl-certificate=site/tls"}};
  EXPECT_EQ(judge_addon(wish, *parse_channel("1.34/stable")).addon.args,
            (std::vector<std::string>{"default-ssl-certificate=site/tls"}));
  EXPECT_EQ(judge_addon(wish, *parse_channel("1.35/stable")).addon.args,
            (std::vector<std::string>{"--default-ssl-certificate", "site/tls"}));
}

TEST(Addons, SayWhatTheyFetchFromTheInternet) {
  EXPECT_TRUE(judge_addon({.name = "ingress"}, *parse_channel("1.34/stable")).warnings.empty());
  const std::string fetches =
      "add-on ingress fetches Traefik's chart and the Gateway API's definitions from the internet while it is enabled";
  EXPECT_EQ(judge_addon({.name = "ingress"}, *parse_channel("1.35/stable")).warnings,
            (std::vector<std::string>{fetches}));
  EXPECT_EQ(judge_addon({.name = "ingress"}, std::nullopt).warnings,
            (std::vector<std::string>{fetches + ", from track 1.35 on"}));
}

}  // namespace
}  // namespace kelpie::cli
