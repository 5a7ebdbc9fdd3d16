// What may stand in an argument of an add-on: addresses, ranges, sizes, names. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie::wire {

enum class AddonValue {
  Address4,        // 10.0.1.1
  ClusterAddress,  // of a private network: 10.152.183.10
  DnsServers,      // 1.1.1.1,2606:4700::1111 or /etc/resolv.conf
  Domain,          // cluster.local
  Driver,          // auto, host or operator
  Name,            // RFC 1123 label or subdomain
  Ranges,          // 10.0.0.10-10.0.0.20,10.0.7.0/28
  ReclaimPolicy,   // Delete or Retain
  RegistrySize,    // 20Gi and up
  SecretName,      // namespace/name
  Truth,           // true or false
  Url,             // https://…
  Version,         // v1.2.3
};

/// In the one spelling that scripts take. Errors: InvalidArgument that says what it should be.
[[nodiscard]] Result<std::string> read_addon_value(AddonValue kind, std::string_view text);

}  // namespace kelpie::wire
