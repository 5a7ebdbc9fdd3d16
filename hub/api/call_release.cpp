#include <fmt/ranges.h>
#include <kelpie/api/v1/api.pb.h>
#include <kelpie/v1/release.pb.h>

#include "hub/api/release_rules.h"
#include "hub/api/writes.h"
#include "proto/wire/release_class.h"

namespace kelpie::hub {

Result<StoreRelease> to_store_release(const api::v1::CreateReleaseRequest& in, const wire::Trust& trust) {
  KELPIE_TRY(const OperatorFrame opened,
             open_operator_frame(
                 in.frame(), trust,
                 {.type = wire::FrameType::Release, .payload_bytes_max = kReleaseInlineBytesMax, .name = "release"}));
  v1::Release release;
  if (!release.ParseFromString(opened.payload)) {
    return fail(wire::refused(wire::Refusal::Schema, "the payload is no release"));
  }
  KELPIE_TRY(check_release(release));
  StoreRelease out;
  out.release.digest = blake2b_256(opened.payload);
  out.release.name = release.name();
  out.release.version = release.version();
  out.release.scope = release.scope();
  out.release.signed_by = fmt::to_string(fmt::join(opened.persons, ", "));
  out.release.frame = in.frame();
  for (const v1::Step& step : release.steps()) {
    out.release.steps.push_back(sentence_of(step));
    out.release.step_kinds.emplace_back(kind_of(step));
  }
  out.release.dangers = wire::dangers_of(release);
  out.release.wants = wants_of(release);
  out.release.asks_for_archive = asks_for_archive(release);
  return out;
}

}  // namespace kelpie::hub
