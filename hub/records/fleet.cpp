// Fleets, releases and remembered requests.
#include "hub/records/fields.h"
#include "hub/records/records.h"

namespace kelpie::hub::records {

std::string write_fleet(const Fleet& fleet) {
  store::v1::FleetRecord out;
  out.set_name(fleet.name);
  out.set_revision(fleet.revision);
  out.set_selector(fleet.selector);
  out.set_release(fleet.release);
  out.set_release_digest(write_bytes(fleet.release_digest));
  write_policy(fleet.policy, *out.mutable_policy());
  out.set_created_ms(fleet.created_at.unix_ms);
  out.set_rollout(fleet.rollout);
  return out.SerializeAsString();
}

Result<Fleet> read_fleet(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::FleetRecord>(bytes, "fleet record"));
  Fleet out;
  out.name = in.name();
  out.revision = in.revision();
  out.selector = in.selector();
  out.release = in.release();
  KELPIE_TRY(out.release_digest, read_bytes<Digest>(in.release_digest(), "fleet record"));
  KELPIE_TRY(out.policy, read_policy(in.policy()));
  out.created_at = {in.created_ms()};
  out.rollout = in.rollout();
  return out;
}

std::string write_release(const Release& release) {
  store::v1::ReleaseRecord out;
  out.set_digest(release.digest.bytes());
  out.set_name(release.name);
  out.set_version(release.version);
  out.set_scope(release.scope);
  out.set_signed_by(release.signed_by);
  out.set_frame(release.frame);
  for (const std::string& step : release.steps) out.add_steps(step);
  for (const std::string& kind : release.step_kinds) out.add_step_kinds(kind);
  out.set_created_ms(release.created_at.unix_ms);
  for (const std::string& danger : release.dangers) out.add_dangers(danger);
  return out.SerializeAsString();
}

Result<Release> read_release(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::ReleaseRecord>(bytes, "release record"));
  Release out;
  KELPIE_TRY(out.digest, read_bytes<Digest>(in.digest(), "release record"));
  out.name = in.name();
  out.version = in.version();
  out.scope = in.scope();
  out.signed_by = in.signed_by();
  out.frame = in.frame();
  out.steps.assign(in.steps().begin(), in.steps().end());
  out.step_kinds.assign(in.step_kinds().begin(), in.step_kinds().end());
  out.dangers.assign(in.dangers().begin(), in.dangers().end());
  out.created_at = {in.created_ms()};
  return out;
}

std::string write_remembered(const Remembered& remembered) {
  store::v1::RememberedRecord out;
  out.set_fingerprint(remembered.fingerprint);
  out.set_object(remembered.object);
  out.set_at_ms(remembered.at.unix_ms);
  return out.SerializeAsString();
}

Result<Remembered> read_remembered(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::RememberedRecord>(bytes, "record of a request"));
  return Remembered{.fingerprint = in.fingerprint(), .object = in.object(), .at = {in.at_ms()}};
}

}  // namespace kelpie::hub::records
