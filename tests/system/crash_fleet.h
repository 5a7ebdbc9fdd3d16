// Three real agents over the doubles of their devices, and releases that each change something new: what a rollout did
// to a device is read from the device's own log, what the hub knows of it from the hub.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <kelpie/v1/release.pb.h>

#include "tests/system/agent_device.h"

namespace kelpie::test {

/// Release n: another image, another add-on enabled or the last one disabled, and the workload with the new image.
[[nodiscard]] v1::Release changing_release(int n);

[[nodiscard]] std::size_t occurrences(const std::string& text, const std::string& words);

class CrashFleet {
 public:
  /// Starts the hub, then devices with a running MicroK8s.
  explicit CrashFleet(HubProgram& hub);

  /// Every device did what these rollouts ask, once, in order; each of its agents carried out one attempt of each, and
  /// the hub knows the end and every step of it.
  void expect_done_once(const std::vector<std::string>& rollouts);
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  /// Every agent's attempt of that rollout was in that state, by its log.
  [[nodiscard]] bool has_said(const std::string& rollout, const std::string& state) const;
  /// No agent hears or says anything in between.
  void freeze() const;
  void thaw() const;
  /// Devices whose attempt of that rollout is not as far as its checks, by their agents' logs.
  [[nodiscard]] std::set<DeviceId> unproved(const std::string& rollout) const;
  /// Devices that have their GO of that rollout and hold its lease, by the hub.
  [[nodiscard]] std::set<DeviceId> granted(const std::string& rollout) const;
  /// The last lines of each agent.
  [[nodiscard]] std::string logs() const;

 private:
  struct Member {
    Member(HubProgram& hub, const std::string& name);
    DoubleDevice device;
    AgentProgram agent;
  };
  void expect_device(Member& member, const std::vector<std::string>& rollouts);
  void expect_hub(const std::string& rollout);

  HubProgram& hub_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace kelpie::test
