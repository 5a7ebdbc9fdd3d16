// Devices in a table, as `device list` and `fleet devices` show them.
#pragma once

#include <string>
#include <vector>

#include <kelpie/api/v1/api.pb.h>

#include "tools/kelpie/view.h"

namespace kelpie::cli {

[[nodiscard]] std::vector<Column> device_columns();
[[nodiscard]] View show_devices(api::v1::DeviceList devices);
/// "site=berlin,tier=edge", sorted; "-" without any.
[[nodiscard]] std::string label_words(const google::protobuf::Map<std::string, std::string>& labels);

}  // namespace kelpie::cli
