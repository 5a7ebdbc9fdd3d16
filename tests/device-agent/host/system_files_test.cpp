// Files as a step reads and writes them: with a limit, whole or not at all, and never waiting for a writer.
#include "device-agent/host/system_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

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

TEST(SystemFiles, AreLookedAtWithoutBeingRead) {
  const test::TempDir dir;
  SystemFiles files;
  test::write_file(dir / "large", "\x1f\x8b" + std::string(3U << 20U, 'x'));
  const Result<DeviceFiles::Look> look = files.look(dir / "large");
  ASSERT_TRUE(look);
  EXPECT_EQ(look->bytes, (3U << 20U) + 2);
  EXPECT_EQ(look->head, "\x1f\x8b" + std::string(14, 'x'));
  const Duration age = SystemClock().wall() - look->modified_at;
  EXPECT_TRUE(age > std::chrono::seconds(-1) && age < std::chrono::minutes(1)) << age.count();
  EXPECT_EQ(files.look(dir / "none").error().code, Code::NotFound);
  EXPECT_EQ(files.look(dir.path()).error().code, Code::FailedPrecondition);
}

TEST(SystemFiles, APrivateFolderIsClosedToOthersAndItsFilesReplaceEachOther) {
  const test::TempDir dir;
  SystemFiles files;
  ASSERT_EQ(mkdir((dir / "open").c_str(), 0777), 0);
  for (const char* const name : {"new", "open"}) {
    ASSERT_TRUE(files.make_private_folder(dir / name));
    struct stat found {};
    ASSERT_EQ(stat((dir / name).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0700U);
  }
  EXPECT_EQ(files.make_private_folder(dir / "none/deeper").error().code, Code::NotFound);
  ASSERT_EQ(symlink("/tmp", (dir / "link").c_str()), 0);
  EXPECT_FALSE(files.make_private_folder(dir / "link")) << "somebody else's folder";
  test::write_file(dir / "new/made", "b");
  test::write_file(dir / "new/old", "a");
  ASSERT_TRUE(files.rename(dir / "new/made", dir / "new/old"));
  EXPECT_EQ(*files.read(dir / "new/old"), "b");
  EXPECT_EQ(files.rename(dir / "new/made", dir / "new/old").error().code, Code::NotFound);
}

TEST(SystemFiles, SpaceIsThatOfTheFileSystem) {
  SystemFiles files;
  const Result<DeviceFiles::Space> space = files.space("/");
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_EQ(files.space("/none").error().code, Code::NotFound);
}

constexpr unsigned kMode = 0644;

TEST(SystemFiles, WritesTheWholeFileAndItsOwnFolder) {
  const test::TempDir dir;
  SystemFiles files;
  const std::string path = dir / "docker.io/hosts.toml";
  ASSERT_TRUE(files.write(path, "old\n", kMode));
  // Of a write that the power ended.
  test::write_file(dir / "docker.io/.hosts.toml.new", "half of it");
  ASSERT_EQ(chmod(path.c_str(), 0660), 0);
  ASSERT_TRUE(files.write(path, "new\n", kMode));
  EXPECT_EQ(test::read_file(path), "new\n");
  struct stat found {};
  ASSERT_EQ(stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0660U) << "as the file had that it replaced";
  EXPECT_FALSE(files.exists(dir / "docker.io/.hosts.toml.new"));
  EXPECT_EQ(files.write(dir / "none/none/x", "", kMode).error().code, Code::NotFound);
}

TEST(SystemFiles, WritingReplacesALinkAndLeavesWhatItNamed) {
  const test::TempDir dir;
  SystemFiles files;
  test::write_file(dir / "shadow", "root's\n");
  std::filesystem::create_symlink(dir / "shadow", dir / "hosts.toml");
  ASSERT_TRUE(files.write(dir / "hosts.toml", "ours\n", kMode));
  EXPECT_EQ(test::read_file(dir / "shadow"), "root's\n");
  EXPECT_EQ(test::read_file(dir / "hosts.toml"), "ours\n");
}

TEST(SystemFiles, RemovesFilesAndEmptyFoldersOnly) {
  const test::TempDir dir;
  SystemFiles files;
  ASSERT_TRUE(files.write(dir / "host/hosts.toml", "x", kMode));
  EXPECT_EQ(files.remove(dir / "host").error().code, Code::FailedPrecondition);
  EXPECT_TRUE(files.remove(dir / "host/hosts.toml"));
  EXPECT_TRUE(files.remove(dir / "host"));
  EXPECT_TRUE(files.remove(dir / "host")) << "removed already";
  EXPECT_TRUE(files.remove(dir / "host/hosts.toml")) << "removed with its folder";
}

// sha256 of "abc", FIPS 180-2 appendix B.1.
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::uint64_t kRoom = 1ULL << 20U;

TEST(SystemFiles, AnArtifactIsTheFileThatWasHashed) {
  const test::TempDir dir;
  SystemFiles files;
  test::write_file(dir / kAbc, "abc");
  std::uint64_t hashed = 0;
  const Result<Artifact> artifact = files.open_artifact(dir / kAbc, kAbc, kRoom, [&](std::uint64_t bytes) {
    hashed = bytes;
    return true;
  });
  ASSERT_TRUE(artifact) << artifact.error().message;
  EXPECT_EQ(artifact->bytes, 3U);
  EXPECT_EQ(hashed, 3U);
  EXPECT_EQ(artifact->path, dir / kAbc);
}

TEST(SystemFiles, WhatIsNoArtifactIsRefused) {
  const test::TempDir dir;
  SystemFiles files;
  const auto code_of = [&](const std::string& path, std::uint64_t bytes_max = kRoom, bool goes_on = true) {
    const Result<Artifact> artifact =
        files.open_artifact(path, kAbc, bytes_max, [=](std::uint64_t) { return goes_on; });
    return artifact ? Code::Internal : artifact.error().code;
  };
  test::write_file(dir / kAbc, "abc");
  test::write_file(dir / "other", "abd");
  std::filesystem::create_symlink(dir / kAbc, dir / "link");
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of(dir / "none"), Code::NotFound);
  EXPECT_EQ(code_of(dir / "link"), Code::FailedPrecondition);
  EXPECT_EQ(code_of(dir / "pipe"), Code::FailedPrecondition);
  EXPECT_EQ(code_of(dir.path()), Code::FailedPrecondition);
  EXPECT_EQ(code_of(dir / "other"), Code::DataLoss);
  EXPECT_EQ(code_of(dir / kAbc, 2), Code::ResourceExhausted);
  EXPECT_EQ(code_of(dir / kAbc, kRoom, false), Code::DeadlineExceeded);
}

// $SNAP_DATA is a link to the revision, and has links to what must not be counted.
TEST(SystemFiles, AFolderIsAsLargeAsItsFilesAndNotWhatItsLinksPointAt) {
  const test::TempDir dir;
  std::filesystem::create_directories(dir / "7890/var/kubernetes");
  test::write_file(dir / "7890/args", std::string(1'000, 'x'));
  test::write_file(dir / "7890/var/kubernetes/segment", std::string(20'000, 'x'));
  test::write_file(dir / "elsewhere", std::string(500'000, 'x'));
  std::filesystem::create_symlink("../elsewhere", dir / "7890/link");
  std::filesystem::create_symlink("..", dir / "7890/var/loop");
  std::filesystem::create_symlink("7890", dir / "current");
  SystemFiles files;
  EXPECT_EQ(*files.folder_bytes(dir / "current"), 21'000U);
  EXPECT_EQ(files.folder_bytes(dir / "none").error().code, Code::NotFound);
}

TEST(SystemFiles, TheKernelKnowsItsOwnLoopback) {
  SystemFiles files;
  const DeviceFiles::Kernel kernel = files.kernel();
  EXPECT_TRUE(std::any_of(kernel.addresses.begin(), kernel.addresses.end(),
                          [](const DeviceFiles::Address& one) { return one.address == "127.0.0.1"; }));
}

}  // namespace
}  // namespace kelpie::agent
