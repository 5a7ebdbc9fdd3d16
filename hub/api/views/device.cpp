#include <fmt/core.h>
#include <kelpie/v1/report.pb.h>

#include "hub/api/views/views.h"
#include "hub/api/writes.h"
#include "hub/core/query.h"

namespace kelpie::hub {
namespace {

const Fleet* fleet_of(const HubState& state, const DeviceId& id) {
  const auto name = state.fleet_of.find(id);
  if (name == state.fleet_of.end()) return nullptr;
  const auto fleet = state.fleets.find(name->second);
  return fleet == state.fleets.end() ? nullptr : &fleet->second;
}

/// The newest attempt that people want to see: of the active rollout, else the one that failed.
const ReportedAttempt* shown_attempt(const HubState& state, const Device& device) {
  RolloutId id;
  if (device.failed_attempt) id = device.failed_attempt->rollout;
  if (device.rollout) id = *device.rollout;
  const auto rollout = state.rollouts.find(id);
  if (rollout == state.rollouts.end()) return nullptr;
  const auto target = rollout->second.targets.find(device.id);
  if (target == rollout->second.targets.end() || target->second.reported.id.n == 0) return nullptr;
  return &target->second.reported;
}

std::string_view outcome_word(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::Unchanged: return "unchanged";
    case StepOutcome::Changed: return "changed";
    case StepOutcome::Failed: return "failed";
    case StepOutcome::Undone: return "undone";
    case StepOutcome::UndoFailed: return "undo-failed";
  }
  return "";
}

std::string_view outcome_word(FailedOutcome outcome) {
  switch (outcome) {
    case FailedOutcome::None: return "";
    case FailedOutcome::Restored: return "restored";
    case FailedOutcome::Broken: return "broken";
    case FailedOutcome::Preflight: return "preflight";
  }
  return "";
}

void show_drift(const Drift& drift, api::v1::DeviceStatus& out) {
  for (const std::string& line : drift.lines()) out.add_drift(line);
  for (const auto& [field, moved] : drift.moved) {
    api::v1::Moved& shown = *out.add_moved();
    shown.set_field(field);
    shown.set_wanted(moved.wanted);
    shown.set_found(moved.found);
    shown.set_by(moved.by);
    set_time(*shown.mutable_since(), moved.since);
  }
}

}  // namespace

std::string device_name(const HubState& state, const DeviceId& id) {
  const auto at = state.devices.find(id);
  return at == state.devices.end() ? id.hex() : at->second.name;
}

void show_attempt(const ReportedAttempt& attempt, api::v1::Attempt& out) {
  out.set_id(to_string(attempt.id));
  out.set_state(std::string(to_string(attempt.state)));
  out.set_step(attempt.step);
  out.set_step_count(attempt.step_count);
  out.set_step_kind(attempt.step_kind);
  out.set_phase(attempt.phase);
  out.set_progress(attempt.progress);
  out.set_outcome(std::string(outcome_word(attempt.outcome)));
  out.set_reason(attempt.refusal.empty() ? attempt.reason : attempt.refusal);
  out.set_detail(attempt.detail);
  for (const StepResult& result : attempt.results) {
    api::v1::StepResult& shown = *out.add_results();
    shown.set_kind(result.kind);
    shown.set_outcome(std::string(outcome_word(result.outcome)));
    shown.set_summary(result.summary);
    shown.set_output_tail(result.output_tail);
    shown.set_duration_ms(result.duration_ms);
    shown.set_archive_sha256(result.archive_sha256);
    shown.set_archive_bytes(result.archive_bytes);
  }
}

void show_device(const ApiView& view, const Device& device, api::v1::Device& out) {
  head(out, "Device");
  api::v1::Metadata& metadata = *out.mutable_metadata();
  metadata.set_name(device.name);
  metadata.set_id(device.id.hex());
  metadata.set_revision(device.revision);
  metadata.mutable_labels()->insert(device.labels.begin(), device.labels.end());
  if (device.added_at != WallTime{}) set_time(*metadata.mutable_created_at(), device.added_at);

  const Fleet* const fleet = fleet_of(view.state, device.id);
  out.mutable_spec()->set_fingerprint(fingerprint(device.id.view()));
  if (fleet != nullptr) {
    out.mutable_spec()->set_fleet(fleet->name);
    out.mutable_spec()->set_release(fleet->release);
  }

  api::v1::DeviceStatus& status = *out.mutable_status();
  status.set_connection(std::string(to_string(device.connection)));
  if (fleet != nullptr)
    status.set_update(std::string(to_string(update_of(device, fleet->release_digest, fleet->policy.drift))));
  status.set_health(std::string(to_string(health_of(device))));
  if (device.connection != Connection::NeverSeen) set_time(*status.mutable_last_seen(), device.last_seen);
  status.set_agent_version(device.agent_version);
  status.set_reported_release(release_name(view.state, device.proved_release));
  show_drift(device.drift, status);
  status.set_repair_held(device.repairs.held);
  status.mutable_warnings()->insert(device.warnings.begin(), device.warnings.end());
  if (device.rollout) status.set_rollout(device.rollout->text());
  status.set_failure_reason(device.failure_reason);
  status.set_failure_detail(device.failure_detail);
  status.set_health_note(device.health_note);
  status.set_has_lease(device.lease.has_value());
  show_refusals(device.refusals, *status.mutable_refusals());
}

Answer answer_devices(const api::v1::ListRequest& in, const ApiView& view, WallTime now) {
  DeviceQuery query{.fleet = in.fleet(), .after = in.page_token()};
  KELPIE_TRY(query.page_size, page_size(in.page_size()));
  if (!in.page_token().empty()) KELPIE_TRY(check_name_field("pageToken", in.page_token()));
  if (!in.fleet().empty() && !view.state.fleets.contains(in.fleet())) return fail(unknown("fleet", in.fleet()));
  if (!in.selector().empty()) {
    Result<Selector> selector = Selector::parse(in.selector());
    if (!selector) return fail(wrong_field("selector", selector.error().message));
    query.selector = std::move(*selector);
    query.has_selector = true;
  }
  KELPIE_TRY(query.where, parse_where(in.where()));
  const DevicePage page = list_devices(view.state, query, now);
  auto out = std::make_shared<api::v1::DeviceList>();
  head(*out, "DeviceList");
  for (const Device* device : page.devices) show_device(view, *device, *out->add_items());
  out->set_next_page_token(page.next);
  set_time(*out->mutable_as_of(), now);
  return out;
}

Answer answer_device(const std::string& name, const ApiView& view) {
  const auto id = view.state.device_names.find(name);
  if (id == view.state.device_names.end()) return fail(unknown("device", name));
  const Device& device = view.state.devices.at(id->second);
  auto out = std::make_shared<api::v1::Device>();
  show_device(view, device, *out);
  if (const ReportedAttempt* attempt = shown_attempt(view.state, device)) {
    show_attempt(*attempt, *out->mutable_status()->mutable_attempt());
  }
  KELPIE_TRY(const std::optional<std::string> sheet,
             view.store.get(fmt::format("{}{}", kFactsPrefix, device.id.hex())));
  if (!sheet) return out;
  v1::Facts facts;
  if (!facts.ParseFromString(*sheet)) {
    return fail(Code::DataLoss, fmt::format("the store holds damaged facts of device {}", name));
  }
  show_facts(facts, *out->mutable_status()->mutable_facts());
  return out;
}

}  // namespace kelpie::hub
