#include "tests/device-agent/microk8s/walk.h"

#include <fmt/core.h>

#include "tests/device-agent/microk8s/seen_reasons.h"

namespace kelpie::test {

using agent::AddonsStep;
using agent::Call;
using agent::CallResult;
using agent::ChecksCall;
using agent::DeployStep;
using agent::Facts;
using agent::FactsCall;
using agent::ImagesStep;
using agent::InstallStep;
using agent::Phase;
using agent::StartStep;
using agent::Step;
using agent::StepCall;
using agent::Verdict;

namespace {

std::string said(const Step& step, std::string_view end, const CallResult& result) {
  return fmt::format("{} {}: {} ({})", kind_of(step), end, result.reason, result.detail);
}

}  // namespace

std::string digest_of(char fill) {
  return "sha256:" + std::string(64, fill);
}

std::vector<Step> reference_steps() {
  return {
      InstallStep{.channel = "1.32/stable", .hold = true},
      StartStep{.images_follow = true},
      ImagesStep{
          .images =
              {
                  {.ref = "registry.k8s.io/pause:3.10", .digest = digest_of('1'), .from = "mirror.example/pause:3.10"},
                  {.ref = "docker.io/calico/cni:v3.28.1", .digest = digest_of('2'), .from = {}},
                  {.ref = "docker.io/nodered/node-red:3.1", .digest = digest_of('5'), .from = {}},
              },
          .follows_start = true},
      AddonsStep{{{.name = "dns", .args = {}, .is_absent = false},
                  {.name = "hostpath-storage", .args = {}, .is_absent = false},
                  {.name = "dashboard", .args = {}, .is_absent = false}}},
      DeployStep{.workloads = {{.name = "nodered",
                                .name_space = "default",
                                .manifest = sim::workload("nodered", "docker.io/nodered/node-red:3.1")}},
                 .prune = true},
  };
}

void fill_registries(sim::Device& device) {
  device.world.images["mirror.example/pause:3.10"] = {.digest = digest_of('1')};
  device.world.images["docker.io/calico/cni:v3.28.1"] = {.digest = digest_of('2')};
  device.world.images["docker.io/nodered/node-red:3.1"] = {.digest = digest_of('5')};
}

CallResult Walk::ask(Phase phase, const Step& step, const std::string& restore) {
  return carry_out({.id = 1,
                    .what = StepCall{.phase = phase, .step = step, .restore = restore, .disk_free_bytes = 0},
                    .limit = std::chrono::minutes(15)});
}

CallResult Walk::checks() {
  return carry_out(
      {.id = 1,
       .what = ChecksCall{{agent::NodeReadyCheck{}, agent::WorkloadReadyCheck{.workload = "nodered", .within_s = 300}}},
       .limit = std::chrono::minutes(10)});
}

Facts Walk::facts() {
  return carry_out({.id = 1, .what = FactsCall{}, .limit = std::chrono::minutes(2)}).facts;
}

std::string Walk::go(const std::vector<Step>& steps) {
  restores.clear();
  has_intent.assign(steps.size(), false);
  for (const Step& step : steps) {
    const CallResult result = ask(Phase::Prepare, step);
    if (result.verdict != Verdict::Satisfied) return said(step, "not prepared", result);
    restores.push_back(result.restore);
  }
  done_ = 0;
  return go_on(steps);
}

std::string Walk::go_on(const std::vector<Step>& steps) {
  std::string story;
  for (; done_ < steps.size(); ++done_) {
    const std::string end = one(steps[done_], done_);
    story += (story.empty() ? "" : ", ") + end;
    if (end.find(':') != std::string::npos) break;
  }
  return story;
}

std::string Walk::go_back(const std::vector<Step>& steps) {
  std::string story;
  for (std::size_t i = steps.size(); i-- > 0;) {
    if (!has_intent[i]) continue;
    const CallResult result = ask(Phase::Undo, steps[i], restores[i]);
    if (result.verdict != Verdict::Satisfied) return story + said(steps[i], "not undone", result);
    story += fmt::format("{}{} undone", story.empty() ? "" : ", ", kind_of(steps[i]));
  }
  return story;
}

std::string Walk::one(const Step& step, std::size_t index) {
  const CallResult seen = ask(Phase::Observe, step);
  if (seen.verdict == Verdict::Satisfied) return fmt::format("{} unchanged", kind_of(step));
  if (seen.verdict == Verdict::Failed) return said(step, "not observed", seen);
  has_intent[index] = true;
  const CallResult ran = ask(Phase::Run, step);
  if (ran.verdict != Verdict::Satisfied) return said(step, "failed", ran);
  const CallResult proved = ask(Phase::Verify, step);
  if (proved.verdict != Verdict::Satisfied) return said(step, "not proved", proved);
  return fmt::format("{} changed", kind_of(step));
}

CallResult Walk::carry_out(const Call& call) {
  static const agent::DevicePaths paths;
  agent::Host host{device_.sim, device_.sim, device_.sim,
                   pause,       paths,       [this](std::string line) { progress.push_back(std::move(line)); }};
  CallResult result = agent::carry_out(call, host);
  note_reason(call, result);
  return result;
}

}  // namespace kelpie::test
