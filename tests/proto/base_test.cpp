// The vocabulary: bytes as text, durations, ids, the inbox.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "proto/base/bytes.h"
#include "proto/base/clock.h"
#include "proto/base/entropy.h"
#include "proto/base/ids.h"
#include "proto/base/inbox.h"
#include "proto/base/log.h"
#include "proto/base/program.h"
#include "proto/base/reached.h"
#include "tests/support/temp_dir.h"

namespace kelpie {
namespace {

using namespace std::string_literals;

TEST(Hex, ReadsBackWhatItWrites) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));

  EXPECT_EQ(from_hex(to_hex(as_bytes(all))), all);
  EXPECT_EQ(to_hex(as_bytes("\x00\xff\x10"s)), "00ff10");
}

TEST(Hex, RefusesOddLengthUpperCaseAndStrangers) {
  for (const char* text : {"a", "0g", "AA", "0x", " 0"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Base64, KnowsTheVectorsOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(from_base64(encoded), plain);
  }
}

TEST(Base64, RefusesWrongLengthPaddingAndStrangers) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg==Zg==", "=g==", "Z===", "Z*==", "Zm9v\n"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Base64, RefusesASecondSpellingOfTheSameBytes) {
  EXPECT_FALSE(from_base64("Zh=="));
  EXPECT_FALSE(from_base64("Zm9="));
}

TEST(FixedBytes, RefusesAnyOtherLength) {
  EXPECT_TRUE(Nonce::from_bytes(std::string(16, 'x')));
  EXPECT_FALSE(Nonce::from_bytes(std::string(15, 'x')));
  EXPECT_FALSE(Nonce::from_bytes(std::string(17, 'x')));
}

TEST(LittleEndian, PutsTheLowByteFirst) {
  std::string out;
  append_le16(out, 0x0102);
  append_le32(out, 0x03040506);
  append_le64(out, 0x0708090a0b0c0d0e);

  EXPECT_EQ(to_hex(as_bytes(out)), "0201060504030e0d0c0b0a090807");
  EXPECT_EQ(read_le16(as_bytes(out)), 0x0102);
  EXPECT_EQ(read_le64(as_bytes(out).subspan(6)), 0x0708090a0b0c0d0eU);
}

TEST(Durations, ReadBackInTheirShortestForm) {
  const std::vector<std::pair<std::string, std::int64_t>> rows = {
      {"250ms", 250}, {"90s", 90'000}, {"5m", 300'000}, {"2h30m", 9'000'000}, {"14d", 1'209'600'000}, {"0s", 0}};
  for (const auto& [text, ms] : rows) {
    const Result<Duration> duration = parse_duration(text);
    ASSERT_TRUE(duration) << text;
    EXPECT_EQ(duration->count(), ms) << text;
  }
  EXPECT_EQ(to_string(Duration(9'000'000)), "2h30m");
  EXPECT_EQ(to_string(Duration(90'000)), "1m30s");
  EXPECT_EQ(to_string(Duration(0)), "0s");
}

TEST(Durations, RefuseWhatAPersonMayMistype) {
  for (const char* text :
       {"", "5", "m", "5x", "-5m", "5m5m", "30m2h", "5 m", "1.5h", "99999d", "9223372036854775807d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Times, AreWrittenInUtcWithMilliseconds) {
  EXPECT_EQ(to_rfc3339({1'795'338'843'123}), "2026-11-22T09:14:03.123Z");
  EXPECT_EQ(to_rfc3339({-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Ulids, SortByTimeAndReadBack) {
  SeededEntropy entropy(7);
  const Ulid earlier = Ulid::make({1'000}, entropy);
  const Ulid later = Ulid::make({1'001}, entropy);

  EXPECT_LT(earlier, later);
  EXPECT_EQ(Ulid::parse(later.text()), later);
  EXPECT_EQ(later.time(), WallTime{1'001});
}

TEST(Ulids, RefuseOtherAlphabetsAndLengths) {
  const std::string good(26, '0');
  EXPECT_TRUE(Ulid::parse(good));
  EXPECT_FALSE(Ulid::parse(good.substr(1)));
  EXPECT_FALSE(Ulid::parse(good + "0"));
  for (const char letter : {'I', 'L', 'O', 'U', 'a', '-'}) EXPECT_FALSE(Ulid::parse(letter + good.substr(1))) << letter;
}

TEST(AttemptIds, ReadBackAndHaveOneSpelling) {
  SeededEntropy entropy(7);
  const AttemptId id{.rollout = Ulid::make({1'000}, entropy), .device = random_bytes<DeviceId>(entropy), .n = 12};

  EXPECT_EQ(parse_attempt_id(to_string(id)), id);
  const std::string stem = id.rollout.text() + "/" + id.device.hex() + "/";
  for (const char* n : {"", "0", "01", "-1", "1x", "4294967296", "1/2"}) EXPECT_FALSE(parse_attempt_id(stem + n)) << n;
}

TEST(Fingerprints, AreReadAsPeopleTypeThem) {
  const Result<DeviceId> id = DeviceId::from_hex("9c4177d000112233445566778899e2b8");
  ASSERT_TRUE(id);

  EXPECT_EQ(fingerprint(id->view()), "9c41 77d0 0011 2233 4455 6677 8899 e2b8");
  EXPECT_EQ(parse_fingerprint("9C41-77D0-0011:2233 4455 6677 8899 E2B8"), *id);
  EXPECT_FALSE(parse_fingerprint("9c41 77d0"));
}

TEST(Names, FollowRfc1123) {
  for (const std::string& good : {"a"s, "edge-07"s, std::string(63, 'x')}) EXPECT_TRUE(is_name(good)) << good;
  for (const std::string& bad : {""s, "-a"s, "a-"s, "A"s, "a.b"s, "a_b"s, std::string(64, 'x')}) {
    EXPECT_FALSE(is_name(bad)) << bad;
  }
}

TEST(SeededEntropy, RepeatsForTheSameSeedOnly) {
  SeededEntropy one(1);
  SeededEntropy same(1);
  SeededEntropy other(2);
  const Nonce first = random_bytes<Nonce>(one);

  EXPECT_EQ(random_bytes<Nonce>(same), first);
  EXPECT_NE(random_bytes<Nonce>(other), first);
  EXPECT_NE(random_bytes<Nonce>(one), first);
}

TEST(Uniform, StaysBelowItsBoundAndReachesEveryValue) {
  SeededEntropy entropy(3);
  std::vector<int> counts(5);
  for (int i = 0; i < 1'000; ++i) ++counts.at(uniform(entropy, 5));
  for (const int count : counts) EXPECT_GT(count, 100);
}

TEST(Inbox, RefusesBeyondItsCapacityButNotWhatMustNotBeLost) {
  Inbox<int> inbox(2);
  EXPECT_TRUE(inbox.push(1));
  EXPECT_TRUE(inbox.push(2));
  EXPECT_FALSE(inbox.push(3));
  inbox.push_always(4);

  EXPECT_EQ(inbox.take(10, std::chrono::milliseconds(0)), (std::vector<int>{1, 2, 4}));
}

TEST(Inbox, TakesAtMostABatchInOrder) {
  Inbox<int> inbox(3);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(inbox.push(i));

  EXPECT_EQ(inbox.take(2, std::chrono::milliseconds(0)), (std::vector<int>{1, 2}));
  EXPECT_EQ(inbox.take(2, std::chrono::milliseconds(0)), (std::vector<int>{3}));
}

TEST(Inbox, WakesAWaitingLoopOnPushAndOnClose) {
  Inbox<int> inbox(1);
  {
    const std::jthread other([&] { inbox.push_always(5); });
    EXPECT_EQ(inbox.take(1, std::chrono::minutes(1)), std::vector<int>{5});
  }
  const std::jthread closer([&] { inbox.close(); });
  EXPECT_TRUE(inbox.take(1, std::chrono::minutes(1)).empty());
}

TEST(Log, EscapesWhatWouldBreakALine) {
  EXPECT_EQ(log::escape("a\"b\\c\n\x01"), "a\\\"b\\\\c\\n\\u0001");
}

TEST(ReachedMarks, CountOnlyWhileAlive) {
  KELPIE_REACHED("before");
  const ReachedMarks marks;
  KELPIE_REACHED("rare");
  KELPIE_REACHED("rare");

  EXPECT_EQ(marks.counts(), (std::map<std::string, std::uint64_t>{{"rare", 2}}));
}

TEST(CrashPoints, AreAPointAndANumber) {
  EXPECT_FALSE(*crash_points(""));
  EXPECT_TRUE(*crash_points("after-commit:3"));
  for (const char* wrong : {"after-commit", "after-commit:", "after-commit:0", "after-commit:x", "after-commit:1x"}) {
    EXPECT_EQ(crash_points(wrong).error().code, Code::InvalidArgument) << wrong;
  }
}

TEST(TellManager, SpeaksToTheSocketThatItWasGiven) {
  const test::TempDir dir;
  const std::string path = dir / "notify";
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  tell_manager("READY=1");  // nobody asked for it
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  tell_manager("WATCHDOG=1");
  unsetenv("NOTIFY_SOCKET");
  std::string heard(64, '\0');
  heard.resize(static_cast<std::size_t>(std::max<ssize_t>(recv(fd, heard.data(), heard.size(), MSG_DONTWAIT), 0)));
  close(fd);
  EXPECT_EQ(heard, "WATCHDOG=1");
}

}  // namespace
}  // namespace kelpie
