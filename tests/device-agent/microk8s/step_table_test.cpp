// The page on what each kind of step does is true: its commands are those that were run, and each reason has a test
// that brings it about.
#include <cstdlib>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/microk8s/reasons.h"
#include "tests/device-agent/microk8s/step_table.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace kelpie::test {
namespace {

/// Of the folder of the steps.
std::string page_file(std::string_view name) {
  return fmt::format("{}/device-agent/microk8s/{}", KELPIE_SOURCE_DIR, name);
}

struct Seen {
  ReasonTests tests;
  ReasonsOfKinds kinds;
};

/// What the tests of the steps brought about: they are run, which takes a moment.
Seen seen_reasons() {
  const TempDir dir;
  const std::string file = dir / "seen";
  const Finished finished =
      run({.argv = {KELPIE_BIN_DIR "/agent_steps_test", "--gtest_brief=1"}, .env = {"KELPIE_SEEN_REASONS=" + file}});
  EXPECT_EQ(finished.code, 0) << finished.out;
  Seen seen;
  std::istringstream lines(read_file(file));
  std::string kind;
  std::string reason;
  for (std::string test; lines >> kind >> reason >> test;) {
    seen.tests.emplace(reason, test);
    seen.kinds[kind].insert(reason);
  }
  return seen;
}

/// "| kind | prepare | proof | run | undo |" in the README.
std::vector<std::string> readme_row(const std::string& kind) {
  std::istringstream readme(read_file(page_file("README.md")));
  for (std::string line; std::getline(readme, line);) {
    if (!line.starts_with("| " + kind + " | ")) continue;
    std::vector<std::string> cells;
    for (std::size_t from = 2; from < line.size();) {
      const std::size_t end = std::min(line.find(" | ", from), line.size() - 2);
      cells.push_back(line.substr(from, end - from));
      from = end + 3;
    }
    return cells;
  }
  return {};
}

std::vector<StepPage> pages() {
  std::vector<StepPage> out;
  for (const KillStory& story : kill_stories()) {
    const std::string kind = story.name.substr(0, story.name.find('-'));
    if (out.empty() || out.back().kind != kind) {
      const std::vector<std::string> row = readme_row(kind);
      EXPECT_EQ(row.size(), 5U) << "the README has no row for " << kind;
      if (row.size() == 5) out.push_back({.kind = kind, .proof = row[2], .undo = row[4], .asked = {}});
    }
    sim::Device before;
    story.device(before);
    KillWorld world(story, before, true, {});
    world.live();
    for (const AskedOfDevice& asked : world.asked()) out.back().asked.push_back(asked);
  }
  return out;
}

TEST(StepTable, EveryReasonIsBroughtAboutByATest) {
  const Seen seen = seen_reasons();
  for (const agent::ReasonRow& row : agent::all_reasons()) {
    EXPECT_TRUE(seen.tests.contains(std::string(row.word))) << "no test in agent_steps_test ends in " << row.word;
  }
}

TEST(StepTable, IsWhatTheStepsDo) {
  const Seen seen = seen_reasons();
  const std::string table = step_table(pages(), seen.kinds, seen.tests);
  const std::string file = page_file("STEPS.md");
  if (std::getenv("KELPIE_GOLDEN_WRITE") != nullptr) write_file(file, table);
  EXPECT_EQ(read_file(file), table) << "write it anew, see its first lines";
}

}  // namespace
}  // namespace kelpie::test
