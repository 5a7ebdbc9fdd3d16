// kelpie rollout …: watched to its end, each end with an exit code of its own.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/system/cli_program.h"

namespace kelpie::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

class CliRollout : public ::testing::Test {
 protected:
  CliRollout() {
    for (const char* name : {"pi-1", "pi-2", "pi-3"}) cli_.hub().add_device(name);
    EXPECT_TRUE(cli_.until([&] {
      const auto devices = cli_.hub().get<api::v1::DeviceList>("/api/v1/devices?where=connection%3Donline");
      return devices && devices->items_size() == 3;
    }));
  }
  /// One that failed: not every device of a wave need have begun when the limit is reached.
  std::string failed_device(const std::string& id) {
    const std::string out = cli_.kelpie({"rollout", "show", id, "--state", "failed", "--limit", "1", "-o", "name"}).out;
    EXPECT_THAT(out, StartsWith("target/"));
    return out.substr(out.find('/') + 1, out.find('\n') - out.find('/') - 1);
  }

  CliProgram cli_;
};

TEST_F(CliRollout, IsWatchedToItsGoodEnd) {
  const std::string id = cli_.person().start_rollout(1);
  const Finished watched = cli_.kelpie({"rollout", "status", id, "--watch"});
  EXPECT_EQ(watched.code, 0) << watched.err;
  const std::vector<std::string> lines = lines_of(watched.out);
  ASSERT_FALSE(lines.empty());
  for (const std::string& line : lines) {
    EXPECT_THAT(line, MatchesRegex("20[0-9T:-]*Z rollout=" + id + " phase=[a-z]+ .*ok=[0-9].*")) << line;
  }
  EXPECT_THAT(lines.back(), HasSubstr("phase=succeeded ok=3 updating=0 failed=0 waiting=0"));
  EXPECT_EQ(watched.err, "");

  const Finished shown = cli_.kelpie({"rollout", "status", id.substr(0, 20)});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, StartsWith("kiosk@1 → kiosk   " + id + "   ✔ SUCCEEDED   3/3"));
  EXPECT_THAT(shown.out, HasSubstr(" all       3 ████████████████████████████████   3 ok"));
  EXPECT_THAT(cli_.kelpie({"fleet", "list"}).out, HasSubstr("✔ succeeded"));
}

TEST_F(CliRollout, ATerminalSeesOneFrameDrawnAgain) {
  const std::string id = cli_.person().start_rollout(1);
  const Finished watched = cli_.on_terminal({"rollout", "status", id, "--watch"}, "", 120);
  EXPECT_EQ(watched.code, 0) << watched.out;
  EXPECT_THAT(watched.out, HasSubstr("\x1b[32m✔ SUCCEEDED\x1b[0m"));
  const std::size_t last = watched.out.rfind("\x1b[J");
  const std::string final_frame = last == std::string::npos ? watched.out : watched.out.substr(last);
  EXPECT_THAT(final_frame, Not(HasSubstr("Ctrl-C")));
}

TEST_F(CliRollout, JsonLinesAreASnapshotAndChanges) {
  const std::string id = cli_.person().start_rollout(1);
  const Finished watched = cli_.kelpie({"rollout", "status", id, "--watch", "-o", "jsonl", "-vv"});
  EXPECT_EQ(watched.code, 0) << watched.err;
  std::vector<std::string> types;
  nlohmann::json last;
  for (const std::string& line : lines_of(watched.out)) {
    last = nlohmann::json::parse(line);
    types.push_back(last["type"]);
  }
  ASSERT_FALSE(types.empty());
  EXPECT_EQ(types.front(), "SNAPSHOT");
  EXPECT_EQ(last["object"]["status"]["phase"], "succeeded");
}

TEST_F(CliRollout, APauseEndsTheWatchAndARetryHealsIt) {
  for (const auto& [name, device] : cli_.hub().devices()) device->fail_from_now_on();
  const std::string id = cli_.person().start_rollout(1);
  const Finished paused = cli_.kelpie({"rollout", "status", id, "--watch"});
  EXPECT_EQ(paused.code, 7) << paused.out << paused.err;
  EXPECT_THAT(paused.out, HasSubstr("phase=paused reason=failure_limit"));

  const Finished status = cli_.kelpie({"rollout", "status", id});
  EXPECT_THAT(status.out, HasSubstr("⏸ PAUSED failure limit"));
  EXPECT_THAT(status.out, HasSubstr(" next    kelpie rollout retry"));
  const std::string failed = failed_device(id);
  EXPECT_THAT(cli_.kelpie({"device", "show", failed}).out,
              HasSubstr("| kelpie rollout retry " + id + " " + failed + "\n"));
  EXPECT_THAT(cli_.kelpie({"command", "show", id}).out, HasSubstr("✖ failed   try 1"));
  EXPECT_EQ(cli_.kelpie({"status", "--exit-code"}).code, 8);
  EXPECT_THAT(cli_.kelpie({"status"}).out, HasSubstr("ATTENTION ("));

  const Finished waited = cli_.kelpie({"rollout", "status", id, "--watch", "--through-pause", "--timeout", "1s"});
  EXPECT_EQ(waited.code, 124);
  EXPECT_THAT(waited.err, HasSubstr("waited 1s for rollout " + id + " to end"));

  for (const auto& [name, device] : cli_.hub().devices()) device->heal();
  const Finished retried = cli_.kelpie({"rollout", "retry", id, "--failed", "--wait"});
  EXPECT_EQ(retried.code, 0) << retried.out << retried.err;
}

TEST_F(CliRollout, IsPausedResumedAndAbortedByAPerson) {
  for (const auto& [name, device] : cli_.hub().devices()) device->fail_from_now_on();
  const std::string id = cli_.person().start_rollout(1);
  EXPECT_EQ(cli_.kelpie({"rollout", "status", id, "--watch"}).code, 7);
  const Finished resumed = cli_.kelpie({"rollout", "resume", id});
  EXPECT_EQ(resumed.code, 5) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("kelpie rollout retry"));
  EXPECT_EQ(cli_.kelpie({"rollout", "abort", id}).code, 2);
  const Finished aborted = cli_.kelpie({"rollout", "abort", id, "--yes", "--reason", "wrong menu", "--wait"});
  EXPECT_EQ(aborted.code, 9) << aborted.out << aborted.err;
  EXPECT_EQ(cli_.kelpie({"rollout", "status", id, "--watch"}).code, 9);
  EXPECT_EQ(cli_.kelpie({"rollout", "pause", id}).code, 5);
  EXPECT_THAT(cli_.kelpie({"device", "show", failed_device(id)}).out,
              HasSubstr("| kelpie rollout plan kiosk@1 --fleet kiosk\n"));
  EXPECT_THAT(cli_.kelpie({"rollout", "list", "--where", "phase=aborted", "-o", "wide"}).out, HasSubstr("wrong menu"));
}

TEST_F(CliRollout, CtrlCStopsTheWatchingOnly) {
  for (const auto& [name, device] : cli_.hub().devices()) device->fail_from_now_on();
  const std::string id = cli_.person().start_rollout(1);
  EXPECT_EQ(cli_.kelpie({"rollout", "status", id, "--watch"}).code, 7);
  Child watching = cli_.start({"rollout", "status", id, "--watch", "--through-pause"});
  EXPECT_TRUE(cli_.until([&] { return watching.out().find("phase=paused") != std::string::npos; }));
  watching.signal(SIGINT);
  EXPECT_EQ(cli_.wait(watching), 130);
  EXPECT_THAT(watching.err(), HasSubstr("stopped waiting; what runs on the hub goes on"));
}

TEST_F(CliRollout, AWatchOutlivesTheHub) {
  for (const auto& [name, device] : cli_.hub().devices()) device->fail_from_now_on();
  const std::string id = cli_.person().start_rollout(1);
  EXPECT_EQ(cli_.kelpie({"rollout", "status", id, "--watch"}).code, 7);
  Child watching = cli_.start({"rollout", "status", id, "--watch", "--through-pause"});
  EXPECT_TRUE(cli_.until([&] { return watching.out().find("phase=paused") != std::string::npos; }));
  cli_.hub().kill();
  cli_.hub().start();
  for (const auto& [name, device] : cli_.hub().devices()) device->heal();
  EXPECT_EQ(cli_.kelpie({"rollout", "retry", id}).code, 0);
  EXPECT_EQ(cli_.wait(watching), 0) << watching.out() << watching.err();
}

}  // namespace
}  // namespace kelpie::test
