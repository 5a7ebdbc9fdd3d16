#include "device-agent/microk8s/work.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

constexpr std::size_t kSummaryBytesMax = 512;         // report.proto
constexpr std::size_t kTextBytesMax = 2'048;          // report.proto
constexpr std::size_t kNoteBytesMax = 512;            // ledger.h
constexpr std::size_t kRestoreBytesMax = 96U << 10U;  // call.h: live objects take twice a manifest of 16 KiB and more

std::size_t character_start(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) --at;
  return at;
}

std::string head(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  return std::string(text.substr(0, character_start(text, bytes_max)));
}

std::string tail(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t from = text.size() - bytes_max;
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U) ++from;
  return std::string(text.substr(from));
}

/// Behind ESC [ parameters letter; anything else after ESC is two bytes.
std::size_t escape_end(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size() || text[at + 1] != '[') return std::min(at + 2, text.size());
  at += 2;
  while (at < text.size() && (text[at] < '@' || text[at] > '~')) ++at;
  return std::min(at + 1, text.size());
}

/// Bytes of the UTF-8 character at the start, 0 when it is none: reports carry text, programs print anything.
std::size_t character_size(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = at(0);
  if (first < 0x80U) return 1;
  const std::size_t size = first >= 0xf0U ? 4 : first >= 0xe0U ? 3 : 2;
  // Overlong forms, surrogates and what is above U+10FFFF begin with these.
  if (first < 0xc2U || first > 0xf4U) return 0;
  if ((first == 0xe0U && at(1) < 0xa0U) || (first == 0xedU && at(1) > 0x9fU)) return 0;
  if ((first == 0xf0U && at(1) < 0x90U) || (first == 0xf4U && at(1) > 0x8fU)) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0U) != 0x80U) return 0;
  }
  return size;
}

std::string one_line(std::string_view text) {
  std::string line = plain_text(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

CallResult with_trouble(Verdict verdict, const Trouble& why) {
  const ReasonRow& row = row_of(why.reason);
  CallResult result;
  result.verdict = verdict;
  result.reason = row.word;
  result.is_transient = row.is_transient;
  result.detail = head(why.detail.empty() ? std::string(row.sentence) : plain_text(why.detail), kTextBytesMax);
  result.summary = head(one_line(result.detail), kSummaryBytesMax);
  result.output_tail = tail(plain_text(why.output), kTextBytesMax);
  return result;
}

}  // namespace

Work Work::part(Duration limit) const {
  return Work(host_, std::min(limit, left()));
}

void Work::say(std::string_view progress) const {
  host_.progress(head(one_line(progress), kSummaryBytesMax));
}

void Work::note(std::string note) const {
  KELPIE_ASSERT(note.size() <= kNoteBytesMax);
  if (host_.note) host_.note(std::move(note));
}

Tried<void> Work::wait(Duration duration) const {
  if (host_.pause.wait(std::clamp(left(), Duration{}, duration))) return {};
  return trouble(Reason::Interrupted, "the agent is ending, or the call was cancelled");
}

CallResult satisfied(std::string_view summary) {
  CallResult result;
  result.verdict = Verdict::Satisfied;
  result.summary = head(one_line(summary), kSummaryBytesMax);
  return result;
}

CallResult prepared(std::string_view summary, const Json& restore) {
  CallResult result = satisfied(summary);
  result.restore = restore.dump();
  if (result.restore.size() <= kRestoreBytesMax) return result;
  return failed({.reason = Reason::RestoreTooLarge,
                 .detail = fmt::format("what is needed to go back takes {} bytes, at most {} are kept",
                                       result.restore.size(), kRestoreBytesMax),
                 .output = {}});
}

CallResult unmet(const Trouble& why) {
  // Cut off before it was seen: no finding.
  return with_trouble(why.reason == Reason::Interrupted ? Verdict::Failed : Verdict::Unmet, why);
}

CallResult failed(const Trouble& why) {
  return with_trouble(Verdict::Failed, why);
}

std::string in_seconds(Duration duration) {
  return fmt::format("{} s", std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

std::string in_mebibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
}

std::string plain_text(std::string_view output) {
  std::string out;
  for (std::size_t i = 0; i < output.size();) {
    const auto byte = static_cast<unsigned char>(output[i]);
    if (byte == 0x1bU) {
      i = escape_end(output, i);
    } else if (const std::size_t size = character_size(output.substr(i)); size == 0) {
      out += '?';
      ++i;
    } else {
      if (byte >= 0x20U || byte == '\n' || byte == '\t') out += output.substr(i, size);
      i += size;
    }
  }
  return out;
}

std::string last_line(std::string_view output) {
  const std::vector<std::string> lines = lines_of(plain_text(output));
  const auto at = std::find_if(lines.rbegin(), lines.rend(),
                               [](const std::string& line) { return line.find_first_not_of(" \t") != line.npos; });
  return at == lines.rend() ? "" : head(*at, kSummaryBytesMax);
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.emplace_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string> words;
  for (std::size_t from = line.find_first_not_of(kBlanks); from < line.size();) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, from), line.size());
    words.emplace_back(line.substr(from, end - from));
    from = line.find_first_not_of(kBlanks, end);
  }
  return words;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += between;
    out += part;
  }
  return out;
}

}  // namespace kelpie::agent
