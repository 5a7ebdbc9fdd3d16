// Listens to the broker between a hub and its devices. Judges what either says of attempts in the order of the wire,
// and all of it against the store of a hub that has died: nothing may have left that the store would not know.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/report.pb.h>

#include "hub/core/state.h"
#include "hub/store/kv.h"
#include "proto/base/inbox.h"
#include "proto/wire/mqtt_bus.h"
#include "tests/system/hub_program.h"

namespace kelpie::test {

class WireWitness {
 public:
  /// Hears everything from now on.
  explicit WireWitness(HubProgram& hub);

  /// Everything that is on the wire by now.
  void listen();
  /// Of a hub that is dead. Reads a copy of its store, so that the next hub finds the store as it was left.
  void expect_known_to_store();

  /// Devices that the hub asked where they stand, since the last forgetting.
  [[nodiscard]] const std::set<DeviceId>& asked() const { return asked_; }
  void forget_asked() { asked_.clear(); }

 private:
  struct Seen {
    std::set<Nonce> nonces;  // that the device said
    Nonce newest;            // of them
    Nonce granted;           // of the last GO; zero: none
    v1::AttemptState said = v1::ATTEMPT_STATE_UNSPECIFIED;
  };
  struct Acknowledged {
    hub::Incarnation incarnation;
    std::uint64_t sequence = 0;
  };

  void take(std::string_view bytes);
  void take(const v1::Deliver& deliver);
  void take(const v1::Beacon& beacon);
  void take(const v1::Report& report);
  void expect_attempt(const hub::HubState& stored, const AttemptId& id, const Seen& seen) const;
  void expect_granted_once(const hub::KeyValueStore& store) const;

  HubProgram& hub_;
  std::uint64_t marks_ = 0;
  std::map<AttemptId, Seen> attempts_;
  std::map<DeviceId, AttemptId> newest_;  // that the hub had prepared
  std::map<DeviceId, Acknowledged> acknowledged_;
  std::uint64_t audit_size_ = 0;  // the largest that a beacon vouched for
  std::set<DeviceId> asked_;
  SeededEntropy entropy_{5};
  Inbox<std::pair<std::string, std::string>> inbox_{100'000};
  std::unique_ptr<wire::MqttBus> bus_;  // last: its callbacks use what stands above
};

}  // namespace kelpie::test
