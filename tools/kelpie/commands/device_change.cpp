// kelpie device add, label, rename and decommission.
#include <algorithm>

#include <fmt/core.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "proto/base/ids.h"
#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/device_table.h"
#include "tools/kelpie/confirm.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using api::v1::AddDeviceRequest;
using api::v1::Device;
using api::v1::DeviceList;

constexpr Argument kDevices{.name = "DEVICE",
                            .what = "names, fleet/NAME, or - for stdin",
                            .count = Count::Any,
                            .completes = Completes::Devices};

DeviceList list_of_devices() {
  DeviceList out;
  out.set_api_version("v1");
  out.set_kind("DeviceList");
  return out;
}

Result<void> put_label(const std::string& text, google::protobuf::Map<std::string, std::string>& labels) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("\"{}\" is no label", text),
                 .reason = {},
                 .hint = "write key=value: site=berlin"});
  }
  labels[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

/// {"name","key","labels"} of one line. Errors: InvalidArgument with the line's number.
Result<AddDeviceRequest> parse_line(const std::string& line, std::size_t number) {
  const auto wrong = [&](std::string_view what) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("line {}: {}", number, what),
                 .reason = {},
                 .hint = R"(a line is {"name":"pi-07","key":"9c41 77d0 …","labels":{"site":"turin"}})"});
  };
  google::protobuf::Struct object;
  if (!google::protobuf::util::JsonStringToMessage(line, &object).ok()) return wrong("is no JSON object");
  AddDeviceRequest out;
  for (const auto& [key, value] : object.fields()) {
    if (key == "name" && value.has_string_value()) {
      out.set_name(value.string_value());
    } else if (key == "key" && value.has_string_value()) {
      out.set_fingerprint(value.string_value());
    } else if (key == "labels" && value.has_struct_value()) {
      for (const auto& [label, text] : value.struct_value().fields()) {
        if (!text.has_string_value()) return wrong(fmt::format("label {} is no text", label));
        (*out.mutable_labels())[label] = text.string_value();
      }
    } else {
      return wrong(fmt::format("\"{}\" does not belong here", key));
    }
  }
  if (out.name().empty()) return wrong("name is missing");
  if (out.fingerprint().empty()) return wrong("key is missing");
  return out;
}

Result<std::vector<AddDeviceRequest>> wanted_devices(Invocation& in) {
  std::vector<AddDeviceRequest> out;
  if (in.has("from")) {
    if (!in.argument("NAME").empty() || in.has("key") || in.has("label")) {
      return fail(Code::InvalidArgument, "--from brings names, keys and labels; give nothing else");
    }
    KELPIE_TRY(const std::vector<std::string> lines, lines_of(in.value("from")));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].find_first_not_of(" \t\r") == std::string::npos) continue;
      KELPIE_TRY(AddDeviceRequest request, parse_line(lines[i], i + 1));
      out.push_back(std::move(request));
    }
    return out;
  }
  AddDeviceRequest& request = out.emplace_back();
  request.set_name(in.argument("NAME"));
  request.set_fingerprint(in.value("key"));
  if (request.name().empty() || request.fingerprint().empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = "device add needs NAME and --key, or --from",
                 .reason = {},
                 .hint = "kelpie-agent init, run on the device, prints its fingerprint"});
  }
  for (const std::string& label : in.values("label")) KELPIE_TRY(put_label(label, *request.mutable_labels()));
  return out;
}

/// What the hub says when the very device is there already: the same name and key. A file may be read twice.
bool is_there_already(Session& session, const AddDeviceRequest& wanted) {
  api::v1::Named named;
  named.set_name(wanted.name());
  const Result<Device> there = session.call<Device>("GetDevice", named);
  const Result<DeviceId> key = parse_fingerprint(wanted.fingerprint());
  return there && key && there->metadata().id() == key->hex();
}

Result<View> run_add(Invocation& in) {
  KELPIE_TRY(const std::vector<AddDeviceRequest> wanted, wanted_devices(in));
  DeviceList added = list_of_devices();
  std::size_t known = 0;
  for (const AddDeviceRequest& request : wanted) {
    Result<Device> device = in.session().call<Device>("AddDevice", request, {.is_dry_run = in.has("dry-run")});
    if (!device && device.error().code == Code::AlreadyExists && in.has("from") &&
        is_there_already(in.session(), request)) {
      ++known;
      continue;
    }
    if (!device) {
      const std::string done =
          fmt::format("{} of {} devices were added; {}", added.items_size(), wanted.size(), request.name());
      return fail(in.has("from") ? with_context(device.error(), done) : device.error());
    }
    *added.add_items() = std::move(*device);
  }
  const int count = added.items_size();
  View view = show_devices(std::move(added));
  view.notes.push_back(fmt::format("{} {}{}", counted(static_cast<std::size_t>(count), "device"),
                                   in.has("dry-run") ? "would be added" : "added",
                                   known > 0 ? fmt::format(", {} there already", known) : ""));
  return view;
}

Result<View> run_label(Invocation& in) {
  std::vector<std::string> words = in.arguments("DEVICE");
  api::v1::LabelDeviceRequest request;
  const auto is_change = [](const std::string& word) {
    return word.find('=') != std::string::npos || (word.size() > 1 && word.back() == '-');
  };
  std::vector<std::string> devices;
  for (const std::string& word : words) {
    if (!is_change(word)) {
      devices.push_back(word);
    } else if (word.find('=') != std::string::npos) {
      KELPIE_TRY(put_label(word, *request.mutable_set()));
    } else {
      request.add_remove(word.substr(0, word.size() - 1));
    }
  }
  if (request.set().empty() && request.remove().empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = "device label needs a label",
                 .reason = {},
                 .hint = "site=berlin sets one, site- removes it"});
  }
  KELPIE_TRY(const std::vector<std::string> names, some_devices(in, devices));
  DeviceList labelled = list_of_devices();
  for (const std::string& name : names) {
    request.set_name(name);
    KELPIE_TRY(*labelled.add_items(),
               in.session().call<Device>("LabelDevice", request, {.is_dry_run = in.has("dry-run")}));
  }
  return show_devices(std::move(labelled));
}

Result<View> run_rename(Invocation& in) {
  KELPIE_TRY(const std::string name, one_device(in.session(), in.argument("DEVICE")));
  api::v1::RenameDeviceRequest request;
  request.set_name(name);
  request.set_new_name(in.argument("NEW"));
  DeviceList renamed = list_of_devices();
  KELPIE_TRY(*renamed.add_items(),
             in.session().call<Device>("RenameDevice", request, {.is_dry_run = in.has("dry-run")}));
  View view = show_devices(std::move(renamed));
  view.notes.push_back(fmt::format("{} is called {} now", name, request.new_name()));
  return view;
}

Result<View> run_decommission(Invocation& in) {
  KELPIE_TRY(const std::vector<std::string> names, some_devices(in, in.arguments("DEVICE")));
  const std::string what = names.size() == 1 ? names.front() : counted(names.size(), "device");
  if (!in.has("dry-run")) KELPIE_TRY(confirm(in, fmt::format("decommission {}", what), names.size()));
  std::size_t done = 0;
  for (const std::string& name : names) {
    api::v1::DecommissionRequest request;
    request.set_name(name);
    request.set_reason(in.value("reason"));
    const Result<api::v1::Empty> gone =
        in.session().call<api::v1::Empty>("DecommissionDevice", request, {.is_dry_run = in.has("dry-run")});
    if (!gone && names.size() > 1) {
      return fail(with_context(gone.error(), fmt::format("{} of {} devices are gone; {}", done, names.size(), name)));
    }
    if (!gone) return fail(gone.error());
    ++done;
  }
  View view;
  view.message = std::make_shared<api::v1::Empty>();
  view.notes.push_back(fmt::format("{} {}", what, in.has("dry-run") ? "would be decommissioned" : "decommissioned"));
  return view;
}

Command add_command() {
  return {
      .path = "device add",
      .summary = "Register devices by the fingerprints of their keys",
      .details =
          "A file holds a line for each device: {\"name\":…,\"key\":…,\"labels\":{…}}. Reading it again adds "
          "only what is new.",
      .arguments = {{.name = "NAME", .what = "lower-case letters, digits and dashes", .count = Count::Optional}},
      .flags = {{.name = "key", .value = "FINGERPRINT", .what = "of the device's key, as kelpie-agent init prints it"},
                {.name = "label", .value = "KEY=VALUE", .what = "a label of it", .is_repeated = true},
                {.name = "from", .value = "FILE", .what = "many at once; - is stdin", .completes = Completes::Files},
                kDryRunFlag},
      .examples = {"kelpie device add pi-turin-07 --key '9c41 77d0 1b2c 33aa 5f60 7788 90ab e2b8' --label site=turin",
                   "kelpie device add --from devices.jsonl"},
      .columns = device_columns(),
      .role = api::v1::ADMIN,
      .run = run_add};
}

}  // namespace

std::vector<Command> device_change_commands() {
  return {
      add_command(),
      {.path = "device label",
       .summary = "Set and remove labels",
       .arguments = {{.name = "DEVICE",
                      .what = "devices, then site=berlin to set and site- to remove",
                      .count = Count::OneOrMore,
                      .completes = Completes::Devices}},
       .flags = {kSelectorFlag, kWhereFlag, kDryRunFlag},
       .examples = {"kelpie device label pi-turin-07 tier=canary", "kelpie device label -l site=turin tier-"},
       .columns = device_columns(),
       .role = api::v1::OPERATOR,
       .run = run_label},
      {.path = "device rename",
       .summary = "Give a device another name",
       .arguments = {{.name = "DEVICE", .what = "its name", .completes = Completes::Devices},
                     {.name = "NEW", .what = "its new name"}},
       .flags = {kDryRunFlag},
       .examples = {"kelpie device rename pi-07 pi-turin-07"},
       .columns = device_columns(),
       .role = api::v1::OPERATOR,
       .run = run_rename},
      {.path = "device decommission",
       .summary = "Forget devices; their keys are refused until they are added again",
       .arguments = {kDevices},
       .flags = {kSelectorFlag, kWhereFlag, kReasonFlag, kYesFlag, kDryRunFlag},
       .examples = {"kelpie device decommission pi-turin-07 --reason 'stolen'",
                    "kelpie device list --where 'last-seen>90d' -o name | kelpie device decommission - --yes"},
       .exits = {ExitCode::Done, ExitCode::EndedOnPurpose},
       .role = api::v1::ADMIN,
       .run = run_decommission},
  };
}

}  // namespace kelpie::cli
