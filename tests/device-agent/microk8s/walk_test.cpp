// The reference walk through carry_out over the modelled device: from no snap to nodered on its node port, again
// without a change, and back.
#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/microk8s/carry_out.h"
#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::agent {
namespace {

using sim::Device;

std::string digest_of(char fill) {
  return "sha256:" + std::string(64, fill);
}

std::vector<Step> reference_steps() {
  return {
      InstallStep{.channel = "1.32/stable", .hold = true},
      StartStep{},
      ImagesStep{{
          {.ref = "registry.k8s.io/pause:3.10", .digest = digest_of('1'), .from = "mirror.example/pause:3.10"},
          {.ref = "docker.io/calico/cni:v3.28.1", .digest = digest_of('2'), .from = {}},
          {.ref = "docker.io/nodered/node-red:3.1", .digest = digest_of('5'), .from = {}},
      }},
      AddonsStep{{{.name = "dns", .args = {}, .is_absent = false},
                  {.name = "hostpath-storage", .args = {}, .is_absent = false},
                  {.name = "dashboard", .args = {}, .is_absent = false}}},
      DeployStep{.workloads = {{.name = "nodered",
                                .name_space = "default",
                                .manifest = sim::workload("nodered", "docker.io/nodered/node-red:3.1")}},
                 .prune = true},
  };
}

/// One attempt, as the agent's core asks for it.
class Walk {
 public:
  explicit Walk(Device& device) : device_(device) {}

  CallResult ask(Phase phase, const Step& step, const std::string& restore = {}) {
    return carry_out({.id = 1,
                      .what = StepCall{.phase = phase, .step = step, .restore = restore, .disk_free_bytes = 0},
                      .limit = std::chrono::minutes(15)});
  }
  CallResult checks() {
    return carry_out(
        {.id = 1,
         .what = ChecksCall{{NodeReadyCheck{}, WorkloadReadyCheck{.workload = "nodered", .within_s = 300}}},
         .limit = std::chrono::minutes(10)});
  }
  Facts facts() { return carry_out({.id = 1, .what = FactsCall{}, .limit = std::chrono::minutes(2)}).facts; }

  /// "install changed, start changed, …"; ends at the first failure with its reason.
  std::string go(const std::vector<Step>& steps) {
    restores.clear();
    for (const Step& step : steps) {
      const CallResult result = ask(Phase::Prepare, step);
      if (result.verdict != Verdict::Satisfied) return said(step, "not prepared", result);
      restores.push_back(result.restore);
    }
    std::string story;
    for (const Step& step : steps) {
      const std::string end = one(step);
      story += (story.empty() ? "" : ", ") + end;
      if (end.find(':') != std::string::npos) break;
    }
    return story;
  }
  std::string go_back(const std::vector<Step>& steps) {
    std::string story;
    for (std::size_t i = steps.size(); i-- > 0;) {
      const CallResult result = ask(Phase::Undo, steps[i], restores[i]);
      if (result.verdict != Verdict::Satisfied) return story + said(steps[i], "not undone", result);
      story += fmt::format("{}{} undone", story.empty() ? "" : ", ", kind_of(steps[i]));
    }
    return story;
  }

  std::vector<std::string> restores;
  std::vector<std::string> progress;

 private:
  static std::string said(const Step& step, std::string_view end, const CallResult& result) {
    return fmt::format("{} {}: {} ({})", kind_of(step), end, result.reason, result.detail);
  }
  std::string one(const Step& step) {
    const CallResult seen = ask(Phase::Observe, step);
    if (seen.verdict == Verdict::Satisfied) return fmt::format("{} unchanged", kind_of(step));
    if (seen.verdict == Verdict::Failed) return said(step, "not observed", seen);
    const CallResult ran = ask(Phase::Run, step);
    if (ran.verdict != Verdict::Satisfied) return said(step, "failed", ran);
    const CallResult proved = ask(Phase::Verify, step);
    if (proved.verdict != Verdict::Satisfied) return said(step, "not proved", proved);
    return fmt::format("{} changed", kind_of(step));
  }
  CallResult carry_out(const Call& call) {
    static const DevicePaths paths;
    Host host{device_.sim,   device_.sim, device_.sim,
              device_.pause, paths,       [this](std::string line) { progress.push_back(std::move(line)); }};
    return agent::carry_out(call, host);
  }

  Device& device_;
};

void fill_registries(Device& device) {
  device.world.images["mirror.example/pause:3.10"] = {.digest = digest_of('1')};
  device.world.images["docker.io/calico/cni:v3.28.1"] = {.digest = digest_of('2')};
  device.world.images["docker.io/nodered/node-red:3.1"] = {.digest = digest_of('5')};
}

TEST(ReferenceWalk, FromNoSnapToAReachableWorkloadAndThenUnchanged) {
  Device device;
  fill_registries(device);
  Walk walk(device);
  EXPECT_EQ(walk.go(reference_steps()),
            "install changed, start changed, images changed, addons changed, deploy changed");
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
            "install changed, start changed, images changed, addons changed, deploy changed");
  EXPECT_EQ(walk.checks().verdict, Verdict::Satisfied);
}

TEST(ReferenceWalk, WithoutTheImageTheTrapIsNamed) {
  Device device;
  fill_registries(device);
  device.fault("registry-unreachable:registry.k8s.io");
  std::vector<Step> steps = reference_steps();
  std::get<ImagesStep>(steps[2]).images.erase(std::get<ImagesStep>(steps[2]).images.begin());
  Walk walk(device);
  const std::string story = walk.go(steps);
  EXPECT_NE(story.find("addons failed: sandbox-image-unavailable"), std::string::npos) << story;
  EXPECT_NE(story.find("images: [ { ref: registry.k8s.io/pause:3.10, from: MIRROR/pause:3.10 } ]"), std::string::npos)
      << story;
}

TEST(ReferenceWalk, UndoneFromTheEndNothingIsLeft) {
  Device device;
  fill_registries(device);
  Walk walk(device);
  walk.go(reference_steps());
  EXPECT_EQ(walk.go_back(reference_steps()),
            "deploy undone, addons undone, images undone, start undone, install undone");
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

}  // namespace
}  // namespace kelpie::agent
