#include "tools/kelpie/commands/device_view.h"

#include <algorithm>

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

void add_machine(std::vector<Block>& blocks, const Device& device) {
  const Facts& facts = device.status().facts();
  if (device.status().has_facts()) {
    add(blocks, "hardware",
        fmt::format("{} {}   memory {}   disk {}", or_dash(facts.model()), facts.arch(), size_words(facts.memory()),
                    share_words(facts)));
    add(blocks, "system",
        fmt::format("{}   hostname {}   agent {}   snapd {}", or_dash(facts.os()), or_dash(facts.hostname()),
                    or_dash(device.status().agent_version()), or_dash(facts.snapd_version())));
  }
  add(blocks, "labels", label_words(device.metadata().labels()));
  add(blocks, "key", device.spec().fingerprint());
}

std::string held_words(const Facts& facts) {
  return facts.microk8s_held() ? "auto-refresh held" : "auto-refresh not held";
}

void add_cluster(std::vector<Block>& blocks, const Facts& facts) {
  const std::string channel =
      facts.microk8s_channel().empty()
          ? "not installed"
          : fmt::format("{} revision {} ({}), {}", facts.microk8s_channel(), or_dash(facts.microk8s_revision()),
                        or_dash(facts.microk8s_version()), held_words(facts));
  add(blocks, "microk8s", channel);
  add(blocks, "kubernetes", or_dash(facts.kubernetes_version()));
  add(blocks, "node", fmt::format("{}, {}", or_dash(facts.node_state()), facts.node_ready() ? "ready" : "not ready"),
      facts.node_ready() ? Tone::Good : Tone::Bad);
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
  if (status.drift_size() > 0) add(blocks, "drift", fmt::format("{}", fmt::join(status.drift(), "; ")), Tone::Warn);
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
