// The README is run: its first device from keys to a node port, line by line, and its sample is what the demo prints.
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
      const bool is_path = words[i].starts_with("lab/") || (i > 0 && words[i - 1] == "--dir");
      if (is_path) words[i] = dir_ / words[i];
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
                               .in_file = {}};
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

TEST(Readme, ShowsTheStatusThatTheDemoEndsWith) {
  const std::string story = read_file(KELPIE_SOURCE_DIR "/tests/golden/demo.txt");
  std::size_t found = 0;
  bool is_sample = false;
  for (const std::string& line : readme_lines()) {
    if (line == "```" && is_sample) break;
    if (is_sample && (line.starts_with("DEVICES") || line.starts_with("UPDATE") || line.starts_with("HEALTH"))) {
      std::string squeezed;
      for (const char c : line) {
        if (c != ' ' || squeezed.back() != ' ') squeezed += c;
      }
      EXPECT_NE(story.find(squeezed), std::string::npos) << line;
      ++found;
    }
    is_sample = is_sample || line == "$ kelpie status";
  }
  EXPECT_EQ(found, 3U);
}

}  // namespace
}  // namespace kelpie::test
