// kelpie hub status: the hub's own state.
#include <map>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

Result<View> run_hub_status(Invocation& in) {
  KELPIE_TRY(api::v1::HubStatus hub, in.session().call<api::v1::HubStatus>("GetHub", api::v1::Empty()));
  const WallTime now = SystemClock().wall();
  Table table{.columns = {{.title = "WHAT"}, {.title = "VALUE"}}, .rows = {}, .empty = {}};
  const auto add = [&](std::string what, std::string value, Tone tone = Tone::Plain) {
    table.rows.push_back({{std::move(what)}, {std::move(value), tone}});
  };
  add("name", hub.name());
  add("version", hub.version());
  add("ready", hub.is_ready() ? "yes" : "no", hub.is_ready() ? Tone::Good : Tone::Bad);
  add("broker", fmt::format("{}, {}", hub.broker(), hub.is_broker_connected() ? "linked" : "not linked"),
      hub.is_broker_connected() ? Tone::Good : Tone::Bad);
  add("started", ago(hub.started_at(), now));
  add("queue", std::to_string(hub.queue()));
  add("store", hub.store_bytes().empty() ? "-" : size_words(hub.store_bytes()));
  add("installation", hub.installation_id());
  add("trust", fmt::format("version {}", hub.trust_version()));
  add("audit", fmt::format("{} entries, root {}", hub.audit_size(), hub.audit_root()));
  for (const auto& [code, count] : std::map(hub.refusals().begin(), hub.refusals().end())) {
    add("refused " + code, std::to_string(count), Tone::Warn);
  }
  const bool is_well = hub.is_ready() && hub.is_broker_connected();
  View view = view_of(std::move(hub), {std::move(table)});
  if (in.has("exit-code") && !is_well) view.exit = ExitCode::Bad;
  return view;
}

}  // namespace

std::vector<Command> hub_commands() {
  return {{.path = "hub status",
           .summary = "Show the hub's own state",
           .flags = {{.name = "exit-code", .what = "exit with 1 when it is not ready or has no broker"}},
           .examples = {"kelpie hub status", "kelpie hub status --exit-code -q"},
           .exits = {ExitCode::Done, ExitCode::Bad},
           .columns = {{.title = "WHAT"}, {.title = "VALUE"}},
           .run = run_hub_status}};
}

}  // namespace kelpie::cli
