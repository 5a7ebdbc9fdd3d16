// kelpie release create, diff and verify: signing what a manifest says, and judging what somebody signed.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "hub/api/release_rules.h"
#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/plan_view.h"
#include "tools/kelpie/manifest/load.h"
#include "tools/kelpie/object.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/signing/registry.h"

namespace kelpie::cli {
namespace {

using google::protobuf::Struct;

Result<Manifests> load(Invocation& in) {
  if (!in.has("file")) {
    return fail({.code = Code::InvalidArgument,
                 .message = "release create needs -f",
                 .reason = {},
                 .hint = "kelpie release create -f release.yaml --sign-key operator/operator.key"});
  }
  LoadOptions options{.paths = in.values("file")};
  if (in.has("resolve")) {
    options.resolve = [&in](const std::string& ref) -> Result<std::string> {
      KELPIE_TRY(std::string digest, resolve_digest(ref));
      in.screen().note(fmt::format("resolved {}@{}", ref, digest));
      return digest;
    };
  }
  Problems problems;
  Manifests out = load_manifests(options, problems);
  for (const Problem& warning : problems.warnings()) {
    in.screen().note(
        fmt::format("{}:{}:{}: warning: {}", warning.file, warning.at.line, warning.at.column, warning.what));
  }
  if (!problems.empty()) return fail(error_of(problems));
  if (out.releases.empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("no Release in {}", fmt::join(options.paths, ", ")),
                 .reason = {},
                 .hint = "kelpie apply stores fleets"});
  }
  return out;
}

void add_release(std::vector<Block>& blocks, const ProvedRelease& proved) {
  blocks.emplace_back(Line{{release_ref(proved.release), Tone::Strong},
                           {fmt::format("   signed by {} ", fmt::join(proved.persons, ", "))},
                           {"✔", Tone::Good}});
  blocks.emplace_back(Line{{fmt::format("  digest  {}", proved.digest.hex())}});
  int number = 0;
  for (const v1::Step& step : proved.release.steps()) {
    blocks.emplace_back(Line{{fmt::format("  {}       {}", ++number, hub::sentence_of(step))}});
  }
  for (const std::string& danger : proved.dangers) {
    blocks.emplace_back(Line{{"  ! ", Tone::Warn}, {"dangerous: " + danger}});
  }
}

Result<View> run_create(Invocation& in) {
  KELPIE_TRY(const Manifests manifests, load(in));
  KELPIE_TRY(const Signer signer, open_signer(in));
  std::vector<std::string> frames;
  for (const ReleaseManifest& one : manifests.releases) {
    frames.push_back(signed_frame(wire::FrameType::Release, payload_of(one.release), signer));
  }
  if (in.has("save")) {
    if (frames.size() != 1) return fail(Code::InvalidArgument, "--save is for one release");
    KELPIE_TRY(write_new_file(in.value("save"), frames.front()));
  }
  // First all of them as a rehearsal: either every one is stored, or none.
  for (const bool is_dry_run : {true, false}) {
    if (!is_dry_run && in.has("dry-run")) break;
    for (const std::string& frame : frames) {
      api::v1::CreateReleaseRequest request;
      request.set_frame(frame);
      KELPIE_TRY(in.session().call<api::v1::Release>("CreateRelease", request, {.is_dry_run = is_dry_run}));
    }
  }
  std::vector<Block> blocks;
  std::vector<Struct> items;
  View view;
  for (const std::string& frame : frames) {
    KELPIE_TRY(const ProvedRelease proved, prove_release(frame, signer.trust));
    add_release(blocks, proved);
    const std::string ref = release_ref(proved.release);
    items.push_back(object_of("Created", {{"object", "release/" + ref}, {"digest", proved.digest.hex()}}));
    view.notes.push_back(in.has("dry-run") ? "nothing was changed"
                                           : fmt::format("kelpie rollout plan {} --fleet FLEET", ref));
  }
  std::vector<std::string> notes = std::move(view.notes);
  view = view_of(list_of("CreatedList", items), std::move(blocks));
  view.notes = std::move(notes);
  return view;
}

Result<View> run_diff(Invocation& in) {
  KELPIE_TRY(const wire::Trust trust, known_trust(in));
  KELPIE_TRY(const ProvedRelease from, fetch_release(in.session(), in.argument("FROM"), trust));
  KELPIE_TRY(const ProvedRelease to, fetch_release(in.session(), in.argument("TO"), trust));
  const std::vector<DiffLine> lines = release_diff(from.release, to.release);
  std::vector<Block> blocks;
  blocks.emplace_back(
      Line{{release_ref(from.release), Tone::Strong}, {" → "}, {release_ref(to.release), Tone::Strong}});
  Struct object = object_of("ReleaseDiff", {{"from", release_ref(from.release)}, {"to", release_ref(to.release)}});
  google::protobuf::ListValue& changes = *(*object.mutable_fields())["changes"].mutable_list_value();
  for (const DiffLine& line : lines) {
    blocks.emplace_back(diff_line(line, "  "));
    changes.add_values()->set_string_value(fmt::format("{} {} {}", line.sign, line.what, line.text));
  }
  if (lines.empty()) blocks.emplace_back(Line{{"  they ask devices for the same"}});
  View view = view_of(std::move(object), std::move(blocks));
  if (in.has("exit-code") && !lines.empty()) view.exit = ExitCode::Differences;
  return view;
}

/// A signed frame in a file, or a release at the hub; judged by the trust document beside the operator's key.
Result<View> run_verify(Invocation& in) {
  const std::string word = in.argument("FILE");
  Result<wire::Trust> trust = in.has("trust") ? read_trust_file(in.value("trust")) : known_trust(in);
  if (!trust) return fail(trust.error());
  const bool is_ref = word.find('@') != std::string::npos && word.find('/') == std::string::npos;
  Result<ProvedRelease> proved = fail(Code::Internal, "nothing was read");
  if (is_ref) {
    proved = fetch_release(in.session(), word, *trust);
  } else {
    KELPIE_TRY(const std::string frame, read_frame_file(word));
    proved = prove_release(frame, *trust);
  }
  if (!proved) return fail(proved.error());
  KELPIE_TRY(hub::check_release(proved->release));
  std::vector<Block> blocks;
  add_release(blocks, *proved);
  return view_of(object_of("VerifiedRelease", {{"release", release_ref(proved->release)},
                                               {"digest", proved->digest.hex()},
                                               {"signedBy", fmt::format("{}", fmt::join(proved->persons, ", "))},
                                               {"class", proved->dangers.empty() ? "change" : "dangerous"}}),
                 std::move(blocks));
}

}  // namespace

std::vector<Command> release_make_commands() {
  return {
      {.path = "release create",
       .summary = "Sign a release and store it at the hub",
       .flags = {kFileFlag,
                 {.name = "resolve", .what = "ask the registries for the digests of images that have none"},
                 {.name = "save",
                  .value = "FILE",
                  .what = "keep the signed release in a new file too, for release verify",
                  .completes = Completes::Files},
                 kDryRunFlag,
                 kSignKeyFlag,
                 kPassphraseFileFlag},
       .examples = {"kelpie release create -f release.yaml --sign-key operator/operator.key",
                    "kelpie release create -f release.yaml --resolve --dry-run"},
       .role = api::v1::OPERATOR,
       .run = run_create},
      {.path = "release diff",
       .summary = "Show what changes from one release to another",
       .arguments = {{.name = "FROM", .what = "name@version", .completes = Completes::Releases},
                     {.name = "TO", .what = "name@version", .completes = Completes::Releases}},
       .flags = {{.name = "exit-code", .what = "exit with 10 when something differs"}},
       .examples = {"kelpie release diff kiosk@1.3.2 kiosk@1.4.0"},
       .exits = {ExitCode::Done, ExitCode::Differences},
       .run = run_diff},
      {.path = "release verify",
       .summary = "Check who signed a release, and what it is",
       .arguments = {{.name = "FILE",
                      .what = "a signed frame in a file, or name@version at the hub",
                      .completes = Completes::Files}},
       .flags = {{.name = "trust",
                  .value = "FILE",
                  .what = "the trust document; the one beside the operator's key unless given",
                  .completes = Completes::Files}},
       .examples = {"kelpie release verify kiosk@1.4.0", "kelpie release verify kiosk.klp --trust operator/trust.klp"},
       .run = run_verify},
  };
}

}  // namespace kelpie::cli
