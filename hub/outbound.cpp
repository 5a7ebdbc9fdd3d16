#include "hub/outbound.h"

#include <algorithm>
#include <map>

#include <kelpie/v1/deliver.pb.h>

#include "hub/core/archives.h"
#include "hub/core/rollout/target.h"
#include "proto/wire/frame.h"
#include "proto/wire/topics.h"

namespace kelpie::hub {
namespace {

constexpr std::size_t kHellosPerSecond = 200;  // protocol section 5: window = devices / 200 s

struct AttemptOf {
  const Rollout& rollout;
  const Target& target;
};

/// Empty when the state has moved on to another attempt.
std::optional<AttemptOf> find(const HubState& state, const AttemptId& id) {
  const auto rollout = state.rollouts.find(id.rollout);
  if (rollout == state.rollouts.end()) return std::nullopt;
  const auto target = rollout->second.targets.find(id.device);
  if (target == rollout->second.targets.end() || target->second.attempt != id.n) return std::nullopt;
  return AttemptOf{rollout->second, target->second};
}

bool may_go(RolloutPhase phase) {
  return phase == RolloutPhase::Running || phase == RolloutPhase::Paused;
}

void write_prepare(const HubState& state, const AttemptOf& of, v1::Prepare& out) {
  const PlanLeaf& leaf = of.rollout.leaves.at(of.target.leaf_index);
  const MerkleProof proof = of.rollout.audience->proof(of.target.leaf_index);
  out.set_attempt(to_string(attempt_of(of.target)));
  out.set_attempt_hash(attempt_hash_of(of.rollout, of.target).bytes());
  out.set_plan(of.rollout.plan_frame);
  out.set_generation(leaf.generation);
  out.set_scope(leaf.scope);
  out.set_release_digest(leaf.release.bytes());
  out.set_leaf_index(of.target.leaf_index);
  for (const Digest& sibling : proof.siblings) out.add_leaf_proof(sibling.bytes());
  out.set_release(state.releases.at(of.rollout.release).frame);
}

/// Payloads of one kind, the newest per device and meaning.
class Letters {
 public:
  explicit Letters(wire::FrameType type) : type_(type) {}
  void add(const DeviceId& device, int meaning, std::string payload) {
    payloads_[{device, meaning}] = std::move(payload);
  }
  void seal_into(const Signer& signer, std::vector<Outgoing>& out) const {
    if (payloads_.empty()) return;
    std::vector<std::string> batch;
    for (const auto& [key, payload] : payloads_) batch.push_back(payload);
    std::vector<std::string> frames = wire::seal_batch(type_, signer.installation, batch, signer.key);
    std::size_t at = 0;
    for (const auto& [key, payload] : payloads_) {
      out.push_back({.topic = wire::down_topic(key.first), .frame = std::move(frames[at++])});
    }
  }

 private:
  wire::FrameType type_;
  std::map<std::pair<DeviceId, int>, std::string> payloads_;
};

struct WriteMessage {
  const HubState& state;
  const Signer& signer;
  WallTime now;
  Letters& deliveries;
  Letters& beacons;

  enum Meaning { Attempt, Ask };

  void deliver(const DeviceId& device, Meaning meaning, v1::Deliver& out) const {
    out.set_device_id(device.bytes());
    out.set_hub_epoch(signer.epoch);
    deliveries.add(device, meaning, out.SerializeAsString());
  }
  void operator()(const SendPrepare& send) const {
    const std::optional<AttemptOf> of = find(state, send.attempt);
    if (!of) return;
    v1::Deliver out;
    write_prepare(state, *of, *out.mutable_prepare());
    deliver(send.attempt.device, Attempt, out);
  }
  void operator()(const SendGo& send) const {
    const std::optional<AttemptOf> of = find(state, send.attempt);
    // An abort in the same batch: its commit came before this GO, which therefore never leaves (invariant 25).
    if (!of || of->target.state != TargetState::Granted || !may_go(of->rollout.phase)) return;
    v1::Deliver out;
    v1::Go& go = *out.mutable_go();
    go.set_attempt(to_string(send.attempt));
    go.set_attempt_hash(attempt_hash_of(of->rollout, of->target).bytes());
    go.set_nonce(send.nonce.bytes());
    go.set_soak_s(send.soak_s);
    go.set_step_limit_s(send.step_limit_s);
    go.set_attempt_limit_s(send.attempt_limit_s);
    go.set_verify_limit_s(send.verify_limit_s);
    if (!signer.door.origin.empty() && state.releases.at(of->rollout.release).asks_for_archive) {
      go.set_archive_url(signer.door.origin + archive_path(send.attempt));
      go.set_archive_token(archive_token(signer.door.secret, send.attempt).bytes());
    }
    deliver(send.attempt.device, Attempt, out);
  }
  void operator()(const SendCancel& send) const {
    v1::Deliver out;
    out.mutable_cancel()->set_attempt(to_string(send.attempt));
    out.mutable_cancel()->set_attempt_hash(send.attempt_hash.bytes());
    deliver(send.attempt.device, Attempt, out);
  }
  void operator()(const SendRead& send) const {
    v1::Deliver out;
    out.mutable_read()->set_hub_nonce(send.hub_nonce.bytes());
    deliver(send.device, Ask, out);
  }
  void operator()(const SendBeacon& send) const {
    v1::Beacon out;
    out.set_device_id(send.device.bytes());
    out.set_hub_epoch(signer.epoch);
    if (!send.heartbeat_nonce.is_zero()) out.set_heartbeat_nonce(send.heartbeat_nonce.bytes());
    out.set_install_id(send.incarnation.install.bytes());
    out.set_boot(send.incarnation.boot.bytes());
    out.set_sequence(send.sequence);
    out.set_holds_digest(send.holds_digest.bytes());
    out.set_audit_size(state.audit.size());
    out.set_audit_root(state.audit.root().bytes());
    out.set_hub_unix_ms(static_cast<std::uint64_t>(now.unix_ms));
    if (!send.hub_nonce.is_zero()) out.set_hub_nonce(send.hub_nonce.bytes());
    beacons.add(send.device, Attempt, out.SerializeAsString());
  }
};

}  // namespace

Digest archive_secret(const wire::SigningKey& key) {
  return blake2b_256(key.sign(as_bytes("kelpie-archive-secret-v1")).view());
}

std::vector<Outgoing> seal_messages(const HubState& state, const std::vector<Message>& messages, const Signer& signer,
                                    WallTime now) {
  Letters deliveries(wire::FrameType::Deliver);
  Letters beacons(wire::FrameType::Beacon);
  const WriteMessage write{state, signer, now, deliveries, beacons};
  for (const Message& message : messages) std::visit(write, message);
  std::vector<Outgoing> out;
  // A device takes nothing new before the end of its last attempt is acknowledged.
  beacons.seal_into(signer, out);
  deliveries.seal_into(signer, out);
  return out;
}

Outgoing seal_notice(const HubState& state, const Signer& signer) {
  v1::Notice notice;
  notice.set_hub_start_unix_ms(static_cast<std::uint64_t>(state.started_at.unix_ms));
  notice.set_hub_epoch(signer.epoch);
  notice.set_trust_version(state.trust_version);
  const std::size_t window = (state.devices.size() + kHellosPerSecond - 1) / kHellosPerSecond;
  notice.set_reconnect_window_s(static_cast<std::uint32_t>(std::max<std::size_t>(window, 1)));
  return {.topic = wire::all_topic(),
          .frame = wire::seal(wire::FrameType::Notice, signer.installation, as_bytes(notice.SerializeAsString()),
                              signer.key)};
}

}  // namespace kelpie::hub
