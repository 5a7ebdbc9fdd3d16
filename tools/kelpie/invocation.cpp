#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "tools/kelpie/command.h"

namespace kelpie::cli {
namespace {

std::size_t place_of(const Command& command, std::string_view name) {
  const auto at = std::find_if(command.arguments.begin(), command.arguments.end(),
                               [&](const Argument& argument) { return argument.name == name; });
  KELPIE_ASSERT(at != command.arguments.end());
  return static_cast<std::size_t>(at - command.arguments.begin());
}

}  // namespace

bool Invocation::has(std::string_view flag) const {
  return std::any_of(typed_.flags.begin(), typed_.flags.end(),
                     [&](const Typed::Value& value) { return value.flag == flag; });
}

std::string Invocation::value(std::string_view flag) const {
  const std::vector<std::string> all = values(flag);
  return all.empty() ? std::string() : all.back();
}

std::vector<std::string> Invocation::values(std::string_view flag) const {
  std::vector<std::string> out;
  for (const Typed::Value& value : typed_.flags) {
    if (value.flag == flag) out.push_back(value.text);
  }
  return out;
}

Result<Duration> Invocation::duration(std::string_view flag, Duration otherwise) const {
  if (!has(flag)) return otherwise;
  Result<Duration> out = parse_duration(value(flag));
  if (!out) return fail(with_context(out.error(), fmt::format("--{}", flag)));
  return out;
}

Result<std::size_t> Invocation::number(std::string_view flag, std::size_t otherwise) const {
  if (!has(flag)) return otherwise;
  const std::string text = value(flag);
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Code::InvalidArgument, fmt::format("--{}: \"{}\" is not a whole number", flag, text));
  }
  return out;
}

std::string Invocation::argument(std::string_view name) const {
  const std::size_t place = place_of(command_, name);
  return place < typed_.arguments.size() ? typed_.arguments[place] : std::string();
}

std::vector<std::string> Invocation::arguments(std::string_view name) const {
  const std::size_t place = std::min(place_of(command_, name), typed_.arguments.size());
  return {typed_.arguments.begin() + static_cast<std::ptrdiff_t>(place), typed_.arguments.end()};
}

}  // namespace kelpie::cli
