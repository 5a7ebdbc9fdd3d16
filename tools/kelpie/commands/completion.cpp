// Shell completion: scripts for three shells, and the hidden command they call. It never waits longer than a person
// notices and never says that something went wrong.
#include <algorithm>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/context.h"
#include "tools/kelpie/help.h"
#include "tools/kelpie/object.h"
#include "tools/kelpie/parse.h"

namespace kelpie::cli {
namespace {

constexpr Duration kDeadline{300};
constexpr std::size_t kNamesMax = 1'000;
constexpr std::string_view kFiles = ":files";  // the shell is asked to offer files

constexpr std::string_view kBash = R"(# kelpie completion for bash: source <(kelpie completion bash)
_kelpie() {
  local line words current cut
  read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
  case "${COMP_LINE:0:COMP_POINT}" in *" ") words+=("") ;; esac
  current="${COMP_WORDS[COMP_CWORD]}"
  cut="${words[-1]%"$current"}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = ":files" ]; then compopt -o default; else COMPREPLY+=("${line#"$cut"}"); fi
  done < <(kelpie __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _kelpie kelpie)";

constexpr std::string_view kZsh = R"(#compdef kelpie
# kelpie completion for zsh: source <(kelpie completion zsh)
_kelpie() {
  local -a names
  names=("${(@f)$(kelpie __complete -- "${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)}")
  if [[ "${names[1]}" == ":files" ]]; then _files; else compadd -a names; fi
}
compdef _kelpie kelpie)";

constexpr std::string_view kFish = R"(# kelpie completion for fish: kelpie completion fish | source
function __kelpie_complete
  set -l names (kelpie __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if test "$names[1]" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $names
  end
end
complete -c kelpie -f -a '(__kelpie_complete)')";

/// Names of one page that begin so. Whatever goes wrong: no names.
template <typename List>
std::vector<std::string> hub_names(Session& session, std::string_view rpc) {
  api::v1::ListRequest request;
  request.set_page_size(static_cast<std::uint32_t>(kNamesMax));
  const Result<List> page = session.call<List>(rpc, request, {.timeout = kDeadline});
  std::vector<std::string> out;
  if (!page) return out;
  for (const auto& item : page->items()) out.push_back(item.metadata().name());
  return out;
}

std::vector<std::string> known_commands() {
  std::vector<std::string> out = help_topics();
  for (const std::string& noun : next_words(all_commands(), "")) out.push_back(noun);
  return out;
}

std::vector<std::string> names_for(Invocation& in, Completes what) {
  switch (what) {
    case Completes::Nothing: return {};
    case Completes::Devices: return hub_names<api::v1::DeviceList>(in.session(), "ListDevices");
    case Completes::Fleets: return hub_names<api::v1::FleetList>(in.session(), "ListFleets");
    case Completes::Releases: return hub_names<api::v1::ReleaseList>(in.session(), "ListReleases");
    case Completes::Rollouts: return hub_names<api::v1::RolloutList>(in.session(), "ListRollouts");
    case Completes::Contexts: return context_names(in.settings().config_dir);
    case Completes::Commands: return known_commands();
    case Completes::Files: return {std::string(kFiles)};
  }
  return {};
}

struct Typing {
  std::string path;
  const Command* command = nullptr;
  std::size_t arguments = 0;       // behind the path, before the word that is being typed
  const Flag* awaiting = nullptr;  // the flag whose value is being typed
};

std::vector<const Flag*> flags_of(const Command* command) {
  std::vector<const Flag*> out;
  if (command != nullptr) {
    for (const Flag& flag : command->flags) out.push_back(&flag);
  }
  for (const Flag& flag : global_flags()) out.push_back(&flag);
  return out;
}

const Flag* flag_named(const Command* command, std::string_view word) {
  for (const Flag* flag : flags_of(command)) {
    const bool is_letter = word.size() == 2 && word[0] == '-' && word[1] == flag->letter && flag->letter != 0;
    if (is_letter || word == fmt::format("--{}", flag->name)) return flag;
  }
  return nullptr;
}

Typing read_typing(const std::vector<Command>& commands, const std::vector<std::string>& words) {
  Typing out;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i].starts_with("-") && words[i].size() > 1) {
      const Flag* flag = flag_named(out.command, words[i]);
      if (flag == nullptr || flag->value.empty()) continue;
      if (i + 2 == words.size()) out.awaiting = flag;
      ++i;
      continue;
    }
    const std::vector<std::string> next = next_words(commands, out.path);
    if (std::find(next.begin(), next.end(), words[i]) == next.end()) {
      ++out.arguments;
      continue;
    }
    out.path.append(out.path.empty() ? "" : " ").append(words[i]);
    for (const Command& command : commands) {
      if (command.path == out.path) out.command = &command;
    }
  }
  return out;
}

std::vector<std::string> words_of(std::string_view flag) {
  if (flag == "output") return {"table", "wide", "json", "yaml", "jsonl", "name"};
  if (flag == "color") return {"auto", "always", "never"};
  if (flag == "progress") return {"auto", "tty", "plain", "json", "none"};
  return {};
}

std::vector<std::string> offers(Invocation& in, const std::vector<std::string>& words) {
  const std::vector<Command> commands = all_commands();
  const Typing typing = read_typing(commands, words);
  if (typing.awaiting != nullptr) {
    const std::vector<std::string> fixed = words_of(typing.awaiting->name);
    return fixed.empty() ? names_for(in, typing.awaiting->completes) : fixed;
  }
  if (words.back().starts_with("-")) {
    std::vector<std::string> out;
    for (const Flag* flag : flags_of(typing.command)) out.push_back(fmt::format("--{}", flag->name));
    return out;
  }
  std::vector<std::string> out = next_words(commands, typing.path);
  if (!out.empty() || typing.command == nullptr || typing.command->arguments.empty()) return out;
  const std::size_t place = std::min(typing.arguments, typing.command->arguments.size() - 1);
  const Argument& argument = typing.command->arguments[place];
  const bool is_full = typing.arguments > place && argument.count != Count::Any && argument.count != Count::OneOrMore;
  return is_full ? out : names_for(in, argument.completes);
}

Result<View> run_complete(Invocation& in) {
  std::vector<std::string> words = in.arguments("WORD");
  if (words.empty()) words.emplace_back();
  View view;
  for (const std::string& offer : offers(in, words)) {
    const bool is_hidden = offer.starts_with("__");
    if (!is_hidden && (offer == kFiles || offer.starts_with(words.back()))) view.blocks.emplace_back(Line{{offer}});
  }
  return view;
}

Result<View> run_completion(Invocation& in) {
  const std::string shell = in.argument("SHELL");
  for (const auto& [name, script] : {std::pair("bash", kBash), std::pair("zsh", kZsh), std::pair("fish", kFish)}) {
    if (shell != name) continue;
    return text_view("Completion", "script", std::string(script));
  }
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("there is no completion for \"{}\"", shell),
               .reason = {},
               .hint = "kelpie completion bash|zsh|fish"});
}

}  // namespace

std::vector<Command> completion_commands() {
  return {{.path = "completion",
           .summary = "Print a shell's completion script",
           .arguments = {{.name = "SHELL", .what = "bash, zsh or fish"}},
           .examples = {"kelpie completion bash", "kelpie completion fish"},
           .role = api::v1::ROLE_UNSPECIFIED,
           .run = run_completion},
          {.path = "__complete",
           .summary = "Offer what may stand next",
           .arguments = {{.name = "WORD", .what = "typed so far", .count = Count::Any}},
           .role = api::v1::ROLE_UNSPECIFIED,
           .run = run_complete}};
}

}  // namespace kelpie::cli
