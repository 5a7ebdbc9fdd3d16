// Opens what operators sign: signatures first, then the schema's strict check; the caller parses after both.
#include <set>

#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

#include "hub/api/problem.h"
#include "hub/api/writes.h"
#include "proto/wire/walker.h"

namespace kelpie::hub {

Result<OperatorFrame> open_operator_frame(std::string_view bytes, const wire::Trust& trust, const FrameWanted& wanted) {
  if (bytes.empty()) return fail(wrong_field("frame", fmt::format("is missing: a signed {} goes here", wanted.name)));
  KELPIE_TRY(wire::Frame frame, wire::parse_frame(as_bytes(bytes)));
  if (frame.type != wanted.type) {
    return fail(wire::refused(wire::Refusal::Type, fmt::format("the frame is of type {}, not a signed {}",
                                                               static_cast<int>(frame.type), wanted.name)));
  }
  if (frame.payload.size() > wanted.payload_bytes_max) {
    return fail(problem(Code::ResourceExhausted, kReasonTooLarge,
                        fmt::format("the {} has {} bytes; at most {} are possible", wanted.name, frame.payload.size(),
                                    wanted.payload_bytes_max)));
  }
  KELPIE_TRY(
      const std::vector<wire::PublicKey> signers,
      wire::verified_signers(frame, trust.installation, [&](const KeyId& kid) { return trust.operator_key(kid); }));
  std::set<std::string> persons;
  for (const wire::PublicKey& key : signers) persons.insert(trust.person(key));
  const bool is_release = wanted.type == wire::FrameType::Release;
  KELPIE_TRY(
      wire::check_strict(as_bytes(frame.payload), is_release ? *v1::Release::descriptor() : *v1::Plan::descriptor()));
  return OperatorFrame{.payload = std::move(frame.payload), .persons = {persons.begin(), persons.end()}};
}

}  // namespace kelpie::hub
