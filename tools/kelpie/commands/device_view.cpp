#include "tools/kelpie/commands/device_view.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/kelpie/commands/device_table.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Device;
using api::v1::Facts;

constexpr std::size_t kDigestShown = 19;  // "sha256:" and 12 digits, as people compare them

Span state_span(const std::string& word) {
  return {symbol_of(word) + or_dash(word), tone_of(word)};
}

Line head_line(const Device& device, WallTime now) {
  const api::v1::DeviceStatus& status = device.status();
  const std::string seen =
      to_wall(status.last_seen()) == WallTime{} ? "" : fmt::format(" ({})", ago(status.last_seen(), now));
  return {{device.metadata().name(), Tone::Strong},
          {"   "},
          state_span(status.connection()),
          {seen + "   update "},
          state_span(status.update()),
          {"   health "},
          state_span(status.health()),
          {fmt::format("   fleet {}", or_dash(device.spec().fleet()))}};
}

std::string share_words(const Facts& facts) {
  return facts.disk().empty() || facts.disk() == "0"
             ? "-"
             : fmt::format("{} free of {}", size_words(facts.disk_free()), size_words(facts.disk()));
}

void add(std::vector<Block>& blocks, std::string_view name, std::string text, Tone tone = Tone::Plain) {
  blocks.emplace_back(Line{{fmt::format("  {:<11}", name), Tone::Faint}, {std::move(text), tone}});
}

bool is_known(const std::string& bytes) {
  return !bytes.empty() && bytes != "0";
}

std::string memory_words(const Facts& facts) {
  if (!is_known(facts.memory_available())) return size_words(facts.memory());
  return fmt::format("{} free of {}", size_words(facts.memory_available()), size_words(facts.memory()));
}

std::string hardware_words(const Facts& facts) {
  std::string out = fmt::format("{} {}   memory {}   disk {}", or_dash(facts.model()), facts.arch(),
                                memory_words(facts), share_words(facts));
  if (facts.has_temperature()) out += fmt::format("   {} °C", facts.temperature());
  if (!facts.throttled().empty()) out += fmt::format("   {}", fmt::join(facts.throttled(), ","));
  return out;
}

std::string system_words(const Device& device) {
  const Facts& facts = device.status().facts();
  return fmt::format("{}{}   hostname {}   agent {}   snapd {}", or_dash(facts.os()),
                     facts.kernel().empty() ? "" : " " + facts.kernel(), or_dash(facts.hostname()),
                     or_dash(device.status().agent_version()), or_dash(facts.snapd_version()));
}

void add_network(std::vector<Block>& blocks, const Facts& facts) {
  const bool has_clock = facts.has_clock_synchronised();
  if (facts.addresses().empty() && facts.route().empty() && !has_clock) return;
  const bool is_unsure = has_clock && !facts.clock_synchronised();
  const std::string route = facts.route().empty() ? "no default route" : fmt::format("route by {}", facts.route());
  std::string text = fmt::format("{}   {}", fmt::join(facts.addresses(), ", "), route);
  if (has_clock) text += is_unsure ? "   clock not synchronised" : "   clock synchronised";
  add(blocks, "network", std::move(text), is_unsure ? Tone::Warn : Tone::Plain);
}

void add_machine(std::vector<Block>& blocks, const Device& device) {
  const Facts& facts = device.status().facts();
  if (device.status().has_facts()) {
    add(blocks, "hardware", hardware_words(facts));
    add(blocks, "system", system_words(device));
    add_network(blocks, facts);
  }
  add(blocks, "labels", label_words(device.metadata().labels()));
  add(blocks, "key", device.spec().fingerprint());
}

std::string held_words(const Facts& facts) {
  return facts.microk8s_held() ? "auto-refresh held" : "auto-refresh not held";
}

std::string node_words(const Facts& facts) {
  std::string out = fmt::format("{}, {}", or_dash(facts.node_state()), facts.node_ready() ? "ready" : "not ready");
  if (facts.node_cordoned()) out += ", cordoned";
  if (!facts.node_why().empty()) out += ": " + facts.node_why();
  return out;
}

std::string certificate_words(const api::v1::Checkup& checkup) {
  std::vector<std::string> out;
  for (const api::v1::CertificateFact& one : checkup.certificates()) {
    // The day alone: what is left of it is in a warning when it matters.
    constexpr std::size_t kDay = 10;
    out.push_back(fmt::format("{} until {}", one.name(), to_rfc3339(to_wall(one.not_after())).substr(0, kDay)));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

void add_checkup(std::vector<Block>& blocks, const api::v1::Checkup& checkup) {
  std::string pods =
      fmt::format("{}, {} not ready, {} restarts", checkup.pods(), checkup.pods_not_ready(), checkup.restarts());
  for (const api::v1::PodFact& pod : checkup.ill_pods()) {
    pods += fmt::format("; {}/{} {}", pod.namespace_(), pod.name(), pod.trouble());
  }
  add(blocks, "pods", std::move(pods), checkup.pods_not_ready() == 0 ? Tone::Plain : Tone::Warn);
  if (is_known(checkup.datastore())) {
    add(blocks, "datastore", size_words(checkup.datastore()));
  }
  if (!checkup.certificates().empty()) add(blocks, "certs", certificate_words(checkup));
}

void add_cluster(std::vector<Block>& blocks, const Facts& facts) {
  const std::string channel =
      facts.microk8s_channel().empty()
          ? "not installed"
          : fmt::format("{} revision {} ({}), {}", facts.microk8s_channel(), or_dash(facts.microk8s_revision()),
                        or_dash(facts.microk8s_version()), held_words(facts));
  add(blocks, "microk8s", channel);
  if (!facts.snap_change().empty()) add(blocks, "snapd did", facts.snap_change());
  add(blocks, "kubernetes", or_dash(facts.kubernetes_version()));
  add(blocks, "node", node_words(facts), facts.node_ready() ? Tone::Good : Tone::Bad);
  if (facts.has_checkup()) add_checkup(blocks, facts.checkup());
  add(blocks, "add-ons", facts.addons().empty() ? "-" : fmt::format("{}", fmt::join(facts.addons(), " ")));
}

std::string port_words(const api::v1::WorkloadFact& workload) {
  return workload.node_ports().empty() ? "-" : fmt::format("{}", fmt::join(workload.node_ports(), ","));
}

void add_workloads(std::vector<Block>& blocks, const Facts& facts) {
  if (facts.workloads().empty()) return add(blocks, "workloads", "-");
  Table table{.columns = {{.title = "  WORKLOAD"},
                          {.title = "NAMESPACE", .drop_order = 2},
                          {.title = "KIND", .drop_order = 3},
                          {.title = "READY"},
                          {.title = "NODEPORTS", .drop_order = 1},
                          {.title = "TROUBLE", .drop_order = 1}},
              .rows = {},
              .empty = {}};
  for (const api::v1::WorkloadFact& workload : facts.workloads()) {
    const bool is_ready = workload.ready() >= workload.wanted();
    table.rows.push_back(
        {{"  " + workload.name()},
         {workload.namespace_()},
         {workload.kind()},
         {fmt::format("{}/{}", workload.ready(), workload.wanted()), is_ready ? Tone::Good : Tone::Bad},
         {port_words(workload)},
         {or_dash(workload.trouble()), Tone::Bad}});
  }
  blocks.emplace_back(Line{});
  blocks.emplace_back(std::move(table));
}

void add_images(std::vector<Block>& blocks, const Facts& facts) {
  if (facts.images().empty()) return add(blocks, "images", "-");
  Table table{
      .columns = {{.title = "  IMAGE"}, {.title = "DIGEST", .drop_order = 2}, {.title = "PINNED", .drop_order = 1}},
      .rows = {},
      .empty = {}};
  for (const api::v1::ImageFact& image : facts.images()) {
    table.rows.push_back(
        {{"  " + image.ref()}, {or_dash(image.digest().substr(0, kDigestShown))}, {image.pinned() ? "yes" : "no"}});
  }
  blocks.emplace_back(Line{});
  blocks.emplace_back(std::move(table));
}

std::string refusal_words(const api::v1::DeviceStatus& status) {
  std::vector<std::string> codes;
  for (const auto& [code, count] : status.refusals()) codes.push_back(fmt::format("{} {}", code, count));
  std::sort(codes.begin(), codes.end());
  return fmt::format("frames: {}", fmt::join(codes, ", "));
}

/// A line each, the first with its name.
void add_drift(std::vector<Block>& blocks, const api::v1::DeviceStatus& status, WallTime now) {
  for (int i = 0; i < status.drift_size(); ++i) {
    std::string text = status.drift(i);
    // More than are told in lines: the last line counts the rest.
    if (i < status.moved_size() && status.moved_size() == status.drift_size()) {
      text += fmt::format(", noticed {}", ago(status.moved(i).since(), now));
    }
    add(blocks, i == 0 ? "drift" : "", std::move(text), Tone::Warn);
  }
}

void add_warnings(std::vector<Block>& blocks, const api::v1::DeviceStatus& status) {
  const std::map<std::string, std::string> sorted(status.warnings().begin(), status.warnings().end());
  std::string_view name = "warning";
  for (const auto& [kind, text] : sorted) add(blocks, std::exchange(name, ""), text, Tone::Warn);
}

std::string attempt_words(const api::v1::Attempt& attempt) {
  std::string out = fmt::format("{}, step {} of {}", attempt.state(), attempt.step(), attempt.step_count());
  if (!attempt.step_kind().empty()) out += fmt::format(" {}", attempt.step_kind());
  if (!attempt.phase().empty()) out += fmt::format(", {}", attempt.phase());
  if (!attempt.progress().empty()) out += fmt::format(" {}", attempt.progress());
  return out;
}

/// Only a rollout that goes on can try it again; otherwise a new one is needed.
std::string next_words(const Device& device, const std::string& rollout, bool can_retry) {
  std::string out = fmt::format("  next: kelpie command show {}", rollout);
  if (can_retry) return out + fmt::format(" | kelpie rollout retry {} {}", rollout, device.metadata().name());
  if (device.spec().fleet().empty()) return out;
  return out + fmt::format(" | kelpie rollout plan {} --fleet {}", device.spec().release(), device.spec().fleet());
}

void add_attempt(std::vector<Block>& blocks, const Device& device, bool can_retry) {
  const api::v1::DeviceStatus& status = device.status();
  const std::string rollout = rollout_of_attempt(device);
  if (!status.failure_reason().empty()) {
    blocks.emplace_back(Line{});
    blocks.emplace_back(
        Line{{"FAILURE  ", Tone::Bad}, {fmt::format("{}: {}", status.failure_reason(), status.failure_detail())}});
    if (rollout.empty()) return;
    blocks.emplace_back(
        Line{{fmt::format("  attempt {}, {}", status.attempt().id(), attempt_words(status.attempt()))}});
    blocks.emplace_back(Line{{next_words(device, rollout, can_retry)}});
    return;
  }
  if (rollout.empty()) return;
  blocks.emplace_back(Line{});
  blocks.emplace_back(Line{{"ATTEMPT  ", Tone::Strong}, {attempt_words(status.attempt())}});
  blocks.emplace_back(Line{{fmt::format("  kelpie rollout status {}", rollout)}});
}

}  // namespace

std::string rollout_of_attempt(const Device& device) {
  const std::string& id = device.status().attempt().id();  // rollout/device/n
  return id.substr(0, id.find('/'));
}

View show_device(Device device, const DeviceLook& look) {
  std::vector<Block> blocks;
  blocks.emplace_back(head_line(device, look.now));
  add_machine(blocks, device);
  const api::v1::DeviceStatus& status = device.status();
  const bool is_same = device.spec().release() == status.reported_release() && status.drift().empty();
  add(blocks, "desired", or_dash(device.spec().release()));
  add(blocks, "reported", or_dash(status.reported_release()), is_same ? Tone::Plain : Tone::Warn);
  add_drift(blocks, status, look.now);
  if (!status.repair_held().empty()) add(blocks, "no repair", status.repair_held(), Tone::Warn);
  add_warnings(blocks, status);
  if (!status.health_note().empty()) add(blocks, "health", status.health_note(), tone_of(status.health()));
  if (!status.refusals().empty()) add(blocks, "refused", refusal_words(status), Tone::Warn);
  if (status.has_facts()) {
    add_cluster(blocks, status.facts());
    add_workloads(blocks, status.facts());
    add_images(blocks, status.facts());
  } else {
    add(blocks, "facts", "none reported yet", Tone::Faint);
  }
  add_attempt(blocks, device, look.can_retry);
  return view_of(std::move(device), std::move(blocks));
}

}  // namespace kelpie::cli
