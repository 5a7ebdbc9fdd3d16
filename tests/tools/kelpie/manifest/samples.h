// Manifests of tests: read from texts, with the files they name beside them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/kelpie/manifest/load.h"

namespace kelpie::cli::test {

struct Read {
  Manifests manifests;
  std::vector<std::string> errors;    // whole lines
  std::vector<std::string> warnings;  // whole lines
};

/// The text as m.yaml; files: what its workloads name.
[[nodiscard]] Read read(const std::string& text, const std::map<std::string, std::string>& files = {});
/// The one release of a text without errors; fails the test otherwise.
[[nodiscard]] v1::Release release_of(const std::string& text, const std::map<std::string, std::string>& files = {});
/// The lines under "kind: Release", with name and version.
[[nodiscard]] std::string release_text(const std::string& more);
[[nodiscard]] std::string fleet_text(const std::string& more);
/// A digest that ends in this digit.
[[nodiscard]] std::string digest_of(char digit);

}  // namespace kelpie::cli::test
