#include "tests/sim/describe.h"

#include <fmt/core.h>
#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/report.pb.h>

#include "proto/wire/frame.h"

namespace kelpie::test {
namespace {

/// The last four characters of the rollout's id and the number: "K7QF/2".
std::string short_attempt(const std::string& id) {
  const Result<AttemptId> attempt = parse_attempt_id(id);
  if (!attempt) return id;
  const std::string& rollout = attempt->rollout.text();
  return fmt::format("{}/{}", rollout.substr(rollout.size() - 4), attempt->n);
}

std::string nonce_words(const std::string& nonce) {
  return nonce.empty() ? "" : " nonce " + to_hex(as_bytes(nonce)).substr(0, 4);
}

std::string describe_delivery(const v1::Deliver& in) {
  switch (in.action_case()) {
    case v1::Deliver::kPrepare: return "PREPARE " + short_attempt(in.prepare().attempt());
    case v1::Deliver::kGo: return "GO " + short_attempt(in.go().attempt()) + nonce_words(in.go().nonce());
    case v1::Deliver::kCancel: return "CANCEL " + short_attempt(in.cancel().attempt());
    case v1::Deliver::kRead: return "READ" + nonce_words(in.read().hub_nonce());
    case v1::Deliver::ACTION_NOT_SET: break;
  }
  return "DELIVER nothing";
}

std::string describe_report(const v1::Report& in) {
  std::string out = fmt::format("report boot {} #{}{}", to_hex(as_bytes(in.boot())).substr(0, 4), in.sequence(),
                                in.has_hello() ? " hello" : "");
  if (!in.hub_nonce().empty()) out += " quotes" + nonce_words(in.hub_nonce());
  if (!in.has_attempt()) return out;
  const v1::Attempt& attempt = in.attempt();
  out += fmt::format(" {} {}{}", short_attempt(attempt.id()), v1::AttemptState_Name(attempt.state()),
                     nonce_words(attempt.nonce()));
  if (attempt.step() > 0) out += fmt::format(" step {}/{} {}", attempt.step(), attempt.step_count(), attempt.phase());
  if (!attempt.reason().empty()) out += " " + attempt.reason();
  if (!attempt.refusal().empty()) out += " " + attempt.refusal();
  return out;
}

}  // namespace

std::string describe(ByteView bytes) {
  const Result<wire::Frame> frame = wire::parse_frame(bytes);
  if (!frame) return "no frame";
  v1::Deliver deliver;
  v1::Report report;
  v1::Beacon beacon;
  if (frame->type == wire::FrameType::Deliver && deliver.ParseFromString(frame->payload))
    return describe_delivery(deliver);
  if (frame->type == wire::FrameType::Report && report.ParseFromString(frame->payload)) return describe_report(report);
  if (frame->type == wire::FrameType::Beacon && beacon.ParseFromString(frame->payload))
    return fmt::format("beacon boot {} #{}", to_hex(as_bytes(beacon.boot())).substr(0, 4), beacon.sequence());
  return frame->type == wire::FrameType::Notice ? "notice" : "another frame";
}

}  // namespace kelpie::test
