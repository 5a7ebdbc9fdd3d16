#include "tests/system/crash_fleet.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::test {
namespace {

constexpr std::size_t kLogTail = 2'000;

std::string image_of(int n) {
  return fmt::format("docker.io/library/kiosk:{}", n);
}

std::string digest_of(int n) {
  return sim::find_in_registry(sim::usual_world(), image_of(n))->digest;
}

std::string addon_of(int n) {
  const char* const addons[] = {"metrics-server", "ingress"};
  return addons[(n - 1) / 2 % 2];
}

std::string workload(int n) {
  const std::string pod = fmt::format(R"({{"metadata":{{"labels":{{"app":"kiosk"}}}},)"
                                      R"("spec":{{"containers":[{{"image":"{}","name":"kiosk"}}]}}}})",
                                      image_of(n));
  return R"({"apiVersion":"v1","items":[{"apiVersion":"apps/v1","kind":"Deployment",)"
         R"("metadata":{"name":"kiosk","namespace":"default"},"spec":{"replicas":1,)"
         R"("selector":{"matchLabels":{"app":"kiosk"}},"template":)" +
         pod + R"(}}],"kind":"List"})";
}

/// What the rollout of release n asks of a device, in order, and what comes of it.
std::vector<std::string> asked_by_release(int n) {
  return {"ctr image pull", "ctr image tag", fmt::format("{} core/{}", n % 2 == 0 ? "disable" : "enable", addon_of(n)),
          "kubectl apply"};
}
std::vector<std::string> effects_of_release(int n) {
  const std::string kept = fmt::format("docker.io/library/kiosk@{}", digest_of(n));
  return {"pulled image " + kept, fmt::format("tagged image {} as {}", kept, image_of(n)),
          fmt::format("{} add-on {}", n % 2 == 0 ? "disabled" : "ran", addon_of(n)),
          fmt::format("{} deployment.apps/kiosk", n == 1 ? "created" : "configured")};
}

/// The programs that were started to change something, whatever came of it.
std::vector<std::string> changes_asked(const DoubleDevice& device) {
  std::vector<std::string> out;
  for (const std::string& line : device.asked()) {
    const std::size_t end = line.find(" → begun");
    const std::size_t program = line.find("/microk8s ");
    if (end == std::string::npos || program == std::string::npos) continue;
    const std::string words = line.substr(program + 10, end - program - 10);
    if (words.ends_with(" --help")) continue;  // how ctr's dialects are told apart
    if (words.starts_with("enable ") || words.starts_with("disable ")) out.push_back(words);
    if (words.starts_with("kubectl delete")) out.push_back(words);
    if (words.starts_with("kubectl apply") && words.find("--dry-run") == std::string::npos)
      out.push_back("kubectl apply");
    for (const char* change : {"ctr image pull", "ctr image tag", "ctr image import", "ctr image rm"}) {
      if (words.starts_with(change)) out.emplace_back(change);
    }
  }
  return out;
}
/// Labels apart: they say again what is so already.
std::vector<std::string> changes_done(DoubleDevice& device) {
  std::vector<std::string> out = device.effects();
  std::erase_if(out, [](const std::string& line) { return line.starts_with("labelled "); });
  return out;
}

}  // namespace

std::size_t occurrences(const std::string& text, const std::string& words) {
  std::size_t out = 0;
  for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++out;
  return out;
}

v1::Release changing_release(int n) {
  v1::Release out;
  out.set_schema(1);
  out.set_name("kiosk");
  out.set_version(std::to_string(n));
  out.set_scope("device");
  v1::Image& image = *out.add_steps()->mutable_images()->add_images();
  image.set_ref(image_of(n));
  image.set_digest(digest_of(n));
  v1::Addon& addon = *out.add_steps()->mutable_addons()->add_addons();
  addon.set_name(addon_of(n));
  addon.set_absent(n % 2 == 0);
  v1::Workload& kiosk = *out.add_steps()->mutable_deploy()->add_workloads();
  kiosk.set_name("kiosk");
  kiosk.set_namespace_("default");
  kiosk.set_manifest(workload(n));
  out.add_checks()->mutable_node_ready();
  return out;
}

CrashFleet::Member::Member(HubProgram& hub, const std::string& name)
    : device({.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}, .world = sim::usual_world()}), agent(hub, name) {
  device.change(
      [&](sim::DeviceState& state) { state = sim::running_device(sim::usual_world(), "1.32/stable", device.now()); });
  device.start_snapd();
  agent.flags = flags_of(device);
  agent.start();
}

CrashFleet::CrashFleet(HubProgram& hub) : hub_(hub) {
  hub_.start();
  for (const char* name : {"pi-1", "pi-2", "pi-3"}) members_.push_back(std::make_unique<Member>(hub, name));
  EXPECT_TRUE(eventually([&] {
    return std::all_of(members_.begin(), members_.end(), [](const auto& member) { return member->agent.is_online(); });
  })) << logs();
}

void CrashFleet::expect_done_once(const std::vector<std::string>& rollouts) {
  for (const auto& member : members_) expect_device(*member, rollouts);
  for (const std::string& rollout : rollouts) expect_hub(rollout);
}

void CrashFleet::expect_device(Member& member, const std::vector<std::string>& rollouts) {
  SCOPED_TRACE(member.agent.name());
  std::vector<std::string> asked;
  std::vector<std::string> effects;
  for (int n = 1; n <= static_cast<int>(rollouts.size()); ++n) {
    for (std::string& line : asked_by_release(n)) asked.push_back(std::move(line));
    for (std::string& line : effects_of_release(n)) effects.push_back(std::move(line));
  }
  EXPECT_EQ(changes_asked(member.device), asked);
  EXPECT_EQ(changes_done(member.device), effects);
  for (const std::string& rollout : rollouts) {
    const std::string attempt = fmt::format("attempt={}/{}/", rollout, member.agent.id().hex());
    EXPECT_EQ(occurrences(member.agent.log(), attempt + "1 state=executing"), 1U) << rollout;
    EXPECT_EQ(occurrences(member.agent.log(), attempt + "2"), 0U) << rollout;
  }
}

void CrashFleet::expect_hub(const std::string& rollout) {
  const auto targets = hub_.get<api::v1::TargetList>(fmt::format("/api/v1/rollouts/{}/targets", rollout));
  const auto entries = hub_.get<api::v1::AuditList>("/api/v1/audit?after=0&pageSize=1000&rollout=" + rollout);
  ASSERT_TRUE(targets && entries);
  EXPECT_EQ(targets->items_size(), static_cast<int>(members_.size()));
  for (const api::v1::Target& target : targets->items()) {
    std::string said = fmt::format("{}: {}", target.metadata().name(), target.status().state());
    const api::v1::Attempt& attempt = target.status().attempt();
    for (const api::v1::StepResult& step : attempt.results())
      said += fmt::format(", {} {}", step.kind(), step.outcome());
    EXPECT_EQ(said, target.metadata().name() + ": succeeded, images changed, addons changed, deploy changed");
    const auto audited = [&](std::string_view action) {
      return std::count_if(entries->items().begin(), entries->items().end(), [&](const auto& entry) {
        return entry.object() == target.metadata().id() && entry.action() == action;
      });
    };
    EXPECT_GE(audited("target.granted"), 1) << target.metadata().id() << " ran without a recorded GO";
    EXPECT_EQ(audited("target.succeeded"), 1) << target.metadata().id();
  }
}

bool CrashFleet::has_said(const std::string& rollout, const std::string& state) const {
  return std::all_of(members_.begin(), members_.end(), [&](const auto& member) {
    const std::string line = fmt::format("attempt={}/{}/1 state={}", rollout, member->agent.id().hex(), state);
    return member->agent.log().find(line) != std::string::npos;
  });
}

void CrashFleet::freeze() const {
  for (const auto& member : members_) member->agent.freeze();
}
void CrashFleet::thaw() const {
  for (const auto& member : members_) member->agent.thaw();
}

std::set<DeviceId> CrashFleet::unproved(const std::string& rollout) const {
  std::set<DeviceId> out;
  for (const auto& member : members_) {
    const DeviceId& id = member->agent.id();
    const std::string log = member->agent.log();
    const std::string said = fmt::format("attempt={}/{}/1 state=", rollout, id.hex());
    if (occurrences(log, said + "verifying") + occurrences(log, said + "succeeded") == 0) out.insert(id);
  }
  return out;
}

std::set<DeviceId> CrashFleet::granted(const std::string& rollout) const {
  std::set<DeviceId> out;
  const auto targets = hub_.get<api::v1::TargetList>(fmt::format("/api/v1/rollouts/{}/targets", rollout));
  if (!targets) return out;
  for (const api::v1::Target& target : targets->items()) {
    const auto device = hub_.get<api::v1::Device>("/api/v1/devices/" + target.metadata().name());
    const std::string& state = target.status().state();
    if ((state == "granted" || state == "executing") && device && device->status().has_lease())
      out.insert(parse_attempt_id(target.metadata().id())->device);
  }
  return out;
}

std::string CrashFleet::logs() const {
  std::string out;
  for (const auto& member : members_) {
    const std::string log = member->agent.log();
    out += fmt::format("{}:\n{}\n", member->agent.name(), log.substr(log.size() - std::min(log.size(), kLogTail)));
  }
  return out;
}

}  // namespace kelpie::test
