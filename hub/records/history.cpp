#include "hub/records/history.h"

#include <fmt/core.h>
#include <kelpie/store/v1/history.pb.h>

#include "hub/records/fields.h"

namespace kelpie::hub::records {

std::string number_key(std::string_view prefix, std::uint64_t number) {
  return fmt::format("{}{:016x}", prefix, number);
}

std::string write_feed(const FeedEvent& event) {
  store::v1::FeedRecord out;
  out.set_sequence(event.sequence);
  out.set_time_ms(event.time.unix_ms);
  out.set_type(event.type);
  out.set_object(event.object);
  out.set_reason(event.reason);
  out.set_message(event.message);
  out.set_rollout(event.rollout);
  out.set_device(event.device);
  return out.SerializeAsString();
}

Result<FeedEvent> read_feed(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::FeedRecord>(bytes, "event record"));
  return FeedEvent{.sequence = in.sequence(),
                   .time = {in.time_ms()},
                   .type = in.type(),
                   .object = in.object(),
                   .reason = in.reason(),
                   .message = in.message(),
                   .rollout = in.rollout(),
                   .device = in.device()};
}

std::string write_audit(const AuditEntry& entry) {
  store::v1::AuditRecord out;
  out.set_number(entry.number);
  out.set_time_ms(entry.time.unix_ms);
  out.set_actor(entry.actor);
  out.set_action(entry.action);
  out.set_object(entry.object);
  out.set_reason(entry.reason);
  out.set_plan_hash(entry.plan_hash);
  out.set_frame_hash(entry.frame_hash);
  return out.SerializeAsString();
}

Result<AuditEntry> read_audit(std::string_view bytes) {
  KELPIE_TRY(const auto in, parse<store::v1::AuditRecord>(bytes, "audit record"));
  return AuditEntry{.number = in.number(),
                    .time = {in.time_ms()},
                    .actor = in.actor(),
                    .action = in.action(),
                    .object = in.object(),
                    .reason = in.reason(),
                    .plan_hash = in.plan_hash(),
                    .frame_hash = in.frame_hash()};
}

}  // namespace kelpie::hub::records
