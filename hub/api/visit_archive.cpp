// Archives: the door where devices bring them, with nothing else behind it, and the window where operators get them.
#include <unistd.h>

#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/problem.h"
#include "hub/api/visit.h"
#include "hub/core/archives.h"

namespace kelpie::hub {
namespace {

std::shared_ptr<api::v1::ArchiveArrival> arrival_of(const AttemptId& attempt) {
  auto out = std::make_shared<api::v1::ArchiveArrival>();
  out->set_attempt(to_string(attempt));
  return out;
}

}  // namespace

Result<void> Visit::judge_bringer() {
  KELPIE_TRY(attempt_, attempt_of_path(request_.path));
  if (!attempt_ || request_.method != "PUT") {
    return fail(problem(Code::NotFound, "", "devices put archives here, and nothing else is here"));
  }
  caller_.name = "device/" + attempt_->device.hex();
  KELPIE_TRY(desk_.admit(request_, *attempt_));
  KELPIE_TRY(check_length(kArchiveBytesMax));
  KELPIE_TRY(desk_.seat_bringer());
  seat_.reset(&desk_);
  KELPIE_TRY(const auto open, desk_.ask({.method = "OpenArchive",
                                         .input = arrival_of(*attempt_),
                                         .actor = {.name = caller_.name, .request = request_id_}}));
  KELPIE_TRY(archive_, ArchiveUpload::open(desk_.options().archives_dir));
  return {};
}

Result<void> Visit::judge_archive() {
  if (desk_.options().archives_dir.empty()) return fail(Code::NotSupported, "this hub keeps no archives");
  if (request_.method == "GET") return check_role(caller_, api::v1::OPERATOR);
  return fail(problem(Code::InvalidArgument, kReasonWrongMethod,
                      fmt::format("{} is not possible at {}; possible: GET", request_.method, request_.path)));
}

Result<Outcome> Visit::take_in() {
  KELPIE_TRY(const Archive archive, archive_->end(*attempt_));
  const std::string path = fmt::format("{}/{}", desk_.options().archives_dir, file_of(archive));
  const bool was_there = access(path.c_str(), F_OK) == 0;
  // On the disk before the record that speaks of it; what no record speaks of goes, here or at the next start.
  KELPIE_TRY(archive_->keep(archive));
  const auto arrival = arrival_of(*attempt_);
  arrival->set_sha256(archive.sha256);
  arrival->set_bytes(archive.bytes);
  const Answer stored =
      desk_.ask({.method = "StoreArchive", .input = arrival, .actor = {.name = caller_.name, .request = request_id_}});
  if (stored) return text_answer(201, archive.sha256 + "\n");
  const bool is_refused = stored.error().code != Code::DeadlineExceeded && stored.error().code != Code::Unavailable;
  if (is_refused && !was_there) unlink(path.c_str());
  return fail(stored.error());
}

Result<Outcome> Visit::answer_archive() {
  KELPIE_TRY(const auto message, desk_.ask({.method = "GetArchive",
                                            .input = arrival_of(*attempt_),
                                            .actor = {.name = caller_.name, .request = request_id_}}));
  const auto shown = std::dynamic_pointer_cast<api::v1::Archive>(message);
  KELPIE_ASSERT(shown != nullptr);
  const Archive archive{.attempt = *attempt_, .sha256 = shown->status().sha256(), .bytes = shown->status().bytes()};
  KELPIE_TRY(const ArtifactFile file,
             open_file(fmt::format("{}/{}", desk_.options().archives_dir, file_of(archive)), request_.header("range")));
  return file;
}

}  // namespace kelpie::hub
