// A rollout on the screen, as the design shows it, and as lines of a log.
#include "tools/kelpie/commands/rollout_view.h"

#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include "tools/kelpie/layout.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::int64_t kNow = 1'795'338'843'000;

api::v1::WaveStatus& add_wave(api::v1::Rollout& rollout, const std::string& name, std::uint32_t members) {
  api::v1::WaveStatus& wave = *rollout.mutable_status()->add_waves();
  wave.set_name(name);
  wave.set_members(members);
  *wave.mutable_opened_at() = TimeUtil::MillisecondsToTimestamp(kNow - 130'000);
  return wave;
}

/// operator.md's sample: 4 of 100 devices failed in the last wave.
api::v1::Rollout paused() {
  api::v1::Rollout out;
  out.mutable_metadata()->set_id("01J9Q2");
  out.mutable_spec()->set_release("kiosk@1.4.0");
  out.mutable_spec()->set_fleet("kiosk-eu");
  out.mutable_spec()->set_started_by("ana");
  out.mutable_spec()->set_reason("menu fix");
  api::v1::RolloutStatus& status = *out.mutable_status();
  status.set_phase("paused");
  status.set_reason("failure_limit");
  status.set_wave("rest");
  status.set_devices(105);
  status.set_succeeded(64);
  status.set_in_flight(18);
  status.set_failed(4);
  status.set_waiting(19);
  status.set_why("4 of 100 devices failed in wave rest, at most 3 may; no new device starts, the 18 in flight finish");
  *status.mutable_started_at() = TimeUtil::MillisecondsToTimestamp(kNow - 2'460'000);
  api::v1::WaveStatus& canary = add_wave(out, "canary", 5);
  canary.set_succeeded(5);
  canary.set_phase("passed");
  canary.mutable_soak()->set_seconds(600);
  *canary.mutable_closed_at() = TimeUtil::MillisecondsToTimestamp(kNow);
  api::v1::WaveStatus& rest = add_wave(out, "rest", 100);
  rest.set_phase("open");
  rest.set_succeeded(59);
  rest.set_in_flight(18);
  rest.set_failed(4);
  rest.set_waiting(19);
  api::v1::FailureGroup& group = *status.add_failures();
  group.set_reason("ImagePullFailed");
  group.set_count(4);
  for (const char* name : {"pi-turin-07", "pi-turin-09", "pi-oslo-31"}) group.add_devices(name);
  status.add_next("kelpie rollout retry 01J9Q2");
  status.add_next("kelpie rollout abort 01J9Q2");
  return out;
}

TEST(RolloutView, IsTheSampleOfTheDesign) {
  const View view = show_rollout(paused(), {.now = {kNow}});
  EXPECT_EQ(
      *draw(view.blocks, {}, {}),
      "kiosk@1.4.0 → kiosk-eu   01J9Q2   ⏸ PAUSED failure limit   64/105   41m   by ana: \"menu fix\"\n"
      " canary    5 ████████████████████████████████   5 ok   2m10s  soak 10m ✔\n"
      " rest    100 ████████████████████▒▒▒▒▒✖······  59 ok   18 updating    4 failed   19 waiting   2m10s\n"
      " why     4 of 100 devices failed in wave rest, at most 3 may; no new device starts, the 18 in flight finish\n"
      " failed  ImagePullFailed ×4 (pi-turin-07 pi-turin-09 pi-oslo-31 …)\n"
      " next    kelpie rollout retry 01J9Q2 | kelpie rollout abort 01J9Q2\n");
}

TEST(RolloutView, IsReadableWithoutUtf8) {
  const View view = show_rollout(paused(), {.now = {kNow}});
  const std::string text = *draw(view.blocks, {}, {.is_utf8 = false});
  EXPECT_NE(text.find("kiosk@1.4.0 -> kiosk-eu   01J9Q2   || PAUSED failure limit"), std::string::npos) << text;
  EXPECT_NE(text.find("####################=====x......"), std::string::npos) << text;
}

TEST(RolloutView, ALogGetsOneLineAChange) {
  EXPECT_EQ(change_words(paused()),
            "rollout=01J9Q2 phase=paused reason=failure_limit wave=rest ok=64 updating=18 failed=4 waiting=19");
}

TEST(Bar, NeverHidesAFailure) {
  const Line line =
      bar({{.count = 9'999, .symbol = "#"}, {.count = 1, .symbol = "x"}, {.count = 0, .symbol = "?"}}, 10);
  std::string text;
  for (const Span& span : line) text += span.text;
  EXPECT_EQ(text, "#########x");
}

TEST(Bar, IsAlwaysAsWideAsAsked) {
  for (const std::uint32_t ok : {0U, 1U, 3U, 50U, 99U}) {
    for (const std::uint32_t failed : {0U, 1U, 2U, 77U}) {
      const Line line =
          bar({{.count = ok, .symbol = "#"}, {.count = failed, .symbol = "x"}, {.count = 1, .symbol = "."}}, 7);
      std::size_t width = 0;
      for (const Span& span : line) width += span.text.size();
      EXPECT_EQ(width, 7U) << ok << " " << failed;
    }
  }
  EXPECT_EQ(bar({{.count = 0, .symbol = "#"}}, 3).front().text, "   ");
}

TEST(RolloutExit, SaysHowItEnded) {
  struct Row {
    const char* phase;
    const char* reason;
    std::uint32_t deferred;
    ExitCode exit;
  };
  for (const Row& row :
       {Row{"succeeded", "", 0, ExitCode::Done}, Row{"succeeded", "deferred", 2, ExitCode::Tolerated},
        Row{"aborted", "operator", 0, ExitCode::EndedOnPurpose}, Row{"aborted", "failure_limit", 0, ExitCode::Bad},
        Row{"paused", "operator", 0, ExitCode::Paused}, Row{"running", "", 0, ExitCode::Done}}) {
    api::v1::Rollout rollout;
    rollout.mutable_status()->set_phase(row.phase);
    rollout.mutable_status()->set_reason(row.reason);
    rollout.mutable_status()->set_deferred(row.deferred);
    EXPECT_EQ(exit_of(rollout), row.exit) << row.phase << " " << row.reason;
  }
}

TEST(Words, AgesHaveTwoUnitsAtMost) {
  for (const auto& [ms, text] :
       {std::pair(-5'000L, "0s"), std::pair(4'000L, "4s"), std::pair(125'000L, "2m05s"), std::pair(2'460'000L, "41m"),
        std::pair(11'520'000L, "3h12m"), std::pair(90'000'000L, "25h"), std::pair(1'036'800'000L, "12d")}) {
    EXPECT_EQ(age(Duration(ms)), text);
  }
  EXPECT_EQ(size_words("58000000000"), "58 GB");
  EXPECT_EQ(size_words("1500"), "1.5 kB");
  EXPECT_EQ(size_words("unknown"), "unknown");
}

}  // namespace
}  // namespace kelpie::cli
