// DeviceFiles over the file system.
#pragma once

#include "device-agent/host/host.h"

namespace kelpie::agent {

class SystemFiles final : public DeviceFiles {
 public:
  [[nodiscard]] Result<std::string> read(const std::string& path) override;
  [[nodiscard]] bool exists(const std::string& path) override;
  [[nodiscard]] Result<Space> space(const std::string& path) override;
};

}  // namespace kelpie::agent
