// kelpie validate, diff and apply: manifests against the hub. Nothing is changed while anything is wrong, and nothing
// starts by itself (rule R28).
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "tools/kelpie/commands.h"
#include "tools/kelpie/commands/plan_view.h"
#include "tools/kelpie/manifest/json_schema.h"
#include "tools/kelpie/manifest/load.h"
#include "tools/kelpie/object.h"
#include "tools/kelpie/sign.h"
#include "tools/kelpie/signing/fleet_diff.h"
#include "tools/kelpie/words.h"

namespace kelpie::cli {
namespace {

using google::protobuf::Struct;

constexpr Flag kRecursiveFlag{.name = "recursive", .letter = 'R', .what = "folders in folders too"};

/// What -f names, whole and valid. Errors: InvalidArgument with every problem.
Result<Manifests> load(Invocation& in) {
  const std::vector<std::string> paths = in.values("file");
  if (paths.empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} needs -f", in.command().path),
                 .reason = {},
                 .hint = fmt::format("kelpie {} -f deploy/examples/kiosk", in.command().path)});
  }
  Problems problems;
  Manifests out = load_manifests({.paths = paths, .is_recursive = in.has("recursive")}, problems);
  for (const Problem& warning : problems.warnings()) {
    in.screen().note(
        fmt::format("{}:{}:{}: warning: {}", warning.file, warning.at.line, warning.at.column, warning.what));
  }
  if (!problems.empty()) return fail(error_of(problems));
  return out;
}

/// One manifest beside what the hub has.
struct Compared {
  std::string object;  // release/kiosk@1.4.0
  std::string state;   // new, changed, unchanged
  std::vector<DiffLine> lines;
  std::uint32_t revision = 0;  // of a fleet that is there
};

Result<std::optional<api::v1::Release>> release_at_hub(Session& session, const std::string& ref) {
  api::v1::Named request;
  request.set_name(ref);
  Result<api::v1::Release> found = session.call<api::v1::Release>("GetRelease", request);
  if (found) return std::optional(std::move(*found));
  if (found.error().code != Code::NotFound) return fail(found.error());
  return std::optional<api::v1::Release>();
}

Result<Compared> compare(Session& session, const v1::Release& release, const wire::Trust& trust) {
  Compared out{.object = "release/" + release_ref(release), .state = "unchanged", .lines = {}};
  KELPIE_TRY(const std::optional<api::v1::Release> known, release_at_hub(session, release_ref(release)));
  if (!known) {
    out.state = "new";
    out.lines = release_diff(v1::Release(), release);
  } else if (known->metadata().id() != blake2b_256(payload_of(release)).hex()) {
    KELPIE_TRY(const ProvedRelease before, prove_release(known->spec().frame(), trust));
    out.state = "changed";
    out.lines = release_diff(before.release, release);
  }
  return out;
}

Result<Compared> compare(Session& session, const api::v1::ApplyFleetRequest& fleet) {
  Compared out{.object = "fleet/" + fleet.name(), .state = "unchanged", .lines = {}};
  api::v1::Named request;
  request.set_name(fleet.name());
  const Result<api::v1::Fleet> known = session.call<api::v1::Fleet>("GetFleet", request);
  if (!known && known.error().code != Code::NotFound) return fail(known.error());
  if (known) out.revision = known->metadata().revision();
  KELPIE_TRY(out.lines, fleet_diff(known ? known->spec() : api::v1::FleetSpec(), fleet.spec()));
  if (!known) {
    out.state = "new";
  } else if (!out.lines.empty()) {
    out.state = "changed";
  }
  return out;
}

Struct object_of_compared(const Compared& one) {
  Struct out = object_of("ManifestDiff", {{"object", one.object}, {"state", one.state}});
  google::protobuf::ListValue& lines = *(*out.mutable_fields())["changes"].mutable_list_value();
  for (const DiffLine& line : one.lines) {
    lines.add_values()->set_string_value(fmt::format("{} {} {}", line.sign, line.what, line.text));
  }
  return out;
}

Line state_line(const Compared& one) {
  const Tone tone = one.state == "new" ? Tone::Good : one.state == "changed" ? Tone::Warn : Tone::Faint;
  return {{fmt::format("{:<10}", one.state), tone}, {one.object, Tone::Strong}};
}

Result<View> run_validate(Invocation& in) {
  KELPIE_TRY(const Manifests manifests, load(in));
  std::vector<Block> blocks;
  std::vector<Struct> items;
  for (const ReleaseManifest& one : manifests.releases) {
    const std::size_t bytes = payload_of(one.release).size();
    blocks.emplace_back(
        Line{{"valid     ", Tone::Good},
             {fmt::format("release/{}   {} of {} bytes", release_ref(one.release), bytes, kReleaseBytesMax)}});
    items.push_back(object_of("Validation", {{"object", "release/" + release_ref(one.release)}, {"file", one.file}}));
  }
  for (const FleetManifest& one : manifests.fleets) {
    blocks.emplace_back(Line{{"valid     ", Tone::Good}, {"fleet/" + one.request.name()}});
    items.push_back(object_of("Validation", {{"object", "fleet/" + one.request.name()}, {"file", one.file}}));
  }
  return view_of(list_of("ValidationList", items), std::move(blocks));
}

Result<View> run_diff(Invocation& in) {
  KELPIE_TRY(const Manifests manifests, load(in));
  KELPIE_TRY(const wire::Trust trust, known_trust(in));
  std::vector<Compared> all;
  for (const ReleaseManifest& one : manifests.releases) {
    KELPIE_TRY(Compared compared, compare(in.session(), one.release, trust));
    all.push_back(std::move(compared));
  }
  for (const FleetManifest& one : manifests.fleets) {
    KELPIE_TRY(Compared compared, compare(in.session(), one.request));
    all.push_back(std::move(compared));
  }
  std::vector<Block> blocks;
  std::vector<Struct> items;
  bool is_different = false;
  for (const Compared& one : all) {
    is_different = is_different || one.state != "unchanged";
    blocks.emplace_back(state_line(one));
    for (const DiffLine& line : one.lines) blocks.emplace_back(diff_line(line, "  "));
    items.push_back(object_of_compared(one));
  }
  View view = view_of(list_of("ManifestDiffList", items), std::move(blocks));
  if (in.has("exit-code") && is_different) view.exit = ExitCode::Differences;
  return view;
}

/// Everything that apply does, in the order in which it does it.
class Applying {
 public:
  explicit Applying(Invocation& in) : in_(in) {}

  Result<void> compare_all(const Manifests& manifests) {
    KELPIE_TRY(trust_, known_trust(in_));
    for (const ReleaseManifest& one : manifests.releases) {
      KELPIE_TRY(Compared compared, compare(in_.session(), one.release, trust_));
      if (compared.state == "changed") {
        return fail({.code = Code::Conflict,
                     .message = fmt::format("{}:{}:{}: {} is at the hub with other content; releases never change\n"
                                            "1 problem, nothing was changed",
                                            one.file, one.at.line, one.at.column, compared.object),
                     .reason = "RELEASE_EXISTS",
                     .hint = fmt::format("give it another version; kelpie diff -f {} shows what differs", one.file)});
      }
      if (compared.state == "new") fresh_.insert(release_ref(one.release));
      releases_.push_back(std::move(compared));
    }
    for (const FleetManifest& one : manifests.fleets) {
      KELPIE_TRY(Compared compared, compare(in_.session(), one.request));
      fleets_.push_back(std::move(compared));
    }
    return {};
  }

  Result<void> sign(const Manifests& manifests) {
    if (fresh_.empty()) return {};
    KELPIE_TRY(const Signer signer, open_signer(in_));
    for (const ReleaseManifest& one : manifests.releases) {
      if (!fresh_.contains(release_ref(one.release))) continue;
      frames_.push_back(signed_frame(wire::FrameType::Release, payload_of(one.release), signer));
    }
    return {};
  }

  /// With is_dry_run the hub only checks; a fleet whose release is not there yet cannot be checked.
  Result<void> send(const Manifests& manifests, bool is_dry_run) {
    for (const std::string& frame : frames_) {
      api::v1::CreateReleaseRequest request;
      request.set_frame(frame);
      KELPIE_TRY(in_.session().call<api::v1::Release>("CreateRelease", request, {.is_dry_run = is_dry_run}));
    }
    for (std::size_t i = 0; i < manifests.fleets.size(); ++i) {
      api::v1::ApplyFleetRequest request = manifests.fleets[i].request;
      if (fleets_[i].state == "unchanged") continue;
      // Rehearsed, the new release is not at the hub; all else of the fleet can be judged, before anything is stored.
      if (is_dry_run && fresh_.contains(request.spec().release())) request.mutable_spec()->clear_release();
      CallOptions options{.is_dry_run = is_dry_run};
      if (fleets_[i].revision != 0) options.if_revision = fleets_[i].revision;
      KELPIE_TRY(in_.session().call<api::v1::Fleet>("ApplyFleet", request, options));
    }
    return {};
  }

  /// The plans that the changed fleets now need; a fleet without devices needs none.
  Result<void> plan(const Manifests& manifests) {
    for (std::size_t i = 0; i < manifests.fleets.size(); ++i) {
      const api::v1::ApplyFleetRequest& fleet = manifests.fleets[i].request;
      if (fleets_[i].state == "unchanged" || fleet.spec().release().empty()) continue;
      api::v1::MakePlanRequest request;
      request.set_fleet(fleet.name());
      const Result<api::v1::Plan> plan = in_.session().call<api::v1::Plan>("MakePlan", request);
      if (!plan) {
        notes_.push_back(fmt::format("no plan for {}: {}", fleet.name(), plan.error().message));
        continue;
      }
      KELPIE_TRY(const PlanSight sight, look_at_plan(in_, *plan, trust_));
      const std::string& id = plan->metadata().id();
      blocks_.emplace_back(Line{});
      for (Block& block : plan_blocks(sight)) blocks_.push_back(std::move(block));
      blocks_.emplace_back(Line{{fmt::format("Plan {} for {} saved.   ", id, fleet.name())},
                                {fmt::format("kelpie rollout start {}", id), Tone::Strong}});
      items_.push_back(object_of("Applied", {{"object", "plan/" + id}, {"state", "new"}, {"fleet", fleet.name()}}));
    }
    return {};
  }

  View view() {
    std::vector<Block> blocks;
    std::vector<Struct> items;
    for (const std::vector<Compared>* some : {&releases_, &fleets_}) {
      for (const Compared& one : *some) {
        blocks.emplace_back(state_line(one));
        items.push_back(object_of("Applied", {{"object", one.object}, {"state", one.state}}));
      }
    }
    std::move(blocks_.begin(), blocks_.end(), std::back_inserter(blocks));
    std::move(items_.begin(), items_.end(), std::back_inserter(items));
    View out = view_of(list_of("AppliedList", items), std::move(blocks));
    out.notes = std::move(notes_);
    return out;
  }

  std::vector<std::string>& notes() { return notes_; }

 private:
  Invocation& in_;
  wire::Trust trust_;
  std::vector<Compared> releases_;
  std::vector<Compared> fleets_;
  std::set<std::string> fresh_;  // releases that the hub has not
  std::vector<std::string> frames_;
  std::vector<Block> blocks_;
  std::vector<Struct> items_;
  std::vector<std::string> notes_;
};

Result<View> run_apply(Invocation& in) {
  KELPIE_TRY(const Manifests manifests, load(in));
  Applying applying(in);
  KELPIE_TRY(applying.compare_all(manifests));
  KELPIE_TRY(applying.sign(manifests));
  KELPIE_TRY(applying.send(manifests, true));
  if (in.has("dry-run")) {
    applying.notes().emplace_back("nothing was changed");
    return applying.view();
  }
  KELPIE_TRY(applying.send(manifests, false));
  KELPIE_TRY(applying.plan(manifests));
  return applying.view();
}

Result<View> run_schema(Invocation& in) {
  KELPIE_TRY(const std::string text, json_schema_of(in.argument("PATH")));
  return text_view("Schema", "schema", text);
}

}  // namespace

std::vector<Command> manifest_commands() {
  return {
      {.path = "apply",
       .summary = "Store manifests and show the plans they lead to",
       .details =
           "New releases are signed. Nothing starts by itself: each plan is printed with the line that starts it.",
       .flags = {kFileFlag, kRecursiveFlag, kDryRunFlag, kSignKeyFlag, kPassphraseFileFlag},
       .examples = {"kelpie apply -f deploy/examples/kiosk --sign-key operator/operator.key",
                    "kelpie apply -f fleet.yaml --dry-run"},
       .role = api::v1::OPERATOR,
       .run = run_apply},
      {.path = "diff",
       .summary = "Show what apply would change at the hub",
       .flags = {kFileFlag, kRecursiveFlag, {.name = "exit-code", .what = "exit with 10 when something differs"}},
       .examples = {"kelpie diff -f deploy/examples/kiosk", "kelpie diff -f fleet.yaml --exit-code"},
       .exits = {ExitCode::Done, ExitCode::Differences},
       .run = run_diff},
      {.path = "validate",
       .summary = "Check manifests without a hub",
       .details = "Every problem is told with its line and column, all of them at once.",
       .flags = {kFileFlag, kRecursiveFlag},
       .examples = {"kelpie validate -f deploy/examples/kiosk", "kelpie validate -f -"},
       .role = api::v1::ROLE_UNSPECIFIED,
       .run = run_validate},
      {.path = "schema",
       .summary = "Print the JSON Schema of a kind of manifest, or of a part of it",
       .details = "That of release.addons also lists every add-on: which are taken and with which arguments, which are "
                  "refused and why.",
       .arguments = {{.name = "PATH", .what = "release, fleet, or a part: fleet.policy.waves"}},
       .examples = {"kelpie schema release", "kelpie schema release.addons", "kelpie schema fleet.policy.waves"},
       .role = api::v1::ROLE_UNSPECIFIED,
       .run = run_schema},
  };
}

}  // namespace kelpie::cli
