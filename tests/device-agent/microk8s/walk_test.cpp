// The reference walk through carry_out over the modelled device: from no snap to nodered on its node port, again
// without a change, and back.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/device-agent/microk8s/walk.h"

namespace kelpie::agent {
namespace {

using sim::Device;

using test::digest_of;
using test::fill_registries;
using test::reference_steps;
using test::Walk;

TEST(ReferenceWalk, FromNoSnapToAReachableWorkloadAndThenUnchanged) {
  Device device;
  fill_registries(device);
  Walk walk(device);
  EXPECT_EQ(walk.go(reference_steps()),
            "install changed, start unchanged, images changed, addons changed, deploy changed");
  const CallResult checks = walk.checks();
  EXPECT_EQ(checks.verdict, Verdict::Satisfied) << checks.detail;
  EXPECT_EQ(open_node_ports(device.cell.state, device.pause.now()).count("default/nodered"), 1U);

  const std::vector<std::string> effects = device.cell.state.effects;
  EXPECT_EQ(walk.go(reference_steps()),
            "install unchanged, start unchanged, images unchanged, addons unchanged, deploy unchanged");
  EXPECT_EQ(device.cell.state.effects, effects) << "a second run does nothing at all";
}

// Behind a firewall no node gets Ready before the images step has brought the pause image.
TEST(ReferenceWalk, BehindAFirewallTheReleaseCuresThePauseImage) {
  Device device;
  fill_registries(device);
  device.fault("registry-unreachable:registry.k8s.io");
  Walk walk(device);
  EXPECT_EQ(walk.go(reference_steps()),
            "install changed, start unchanged, images changed, addons changed, deploy changed");
  EXPECT_EQ(walk.checks().verdict, Verdict::Satisfied);
}

/// Everything from the one mirror that the site reaches.
ImagesStep all_from_mirror() {
  ImagesStep images{.images = {}, .follows_start = true};
  char fill = '1';
  for (const char* const ref : {"registry.k8s.io/pause:3.10", "docker.io/calico/cni:v3.28.1",
                                "docker.io/calico/node:v3.28.1", "docker.io/calico/kube-controllers:v3.28.1"}) {
    const std::string name(ref);
    images.images.push_back(
        {.ref = name, .digest = digest_of(fill++), .from = "mirror.example" + name.substr(name.find('/'))});
  }
  return images;
}

TEST(ReferenceWalk, BehindAFirewallThatLetsNoRegistryThroughTheMirrorIsEnough) {
  for (const char* const open : {"", "registry.k8s.io"}) {  // with pause within reach no event tells of the trap
    Device device;
    const ImagesStep images = all_from_mirror();
    for (const Image& image : images.images) device.world.images[image.from] = {.digest = image.digest};
    device.fault("registry-unreachable:docker.io");
    if (std::string_view(open).empty()) device.fault("registry-unreachable:registry.k8s.io");
    Walk walk(device);
    const std::vector<Step> steps{InstallStep{.channel = "1.32/stable", .hold = true}, StartStep{.images_follow = true},
                                  images};
    EXPECT_EQ(walk.go(steps), "install changed, start unchanged, images changed") << open;
    EXPECT_TRUE(walk.facts().is_ready) << "there are no checks: the images step has waited for it";
    EXPECT_EQ(walk.go_back(steps), "images undone, install undone");
  }
}

// Only the mirror answers: what kubelet pulls by itself (the network, the add-on's image) comes through it too.
TEST(ReferenceWalk, BehindAFirewallMirrorsCureWhatTheReleaseDoesNotName) {
  Device device;
  device.fault("registry-unreachable:docker.io");
  device.fault("registry-unreachable:registry.k8s.io");
  const auto through = [](const char* registry) {
    return Mirror{.registry = registry,
                  .hosts = {{.url = "http://mirror.site:5000", .capabilities = {}, .override_path = false, .ca = {}}},
                  .server = {}};
  };
  const std::vector<Mirror> mirrors{through("docker.io"), through("registry.k8s.io")};
  const std::vector<Step> steps{
      InstallStep{.channel = "1.32/stable", .hold = true}, MirrorsStep{mirrors}, StartStep{.images_follow = true},
      ImagesStep{.images = {{.ref = "registry.k8s.io/pause:3.10", .digest = digest_of('1'), .from = {}}},
                 .mirrors = mirrors,
                 .follows_start = true}};
  device.world.images["registry.k8s.io/pause:3.10"] = {.digest = digest_of('1')};
  Walk walk(device);
  const std::string shipped = "/var/snap/microk8s/current/args/certs.d/docker.io/hosts.toml";
  EXPECT_EQ(walk.go(steps), "install changed, mirrors changed, start unchanged, images changed");
  EXPECT_EQ(walk.go(steps), "install unchanged, mirrors unchanged, start unchanged, images unchanged");
  EXPECT_EQ(walk.go_back({steps[0], steps[1]}), "");

  // On a device that has MicroK8s already the shipped file comes back.
  Device old;
  old.install();
  const sim::DeviceState before = old.cell.state;
  Walk again(old);
  ASSERT_EQ(again.go({MirrorsStep{mirrors}}), "mirrors changed");
  EXPECT_NE(old.cell.state.settings.at(shipped), before.settings.at(shipped));
  EXPECT_EQ(again.go_back({MirrorsStep{mirrors}}), "mirrors undone");
  EXPECT_EQ(old.cell.state.settings, before.settings);
}

// No registry answers at all: the site's archive holds everything, and nothing of it is left but what is asked for.
TEST(ReferenceWalk, WithoutANetworkAnArchiveIsEnough) {
  for (const char* const channel : {"1.29/stable", "1.32/stable", "1.35/stable"}) {  // three dialects of ctr
    Device device;
    device.install(channel);
    device.fault("registry-unreachable");
    const std::string archive(64, 'f');
    ImagesStep step;
    char fill = '1';
    std::vector<std::string> inside;
    for (const char* const ref : {"docker.io/library/one:1", "docker.io/library/two:1"}) {
      device.world.images[ref] = {.digest = digest_of(fill)};
      step.images.push_back({.ref = ref, .digest = digest_of(fill++), .from = {}, .archive = archive});
      inside.emplace_back(ref);
    }
    device.world.archives["/var/lib/kelpie-agent/artifacts/" + archive] = inside;
    const std::size_t before = device.cell.state.images.size();
    Walk walk(device);
    EXPECT_EQ(walk.go({step}), "images changed") << channel;
    EXPECT_EQ(device.cell.state.images.size(), before + 4) << "each under its name and its digest, none as imported";
    EXPECT_EQ(walk.go_back({step}), "images undone") << channel;
    EXPECT_EQ(device.cell.state.images.size(), before) << channel;
  }
}

TEST(ReferenceWalk, AStartThatLeavesReadyOpenSaysSo) {
  Device device;
  device.fault("registry-unreachable:registry.k8s.io");
  Walk walk(device);
  ASSERT_EQ(walk.go({InstallStep{.channel = "1.32/stable", .hold = true}}), "install changed");
  const CallResult open = walk.ask(Phase::Verify, StartStep{.images_follow = true});
  EXPECT_EQ(open.verdict, Verdict::Satisfied) << open.detail;
  EXPECT_EQ(open.summary.rfind("API server answers; node pi-01 not Ready until its images are here: ", 0), 0U)
      << open.summary;
}

TEST(ReferenceWalk, WithoutAnImagesStepTheStartNamesTheTrap) {
  Device device;
  device.fault("registry-unreachable:registry.k8s.io");
  Walk walk(device);
  const std::string story = walk.go({InstallStep{.channel = "1.32/stable", .hold = true}, StartStep{}});
  EXPECT_NE(story.find("start not proved: sandbox-image-unavailable"), std::string::npos) << story;
  EXPECT_NE(story.find("images: [ { ref: registry.k8s.io/pause:3.10, from: MIRROR/pause:3.10 } ]"), std::string::npos)
      << story;
}

TEST(ReferenceWalk, ImagesThatCureNothingAreNotProved) {
  Device device;
  fill_registries(device);
  device.fault("registry-unreachable:registry.k8s.io");
  std::vector<Step> steps = reference_steps();
  std::get<ImagesStep>(steps[2]).images.erase(std::get<ImagesStep>(steps[2]).images.begin());
  Walk walk(device);
  const std::string story = walk.go(steps);
  EXPECT_NE(story.find("images not proved: sandbox-image-unavailable"), std::string::npos) << story;
  EXPECT_NE(story.find("images: [ { ref: registry.k8s.io/pause:3.10, from: MIRROR/pause:3.10 } ]"), std::string::npos)
      << story;
}

TEST(ReferenceWalk, UndoneFromTheEndNothingIsLeft) {
  Device device;
  fill_registries(device);
  Walk walk(device);
  walk.go(reference_steps());
  EXPECT_EQ(walk.go_back(reference_steps()), "deploy undone, addons undone, images undone, install undone");
  EXPECT_FALSE(device.cell.state.snap.is_installed);
}

TEST(ReferenceWalk, TheFactsSayWhatItMade) {
  Device device;
  fill_registries(device);
  Walk walk(device);
  walk.go(reference_steps());
  const Facts facts = walk.facts();
  EXPECT_EQ(facts.microk8s.channel, "1.32/stable");
  EXPECT_TRUE(facts.microk8s.is_held);
  EXPECT_EQ(facts.node_state, "running");
  EXPECT_TRUE(facts.is_ready);
  EXPECT_EQ(facts.addons, (std::vector<std::string>{"dashboard", "dns", "hostpath-storage", "metrics-server"}))
      << "dashboard brings metrics-server along";
  ASSERT_EQ(facts.workloads.size(), 1U);
  EXPECT_EQ(facts.workloads[0].name, "nodered");
  EXPECT_EQ(facts.workloads[0].ready, 1U);
  ASSERT_EQ(facts.workloads[0].node_ports.size(), 1U);
  EXPECT_GE(facts.workloads[0].node_ports[0], 30'000U);
  ASSERT_EQ(facts.images.size(), 3U);
  EXPECT_TRUE(facts.images[0].is_pinned);
}

// Each kind alone, on a device that has run for long: its undo brings back the very objects, images and services.
class UndoOf : public testing::TestWithParam<Step> {};

TEST_P(UndoOf, RestoresTheState) {
  Device device;
  fill_registries(device);
  device.install();
  Walk walk(device);
  ASSERT_EQ(walk.go({DeployStep{.workloads = {{.name = "old",
                                               .name_space = "default",
                                               .manifest = sim::workload("old", "docker.io/library/old:1.0")}},
                                .prune = false}}),
            "deploy changed");
  const auto specs = [&] {
    std::map<std::string, std::string> out;
    for (const auto& [key, object] : device.cell.state.objects) {
      out[key] = sim::Json::parse(object.json).value_or(sim::Json()).at("spec").dump();
    }
    return out;
  };
  const auto before = specs();
  const auto addons = device.cell.state.addons;
  const auto images = device.cell.state.images;
  const auto snap = device.cell.state.snap.now;
  const std::vector<Step> steps{GetParam()};
  const std::string story = walk.go(steps);
  EXPECT_EQ(story, fmt::format("{} changed", kind_of(steps[0])));
  EXPECT_EQ(walk.go_back(steps), fmt::format("{} undone", kind_of(steps[0])));
  EXPECT_EQ(specs(), before);
  EXPECT_EQ(device.cell.state.addons, addons);
  EXPECT_EQ(device.cell.state.snap.now, snap);
  EXPECT_TRUE(device.cell.state.kubernetes.are_services_active);
  EXPECT_FALSE(device.cell.state.kubernetes.is_stopped);
  for (const auto& [ref, image] : images) {
    ASSERT_TRUE(device.cell.state.images.contains(ref)) << ref;
    EXPECT_EQ(device.cell.state.images.at(ref).digest, image.digest) << ref;
  }
}

struct EachAddon {
  const char* name;
  std::vector<std::string> args;
  const char* channel = "1.32/stable";
};
class AddonOnTheModel : public testing::TestWithParam<EachAddon> {};

// Every add-on that the table takes and the model acts out: enabled and proved, then unchanged, then gone.
TEST_P(AddonOnTheModel, IsEnabledProvedAndTakenBack) {
  Device device;
  fill_registries(device);
  device.install(GetParam().channel);
  Walk walk(device);
  const std::set<std::string> before = device.cell.state.addons;
  const std::vector<Step> steps{AddonsStep{{{.name = GetParam().name, .args = GetParam().args, .is_absent = false}}}};
  EXPECT_EQ(walk.go(steps), "addons changed");
  const std::vector<std::string> effects = device.cell.state.effects;
  const std::vector<std::string> restores = walk.restores;
  EXPECT_EQ(walk.go(steps), "addons unchanged");
  EXPECT_EQ(device.cell.state.effects, effects);
  walk.restores = restores;
  walk.has_intent = {true};
  EXPECT_EQ(walk.go_back(steps), "addons undone");
  EXPECT_EQ(device.cell.state.addons, before) << "what its script enabled along is gone too";
}

INSTANTIATE_TEST_SUITE_P(ReferenceWalk, AddonOnTheModel,
                         testing::Values(EachAddon{"hostpath-storage", {"--reclaim-policy=Retain"}},
                                         EachAddon{"registry", {"--size=30Gi"}}, EachAddon{"metrics-server", {}},
                                         EachAddon{"ingress", {"default-ssl-certificate=site/tls"}},
                                         EachAddon{"ingress", {}, "1.35/stable"},
                                         EachAddon{"metallb", {"10.0.0.10-10.0.0.20"}}, EachAddon{"rbac", {}},
                                         EachAddon{"host-access", {"ip=10.0.9.1"}}, EachAddon{"cert-manager", {}},
                                         EachAddon{"dashboard", {}}, EachAddon{"dashboard", {}, "1.34/stable"},
                                         EachAddon{"observability", {}}),
                         [](const auto& row) {
                           std::string name = fmt::format("{}_{}", row.param.name, row.param.channel);
                           std::replace_if(
                               name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
                           return name;
                         });

// Killed by its limit with the whole group, a script gives its lock back: the next add-on does not queue for ever.
TEST(ReferenceWalk, AnAddonThatNeverEndsLeavesTheLockFree) {
  Device device;
  fill_registries(device);
  device.install();
  device.fault("addon-endless:metallb*1");
  Walk walk(device);
  const auto enable = [](const char* name, std::vector<std::string> args) {
    return std::vector<Step>{AddonsStep{{{.name = name, .args = std::move(args), .is_absent = false}}}};
  };
  const std::string story = walk.go(enable("metallb", {"10.0.0.0/28"}));
  EXPECT_EQ(story.rfind("addons failed: addon-timeout", 0), 0U) << story;
  const SteadyTime before = device.pause.now();
  EXPECT_EQ(walk.go(enable("metrics-server", {})), "addons changed");
  EXPECT_LT(device.pause.now() - before, Duration(std::chrono::minutes(2)));
}

// Somebody changed the API server's arguments by hand and the roles stayed: MicroK8s takes rbac for enabled, and
// `enable` does nothing.
TEST(ReferenceWalk, AnAddonThatIsTakenForEnabledIsEnabledForReal) {
  Device device;
  device.install();
  device.microk8s({"enable", "core/rbac"});
  device.cell.state.addons.erase("rbac");
  Walk walk(device);
  EXPECT_EQ(walk.go({AddonsStep{{{.name = "rbac", .args = {}, .is_absent = false}}}}), "addons changed");
}

INSTANTIATE_TEST_SUITE_P(
    ReferenceWalk, UndoOf,
    testing::Values(Step(InstallStep{.channel = "1.33/stable", .hold = false}), Step(StopStep{}),
                    Step(ImagesStep{{{.ref = "docker.io/library/old:1.0", .digest = digest_of('7'), .from = {}}}}),
                    Step(AddonsStep{{{.name = "metrics-server", .args = {}, .is_absent = false},
                                     {.name = "dns", .args = {}, .is_absent = true}}}),
                    Step(DeployStep{.workloads = {{.name = "new",
                                                   .name_space = "kiosk",
                                                   .manifest = sim::workload("new", "docker.io/library/new:1.0")}},
                                    .prune = true}),
                    Step(DeployStep{.workloads = {{.name = "old",
                                                   .name_space = "default",
                                                   .manifest = sim::workload("old", "docker.io/library/old:2.0")}},
                                    .prune = true}),
                    Step(RemoveStep{{"old"}})),
    [](const auto& row) { return fmt::format("{}{}", kind_of(row.param), row.index); });

struct Struck {
  const char* fault;
  const char* ending;  // how the story of the walk goes on from its first failure
};
class FaultInTheWalk : public testing::TestWithParam<Struck> {};

// What strikes once at its worst is named; undone, the device is as before.
TEST_P(FaultInTheWalk, IsNamedOrOvercomeAndUndone) {
  Device device;
  fill_registries(device);
  device.fault(GetParam().fault);
  Walk walk(device);
  const std::string story = walk.go(reference_steps());
  EXPECT_NE(story.find(GetParam().ending), std::string::npos) << story;
  if (story.find("not prepared") != std::string::npos) return;
  device.cell.state.faults.clear();
  EXPECT_EQ(walk.go_back(reference_steps()).find(':'), std::string::npos) << story;
  EXPECT_FALSE(device.cell.state.snap.is_installed);
}

INSTANTIATE_TEST_SUITE_P(
    ReferenceWalk, FaultInTheWalk,
    testing::Values(Struck{"snapd-conflict*3", "deploy changed"}, Struck{"snapd-restart*2", "deploy changed"},
                    Struck{"snap-store-unreachable", "install not prepared: store-unreachable"},
                    Struck{"snap-change-fails:run-hook[configure]*1", "install failed: snap-hook-timeout"},
                    Struck{"snapd-down", "install not prepared: snapd-unreachable"},
                    Struck{"permission-denied", "install failed: permission-denied"},
                    Struck{"start-without-ready", "images not proved: node-not-ready"},
                    Struck{"registry-unauthorized:docker.io/nodered", "images failed: image-unauthorized"},
                    Struck{"registry-unreachable:docker.io/nodered", "images failed: image-pull-failed"},
                    Struck{"disk-full:pull", "images failed: disk-full"},
                    Struck{"sudo-missing", "images not observed: sudo-missing"},
                    Struck{"addon-without-effect:hostpath-storage", "addons failed: addon-not-ready"},
                    Struck{"addon-endless:hostpath-storage", "addons failed: addon-timeout"},
                    Struck{"addon-fails:hostpath-storage", "addons failed: addon-failed"},
                    Struck{"addon-lock-busy*1", "deploy changed"},
                    Struck{"api-flaps-after-enable:hostpath-storage", "deploy changed"},
                    Struck{"crash-loop:nodered", "deploy failed: workload-crashing"},
                    Struck{"slow:400", "deploy changed"}, Struck{"traceback", "deploy changed"}),
    [](const auto& row) {
      std::string name = row.param.fault;
      std::replace_if(
          name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

// Ended at any of its waits and begun again, the walk ends as if nothing had happened, and nothing is done twice.
TEST(ReferenceWalk, TheAgentMayEndAtAnyWait) {
  std::size_t ended = 0;
  for (std::size_t at = 1;; at += 1 + at / 7) {  // every wait at first, later ones of long loops now and then
    Device device;
    fill_registries(device);
    device.fault("slow:300");
    Walk walk(device);
    walk.pause.end_at = at;
    const std::string story = walk.go(reference_steps());
    if (walk.pause.waits < at) break;  // it never came that far
    ++ended;
    ASSERT_NE(story.find("interrupted"), std::string::npos) << at << ": " << story;
    const std::string rest = walk.go_on(reference_steps());
    ASSERT_EQ(rest.find(':'), std::string::npos) << at << ": " << rest;
    ASSERT_EQ(walk.checks().verdict, Verdict::Satisfied) << at;
    ASSERT_EQ(device.times("installed microk8s 1.32/stable (7890)"), 1) << at;
    ASSERT_EQ(device.times("ran add-on hostpath-storage"), 1) << at;
    ASSERT_EQ(device.times("created deployment.apps/nodered"), 1) << at;
  }
  EXPECT_GT(ended, 24U) << "or the walk no longer waits";
}

TEST(ReferenceWalk, TheDeploySaysWhereTheWorkloadIsReached) {
  Device device;
  fill_registries(device);
  Walk walk(device);
  walk.go(reference_steps());
  const int port = open_node_ports(device.cell.state, device.pause.now()).at("default/nodered");
  EXPECT_EQ(walk.ask(Phase::Verify, reference_steps().back()).summary,
            fmt::format("1 workload as signed, 1/1 pods ready, nodered at http://192.168.7.2:{}", port));
}

TEST(ReferenceWalk, ADeploymentScaledByHandIsTakenBack) {
  Device device;
  fill_registries(device);
  Walk walk(device);
  walk.go(reference_steps());
  device.microk8s({"kubectl", "scale", "deployment/nodered", "--replicas=0"});
  EXPECT_EQ(walk.go(reference_steps()),
            "install unchanged, start unchanged, images unchanged, addons unchanged, deploy changed");
  EXPECT_EQ(walk.facts().workloads.at(0).ready, 1U);
}

}  // namespace
}  // namespace kelpie::agent
