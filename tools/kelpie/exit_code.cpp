#include "tools/kelpie/exit_code.h"

#include <array>

namespace kelpie::cli {
namespace {

constexpr std::array kRows{
    ExitRow{ExitCode::Done, "done, and the result is good", "rollout succeeded; list printed"},
    ExitRow{ExitCode::Bad, "ran, and the result is bad", "rollout aborted by a limit; command failed on the device"},
    ExitRow{ExitCode::Usage, "you asked wrongly", "unknown flag; invalid manifest; prompt needed without a terminal"},
    ExitRow{ExitCode::NotFound, "no such thing", "device, fleet, release or rollout unknown"},
    ExitRow{ExitCode::NotAllowed, "not allowed", "no token or an expired one; role too low"},
    ExitRow{ExitCode::Conflict, "state conflict", "stale plan; changed by somebody else; rollout already ended"},
    ExitRow{ExitCode::Unreachable, "hub unreachable", "refused; no such socket; TLS; DNS"},
    ExitRow{ExitCode::Paused, "stopped waiting: it is paused", "failure limit, unless --through-pause"},
    ExitRow{ExitCode::Tolerated, "finished with tolerated failures or skipped devices",
            "also status --exit-code with something that needs attention"},
    ExitRow{ExitCode::EndedOnPurpose, "ended on purpose before its end", "aborted by a person; \"no\" at a prompt"},
    ExitRow{ExitCode::Differences, "differences exist", "diff --exit-code"},
    ExitRow{ExitCode::OurBug, "our bug", "an answer that cannot be; please report it"},
    ExitRow{ExitCode::TimedOut, "our --timeout ran out", "the work on the hub goes on"},
    ExitRow{ExitCode::Interrupted, "Ctrl-C", "the work on the hub goes on"},
};

struct ReasonExit {
  std::string_view reason;
  ExitCode code;
};
constexpr std::array kReasonExits{
    ReasonExit{kReasonDeclined, ExitCode::EndedOnPurpose},
    ReasonExit{kReasonWaitEnded, ExitCode::TimedOut},
    ReasonExit{kReasonNoHub, ExitCode::Unreachable},
};

}  // namespace

std::span<const ExitRow> exit_codes() {
  return kRows;
}

ExitCode exit_code_of(const Error& error) {
  for (const ReasonExit& row : kReasonExits) {
    if (row.reason == error.reason) return row.code;
  }
  switch (error.code) {
    case Code::InvalidArgument:
    case Code::NotSupported: return ExitCode::Usage;
    case Code::NotFound: return ExitCode::NotFound;
    case Code::PermissionDenied: return ExitCode::NotAllowed;
    case Code::AlreadyExists:
    case Code::FailedPrecondition:
    case Code::Conflict:
    case Code::ResourceExhausted: return ExitCode::Conflict;
    case Code::Unavailable:  // what is ours, a file that cannot be written, bears no reason of the hub's
      return error.reason.empty() ? ExitCode::Bad : ExitCode::Unreachable;
    case Code::DeadlineExceeded: return ExitCode::Unreachable;  // the hub's own limit: it did not answer in time
    case Code::DataLoss: return ExitCode::Bad;
    case Code::Internal: return ExitCode::OurBug;
  }
  return ExitCode::OurBug;
}

}  // namespace kelpie::cli
