// The one table of exit codes: what each means, and which error leads to which.
#pragma once

#include <span>
#include <string_view>

#include "proto/base/result.h"

namespace kelpie::cli {

enum class ExitCode {
  Done = 0,
  Bad = 1,
  Usage = 2,
  NotFound = 3,
  NotAllowed = 4,
  Conflict = 5,
  Unreachable = 6,
  Paused = 7,
  Tolerated = 8,
  EndedOnPurpose = 9,
  Differences = 10,
  OurBug = 70,
  TimedOut = 124,
  Interrupted = 130,
};

struct ExitRow {
  ExitCode code;
  std::string_view meaning;
  std::string_view examples;
};
/// In order of their numbers.
[[nodiscard]] std::span<const ExitRow> exit_codes();

// Reasons of our own that choose an exit code of their own.
inline constexpr std::string_view kReasonDeclined = "DECLINED";      // "no" at a prompt
inline constexpr std::string_view kReasonWaitEnded = "WAIT_ENDED";   // our own --timeout
inline constexpr std::string_view kReasonNoHub = "HUB_UNREACHABLE";  // refused, TLS, DNS, no answer

[[nodiscard]] ExitCode exit_code_of(const Error& error);

}  // namespace kelpie::cli
