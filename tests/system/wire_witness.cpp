#include "tests/system/wire_witness.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "hub/records/history.h"
#include "hub/records/records.h"
#include "hub/store/rocks_kv.h"
#include "proto/wire/frame.h"
#include "proto/wire/topics.h"
#include "tests/support/temp_dir.h"

namespace kelpie::test {
namespace {

constexpr const char* kMarkTopic = "witness";

bool is_final(v1::AttemptState state) {
  return state == v1::SUCCEEDED || state == v1::FAILED || state == v1::CANCELLED || state == v1::REFUSED;
}

bool is_disrupted(v1::AttemptState state) {
  return !is_final(state) && state != v1::SOAKING;
}

template <typename Payload>
Payload parsed(const wire::Frame& frame) {
  Payload out;
  EXPECT_TRUE(out.ParseFromString(frame.payload));
  return out;
}

}  // namespace

WireWitness::WireWitness(HubProgram& hub) : hub_(hub) {
  Result<std::unique_ptr<wire::MqttBus>> bus =
      wire::MqttBus::open({.broker_url = hub.broker().url(),
                           .client_id = "witness",
                           .filters = {"kelpie/v1/+/+/down", wire::up_filter(), kMarkTopic},
                           .username = {},
                           .password_file = {}},
                          {.on_message =
                               [this](std::string topic, std::string payload) {
                                 inbox_.push_always({std::move(topic), std::move(payload)});
                               },
                           .on_link = [](bool) {}},
                          entropy_);
  EXPECT_TRUE(bus) << bus.error().message;
  bus_ = std::move(*bus);
  EXPECT_TRUE(eventually([this] { return bus_->is_connected(); }));
}

// The broker hands every message to one listener in the order it took them. The second mark is sent when the first is
// back: by then the broker has read what a dead hub left in its socket.
void WireWitness::listen() {
  for (int round = 0; round < 2; ++round) {
    const std::string mark = std::to_string(++marks_);
    bus_->publish(kMarkTopic, as_bytes(mark));
    const bool is_back = eventually([&] {
      bool out = false;
      for (const auto& [topic, bytes] : inbox_.take(100'000, std::chrono::milliseconds(100))) {
        if (topic == kMarkTopic)
          out = bytes == mark;
        else
          take(bytes);
      }
      return out;
    });
    EXPECT_TRUE(is_back) << "the broker does not answer";
  }
}

void WireWitness::take(std::string_view bytes) {
  const Result<wire::Frame> frame = wire::parse_frame(as_bytes(bytes));
  ASSERT_TRUE(frame) << frame.error().message;
  if (frame->type == wire::FrameType::Deliver) take(parsed<v1::Deliver>(*frame));
  if (frame->type == wire::FrameType::Beacon) take(parsed<v1::Beacon>(*frame));
  if (frame->type == wire::FrameType::Report) take(parsed<v1::Report>(*frame));
}

void WireWitness::take(const v1::Deliver& deliver) {
  if (deliver.has_read()) asked_.insert(*DeviceId::from_bytes(deliver.device_id()));
  if (deliver.has_prepare()) {
    const AttemptId id = *parse_attempt_id(deliver.prepare().attempt());
    const auto [before, is_first] = newest_.emplace(id.device, id);
    if (!is_first && before->second != id) {
      EXPECT_TRUE(is_final(attempts_[before->second].said))
          << "PREPARE of " << to_string(id) << " before the device closed " << to_string(before->second);
      before->second = id;
    }
    attempts_.try_emplace(id);
  }
  if (deliver.has_go()) {
    const AttemptId id = *parse_attempt_id(deliver.go().attempt());
    Seen& seen = attempts_[id];
    seen.granted = *Nonce::from_bytes(deliver.go().nonce());
    EXPECT_TRUE(seen.nonces.contains(seen.granted)) << "GO of a nonce that nobody made: " << to_string(id);
  }
}

void WireWitness::take(const v1::Beacon& beacon) {
  const hub::Incarnation incarnation{*InstallId::from_bytes(beacon.install_id()), *BootId::from_bytes(beacon.boot())};
  acknowledged_[*DeviceId::from_bytes(beacon.device_id())] = {.incarnation = incarnation,
                                                              .sequence = beacon.sequence()};
  audit_size_ = std::max(audit_size_, beacon.audit_size());
}

void WireWitness::take(const v1::Report& report) {
  if (!report.has_attempt()) return;
  Seen& seen = attempts_[*parse_attempt_id(report.attempt().id())];
  seen.said = report.attempt().state();
  if (report.attempt().nonce().empty()) return;
  seen.newest = *Nonce::from_bytes(report.attempt().nonce());
  seen.nonces.insert(seen.newest);
}

void WireWitness::expect_known_to_store() {
  listen();
  const TempDir folder;
  std::filesystem::copy(hub_.store_folder(), folder / "store");
  const auto store = hub::RocksKv::open(folder / "store");
  ASSERT_TRUE(store) << store.error().message;
  const Result<hub::HubState> stored = hub::records::load(**store, hub_.trust().installation);
  ASSERT_TRUE(stored) << stored.error().message;
  for (const auto& [id, seen] : attempts_) expect_attempt(*stored, id, seen);
  for (const auto& [id, said] : acknowledged_) {
    const auto device = stored->devices.find(id);
    ASSERT_NE(device, stored->devices.end());
    if (device->second.incarnation != said.incarnation) continue;
    EXPECT_GE(device->second.sequence, said.sequence) << "a report was acknowledged that the store does not know";
  }
  EXPECT_GE(stored->audit.size(), audit_size_) << "a beacon vouched for an audit log that the store does not hold";
  expect_granted_once(**store);
}

void WireWitness::expect_attempt(const hub::HubState& stored, const AttemptId& id, const Seen& seen) const {
  SCOPED_TRACE("attempt " + to_string(id));
  const auto rollout = stored.rollouts.find(id.rollout);
  ASSERT_NE(rollout, stored.rollouts.end()) << "sent, and not in the store";
  const hub::Target& target = rollout->second.targets.at(id.device);
  ASSERT_EQ(target.attempt, id.n) << "the newest that was sent, and in the store";
  // What the device has ended the hub may have heard, and may not.
  const bool is_closed = is_final(seen.said);
  EXPECT_TRUE(is_closed || target.is_attempt_open) << "the device has not closed it";
  // A device that has made another nonce since will not obey this GO.
  if (seen.granted.is_zero() || seen.granted != seen.newest) return;
  EXPECT_EQ(target.granted_nonce, seen.granted) << "a GO left that the store does not know";
  EXPECT_NE(target.state, hub::TargetState::Prepared) << "a GO left that the store does not know";
  if (is_disrupted(seen.said)) {
    EXPECT_EQ(stored.devices.at(id.device).lease, id) << "a GO is out without its lease";
  }
}

void WireWitness::expect_granted_once(const hub::KeyValueStore& store) const {
  std::map<AttemptId, std::size_t> grants;
  const Result<void> all = store.scan(hub::kAuditPrefix, {}, [&](std::string_view, std::string_view value) {
    const Result<hub::AuditEntry> entry = hub::records::read_audit(value);
    EXPECT_TRUE(entry);
    if (entry && entry->action == "target.granted") ++grants[*parse_attempt_id(entry->object)];
    return true;
  });
  EXPECT_TRUE(all);
  for (const auto& [id, count] : grants) {
    EXPECT_LE(count, attempts_.at(id).nonces.size()) << "granted again under a known nonce: " << to_string(id);
  }
}

}  // namespace kelpie::test
