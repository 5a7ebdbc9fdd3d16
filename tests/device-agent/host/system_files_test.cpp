// Files as a step reads them: with a limit, and never waiting for a writer.
#include "device-agent/host/system_files.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::agent {
namespace {

TEST(SystemFiles, ReadUpToALimit) {
  const test::TempDir dir;
  SystemFiles files;
  test::write_file(dir / "small", "stopped\n");
  test::write_file(dir / "large", std::string((1U << 20U) + 1, 'x'));
  EXPECT_EQ(*files.read(dir / "small"), "stopped\n");
  EXPECT_EQ(files.read(dir / "large").error().code, Code::ResourceExhausted);
  EXPECT_EQ(files.read(dir / "none").error().code, Code::NotFound);
  EXPECT_EQ(files.read((dir / "small") + "/none").error().code, Code::NotFound);
  EXPECT_EQ(files.read(dir.path()).error().code, Code::Unavailable);
  EXPECT_TRUE(files.exists(dir / "small"));
  EXPECT_FALSE(files.exists(dir / "none"));
}

TEST(SystemFiles, APipeWithoutWriterIsEmpty) {
  const test::TempDir dir;
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  SystemFiles files;
  EXPECT_EQ(*files.read(dir / "pipe"), "");
}

TEST(SystemFiles, SpaceIsThatOfTheFileSystem) {
  SystemFiles files;
  const Result<DeviceFiles::Space> space = files.space("/");
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_EQ(files.space("/none").error().code, Code::NotFound);
}

}  // namespace
}  // namespace kelpie::agent
