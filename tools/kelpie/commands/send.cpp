// kelpie command send: a release of one step, signed, planned and started in one go.
#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/planning.h"
#include "tools/kelpie/commands/rollout_view.h"
#include "tools/kelpie/commands/rollout_wait.h"
#include "tools/kelpie/confirm.h"
#include "tools/kelpie/manifest/load.h"
#include "tools/kelpie/names.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/signing/adhoc.h"
#include "tools/kelpie/signing/registry.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

const Verb* verb_named(std::string_view name) {
  for (const Verb& verb : verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

/// The words behind the verb: its argument first, when it has one; then devices.
Result<AdhocWish> wish_of(Invocation& in, std::vector<std::string>& devices) {
  SystemEntropy entropy;
  AdhocWish out{.verb = in.argument("VERB"),
                .argument = {},
                .args = in.values("arg"),
                .from = in.value("from"),
                .name = in.value("name"),
                .name_space = in.value("namespace"),
                .version = Ulid::make(SystemClock().wall(), entropy).text()};
  devices = in.arguments("TARGET");
  const Verb* verb = verb_named(out.verb);
  if (verb == nullptr || verb->argument.empty()) return out;
  if (devices.empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} needs {}", verb->name, verb->argument),
                 .reason = {},
                 .hint = fmt::format("kelpie command send {} {} DEVICE", verb->name, verb->argument)});
  }
  out.argument = devices.front();
  devices.erase(devices.begin());
  return out;
}

Result<void> check_flags(Invocation& in, const AdhocWish& wish) {
  struct Row {
    std::string_view flag;
    std::string_view verb;
  };
  for (const Row& row : {Row{"arg", "enable-addon"}, Row{"from", "preload-image"}, Row{"resolve", "preload-image"},
                         Row{"name", "deploy"}, Row{"namespace", "deploy"}}) {
    if (in.has(row.flag) && wish.verb != row.verb) {
      return fail(Code::InvalidArgument, fmt::format("--{} goes with {}, not with {}", row.flag, row.verb, wish.verb));
    }
  }
  return {};
}

Result<View> run_send(Invocation& in) {
  std::vector<std::string> words;
  KELPIE_TRY(const AdhocWish wish, wish_of(in, words));
  Sources sources{.read = read_manifest_file, .resolve = {}};
  if (in.has("resolve")) sources.resolve = resolve_digest;
  KELPIE_TRY(const v1::Release release, make_adhoc(wish, sources));
  KELPIE_TRY(check_flags(in, wish));
  KELPIE_TRY(const std::vector<std::string> devices, some_devices(in, words));
  KELPIE_TRY(const Signer signer, open_signer(in));
  const std::string payload = payload_of(release);
  const std::string frame = signed_frame(wire::FrameType::Release, payload, signer);
  KELPIE_TRY(const ProvedRelease proved, prove_release(frame, signer.trust));
  const std::string what = words_of(wish);
  if (!in.has("dry-run") && (devices.size() > 1 || !proved.dangers.empty())) {
    const std::string risk = proved.dangers.empty() ? "" : fmt::format(" (dangerous: {})", proved.dangers.front());
    KELPIE_TRY(confirm(in, fmt::format("{}{} on {}", what, risk, counted(devices.size(), "device")), devices.size()));
  }
  api::v1::CreateReleaseRequest create;
  create.set_frame(frame);
  KELPIE_TRY(api::v1::Release stored,
             in.session().call<api::v1::Release>("CreateRelease", create, {.is_dry_run = in.has("dry-run")}));
  if (in.has("dry-run")) {
    View view = view_of(std::move(stored), {Line{{fmt::format("{} on {}", what, counted(devices.size(), "device"))}}});
    view.notes = warnings_of(wish);
    view.notes.emplace_back("nothing was changed");
    return view;
  }
  KELPIE_TRY(api::v1::Rollout rollout,
             start_adhoc(in, proved, devices, signer, {.reason = in.value("reason"), .verb = what}));
  if (in.has("wait")) return watch_rollout(in, rollout.metadata().id());
  const std::string id = rollout.metadata().id();
  View view = show_rollout(std::move(rollout),
                           {.now = SystemClock().wall(), .width = in.screen().width(), .is_watched = false});
  const std::vector<std::string> warnings = warnings_of(wish);
  view.notes.insert(view.notes.end(), warnings.begin(), warnings.end());
  view.notes.push_back(fmt::format("kelpie command wait {}", id));
  return view;
}

std::string verb_lines() {
  std::string out = "Verbs:";
  for (const Verb& verb : verbs()) {
    out.append(fmt::format("\n  {:<24} {}", fmt::format("{} {}", verb.name, verb.argument), verb.what));
  }
  return out;
}

}  // namespace

std::vector<Command> send_commands() {
  static const std::string words = verb_lines();
  return {{.path = "command send",
           .summary = "Have devices do one thing, now",
           .details = words,
           .arguments = {{.name = "VERB", .what = "install, start, stop, enable-addon, … as below"},
                         {.name = "TARGET",
                          .what = "the verb's argument, if it has one; then devices",
                          .count = Count::Any,
                          .completes = Completes::Devices}},
           .flags = {kSelectorFlag,
                     kWhereFlag,
                     {.name = "arg", .value = "WORD", .what = "an argument of the add-on", .is_repeated = true},
                     {.name = "from", .value = "IMAGE", .what = "pull the image from there"},
                     {.name = "resolve", .what = "ask the registry for the image's digest"},
                     {.name = "name", .value = "NAME", .what = "of the workload; the file's name unless given"},
                     {.name = "namespace", .value = "NAME", .what = "of the workload; default unless given"},
                     kSignKeyFlag,
                     kPassphraseFileFlag,
                     kReasonFlag,
                     kDryRunFlag,
                     kWaitFlag},
           .examples = {"kelpie command send enable-addon dns pi-07 --wait",
                        "kelpie command send install 1.32/stable -l site=turin --reason 'new shop'",
                        "kelpie command send renew-certs -l site=turin", "kelpie command send inspect pi-07"},
           .exits = {ExitCode::Done, ExitCode::Bad, ExitCode::Paused, ExitCode::Tolerated, ExitCode::EndedOnPurpose},
           .role = api::v1::OPERATOR,
           .run = run_send}};
}

}  // namespace kelpie::cli
