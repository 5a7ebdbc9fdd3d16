// kelpie status: one page of everything, and what to do next.
#include <algorithm>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/follow.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Summary;

std::vector<Column> fleet_columns() {
  return {
      {.title = "FLEET"},
      {.title = "RELEASE", .drop_order = 1},
      {.title = "DEVICES", .is_number = true},
      {.title = "UP-TO-DATE", .is_number = true},
      {.title = "FAILED", .is_number = true},
      {.title = "OFFLINE", .drop_order = 3, .is_number = true},
      {.title = "ROLLOUT", .drop_order = 2},
  };
}

std::uint32_t count_of(const google::protobuf::Map<std::string, std::uint32_t>& counts, const char* word) {
  const auto at = counts.find(word);
  return at == counts.end() ? 0 : at->second;
}

void add_counts(Line& line, const google::protobuf::Map<std::string, std::uint32_t>& counts,
                std::initializer_list<const char*> words) {
  for (const char* word : words) {
    const std::uint32_t count = count_of(counts, word);
    line.push_back({fmt::format("   {} ", word == std::string_view("never-seen") ? "never seen" : word)});
    line.push_back({std::to_string(count), count == 0 ? Tone::Faint : tone_of(word)});
  }
}

Line hub_line(const Summary& summary) {
  const api::v1::HubStatus& hub = summary.hub();
  const WallTime now = to_wall(summary.as_of());
  return {{"HUB      ", Tone::Strong},
          {fmt::format("{} v{}   ", hub.name(), hub.version())},
          hub.is_ready() ? Span{"✔ ready", Tone::Good} : Span{"✖ not ready", Tone::Bad},
          {"   broker "},
          hub.is_broker_connected() ? Span{"linked", Tone::Good} : Span{"not linked", Tone::Bad},
          {fmt::format("   up {}   queue {}", age(now - to_wall(hub.started_at())), hub.queue())}};
}

std::string rollout_words(const api::v1::FleetStatus& status) {
  return status.rollout().empty() ? "-" : symbol_of(status.rollout_phase()) + status.rollout_line();
}

std::string percent(std::uint32_t part, std::uint32_t whole) {
  return whole == 0 ? "-" : fmt::format("{}%", std::uint64_t{part} * 100 / whole);
}

Table fleet_table(const Summary& summary) {
  Table out{.columns = fleet_columns(), .rows = {}, .empty = {}};
  for (const api::v1::Fleet& fleet : summary.fleets()) {
    const api::v1::FleetStatus& status = fleet.status();
    out.rows.push_back({{fleet.metadata().name()},
                        {or_dash(fleet.spec().release())},
                        count_cell(status.devices()),
                        {fmt::format("{} {:>5}", status.up_to_date(), percent(status.up_to_date(), status.devices()))},
                        count_cell(status.failed(), Tone::Bad),
                        count_cell(status.offline(), Tone::Warn),
                        {rollout_words(status), tone_of(status.rollout_phase())}});
  }
  return out;
}

void add_attention(std::vector<Block>& blocks, const Summary& summary) {
  if (summary.attention().empty()) return;
  blocks.emplace_back(Line{});
  blocks.emplace_back(Line{{fmt::format("ATTENTION ({})", summary.attention_size()), Tone::Strong}});
  for (const api::v1::Attention& item : summary.attention()) {
    const bool is_error = item.severity() == "error";
    blocks.emplace_back(Line{{is_error ? "  ✖ " : "  ! ", is_error ? Tone::Bad : Tone::Warn}, {item.text()}});
    blocks.emplace_back(Line{{"      "}, {item.command(), Tone::Faint}});
  }
}

View show(Summary summary) {
  std::vector<Block> blocks;
  blocks.emplace_back(hub_line(summary));
  Line devices{{"DEVICES  ", Tone::Strong}, {std::to_string(summary.devices())}};
  add_counts(devices, summary.connection(), {"online", "offline", "never-seen"});
  Line update{{"UPDATE      ", Tone::Strong}};
  add_counts(update, summary.update(), {"up-to-date", "updating", "out-of-date", "failed"});
  Line health{{"HEALTH      ", Tone::Strong}};
  add_counts(health, summary.health(), {"healthy", "degraded", "failed", "unknown"});
  for (Line* line : {&devices, &update, &health}) blocks.emplace_back(std::move(*line));
  if (!summary.fleets().empty()) {
    blocks.emplace_back(Line{});
    blocks.emplace_back(fleet_table(summary));
  }
  add_attention(blocks, summary);
  return view_of(std::move(summary), std::move(blocks));
}

std::string change_words(const Summary& summary) {
  return fmt::format("devices={} online={} offline={} up-to-date={} updating={} failed={} attention={}",
                     summary.devices(), count_of(summary.connection(), "online"),
                     count_of(summary.connection(), "offline"), count_of(summary.update(), "up-to-date"),
                     count_of(summary.update(), "updating"), count_of(summary.update(), "failed"),
                     summary.attention_size());
}

Result<View> look(Invocation& in) {
  KELPIE_TRY(Summary summary, in.session().call<Summary>("GetSummary", api::v1::Empty()));
  const bool needs_attention = !summary.attention().empty();
  View view = show(std::move(summary));
  if (in.has("exit-code") && needs_attention) view.exit = ExitCode::Tolerated;
  return view;
}

Result<View> run_status(Invocation& in) {
  if (!in.has("watch")) return look(in);
  View last;
  KELPIE_TRY(follow(
      in, {.rollout = {}, .device = {}, .waiting_for = "changes"}, [&](const std::string& sequence) -> Result<Look> {
        KELPIE_TRY(last, look(in));
        const auto& summary = static_cast<const Summary&>(*last.message);
        in.screen().frame(
            {.view = last, .change = change_words(summary), .time = to_wall(summary.as_of()), .sequence = sequence});
        return Look::GoOn;
      }));
  return last;
}

}  // namespace

std::vector<Command> status_commands() {
  return {{.path = "status",
           .summary = "Show hub, devices, fleets and what needs attention",
           .flags = {{.name = "watch", .letter = 'w', .what = "until Ctrl-C or --timeout"},
                     {.name = "exit-code", .what = "exit with 8 when something needs attention"}},
           .examples = {"kelpie status", "kelpie status --exit-code -q", "kelpie status --watch --timeout 10m"},
           .exits = {ExitCode::Done, ExitCode::Tolerated, ExitCode::TimedOut, ExitCode::Interrupted},
           .columns = fleet_columns(),
           .run = run_status}};
}

}  // namespace kelpie::cli
