// The README is run: its first device from keys to a node port, line by line; its sample is what the demo prints; and a
// line that no test runs is refused.
#include <unistd.h>

#include <iterator>
#include <regex>
#include <sstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/support/broker.h"
#include "tests/system/agent_device.h"

namespace kelpie::test {
namespace {

using Words = std::vector<std::string>;

struct TypedLine {
  Words words;
  bool is_background = false;
};

std::vector<std::string> readme_lines() {
  std::vector<std::string> out;
  std::istringstream text(read_file(KELPIE_SOURCE_DIR "/README.md"));
  for (std::string line; std::getline(text, line);) out.push_back(line);
  return out;
}

std::vector<TypedLine> typed_lines() {
  std::vector<TypedLine> out;
  for (const std::string& line : readme_lines()) {
    if (!line.starts_with("hub$ ") && !line.starts_with("pi$ ")) continue;
    std::istringstream words(line.substr(line.find(' ')));
    TypedLine& typed = out.emplace_back();
    for (std::string word; words >> word;) typed.words.push_back(word);
    typed.is_background = typed.words.back() == "&";
    if (typed.is_background) typed.words.pop_back();
  }
  return out;
}

/// What stands in the README for what differs from reader to reader.
class Reader {
 public:
  Reader() { device_.start_snapd(); }
  Words adapted(Words words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i].starts_with("deploy/")) words[i] = std::string(KELPIE_SOURCE_DIR "/") + words[i];
      if (words[i] == "FINGERPRINT") words[i] = fingerprint_;
      if (words[i] == "tcp://127.0.0.1:1883") words[i] = broker_;
    }
    add_places(words);
    words[0] = words[0] == "mosquitto" ? "/usr/sbin/mosquitto" : KELPIE_BIN_DIR "/" + words[0];
    return words;
  }
  std::string run_line(const TypedLine& line) {
    const ChildOptions options{.argv = adapted(line.words),
                               .env = {"XDG_CONFIG_HOME=" + dir_ / "config", "USER=ana"},
                               .out_file = {},
                               .err_file = {},
                               .in_file = {},
                               .folder = dir_.path()};
    if (line.is_background) {
      children_.push_back(Child::start(options));
      EXPECT_TRUE(eventually([&] { return is_up(line.words[0]); })) << children_.back().err();
      return {};
    }
    const Finished done = run(options, std::chrono::minutes(2));
    EXPECT_EQ(done.code, 0) << line.words[0] << " " << line.words[1] << ": " << done.out << done.err;
    note_fingerprint(done.out + done.err);
    return done.out;
  }

 private:
  // Where things are that the README leaves at their defaults.
  void add_places(Words& words) {
    const std::string command = words[0] + " " + words[1];
    if (command == "kelpie hub") words.insert(words.end(), {"--broker", broker_});
    if (words[0] == "kelpie-agent") words.insert(words.end(), {"--state", dir_ / "agent"});
    if (command == "kelpie-agent run") {
      const Words device = flags_of(device_);
      words.insert(words.end(), device.begin(), device.end());
    }
  }
  bool is_up(const std::string& program) {
    if (program == "mosquitto") return true;  // the hub waits for it
    if (program == "kelpie-hub") return kelpie_says({"hub", "status"}, "ready");
    return kelpie_says({"device", "list", "--where", "connection=online"}, "pi-01");
  }
  bool kelpie_says(Words words, std::string_view what) {
    words.insert(words.begin(), KELPIE_BIN_DIR "/kelpie");
    words.insert(words.end(), {"--hub", dir_ / "lab/hub.sock"});
    return run({.argv = words, .env = {}, .out_file = {}, .err_file = {}, .in_file = {}}).out.find(what) !=
           std::string::npos;
  }
  void note_fingerprint(const std::string& text) {
    const std::size_t at = text.find("--key ");
    if (at == std::string::npos) return;
    fingerprint_.clear();
    for (const char c : text.substr(at + 6, text.find('\n', at) - at - 6)) {
      if (c != '\'' && c != '"') fingerprint_ += c;
    }
  }

  TempDir dir_;
  std::string broker_ = fmt::format("tcp://127.0.0.1:{}", free_port());
  DoubleDevice device_{{.programs = KELPIE_BIN_DIR, .speed = 200, .state = {}, .world = sim::usual_world()}};
  std::string fingerprint_;
  std::vector<Child> children_;
};

TEST(Readme, BringsTheFirstDeviceToItsNodePort) {
  const std::vector<TypedLine> lines = typed_lines();
  ASSERT_GE(lines.size(), 10U);
  Reader reader;
  std::string shown;
  for (const TypedLine& line : lines) {
    const std::string out = reader.run_line(line);
    ASSERT_FALSE(HasFailure()) << line.words[0];
    if (line.words[1] == "device" && line.words[2] == "show") shown = out;
  }
  EXPECT_NE(shown.find("1.32/stable"), std::string::npos) << shown;
  EXPECT_NE(shown.find("nodered"), std::string::npos) << shown;
}

/// Blanks and times as the story has them: columns are as wide as what is masked.
std::string masked(const std::string& line) {
  const std::string timed = std::regex_replace(line, std::regex(R"(\b\d+(s|m\d+s)\b)"), "TIME");
  return std::regex_replace(timed, std::regex(" +"), " ");
}

/// A program of the tree that says it has each of these flags.
bool is_offered(const std::string& line) {
  std::istringstream words(line);
  std::string program;
  words >> program;
  const std::string path = KELPIE_SOURCE_DIR "/" + program;
  if (access(path.c_str(), X_OK) != 0) return false;
  const Finished help = run({.argv = {path, "--help"}, .env = {}, .out_file = {}, .err_file = {}, .in_file = {}});
  for (std::string word; words >> word;) {
    if (word.starts_with("-") && help.out.find(word) == std::string::npos) return false;
  }
  return help.code == 0;
}

/// Lines of fenced blocks that no test runs or compares. Typed on a host: the walk to the first node port. Behind "$ ",
/// and what it prints: the demo's story. A program of the tree: the demo and tools/check run themselves.
std::vector<std::string> unproved(const std::vector<std::string>& lines) {
  const std::string story = read_file(KELPIE_SOURCE_DIR "/tests/golden/demo.txt");
  std::vector<std::string> out;
  bool is_block = false;
  for (const std::string& line : lines) {
    if (line.starts_with("```")) {
      is_block = !is_block;
      continue;
    }
    const bool is_typed = line.starts_with("hub$ ") || line.starts_with("pi$ ");
    if (!is_block || is_typed || line.empty()) continue;
    const bool is_proved =
        line.starts_with("./tools/") ? is_offered(line) : story.find(masked(line) + "\n") != std::string::npos;
    if (!is_proved) out.push_back(line);
  }
  return out;
}

TEST(Readme, HasNoLineThatNoTestRuns) {
  EXPECT_EQ(unproved(readme_lines()), std::vector<std::string>{});
  const std::vector<std::string> added{"```",
                                       "$ kelpie status",
                                       "$ kelpie frobnicate",
                                       "kelpie-hub run",
                                       "hub$ kelpie x",
                                       "./tools/demo --once",
                                       "./tools/demo --twice",
                                       "./tools/none",
                                       "```"};
  EXPECT_EQ(unproved(added), (std::vector<std::string>{"$ kelpie frobnicate", "kelpie-hub run", "./tools/demo --twice",
                                                       "./tools/none"}));
}

TEST(Readme, NamesCommandsThatThereAre) {
  const std::regex span("`(kelpie( [a-z][a-z-]*)+)");
  std::size_t seen = 0;
  for (const std::string& line : readme_lines()) {
    for (std::sregex_iterator at(line.begin(), line.end(), span); at != std::sregex_iterator(); ++at, ++seen) {
      std::istringstream text((*at)[1]);
      Words words{std::istream_iterator<std::string>(text), {}};
      words[0] = KELPIE_BIN_DIR "/kelpie";
      if (words[1] != "help") words.insert(words.begin() + 1, "help");
      const Finished help = run({.argv = words, .env = {}, .out_file = {}, .err_file = {}, .in_file = {}});
      EXPECT_EQ(help.code, 0) << (*at)[1] << ": " << help.err;
    }
  }
  EXPECT_GE(seen, 4U);
}

}  // namespace
}  // namespace kelpie::test
