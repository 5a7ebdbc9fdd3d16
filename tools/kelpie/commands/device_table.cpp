#include "tools/kelpie/commands/device_table.h"

#include <map>

#include "tools/kelpie/words.h"

namespace kelpie::cli {

std::vector<Column> device_columns() {
  return {{.title = "NAME"},
          {.title = "FLEET", .drop_order = 3},
          {.title = "ONLINE", .drop_order = 1},
          {.title = "UPDATE"},
          {.title = "HEALTH", .drop_order = 2},
          {.title = "RELEASE", .drop_order = 4},
          {.title = "SEEN", .drop_order = 5, .is_number = true},
          {.title = "AGENT", .drop_order = 8, .is_wide = true},
          {.title = "LABELS", .drop_order = 6, .is_wide = true},
          {.title = "ROLLOUT", .drop_order = 7, .is_wide = true},
          {.title = "FAILURE", .drop_order = 6, .is_wide = true},
          {.title = "KEY", .drop_order = 9, .is_wide = true}};
}

std::string label_words(const google::protobuf::Map<std::string, std::string>& labels) {
  std::string out;
  for (const auto& [key, value] : std::map<std::string, std::string>(labels.begin(), labels.end())) {
    out.append(out.empty() ? "" : ",").append(key).append("=").append(value);
  }
  return or_dash(out);
}

View show_devices(api::v1::DeviceList devices) {
  Table table{.columns = device_columns(), .rows = {}, .empty = "no devices"};
  const WallTime now = to_wall(devices.as_of());
  for (const api::v1::Device& device : devices.items()) {
    const api::v1::DeviceStatus& status = device.status();
    table.rows.push_back({{device.metadata().name()},
                          {or_dash(device.spec().fleet())},
                          state_cell(status.connection()),
                          state_cell(status.update()),
                          state_cell(status.health()),
                          {or_dash(status.reported_release())},
                          age_cell(status.last_seen(), now),
                          {or_dash(status.agent_version())},
                          {label_words(device.metadata().labels())},
                          {or_dash(status.rollout())},
                          {or_dash(status.failure_reason()), Tone::Bad},
                          {device.spec().fingerprint()}});
  }
  return view_of(std::move(devices), {std::move(table)});
}

}  // namespace kelpie::cli
