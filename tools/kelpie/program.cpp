#include "tools/kelpie/program.h"

#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/confirm.h"
#include "tools/kelpie/help.h"
#include "tools/kelpie/parse.h"

namespace kelpie::cli {
namespace {

/// What the hub refused, or the same form for an error of our own.
api::v1::Problem problem_of(const Error& error, const Session* session) {
  const bool is_refusal = session != nullptr && session->refused() && session->refused()->message() == error.message;
  if (is_refusal) return *session->refused();
  api::v1::Problem out;
  out.set_code(std::string(to_string(error.code)));
  out.set_reason(error.reason);
  out.set_message(error.message);
  out.set_hint(error.hint);
  if (session != nullptr) out.set_request_id(session->request_id());
  return out;
}

int fail_with(Screen& screen, const Error& error, const Session* session = nullptr) {
  const ExitCode code = exit_code_of(error);
  const api::v1::Problem problem = problem_of(error, session);
  screen.fail_with(error, problem);
  if (code == ExitCode::OurBug) {
    screen.note(fmt::format("  this is a bug of kelpie {}; please report it with request {}", KELPIE_VERSION,
                            problem.request_id().empty() ? "-" : problem.request_id()));
  }
  return static_cast<int>(code);
}

Result<View> run_command(const Command& command, Invocation& invocation) {
  KELPIE_TRY(confirm_change(invocation));
  return command.run(invocation);
}

}  // namespace

int run_program(const std::vector<std::string>& arguments) {
  const std::vector<Command> commands = all_commands();
  Result<Parsed> parsed = parse(commands, arguments);
  Result<Settings> settings = parsed ? read_settings(parsed->typed) : Result<Settings>(Settings{});
  const Settings hasty = settings_for_errors(arguments);
  // --help ends the parser's work: of flags behind it only these are known.
  Screen screen(parsed && settings && !parsed->is_help ? *settings : hasty);
  if (!parsed) return fail_with(screen, parsed.error());
  if (!settings) return fail_with(screen, settings.error());
  Session session(*settings, screen);
  Result<View> view = fail(Code::Internal, "nothing ran");
  if (parsed->is_help) {
    view = help_for(commands, parsed->help_for);
  } else {
    Invocation invocation(*parsed->command, std::move(parsed->typed), *settings, session, screen);
    view = run_command(*parsed->command, invocation);
  }
  if (!view) return fail_with(screen, view.error(), &session);
  const ExitCode exit = view->exit;
  const Result<void> shown = screen.show(std::move(*view));
  if (!shown) return fail_with(screen, shown.error(), &session);
  if (const Result<void> written = screen.written(); !written) return fail_with(screen, written.error(), &session);
  return static_cast<int>(exit);
}

}  // namespace kelpie::cli
