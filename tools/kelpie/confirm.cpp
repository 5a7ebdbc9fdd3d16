#include "tools/kelpie/confirm.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::cli {
namespace {

Result<void> ask(Invocation& in, std::string_view what, const std::string& wanted) {
  if (in.settings().is_yes) return {};
  if (!in.screen().can_ask()) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} on the {} needs a yes, and there is no terminal to ask on", what,
                                        hub_words(in.settings())),
                 .reason = {},
                 .hint = "add --yes when you mean it"});
  }
  KELPIE_TRY(const std::string answer,
             in.screen().ask(fmt::format("{} on the {}? {}:", what, hub_words(in.settings()),
                                         wanted.empty() ? "yes or no" : fmt::format("type {} to go on", wanted))));
  const bool is_yes = wanted.empty() ? answer == "yes" || answer == "y" : answer == wanted;
  if (is_yes) return {};
  return fail(
      {.code = Code::FailedPrecondition, .message = "nothing was changed", .reason = std::string(kReasonDeclined)});
}

}  // namespace

Result<void> confirm(Invocation& in, std::string_view what, std::size_t count) {
  const std::string& context = in.settings().context.value;
  const std::string name = context.empty() ? in.settings().hub.value : context;
  return ask(in, what, count > kTypedNameAbove ? name : std::string());
}

Result<void> confirm_change(Invocation& in) {
  const api::v1::Role role = in.command().role;
  const bool is_change = role == api::v1::OPERATOR || role == api::v1::ADMIN;
  const std::vector<Flag>& flags = in.command().flags;
  const bool asks_itself = std::any_of(flags.begin(), flags.end(), [](const Flag& flag) { return flag.name == "yes"; });
  if (!is_change || asks_itself || in.settings().confirm.value != "always") return {};
  return ask(in, fmt::format("kelpie {}", in.command().path), {});
}

}  // namespace kelpie::cli
