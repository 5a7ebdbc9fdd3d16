#include "proto/base/options.h"

#include <algorithm>

#include <fmt/core.h>

#include "proto/base/program.h"

namespace kelpie {
namespace {

const Option* find(std::span<const Option> options, std::string_view name) {
  const auto at = std::find_if(options.begin(), options.end(), [&](const Option& one) { return one.name == name; });
  return at == options.end() ? nullptr : &*at;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Result<void> all_or(const std::vector<std::string>& problems) {
  if (problems.empty()) return {};
  std::string message;
  for (const std::string& problem : problems) message.append(message.empty() ? "" : "; ").append(problem);
  return fail(Code::InvalidArgument, std::move(message));
}

struct Flag {
  std::string_view name;
  std::string value;
};

/// "--data X" and "--data=X" as pairs; what is neither is a problem.
std::vector<Flag> split_flags(const std::vector<std::string>& arguments, std::vector<std::string>& problems) {
  std::vector<Flag> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument.substr(0, 2) != "--") {
      problems.push_back(fmt::format("\"{}\" is not expected here", argument));
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    if (equals != std::string_view::npos) {
      out.push_back({name, std::string(argument.substr(equals + 1))});
    } else if (i + 1 < arguments.size()) {
      out.push_back({name, arguments[++i]});
    } else {
      problems.push_back(fmt::format("--{} needs a value", name));
    }
  }
  return out;
}

}  // namespace

Result<void> read_config(std::string_view text, std::span<const Option> options) {
  std::vector<std::string> problems;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    const std::string_view name = trim(line.substr(0, equals));
    const Option* option = find(options, name);
    if (equals == std::string_view::npos) {
      problems.push_back(fmt::format("line {}: expected name = value", number));
    } else if (option == nullptr) {
      problems.push_back(fmt::format("line {}: there is no option \"{}\"", number, name));
    } else {
      *option->value = trim(line.substr(equals + 1));
    }
  }
  return all_or(problems);
}

Result<void> read_flags(const std::vector<std::string>& arguments, std::span<const Option> options) {
  std::vector<std::string> problems;
  const std::vector<Flag> flags = split_flags(arguments, problems);
  for (const Flag& flag : flags) {
    if (flag.name != "config") continue;
    KELPIE_TRY(const std::string text, read_small_file(flag.value, "configuration file", kConfigBytesMax));
    const Result<void> file = read_config(text, options);
    if (!file) return fail(with_context(file.error(), flag.value));
  }
  for (const Flag& flag : flags) {
    if (flag.name == "config") continue;
    const Option* option = find(options, flag.name);
    if (option == nullptr) {
      problems.push_back(fmt::format("there is no option --{}", flag.name));
    } else {
      *option->value = flag.value;
    }
  }
  return all_or(problems);
}

std::string help_of(std::span<const Option> options) {
  std::string out = fmt::format("  {:<28} {}\n", "--config FILE", "lines of \"name = value\" with the names below");
  for (const Option& option : options) {
    if (option.what.empty()) continue;
    const std::string flag = fmt::format("--{} {}", option.name, option.unit);
    const std::string preset = option.value->empty() ? std::string() : fmt::format(" (default {})", *option.value);
    out.append(fmt::format("  {:<28} {}{}\n", flag, option.what, preset));
  }
  return out;
}

}  // namespace kelpie
