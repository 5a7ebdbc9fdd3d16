#include "device-agent/inbound.h"

#include <set>

#include <fmt/core.h>
#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/release.pb.h>

#include "proto/wire/frame.h"
#include "proto/wire/walker.h"

namespace kelpie::agent {
namespace {

using wire::Refusal;
using wire::refused;

// A clock before this cannot be right: this code did not exist. A Pi without a battery starts in 1970 or at its last
// shutdown. 2026-01-01.
constexpr WallTime kClockFloor{1'767'225'600'000};
constexpr std::chrono::minutes kStepLimit{15};  // R11, for a limit that the hub left out
constexpr std::chrono::minutes kAttemptLimit{45};
constexpr std::chrono::minutes kVerifyLimit{10};

Result<const wire::TrustHub*> check_hub(const wire::Frame& frame, const wire::Trust& trust) {
  const auto known = [&](const KeyId& kid) {
    const std::optional<wire::PublicKey> hub = trust.hub_key(kid);
    return hub ? hub : trust.operator_key(kid);
  };
  KELPIE_TRY(const std::vector<wire::PublicKey> signers, wire::verified_signers(frame, trust.installation, known));
  for (const wire::PublicKey& key : signers) {
    if (const wire::TrustHub* const hub = trust.hub(key)) return hub;
  }
  return fail(refused(Refusal::Role, "only a hub's key may sign this, and an operator's did"));
}

Result<void> check_epoch(std::uint32_t said, const wire::TrustHub& hub, const Receiver& receiver) {
  if (said == hub.epoch && said >= receiver.hub_epoch) return {};
  return fail(refused(Refusal::Epoch, fmt::format("hub epoch {}; the key has {}, this device has seen {}", said,
                                                  hub.epoch, receiver.hub_epoch)));
}

Result<void> check_audience(const std::string& device, const Receiver& receiver) {
  if (device == receiver.device.bytes()) return {};
  return fail(refused(Refusal::Audience, "the frame is for another device"));
}

template <typename Message>
Result<Message> read(const wire::Frame& frame) {
  KELPIE_TRY(wire::check_strict(as_bytes(frame.payload), *Message::descriptor()));
  Message out;
  if (!out.ParseFromString(frame.payload)) return fail(refused(Refusal::Schema, "the payload cannot be parsed"));
  return out;
}

template <typename Bytes>
Result<Bytes> bytes_of(const std::string& bytes, std::string_view field) {
  Result<Bytes> out = Bytes::from_bytes(bytes);
  if (!out) return fail(refused(Refusal::Schema, fmt::format("{}: {}", field, out.error().message)));
  return out;
}

Result<AttemptId> attempt_of(const std::string& text, const Receiver& receiver) {
  const Result<AttemptId> id = parse_attempt_id(text);
  if (!id) return fail(refused(Refusal::Schema, id.error().message));
  if (id->device != receiver.device) return fail(refused(Refusal::Audience, "the attempt is another device's"));
  return *id;
}

/// Enough persons for the plan's class. Source: protocol section 1.
Result<void> check_persons(const wire::Frame& frame, v1::Class kind, const wire::Trust& trust) {
  const Result<std::vector<wire::PublicKey>> signers =
      wire::verified_signers(frame, trust.installation, [&](const KeyId& kid) { return trust.operator_key(kid); });
  if (!signers) return fail(refused(Refusal::PlanSig, "the plan is signed by no operator of the trust document"));
  if (kind != v1::CLASS_CHANGE && kind != v1::CLASS_DANGEROUS) {
    return fail(refused(Refusal::Policy, "a plan is of class change or dangerous"));
  }
  std::set<std::string> persons;
  for (const wire::PublicKey& key : *signers) persons.insert(trust.person(key));
  const std::uint32_t wanted = kind == v1::CLASS_DANGEROUS ? trust.dangerous_threshold : trust.change_threshold;
  if (persons.size() >= wanted) return {};
  return fail(refused(Refusal::Threshold, fmt::format("{} persons signed the plan, {} must", persons.size(), wanted)));
}

/// The plan's signatures must be those its release's content asks for, whatever the hub let pass.
Result<void> check_class(v1::Class said, const Release& release) {
  if (release.dangers.empty() || said == v1::CLASS_DANGEROUS) return {};
  return fail(refused(Refusal::Policy, fmt::format("the plan is of class change, the release is dangerous: {}",
                                                   release.dangers.front())));
}

Result<void> check_leaf(const v1::Prepare& in, const v1::Plan& plan, std::string_view leaf) {
  MerkleProof proof;
  proof.index = in.leaf_index();
  for (const std::string& sibling : in.leaf_proof()) {
    KELPIE_TRY(const Digest digest, bytes_of<Digest>(sibling, "leaf_proof"));
    proof.siblings.push_back(digest);
  }
  const bool is_inside = in.leaf_index() < plan.count() && (in.leaf_index() >> proof.siblings.size()) == 0;
  if (is_inside && merkle_root_of(merkle_leaf(as_bytes(leaf)), proof).bytes() == plan.audience_root()) return {};
  return fail(refused(Refusal::PlanLeaf, "the signed plan does not contain this device with this release"));
}

Result<v1::Plan> open_plan(const wire::Frame& frame, const Receiver& receiver) {
  if (frame.type != wire::FrameType::Plan) return fail(refused(Refusal::PlanSig, "the plan's frame is no plan"));
  // Signatures come before the parser; the class, and with it the number of them, only after.
  KELPIE_TRY(check_persons(frame, v1::CLASS_CHANGE, receiver.trust));
  KELPIE_TRY(v1::Plan plan, read<v1::Plan>(frame));
  KELPIE_TRY(check_persons(frame, plan.class_(), receiver.trust));
  if (plan.schema() != 1) return fail(refused(Refusal::AgentTooOld, fmt::format("plan schema {}", plan.schema())));
  if (plan.enforce_waves()) return fail(refused(Refusal::Policy, "enforceWaves is not supported yet"));
  if (plan.not_after_unix_s() < static_cast<std::uint64_t>(receiver.now.unix_ms) / 1'000) {
    return fail(refused(Refusal::Expired, "the plan's time is over by this device's clock"));
  }
  return plan;
}

/// What operators must have signed: the plan with this device in it, and the release it names.
Result<PrepareOrder> check_permission(const v1::Prepare& in, const AttemptId& id, const Digest& hash,
                                      const Receiver& receiver) {
  const Result<wire::Frame> frame = wire::parse_frame(as_bytes(in.plan()));
  if (!frame) return fail(refused(Refusal::PlanSig, frame.error().message));
  KELPIE_TRY(const v1::Plan plan, open_plan(*frame, receiver));
  KELPIE_TRY(const Digest release_digest, bytes_of<Digest>(in.release_digest(), "release_digest"));
  const std::string leaf = leaf_bytes(
      {.device = receiver.device, .scope = in.scope(), .generation = in.generation(), .release = release_digest});
  KELPIE_TRY(check_leaf(in, plan, leaf));
  if (plan.scope() != in.scope()) return fail(refused(Refusal::PlanLeaf, "the plan is of another scope"));
  if (attempt_hash(blake2b_256(frame->payload), as_bytes(leaf), id) != hash) {
    return fail(refused(Refusal::IdReuse, "the attempt's hash is not that of its plan, leaf and id"));
  }
  KELPIE_TRY(Release release, parse_release(as_bytes(in.release()), receiver.trust));
  if (release.digest != release_digest) return fail(refused(Refusal::Digest, "the release is not the one planned"));
  if (release.scope != in.scope()) return fail(refused(Refusal::PlanLeaf, "the release is of another scope"));
  KELPIE_TRY(check_class(plan.class_(), release));
  return PrepareOrder{.id = id,
                      .hash = hash,
                      .scope = in.scope(),
                      .generation = in.generation(),
                      .release = std::move(release),
                      .release_frame = in.release()};
}

Result<Event> take_prepare(const v1::Prepare& in, const Receiver& receiver) {
  KELPIE_TRY(const AttemptId id, attempt_of(in.attempt(), receiver));
  KELPIE_TRY(const Digest hash, bytes_of<Digest>(in.attempt_hash(), "attempt_hash"));
  if (receiver.now < kClockFloor) {  // held, never guessed: the hub repeats it, and the clock may be set by then
    return fail(refused(Refusal::ClockUnsure, "the device's clock cannot be right"));
  }
  Result<PrepareOrder> order = check_permission(in, id, hash, receiver);
  if (!order) {
    return PrepareRefused{.id = id, .hash = hash, .code = order.error().reason, .detail = order.error().message};
  }
  return std::move(*order);
}

Result<Event> take_go(const v1::Go& in, const Receiver& receiver) {
  GoOrder out;
  KELPIE_TRY(out.id, attempt_of(in.attempt(), receiver));
  KELPIE_TRY(out.hash, bytes_of<Digest>(in.attempt_hash(), "attempt_hash"));
  KELPIE_TRY(out.nonce, bytes_of<Nonce>(in.nonce(), "nonce"));
  if (in.confirm_within_s() != 0) return fail(refused(Refusal::Policy, "confirmWithin is not supported yet"));
  if (in.latest_start_in_s() != 0) return fail(refused(Refusal::Policy, "windows are not supported yet"));
  const auto or_else = [](std::uint32_t seconds, Duration fallback) {
    return seconds == 0 ? fallback : Duration(std::chrono::seconds(seconds));
  };
  out.limits = {.soak = std::chrono::seconds(in.soak_s()),
                .step = or_else(in.step_limit_s(), kStepLimit),
                .attempt = or_else(in.attempt_limit_s(), kAttemptLimit),
                .verify = or_else(in.verify_limit_s(), kVerifyLimit)};
  out.door = {.url = in.archive_url(), .token = to_hex(as_bytes(in.archive_token()))};
  return out;
}

Result<Event> take_action(const v1::Deliver& in, const Receiver& receiver) {
  switch (in.action_case()) {
    case v1::Deliver::kPrepare: return take_prepare(in.prepare(), receiver);
    case v1::Deliver::kGo: return take_go(in.go(), receiver);
    case v1::Deliver::kCancel: {
      CancelOrder out;
      KELPIE_TRY(out.id, attempt_of(in.cancel().attempt(), receiver));
      KELPIE_TRY(out.hash, bytes_of<Digest>(in.cancel().attempt_hash(), "attempt_hash"));
      return out;
    }
    case v1::Deliver::kRead: {
      ReadOrder out;
      KELPIE_TRY(out.hub_nonce, bytes_of<Nonce>(in.read().hub_nonce(), "hub_nonce"));
      return out;
    }
    case v1::Deliver::ACTION_NOT_SET: break;
  }
  return fail(refused(Refusal::Schema, "the delivery asks for nothing"));
}

Result<Event> take_deliver(const wire::Frame& frame, const wire::TrustHub& hub, const Receiver& receiver) {
  KELPIE_TRY(const v1::Deliver in, read<v1::Deliver>(frame));
  KELPIE_TRY(check_audience(in.device_id(), receiver));
  KELPIE_TRY(check_epoch(in.hub_epoch(), hub, receiver));
  return take_action(in, receiver);
}

Result<Event> take_beacon(const wire::Frame& frame, const wire::TrustHub& hub, const Receiver& receiver) {
  KELPIE_TRY(const v1::Beacon in, read<v1::Beacon>(frame));
  KELPIE_TRY(check_audience(in.device_id(), receiver));
  KELPIE_TRY(check_epoch(in.hub_epoch(), hub, receiver));
  BeaconSeen out;
  KELPIE_TRY(out.install, bytes_of<InstallId>(in.install_id(), "install_id"));
  KELPIE_TRY(out.boot, bytes_of<BootId>(in.boot(), "boot"));
  out.sequence = in.sequence();
  KELPIE_TRY(out.holds, bytes_of<Digest>(in.holds_digest(), "holds_digest"));
  if (!in.hub_nonce().empty()) {
    KELPIE_TRY(out.hub_nonce, bytes_of<Nonce>(in.hub_nonce(), "hub_nonce"));
  }
  out.heartbeat = std::chrono::seconds(in.heartbeat_s());
  return out;
}

Result<Event> take_notice(const wire::Frame& frame, const wire::TrustHub& hub, const Receiver& receiver) {
  KELPIE_TRY(const v1::Notice in, read<v1::Notice>(frame));
  KELPIE_TRY(check_epoch(in.hub_epoch(), hub, receiver));
  return NoticeSeen{.reconnect_window = std::chrono::seconds(in.reconnect_window_s())};
}

}  // namespace

Result<Heard> parse(ByteView bytes, const Receiver& receiver) {
  KELPIE_TRY(const wire::Frame frame, wire::parse_frame(bytes));
  const auto take = frame.type == wire::FrameType::Deliver  ? take_deliver
                    : frame.type == wire::FrameType::Beacon ? take_beacon
                    : frame.type == wire::FrameType::Notice ? take_notice
                                                            : nullptr;
  if (take == nullptr) return fail(refused(Refusal::Type, "no frame of this type comes over the broker to a device"));
  KELPIE_TRY(const wire::TrustHub* const hub, check_hub(frame, receiver.trust));
  KELPIE_TRY(Event event, take(frame, *hub, receiver));
  return Heard{.hub_epoch = hub->epoch, .event = std::move(event)};
}

}  // namespace kelpie::agent
