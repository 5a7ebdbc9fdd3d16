// Commands that ask no hub: help and version.
#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/help.h"
#include "tools/kelpie/object.h"

namespace kelpie::cli {
namespace {

Result<View> run_help(Invocation& in) {
  std::string what;
  for (const std::string& word : in.arguments("TOPIC")) what.append(what.empty() ? "" : " ").append(word);
  return help_for(all_commands(), what);
}

Result<View> run_version(Invocation&) {
  return view_of(object_of("Version", {{"version", KELPIE_VERSION}}),
                 {Line{{fmt::format("kelpie {}", KELPIE_VERSION), Tone::Plain}}});
}

}  // namespace

std::vector<Command> own_commands() {
  return {
      {.path = "version",
       .summary = "Print the version of this command",
       .examples = {"kelpie version", "kelpie version -o json"},
       .role = api::v1::ROLE_UNSPECIFIED,
       .run = run_version},
      {.path = "help",
       .summary = "Explain a command or a topic",
       .arguments =
           {{.name = "TOPIC", .what = "a command or a topic", .count = Count::Any, .completes = Completes::Commands}},
       .examples = {"kelpie help device list", "kelpie help selectors"},
       .role = api::v1::ROLE_UNSPECIFIED,
       .run = run_help},
  };
}

}  // namespace kelpie::cli
