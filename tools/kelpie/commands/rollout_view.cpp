#include "tools/kelpie/commands/rollout_view.h"

#include <algorithm>
#include <numeric>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Rollout;
using api::v1::RolloutStatus;
using api::v1::WaveStatus;

constexpr std::size_t kBarWidth = 32;
constexpr std::size_t kBarNarrow = 12;
constexpr std::size_t kNarrowTerminal = 100;

std::string spaced(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

Line head_line(const Rollout& rollout, WallTime now) {
  const RolloutStatus& status = rollout.status();
  const WallTime end = status.has_ended_at() ? to_wall(status.ended_at()) : now;
  const std::string target =
      rollout.spec().fleet().empty() ? counted(status.devices(), "device") : rollout.spec().fleet();
  std::string by = fmt::format("   by {}", or_dash(rollout.spec().started_by()));
  if (!rollout.spec().signed_by().empty()) by += fmt::format(", signed by {}", rollout.spec().signed_by());
  if (!rollout.spec().reason().empty()) by += fmt::format(": \"{}\"", rollout.spec().reason());
  return {{fmt::format("{} → {}", or_dash(rollout.spec().release()), target), Tone::Strong},
          {fmt::format("   {}   ", rollout.metadata().id())},
          {symbol_of(status.phase()) + upper(status.phase()), tone_of(status.phase())},
          {status.reason().empty() ? "" : " " + spaced(status.reason())},
          {fmt::format("   {}/{}   {}", status.succeeded(), status.devices(), age(end - to_wall(status.started_at())))},
          {by}};
}

std::string count_words(const WaveStatus& wave) {
  std::string out;
  for (const auto& [count, word] :
       {std::pair(wave.succeeded(), "ok"), std::pair(wave.in_flight(), "updating"), std::pair(wave.failed(), "failed"),
        std::pair(wave.unknown(), "unknown"), std::pair(wave.waiting(), "waiting"),
        std::pair(wave.deferred(), "deferred"), std::pair(wave.excluded(), "excluded")}) {
    if (count > 0) out += fmt::format("{}{:>4} {}", out.empty() ? "" : " ", count, word);
  }
  return out;
}

Line wave_line(const WaveStatus& wave, std::size_t name_width, const RolloutLook& look) {
  const bool is_narrow = look.width > 0 && look.width < kNarrowTerminal;
  Line out{{fmt::format(" {:<{}} {:>4} ", wave.name(), name_width, wave.members())}};
  const Line drawn = bar({{wave.succeeded(), "█", Tone::Good},
                          {wave.in_flight(), "▒", Tone::Busy},
                          {wave.failed(), "✖", Tone::Bad},
                          {wave.unknown(), "?", Tone::Warn},
                          {wave.deferred() + wave.excluded(), "–", Tone::Faint},
                          {wave.waiting(), "·", Tone::Faint}},
                         is_narrow ? kBarNarrow : kBarWidth);
  out.insert(out.end(), drawn.begin(), drawn.end());
  out.push_back({count_words(wave)});
  if (wave.has_opened_at()) {
    const WallTime end = wave.has_closed_at() ? to_wall(wave.closed_at()) : look.now;
    out.push_back({fmt::format("   {}", age(end - to_wall(wave.opened_at()))), Tone::Faint});
  }
  if (const Duration soak = to_duration(wave.soak()); soak > Duration(0)) {
    out.push_back({fmt::format("  soak {}{}", to_string(soak), wave.phase() == "passed" ? " ✔" : ""), Tone::Faint});
  }
  return out;
}

Line failure_line(const RolloutStatus& status) {
  Line out{{" failed  ", Tone::Bad}};
  for (const api::v1::FailureGroup& group : status.failures()) {
    constexpr int kShown = 3;
    std::vector<std::string> names(group.devices().begin(),
                                   group.devices().begin() + std::min(group.devices_size(), kShown));
    out.push_back({fmt::format("{} ×{} ({}{})   ", or_dash(group.reason()), group.count(), fmt::join(names, " "),
                               group.count() > names.size() ? " …" : "")});
  }
  return out;
}

/// "kelpie rollout retry X" → "kelpie rollout retry X | kelpie rollout abort X".
std::string next_words(const RolloutStatus& status) {
  return fmt::format("{}", fmt::join(status.next(), " | "));
}

}  // namespace

Line bar(const std::vector<BarPart>& parts, std::size_t width) {
  const std::uint64_t total = std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                                              [](std::uint64_t sum, const BarPart& part) { return sum + part.count; });
  if (total == 0) return {{std::string(width, ' ')}};
  // Each part its share, at least one; what that is too much comes off the largest.
  std::vector<std::size_t> sizes;
  for (const BarPart& part : parts) {
    const std::size_t share = static_cast<std::size_t>(std::uint64_t{part.count} * width / total);
    sizes.push_back(part.count == 0 ? 0 : std::max<std::size_t>(share, 1));
  }
  std::size_t used = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
  for (; used > width; --used) --*std::max_element(sizes.begin(), sizes.end());
  *std::max_element(sizes.begin(), sizes.end()) += width - used;
  Line out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string text;
    for (std::size_t n = 0; n < sizes[i]; ++n) text.append(parts[i].symbol);
    if (!text.empty()) out.push_back({std::move(text), parts[i].tone});
  }
  return out;
}

std::string change_words(const Rollout& rollout) {
  const RolloutStatus& status = rollout.status();
  std::string out = fmt::format("rollout={} phase={}", rollout.metadata().id(), status.phase());
  if (!status.reason().empty()) out += fmt::format(" reason={}", status.reason());
  if (!status.wave().empty()) out += fmt::format(" wave={}", status.wave());
  out += fmt::format(" ok={} updating={} failed={} waiting={}", status.succeeded(), status.in_flight(), status.failed(),
                     status.waiting());
  if (status.unknown() > 0) out += fmt::format(" unknown={}", status.unknown());
  if (status.deferred() > 0) out += fmt::format(" deferred={}", status.deferred());
  return out;
}

bool is_over(const Rollout& rollout) {
  return rollout.status().phase() == "succeeded" || rollout.status().phase() == "aborted";
}

ExitCode exit_of(const Rollout& rollout) {
  const RolloutStatus& status = rollout.status();
  if (status.phase() == "aborted") return status.reason() == "operator" ? ExitCode::EndedOnPurpose : ExitCode::Bad;
  if (status.phase() == "paused") return ExitCode::Paused;
  if (status.phase() != "succeeded") return ExitCode::Done;
  const bool is_whole = status.failed() + status.unknown() + status.deferred() == 0;
  return is_whole ? ExitCode::Done : ExitCode::Tolerated;
}

View show_rollout(Rollout rollout, const RolloutLook& look) {
  const RolloutStatus& status = rollout.status();
  std::vector<Block> blocks;
  blocks.emplace_back(head_line(rollout, look.now));
  std::size_t name_width = 6;
  for (const WaveStatus& wave : status.waves()) name_width = std::max(name_width, wave.name().size());
  for (const WaveStatus& wave : status.waves()) blocks.emplace_back(wave_line(wave, name_width, look));
  if (!status.why().empty()) blocks.emplace_back(Line{{" why     ", Tone::Faint}, {status.why()}});
  if (!status.failures().empty()) blocks.emplace_back(failure_line(status));
  if (!status.next().empty()) blocks.emplace_back(Line{{" next    ", Tone::Faint}, {next_words(status)}});
  if (look.is_watched && !is_over(rollout)) {
    blocks.emplace_back(Line{{" Ctrl-C stops watching; the rollout goes on.", Tone::Faint}});
  }
  return view_of(std::move(rollout), std::move(blocks));
}

}  // namespace kelpie::cli
