#include "tools/kelpie/words.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/core.h>
#include <google/protobuf/util/time_util.h>

namespace kelpie::cli {
namespace {

using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;

struct Word {
  std::string_view word;
  Tone tone;
  std::string_view symbol;
};
constexpr std::array kWords{
    Word{"online", Tone::Good, "● "},     Word{"offline", Tone::Warn, "○ "}, Word{"never-seen", Tone::Faint, "○ "},
    Word{"up-to-date", Tone::Good, "✔ "}, Word{"updating", Tone::Busy, ""},  Word{"out-of-date", Tone::Plain, ""},
    Word{"failed", Tone::Bad, "✖ "},      Word{"healthy", Tone::Good, "✔ "}, Word{"degraded", Tone::Warn, "! "},
    Word{"unknown", Tone::Warn, "? "},    Word{"running", Tone::Busy, ""},   Word{"paused", Tone::Warn, "⏸ "},
    Word{"aborting", Tone::Warn, "! "},   Word{"aborted", Tone::Bad, "✖ "},  Word{"succeeded", Tone::Good, "✔ "},
    Word{"passed", Tone::Good, "✔ "},     Word{"open", Tone::Busy, ""},      Word{"pending", Tone::Faint, ""},
    Word{"waiting", Tone::Faint, ""},     Word{"preparing", Tone::Busy, ""}, Word{"prepared", Tone::Busy, ""},
    Word{"granted", Tone::Busy, ""},      Word{"executing", Tone::Busy, ""}, Word{"verifying", Tone::Busy, ""},
    Word{"soaking", Tone::Busy, ""},      Word{"deferred", Tone::Warn, ""},  Word{"excluded", Tone::Faint, ""},
    Word{"superseded", Tone::Faint, ""},  Word{"canceled", Tone::Warn, ""},  Word{"skipped", Tone::Faint, ""},
};

const Word* find_word(std::string_view word) {
  const auto at = std::find_if(kWords.begin(), kWords.end(), [&](const Word& row) { return row.word == word; });
  return at == kWords.end() ? nullptr : at;
}

}  // namespace

WallTime to_wall(const Timestamp& time) {
  return {TimeUtil::TimestampToMilliseconds(time)};
}

Duration to_duration(const google::protobuf::Duration& duration) {
  return Duration(TimeUtil::DurationToMilliseconds(duration));
}

std::string age(Duration duration) {
  const auto seconds = std::max<std::int64_t>(duration.count() / 1'000, 0);
  const auto minutes = seconds / 60;
  const auto hours = minutes / 60;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (minutes < 10) return fmt::format("{}m{:02}s", minutes, seconds % 60);
  if (minutes < 60) return fmt::format("{}m", minutes);
  if (hours < 10) return fmt::format("{}h{:02}m", hours, minutes % 60);
  if (hours < 48) return fmt::format("{}h", hours);
  return fmt::format("{}d", hours / 24);
}

std::string ago(const Timestamp& time, WallTime now) {
  if (to_wall(time) == WallTime{}) return "-";
  return age(now - to_wall(time)) + " ago";
}

Cell age_cell(const Timestamp& time, WallTime now) {
  if (to_wall(time) == WallTime{}) return {.text = "-"};
  const Duration since = now - to_wall(time);
  return {.text = age(since), .number = static_cast<double>(since.count())};
}

Tone tone_of(std::string_view word) {
  const Word* row = find_word(word);
  return row == nullptr ? Tone::Plain : row->tone;
}

std::string symbol_of(std::string_view word) {
  const Word* row = find_word(word);
  return row == nullptr ? std::string() : std::string(row->symbol);
}

Cell state_cell(const std::string& word) {
  return {.text = or_dash(word), .tone = tone_of(word)};
}

Cell count_cell(std::uint32_t count, Tone tone) {
  return {.text = std::to_string(count), .tone = count == 0 ? Tone::Plain : tone, .number = count};
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string size_words(const std::string& bytes) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), number);
  if (error != std::errc() || end != bytes.data() + bytes.size()) return bytes;
  static constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto size = static_cast<double>(number);
  std::size_t unit = 0;
  for (; size >= 1'000 && unit + 1 < kUnits.size(); ++unit) size /= 1'000;
  return fmt::format("{:.{}f} {}", size, size < 10 && unit > 0 ? 1 : 0, kUnits[unit]);
}

}  // namespace kelpie::cli
