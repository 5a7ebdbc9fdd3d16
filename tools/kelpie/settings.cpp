#include "tools/kelpie/settings.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/core.h>

#include "proto/base/options.h"
#include "tools/kelpie/command.h"
#include "tools/kelpie/context.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

struct Row {
  std::string_view name;
  std::string_view variable;
  Setting Settings::*setting;
  std::string_view words;  // what it may be; empty: anything
};
constexpr std::array kRows{
    Row{"context", "KELPIE_CONTEXT", &Settings::context, ""},
    Row{"hub", "KELPIE_HUB", &Settings::hub, ""},
    Row{"token-file", "KELPIE_TOKEN_FILE", &Settings::token_file, ""},
    Row{"sign-key", "KELPIE_SIGN_KEY", &Settings::sign_key, ""},
    Row{"output", "KELPIE_OUTPUT", &Settings::output, "table wide json yaml name jsonl"},
    Row{"color", "KELPIE_COLOR", &Settings::color, "auto always never"},
    Row{"progress", "KELPIE_PROGRESS", &Settings::progress, "auto tty plain json none"},
    Row{"timeout", "KELPIE_TIMEOUT", &Settings::timeout, ""},
    Row{"confirm", "KELPIE_CONFIRM", &Settings::confirm, "destruction always"},
};
constexpr std::string_view kColumnsPrefix = "columns=";

const std::string* typed_value(const Typed& typed, std::string_view flag) {
  const std::string* out = nullptr;
  for (const Typed::Value& value : typed.flags) {
    if (value.flag == flag) out = &value.text;
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<void> apply_file(Settings& settings, const std::string& path) {
  std::ifstream file(path);
  if (!file) return {};  // nobody needs one
  std::stringstream text;
  text << file.rdbuf();
  std::array<std::string, kRows.size()> values;
  std::vector<Option> options;
  for (std::size_t i = 0; i < kRows.size(); ++i) options.push_back({kRows[i].name, &values[i], "", ""});
  Result<void> read = read_config(text.str(), options);
  if (!read) return fail(with_context(read.error(), path));
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (!values[i].empty()) settings.*(kRows[i].setting) = {.value = values[i], .origin = path};
  }
  return {};
}

void apply_environment(Settings& settings) {
  for (const Row& row : kRows) {
    const char* value = std::getenv(std::string(row.variable).c_str());
    if (value != nullptr && *value != '\0') {
      settings.*(row.setting) = {.value = value, .origin = std::string(row.variable)};
    }
  }
}

void apply_flags(Settings& settings, const Typed& typed) {
  for (const Row& row : kRows) {
    if (const std::string* value = typed_value(typed, row.name)) {
      settings.*(row.setting) = {.value = *value, .origin = fmt::format("--{}", row.name)};
    }
  }
}

/// A context stands above the file and below what was said for this call.
Result<void> apply_context(Settings& settings) {
  if (settings.context.value.empty()) return {};
  KELPIE_TRY(const Context context, load_context(settings.config_dir, settings.context.value));
  const std::string origin = fmt::format("context {}", settings.context.value);
  for (const auto& [setting, value] :
       {std::pair(&Settings::hub, &context.hub), std::pair(&Settings::token_file, &context.token_file),
        std::pair(&Settings::sign_key, &context.sign_key), std::pair(&Settings::confirm, &context.confirm)}) {
    if (!value->empty()) settings.*setting = {.value = *value, .origin = origin};
  }
  return {};
}

Result<void> check_words(const Settings& settings) {
  for (const Row& row : kRows) {
    const Setting& setting = settings.*(row.setting);
    const std::vector<std::string> words = split(row.words, ' ');
    if (words.empty() || std::find(words.begin(), words.end(), setting.value) != words.end()) continue;
    std::string all(row.words);
    std::replace(all.begin(), all.end(), ' ', '|');
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} \"{}\" ({}) is none of {}{}", row.name, setting.value, setting.origin, all,
                                        did_you_mean(setting.value, words)),
                 .reason = {},
                 .hint = "kelpie help output"});
  }
  return {};
}

/// Of a hub and a context said for this call one counts: the flag's.
Result<void> choose_hub(Settings& said) {
  if (said.hub.origin.empty() || said.context.origin.empty()) return {};
  const bool is_hub_typed = said.hub.origin == "--hub";
  if (is_hub_typed == (said.context.origin == "--context")) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} and {} both choose a hub: give one", said.hub.origin, said.context.origin),
                 .reason = {},
                 .hint = "kelpie config show --origin"});
  }
  (is_hub_typed ? said.context : said.hub) = {.value = {}, .origin = {}};
  return {};
}

/// "-o columns=NAME,FLEET" and "--columns NAME,FLEET" are one.
Result<void> apply_columns(Settings& settings, const Typed& typed) {
  if (const std::string* columns = typed_value(typed, "columns")) settings.columns = split(*columns, ',');
  if (!settings.output.value.starts_with(kColumnsPrefix)) return {};
  settings.columns = split(settings.output.value.substr(kColumnsPrefix.size()), ',');
  if (settings.columns.empty()) return fail(Code::InvalidArgument, "columns= names no column");
  settings.output.value = "table";
  return {};
}

std::size_t count_flag(const Typed& typed, std::string_view flag) {
  return static_cast<std::size_t>(
      std::count_if(typed.flags.begin(), typed.flags.end(), [&](const auto& value) { return value.flag == flag; }));
}

}  // namespace

Result<Settings> read_settings(const Typed& typed) {
  Settings out;
  out.config_dir = config_folder();
  Settings said;  // for this call: environment and flags
  for (const Row& row : kRows) (said.*(row.setting)).origin.clear();
  apply_environment(said);
  apply_flags(said, typed);

  const std::string current = current_context(out.config_dir);
  KELPIE_TRY(apply_file(out, out.config_dir + "/config"));
  if (!current.empty()) out.context = {.value = current, .origin = out.config_dir + "/current-context"};
  KELPIE_TRY(choose_hub(said));
  if (!said.context.origin.empty()) out.context = said.context;
  // A hub named for this call is not the context's: the context's token must not travel there.
  if (!said.hub.origin.empty()) out.context = {};
  KELPIE_TRY(apply_context(out));
  for (const Row& row : kRows) {
    if (!(said.*(row.setting)).origin.empty()) out.*(row.setting) = said.*(row.setting);
  }
  KELPIE_TRY(apply_columns(out, typed));
  KELPIE_TRY(check_words(out));
  KELPIE_TRY(call_timeout(out));
  out.has_headers = count_flag(typed, "no-headers") == 0;
  if (const std::string* sort_by = typed_value(typed, "sort-by")) out.sort_by = *sort_by;
  out.is_yes = count_flag(typed, "yes") > 0;
  out.is_quiet = count_flag(typed, "quiet") > 0;
  out.verbosity = static_cast<int>(count_flag(typed, "verbose"));
  return out;
}

Settings settings_for_errors(const std::vector<std::string>& arguments) {
  constexpr std::string_view kLong = "--output";
  Settings out;
  apply_environment(out);
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string_view word = arguments[i];
    const bool is_apart = (word == "-o" || word == kLong) && i + 1 < arguments.size();
    if (is_apart) out.output.value = arguments[++i];
    if (word.starts_with(kLong) && word.size() > kLong.size() && word[kLong.size()] == '=')
      out.output.value = word.substr(kLong.size() + 1);
    if (word.starts_with("-o") && word.size() > 2) out.output.value = word.substr(2);
  }
  return check_words(out) ? out : Settings{};
}

std::vector<std::pair<std::string_view, const Setting*>> each_setting(const Settings& settings) {
  std::vector<std::pair<std::string_view, const Setting*>> out;
  out.reserve(kRows.size());
  for (const Row& row : kRows) out.emplace_back(row.name, &(settings.*(row.setting)));
  return out;
}

std::string hub_words(const Settings& settings) {
  return fmt::format("hub at {} ({})", settings.hub.value, settings.hub.origin);
}

Result<Duration> wait_timeout(const Settings& settings, Duration otherwise) {
  if (settings.timeout.value.empty()) return otherwise;
  if (settings.timeout.value == "0") return Duration(0);
  Result<Duration> out = parse_duration(settings.timeout.value);
  if (!out) return fail(with_context(out.error(), fmt::format("timeout ({})", settings.timeout.origin)));
  return out;
}

Result<Duration> call_timeout(const Settings& settings) {
  return wait_timeout(settings, kCallTimeout);
}

}  // namespace kelpie::cli
