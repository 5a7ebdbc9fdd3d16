// The door where devices bring archives, from the outside: what is behind it, and what is not.
#include <filesystem>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "hub/api/archive_room.h"
#include "hub/core/archives.h"
#include "tests/hub/api/fake_hub.h"

namespace kelpie::hub {
namespace {

using test::FakeHub;

constexpr const char* kAttempt = "01JD0000000000000000000000/000102030405060708090a0b0c0d0e0f/1";
const Digest kSecret = blake2b_256("secret of a test");

std::string path_of(std::string_view attempt) {
  return fmt::format("/archives/{}", attempt);
}

class ArchiveDoorTest : public ::testing::Test {
 protected:
  ArchiveDoorTest()
      : hub_(fmt::format("viewer eve {} -\n", blake2b_256("eve's").hex()), [this](ServerOptions& options) {
          std::filesystem::create_directory(dir_ / "archives");
          options.archives_listen = "127.0.0.1:0";
          options.archives_dir = dir_ / "archives";
          options.archive_secret = kSecret;
        }) {}

  static std::string token_of(const std::string& attempt) {
    return archive_token(kSecret, *parse_attempt_id(attempt)).hex();
  }
  /// "404 …": the status and what the answer says.
  std::string put(const std::string& path, const std::string& token, const std::string& body = "x",
                  const std::string& method = "PUT") {
    wire::HttpRequest request{.method = method, .url = "http://" + hub_.server().archives_address() + path};
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    request.body = body;
    const Result<wire::HttpResponse> response = wire::http_call(request);
    return response ? fmt::format("{} {}", response->status, response->body) : response.error().message;
  }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator found(dir_ / "archives");
    return static_cast<std::size_t>(std::distance(begin(found), end(found)));
  }

  test::TempDir dir_;
  FakeHub hub_;
};

TEST_F(ArchiveDoorTest, WantsTheTokenOfThatAttempt) {
  const std::string path = path_of(kAttempt);
  std::string other = kAttempt;
  other.back() = '2';
  for (const std::string& token : {std::string(), std::string("x"), token_of(other), std::string(64, '0'),
                                   token_of(kAttempt).substr(1), token_of(kAttempt) + "0"}) {
    EXPECT_EQ(put(path, token).substr(0, 3), "401") << token;
  }
  EXPECT_TRUE(hub_.taken().empty()) << "the loop is not even asked";
  // The hub of this test knows no attempt at all.
  EXPECT_EQ(put(path, token_of(kAttempt)).substr(0, 3), "404");
  EXPECT_EQ(hub_.taken(), std::vector<std::string>{"OpenArchive by device/000102030405060708090a0b0c0d0e0f"});
  EXPECT_EQ(files(), 0U);
}

TEST_F(ArchiveDoorTest, HasNothingElseBehindIt) {
  for (const char* const path : {"/api/v1/devices", "/livez", "/readyz", "/metrics", "/artifacts/00", "/", "/archives",
                                 "/archives/", "/api/v1/devices/pi-1/archives"}) {
    EXPECT_EQ(put(path, token_of(kAttempt)).substr(0, 1), "4") << path;
    EXPECT_EQ(put(path, token_of(kAttempt), "", "GET").substr(0, 1), "4") << path;
  }
  EXPECT_EQ(put(path_of(kAttempt), token_of(kAttempt), "", "GET").substr(0, 3), "404");
  EXPECT_TRUE(hub_.taken().empty());
}

TEST_F(ArchiveDoorTest, TakesNamesOfAttemptsAlone) {
  for (const char* const name : {"../../../etc/passwd", "..%2f..%2fx", "01JD0000000000000000000000/../1",
                                 "01JD0000000000000000000000/000102030405060708090a0b0c0d0e0f/1/../../x",
                                 "01JD0000000000000000000000/000102030405060708090a0b0c0d0e0f/-1"}) {
    EXPECT_EQ(put(path_of(name), token_of(kAttempt)).substr(0, 1), "4") << name;
  }
  EXPECT_TRUE(hub_.taken().empty());
  EXPECT_EQ(files(), 0U);
}

TEST_F(ArchiveDoorTest, TakesNoMoreThanAnAgentPacks) {
  const std::string large(kArchiveBytesMax + 1, 'x');
  EXPECT_EQ(put(path_of(kAttempt), token_of(kAttempt), large).substr(0, 3), "413");
  EXPECT_EQ(files(), 0U);
}

TEST_F(ArchiveDoorTest, OperatorsGetThemAndViewersDoNot) {
  const std::string path = path_of(kAttempt);
  EXPECT_EQ(wire::http_call(hub_.on_tcp("GET", path, "eve's"))->status, 403);
  EXPECT_EQ(wire::http_call(hub_.on_socket("GET", path))->status, 404);
  EXPECT_EQ(wire::http_call(hub_.on_socket("PUT", path, "x"))->status, 405);
}

TEST(ArchiveRoom, KeepsOnlyWhatIsOnRecord) {
  const test::TempDir dir;
  const Result<ArchiveRoom> room = ArchiveRoom::open(dir / "archives", {});
  ASSERT_TRUE(room) << room.error().message;
  const AttemptId attempt = *parse_attempt_id(kAttempt);
  std::vector<std::string> names;
  for (const char* const text : {"one", "two"}) {
    Result<ArchiveUpload> upload = ArchiveUpload::open(room->folder());
    ASSERT_TRUE(upload && upload->write(text));
    const Result<Archive> archive = upload->end(attempt);
    ASSERT_TRUE(archive);
    ASSERT_TRUE(upload->keep(*archive));
    names.push_back(file_of(*archive));
  }
  Result<ArchiveUpload> cut = ArchiveUpload::open(room->folder());  // as a crash leaves one
  ASSERT_TRUE(room->keep_only({names[1]}));
  EXPECT_FALSE(std::filesystem::exists(dir / "archives/" + names[0]));
  EXPECT_TRUE(std::filesystem::exists(dir / "archives/" + names[1]));
  const std::filesystem::directory_iterator left(dir / "archives");
  EXPECT_EQ(std::distance(begin(left), end(left)), 1);
}

}  // namespace
}  // namespace kelpie::hub
