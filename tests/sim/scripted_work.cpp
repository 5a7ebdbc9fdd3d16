#include "tests/sim/scripted_work.h"

#include <algorithm>

#include "proto/base/digest.h"

namespace kelpie::test {
namespace {

using agent::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Wanted {
  std::string operator()(const agent::InstallStep& step) const { return step.channel; }
  std::string operator()(const agent::StartStep&) const { return "running"; }
  std::string operator()(const agent::StopStep&) const { return "stopped"; }
  std::string operator()(const agent::InspectStep&) const { return "inspected"; }
  std::string operator()(const agent::CertsStep&) const { return "renewed"; }
  std::string operator()(const agent::SnapshotStep&) const { return "copied"; }
  std::string operator()(const agent::MirrorsStep& step) const {
    std::string out;
    for (const agent::Mirror& mirror : step.mirrors) out += mirror.registry + ":" + mirror.hosts.front().url + " ";
    return out;
  }
  std::string operator()(const agent::ImagesStep& step) const {
    std::string out;
    for (const agent::Image& image : step.images) out += image.ref + " ";
    return out;
  }
  std::string operator()(const agent::AddonsStep& step) const {
    std::string out;
    for (const agent::Addon& addon : step.addons) out += (addon.is_absent ? "-" : "+") + addon.name + " ";
    return out;
  }
  std::string operator()(const agent::RemoveStep& step) const {
    std::string out;
    for (const std::string& name : step.workloads) out += "-" + name + " ";
    return out;
  }
  std::string operator()(const agent::DeployStep& step) const {
    std::string out;
    for (const agent::Workload& workload : step.workloads) out += workload.name + ":" + workload.manifest + " ";
    return blake2b_128(out).hex();
  }
};

agent::CallResult failed(const Storm& storm, Dice& dice, std::string reason) {
  agent::CallResult out;
  out.verdict = Verdict::Failed;
  out.reason = std::move(reason);
  out.detail = "docker.io/nodered/node-red:3.1: as the world wanted it";
  out.is_transient = dice.chance(storm.transient);
  return out;
}

agent::CallResult satisfied(std::string summary) {
  agent::CallResult out;
  out.verdict = Verdict::Satisfied;
  out.summary = std::move(summary);
  return out;
}

}  // namespace

bool ScriptedWork::is_so(const agent::Step& step) const {
  const auto at = facts_.find(std::string(kind_of(step)));
  return at != facts_.end() && at->second == std::visit(Wanted{}, step);
}

ScriptedWork::Done ScriptedWork::run(const agent::StepCall& call, const Storm& storm, Dice& dice) const {
  Done done{
      .result = satisfied("done"), .took = dice.between(seconds(1), seconds(90)), .applied_at = {}, .after = facts_};
  done.applied_at = done.took / 2;
  const bool is_failing = dice.chance(storm.failing);
  const bool is_lying = !is_failing && dice.chance(storm.lying);
  if (is_failing) done.result = failed(storm, dice, "image-pull-failed");
  if (is_lying || (is_failing && !dice.chance(storm.half_applied))) return done;
  done.after[std::string(kind_of(call.step))] = std::visit(Wanted{}, call.step);
  return done;
}

ScriptedWork::Done ScriptedWork::undo(const agent::StepCall& call, const Storm& storm, Dice& dice) const {
  Done done{.result = satisfied("as before"),
            .took = dice.between(seconds(1), seconds(60)),
            .applied_at = {},
            .after = facts_};
  done.applied_at = done.took / 2;
  if (dice.chance(storm.undo_failing)) {
    done.result = failed(storm, dice, "undo-failed");
    return done;
  }
  const std::string kind(kind_of(call.step));
  if (call.restore.empty())
    done.after.erase(kind);
  else
    done.after[kind] = call.restore;
  return done;
}

ScriptedWork::Done ScriptedWork::carry_out(const agent::Call& call, const Storm& storm, Dice& dice) const {
  Done done{.result = {}, .took = dice.between(milliseconds(100), seconds(3)), .applied_at = {}, .after = facts_};
  if (const auto* const step = std::get_if<agent::StepCall>(&call.what)) {
    const bool is_true = is_so(step->step);
    switch (step->phase) {
      case agent::Phase::Prepare: {
        done.result = dice.chance(storm.failing) ? failed(storm, dice, "disk-full") : satisfied("ready");
        const auto old = facts_.find(std::string(kind_of(step->step)));
        if (old != facts_.end()) done.result.restore = old->second;
        break;
      }
      case agent::Phase::Observe: done.result.verdict = is_true ? Verdict::Satisfied : Verdict::Unmet; break;
      case agent::Phase::Run: done = run(*step, storm, dice); break;
      case agent::Phase::Verify: done.result = is_true ? satisfied("true") : failed(storm, dice, "not-true"); break;
      case agent::Phase::Undo: done = undo(*step, storm, dice); break;
    }
  } else if (std::holds_alternative<agent::ChecksCall>(call.what)) {
    done.result = dice.chance(storm.failing) ? failed(storm, dice, "workload-not-ready") : satisfied("well");
  } else {
    done.result = satisfied({});
    done.result.facts.is_ready = true;
    done.result.facts.node_state = "running";
  }
  if (dice.chance(storm.hanging) || done.took > call.limit) {
    done.result = failed(storm, dice, "timeout");
    done.took = std::max(call.limit, Duration{});
    done.applied_at = std::min(done.applied_at, done.took);
  }
  return done;
}

}  // namespace kelpie::test
