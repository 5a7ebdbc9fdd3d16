#include "tests/support/temp_dir.h"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include <fmt/core.h>

namespace kelpie::test {

TempDir::TempDir() : path_((std::filesystem::temp_directory_path() / "kelpie-test-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error(fmt::format("cannot make folder {}", path_));
}

TempDir::~TempDir() {
  std::error_code ignored;  // what is left of a test's folder harms nobody
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::operator/(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

}  // namespace kelpie::test
