#include "hub/core/archives.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::hub {
namespace {

void count(HubState& state, const Archive& archive) {
  state.archives_by_age.emplace(archive.at, archive.attempt);
  state.archive_bytes += archive.bytes;
}

void uncount(HubState& state, const Archive& archive) {
  state.archives_by_age.erase({archive.at, archive.attempt});
  state.archive_bytes -= archive.bytes;
}

/// Forgets it, and has its file removed unless the newest of the same bytes needs it.
void drop(Turn& turn, Device& device, std::vector<Archive>::iterator which) {
  const Archive gone = *which;
  uncount(turn.state, gone);
  device.archives.erase(which);
  touch(turn, DeviceKey{device.id});
  const bool is_needed = std::any_of(device.archives.begin(), device.archives.end(),
                                     [&](const Archive& one) { return file_of(one) == file_of(gone); });
  if (!is_needed) turn.effects.dropped_files.push_back(file_of(gone));
}

std::vector<Archive>::iterator place_of(Device& device, const AttemptId& attempt) {
  return std::find_if(device.archives.begin(), device.archives.end(),
                      [&](const Archive& one) { return one.attempt == attempt; });
}

/// The oldest of the whole fleet give way.
void make_room(Turn& turn) {
  while (turn.state.archive_bytes > turn.state.archive_limits.bytes_max && turn.state.archives_by_age.size() > 1) {
    const AttemptId oldest = turn.state.archives_by_age.begin()->second;
    Device& device = turn.state.devices.at(oldest.device);
    drop(turn, device, place_of(device, oldest));
  }
}

Error no_attempt(const AttemptId& attempt) {
  return {.code = Code::NotFound,
          .message = fmt::format("no archive is wanted of attempt {}", to_string(attempt)),
          .reason = {},
          .hint = {}};
}

}  // namespace

Digest archive_token(const Digest& secret, const AttemptId& attempt) {
  return blake2b_256(fmt::format("{}kelpie-archive-v1 {}", secret.bytes(), to_string(attempt)));
}

std::string archive_path(const AttemptId& attempt) {
  return "/archives/" + to_string(attempt);
}

Result<void> check_upload(const HubState& state, const AttemptId& attempt) {
  const auto device = state.devices.find(attempt.device);
  const auto rollout = state.rollouts.find(attempt.rollout);
  if (device == state.devices.end() || rollout == state.rollouts.end()) return fail(no_attempt(attempt));
  const auto target = rollout->second.targets.find(attempt.device);
  const auto release = state.releases.find(rollout->second.release);
  if (target == rollout->second.targets.end() || release == state.releases.end()) return fail(no_attempt(attempt));
  if (!release->second.asks_for_archive || attempt.n == 0 || attempt.n > target->second.attempt) {
    return fail(no_attempt(attempt));
  }
  const TargetState now = target->second.state;
  const bool is_open = attempt.n == target->second.attempt &&
                       (now == TargetState::Granted || now == TargetState::Executing || now == TargetState::Unknown);
  if (!is_open) {
    return fail({.code = Code::FailedPrecondition,
                 .message = fmt::format("attempt {} is not under way", to_string(attempt)),
                 .reason = "ATTEMPT_OVER",
                 .hint = {}});
  }
  const Archive* const known = find_archive(state, attempt);
  if (known == nullptr || known->uploads < kUploadsMax) return {};
  return fail({.code = Code::FailedPrecondition,
               .message = fmt::format("attempt {} has sent {} archives already", to_string(attempt), known->uploads),
               .reason = "UPLOADS_EXHAUSTED",
               .hint = {}});
}

Result<std::string> store_archive(Turn& turn, const StoreArchive& came, bool is_dry_run) {
  KELPIE_TRY(check_upload(turn.state, came.attempt));
  std::string object = "archive/" + to_string(came.attempt);
  if (is_dry_run) return object;
  Device& device = turn.state.devices.at(came.attempt.device);
  Archive archive{.attempt = came.attempt, .sha256 = came.sha256, .bytes = came.bytes, .at = turn.now, .uploads = 1};
  std::vector<Archive>& kept = device.archives;
  // The new one is there before the old one is dropped: with the same bytes they share a file.
  const auto earlier = place_of(device, came.attempt);
  if (earlier != kept.end()) archive.uploads = earlier->uploads + 1;
  const bool is_second = earlier != kept.end();
  kept.insert(kept.begin(), archive);
  count(turn.state, archive);
  if (is_second) {
    const auto old =
        std::find_if(kept.begin() + 1, kept.end(), [&](const Archive& one) { return one.attempt == came.attempt; });
    drop(turn, device, old);
    turn.state.archives_by_age.emplace(archive.at, archive.attempt);  // gone with the old one when both came at once
  }
  while (kept.size() > turn.state.archive_limits.per_device_max) drop(turn, device, kept.end() - 1);
  make_room(turn);
  touch_synced(turn, DeviceKey{device.id});
  audit(turn, {.action = "archive.stored",
               .object = to_string(came.attempt),
               .reason = fmt::format("{} bytes, sha256 {}", came.bytes, came.sha256),
               .plan_hash = {},
               .frame_hash = {}});
  feed(turn, {.type = "archive.stored",
              .object = "device/" + device.name,
              .reason = {},
              .message = fmt::format("{} bytes, sha256 {}", came.bytes, came.sha256),
              .rollout = came.attempt.rollout.text(),
              .device = device.name});
  return object;
}

void drop_archives(Turn& turn, const Device& device) {
  for (const Archive& archive : device.archives) {
    uncount(turn.state, archive);
    turn.effects.dropped_files.push_back(file_of(archive));
  }
}

const Archive* find_archive(const HubState& state, const AttemptId& attempt) {
  const auto device = state.devices.find(attempt.device);
  if (device == state.devices.end()) return nullptr;
  const std::vector<Archive>& kept = device->second.archives;
  const auto at = std::find_if(kept.begin(), kept.end(), [&](const Archive& one) { return one.attempt == attempt; });
  return at == kept.end() ? nullptr : &*at;
}

std::string file_of(const Archive& archive) {
  return fmt::format("{}-{}.tar.gz", archive.attempt.device.hex(), archive.sha256);
}

std::set<std::string> archive_files(const HubState& state) {
  std::set<std::string> out;
  for (const auto& [at, attempt] : state.archives_by_age) {
    if (const Archive* const archive = find_archive(state, attempt)) out.insert(file_of(*archive));
  }
  return out;
}

void rebuild_archives(HubState& state) {
  for (const auto& [id, device] : state.devices) {
    for (const Archive& archive : device.archives) count(state, archive);
  }
}

}  // namespace kelpie::hub
