#include "tools/kelpie/suggest.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::cli {
namespace {

constexpr std::size_t kTextMax = 64;  // longer words are no typing mistakes, and the table is quadratic

/// One mistake in three letters, at least one and at most three.
std::size_t mistakes_max(std::string_view text) {
  return std::clamp<std::size_t>(text.size() / 3, 1, 3);
}

}  // namespace

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::vector<std::size_t> next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      next[j] = std::min({replaced, row[j] + 1, next[j - 1] + 1});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

std::string closest(std::string_view text, const std::vector<std::string>& candidates) {
  if (text.empty() || text.size() > kTextMax) return {};
  std::size_t best = mistakes_max(text) + 1;
  std::string out;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kTextMax) continue;
    const std::size_t mistakes = distance(text, candidate);
    if (mistakes >= best) continue;
    best = mistakes;
    out = candidate;
  }
  return out;
}

std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates) {
  const std::string meant = closest(text, candidates);
  return meant.empty() ? std::string() : fmt::format(". Did you mean \"{}\"?", meant);
}

}  // namespace kelpie::cli
