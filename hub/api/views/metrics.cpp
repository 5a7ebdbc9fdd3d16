// Numbers for Prometheus, in its text format 0.0.4.
#include <array>

#include <fmt/core.h>
#include <google/protobuf/wrappers.pb.h>

#include "hub/api/views/views.h"

namespace kelpie::hub {
namespace {

struct Metric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
};

void add_head(std::string& out, const Metric& metric) {
  out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", metric.name, metric.type, metric.help);
}

void add(std::string& out, const Metric& metric, std::uint64_t value) {
  add_head(out, metric);
  out += fmt::format("{} {}\n", metric.name, value);
}

template <typename Key, std::size_t N>
void add_totals(std::string& out, const Metric& metric, const std::map<Key, std::uint32_t>& totals,
                const std::array<Key, N>& keys) {
  add_head(out, metric);
  for (const Key key : keys) {
    const auto at = totals.find(key);
    out += fmt::format("{}{{state=\"{}\"}} {}\n", metric.name, to_string(key), at == totals.end() ? 0 : at->second);
  }
}

void add_refusals(std::string& out, const Metric& metric, const Refusals& refusals) {
  add_head(out, metric);
  for (const auto& [code, count] : refusals) out += fmt::format("{}{{code=\"{}\"}} {}\n", metric.name, code, count);
}

std::map<RolloutPhase, std::uint32_t> count_phases(const HubState& state) {
  std::map<RolloutPhase, std::uint32_t> out;
  for (const auto& [id, rollout] : state.rollouts) ++out[rollout.phase];
  return out;
}

}  // namespace

Answer answer_metrics(const ApiView& view) {
  const HubState& state = view.state;
  std::string out;
  add(out, {"kelpie_broker_connected", "gauge", "1 while the hub is linked to its broker."},
      view.is_broker_connected ? 1 : 0);
  add(out, {"kelpie_inbox_length", "gauge", "Events that wait for the loop."}, view.queue);
  add(out, {"kelpie_started_seconds", "gauge", "When the hub started, in Unix seconds."},
      static_cast<std::uint64_t>(state.started_at.unix_ms / 1'000));
  add_totals(out, {"kelpie_devices_connection", "gauge", "Devices by connection."}, state.totals.connection,
             std::array{Connection::NeverSeen, Connection::Online, Connection::Offline});
  add_totals(out, {"kelpie_devices_update", "gauge", "Devices in fleets by update."}, state.totals.update,
             std::array{Update::UpToDate, Update::Updating, Update::OutOfDate, Update::Failed});
  add_totals(out, {"kelpie_devices_health", "gauge", "Devices by health."}, state.totals.health,
             std::array{Health::Healthy, Health::Degraded, Health::Failed, Health::Unknown});
  add_totals(out, {"kelpie_rollouts", "gauge", "Rollouts by phase."}, count_phases(state),
             std::array{RolloutPhase::Running, RolloutPhase::Paused, RolloutPhase::Aborting, RolloutPhase::Aborted,
                        RolloutPhase::Succeeded});
  add(out, {"kelpie_events_total", "counter", "Events of the event stream."}, state.feed_sequence);
  add(out, {"kelpie_audit_entries_total", "counter", "Entries of the audit log."}, state.audit.size());
  add(out, {"kelpie_store_bytes", "gauge", "Bytes of the store on disk."}, view.store.bytes_on_disk());
  add_refusals(out, {"kelpie_refusals_total", "counter", "Messages of devices that were refused, by code."},
               state.refusals);
  add_refusals(out, {"kelpie_device_refusals_total", "counter", "Frames that devices refused, by code."},
               state.device_refusals);
  auto text = std::make_shared<google::protobuf::StringValue>();
  text->set_value(std::move(out));
  return text;
}

}  // namespace kelpie::hub
