// A site of a test's own: a network that leads nowhere else, with names of its own, in a network and a mount namespace
// that end with the test. Not on loopback addresses: there ctr speaks plain http of its own accord (facts,
// platform 2.3).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proto/base/fd.h"

namespace kelpie::test {

class Site {
 public:
  /// hosts: what can be resolved at the site, by name; its addresses are those of the site. Everything else is not
  /// known, and no packet leaves. folder: for the files that stand for /etc/hosts and /etc/resolv.conf.
  Site(const std::string& folder, const std::map<std::string, std::string>& hosts);

  /// Put before an argv, it starts the program at the site.
  [[nodiscard]] std::vector<std::string> entry() const;
  /// A listening socket there; not open when the address is in use.
  [[nodiscard]] Fd listen_at(const std::string& address, int port) const;
  /// A file system of this size on a loop device, seen at the site only. False: there is no loop device.
  [[nodiscard]] bool mount_small_disk(const std::string& path, std::size_t bytes) const;

 private:
  Fd network_;
  Fd mounts_;
};

inline constexpr const char* kSiteAddress = "192.0.2.10";  // RFC 5737: for documentation, routed nowhere

/// Empty when a site can be made here, and otherwise what is missing.
[[nodiscard]] std::string why_no_site();

}  // namespace kelpie::test
