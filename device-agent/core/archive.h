// The archive of an inspect, as orders, ledger and reports speak of it.
#pragma once

#include <cstdint>
#include <string>

namespace kelpie::agent {

/// Where the archive of an inspect goes, and by which word it is taken there; of the hub's GO.
struct ArchiveDoor {
  std::string url;  // empty: there is none
  std::string token;
  friend bool operator==(const ArchiveDoor&, const ArchiveDoor&) = default;
};
/// What was sent there.
struct SentArchive {
  std::string sha256;  // hex; empty: nothing was sent
  std::uint32_t bytes = 0;
  friend bool operator==(const SentArchive&, const SentArchive&) = default;
};

}  // namespace kelpie::agent
