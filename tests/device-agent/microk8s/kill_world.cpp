#include "tests/device-agent/microk8s/kill_world.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "device-agent/inbound.h"
#include "device-agent/microk8s/carry_out.h"

namespace kelpie::test {

/// The device's seams, at each of which somebody may die.
class KillWorld::Mortal final : public agent::ProcessRunner,
                                public agent::SnapdSocket,
                                public agent::DeviceFiles,
                                public agent::Pause {
 public:
  explicit Mortal(KillWorld& world) : world_(world), sim_(world.device_.cell, world.device_.world, *this) {}

  [[nodiscard]] Result<agent::Exit> run(const agent::Command& command) override {
    in_hand_ = fmt::format("{}", fmt::join(command.argv, " "));
    before(in_hand_, command.limit);
    is_child_dead_ = false;
    is_in_child_ = true;
    Result<agent::Exit> exit = sim_.run(command);
    is_in_child_ = false;
    if (is_child_dead_) {
      constexpr int kKilled = 128 + 9;
      exit = agent::Exit{.code = kKilled, .is_timeout = false, .out = exit->out, .err = exit->err};
    }
    return exit;
  }
  [[nodiscard]] Result<agent::SnapdReply> request(const std::string& method, const std::string& path,
                                                  const std::string& body, Duration limit) override {
    before(fmt::format("{} {}{}{}", method, path, body.empty() ? "" : " ", body), limit);
    return sim_.request(method, path, body, limit);
  }
  [[nodiscard]] Result<agent::SnapdReply> upload(const agent::SnapdUpload& upload, Duration limit) override {
    before("POST /v2/snaps " + upload.file_name, limit);
    return sim_.upload(upload, limit);
  }
  [[nodiscard]] Result<std::string> read(const std::string& path) override {
    before("read " + path);
    return sim_.read(path);
  }
  [[nodiscard]] bool exists(const std::string& path) override {
    before("look for " + path);
    return sim_.exists(path);
  }
  [[nodiscard]] Result<void> write(const std::string& path, const std::string& text, unsigned mode) override {
    before("write " + path);
    return sim_.write(path, text, mode);
  }
  [[nodiscard]] Result<void> remove(const std::string& path) override {
    before("remove " + path);
    return sim_.remove(path);
  }
  [[nodiscard]] Result<agent::Artifact> open_artifact(const std::string& path, const std::string& sha256,
                                                      std::uint64_t bytes_max, const OnHashed& on_hashed) override {
    before("hash " + path);
    return sim_.open_artifact(path, sha256, bytes_max, on_hashed);
  }
  [[nodiscard]] Result<void> make_private_folder(const std::string& path) override {
    before("make private " + path);
    return sim_.make_private_folder(path);
  }
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override {
    before("rename " + from);
    return sim_.rename(from, to);
  }
  [[nodiscard]] Result<Look> look(const std::string& path) override {
    before("look at " + path);
    return sim_.look(path);
  }
  [[nodiscard]] Result<Space> space(const std::string& path) override {
    before("space of " + path);
    return sim_.space(path);
  }
  [[nodiscard]] Result<std::uint64_t> folder_bytes(const std::string& path) override {
    before("size of " + path);
    return sim_.folder_bytes(path);
  }
  [[nodiscard]] Kernel kernel() override { return sim_.kernel(); }
  [[nodiscard]] SteadyTime now() override { return world_.device_.pause.now(); }
  [[nodiscard]] WallTime wall() override { return world_.device_.pause.wall(); }
  [[nodiscard]] bool wait(Duration duration) override {
    if (!is_in_child_) {
      die_if_struck("wait");
    } else if (world_.strikes(Victim::Child, in_hand_)) {
      is_child_dead_ = true;
      return false;
    } else if (world_.strikes(Victim::Power, in_hand_)) {
      reboot(world_.device_.cell.state, now());
      throw AgentWorld::PowerCut{};
    }
    return world_.device_.pause.wait(duration);
  }

 private:
  // The moment after one call is the moment before the next, or the point of the loop that follows the last.
  void before(const std::string& what, Duration limit = {}) {
    if (!world_.phase_.empty()) world_.asked_.push_back({.phase = world_.phase_, .what = what, .limit = limit});
    die_if_struck(what);
  }
  void die_if_struck(std::string_view what) {
    if (world_.strikes(Victim::Agent, what)) throw AgentWorld::PowerCut{};
  }

  KillWorld& world_;
  sim::SimMicrok8s sim_;
  std::string in_hand_;
  bool is_in_child_ = false;
  bool is_child_dead_ = false;
};

KillWorld::KillWorld(const KillStory& story, const sim::Device& before, bool goes_back, Kill kill)
    : story_(story), goes_back_(goes_back), kill_(kill) {
  device_.world = before.world;
  device_.cell.state = before.cell.state;
  device_.pause = before.pause;
  device_.cell.state.pace_percent = 20;  // the fewer looks at something under way, the fewer of the same moment
  world_.wanted.release = [this](v1::Release& release) {
    release.clear_steps();
    release.clear_checks();
    story_.step(*release.add_steps());
  };
  world_.wanted.plan = [](v1::Plan& plan) { plan.set_class_(v1::CLASS_DANGEROUS); };
  world_.wanted.plan_by = {kAna, kBen};
  world_.soak_s = 0;
  world_.carry_out = [this](const agent::Call& call, const PlayedMicrok8s::Note& note) {
    return carry_out(call, note);
  };
  world_.on_point = [this](std::string_view point) { pass(point); };
  before_ = print();
}

void KillWorld::live() {
  const auto turn = [this] {
    device_.pass(std::chrono::seconds(1));
    if (was_killed()) world_.is_hub_forgetful = kill_.is_hub_forgetful;
    return world_.is_over();
  };
  EXPECT_TRUE(world_.run_until(turn)) << story_.name << ": " << world_.heard.attempt().ShortDebugString();
}

agent::CallResult KillWorld::carry_out(const agent::Call& call, const PlayedMicrok8s::Note& note) {
  static const agent::DevicePaths paths;
  Mortal mortal(*this);
  agent::Host host{mortal, mortal, mortal, mortal, paths, [](const std::string&) {}, note};
  const auto* const step = std::get_if<agent::StepCall>(&call.what);
  phase_ = step == nullptr ? "" : to_string(step->phase);
  if (step != nullptr) step_ = step->step;
  agent::CallResult result = agent::carry_out(call, host);
  if (goes_back_ && step != nullptr && step->phase == agent::Phase::Verify) {
    result = {};
    result.verdict = agent::Verdict::Unmet;
    result.reason = "broken-by-a-test";
  }
  return result;
}

void KillWorld::pass(std::string_view point) {
  if (point == "after-intent") is_between_ = true;
  const bool is_end = point == "after-final-commit" || (point == "after-done" && !goes_back_);
  const bool is_cut = strikes(Victim::Agent, point);
  if (is_end) is_between_ = false;
  if (is_cut) throw AgentWorld::PowerCut{};
}

bool KillWorld::strikes(Victim victim, std::string_view what) {
  if (!is_between_ || victim != kill_.victim) return false;
  if (++moments_ != kill_.at) return false;
  moment_ = what;
  return true;
}

KillWorld::Print KillWorld::print() const {
  const sim::DeviceState& state = device_.cell.state;
  Print out;
  for (const auto& [key, object] : state.objects) {
    out["object " + key] = sim::Json::parse(object.json).value_or(sim::Json()).at("spec").dump();
  }
  for (const auto& [ref, image] : state.images) {
    const bool is_pinned = image.labels.contains("io.cri-containerd.pinned");
    out["image " + ref] = image.digest + (is_pinned ? " pinned" : "");
  }
  for (const std::string& addon : state.addons) out["add-on " + addon] = "there";
  out["snap"] = fmt::format("{} {} {} {}", state.snap.is_installed, state.snap.is_active, state.snap.now.channel,
                            state.snap.now.revision);
  out["hold"] = state.snap.hold + state.system_hold;
  out["services"] = fmt::format("{} {} {}", state.kubernetes.are_services_active, state.kubernetes.are_services_enabled,
                                state.kubernetes.is_stopped);
  return out;
}

agent::CallResult KillWorld::observe() {
  kill_ = {};
  return carry_out({.id = 1,
                    .what = agent::StepCall{.phase = agent::Phase::Observe, .step = step_, .restore = {}},
                    .limit = std::chrono::minutes(15)},
                   [](const std::string&) {});
}

std::string KillWorld::complaint() {
  const v1::Attempt& attempt = ended();
  const agent::CallResult seen = observe();
  if (attempt.state() == v1::SUCCEEDED) {
    return seen.verdict == agent::Verdict::Satisfied ? "" : "said to be so, but seen " + seen.reason + seen.detail;
  }
  if (attempt.state() != v1::FAILED || attempt.outcome() != v1::RESTORED) return attempt.ShortDebugString();
  if (attempt.reason() == "ambiguous" && !world_.is_hub_forgetful) return "ambiguous";
  if (seen.verdict == agent::Verdict::Satisfied && !story_.keeps_effect) {
    return "said to be taken back, but seen as so";
  }
  const Print now = print();
  for (const auto& [what, value] : before_) {
    const auto at = now.find(what);
    if (at == now.end()) return fmt::format("{} was {} and is gone", what, value);
    if (at->second != value) return fmt::format("{} was {} and is {}", what, value, at->second);
  }
  for (const auto& [what, value] : now) {
    // What kubelet pulled meanwhile is kubelet's, and collected by it.
    const bool is_kubelets = what.starts_with("image ") && !value.ends_with("pinned");
    if (!before_.contains(what) && !is_kubelets) return fmt::format("{} is left: {}", what, value);
  }
  return {};
}

}  // namespace kelpie::test
