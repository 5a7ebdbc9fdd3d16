// The hub itself: one page of everything, its own state, and who may do what.
#include <algorithm>
#include <array>
#include <limits>

#include <fmt/core.h>

#include "hub/api/views/views.h"
#include "hub/core/query.h"

namespace kelpie::hub {
namespace {

/// Every word appears, also those nobody is at.
template <typename Key, std::size_t N>
void show_totals(const std::map<Key, std::uint32_t>& totals, const std::array<Key, N>& keys,
                 google::protobuf::Map<std::string, std::uint32_t>& out) {
  for (const Key key : keys) {
    const auto at = totals.find(key);
    out[std::string(to_string(key))] = at == totals.end() ? 0 : at->second;
  }
}

std::string persons_words(std::uint32_t threshold) {
  return threshold == 1 ? "one operator alone" : fmt::format("{} operators together", threshold);
}

}  // namespace

void show_hub(const ApiView& view, api::v1::HubStatus& out) {
  const HubState& state = view.state;
  head(out, "HubStatus");
  out.set_name(view.hub_name);
  out.set_version(KELPIE_VERSION);
  out.set_is_ready(view.is_broker_connected);  // and the loop answers: what /readyz asks too
  out.set_is_broker_connected(view.is_broker_connected);
  set_time(*out.mutable_started_at(), state.started_at);
  out.set_queue(
      static_cast<std::uint32_t>(std::min<std::size_t>(view.queue, std::numeric_limits<std::uint32_t>::max())));
  out.set_installation_id(view.trust.installation.hex());
  out.set_trust_version(view.trust.version);
  out.set_audit_size(std::to_string(state.audit.size()));
  out.set_audit_root(state.audit.root().hex());
  show_refusals(state.refusals, *out.mutable_refusals());
  out.set_store_bytes(std::to_string(view.store.bytes_on_disk()));
  out.set_broker(view.broker_url);
  out.set_archives(view.archives);
}

Answer answer_summary(const ApiView& view, WallTime now) {
  auto out = std::make_shared<api::v1::Summary>();
  head(*out, "Summary");
  show_hub(view, *out->mutable_hub());
  const Totals& totals = view.state.totals;
  show_totals(totals.connection, std::array{Connection::NeverSeen, Connection::Online, Connection::Offline},
              *out->mutable_connection());
  show_totals(totals.update, std::array{Update::UpToDate, Update::Updating, Update::OutOfDate, Update::Failed},
              *out->mutable_update());
  show_totals(totals.health, std::array{Health::Healthy, Health::Degraded, Health::Failed, Health::Unknown},
              *out->mutable_health());
  out->set_devices(static_cast<std::uint32_t>(view.state.devices.size()));
  for (const auto& [name, fleet] : view.state.fleets) {
    if (static_cast<std::uint32_t>(out->fleets_size()) == kPageSizeMax) break;  // the list has pages
    show_fleet(view, fleet, *out->add_fleets());
  }
  std::vector<Attention> items = attention(view.state);
  if (!view.is_broker_connected) {
    items.insert(items.begin(),
                 {true, fmt::format("the hub has no link to its broker {}: no device is reached", view.broker_url),
                  "kelpie hub status"});
  }
  for (const Attention& item : items) {
    api::v1::Attention& shown = *out->add_attention();
    shown.set_severity(item.is_error ? "error" : "warn");
    shown.set_text(item.text);
    shown.set_command(item.command);
  }
  set_time(*out->mutable_as_of(), now);
  return out;
}

Answer answer_hub(const ApiView& view) {
  auto out = std::make_shared<api::v1::HubStatus>();
  show_hub(view, *out);
  return out;
}

Answer answer_trust(const ApiView& view) {
  const wire::Trust& trust = view.trust;
  auto out = std::make_shared<api::v1::TrustView>();
  head(*out, "Trust");
  out->set_frame(trust.frame);
  out->set_installation_id(trust.installation.hex());
  out->set_version(trust.version);
  out->add_words(fmt::format("a change needs {} and the hub", persons_words(trust.change_threshold)));
  out->add_words(fmt::format("dangerous work needs {} and the hub", persons_words(trust.dangerous_threshold)));
  out->add_words(fmt::format("operators and hub keys are changed by {} of {} root keys", trust.root_threshold,
                             trust.roots.size()));
  for (const wire::TrustOperator& root : trust.roots) {
    out->add_words(fmt::format("{} holds root key {}", root.person, fingerprint(wire::key_id(root.key).view())));
  }
  for (const wire::TrustOperator& person : trust.operators) {
    out->add_words(fmt::format("{} operates with key {}{}", person.person, fingerprint(wire::key_id(person.key).view()),
                               trust.change_threshold == 1 ? ": who steals it and the hub's key changes every device"
                                                           : ": who steals it alone changes nothing"));
  }
  for (const wire::TrustHub& hub : trust.hubs) {
    out->add_words(
        fmt::format("the hub delivers with key {} of epoch {}: who steals it can withhold, repeat and "
                    "reorder signed plans, but sign none",
                    fingerprint(wire::key_id(hub.key).view()), hub.epoch));
  }
  return out;
}

}  // namespace kelpie::hub
