#include <fmt/core.h>

#include "hub/api/views/views.h"
#include "hub/core/archives.h"

namespace kelpie::hub {
namespace {

void show_archive(const ApiView& view, const Archive& archive, api::v1::Archive& out) {
  head(out, "Archive");
  out.mutable_metadata()->set_name(device_name(view.state, archive.attempt.device));
  out.mutable_metadata()->set_id(to_string(archive.attempt));
  set_time(*out.mutable_metadata()->mutable_created_at(), archive.at);
  out.mutable_status()->set_rollout(archive.attempt.rollout.text());
  out.mutable_status()->set_sha256(archive.sha256);
  out.mutable_status()->set_bytes(archive.bytes);
}

}  // namespace

Answer answer_archives(const std::string& device, const ApiView& view, WallTime now) {
  const auto id = view.state.device_names.find(device);
  if (id == view.state.device_names.end()) return fail(unknown("device", device));
  auto out = std::make_shared<api::v1::ArchiveList>();
  head(*out, "ArchiveList");
  for (const Archive& archive : view.state.devices.at(id->second).archives) {
    show_archive(view, archive, *out->add_items());
  }
  set_time(*out->mutable_as_of(), now);
  return out;
}

Answer answer_archive(const api::v1::ArchiveArrival& in, const ApiView& view) {
  KELPIE_TRY(const AttemptId attempt, parse_attempt_id(in.attempt()));
  const Archive* const archive = find_archive(view.state, attempt);
  if (archive == nullptr) {
    return fail({.code = Code::NotFound,
                 .message = fmt::format("there is no archive of attempt {}", in.attempt()),
                 .reason = {},
                 .hint = "kelpie device diagnose DEVICE"});
  }
  auto out = std::make_shared<api::v1::Archive>();
  show_archive(view, *archive, *out);
  return out;
}

Answer answer_open_archive(const api::v1::ArchiveArrival& in, const ApiView& view) {
  KELPIE_TRY(const AttemptId attempt, parse_attempt_id(in.attempt()));
  KELPIE_TRY(check_upload(view.state, attempt));
  return std::make_shared<api::v1::Empty>();
}

}  // namespace kelpie::hub
