// Every command that reads is run against the real hub: its table has its columns, its data parses, and talk stays off
// stdout. A new command is tested by being in the table.
#include <filesystem>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/system/cli_program.h"
#include "tools/kelpie/commands.h"

namespace kelpie::test {
namespace {

using cli::Command;
using cli::Completes;
using ::testing::HasSubstr;
using ::testing::Ne;

class CliReading : public ::testing::Test {
 protected:
  CliReading() {
    cli_.hub().add_device("pi-1");
    EXPECT_TRUE(cli_.until([&] {
      const auto device = cli_.hub().get<api::v1::Device>("/api/v1/devices/pi-1");
      return device && device->status().connection() == "online";
    }));
    rollout_ = cli_.person().start_rollout(1);
    EXPECT_EQ(cli_.person().finish(rollout_).status().phase(), "succeeded");
  }

  /// Something of the right kind for each argument.
  [[nodiscard]] std::string example(const cli::Argument& argument) const {
    switch (argument.completes) {
      case Completes::Devices: return "pi-1";
      case Completes::Fleets: return "kiosk";
      case Completes::Releases: return "kiosk@1";
      case Completes::Rollouts: return rollout_;
      case Completes::Contexts:
      case Completes::Commands:
      case Completes::Files:
      case Completes::Nothing: break;
    }
    ADD_FAILURE() << "what to give for " << argument.name << "?";
    return {};
  }

  [[nodiscard]] std::vector<std::string> words_of(const Command& command) const {
    std::vector<std::string> out;
    for (std::string_view rest = command.path; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      out.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    for (const cli::Argument& argument : command.arguments) out.push_back(example(argument));
    return out;
  }

  Finished run(std::vector<std::string> words, std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
    return cli_.kelpie(words);
  }

  CliProgram cli_;
  std::string rollout_;
};

/// Those that read files too are in the stories of manifests.
bool reads_the_hub(const Command& command) {
  const bool reads_files = command.path == "diff" || command.path == "export" || command.path == "trust show" ||
                           command.path == "release verify" || command.path == "release images";
  return command.role == api::v1::VIEWER && command.path != "event watch" && command.path != "event export" &&
         !reads_files;
}

TEST_F(CliReading, EveryReadingCommandGivesATableAndDataThatParses) {
  int tested = 0;
  for (const Command& command : cli::all_commands()) {
    if (!reads_the_hub(command)) continue;
    SCOPED_TRACE(command.path);
    const std::vector<std::string> words = words_of(command);
    const Finished table = cli_.kelpie(words);
    EXPECT_EQ(table.code, 0) << table.err;
    for (const cli::Column& column : command.columns) {
      const bool is_shown = !column.is_wide && !table.out.empty() && command.path != "device wait";
      if (is_shown) {
        EXPECT_THAT(table.out, HasSubstr(std::string(column.title)));
      }
    }
    const Finished json = run(words, {"-o", "json", "-vv"});
    EXPECT_EQ(json.code, 0) << json.err;
    const nlohmann::json object = nlohmann::json::parse(json.out, nullptr, false);
    EXPECT_FALSE(object.is_discarded()) << json.out;
    EXPECT_TRUE(object.contains("kind") && object.contains("apiVersion")) << json.out;
    EXPECT_THAT(json.err, HasSubstr("request 0"));
    EXPECT_THAT(json.err, HasSubstr(" bytes\n< {\""));
    const Finished lines = run(words, {"-o", "jsonl"});
    for (std::string_view rest = lines.out; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      ASSERT_NE(end, std::string_view::npos);
      EXPECT_FALSE(nlohmann::json::parse(rest.substr(0, end), nullptr, false).is_discarded()) << rest;
      rest.remove_prefix(end + 1);
    }
    EXPECT_EQ(run(words, {"-o", "wide"}).code, 0);
    const Finished yaml = run(words, {"-o", "yaml"});
    EXPECT_THAT(yaml.out, HasSubstr("apiVersion: v1\n"));
    ++tested;
  }
  EXPECT_GE(tested, 17);
}

TEST(CliStories, EveryOtherCommandIsRunInOne) {
  std::string stories;
  for (const auto& file : std::filesystem::directory_iterator(KELPIE_SOURCE_DIR "/tests/system")) {
    if (file.path().extension() == ".cpp") stories += read_file(file.path());
  }
  for (const Command& command : cli::all_commands()) {
    std::string words = fmt::format("{{\"{}\"", command.path);
    if (const std::size_t space = words.find(' '); space != std::string::npos) words.replace(space, 1, "\", \"");
    if (reads_the_hub(command)) continue;
    EXPECT_THAT(stories.find(words.substr(1)), Ne(std::string::npos)) << command.path;
  }
}

TEST_F(CliReading, StatusLooksAsDesigned) {
  const Finished status = cli_.kelpie({"status"});
  EXPECT_EQ(status.code, 0);
  EXPECT_THAT(status.out, HasSubstr("✔ ready   broker linked   up "));
  EXPECT_THAT(status.out, HasSubstr("DEVICES  1   online 1   offline 0   never seen 0\n"));
  EXPECT_THAT(status.out, HasSubstr("UPDATE         up-to-date 1   updating 0   out-of-date 0   failed 0\n"));
  EXPECT_THAT(status.out, HasSubstr("FLEET  RELEASE  DEVICES  UP-TO-DATE  FAILED  OFFLINE  ROLLOUT\n"));
  EXPECT_THAT(status.out, HasSubstr("kiosk  kiosk@1        1     1  100%       0        0  ✔ succeeded\n"));
  EXPECT_EQ(cli_.kelpie({"status", "--exit-code"}).code, 0);
}

TEST_F(CliReading, StatusIsWatchedUntilTheTimeIsOver) {
  const Finished watched = cli_.kelpie({"status", "--watch", "--timeout", "1s"});
  EXPECT_EQ(watched.code, 124);
  EXPECT_THAT(watched.out, HasSubstr("Z devices=1 online=1 offline=0 up-to-date=1 updating=0 failed=0 attention=0\n"));
  EXPECT_EQ(std::count(watched.out.begin(), watched.out.end(), '\n'), 1) << "nothing changed:\n" << watched.out;
}

TEST_F(CliReading, AskedColumnsAndSortingAreObeyed) {
  cli_.hub().add_device("pi-0");
  const Finished sorted = cli_.kelpie({"device", "list", "--sort-by", "-name", "--columns", "NAME", "--no-headers"});
  EXPECT_EQ(sorted.out, "pi-1\npi-0\n");
  const Finished data = cli_.kelpie({"device", "list", "--sort-by", "-name", "-o", "json"});
  EXPECT_EQ(nlohmann::json::parse(data.out)["items"][0]["metadata"]["name"], "pi-1");
  const Finished wrong = cli_.kelpie({"device", "list", "-o", "columns=NAM"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("there is no column \"NAM\". Did you mean \"NAME\"?"));
}

TEST_F(CliReading, ANarrowTerminalDropsColumnsAndNeverWraps) {
  const Finished narrow = cli_.on_terminal({"device", "list", "--color", "never"}, "", 40);
  EXPECT_EQ(narrow.code, 0);
  EXPECT_THAT(narrow.out, HasSubstr("NAME"));
  EXPECT_THAT(narrow.out, ::testing::Not(HasSubstr("SEEN")));
  for (std::size_t begin = 0; begin < narrow.out.size();) {
    const std::size_t end = std::min(narrow.out.find("\r\n", begin), narrow.out.size());
    EXPECT_LE(end - begin, 40U);
    begin = end + 2;
  }
}

TEST_F(CliReading, EventsAreListedSinceATimeWatchedAndExported) {
  const Finished exported = cli_.kelpie({"event", "export"});
  EXPECT_EQ(exported.code, 0) << exported.err;
  const auto lines = std::count(exported.out.begin(), exported.out.end(), '\n');
  EXPECT_GT(lines, 5);
  EXPECT_THAT(exported.err, HasSubstr(fmt::format("{} events exported", lines)));
  const Finished since = cli_.kelpie({"event", "list", "--since", "1h", "-o", "jsonl"});
  EXPECT_EQ(std::count(since.out.begin(), since.out.end(), '\n'), lines);
  EXPECT_EQ(cli_.kelpie({"event", "list", "--since", "2999-01-01T00:00:00Z"}).out, "");
  EXPECT_EQ(cli_.kelpie({"event", "list", "--since", "yesterday"}).code, 2);

  EXPECT_EQ(cli_.kelpie({"event", "list", "--limit", "1001"}).code, 2) << "not cut without a word";
  EXPECT_EQ(cli_.kelpie({"audit", "list", "--limit", "1001"}).code, 2);
  const Finished one = cli_.kelpie({"event", "watch", "--after", "0", "--limit", "1"});
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("device/pi-1"));
  const Finished none = cli_.kelpie({"event", "watch", "-o", "jsonl", "--timeout", "1s"});
  EXPECT_EQ(none.code, 124);
  EXPECT_THAT(none.out, ::testing::StartsWith("{\"type\":\"HEARTBEAT\""));
}

TEST_F(CliReading, CompletionOffersNamesOfTheHub) {
  EXPECT_EQ(cli_.kelpie({"__complete", "--", "device", "show", "p"}).out, "pi-1\n");
  EXPECT_EQ(cli_.kelpie({"__complete", "--", "release", "show", ""}).out, "kiosk@1\n");
  EXPECT_EQ(cli_.kelpie({"__complete", "--", "rollout", "status", ""}).out, rollout_ + "\n");
  EXPECT_EQ(cli_.kelpie({"__complete", "--", "device", "list", "--fleet", ""}).out, "kiosk\n");
}

}  // namespace
}  // namespace kelpie::test
