// A device as the protocol sees it: verifies what the hub sends, answers as an agent must, and counts what it ran.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/wire/frame.h"
#include "proto/wire/trust.h"

namespace kelpie::test {

class PlayedDevice {
 public:
  PlayedDevice(std::uint64_t seed, const wire::Trust& trust);

  [[nodiscard]] DeviceId id() const { return wire::device_id_of(key_.public_key()); }
  /// First report of a boot.
  [[nodiscard]] std::string hello();
  /// What it says after a while of silence.
  [[nodiscard]] std::string heartbeat() { return report({}); }
  /// Reports in answer to one frame; none when it is not for this device.
  [[nodiscard]] std::vector<std::string> take(const std::string& frame);
  /// A restart: another boot id, the attempt kept.
  void restart();

  void fail_from_now_on() { is_failing_ = true; }
  void heal() { is_failing_ = false; }
  [[nodiscard]] const std::vector<std::string>& ran() const { return ran_; }  // attempt ids, in order
  [[nodiscard]] std::size_t rejected() const { return rejected_; }            // frames whose signature did not hold
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }  // newest sequence of a beacon
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }

 private:
  enum class State { Prepared, Executing, Succeeded, Failed, Cancelled };
  struct Attempt {
    std::string id;
    std::string hash;
    std::string nonce;
    State state = State::Prepared;
  };
  [[nodiscard]] std::string report(const std::string& hub_nonce, bool is_hello = false);
  [[nodiscard]] std::vector<std::string> take_delivery(const std::string& payload);
  [[nodiscard]] std::vector<std::string> run();

  SeededEntropy entropy_;
  wire::SigningKey key_;
  wire::Trust trust_;
  InstallId install_;
  BootId boot_;
  std::uint64_t sequence_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::optional<Attempt> attempt_;
  std::vector<std::string> ran_;
  std::size_t rejected_ = 0;
  bool is_failing_ = false;
};

}  // namespace kelpie::test
