#include "hub/api/artifacts.h"

#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/hub/api/samples.h"
#include "tests/support/temp_dir.h"

namespace kelpie::hub {
namespace {

using test::told;

std::size_t files_in(const test::TempDir& dir) {
  const std::filesystem::directory_iterator files(dir.path());
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(Artifacts, AppearUnderTheirHashOnceComplete) {
  const test::TempDir dir;
  Result<ArtifactUpload> upload = ArtifactUpload::open(dir.path(), blake2b_256("hello"), 100);
  ASSERT_TRUE(upload) << upload.error().message;
  EXPECT_TRUE(upload->write("hel"));
  EXPECT_EQ(told(open_artifact(dir.path(), blake2b_256("hello"), "")).substr(0, 10), "NOT_FOUND:");
  EXPECT_TRUE(upload->write("lo"));
  EXPECT_TRUE(upload->finish());
  const Result<ArtifactFile> file = open_artifact(dir.path(), blake2b_256("hello"), "bytes=1-2");
  ASSERT_TRUE(file) << file.error().message;
  close(file->fd);
  EXPECT_TRUE(file->is_part);
  EXPECT_EQ(file->size, 5U);
  EXPECT_EQ(file->offset, 1U);
  EXPECT_EQ(file->length, 2U);
}

TEST(Artifacts, LeaveNothingBehindWhenTheyAreNotWhatTheyClaim) {
  const test::TempDir dir;
  {
    Result<ArtifactUpload> upload = ArtifactUpload::open(dir.path(), blake2b_256("hello"), 100);
    ASSERT_TRUE(upload);
    EXPECT_TRUE(upload->write("world"));
    EXPECT_EQ(told(upload->finish()).substr(0, 16), "DIGEST_MISMATCH:");
  }
  EXPECT_EQ(files_in(dir), 0U);
}

TEST(Artifacts, HaveALimit) {
  const test::TempDir dir;
  Result<ArtifactUpload> upload = ArtifactUpload::open(dir.path(), blake2b_256("hello"), 4);
  ASSERT_TRUE(upload);
  EXPECT_EQ(told(upload->write("hello")), "TOO_LARGE: a file sent here has at most 4 bytes");
}

TEST(Artifacts, AreNamedByHashesOnly) {
  EXPECT_EQ(artifact_of_path("/api/v1/devices").value(), std::nullopt);
  EXPECT_EQ(artifact_of_path("/artifacts/" + blake2b_256("x").hex()).value(), blake2b_256("x"));
  EXPECT_FALSE(artifact_of_path("/artifacts/../tokens"));
}

}  // namespace
}  // namespace kelpie::hub
