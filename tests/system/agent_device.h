// Where a real agent is pointed at the double of a device.
#pragma once

#include <string>
#include <vector>

#include "tests/support/double_device.h"
#include "tests/system/agent_program.h"

namespace kelpie::test {

[[nodiscard]] inline std::vector<std::string> flags_of(const DoubleDevice& device) {
  return {"--microk8s",  device.microk8s(),  "--snapd-socket", device.snapd_socket(),
          "--snap-data", device.snap_data(), "--snap-common",  device.snap_common()};
}

}  // namespace kelpie::test
