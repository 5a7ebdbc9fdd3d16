// The certificates that MicroK8s made for itself, read from its files: it says nothing of them by itself, and server
// certificates end after a year with nobody renewing them (facts, microk8s 0.18).
#pragma once

#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"
#include "device-agent/microk8s/x509.h"

namespace kelpie::agent {

struct Certificate {
  std::string name;  // server.crt, as `microk8s refresh-certs -e` takes it
  Result<Validity> validity;
};

/// ca.crt, front-proxy-ca.crt, server.crt, front-proxy-client.crt and kubelet.crt of $SNAP_DATA/certs. The last is left
/// out where it is not there, as on older tracks; any other that is missing or cut off has an error: NotFound,
/// DataLoss.
[[nodiscard]] std::vector<Certificate> read_certificates(const Work& work);

}  // namespace kelpie::agent
