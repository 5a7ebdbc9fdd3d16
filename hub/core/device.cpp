#include "hub/core/device.h"

namespace kelpie::hub {

bool is_final(AttemptState state) {
  switch (state) {
    case AttemptState::Succeeded:
    case AttemptState::Failed:
    case AttemptState::Cancelled:
    case AttemptState::Refused: return true;
    case AttemptState::Preparing:
    case AttemptState::Prepared:
    case AttemptState::Executing:
    case AttemptState::Verifying:
    case AttemptState::Soaking: return false;
  }
  return false;
}

Digest present_release(const Device& device) {
  return device.drift.is_empty() ? device.proved_release : Digest{};
}

// operator.md section 1: up-to-date = the reported state proves the assigned release; updating = GO given, not final;
// failed = last attempt FAILED and the release still wanted.
Update update_of(const Device& device, const Digest& wanted, DriftRule drift) {
  if (device.is_updating) return Update::Updating;
  const Digest has = drift == DriftRule::Ignore ? device.proved_release : present_release(device);
  if (has == wanted) return Update::UpToDate;
  return device.failed_attempt ? Update::Failed : Update::OutOfDate;
}

Health health_of(const Device& device) {
  if (!device.facts || device.connection != Connection::Online) return Health::Unknown;
  // A bare device that no release has reached yet: there is nothing that could be well or ill.
  if (device.facts->node_state == "not-installed" && device.proved_release.is_zero()) return Health::Unknown;
  if (!device.facts->is_ready || device.facts->workloads_down > 0) return Health::Failed;
  return device.health_note.empty() && device.warnings.empty() ? Health::Healthy : Health::Degraded;
}

std::string_view to_string(Connection connection) {
  switch (connection) {
    case Connection::NeverSeen: return "never-seen";
    case Connection::Online: return "online";
    case Connection::Offline: return "offline";
  }
  return "";
}

std::string_view to_string(Update update) {
  switch (update) {
    case Update::UpToDate: return "up-to-date";
    case Update::Updating: return "updating";
    case Update::OutOfDate: return "out-of-date";
    case Update::Failed: return "failed";
  }
  return "";
}

std::string_view to_string(Health health) {
  switch (health) {
    case Health::Healthy: return "healthy";
    case Health::Degraded: return "degraded";
    case Health::Failed: return "failed";
    case Health::Unknown: return "unknown";
  }
  return "";
}

}  // namespace kelpie::hub
