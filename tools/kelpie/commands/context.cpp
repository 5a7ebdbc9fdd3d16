// kelpie context list, use, add, remove, show; kelpie config show.
#include <algorithm>

#include <fmt/core.h>

#include "proto/base/ids.h"
#include "tools/kelpie/commands.h"
#include "tools/kelpie/confirm.h"
#include "tools/kelpie/context.h"
#include "tools/kelpie/endpoint.h"
#include "tools/kelpie/object.h"

namespace kelpie::cli {
namespace {

using google::protobuf::Struct;

std::vector<Column> context_columns() {
  return {{.title = "CURRENT"},
          {.title = "NAME"},
          {.title = "HUB"},
          {.title = "TOKEN-FILE", .drop_order = 2},
          {.title = "SIGN-KEY", .drop_order = 3},
          {.title = "CONFIRM", .drop_order = 1}};
}

Struct context_object(const std::string& name, const Context& context, bool is_current) {
  return object_of("Context", {{"name", name},
                               {"hub", context.hub},
                               {"tokenFile", context.token_file},
                               {"signKey", context.sign_key},
                               {"confirm", context.confirm},
                               {"current", is_current ? "true" : "false"}});
}

std::vector<Cell> context_row(const std::string& name, const Context& context, bool is_current) {
  const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  return {{is_current ? "*" : ""},     {name},
          {or_dash(context.hub)},      {or_dash(context.token_file)},
          {or_dash(context.sign_key)}, {context.confirm.empty() ? "destruction" : context.confirm}};
}

Result<View> run_list(Invocation& in) {
  const std::string& folder = in.settings().config_dir;
  Table table{.columns = context_columns(), .rows = {}, .empty = "no contexts: kelpie context add NAME --hub ADDRESS"};
  std::vector<Struct> items;
  for (const std::string& name : context_names(folder)) {
    KELPIE_TRY(const Context context, load_context(folder, name));
    const bool is_current = name == in.settings().context.value;
    table.rows.push_back(context_row(name, context, is_current));
    items.push_back(context_object(name, context, is_current));
  }
  return view_of(list_of("ContextList", items), {std::move(table)});
}

Result<View> show_one(Invocation& in, const std::string& name) {
  KELPIE_TRY(const Context context, load_context(in.settings().config_dir, name));
  const bool is_current = name == current_context(in.settings().config_dir);
  Table table{.columns = context_columns(), .rows = {context_row(name, context, is_current)}, .empty = {}};
  return view_of(context_object(name, context, is_current), {std::move(table)});
}

Result<View> run_show(Invocation& in) {
  const std::string name = in.argument("NAME").empty() ? in.settings().context.value : in.argument("NAME");
  if (!name.empty()) return show_one(in, name);
  return fail({.code = Code::NotFound,
               .message = fmt::format("no context is in use; kelpie asks the {}", hub_words(in.settings())),
               .reason = {},
               .hint = "kelpie context use NAME"});
}

Result<View> run_use(Invocation& in) {
  KELPIE_TRY(use_context(in.settings().config_dir, in.argument("NAME")));
  return show_one(in, in.argument("NAME"));
}

Result<View> run_add(Invocation& in) {
  const std::string name = in.argument("NAME");
  if (!is_name(name)) {
    return fail(Code::InvalidArgument,
                fmt::format("\"{}\" is not a name: use lower-case letters, digits and dashes", name));
  }
  if (!in.has("hub")) {
    return fail({.code = Code::InvalidArgument,
                 .message = "context add needs --hub",
                 .reason = {},
                 .hint = "--hub https://hub.example:8443 or --hub /run/kelpie/hub.sock"});
  }
  const std::vector<std::string> known = context_names(in.settings().config_dir);
  if (std::find(known.begin(), known.end(), name) != known.end() && !in.has("replace")) {
    return fail({.code = Code::AlreadyExists,
                 .message = fmt::format("context \"{}\" is there already", name),
                 .reason = {},
                 .hint = "--replace writes it anew"});
  }
  KELPIE_TRY(const Endpoint hub, parse_address(in.settings().hub));
  // Absolute: it is used from whatever folder somebody stands in later.
  KELPIE_TRY(save_context(in.settings().config_dir, name,
                          {.hub = hub.unix_socket.empty() ? hub.origin : hub.unix_socket,
                           .token_file = absolute_path(in.value("token-file")),
                           .sign_key = absolute_path(in.value("sign-key")),
                           .confirm = in.value("confirm")}));
  // Who has one hub does not want to choose.
  if (known.empty()) KELPIE_TRY(use_context(in.settings().config_dir, name));
  return show_one(in, name);
}

Result<View> run_remove(Invocation& in) {
  const std::string name = in.argument("NAME");
  KELPIE_TRY(const Context context, load_context(in.settings().config_dir, name));
  KELPIE_TRY(remove_context(in.settings().config_dir, name));
  View view = view_of(context_object(name, context, false), {});
  view.notes.push_back(fmt::format("context {} removed; its token file, if any, is where it was", name));
  return view;
}

Result<View> run_config(Invocation& in) {
  const bool has_origin = in.has("origin");
  Table table{.columns = {{.title = "SETTING"}, {.title = "VALUE"}}, .rows = {}, .empty = {}};
  if (has_origin) table.columns.push_back({.title = "ORIGIN"});
  std::vector<Struct> items;
  for (const auto& [name, setting] : each_setting(in.settings())) {
    std::vector<Cell>& row = table.rows.emplace_back();
    row.push_back({std::string(name)});
    row.push_back({setting->value.empty() ? "-" : setting->value});
    if (has_origin) row.push_back({setting->origin});
    items.push_back(
        object_of("Setting", {{"name", std::string(name)}, {"value", setting->value}, {"origin", setting->origin}}));
  }
  return view_of(list_of("SettingList", items), {std::move(table)});
}

constexpr Argument kName{.name = "NAME", .what = "the context", .completes = Completes::Contexts};

}  // namespace

std::vector<Command> context_commands() {
  const api::v1::Role none = api::v1::ROLE_UNSPECIFIED;
  return {
      {.path = "context list",
       .summary = "List the hubs this user knows by name",
       .examples = {"kelpie context list"},
       .columns = context_columns(),
       .role = none,
       .run = run_list},
      {.path = "context use",
       .summary = "Ask this hub from now on",
       .arguments = {kName},
       .examples = {"kelpie context use prod"},
       .columns = context_columns(),
       .role = none,
       .run = run_use},
      {.path = "context add",
       .summary = "Name a hub: its address comes from --hub, a token from --token-file",
       .details = "The first one is used from then on; kelpie context use NAME chooses another.",
       .arguments = {{.name = "NAME", .what = "lower-case letters, digits and dashes"}},
       .flags = {{.name = "sign-key",
                  .value = "FILE",
                  .what = "an operator's key file, for commands that sign",
                  .completes = Completes::Files},
                 {.name = "confirm", .value = "WHEN", .what = "always: ask before every change there"},
                 {.name = "replace", .what = "write one anew that is there"}},
       .examples =
           {"kelpie context add lab --hub /run/kelpie/hub.sock",
            "kelpie context add prod --hub https://hub.example:8443 --token-file ~/.kelpie-token --confirm always"},
       .columns = context_columns(),
       .role = none,
       .run = run_add},
      {.path = "context remove",
       .summary = "Forget a context",
       .arguments = {kName},
       .examples = {"kelpie context remove lab"},
       .role = none,
       .run = run_remove},
      {.path = "context show",
       .summary = "Show a context, or the one in use",
       .arguments =
           {{.name = "NAME", .what = "the context", .count = Count::Optional, .completes = Completes::Contexts}},
       .examples = {"kelpie context show", "kelpie context show prod -o yaml"},
       .columns = context_columns(),
       .role = none,
       .run = run_show},
      {.path = "config show",
       .summary = "Show the settings in force",
       .flags = {{.name = "origin", .what = "and where each is from"}},
       .examples = {"kelpie config show --origin"},
       .role = none,
       .run = run_config},
  };
}

}  // namespace kelpie::cli
