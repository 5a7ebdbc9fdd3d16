#include "tests/device-agent/microk8s/step_table.h"

#include <algorithm>
#include <cctype>

#include <fmt/core.h>
#include <fmt/format.h>

#include "device-agent/microk8s/reasons.h"

namespace kelpie::test {
namespace {

// A walk gives each phase a quarter of an hour: a limit near it is none of the command's own.
constexpr Duration kOwnMax = std::chrono::minutes(12);
constexpr std::size_t kHexMin = 16;
constexpr std::size_t kWhatBytesMax = 160;
constexpr std::string_view kChangePath = "/v2/changes/";

constexpr std::string_view kIntroduction =
    "# What each kind of step does\n"
    "Written by a test, from what the agent asked of the modelled device when each kind was carried out and taken "
    "back,\n"
    "and from the reasons that tests brought about. Not edited by hand: after a change\n"
    "`KELPIE_GOLDEN_WRITE=1 build/dev/bin/agent_walk_test --gtest_filter='StepTable.*'` writes it anew. What is "
    "proved\n"
    "and how it is undone stands in the [README](README.md).\n\n"
    "A phase has the time that the core gives it (prepare 30 min, observe 3 min, run, verify and undo as the GO "
    "says),\n"
    "what it starts at most what is left of that. Commands begin with `/snap/bin/microk8s`, bodies follow requests;\n"
    "`$SNAP_DATA` is /var/snap/microk8s/current, `$SNAP_COMMON` /var/snap/microk8s/common.\n";

/// Digests are not what a reader looks for.
std::string without_digests(std::string_view what) {
  std::string out;
  for (std::size_t i = 0; i < what.size();) {
    std::size_t end = i;
    while (end < what.size() && std::isxdigit(static_cast<unsigned char>(what[end])) != 0) ++end;
    if (end - i >= kHexMin) {
      out += "…";
    } else {
      end = std::max(end, i + 1);
      out += what.substr(i, end - i);
    }
    i = end;
  }
  return out;
}

void replace(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what)) text.replace(at, what.size(), with);
}

std::string shown(std::string_view what) {
  constexpr std::string_view kMicrok8s = "/snap/bin/microk8s ";
  if (what.starts_with(kMicrok8s)) what.remove_prefix(kMicrok8s.size());
  std::string out = without_digests(what);
  replace(out, "/var/snap/microk8s/current", "$SNAP_DATA");
  replace(out, "/var/snap/microk8s/common", "$SNAP_COMMON");
  if (const auto at = out.find(kChangePath); at != std::string::npos) out = out.substr(0, at) + "/v2/changes/ID";
  if (out.size() > kWhatBytesMax) out = out.substr(0, kWhatBytesMax) + "…";
  return out;
}

struct Row {
  std::string what;
  std::vector<std::string> phases;
  Duration limit{};
};

std::vector<Row> rows_of(const StepPage& page) {
  std::vector<Row> rows;
  for (const AskedOfDevice& asked : page.asked) {
    const std::string what = shown(asked.what);
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.what == what; });
    if (row == rows.end()) row = rows.insert(rows.end(), Row{.what = what, .phases = {}, .limit = {}});
    row->limit = std::max(row->limit, asked.limit);
    const auto& phases = row->phases;
    if (std::find(phases.begin(), phases.end(), asked.phase) == phases.end()) row->phases.push_back(asked.phase);
  }
  return rows;
}

std::string limit_text(Duration limit) {
  if (limit == Duration{}) return "";
  if (limit > kOwnMax) return "what is left";
  return fmt::format("{} s", limit.count() / 1'000);
}

std::string page_text(const StepPage& page, const std::set<std::string>& reasons) {
  std::string out = fmt::format("\n## {}\nProved: {}. Undone: {}.\n\n", page.kind, page.proof, page.undo);
  out += "| command, request or file | in | at most |\n|---|---|---|\n";
  for (const Row& row : rows_of(page)) {
    out += fmt::format("| `{}` | {} | {} |\n", row.what, fmt::join(row.phases, ", "), limit_text(row.limit));
  }
  return out + fmt::format("\nReasons: {}.\n", fmt::join(reasons, ", "));
}

}  // namespace

std::string step_table(const std::vector<StepPage>& pages, const ReasonsOfKinds& reasons, const ReasonTests& tests) {
  std::string out(kIntroduction);
  for (const StepPage& page : pages) {
    const auto at = reasons.find(page.kind);
    out += page_text(page, at == reasons.end() ? std::set<std::string>{} : at->second);
  }
  out += "\n## Reasons\n| reason | passes by itself | meaning | a test that brings it about |\n|---|---|---|---|\n";
  for (const agent::ReasonRow& row : agent::all_reasons()) {
    const auto test = tests.find(std::string(row.word));
    out += fmt::format("| {} | {} | {} | {} |\n", row.word, row.is_transient ? "yes" : "", row.sentence,
                       test == tests.end() ? "none" : test->second);
  }
  return out;
}

}  // namespace kelpie::test
