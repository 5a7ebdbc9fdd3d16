#include "tools/kelpie/parse.h"

#include <algorithm>
#include <array>
#include <deque>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

constexpr std::array kGlobalFlags{
    Flag{.name = "output",
         .letter = 'o',
         .value = "FORMAT",
         .what = "table, wide, json, yaml, jsonl, name, columns=A,B"},
    Flag{.name = "columns", .value = "A,B", .what = "only these columns"},
    Flag{.name = "no-headers", .what = "no line of titles above a table"},
    Flag{.name = "sort-by", .value = "COLUMN", .what = "order of rows; -COLUMN the other way round"},
    Flag{.name = "context", .value = "NAME", .what = "which hub, by its context", .completes = Completes::Contexts},
    Flag{.name = "hub", .value = "ADDRESS", .what = "which hub: a socket's path or a URL"},
    Flag{.name = "token-file", .value = "FILE", .what = "who you are, over TCP", .completes = Completes::Files},
    Flag{.name = "timeout", .value = "DURATION", .what = "longest wait: 30s for a call, more for a wait; 0: no end"},
    Flag{.name = "yes", .letter = 'y', .what = "do not ask"},
    Flag{.name = "quiet", .letter = 'q', .what = "no talk on stderr"},
    Flag{.name = "verbose",
         .letter = 'v',
         .what = "each request, how long it took, its id; -vv: headers and bodies too",
         .is_repeated = true},
    Flag{.name = "color", .value = "WHEN", .what = "auto, always, never"},
    Flag{.name = "progress", .value = "HOW", .what = "auto, tty, plain, json, none"},
    Flag{.name = "help", .letter = 'h', .what = "this page"},
};

Error wrong(std::string message, std::string hint = {}) {
  return {.code = Code::InvalidArgument, .message = std::move(message), .reason = "USAGE", .hint = std::move(hint)};
}

/// Does what stands behind this flag belong to it? A flag has one arity wherever it is known.
bool takes_value(std::span<const Command> commands, const std::function<bool(const Flag&)>& is_it) {
  const auto is_valued = [&](const Flag& flag) { return is_it(flag) && !flag.value.empty(); };
  if (std::any_of(kGlobalFlags.begin(), kGlobalFlags.end(), is_valued)) return true;
  return std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
    return std::any_of(command.flags.begin(), command.flags.end(), is_valued);
  });
}

/// True when the next word is this flag's value.
bool consumes_next(std::span<const Command> commands, std::string_view word) {
  if (word.starts_with("--")) {
    if (word.find('=') != std::string_view::npos) return false;
    return takes_value(commands, [&](const Flag& flag) { return flag.name == word.substr(2); });
  }
  for (std::size_t i = 1; i < word.size(); ++i) {
    if (takes_value(commands, [&](const Flag& flag) { return flag.letter == word[i]; })) return i + 1 == word.size();
  }
  return false;
}

bool is_flag(std::string_view word) {
  return word.size() > 1 && word.front() == '-';
}

/// Places of the words that are neither flags nor their values.
std::vector<std::size_t> plain_words(std::span<const Command> commands, const std::vector<std::string>& arguments) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") break;
    if (!is_flag(arguments[i])) {
      out.push_back(i);
    } else if (consumes_next(commands, arguments[i])) {
      ++i;
    }
  }
  return out;
}

struct Found {
  const Command* command = nullptr;
  std::string path;               // as far as it is known
  std::vector<std::size_t> used;  // places of the path's words
};

Found find_command(std::span<const Command> commands, const std::vector<std::string>& arguments) {
  Found out;
  std::string path;
  std::vector<std::size_t> used;
  for (const std::size_t place : plain_words(commands, arguments)) {
    path.append(path.empty() ? "" : " ").append(arguments[place]);
    used.push_back(place);
    const auto exact = std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.path == path; });
    if (exact != commands.end()) out = {.command = &*exact, .path = path, .used = used};
    if (next_words(commands, path).empty()) break;
    if (exact == commands.end()) out = {.command = nullptr, .path = path, .used = used};
  }
  return out;
}

/// The word that no command has at this place.
Error unknown_command(std::span<const Command> commands, const std::vector<std::string>& arguments,
                      const Found& found) {
  const std::vector<std::string> known = next_words(commands, found.path);
  const std::vector<std::size_t> words = plain_words(commands, arguments);
  if (words.size() == found.used.size()) {
    return wrong(fmt::format("{} needs a command", found.path),
                 fmt::format("kelpie {} {}", found.path, fmt::join(known, "|")));
  }
  const std::string& word = arguments[words[found.used.size()]];
  const std::string place = found.path.empty() ? "" : found.path + " ";
  return wrong(fmt::format("unknown command \"{}{}\"{}", place, word, did_you_mean(word, known)),
               found.path.empty() ? "kelpie help" : fmt::format("kelpie {}{}", place, fmt::join(known, "|")));
}

std::vector<const Flag*> flags_of(const Command& command) {
  std::vector<const Flag*> out;
  for (const Flag& flag : command.flags) out.push_back(&flag);
  for (const Flag& flag : kGlobalFlags) {
    const bool is_own =
        std::any_of(command.flags.begin(), command.flags.end(), [&](const Flag& own) { return own.name == flag.name; });
    if (!is_own) out.push_back(&flag);
  }
  return out;
}

Error unknown_flag(const Command& command, std::string_view word) {
  std::vector<std::string> known;
  for (const Flag* flag : flags_of(command)) known.push_back(fmt::format("--{}", flag->name));
  const std::string_view name = word.substr(0, word.find('='));
  return wrong(fmt::format("{} has no flag {}{}", command.path, name, did_you_mean(name, known)),
               fmt::format("kelpie help {}", command.path));
}

Result<void> check_count(const Command& command, std::size_t given) {
  std::size_t least = 0;
  bool is_endless = false;
  for (const Argument& argument : command.arguments) {
    least += argument.count == Count::One || argument.count == Count::OneOrMore ? 1 : 0;
    is_endless = argument.count == Count::OneOrMore || argument.count == Count::Any;
  }
  if (given < least) {
    return fail(wrong(fmt::format("{} needs {}", command.path, command.arguments[given].name), usage_of(command)));
  }
  if (is_endless || given <= command.arguments.size()) return {};
  return fail(
      wrong(fmt::format("{} takes {}", command.path,
                        command.arguments.empty()
                            ? std::string("no argument")
                            : fmt::format("{} at most", command.arguments.size() == 1
                                                            ? std::string("one argument")
                                                            : fmt::format("{} arguments", command.arguments.size()))),
            usage_of(command)));
}

std::string cli11_name(const Flag& flag) {
  return flag.letter == 0 ? fmt::format("--{}", flag.name) : fmt::format("-{},--{}", flag.letter, flag.name);
}

/// CLI11's part: which word is which flag's value.
Result<Typed> read_words(const Command& command, std::vector<std::string> words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  Typed out;
  app.add_option("arguments", out.arguments);
  std::vector<std::pair<const Flag*, CLI::Option*>> options;
  for (const Flag* flag : flags_of(command)) {
    CLI::Option* option = flag->value.empty() ? app.add_flag(cli11_name(*flag)) : app.add_option(cli11_name(*flag));
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (!flag->value.empty()) option->expected(1)->allow_extra_args(false);
    options.emplace_back(flag, option);
  }
  const std::string last = words.empty() ? std::string() : words.back();
  try {
    std::reverse(words.begin(), words.end());
    app.parse(words);
  } catch (const CLI::ArgumentMismatch&) {
    return fail(wrong(fmt::format("{} needs a value", last), fmt::format("kelpie help {}", command.path)));
  } catch (const CLI::ParseError&) {
    return fail(wrong("the arguments make no sense", usage_of(command)));
  }
  for (const std::string& word : app.remaining()) {
    if (word == "--") continue;  // CLI11 keeps the mark itself too
    if (is_flag(word)) return fail(unknown_flag(command, word));
    out.arguments.push_back(word);
  }
  for (const auto& [flag, option] : options) {
    for (const std::string& text : option->results()) {
      const bool is_switch = flag->value.empty();
      if (is_switch && text != "true") {
        return fail(wrong(fmt::format("--{} takes no value", flag->name), fmt::format("kelpie help {}", command.path)));
      }
      out.flags.push_back({.flag = std::string(flag->name), .text = is_switch ? std::string() : text});
    }
  }
  return out;
}

bool wants_help(const std::vector<std::string>& arguments) {
  return std::any_of(arguments.begin(), std::find(arguments.begin(), arguments.end(), "--"),
                     [](const std::string& word) { return word == "-h" || word == "--help"; });
}

}  // namespace

std::span<const Flag> global_flags() {
  return kGlobalFlags;
}

std::vector<std::string> next_words(std::span<const Command> commands, std::string_view path) {
  std::vector<std::string> out;
  for (const Command& command : commands) {
    std::string_view rest = command.path;
    if (!path.empty()) {
      if (!rest.starts_with(path) || rest.size() == path.size() || rest[path.size()] != ' ') continue;
      rest.remove_prefix(path.size() + 1);
    }
    const std::string word(rest.substr(0, rest.find(' ')));
    if (word.starts_with("__")) continue;  // for programs
    if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  }
  return out;
}

std::string usage_of(const Command& command) {
  std::string out = fmt::format("kelpie {}", command.path);
  for (const Argument& argument : command.arguments) {
    switch (argument.count) {
      case Count::One: out += fmt::format(" {}", argument.name); break;
      case Count::Optional: out += fmt::format(" [{}]", argument.name); break;
      case Count::OneOrMore: out += fmt::format(" {}...", argument.name); break;
      case Count::Any: out += fmt::format(" [{}...]", argument.name); break;
    }
  }
  return command.flags.empty() ? out : out + " [flags]";
}

Result<Parsed> parse(std::span<const Command> commands, const std::vector<std::string>& arguments) {
  const Found found = find_command(commands, arguments);
  if (wants_help(arguments) || plain_words(commands, arguments).empty()) {
    const bool is_version = std::find(arguments.begin(), arguments.end(), "--version") != arguments.end();
    if (!is_version) return Parsed{.command = nullptr, .help_for = found.path, .is_help = true};
    std::vector<std::string> again = arguments;
    std::replace(again.begin(), again.end(), std::string("--version"), std::string("version"));
    return parse(commands, again);
  }
  if (found.command == nullptr) return fail(unknown_command(commands, arguments, found));
  std::vector<std::string> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (std::find(found.used.begin(), found.used.end(), i) == found.used.end()) words.push_back(arguments[i]);
  }
  KELPIE_TRY(Typed typed, read_words(*found.command, std::move(words)));
  KELPIE_TRY(check_count(*found.command, typed.arguments.size()));
  return Parsed{.command = found.command, .help_for = {}, .is_help = false, .typed = std::move(typed)};
}

}  // namespace kelpie::cli
