// kelpie device diagnose with the real programs: what a broken device tells reaches the operator's folder, without the
// secrets that lie about on it, and nobody else's bytes get in on the way.
#include <filesystem>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/base/digest.h"
#include "proto/wire/archive.h"
#include "proto/wire/keys.h"
#include "tests/system/agent_device.h"
#include "tests/system/operator_desk.h"

namespace kelpie::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kCanary = "c4nary-hunter2";

/// Runs for long already, and says in its journals what none should.
void make_talkative(DoubleDevice& device) {
  device.change([&](sim::DeviceState& state) {
    state = sim::running_device(sim::usual_world(), "1.32/stable", device.now());
    state.journal = {fmt::format("Authorization: Bearer {}", kCanary), fmt::format("db password: {}", kCanary),
                     fmt::format(R"({{"token":"{}"}})", kCanary),
                     "eviction manager: must evict pod(s) to reclaim disk"};
  });
}

class DiagnoseWalk : public ::testing::Test {
 protected:
  DiagnoseWalk() {
    make_talkative(device_);
    device_.start_snapd();
    agent_.flags = flags_of(device_);
    agent_.start();
    EXPECT_TRUE(eventually([&] { return agent_.is_online(); })) << agent_.log();
  }
  Finished diagnose(std::vector<std::string> words) {
    words.insert(words.begin(), {"device", "diagnose", "pi-1"});
    return desk_.kelpie(std::move(words));
  }
  /// The newest archive the hub has, in its own words.
  api::v1::Archive newest() {
    const auto list = desk_.hub().get<api::v1::ArchiveList>("/api/v1/devices/pi-1/archives");
    EXPECT_TRUE(list && list->items_size() > 0);
    return list && list->items_size() > 0 ? list->items(0) : api::v1::Archive();
  }
  std::filesystem::path archives() {
    return std::filesystem::path(desk_.hub().store_folder()).parent_path() / "archives";
  }
  std::string put(const std::string& attempt, const std::string& token) {
    const auto hub = desk_.hub().get<api::v1::HubStatus>("/api/v1/hub");
    const Result<wire::HttpResponse> answer =
        wire::http_call({.method = "PUT",
                         .url = fmt::format("{}/archives/{}", hub->archives(), attempt),
                         .headers = {{"Authorization", fmt::format("Bearer {}", token)}},
                         .body = "somebody else's bytes"});
    return answer ? fmt::format("{} {}", answer->status, answer->body) : answer.error().message;
  }
  /// As the hub makes it, with its key in hand.
  std::string token_of(const std::string& attempt) {
    const Result<wire::SigningKey> key = wire::SigningKey::load(desk_.path("installation/hub/hub.key"));
    EXPECT_TRUE(key);
    const Digest secret = blake2b_256(key->sign(as_bytes("kelpie-archive-secret-v1")).view());
    return blake2b_256(fmt::format("{}kelpie-archive-v1 {}", secret.bytes(), attempt)).hex();
  }

  OperatorDesk desk_;
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 2'000, .state = {}}};
  AgentProgram agent_{desk_.hub(), "pi-1"};
};

TEST_F(DiagnoseWalk, BringsWhatTheDeviceToldAndNoSecretOfIt) {
  const std::string path = desk_.path("pi.tar.gz");
  const Finished done = diagnose({"--output-file", path, "--reason", "disk"});
  ASSERT_EQ(done.code, 0) << done.out << done.err << agent_.log() << desk_.hub().log();
  EXPECT_THAT(done.out, HasSubstr(path));
  EXPECT_THAT(done.out, HasSubstr("as the device signed it"));
  EXPECT_THAT(done.out, HasSubstr("logs/daemon-kubelite.txt"));
  EXPECT_THAT(done.err, HasSubstr("tar xzf"));

  const std::string bytes = read_file(path);
  EXPECT_EQ(newest().status().sha256(), sha256_hex(as_bytes(bytes)));
  const Result<std::vector<wire::ArchivedFile>> files = wire::read_archive(bytes);
  ASSERT_TRUE(files) << files.error().message;
  std::string all;
  for (const wire::ArchivedFile& file : *files) all += fmt::format("{}\n{}", file.name, file.text);
  EXPECT_THAT(all, HasSubstr("must evict pod(s) to reclaim disk"));
  EXPECT_THAT(all, HasSubstr(fmt::format("attempt      {}", newest().metadata().id())));
  EXPECT_THAT(all, Not(HasSubstr(kCanary)));
  EXPECT_EQ(device_.times("wrote an inspection report"), 0);

  const Finished again = diagnose({"--output-file", path});
  EXPECT_EQ(again.code, 5);
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  const Finished last = diagnose({"--last", "--output-file", desk_.path("last.tar.gz"), "-o", "json"});
  EXPECT_EQ(last.code, 0) << last.err;
  EXPECT_THAT(last.out, HasSubstr(fmt::format(R"("path": "{}")", desk_.path("last.tar.gz"))));
  EXPECT_EQ(read_file(desk_.path("last.tar.gz")), bytes);
  EXPECT_THAT(desk_.kelpie({"audit", "list", "-o", "json"}).out, HasSubstr("archive.stored"));
}

TEST_F(DiagnoseWalk, TakesNothingOfAnAttemptThatIsOverOrByAnotherWord) {
  ASSERT_EQ(diagnose({"--output-file", desk_.path("pi.tar.gz")}).code, 0);
  const std::string attempt = newest().metadata().id();
  const std::string sha256 = newest().status().sha256();
  EXPECT_THAT(put(attempt, token_of(attempt)), testing::AllOf(HasSubstr("412 "), HasSubstr("is not under way")));
  EXPECT_THAT(put(attempt, std::string(64, '0')), HasSubstr("401 "));
  const std::string next = fmt::format("{}2", attempt.substr(0, attempt.size() - 1));
  EXPECT_THAT(put(attempt, token_of(next)), HasSubstr("401 "));
  EXPECT_THAT(put(next, token_of(next)), HasSubstr("404 "));
  EXPECT_EQ(newest().status().sha256(), sha256);

  ASSERT_EQ(desk_.kelpie({"device", "decommission", "pi-1", "--yes"}).code, 0);
  const std::filesystem::directory_iterator left(archives());
  EXPECT_EQ(std::distance(begin(left), end(left)), 0) << "they go with their device";
}

// Whoever holds the hub's folder can change what lies there, not what the device signed.
TEST_F(DiagnoseWalk, SaysSoWhenTheBytesAreNotTheDevices) {
  ASSERT_EQ(diagnose({"--output-file", desk_.path("pi.tar.gz")}).code, 0);
  for (const auto& file : std::filesystem::directory_iterator(archives())) {
    write_file(file.path().string(), "somebody else's bytes");
  }
  const Finished last = diagnose({"--last", "--output-file", desk_.path("last.tar.gz")});
  EXPECT_NE(last.code, 0);
  EXPECT_THAT(last.err, HasSubstr("what came is not what was sent"));
  EXPECT_FALSE(std::filesystem::exists(desk_.path("last.tar.gz")));
}

}  // namespace
}  // namespace kelpie::test
