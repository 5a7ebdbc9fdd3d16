// What makes the bytes of a release a release: the rules that no schema can say. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/core/drift.h"
#include "proto/base/result.h"

namespace kelpie::v1 {
class Release;
class Step;
class Workload;
}  // namespace kelpie::v1

namespace kelpie::hub {

/// Errors: reason RELEASE, message begins with the field's path ("steps[2].images[0].digest").
[[nodiscard]] Result<void> check_release(const v1::Release& release);
/// Errors: as check_release; path is the workload's.
[[nodiscard]] Result<void> check_manifest(const v1::Workload& workload, const std::string& path);

/// What facts about a device can deny of it; nothing when the bytes are no release.
[[nodiscard]] Wants wants_of(const v1::Release& release);
[[nodiscard]] Wants wants_of_frame(std::string_view bytes);
/// It inspects, and nothing else, and wants to have what was seen: with anything beside it, an archive that cannot be
/// sent would take back real work.
[[nodiscard]] bool asks_for_archive(const v1::Release& release);
[[nodiscard]] bool asks_for_archive_in_frame(std::string_view bytes);
/// Those of its manifest that stay there when all is well; none when check_manifest refuses it.
void add_lasting_objects(const v1::Workload& workload, std::vector<WorkloadName>& out);

/// install, start, stop, images, addons, remove, deploy, inspect
[[nodiscard]] std::string_view kind_of(const v1::Step& step);
/// One line for people: "install 1.32/stable, held".
[[nodiscard]] std::string sentence_of(const v1::Step& step);

[[nodiscard]] Error wrong_release(std::string_view path, std::string_view what);

}  // namespace kelpie::hub
