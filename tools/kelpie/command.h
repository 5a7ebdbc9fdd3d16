// A command of kelpie is data plus one function. Parser, help, completion and tests read the data; nobody else knows
// the commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <kelpie/api/v1/http.pb.h>

#include "tools/kelpie/exit_code.h"
#include "tools/kelpie/screen.h"
#include "tools/kelpie/session.h"
#include "tools/kelpie/settings.h"
#include "tools/kelpie/view.h"

namespace kelpie::cli {

/// What a shell may offer when the user presses Tab.
enum class Completes { Nothing, Devices, Fleets, Releases, Rollouts, Contexts, Commands, Files };

enum class Count { One, Optional, OneOrMore, Any };

struct Argument {
  std::string_view name;  // as help shows it: NAME
  std::string_view what;
  Count count = Count::One;  // only the last argument may be OneOrMore or Any
  Completes completes = Completes::Nothing;
};

struct Flag {
  std::string_view name;   // "output": --output VALUE and --output=VALUE
  char letter = 0;         // 'o': -o VALUE
  std::string_view value;  // what stands for the value in help; empty: a switch
  std::string_view what;   // one line for help
  bool is_repeated = false;
  Completes completes = Completes::Nothing;
};

class Invocation;

struct Command {
  std::string_view path;          // "rollout plan"
  std::string_view summary;       // one line: "Show what a rollout would change"
  std::string_view details = {};  // some lines more, for its help page
  std::vector<Argument> arguments = {};
  std::vector<Flag> flags = {};                    // besides the global ones
  std::vector<std::string_view> examples = {};     // whole lines: "kelpie device list -l site=berlin"
  std::vector<ExitCode> exits = {ExitCode::Done};  // besides 2 to 6, which every command has
  std::vector<Column> columns = {};                // of its table, for help and columns=
  api::v1::Role role = api::v1::VIEWER;            // ROLE_UNSPECIFIED: asks no hub
  Result<View> (*run)(Invocation& invocation) = nullptr;
};

/// Flags and arguments as they were typed.
struct Typed {
  struct Value {
    std::string flag;
    std::string text;
  };
  std::vector<Value> flags;  // in order; a switch has no text
  std::vector<std::string> arguments;
};

/// One call of a command: what was typed, the settings in force, the hub and the screen.
class Invocation {
 public:
  Invocation(const Command& command, Typed typed, const Settings& settings, Session& session, Screen& screen)
      : command_(command), typed_(std::move(typed)), settings_(settings), session_(session), screen_(screen) {}

  [[nodiscard]] const Command& command() const { return command_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] Session& session() { return session_; }
  [[nodiscard]] Screen& screen() { return screen_; }

  [[nodiscard]] bool has(std::string_view flag) const;
  /// The last one given, or empty.
  [[nodiscard]] std::string value(std::string_view flag) const;
  [[nodiscard]] std::vector<std::string> values(std::string_view flag) const;
  /// The value as a duration, or what stands for it when it is not given. Errors: InvalidArgument naming the flag.
  [[nodiscard]] Result<Duration> duration(std::string_view flag, Duration otherwise) const;
  [[nodiscard]] Result<std::size_t> number(std::string_view flag, std::size_t otherwise) const;

  /// The argument of this name; empty when it is optional and absent.
  [[nodiscard]] std::string argument(std::string_view name) const;
  /// The last argument when it may be given several times.
  [[nodiscard]] std::vector<std::string> arguments(std::string_view name) const;

 private:
  const Command& command_;
  Typed typed_;
  const Settings& settings_;
  Session& session_;
  Screen& screen_;
};

// Flags with one meaning for every command that has them.
inline constexpr Flag kSelectorFlag{.name = "selector",
                                    .letter = 'l',
                                    .value = "LABELS",
                                    .what = "only devices with these labels: site=berlin,tier!=canary"};
inline constexpr Flag kWhereFlag{
    .name = "where", .value = "CONDITIONS", .what = "only those in this state: update=failed,last-seen>24h"};
inline constexpr Flag kLimitFlag{.name = "limit", .value = "N", .what = "at most N rows"};
inline constexpr Flag kReasonFlag{.name = "reason", .value = "TEXT", .what = "why, for the audit log"};
inline constexpr Flag kYesFlag{.name = "yes", .letter = 'y', .what = "do not ask"};
inline constexpr Flag kDryRunFlag{.name = "dry-run", .what = "check everything, change nothing"};
inline constexpr Flag kWaitFlag{.name = "wait", .what = "wait for the end"};
inline constexpr Flag kNoWaitFlag{.name = "no-wait", .what = "do not wait for the end"};
inline constexpr Flag kThroughPauseFlag{.name = "through-pause", .what = "go on waiting while it is paused"};
inline constexpr Flag kFleetFlag{
    .name = "fleet", .value = "FLEET", .what = "only of this fleet", .completes = Completes::Fleets};

}  // namespace kelpie::cli
