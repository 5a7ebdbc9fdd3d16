// What the model and the doubles print is what was recorded, stream by stream, with its exit code.
#include <cstdlib>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proto/wire/http_client.h"
#include "tests/recorded/recorded.h"
#include "tests/support/double_device.h"
#include "tests/tools/sim/microk8s/device.h"

namespace kelpie::test {
namespace {

std::string title(const Recorded& recorded, const Exchange& exchange) {
  return fmt::format("{}.txt ({}): $ {}", recorded.name, recorded.source, fmt::join(exchange.words, " "));
}

void expect_recorded(const Exchange& recorded, const Finished& printed) {
  EXPECT_EQ(printed.code, recorded.code) << printed.out << printed.err;
  if (recorded.json.empty()) {
    EXPECT_TRUE(is_as_recorded(recorded.out, printed.out)) << "expected:\n" << recorded.out << "got:\n" << printed.out;
  } else {
    EXPECT_EQ(sim::Json::parse(printed.out).value_or(sim::Json()).dump(), sim::Json::parse(recorded.json)->dump());
  }
  EXPECT_TRUE(is_as_recorded(recorded.err, printed.err)) << "expected:\n" << recorded.err << "got:\n" << printed.err;
}

Finished ask_model(sim::Device& device, const Exchange& exchange) {
  if (exchange.is_file()) {
    const Result<std::string> text = device.sim.read(exchange.words[1]);
    return {.code = text ? 0 : 1, .out = text.value_or(""), .err = {}};
  }
  if (exchange.is_request()) {
    const Result<agent::SnapdReply> reply =
        device.sim.request(exchange.words[1], exchange.words[2], exchange.input, std::chrono::seconds(5));
    return {.code = reply->status, .out = reply->body, .err = {}};
  }
  const agent::Exit exit = device.run(exchange.words, exchange.input);
  constexpr int kNoProgram = 127;
  return {.code = exit.code < 0 ? kNoProgram : exit.code, .out = exit.out, .err = exit.err};
}

class DoubleTalk {
 public:
  explicit DoubleTalk(const Recorded& recorded)
      : device_({.programs = KELPIE_BIN_DIR, .speed = speed_of(recorded), .state = {}, .world = world_of(recorded)}) {
    device_.change([&](sim::DeviceState& state) { state = device_of(recorded, world_of(recorded), device_.now()); });
    for (const Exchange& exchange : recorded.exchanges) has_requests_ = has_requests_ || exchange.is_request();
    if (has_requests_) device_.start_snapd();
  }

  Finished ask(const Exchange& exchange) {
    if (exchange.is_request()) {
      const Result<wire::HttpResponse> reply = wire::http_call({.method = exchange.words[1],
                                                                .url = "http://localhost" + exchange.words[2],
                                                                .unix_socket = device_.snapd_socket(),
                                                                .body = exchange.input});
      EXPECT_TRUE(reply) << reply.error().message;
      return {.code = reply->status, .out = reply->body, .err = {}};
    }
    if (exchange.is_file()) {
      constexpr std::string_view kSnapData = "/var/snap/microk8s/current";
      return {.code = 0, .out = read_file(device_.snap_data() + exchange.words[1].substr(kSnapData.size())), .err = {}};
    }
    std::vector<std::string> argv = exchange.words;
    argv[0] = argv[0] == "microk8s" ? device_.microk8s() : device_.folder() + "/usr/bin/" + argv[0];
    const std::string input = device_.folder() + "/input";
    write_file(input, exchange.input);
    return run({.argv = argv, .env = {}, .out_file = {}, .err_file = {}, .in_file = input});
  }

 private:
  /// Fast, but for what would be over before the next program has started.
  static std::int64_t speed_of(const Recorded& recorded) {
    constexpr std::int64_t kFast = 200;
    constexpr std::int64_t kSlow = 20;
    const auto& words = recorded.device;
    return std::find(words.begin(), words.end(), "in a hurry") == words.end() ? kFast : kSlow;
  }

  DoubleDevice device_;
  bool has_requests_ = false;
};

TEST(Recorded, EveryFileCitesItsSection) {
  const Result<std::vector<Recorded>> all = read_recorded();
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_GT(all->size(), 50U);
}

/// Entries of section 0 that are not a text; what acts them out, or why nothing does.
const std::map<int, std::string>& acted_out_elsewhere() {
  static const std::map<int, std::string> elsewhere{
      {19, "an address change: nothing the agent asks tells of it but the node's address, which the facts report"}};
  return elsewhere;
}
constexpr int kFactsOfSection0 = 20;

TEST(Recorded, BehavioursAreListedWithTheirSections) {
  const Result<std::vector<Recorded>> all = read_recorded();
  ASSERT_TRUE(all) << all.error().message;
  std::set<std::string> behaviours;
  std::string sections;
  for (const Recorded& recorded : *all) {
    for (const Exchange& exchange : recorded.exchanges) {
      if (exchange.behaviour.empty()) continue;
      EXPECT_TRUE(behaviours.insert(exchange.behaviour).second) << "twice: " << exchange.behaviour;
      sections += exchange.section + ", ";
    }
  }
  constexpr std::size_t kBehavioursMin = 60;
  EXPECT_GE(behaviours.size(), kBehavioursMin);
  for (int fact = 1; fact <= kFactsOfSection0; ++fact) {
    const bool is_acted_out = sections.find(fmt::format("0 fact {},", fact)) != std::string::npos;
    EXPECT_NE(is_acted_out, acted_out_elsewhere().contains(fact)) << "fact " << fact << " of section 0";
  }
  const std::string page = list_of_behaviours(*all);
  const std::string file = fmt::format("{}/tests/recorded/BEHAVIOURS.md", KELPIE_SOURCE_DIR);
  if (std::getenv("KELPIE_GOLDEN_WRITE") != nullptr) write_file(file, page);
  EXPECT_EQ(read_file(file), page) << "write it anew, see its first lines";
}

TEST(Recorded, TheModelPrintsIt) {
  const Result<std::vector<Recorded>> all = read_recorded();
  ASSERT_TRUE(all) << all.error().message;
  for (const Recorded& recorded : *all) {
    sim::Device device;
    device.world = world_of(recorded);
    device.cell.state = device_of(recorded, device.world, device.pause.now());
    for (const Exchange& exchange : recorded.exchanges) {
      SCOPED_TRACE(title(recorded, exchange));
      expect_recorded(exchange, ask_model(device, exchange));
    }
  }
}

/// Each fourth file, so that tests of several processes run beside each other.
class RecordedPrograms : public testing::TestWithParam<std::size_t> {};
constexpr std::size_t kParts = 4;

TEST_P(RecordedPrograms, PrintIt) {
  const Result<std::vector<Recorded>> all = read_recorded();
  ASSERT_TRUE(all) << all.error().message;
  for (std::size_t i = GetParam(); i < all->size(); i += kParts) {
    const Recorded& recorded = (*all)[i];
    DoubleTalk talk(recorded);
    for (const Exchange& exchange : recorded.exchanges) {
      SCOPED_TRACE(title(recorded, exchange));
      expect_recorded(exchange, talk.ask(exchange));
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Parts, RecordedPrograms, testing::Range<std::size_t>(0, kParts));

TEST(Recorded, AnEllipsisStandsForCharactersOfALineOrForLines) {
  EXPECT_TRUE(is_as_recorded("a…c\n", "abbc\n"));
  EXPECT_FALSE(is_as_recorded("a…c\n", "ab\nc\n"));
  EXPECT_TRUE(is_as_recorded("a\n…\nd\n", "a\nb\nc\nd\n"));
  EXPECT_TRUE(is_as_recorded("a\n…\n", "a\n"));
  EXPECT_FALSE(is_as_recorded("ok", "ok\n"));
  EXPECT_FALSE(is_as_recorded("", "something\n"));
}

}  // namespace
}  // namespace kelpie::test
