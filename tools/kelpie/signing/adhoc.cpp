#include "tools/kelpie/signing/adhoc.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "hub/api/release_rules.h"
#include "hub/core/policy.h"
#include "proto/base/ids.h"
#include "tools/kelpie/manifest/addons.h"
#include "tools/kelpie/manifest/kubernetes.h"
#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

constexpr std::array<Verb, 11> kVerbs = {{
    {"install", "CHANNEL", "install MicroK8s, or refresh it to a channel: 1.32/stable"},
    {"start", "", "start MicroK8s, wait until the node is ready"},
    {"stop", "", "stop MicroK8s; it stays stopped over reboots"},
    {"enable-addon", "ADDON", "enable a core add-on; arguments with --arg"},
    {"disable-addon", "ADDON", "disable a core add-on"},
    {"preload-image", "IMAGE", "pull an image by its digest and pin it; from a mirror with --from"},
    {"deploy", "FILE", "apply Kubernetes manifests and prove them ready"},
    {"remove", "WORKLOAD", "delete a workload that Kelpie deployed"},
    {"renew-certs", "", "renew MicroK8s' certificates that end within 30 days"},
    {"snapshot", "", "copy the datastore on the device; two copies are kept"},
    {"inspect", "", "look at everything, change nothing"},
}};

tl::unexpected<Error> wrong(std::string message) {
  return fail(Code::InvalidArgument, std::move(message));
}

Result<void> add_addon(const AdhocWish& wish, bool is_absent, v1::Release& out) {
  AddonVerdict verdict = judge_addon({.name = wish.argument, .args = wish.args, .is_absent = is_absent}, std::nullopt);
  if (!verdict.trouble.empty()) return wrong(std::move(verdict.trouble));
  v1::Addon& addon = *out.add_steps()->mutable_addons()->add_addons();
  addon.set_name(verdict.addon.name);
  addon.set_absent(verdict.addon.is_absent);
  for (const std::string& arg : verdict.addon.args) addon.add_args(arg);
  return {};
}

Result<void> add_image(const AdhocWish& wish, const Sources& sources, v1::Release& out) {
  KELPIE_TRY(ImageName name, parse_image(wish.argument));
  ImageName source;
  if (!wish.from.empty()) {
    KELPIE_TRY(source, parse_image(wish.from));
  }
  if (name.digest.empty()) name.digest = source.digest;
  const std::string& asked = source.ref.empty() ? name.ref : source.ref;
  if (name.digest.empty() && sources.resolve) {
    KELPIE_TRY(name.digest, sources.resolve(asked));
  }
  if (name.digest.empty()) {
    return fail({.code = Code::InvalidArgument,
                 .message = fmt::format("{} has no digest and could change after it was signed", asked),
                 .reason = {},
                 .hint = fmt::format("write {}@sha256:…, or let the registry say it: --resolve", asked)});
  }
  v1::Image& image = *out.add_steps()->mutable_images()->add_images();
  image.set_ref(name.ref);
  image.set_digest(name.digest);
  image.set_from(source.ref);
  return {};
}

/// k8s/Kiosk_1.yaml → kiosk-1
std::string name_of_file(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  std::string_view stem = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  stem = stem.substr(0, stem.find('.'));
  std::string out;
  for (const char c : stem) {
    const bool is_fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    out.push_back(is_fine ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-');
  }
  return out;
}

Result<void> add_deploy(const AdhocWish& wish, const Sources& sources, v1::Release& out) {
  const std::string name = wish.name.empty() ? name_of_file(wish.argument) : wish.name;
  const std::string name_space = wish.name_space.empty() ? "default" : wish.name_space;
  if (!is_name(name)) return wrong(fmt::format("\"{}\" is not a name for a workload: give one with --name", name));
  KELPIE_TRY(const std::string text, sources.read(wish.argument));
  Problems problems;
  Report report(wish.argument, problems);
  std::vector<KubernetesFile> files;
  std::vector<YamlNode> documents = parse_yaml(text, report);
  files.push_back({.documents = std::move(documents), .report = report});
  RenderedWorkload rendered = render_objects(files, name_space);
  if (!problems.empty()) return fail(error_of(problems));
  v1::Workload& workload = *out.add_steps()->mutable_deploy()->add_workloads();
  workload.set_name(name);
  workload.set_namespace_(name_space);
  workload.set_manifest(std::move(rendered.manifest));
  out.add_checks()->mutable_workload_ready()->set_workload(name);
  return {};
}

constexpr std::uint32_t kRenewBefore = 30 * 86'400;  // as manifests have it

Result<void> add_step(const AdhocWish& wish, const Sources& sources, v1::Release& out) {
  if (wish.verb == "install") {
    KELPIE_TRY(const Channel channel, parse_channel(wish.argument));
    out.add_steps()->mutable_certs()->set_renew_before_s(kRenewBefore);
    out.add_steps()->mutable_snapshot();
    v1::InstallStep& install = *out.add_steps()->mutable_install();
    install.set_channel(to_string(channel));
    install.set_hold(true);
    out.add_steps()->mutable_start();
    out.add_checks()->mutable_node_ready();
  } else if (wish.verb == "start") {
    // One whose certificates ended while it was stopped would never get ready.
    out.add_steps()->mutable_certs()->set_renew_before_s(kRenewBefore);
    out.add_steps()->mutable_start();
    out.add_checks()->mutable_node_ready();
  } else if (wish.verb == "stop") {
    out.add_steps()->mutable_stop();
  } else if (wish.verb == "renew-certs") {
    out.add_steps()->mutable_certs()->set_renew_before_s(kRenewBefore);
  } else if (wish.verb == "snapshot") {
    out.add_steps()->mutable_snapshot();
  } else if (wish.verb == "inspect") {
    out.add_steps()->mutable_inspect()->set_archive(wish.wants_archive);
  } else if (wish.verb == "enable-addon" || wish.verb == "disable-addon") {
    return add_addon(wish, wish.verb == "disable-addon", out);
  } else if (wish.verb == "preload-image") {
    return add_image(wish, sources, out);
  } else if (wish.verb == "deploy") {
    return add_deploy(wish, sources, out);
  } else {
    out.add_steps()->mutable_remove()->add_workloads(wish.argument);
  }
  return {};
}

}  // namespace

std::span<const Verb> verbs() {
  return kVerbs;
}

Result<v1::Release> make_adhoc(const AdhocWish& wish, const Sources& sources) {
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& one) { return one.name == wish.verb; });
  if (verb == kVerbs.end()) {
    std::vector<std::string> names;
    names.reserve(kVerbs.size());
    for (const Verb& one : kVerbs) names.emplace_back(one.name);
    return wrong(fmt::format("there is no verb \"{}\"{}. Verbs: {}", wish.verb, did_you_mean(wish.verb, names),
                             fmt::join(names, ", ")));
  }
  v1::Release out;
  out.set_schema(1);
  out.set_name(wish.verb);
  out.set_version(wish.version);
  out.set_scope("adhoc");
  KELPIE_TRY(add_step(wish, sources, out));
  KELPIE_TRY(hub::check_release(out));  // what is not said better above
  const std::size_t bytes = payload_of(out).size();
  if (bytes > kReleaseBytesMax) {
    return wrong(
        fmt::format("{} takes {} bytes, at most {} can be sent to a device", words_of(wish), bytes, kReleaseBytesMax));
  }
  return out;
}

std::vector<std::string> warnings_of(const AdhocWish& wish) {
  if (wish.verb != "enable-addon" && wish.verb != "disable-addon") return {};
  const bool is_absent = wish.verb == "disable-addon";
  return judge_addon({.name = wish.argument, .args = wish.args, .is_absent = is_absent}, std::nullopt).warnings;
}

std::string words_of(const AdhocWish& wish) {
  std::string out = wish.verb;
  if (!wish.argument.empty()) out.append(" ").append(wish.argument);
  for (const std::string& arg : wish.args) out.append(" ").append(arg);
  return out;
}

api::v1::Policy adhoc_policy() {
  api::v1::Policy out;
  api::v1::Wave& wave = *out.add_waves();
  wave.set_name("all");
  wave.set_up_to_basis_points(hub::kBasisPoints);
  wave.mutable_soak()->set_seconds(0);
  out.mutable_thresholds()->set_failure_basis_points(0);
  out.mutable_thresholds()->set_deferred_basis_points(0);
  out.mutable_thresholds()->set_min_successes(1);
  out.set_on_fail("abort");
  return out;
}

}  // namespace kelpie::cli
