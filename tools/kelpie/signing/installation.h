// A new installation on disk: the two folders of `kelpie hub init`, each file 0600, nothing ever overwritten.
#pragma once

#include <string>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/entropy.h"
#include "proto/wire/trust.h"
#include "tools/kelpie/signing/passphrase.h"

namespace kelpie::cli {

struct NewOperator {
  wire::PublicKey key;
  std::string person;
};

struct NewInstallation {
  std::string folder;                   // hub/ and operator/ are made in it
  std::string name;                     // of the installation, for people
  std::string person;                   // whose root and operator keys are made
  std::vector<NewOperator> colleagues;  // whose keys are there already
  std::string broker;                   // for hub.conf: tcp://127.0.0.1:1883
  std::string socket;                   // absolute
  std::string data;                     // absolute
};

struct MadeInstallation {
  std::string hub_folder;
  std::string operator_folder;
  wire::Trust trust;
};

/// passphrase: of the root and the operator key; empty: they lie open. The hub's key has none, a service reads it.
/// Errors: AlreadyExists when either folder is there; InvalidArgument (names, person twice); Unavailable. Whatever was
/// begun is gone again then.
[[nodiscard]] Result<MadeInstallation> make_installation(const NewInstallation& wanted, const Passphrase& passphrase,
                                                         WallTime now, Entropy& entropy);

/// Beside a trust document or key file, does this host hold keys of the hub and of operators as well? An empty path
/// looks where the packages keep them.
[[nodiscard]] bool has_both_folders(const std::string& path_of_key_or_trust);

}  // namespace kelpie::cli
