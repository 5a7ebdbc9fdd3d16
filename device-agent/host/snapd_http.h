// SnapdSocket over snapd's Unix socket: one connection a request, HTTP/1.1, as much of it as snapd speaks. (curl would
// bring forty libraries into a process that must fit beside Kubernetes in 1 GB.)
#pragma once

#include "device-agent/host/host.h"

namespace kelpie::agent {

class SnapdHttp final : public SnapdSocket {
 public:
  explicit SnapdHttp(std::string socket_path) : socket_path_(std::move(socket_path)) {}
  [[nodiscard]] Result<SnapdReply> request(const std::string& method, const std::string& path, const std::string& body,
                                           Duration limit) override;
  [[nodiscard]] Result<SnapdReply> upload(const SnapdUpload& upload, Duration limit) override;

 private:
  std::string socket_path_;
};

}  // namespace kelpie::agent
