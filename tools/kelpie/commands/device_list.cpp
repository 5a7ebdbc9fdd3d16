// kelpie device list and wait.
#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/time_util.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/device_table.h"
#include "tools/kelpie/follow.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/suggest.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::Device;
using api::v1::DeviceList;

constexpr Duration kWaitMax{600'000};  // chosen: one update of one device; longer by --timeout

Result<View> run_list(Invocation& in) {
  api::v1::ListRequest request;
  request.set_selector(in.value("selector"));
  request.set_where(in.value("where"));
  request.set_fleet(in.value("fleet"));
  KELPIE_TRY(const std::size_t limit, in.number("limit", Session::kNoLimit));
  Result<DeviceList> devices = in.session().list<DeviceList>("ListDevices", request, limit);
  if (!devices) return fail(with_nearest(in.session(), devices.error(), "ListFleets", request.fleet()));
  return show_devices(std::move(*devices));
}

struct Condition {
  std::string key;
  std::string value;
  bool is_equal = true;
};

/// The words a device's state has on each axis.
std::vector<std::pair<std::string, std::vector<std::string>>> axes() {
  return {{"connection", {"online", "offline", "never-seen"}},
          {"update", {"up-to-date", "updating", "out-of-date", "failed"}},
          {"health", {"healthy", "degraded", "failed", "unknown"}}};
}

Result<Condition> parse_condition(const std::string& text) {
  const std::size_t equals = text.find('=');
  const bool is_equal = equals == std::string::npos || equals == 0 || text[equals - 1] != '!';
  Condition out{.key = text.substr(0, is_equal ? equals : equals - 1), .value = {}, .is_equal = is_equal};
  if (equals != std::string::npos) out.value = text.substr(equals + 1);
  std::vector<std::string> keys;
  for (const auto& [key, words] : axes()) {
    keys.push_back(key);
    if (key != out.key) continue;
    if (std::find(words.begin(), words.end(), out.value) != words.end()) return out;
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("--for: {} is never \"{}\"{}", key, out.value, did_you_mean(out.value, words)),
                 .reason = {},
                 .hint = fmt::format("{}={}", key, fmt::join(words, "|"))});
  }
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("--for: \"{}\" is no condition{}", text, did_you_mean(out.key, keys)),
               .reason = {},
               .hint = "update=up-to-date, connection=online or health=healthy"});
}

Result<std::vector<Condition>> parse_conditions(std::string_view text) {
  std::vector<Condition> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    KELPIE_TRY(Condition condition, parse_condition(std::string(text.substr(0, end))));
    out.push_back(std::move(condition));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool holds(const Device& device, const Condition& condition) {
  const api::v1::DeviceStatus& status = device.status();
  const std::string& word = condition.key == "connection" ? status.connection()
                            : condition.key == "update"   ? status.update()
                                                          : status.health();
  return (word == condition.value) == condition.is_equal;
}

bool holds_all(const Device& device, const std::vector<Condition>& conditions) {
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const Condition& condition) { return holds(device, condition); });
}

Result<DeviceList> read_devices(Session& session, const std::vector<std::string>& names) {
  DeviceList out;
  out.set_api_version("v1");
  out.set_kind("DeviceList");
  for (const std::string& name : names) {
    api::v1::Named request;
    request.set_name(name);
    KELPIE_TRY(*out.add_items(), session.call<Device>("GetDevice", request));
  }
  SystemClock clock;
  *out.mutable_as_of() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(clock.wall().unix_ms);
  return out;
}

std::string change_words(const DeviceList& devices, std::size_t done) {
  if (devices.items_size() != 1) return fmt::format("devices={} done={}", devices.items_size(), done);
  const Device& device = devices.items(0);
  return fmt::format("device={} connection={} update={} health={}", device.metadata().name(),
                     device.status().connection(), or_dash(device.status().update()), device.status().health());
}

Result<View> run_wait(Invocation& in) {
  const std::string wanted = in.has("for") ? in.value("for") : "update=up-to-date";
  KELPIE_TRY(const std::vector<Condition> conditions, parse_conditions(wanted));
  KELPIE_TRY(const std::vector<std::string> names, some_devices(in, in.arguments("DEVICE")));
  View last;
  const auto look = [&](const std::string& sequence) -> Result<Look> {
    KELPIE_TRY(DeviceList devices, read_devices(in.session(), names));
    const auto done =
        static_cast<std::size_t>(std::count_if(devices.items().begin(), devices.items().end(),
                                               [&](const Device& device) { return holds_all(device, conditions); }));
    const std::string change = change_words(devices, done);
    const WallTime now = to_wall(devices.as_of());
    last = show_devices(std::move(devices));
    in.screen().frame({.view = last, .change = change, .time = now, .sequence = sequence});
    return done == names.size() ? Look::Over : Look::GoOn;
  };
  KELPIE_TRY(follow(in,
                    {.rollout = {},
                     .device = names.size() == 1 ? names.front() : std::string(),
                     .waiting_for = fmt::format("{} to have {}", counted(names.size(), "device"), wanted),
                     .timeout_otherwise = kWaitMax},
                    look));
  return last;
}

}  // namespace

std::vector<Command> device_list_commands() {
  return {
      {.path = "device list",
       .summary = "List devices",
       .flags = {kSelectorFlag, kWhereFlag, kFleetFlag, kLimitFlag},
       .examples = {"kelpie device list", "kelpie device list -l site=berlin --where update=failed",
                    "kelpie device list --where 'last-seen>24h' -o name"},
       .columns = device_columns(),
       .run = run_list},
      {.path = "device wait",
       .summary = "Wait until devices are in a state",
       .details = "Without --for it waits for update=up-to-date. Ends after 10m unless --timeout says otherwise.",
       .arguments = {{.name = "DEVICE",
                      .what = "names, fleet/NAME, or - for stdin",
                      .count = Count::Any,
                      .completes = Completes::Devices}},
       .flags = {kSelectorFlag,
                 kWhereFlag,
                 {.name = "for", .value = "CONDITIONS", .what = "update=up-to-date,health=healthy: all must hold"}},
       .examples = {"kelpie device wait pi-turin-07 --for update=up-to-date --timeout 20m",
                    "kelpie device wait -l site=turin --for connection=online"},
       .exits = {ExitCode::Done, ExitCode::TimedOut, ExitCode::Interrupted},
       .columns = device_columns(),
       .run = run_wait},
  };
}

}  // namespace kelpie::cli
