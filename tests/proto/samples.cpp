#include "tests/proto/samples.h"

#include <algorithm>

#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/release.pb.h>
#include <kelpie/v1/report.pb.h>
#include <kelpie/v1/trust.pb.h>

namespace kelpie::wire::test {
namespace {

constexpr const char* kAttempt = "01JD0000000000000000000000/000102030405060708090a0b0c0d0e0f/1";

std::string sample_trust() {
  v1::TrustDocument document;
  document.set_version(1);
  document.set_name("sample fleet");
  document.set_created_unix_s(1'795'338'843);
  v1::RootKey& root = *document.add_roots();
  root.set_key(key_of(1).public_key().bytes());
  root.set_person("ana");
  document.set_root_threshold(1);
  v1::Operator& person = *document.add_operators();
  person.set_key(key_of(2).public_key().bytes());
  person.set_person("ana");
  v1::HubKey& hub = *document.add_hubs();
  hub.set_key(key_of(3).public_key().bytes());
  hub.set_epoch(1);
  document.set_change_threshold(1);
  document.set_dangerous_threshold(2);
  return document.SerializeAsString();
}

std::string sample_release() {
  v1::Release release;
  release.set_schema(1);
  release.set_name("edge");
  release.set_version("1.4.0");
  release.set_scope("device");
  v1::InstallStep& install = *release.add_steps()->mutable_install();
  install.set_channel("1.32/stable");
  install.set_hold(true);
  v1::Workload& workload = *release.add_steps()->mutable_deploy()->add_workloads();
  workload.set_name("web");
  workload.set_namespace_("default");
  workload.set_manifest(R"({"apiVersion":"v1","items":[],"kind":"List"})");
  release.add_checks()->mutable_workload_ready()->set_workload("web");
  release.mutable_preflight()->set_disk_free_bytes(2'000'000'000);
  return release.SerializeAsString();
}

std::string sample_plan() {
  v1::Plan plan;
  plan.set_schema(1);
  plan.set_class_(v1::CLASS_CHANGE);
  plan.set_scope("device");
  plan.set_not_after_unix_s(1'795'425'243);
  plan.set_policy_hash(std::string(32, '\x11'));
  plan.set_count(3);
  plan.set_audience_root(std::string(32, '\x22'));
  return plan.SerializeAsString();
}

std::string sample_deliver() {
  v1::Deliver deliver;
  deliver.set_device_id(std::string(16, '\x33'));
  deliver.set_hub_epoch(1);
  v1::Go& go = *deliver.mutable_go();
  go.set_attempt(kAttempt);
  go.set_attempt_hash(std::string(32, '\x44'));
  go.set_nonce(std::string(16, '\x55'));
  go.set_soak_s(300);
  return deliver.SerializeAsString();
}

std::string sample_report() {
  v1::Report report;
  report.set_device_id(std::string(16, '\x33'));
  report.set_install_id(std::string(16, '\x66'));
  report.set_boot(std::string(16, '\x77'));
  report.set_sequence(42);
  report.mutable_hello()->set_agent_version("0.1.0");
  v1::Attempt& attempt = *report.mutable_attempt();
  attempt.set_id(kAttempt);
  attempt.set_state(v1::EXECUTING);
  attempt.set_progress("pulling docker.io/library/nginx 12.4/57.2 MiB");
  v1::WorkloadFact& fact = *report.mutable_facts()->add_workloads();
  fact.set_name("web");
  fact.add_node_ports(30'080);
  fact.add_node_ports(30'443);
  return report.SerializeAsString();
}

std::string sample_beacon() {
  v1::Beacon beacon;
  beacon.set_device_id(std::string(16, '\x33'));
  beacon.set_hub_epoch(1);
  beacon.set_sequence(42);
  beacon.set_audit_size(1'000);
  beacon.set_audit_root(std::string(32, '\x88'));
  return beacon.SerializeAsString();
}

std::string sample_notice() {
  v1::Notice notice;
  notice.set_hub_start_unix_ms(1'795'338'843'123);
  notice.set_hub_epoch(1);
  notice.set_trust_version(1);
  notice.set_reconnect_window_s(5);
  return notice.SerializeAsString();
}

}  // namespace

SigningKey key_of(std::uint64_t seed) {
  SeededEntropy entropy(seed);
  return SigningKey::generate(entropy);
}

InstallationId sample_installation() {
  return InstallationId::from_bytes(blake2b_128(sample_payloads().front().second).view()).value();
}

std::string sample_go_with_archive() {
  v1::Deliver deliver;
  v1::Go& go = *deliver.mutable_go();
  go.set_attempt(kAttempt);
  go.set_archive_url("http://127.0.0.1:7440/archives/" + std::string(kAttempt));
  go.set_archive_token(std::string(32, '\x99'));
  return deliver.SerializeAsString();
}

std::string sample_report_of_archive() {
  v1::Report report;
  report.mutable_attempt()->set_id(kAttempt);
  v1::StepResult& result = *report.mutable_attempt()->add_results();
  result.set_kind("inspect");
  result.set_outcome(v1::UNCHANGED);
  result.set_archive_sha256(std::string(32, '\xaa'));
  result.set_archive_bytes(48'211);
  return report.SerializeAsString();
}

KeyLookup knows(const std::vector<PublicKey>& keys) {
  return [keys](const KeyId& kid) -> std::optional<PublicKey> {
    const auto at = std::ranges::find(keys, kid, key_id);
    return at == keys.end() ? std::nullopt : std::optional(*at);
  };
}

const std::vector<std::pair<FrameType, std::string>>& sample_payloads() {
  static const std::vector<std::pair<FrameType, std::string>> payloads = {
      {FrameType::TrustDoc, sample_trust()},
      {FrameType::Release, sample_release()},
      {FrameType::Plan, sample_plan()},
      {FrameType::Deliver, sample_deliver()},
      {FrameType::Report, sample_report()},
      {FrameType::Beacon, sample_beacon()},
      {FrameType::DeviceCert, "device certificate"},  // no schema yet: the frame does not look inside
      {FrameType::EnrolRequest, "enrolment request"},
      {FrameType::EnrolGrant, "enrolment grant"},
      {FrameType::Checkpoint, "checkpoint"},
      {FrameType::Notice, sample_notice()},
      {FrameType::Approval, "approval"},
      {FrameType::Brake, "brake"},
  };
  return payloads;
}

}  // namespace kelpie::wire::test
