#include "tests/device-agent/hub_frames.h"

namespace kelpie::test {
namespace {

constexpr std::uint64_t kFarFuture = 4'000'000'000;  // unix seconds

void sign(std::string& frame, const std::vector<Key>& keys, std::size_t from) {
  for (std::size_t i = from; i < keys.size(); ++i) {
    frame = wire::add_signature(as_bytes(frame), the_trust().installation, key_of(keys[i])).value();
  }
}

v1::Release release_of(const PrepareOf& of) {
  v1::Release out = kiosk_release();
  out.set_scope(of.scope);
  if (of.release) of.release(out);
  return out;
}

}  // namespace

wire::SigningKey key_of(Key key) {
  SeededEntropy entropy(key);
  return wire::SigningKey::generate(entropy);
}

DeviceId the_device() {
  return wire::device_id_of(key_of(kDevice).public_key());
}

const wire::Trust& the_trust() {
  static const wire::Trust trust = [] {
    wire::Trust out;
    out.installation = *InstallationId::from_bytes(blake2b_128("hub frames").view());
    out.version = 1;
    out.roots = {{.key = key_of(kRoot).public_key(), .person = "ana"}};
    out.operators = {{.key = key_of(kAna).public_key(), .person = "ana"},
                     {.key = key_of(kBen).public_key(), .person = "ben"}};
    out.hubs = {{.key = key_of(kHub).public_key(), .epoch = 1}, {.key = key_of(kStandbyHub).public_key(), .epoch = 2}};
    return out;
  }();
  return trust;
}

v1::Release kiosk_release() {
  v1::Release out;
  out.set_schema(1);
  out.set_name("kiosk");
  out.set_version("1.4.0");
  out.set_scope("device");
  out.add_steps()->mutable_start();
  out.add_steps()->mutable_addons()->add_addons()->set_name("dns");
  v1::Workload& workload = *out.add_steps()->mutable_deploy()->add_workloads();
  workload.set_name("kiosk");
  workload.set_namespace_("default");
  workload.set_manifest(
      R"({"apiVersion":"v1","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"kiosk"}}],"kind":"List"})");
  out.add_checks()->mutable_node_ready();
  return out;
}

v1::Deliver prepare_of(const PrepareOf& of) {
  const InstallationId& installation = the_trust().installation;
  const std::string release = release_of(of).SerializeAsString();
  const Digest release_digest = blake2b_256(release);
  const std::string leaf =
      leaf_bytes({.device = the_device(), .scope = of.scope, .generation = of.generation, .release = release_digest});
  const MerkleTree audience(
      {merkle_leaf(as_bytes("another device")), merkle_leaf(as_bytes(leaf)), merkle_leaf(as_bytes("a third one"))});
  const MerkleProof proof = audience.proof(1);

  v1::Plan plan;
  plan.set_schema(1);
  plan.set_class_(v1::CLASS_CHANGE);
  plan.set_scope(of.scope);
  plan.set_not_after_unix_s(kFarFuture);
  plan.set_policy_hash(blake2b_256("policy").bytes());
  plan.set_count(3);
  plan.set_audience_root(audience.root().bytes());
  if (of.plan) of.plan(plan);
  const std::string payload = plan.SerializeAsString();
  std::string frame = wire::seal(of.plan_type, installation, as_bytes(payload), key_of(of.plan_by.front()));
  sign(frame, of.plan_by, 1);

  const AttemptId id{.rollout = *RolloutId::parse("01JD0000000000000000000000"), .device = the_device(), .n = of.n};
  v1::Deliver out;
  v1::Prepare& prepare = *out.mutable_prepare();
  prepare.set_attempt(to_string(id));
  prepare.set_attempt_hash(attempt_hash(blake2b_256(payload), as_bytes(leaf), id).bytes());
  prepare.set_plan(frame);
  prepare.set_generation(of.generation);
  prepare.set_scope(of.scope);
  prepare.set_release_digest(release_digest.bytes());
  prepare.set_leaf_index(proof.index);
  for (const Digest& sibling : proof.siblings) prepare.add_leaf_proof(sibling.bytes());
  prepare.set_release(wire::seal(wire::FrameType::Release, installation, as_bytes(release), key_of(of.release_by)));
  if (of.prepare) of.prepare(prepare);
  return out;
}

std::string sealed(v1::Deliver deliver, Key by) {
  if (deliver.device_id().empty()) deliver.set_device_id(the_device().bytes());
  if (deliver.hub_epoch() == 0) deliver.set_hub_epoch(by == kStandbyHub ? 2 : 1);
  return sealed_raw(wire::FrameType::Deliver, deliver.SerializeAsString(), by);
}

std::string sealed(v1::Beacon beacon, Key by) {
  if (beacon.device_id().empty()) beacon.set_device_id(the_device().bytes());
  if (beacon.hub_epoch() == 0) beacon.set_hub_epoch(by == kStandbyHub ? 2 : 1);
  return sealed_raw(wire::FrameType::Beacon, beacon.SerializeAsString(), by);
}

std::string sealed(v1::Notice notice, Key by) {
  if (notice.hub_epoch() == 0) notice.set_hub_epoch(by == kStandbyHub ? 2 : 1);
  return sealed_raw(wire::FrameType::Notice, notice.SerializeAsString(), by);
}

std::string sealed_raw(wire::FrameType type, const std::string& payload, Key by) {
  return wire::seal(type, the_trust().installation, as_bytes(payload), key_of(by));
}

}  // namespace kelpie::test
