// Keys sign what they verify, and their files are read only when they are private.
#include "proto/wire/keys.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/proto/samples.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::wire {
namespace {

using kelpie::test::read_file;
using kelpie::test::TempDir;
using kelpie::test::write_file;
using test::key_of;

constexpr const char* kZeroSeed = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

Result<SigningKey> load_text(const std::string& text, const std::string& passphrase = {}) {
  const TempDir folder;
  write_file(folder / "key", text);
  chmod((folder / "key").c_str(), 0600);
  return SigningKey::load(folder / "key", passphrase);
}

TEST(Keys, VerifyTheirOwnSignatureOfThisMessageOnly) {
  const SigningKey key = key_of(1);
  const Signature signature = key.sign(as_bytes("message"));

  EXPECT_TRUE(verify(key.public_key(), as_bytes("message"), signature));
  EXPECT_FALSE(verify(key.public_key(), as_bytes("messagf"), signature));
  EXPECT_FALSE(verify(key_of(2).public_key(), as_bytes("message"), signature));
  EXPECT_FALSE(verify(PublicKey(), as_bytes("message"), signature));
}

TEST(Keys, KnowRfc8032TestOne) {
  const Result<SigningKey> key = load_text("kelpie-key-v1 plain nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n");
  ASSERT_TRUE(key);

  EXPECT_EQ(key->public_key().hex(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(key->sign({}).hex(),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b");
}

TEST(Keys, NameADeviceByTheHashOfItsKey) {
  const PublicKey key = key_of(4).public_key();

  EXPECT_EQ(device_id_of(key).bytes(), blake2b_128(key.view()).bytes());
  EXPECT_EQ(key_id(key).bytes(), device_id_of(key).bytes());
}

TEST(KeyFiles, ComeBackPlain) {
  const TempDir folder;
  SeededEntropy entropy(9);
  ASSERT_TRUE(key_of(1).save(folder / "key", entropy));

  const Result<SigningKey> key = SigningKey::load(folder / "key");

  ASSERT_TRUE(key);
  EXPECT_EQ(key->public_key(), key_of(1).public_key());
  struct stat found {};
  stat((folder / "key").c_str(), &found);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
}

TEST(KeyFiles, ComeBackWrappedWithTheirPassphraseOnly) {
  const TempDir folder;
  SeededEntropy entropy(9);
  ASSERT_TRUE(key_of(1).save(folder / "key", entropy, "correct horse"));
  EXPECT_TRUE(read_file(folder / "key").starts_with("kelpie-key-v1 argon2id 3 268435456 "));

  const Result<SigningKey> key = SigningKey::load(folder / "key", "correct horse");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->public_key(), key_of(1).public_key());

  const Result<SigningKey> wrong = SigningKey::load(folder / "key", "wrong horse");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::FailedPrecondition);
  const Result<SigningKey> none = SigningKey::load(folder / "key");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::FailedPrecondition);
}

TEST(KeyFiles, AreNeverOverwritten) {
  const TempDir folder;
  SeededEntropy entropy(9);
  ASSERT_TRUE(key_of(1).save(folder / "key", entropy));

  const Result<void> again = key_of(2).save(folder / "key", entropy);

  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::AlreadyExists);
  EXPECT_EQ(SigningKey::load(folder / "key")->public_key(), key_of(1).public_key());
}

TEST(KeyFiles, CannotBeWrittenWhereNoFolderIs) {
  const TempDir folder;
  SeededEntropy entropy(9);
  const Result<void> saved = key_of(1).save(folder / "none/key", entropy);

  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::Unavailable);
}

TEST(KeyFiles, OpenToOthersAreRefused) {
  const TempDir folder;
  SeededEntropy entropy(9);
  ASSERT_TRUE(key_of(1).save(folder / "key", entropy));
  for (const mode_t mode : {0640U, 0620U, 0610U, 0604U, 0602U, 0601U}) {
    chmod((folder / "key").c_str(), mode);
    const Result<SigningKey> key = SigningKey::load(folder / "key");
    ASSERT_FALSE(key) << mode;
    EXPECT_EQ(key.error().code, Code::PermissionDenied);
  }
  chmod((folder / "key").c_str(), 0400);
  EXPECT_TRUE(SigningKey::load(folder / "key"));
}

TEST(KeyFiles, ThatAreNoneAreRefused) {
  const std::string wrapped = "kelpie-key-v1 argon2id 3 268435456 AAAAAAAAAAAAAAAAAAAAAA== ";
  const std::vector<std::string> rows = {
      "",
      "\n",
      "kelpie-key-v1",
      "kelpie-key-v2 plain " + std::string(kZeroSeed),
      "kelpie-key-v1 plain",
      "kelpie-key-v1 plain AAAA",
      "kelpie-key-v1 plain " + std::string(kZeroSeed) + " more",
      "kelpie-key-v1 plain " + std::string(kZeroSeed) + "\n\n",
      "kelpie-key-v1  plain " + std::string(kZeroSeed),
      "kelpie-key-v1 scrypt " + std::string(kZeroSeed),
      wrapped,
      wrapped + "AAAA AAAA",
      "kelpie-key-v1 argon2id 99 268435456 AAAA AAAA AAAA",
      "kelpie-key-v1 argon2id 3 999999999999 AAAA AAAA AAAA",
      "kelpie-key-v1 argon2id -3 268435456 AAAA AAAA AAAA",
      std::string(5'000, 'x'),
  };
  for (const std::string& row : rows) {
    const Result<SigningKey> key = load_text(row, "passphrase");
    ASSERT_FALSE(key) << row;
    EXPECT_EQ(key.error().code, Code::InvalidArgument) << row;
  }
}

TEST(KeyFiles, ThatAreMissingOrNoFilesAreRefused) {
  const TempDir folder;
  const Result<SigningKey> missing = SigningKey::load(folder / "key");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::NotFound);

  chmod(folder.path().c_str(), 0700);
  EXPECT_FALSE(SigningKey::load(folder.path()));
}

}  // namespace
}  // namespace kelpie::wire
