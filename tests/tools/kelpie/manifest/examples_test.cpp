// Every example of deploy/examples is valid, and the hub takes what is made of it.
#include <filesystem>

#include <gtest/gtest.h>

#include "hub/api/policy.h"
#include "hub/api/release_rules.h"
#include "tools/kelpie/manifest/load.h"

namespace kelpie::cli {
namespace {

TEST(Examples, AreTakenByTheHub) {
  std::size_t folders = 0;
  for (const auto& folder : std::filesystem::directory_iterator(KELPIE_SOURCE_DIR "/deploy/examples")) {
    if (!folder.is_directory()) continue;
    ++folders;
    for (const bool is_recursive : {false, true}) {
      Problems problems;
      const Manifests got = load_manifests({.paths = {folder.path().string()}, .is_recursive = is_recursive}, problems);
      for (const Problem& problem : problems.errors()) ADD_FAILURE() << to_string(problem);
      for (const Problem& problem : problems.warnings()) ADD_FAILURE() << to_string(problem);
      ASSERT_EQ(got.releases.size(), 1U) << folder.path();
      ASSERT_EQ(got.fleets.size(), 1U) << folder.path();
      const Result<void> release = hub::check_release(got.releases[0].release);
      EXPECT_TRUE(release) << release.error().message;
      const Result<hub::Policy> policy = hub::to_policy(got.fleets[0].request.spec().policy(), "spec.policy");
      EXPECT_TRUE(policy) << policy.error().message;
      EXPECT_EQ(got.fleets[0].request.spec().release(), release_ref(got.releases[0].release));
    }
  }
  EXPECT_GE(folders, 2U);
}

}  // namespace
}  // namespace kelpie::cli
