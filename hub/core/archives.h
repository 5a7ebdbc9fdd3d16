// What devices sent when they were inspected: which attempt may send, what is kept, what goes when there is no room.
// The bytes are files; here are their names.
#pragma once

#include <string>

#include "hub/core/turn.h"

namespace kelpie::hub {

inline constexpr std::uint32_t kUploadsMax = 4;  // of one attempt: an agent that restarts in the middle sends again

/// The word by which the archive of this attempt, and of no other, is taken. Nothing is stored: it is a keyed hash.
[[nodiscard]] Digest archive_token(const Digest& secret, const AttemptId& attempt);
/// "/archives/<attempt>": where it is put, and where operators get it.
[[nodiscard]] std::string archive_path(const AttemptId& attempt);
/// An archive of this attempt may come now. Errors: NotFound (no such attempt, none wanted),
/// FailedPrecondition ATTEMPT_OVER and UPLOADS_EXHAUSTED.
[[nodiscard]] Result<void> check_upload(const HubState& state, const AttemptId& attempt);

/// "archive/<attempt>". Errors: as check_upload.
[[nodiscard]] Result<std::string> store_archive(Turn& turn, const StoreArchive& came, bool is_dry_run);
/// Of a device that goes.
void drop_archives(Turn& turn, const Device& device);

/// Null: none is kept.
[[nodiscard]] const Archive* find_archive(const HubState& state, const AttemptId& attempt);
/// Its name in the folder: nothing of it comes from outside but digits.
[[nodiscard]] std::string file_of(const Archive& archive);
/// Of all that are kept.
[[nodiscard]] std::set<std::string> archive_files(const HubState& state);
/// Fills what is derived from the devices' records.
void rebuild_archives(HubState& state);

}  // namespace kelpie::hub
