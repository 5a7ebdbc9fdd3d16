// New installations: two folders that fit each other, nothing overwritten, nothing half made; and what leaks mean.
#include "tools/kelpie/signing/installation.h"

#include <sys/stat.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/child.h"
#include "tests/support/temp_dir.h"
#include "tools/kelpie/signing/signer.h"
#include "tools/kelpie/signing/trust_words.h"

namespace kelpie::cli {
namespace {

constexpr WallTime kNow{1'795'338'843'000};

NewInstallation wanted_in(const kelpie::test::TempDir& dir) {
  return {.folder = dir / "i",
          .name = "lab",
          .person = "ana",
          .colleagues = {},
          .broker = "tcp://127.0.0.1:1883",
          .socket = dir / "i/hub.sock",
          .data = dir / "i/data"};
}

std::size_t entries(const std::string& folder) {
  std::error_code error;
  const std::filesystem::directory_iterator at(folder, error);
  return error ? 0 : static_cast<std::size_t>(std::distance(begin(at), end(at)));
}

TEST(Installation, ItsKeysAreThoseOfItsTrustDocument) {
  const kelpie::test::TempDir dir;
  SeededEntropy entropy(1);
  const Result<MadeInstallation> made = make_installation(wanted_in(dir), Passphrase(), kNow, entropy);
  ASSERT_TRUE(made) << made.error().message;
  const Result<wire::Trust> trust = read_trust_file(made->hub_folder + "/trust.klp");
  ASSERT_TRUE(trust);
  EXPECT_EQ(trust->dangerous_threshold, 1U);
  const auto never = []() -> Result<Passphrase> { return fail(Code::Internal, "asked"); };
  EXPECT_NE(trust->hub(load_key(made->hub_folder + "/hub.key", never)->public_key()), nullptr);
  EXPECT_EQ(trust->person(load_key(made->operator_folder + "/operator.key", never)->public_key()), "ana");
  for (const std::string& file :
       {made->hub_folder + "/hub.key", made->operator_folder + "/root.key", made->hub_folder + "/hub.conf"}) {
    struct stat found {};
    ASSERT_EQ(stat(file.c_str(), &found), 0) << file;
    EXPECT_EQ(found.st_mode & 0777U, 0600U) << file;
  }
  EXPECT_TRUE(has_both_folders(made->operator_folder + "/operator.key"));
  std::filesystem::rename(made->hub_folder, dir / "away");
  EXPECT_FALSE(has_both_folders(made->operator_folder + "/operator.key"));
}

TEST(Installation, NothingIsOverwrittenAndNothingIsLeftHalfMade) {
  const kelpie::test::TempDir dir;
  SeededEntropy entropy(1);
  NewInstallation wanted = wanted_in(dir);
  std::filesystem::create_directories(wanted.folder + "/operator");
  EXPECT_EQ(make_installation(wanted, Passphrase(), kNow, entropy).error().code, Code::AlreadyExists);
  std::filesystem::remove(wanted.folder + "/operator");
  wanted.broker = "mqtts://elsewhere";
  EXPECT_EQ(make_installation(wanted, Passphrase(), kNow, entropy).error().code, Code::InvalidArgument);
  EXPECT_EQ(entries(wanted.folder), 0U);
}

TEST(Installation, WithAColleagueDangerousWorkNeedsTwo) {
  const kelpie::test::TempDir dir;
  SeededEntropy entropy(1);
  NewInstallation wanted = wanted_in(dir);
  const wire::SigningKey ben = wire::SigningKey::generate(entropy);
  wanted.colleagues = {{.key = ben.public_key(), .person = "ben"}};
  const Result<MadeInstallation> made = make_installation(wanted, Passphrase(), kNow, entropy);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->trust.dangerous_threshold, 2U);
  wanted.folder = dir / "j";
  wanted.colleagues[0].person = "ana";
  EXPECT_EQ(make_installation(wanted, Passphrase(), kNow, entropy).error().message,
            "operator \"ana\" is named twice, or not at all");
}

TEST(TrustWords, SayWhatALeakedKeyCouldDo) {
  wire::Trust trust;
  trust.operators = {{.key = {}, .person = "ana"}};
  trust.dangerous_threshold = 1;
  EXPECT_EQ(trust_words(trust)[3],
            "an operator's key: a change on any device needs one person, dangerous work (privileged workloads, data "
            "lost) needs one person. It reaches no device without the hub; one stolen laptop that reaches the hub is "
            "enough for everything");
  trust.dangerous_threshold = 2;
  EXPECT_NE(trust_words(trust)[3].find("there is only one person here, so nobody can start dangerous work"),
            std::string::npos);
}

}  // namespace
}  // namespace kelpie::cli
