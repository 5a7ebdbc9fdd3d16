// The agent's rules with a clock moved by hand: the hub's words and the worker's answers are values.
#pragma once

#include <string>

#include "device-agent/core/decide.h"

namespace kelpie::test {

/// Steps install, start, deploy; check node-ready. Two tags are two digests.
[[nodiscard]] agent::Release sample_release(const std::string& tag = "kiosk");

struct OrderOf {
  std::uint64_t generation = 5;
  std::uint32_t n = 1;
  std::string release = "kiosk";
  std::string scope = "device";
  std::string rollout = "01JD0000000000000000000000";
};
[[nodiscard]] agent::PrepareOrder prepare(const OrderOf& of = {});

[[nodiscard]] agent::CallResult satisfied(const std::string& restore = {});
[[nodiscard]] agent::CallResult unmet();
[[nodiscard]] agent::CallResult failed(const std::string& reason);

class CoreWorld {
 public:
  /// Connected; what the hub says of its first report is taken.
  CoreWorld();

  void hear(const agent::Event& event) { agent::decide(memory, event); }
  void move(Duration by);
  /// What the worker is asked now, as "run start"; facts in between are answered. Empty: nothing.
  std::string ask();
  /// Answers what was asked last.
  void answer(const agent::CallResult& result);
  /// ask() and answer() until nothing is asked: the first result whose key the call starts with, satisfied otherwise.
  void run(const std::map<std::string, agent::CallResult>& results = {});
  /// Sends every report that is due; their number.
  int speak();
  /// The hub has committed everything said so far and holds the same.
  void acknowledge();
  void restart();

  agent::GoOrder go(Duration soak = std::chrono::seconds(30)) const;
  /// prepare() up to PREPARED, then GO.
  void start(Duration soak = std::chrono::seconds(30));

  [[nodiscard]] const agent::Attempt& attempt() const { return *memory.ledger.attempt; }
  /// "executing 2/3 run: unchanged open open", with reason or refusal when there is one; "none".
  [[nodiscard]] std::string shown() const;
  [[nodiscard]] std::uint64_t refused(const std::string& code) const;

  agent::Memory memory;
  std::vector<std::string> asked;  // every call of attempts so far

 private:
  std::uint64_t boots_ = 0;
};

}  // namespace kelpie::test
