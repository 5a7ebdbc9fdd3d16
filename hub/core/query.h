// Questions people ask of the state: pages of devices, what needs attention, why a rollout stands where it stands.
#pragma once

#include <string>
#include <vector>

#include "hub/core/selector.h"
#include "hub/core/state.h"

namespace kelpie::hub {

/// update=failed,connection!=online,last-seen>24h: one condition on a device's state.
struct Condition {
  std::string key;
  std::string op;  // = != > <
  std::string value;
};
/// Errors: InvalidArgument naming the condition and what can be asked.
[[nodiscard]] Result<std::vector<Condition>> parse_where(std::string_view text);

struct DeviceQuery {
  Selector selector;
  bool has_selector = false;
  std::vector<Condition> where;
  std::string fleet;
  std::string after;  // name after which the page begins
  std::size_t page_size = 100;
};
struct DevicePage {
  std::vector<const Device*> devices;  // by name
  std::string next;                    // empty: that was the last page
};
[[nodiscard]] DevicePage list_devices(const HubState& state, const DeviceQuery& query, WallTime now);

struct Attention {
  bool is_error = false;
  std::string text;
  std::string command;  // to type next
};
[[nodiscard]] std::vector<Attention> attention(const HubState& state);

/// One sentence with numbers: why the rollout stands where it stands.
[[nodiscard]] std::string why(const HubState& state, const Rollout& rollout);
/// Commands that make sense now.
[[nodiscard]] std::vector<std::string> next_commands(const HubState& state, const Rollout& rollout);
/// Who must move this target, and why it waits.
[[nodiscard]] std::string why(const HubState& state, const Rollout& rollout, const Target& target);

[[nodiscard]] std::string release_name(const HubState& state, const Digest& digest);  // empty when unknown

}  // namespace kelpie::hub
