// DeviceFiles over the file system.
#pragma once

#include "device-agent/host/host.h"

namespace kelpie::agent {

class SystemFiles final : public DeviceFiles {
 public:
  [[nodiscard]] Result<std::string> read(const std::string& path) override;
  [[nodiscard]] bool exists(const std::string& path) override;
  [[nodiscard]] Result<void> write(const std::string& path, const std::string& text, unsigned mode) override;
  [[nodiscard]] Result<void> remove(const std::string& path) override;
  [[nodiscard]] Result<Artifact> open_artifact(const std::string& path, const std::string& sha256,
                                               std::uint64_t bytes_max, const OnHashed& on_hashed) override;
  [[nodiscard]] Result<void> make_private_folder(const std::string& path) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<Look> look(const std::string& path) override;
  [[nodiscard]] Result<Space> space(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> folder_bytes(const std::string& path) override;
  [[nodiscard]] Kernel kernel() override;
};

}  // namespace kelpie::agent
