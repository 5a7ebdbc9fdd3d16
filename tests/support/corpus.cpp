#include "tests/support/corpus.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/child.h"

namespace kelpie::test {

void expect_corpus(const std::string& target, const std::map<std::string, std::string>& inputs) {
  const std::string folder = fmt::format("{}/tests/fuzz/corpus/{}", KELPIE_SOURCE_DIR, target);
  for (const auto& [name, input] : inputs) {
    const std::string path = fmt::format("{}/{}", folder, name);
    if (std::getenv("KELPIE_GOLDEN_WRITE") != nullptr) {
      std::filesystem::create_directories(folder);
      write_file(path, input);
    }
    EXPECT_EQ(read_file(path), input) << path;
  }
}

}  // namespace kelpie::test
