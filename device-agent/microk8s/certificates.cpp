#include "device-agent/microk8s/certificates.h"

#include <array>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

constexpr std::string_view kKubelet = "kubelet.crt";
constexpr std::array<std::string_view, 5> kNames = {"ca.crt", "front-proxy-ca.crt", "server.crt",
                                                    "front-proxy-client.crt", kKubelet};

Result<Validity> read(const Work& work, std::string_view name) {
  KELPIE_TRY(const std::string pem, work.host().files.read(fmt::format("{}/certs/{}", work.paths().snap_data, name)));
  return read_validity(pem);
}

}  // namespace

std::vector<Certificate> read_certificates(const Work& work) {
  std::vector<Certificate> out;
  for (const std::string_view name : kNames) {
    Result<Validity> validity = read(work, name);
    if (name == kKubelet && !validity && validity.error().code == Code::NotFound) continue;
    out.push_back({.name = std::string(name), .validity = std::move(validity)});
  }
  return out;
}

}  // namespace kelpie::agent
