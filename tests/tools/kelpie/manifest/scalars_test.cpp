#include "tools/kelpie/manifest/scalars.h"

#include <gtest/gtest.h>

#include "tools/kelpie/manifest/channel.h"
#include "tools/kelpie/manifest/fleet_manifest.h"
#include "tools/kelpie/manifest/images.h"

namespace kelpie::cli {
namespace {

template <typename Value>
std::string trouble(const Result<Value>& result) {
  return result ? std::string("none") : result.error().message;
}

TEST(Scalars, SharesAreBasisPoints) {
  EXPECT_EQ(parse_percent("5%").value_or(0), 500U);
  EXPECT_EQ(parse_percent("0.25%").value_or(0), 25U);
  EXPECT_EQ(parse_percent("2.5%").value_or(0), 250U);
  EXPECT_EQ(parse_percent("100%").value_or(0), 10'000U);
  for (const char* wrong : {"", "%", "5", "5 %", "100.01%", "-1%", "1.234%", "1.%", "+1%", "4294967296%"}) {
    EXPECT_FALSE(parse_percent(wrong)) << wrong;
  }
}

TEST(Scalars, SizesAreBytes) {
  EXPECT_EQ(parse_size("2GiB").value_or(0), 2'147'483'648U);
  EXPECT_EQ(parse_size("10GB").value_or(0), 10'000'000'000U);
  EXPECT_EQ(parse_size("4096").value_or(0), 4'096U);
  for (const char* wrong : {"", "GiB", "2 GiB", "2gib", "-1", "9999999999GiB"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(Channels, OlderSpellingsAreToldWhatToWrite) {
  EXPECT_EQ(to_string(*parse_channel("1.32-strict/edge")), "1.32-strict/edge");
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"latest/edge/strict",
       "\"latest/edge/strict\" follows a track whose version moves by itself. Write 1.32-strict/edge"},
      {"latest/stable", "\"latest/stable\" follows a track whose version moves by itself. Write 1.32/stable"},
      {"edge", "\"edge\" follows a track whose version moves by itself. Write 1.32/edge"},
      {"1.31", "\"1.31\" is not a channel. Write 1.31/stable"},
      {"v1.31/beta", "\"v1.31/beta\" is not a channel. Write 1.31/beta"},
      {"1.31/stable/strict", "\"1.31/stable/strict\" is not a channel. Write 1.31-strict/stable"},
      {"1.31/strict", "\"1.31/strict\" is not a channel. Write 1.31-strict/stable"},
      {"1.32-eksd/stable",
       "\"1.32-eksd/stable\" is neither a classic track (1.32) nor a strict one (1.32-strict). Write 1.32/stable"},
      {"stable/1.32", "\"stable/1.32\" is not a channel. Write 1.32/stable"},
      {"1.24-strict/stable", "\"1.24-strict/stable\": strict tracks begin with 1.25-strict"},
      {"", "\"\" is not a channel. Write 1.32/stable"},
      {"new", "\"new\" is not a channel. Write 1.32/stable"}};
  for (const auto& [text, told] : rows) EXPECT_EQ(trouble(parse_channel(text)), told);
}

TEST(Images, AreNamedWhole) {
  EXPECT_EQ(parse_image("localhost:32000/a/b:1")->ref, "localhost:32000/a/b:1");
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"nginx:1.27", "\"nginx:1.27\" is not a full image name. Did you mean \"docker.io/library/nginx:1.27\"?"},
      {"nodered/node-red:3.1",
       "\"nodered/node-red:3.1\" is not a full image name. Did you mean \"docker.io/nodered/node-red:3.1\"?"},
      {"nodered/node-red", "\"nodered/node-red\" has no tag. Write docker.io/nodered/node-red:TAG"},
      {"docker.io/A/b:1", "\"docker.io/A/b:1\": names of images are in lower case"},
      {"docker.io/a/b:1@sha256:12", "\"sha256:12\" is not a digest: sha256: and 64 hex digits"},
      {"--rm/x:1", "\"--rm/x:1\" is not an image name such as docker.io/library/nginx:1.27"}};
  for (const auto& [text, told] : rows) EXPECT_EQ(trouble(parse_image(text)), told);
}

TEST(Waves, AreWrittenInOneLine) {
  const auto waves = parse_waves("1,10%,50%,rest");
  ASSERT_TRUE(waves);
  std::string told;
  for (const api::v1::Wave& wave : *waves) told += wave.ShortDebugString() + "\n";
  EXPECT_EQ(told,
            "name: \"canary\" size: 1\nname: \"wave-2\" up_to_basis_points: 1000\n"
            "name: \"wave-3\" up_to_basis_points: 5000\nname: \"rest\" up_to_basis_points: 10000\n");
  EXPECT_EQ(trouble(parse_waves("50%,10%")),
            "waves \"50%,10%\": shares count the waves before too and must rise. Write 1,10%,50%,rest");
  EXPECT_EQ(trouble(parse_waves("rest,1")),
            "waves \"rest,1\": what comes after the rest has no device. Write 1,10%,50%,rest");
  EXPECT_EQ(trouble(parse_waves("1,,rest")),
            "waves \"1,,rest\": \"\" is neither a number nor a share. Write 1,10%,50%,rest");
}

}  // namespace
}  // namespace kelpie::cli
