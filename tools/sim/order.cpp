#include "tools/sim/order.h"

#include <algorithm>
#include <span>

#include <fmt/core.h>

namespace kelpie::sim {
namespace {

constexpr const char* kHint =
    "fault set FAULT [LABEL=VALUE…], fault clear [KIND] [LABEL=VALUE…], power on|off NAME or LABEL=VALUE…, quit";

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : line) {
    if (c != ' ' && c != '\t' && c != '\r') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

Error wrong(std::string message) {
  return {.code = Code::InvalidArgument, .message = std::move(message), .reason = {}, .hint = kHint};
}

using Words = std::span<const std::string>;

bool is_label(const std::string& word) {
  return word.find('=') != std::string::npos;
}

/// Labels that all must fit, or one name.
Result<Chosen> parse_chosen(Words words) {
  Chosen out;
  if (words.size() == 1 && !is_label(words[0])) {
    out.name = words[0];
    return out;
  }
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(wrong(fmt::format("\"{}\" is no label: write key=value", word)));
    out.labels[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return out;
}

Result<Order> parse_clear(Words words) {
  ClearFault out;
  if (!words.empty() && !is_label(words[0])) {
    KELPIE_TRY(const Fault fault, parse_fault(words[0]));
    out.kind = std::string(to_string(fault.kind));
    words = words.subspan(1);
  }
  KELPIE_TRY(out.whom, parse_chosen(words));
  return out;
}

Result<Order> parse_power(Words words) {
  const bool is_known = words.size() >= 2 && (words[0] == "on" || words[0] == "off");
  if (!is_known) return fail(wrong("power needs on or off, and whom"));
  SetPower out{.is_on = words[0] == "on", .whom = {}};
  KELPIE_TRY(out.whom, parse_chosen(words.subspan(1)));
  return out;
}

}  // namespace

bool Chosen::fits(const RosterEntry& entry) const {
  if (!name.empty()) return entry.name == name;
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    const auto at = entry.labels.find(label.first);
    return at != entry.labels.end() && at->second == label.second;
  });
}

Result<SetFault> parse_fault_for(std::string_view text) {
  const std::vector<std::string> words = words_of(text);
  if (words.empty()) return fail(wrong("no fault is named"));
  SetFault out;
  KELPIE_TRY(out.fault, parse_fault(words[0]));
  KELPIE_TRY(out.whom, parse_chosen(Words(words).subspan(1)));
  return out;
}

Result<Order> parse_order(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  const auto begins = [&](std::string_view first, std::string_view second) {
    return words.size() >= 2 && words[0] == first && words[1] == second;
  };
  if (words.size() == 1 && words[0] == "quit") return Quit{};
  if (begins("fault", "set")) {
    KELPIE_TRY(SetFault set, parse_fault_for(line.substr(line.find("set") + 3)));
    return set;
  }
  if (begins("fault", "clear")) return parse_clear(Words(words).subspan(2));
  if (!words.empty() && words[0] == "power") return parse_power(Words(words).subspan(1));
  return fail(wrong(fmt::format("\"{}\" is no order", line)));
}

}  // namespace kelpie::sim
