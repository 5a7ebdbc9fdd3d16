#include "tests/support/played_device.h"

#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/report.pb.h>

namespace kelpie::test {

PlayedDevice::PlayedDevice(std::uint64_t seed, const wire::Trust& trust)
    : entropy_(seed),
      key_(wire::SigningKey::generate(entropy_)),
      trust_(trust),
      install_(random_bytes<InstallId>(entropy_)),
      boot_(random_bytes<BootId>(entropy_)) {}

std::string PlayedDevice::hello() {
  return report({}, true);
}

void PlayedDevice::restart() {
  boot_ = random_bytes<BootId>(entropy_);
  sequence_ = 0;
  acknowledged_ = 0;
}

std::string PlayedDevice::report(const std::string& hub_nonce, bool is_hello) {
  v1::Report out;
  out.set_device_id(id().bytes());
  out.set_install_id(install_.bytes());
  out.set_boot(boot_.bytes());
  out.set_sequence(++sequence_);
  out.set_hub_nonce(hub_nonce);
  out.set_heartbeat_nonce(random_bytes<Nonce>(entropy_).bytes());
  if (is_hello || !hub_nonce.empty()) {
    out.mutable_hello()->set_identity_key(key_.public_key().bytes());
    out.mutable_hello()->set_agent_version("1.0.0");
    out.mutable_hello()->set_trust_version(1);
    out.mutable_hello()->set_schema_max(1);
  }
  if (attempt_) {
    constexpr v1::AttemptState kStates[] = {v1::PREPARED, v1::EXECUTING, v1::SUCCEEDED, v1::FAILED, v1::CANCELLED};
    v1::Attempt& attempt = *out.mutable_attempt();
    attempt.set_id(attempt_->id);
    attempt.set_hash(attempt_->hash);
    attempt.set_state(kStates[static_cast<int>(attempt_->state)]);
    if (attempt_->state == State::Prepared) attempt.set_nonce(attempt_->nonce);
    if (attempt_->state == State::Failed) {
      attempt.set_outcome(v1::RESTORED);
      attempt.set_reason("image-pull-failed");
      attempt.set_detail("docker.io/nodered/node-red:3.1: 401 Unauthorized");
    }
  }
  return wire::seal(wire::FrameType::Report, trust_.installation, as_bytes(out.SerializeAsString()), key_);
}

std::vector<std::string> PlayedDevice::take(const std::string& bytes) {
  const Result<wire::Frame> frame = wire::parse_frame(as_bytes(bytes));
  const auto lookup = [&](const KeyId& kid) { return trust_.hub_key(kid); };
  if (!frame || !wire::verified_signers(*frame, trust_.installation, lookup)) {
    ++rejected_;
    return {};
  }
  if (frame->type == wire::FrameType::Deliver) return take_delivery(frame->payload);
  v1::Beacon beacon;
  if (frame->type != wire::FrameType::Beacon || !beacon.ParseFromString(frame->payload)) return {};
  if (beacon.device_id() == id().bytes() && beacon.boot() == boot_.bytes()) acknowledged_ = beacon.sequence();
  return {};
}

std::vector<std::string> PlayedDevice::take_delivery(const std::string& payload) {
  v1::Deliver deliver;
  if (!deliver.ParseFromString(payload) || deliver.device_id() != id().bytes()) return {};
  if (deliver.has_read()) return {report(deliver.read().hub_nonce())};
  if (deliver.has_prepare()) {
    const v1::Prepare& prepare = deliver.prepare();
    const bool is_known = attempt_ && attempt_->id == prepare.attempt();
    if (!is_known || attempt_->state == State::Prepared) {
      attempt_ = {.id = prepare.attempt(),
                  .hash = prepare.attempt_hash(),
                  .nonce = random_bytes<Nonce>(entropy_).bytes(),
                  .state = State::Prepared};
    }
    return {report({})};
  }
  if (!attempt_) return {report({})};
  if (deliver.has_go()) {
    const v1::Go& go = deliver.go();
    const bool is_mine = attempt_->id == go.attempt() && attempt_->hash == go.attempt_hash();
    if (is_mine && attempt_->state == State::Prepared && attempt_->nonce == go.nonce()) return run();
    return {report({})};
  }
  if (deliver.cancel().attempt() == attempt_->id && attempt_->state == State::Prepared) {
    attempt_->state = State::Cancelled;
  }
  return {report({})};
}

std::vector<std::string> PlayedDevice::run() {
  ran_.push_back(attempt_->id);
  attempt_->state = State::Executing;
  std::vector<std::string> out{report({})};
  attempt_->state = is_failing_ ? State::Failed : State::Succeeded;
  out.push_back(report({}));
  return out;
}

}  // namespace kelpie::test
