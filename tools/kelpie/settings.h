// What is in force for one call: flag > KELPIE_* > context > configuration file > default, each with where it is from.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/result.h"

namespace kelpie::cli {

struct Typed;

inline constexpr std::string_view kDefaultHub = "/run/kelpie/hub.sock";
inline constexpr Duration kCallTimeout{30'000};

struct Setting {
  std::string value;
  std::string origin = "default";  // "--hub", "KELPIE_HUB", "context prod", "/home/ana/.config/kelpie/config"
};

struct Settings {
  Setting context;  // its name; empty: none
  Setting hub{.value = std::string(kDefaultHub)};
  Setting token_file;                       // empty: no token
  Setting sign_key;                         // an operator's key file; empty: none
  Setting output{.value = "table"};         // table, wide, json, yaml, name, jsonl
  Setting color{.value = "auto"};           // auto, always, never
  Setting progress{.value = "auto"};        // auto, tty, plain, json, none
  Setting timeout;                          // a duration; empty: each command's own; 0: none
  Setting confirm{.value = "destruction"};  // destruction, always: ask before every change

  std::string config_dir;  // where contexts and the file live

  // Of this call alone.
  std::vector<std::string> columns;
  bool has_headers = true;
  std::string sort_by;  // a column's title, "-TITLE" for the other way round
  bool is_yes = false;
  bool is_quiet = false;
  int verbosity = 0;  // -v: each request with its time and id; -vv: headers and bodies too
};

/// Reads flags, environment and files. Errors: InvalidArgument naming the setting and where it is from; NotFound for a
/// context that is not there.
[[nodiscard]] Result<Settings> read_settings(const Typed& typed);

/// For what goes wrong before settings could be read: the output that was asked for, where that can be made out.
[[nodiscard]] Settings settings_for_errors(const std::vector<std::string>& arguments);

/// Name and value of each, as `config show` lists them.
[[nodiscard]] std::vector<std::pair<std::string_view, const Setting*>> each_setting(const Settings& settings);

/// "hub at /run/kelpie/hub.sock (default)", "hub at https://… (context prod)": for prompts and errors.
[[nodiscard]] std::string hub_words(const Settings& settings);

/// How long one call may take: --timeout, else 30 s.
[[nodiscard]] Result<Duration> call_timeout(const Settings& settings);
/// How long a wait may take: --timeout, else what is given. 0: for ever.
[[nodiscard]] Result<Duration> wait_timeout(const Settings& settings, Duration otherwise);

}  // namespace kelpie::cli
