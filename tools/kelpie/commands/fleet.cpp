// kelpie fleet list, show, devices and delete. Fleets are made by manifests: kelpie apply.
#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/device_table.h"
#include "tools/kelpie/confirm.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Fleet;
using api::v1::FleetList;

std::vector<Column> fleet_columns() {
  return {{.title = "NAME"},
          {.title = "RELEASE", .drop_order = 1},
          {.title = "DEVICES", .is_number = true},
          {.title = "UP-TO-DATE", .drop_order = 2, .is_number = true},
          {.title = "FAILED", .is_number = true},
          {.title = "OFFLINE", .drop_order = 3, .is_number = true},
          {.title = "ROLLOUT", .drop_order = 4},
          {.title = "SELECTOR", .drop_order = 5, .is_wide = true},
          {.title = "REVISION", .drop_order = 6, .is_wide = true, .is_number = true}};
}

std::vector<Cell> fleet_row(const Fleet& fleet) {
  const api::v1::FleetStatus& status = fleet.status();
  return {{fleet.metadata().name()},
          {or_dash(fleet.spec().release())},
          count_cell(status.devices()),
          count_cell(status.up_to_date()),
          count_cell(status.failed(), Tone::Bad),
          count_cell(status.offline(), Tone::Warn),
          {status.rollout().empty() ? "-" : symbol_of(status.rollout_phase()) + status.rollout_line(),
           tone_of(status.rollout_phase())},
          {or_dash(fleet.spec().selector())},
          count_cell(fleet.metadata().revision())};
}

Result<Fleet> get_fleet(Session& session, const std::string& name) {
  api::v1::Named request;
  request.set_name(name);
  Result<Fleet> fleet = session.call<Fleet>("GetFleet", request);
  if (!fleet) return fail(with_nearest(session, fleet.error(), "ListFleets", name));
  return fleet;
}

Result<View> run_list(Invocation& in) {
  KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
  KELPIE_TRY(FleetList fleets, in.session().list<FleetList>("ListFleets", api::v1::ListRequest(), limit));
  Table table{.columns = fleet_columns(), .rows = {}, .empty = "no fleets: kelpie apply -f fleet.yaml"};
  for (const Fleet& fleet : fleets.items()) table.rows.push_back(fleet_row(fleet));
  return view_of(std::move(fleets), {std::move(table)});
}

std::string basis_points(std::uint32_t value) {
  return value % 100 == 0 ? fmt::format("{}%", value / 100) : fmt::format("{}.{:02}%", value / 100, value % 100);
}

std::string wave_words(const api::v1::Wave& wave) {
  const std::string size = wave.size() > 0 ? counted(wave.size(), "device")
                                           : fmt::format("up to {}", basis_points(wave.up_to_basis_points()));
  std::string out = fmt::format("{}, soak {}", size, to_string(to_duration(wave.soak())));
  if (wave.has_failure_basis_points())
    out += fmt::format(", at most {} failed", basis_points(wave.failure_basis_points()));
  if (wave.has_min_successes()) out += fmt::format(", at least {} well", wave.min_successes());
  return out;
}

std::string limit_words(const api::v1::Policy& policy) {
  return fmt::format("at most {} failed and {} deferred, at least {} well; then {}; drift {}",
                     basis_points(policy.thresholds().failure_basis_points()),
                     basis_points(policy.thresholds().deferred_basis_points()), policy.thresholds().min_successes(),
                     or_dash(policy.on_fail()), or_dash(policy.drift()));
}

View show(Fleet fleet) {
  std::vector<Block> blocks;
  const auto add = [&](std::string_view name, std::string text, Tone tone = Tone::Plain) {
    blocks.emplace_back(Line{{fmt::format("  {:<10}", name), Tone::Faint}, {std::move(text), tone}});
  };
  const api::v1::FleetStatus& status = fleet.status();
  blocks.emplace_back(
      Line{{fleet.metadata().name(), Tone::Strong},
           {fmt::format("   revision {}   release {}", fleet.metadata().revision(), or_dash(fleet.spec().release()))}});
  add("selector", or_dash(fleet.spec().selector()));
  add("devices", fmt::format("{}: {} up-to-date, {} updating, {} out-of-date, {} failed; {} online, {} offline",
                             status.devices(), status.up_to_date(), status.updating(), status.out_of_date(),
                             status.failed(), status.online(), status.offline()));
  add("rollout",
      status.rollout().empty()
          ? "-"
          : fmt::format("{} {}{}", status.rollout(), symbol_of(status.rollout_phase()), status.rollout_line()),
      tone_of(status.rollout_phase()));
  const api::v1::Policy& policy = fleet.spec().policy();
  for (const api::v1::Wave& wave : policy.waves()) add("wave", fmt::format("{}: {}", wave.name(), wave_words(wave)));
  add("limits", limit_words(policy));
  return view_of(std::move(fleet), std::move(blocks));
}

Result<View> run_show(Invocation& in) {
  KELPIE_TRY(Fleet fleet, get_fleet(in.session(), in.argument("FLEET")));
  return show(std::move(fleet));
}

Result<View> run_devices(Invocation& in) {
  api::v1::ListRequest request;
  request.set_fleet(in.argument("FLEET"));
  request.set_selector(in.value("selector"));
  request.set_where(in.value("where"));
  KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
  Result<api::v1::DeviceList> devices = in.session().list<api::v1::DeviceList>("ListDevices", request, limit);
  if (!devices) return fail(with_nearest(in.session(), devices.error(), "ListFleets", request.fleet()));
  return show_devices(std::move(*devices));
}

Result<View> run_delete(Invocation& in) {
  KELPIE_TRY(const Fleet fleet, get_fleet(in.session(), in.argument("FLEET")));
  const std::string& name = fleet.metadata().name();
  const std::uint32_t devices = fleet.status().devices();
  if (!in.has("dry-run")) {
    KELPIE_TRY(confirm(in, fmt::format("delete fleet {} of {}", name, counted(devices, "device")), devices));
  }
  api::v1::Named request;
  request.set_name(name);
  KELPIE_TRY(api::v1::Empty gone, in.session().call<api::v1::Empty>(
                                      "DeleteFleet", request,
                                      {.is_dry_run = in.has("dry-run"), .if_revision = fleet.metadata().revision()}));
  View view = view_of(std::move(gone), {});
  view.notes.push_back(fmt::format("fleet {} {}; its devices keep what they run", name,
                                   in.has("dry-run") ? "would be deleted" : "deleted"));
  return view;
}

constexpr Argument kFleet{.name = "FLEET", .what = "its name", .completes = Completes::Fleets};

}  // namespace

std::vector<Command> fleet_commands() {
  return {
      {.path = "fleet list",
       .summary = "List fleets",
       .flags = {kLimitFlag},
       .examples = {"kelpie fleet list", "kelpie fleet list -o columns=NAME,RELEASE"},
       .columns = fleet_columns(),
       .run = run_list},
      {.path = "fleet show",
       .summary = "Show one fleet: who is in it, what it should run, by which policy",
       .arguments = {kFleet},
       .examples = {"kelpie fleet show kiosk-eu", "kelpie fleet show kiosk-eu -o yaml"},
       .run = run_show},
      {.path = "fleet devices",
       .summary = "List the devices of a fleet",
       .arguments = {kFleet},
       .flags = {kSelectorFlag, kWhereFlag, kLimitFlag},
       .examples = {"kelpie fleet devices kiosk-eu", "kelpie fleet devices kiosk-eu --where update=failed -o name"},
       .columns = device_columns(),
       .run = run_devices},
      {.path = "fleet delete",
       .summary = "Delete a fleet; its devices keep what they run",
       .arguments = {kFleet},
       .flags = {kYesFlag, kDryRunFlag},
       .examples = {"kelpie fleet delete kiosk-eu", "kelpie fleet delete kiosk-eu --dry-run"},
       .exits = {ExitCode::Done, ExitCode::EndedOnPurpose},
       .role = api::v1::OPERATOR,
       .run = run_delete},
  };
}

}  // namespace kelpie::cli
