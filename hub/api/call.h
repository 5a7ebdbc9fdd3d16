// The border between HTTP threads and the loop: a parsed, authenticated call goes in, an answer comes out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hub/core/effects.h"
#include "hub/core/event.h"
#include "hub/store/kv.h"
#include "proto/wire/trust.h"

namespace google::protobuf {
class Message;
}

namespace kelpie::hub {

using Answer = Result<std::shared_ptr<google::protobuf::Message>>;

/// What an HTTP thread pushes into the hub's inbox. The thread (or its suspended connection) waits for deliver().
struct ApiCall {
  std::uint64_t request = 0;
  std::string method;  // rpc name: GetDevice
  std::shared_ptr<google::protobuf::Message> input;
  Actor actor;
  std::string idempotency_key;
  std::string fingerprint;
  bool is_dry_run = false;
  std::optional<std::uint32_t> if_revision{};  // If-Match
};

/// The loop's view of whoever waits for answers and events.
class ApiDoor {
 public:
  virtual ~ApiDoor() = default;
  virtual void deliver(std::uint64_t request, Answer answer) = 0;
  virtual void feed(const std::vector<FeedEvent>& events) = 0;
};

/// What views may read beside the state; everything here belongs to the loop thread.
struct ApiView {
  const HubState& state;
  const KeyValueStore& store;
  const wire::Trust& trust;
  std::string hub_name;
  std::string broker_url;
  bool is_broker_connected = false;
  std::size_t queue = 0;
  std::string archives = {};  // where devices put archives; empty: nowhere
};

/// True for rpcs that change something: they become an event; the rest are answered from the state after the commit.
[[nodiscard]] bool is_write(const ApiCall& call);
/// Errors: what is wrong with the request; nothing was changed.
[[nodiscard]] Result<ApiWrite> to_write(const ApiCall& call, const wire::Trust& trust, WallTime now);
[[nodiscard]] Answer answer_read(const ApiCall& call, const ApiView& view, WallTime now);
/// object is Reply::object: "device/pi-07".
[[nodiscard]] Answer answer_write(const ApiCall& call, const std::string& object, const ApiView& view, WallTime now);

}  // namespace kelpie::hub
