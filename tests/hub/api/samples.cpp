#include "tests/hub/api/samples.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/records/history.h"

namespace kelpie::test {

wire::SigningKey key_of(std::uint64_t seed) {
  SeededEntropy entropy(seed);
  return wire::SigningKey::generate(entropy);
}

wire::Trust sample_trust() {
  wire::Trust out;
  out.installation = *InstallationId::from_hex("00112233445566778899aabbccddeeff");
  out.version = 1;
  out.name = "test";
  out.roots = {{key_of(1).public_key(), "ana"}};
  out.operators = {{key_of(1).public_key(), "ana"}, {key_of(2).public_key(), "ben"}};
  out.hubs = {{key_of(9).public_key(), 1}};
  out.change_threshold = 1;
  out.dangerous_threshold = 2;
  out.frame = "frame";
  return out;
}

std::string sample_manifest(const std::string& name_space) {
  return fmt::format(R"({{"apiVersion":"v1","items":[{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"a",)"
                     R"("namespace":"{}"}}}}],"kind":"List"}})",
                     name_space);
}

v1::Release sample_release() {
  v1::Release out;
  out.set_schema(1);
  out.set_name("kiosk");
  out.set_version("1");
  out.set_scope("device");
  v1::InstallStep& install = *out.add_steps()->mutable_install();
  install.set_channel("1.32/stable");
  install.set_hold(true);
  out.add_steps()->mutable_start();
  v1::Image& image = *out.add_steps()->mutable_images()->add_images();
  image.set_ref("docker.io/nodered/node-red:3.1");
  image.set_digest("sha256:" + std::string(64, 'a'));
  out.add_steps()->mutable_addons()->add_addons()->set_name("dns");
  v1::Workload& workload = *out.add_steps()->mutable_deploy()->add_workloads();
  workload.set_name("nodered");
  workload.set_namespace_("default");
  workload.set_manifest(sample_manifest());
  out.add_checks()->mutable_node_ready();
  out.add_checks()->mutable_workload_ready()->set_workload("nodered");
  return out;
}

v1::Plan sample_plan() {
  v1::Plan out;
  out.set_schema(1);
  out.set_class_(v1::CLASS_CHANGE);
  out.set_scope("device");
  out.set_not_after_unix_s(2'000'000'000);
  out.set_policy_hash(std::string(32, 'p'));
  out.set_count(3);
  out.set_audience_root(std::string(32, 'r'));
  return out;
}

std::string signed_frame(wire::FrameType type, const std::string& payload, const std::vector<std::uint64_t>& seeds) {
  const InstallationId installation = sample_trust().installation;
  std::string out = wire::seal(type, installation, as_bytes(payload), key_of(seeds.front()));
  for (std::size_t i = 1; i < seeds.size(); ++i) {
    out = *wire::add_signature(as_bytes(out), installation, key_of(seeds[i]));
  }
  return out;
}

Result<std::optional<std::string>> MemoryStore::get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto at = rows_.find(key);
  return at == rows_.end() ? std::optional<std::string>() : std::optional<std::string>(at->second);
}

Result<void> MemoryStore::scan(std::string_view prefix, std::string_view after,
                               const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const std::lock_guard lock(mutex_);
  auto at = after.empty() ? rows_.lower_bound(prefix) : rows_.upper_bound(after);
  for (; at != rows_.end() && at->first.starts_with(prefix); ++at) {
    if (!visit(at->first, at->second)) return {};
  }
  return {};
}

Result<void> MemoryStore::commit(const hub::Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (const hub::Batch::Put& put : batch.puts) rows_[put.key] = put.value;
  for (const std::string& key : batch.deletes) rows_.erase(key);
  return {};
}

void store_event(MemoryStore& store, std::uint64_t sequence, const std::string& device) {
  hub::FeedEvent event;
  event.sequence = sequence;
  event.time = {1'000};
  event.type = "device.online";
  event.object = "device/" + device;
  event.device = device;
  hub::Batch batch;
  batch.puts.push_back({hub::records::number_key(hub::kFeedPrefix, sequence), hub::records::write_feed(event)});
  EXPECT_TRUE(store.commit(batch));
}

}  // namespace kelpie::test
