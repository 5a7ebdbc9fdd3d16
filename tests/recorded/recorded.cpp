#include "tests/recorded/recorded.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "tools/sim/microk8s/parts.h"

namespace kelpie::test {
namespace {

constexpr std::string_view kAny = "…";

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) {
    if (const auto from = part.find_first_not_of(' '); from != std::string::npos) parts.push_back(part.substr(from));
  }
  return parts;
}

/// One line of an exchange. False: it is none.
bool add_line(Exchange& exchange, const std::string& line) {
  const auto rest = [&](std::string_view start) { return line.substr(start.size()); };
  if (line.starts_with("exit ") || line.starts_with("status ")) {
    const std::string number = line.substr(line.find(' ') + 1);
    return std::from_chars(number.data(), number.data() + number.size(), exchange.code).ec == std::errc();
  }
  if (line.starts_with("in|")) {
    exchange.input += rest("in|");
  } else if (line.starts_with("out|")) {
    exchange.out += rest("out|") + "\n";
  } else if (line.starts_with("out>")) {
    exchange.out += rest("out>");
  } else if (line.starts_with("err|")) {
    exchange.err += rest("err|") + "\n";
  } else if (line.starts_with("json|")) {
    exchange.json += rest("json|");
  } else {
    return false;
  }
  return true;
}

constexpr std::string_view kSource = "facts, microk8s ";

/// "# stopped exits 0 (0 fact 2, 10 E)"; without brackets the section is the file's.
void add_behaviour(Exchange& exchange, const std::string& line, const std::string& source) {
  exchange.behaviour = line.substr(2);
  exchange.section = source.substr(kSource.size());
  const auto open = exchange.behaviour.rfind(" (");
  if (open == std::string::npos || exchange.behaviour.back() != ')') return;
  exchange.section = exchange.behaviour.substr(open + 2, exchange.behaviour.size() - open - 3);
  exchange.behaviour.resize(open);
}

Result<Recorded> read_one(const std::filesystem::path& path) {
  Recorded recorded;
  recorded.name = path.stem().string();
  std::ifstream file(path);
  std::string line;
  Exchange next;
  for (int number = 1; std::getline(file, line); ++number) {
    const bool is_good = [&] {
      if (number == 1) return (recorded.source = line).starts_with(kSource);
      if (line.starts_with("device: ")) return !(recorded.device = split(line.substr(8), ',')).empty();
      if (line.starts_with("# ")) {
        add_behaviour(next, line, recorded.source);
        return true;
      }
      if (!line.starts_with("$ ")) return !recorded.exchanges.empty() && add_line(recorded.exchanges.back(), line);
      next.words = split(line.substr(2), ' ');
      recorded.exchanges.push_back(std::exchange(next, {}));
      return !recorded.exchanges.back().words.empty();
    }();
    if (!is_good) return fail(Code::InvalidArgument, fmt::format("{}:{}: {}", path.string(), number, line));
  }
  return recorded;
}

void stop(sim::DeviceState& state) {
  sim::stop_services(state);
  state.kubernetes.are_services_enabled = false;
  state.kubernetes.is_stopped = true;
}

void make_so(sim::DeviceState& state, const std::string& word, SteadyTime now) {
  if (word == "stopped") stop(state);
  if (word == "worker") state.kubernetes.is_worker = true;
  if (word == "low-memory") state.kubernetes.is_low_memory = true;
  if (word == "api-down") state.kubernetes.api_at = now + std::chrono::hours(1'000);
  if (word == "amd64") state.architecture = "amd64";
  if (word == "certificate ended") {
    state.certificates["server.crt"].not_after = WallTime{1'700'000'000'000};  // 2023-11-14
  }
  if (word == "core") state.is_on_classic = false;
  if (word == "no images") state.images.clear();
  if (word.starts_with("snapd ")) state.snapd_version = word.substr(6);
  if (!word.starts_with("fault ")) return;
  const Result<sim::Fault> fault = sim::parse_fault(word.substr(6));
  KELPIE_ASSERT(fault.has_value());
  state.faults.push_back(*fault);
}

bool is_line_like(std::string_view pattern, std::string_view line) {
  const auto at = pattern.find(kAny);
  if (at == std::string_view::npos) return pattern == line;
  if (!line.starts_with(pattern.substr(0, at))) return false;
  const std::string_view rest = pattern.substr(at + kAny.size());
  for (std::size_t i = at; i <= line.size(); ++i) {
    if (is_line_like(rest, line.substr(i))) return true;
  }
  return false;
}

/// The first line; the rest stays. A last line without an end keeps that apart from one with it.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

bool is_like(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  std::string_view after = pattern;
  const std::string_view line = take_line(after);
  if (line != fmt::format("{}\n", kAny)) {
    if (text.empty()) return false;
    const std::string_view printed = take_line(text);
    return is_line_like(line, printed) && is_like(after, text);
  }
  while (!is_like(after, text)) {
    if (text.empty()) return false;
    (void)take_line(text);
  }
  return true;
}

}  // namespace

Result<std::vector<Recorded>> read_recorded() {
  std::vector<Recorded> all;
  for (const auto& entry : std::filesystem::directory_iterator(KELPIE_SOURCE_DIR "/tests/recorded")) {
    if (entry.path().extension() != ".txt" || entry.path().stem() == "CMakeLists") continue;
    KELPIE_TRY(Recorded one, read_one(entry.path()));
    all.push_back(std::move(one));
  }
  std::sort(all.begin(), all.end(), [](const Recorded& a, const Recorded& b) { return a.name < b.name; });
  return all;
}

std::string list_of_behaviours(const std::vector<Recorded>& all) {
  std::string out =
      "# What the doubles act out\n"
      "Written by recorded_test from the files beside this one; each text is compared with what model and programs "
      "print.\n"
      "Not edited by hand: `KELPIE_GOLDEN_WRITE=1 build/dev/bin/recorded_test --gtest_filter='Recorded.Beh*'`.\n\n"
      "| behaviour | facts, microk8s | file |\n|---|---|---|\n";
  for (const Recorded& recorded : all) {
    for (const Exchange& exchange : recorded.exchanges) {
      if (exchange.behaviour.empty()) continue;
      out += fmt::format("| {} | {} | {}.txt |\n", exchange.behaviour, exchange.section, recorded.name);
    }
  }
  return out;
}

sim::DeviceState device_of(const Recorded& recorded, const sim::World& world, SteadyTime now) {
  sim::DeviceState state;
  const std::string& first = recorded.device.front();
  if (first != "none") state = sim::running_device(world, first, now);
  for (const std::string& word : recorded.device) make_so(state, word, now);
  return state;
}

sim::World world_of(const Recorded& recorded) {
  sim::World world = sim::usual_world();
  world.archives["apps.tar"] = {"docker.io/library/app:1.0"};
  const auto& words = recorded.device;
  world.has_any_image = std::find(words.begin(), words.end(), "no any image") == words.end();
  return world;
}

bool is_as_recorded(const std::string& recorded, const std::string& printed) {
  return is_like(recorded, printed);
}

}  // namespace kelpie::test
