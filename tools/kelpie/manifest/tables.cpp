#include "tools/kelpie/manifest/tables.h"

#include <algorithm>
#include <array>

namespace kelpie::cli {
namespace {

using Words = std::string_view;

// ---- Release --------------------------------------------------------------------------------------------------------
constexpr std::array<Words, 3> kExposures = {"ClusterIP", "NodePort", "LoadBalancer"};
constexpr std::array<Words, 2> kStates = {"present", "absent"};
constexpr std::array<Words, 1> kPlainChecks = {"node-ready"};
constexpr std::array<Words, 1> kReleaseKind = {"Release"};
constexpr std::array<Words, 1> kFleetKind = {"Fleet"};

constexpr std::array<Field, 3> kSnapFile = {{
    {.name = "name", .what = "snapd, the base of the track (core20 of 1.32), microk8s", .is_required = true},
    {.name = "snap", .what = "sha256:… of the .snap file that `snap download` makes", .is_required = true},
    {.name = "assertions", .what = "sha256:… of the .assert file beside it", .is_required = true},
}};
constexpr std::array<Field, 3> kMicrok8s = {{
    {.name = "channel",
     .what = "snap channel: track/risk, 1.32/stable (classic) or 1.32-strict/stable",
     .is_required = true},
    {.name = "hold", .form = Form::Flag, .what = "hold automatic refreshes; true unless given"},
    {.name = "files",
     .form = Form::List,
     .what = "without the store: snaps that lie in the device's artifacts folder, each named by its sha256",
     .fields = kSnapFile,
     .item = Form::Map},
}};

constexpr std::array<Field, 3> kAddon = {{
    {.name = "name",
     .what = "of the core repository: dns, hostpath-storage, ingress, …; all: kelpie schema release.addons",
     .is_required = true},
    {.name = "args", .form = Form::List, .what = "each on its own: [--size=20Gi]", .item = Form::Text},
    {.name = "state", .form = Form::Choice, .what = "absent disables it; present unless given", .choices = kStates},
}};

constexpr std::array<Words, 3> kAlsoCa = {"skip_verify", "skipVerify", "insecure"};
constexpr std::array<Words, 1> kAlsoOverridePath = {"override_path"};
constexpr std::array<Field, 4> kMirrorHost = {{
    {.name = "url", .what = "http://mirror.site:5000", .is_required = true},
    {.name = "capabilities", .form = Form::List, .what = "pull, resolve; both unless given", .item = Form::Text},
    {.name = "overridePath",
     .form = Form::Flag,
     .what = "the url's path is the whole prefix, without /v2",
     .also = kAlsoOverridePath},
    {.name = "ca", .what = "a file beside this one: PEM of who may sign the mirror's certificate", .also = kAlsoCa},
}};
constexpr std::array<Words, 3> kAlsoMirrorHosts = {"endpoints", "endpoint", "mirrors"};
constexpr std::array<Field, 3> kMirror = {{
    {.name = "registry", .what = "as in image names: docker.io, registry.k8s.io", .is_required = true},
    {.name = "hosts",
     .form = Form::List,
     .what = "asked in this order: [http://mirror.site:5000]",
     .is_required = true,
     .fields = kMirrorHost,
     .item = Form::TextOrMap,
     .also = kAlsoMirrorHosts},
    {.name = "server", .what = "asked last; the registry itself unless given: name a mirror where no way leads there"},
}};

constexpr std::array<Field, 5> kImage = {{
    {.name = "ref",
     .what = "the full name Kubernetes asks for: docker.io/library/nginx:1.27@sha256:…",
     .is_required = true},
    {.name = "from", .what = "pulled from there and tagged to ref: mirror.example/nginx:1.27"},
    {.name = "digest", .what = "sha256:… of the image; may stand behind ref or from instead"},
    {.name = "archive", .what = "sha256:… of an image archive that lies on the device: imported instead of pulled"},
    {.name = "size", .form = Form::Size, .what = "compressed, of the image: three times as much must be free"},
}};

constexpr std::array<Words, 2> kAlsoManifest = {"file", "manifests"};
constexpr std::array<Words, 3> kAlsoExpose = {"service", "type", "nodePort=expose: NodePort"};
constexpr std::array<Field, 6> kWorkload = {{
    {.name = "name", .form = Form::Name, .what = "what Kelpie calls it", .is_required = true},
    {.name = "namespace", .form = Form::Name, .what = "default unless given"},
    {.name = "manifest",
     .form = Form::TextOrTexts,
     .what = "Kubernetes manifests, paths beside this file",
     .also = kAlsoManifest},
    {.name = "image", .what = "instead of manifest: one container of this image, as a Deployment"},
    {.name = "port", .form = Form::Count, .what = "with image: the container's port, behind a Service"},
    {.name = "expose",
     .form = Form::Choice,
     .what = "with port: the Service's type; ClusterIP unless given",
     .choices = kExposures,
     .also = kAlsoExpose},
}};

constexpr std::array<Field, 6> kCheck = {{
    {.name = "workload-ready", .form = Form::Name, .what = "a workload of this release has all its pods ready"},
    {.name = "within", .form = Form::Duration, .what = "5m unless given"},
    {.name = "http", .form = Form::NotYet, .what = "checks over HTTP"},
    {.name = "port", .form = Form::NotYet, .what = "checks over HTTP"},
    {.name = "consecutive", .form = Form::NotYet, .what = "checks over HTTP"},
    {.name = "metric", .form = Form::NotYet, .what = "checks by metrics"},
}};

constexpr std::array<Field, 3> kPreflight = {{
    {.name = "disk", .form = Form::Size, .what = "free space below which nothing is begun: 2GiB"},
    {.name = "temperature", .form = Form::NotYet, .what = "preflight by temperature"},
    {.name = "undervoltage", .form = Form::NotYet, .what = "preflight by supply voltage"},
}};

constexpr std::array<Words, 1> kAlsoRenewBefore = {"before"};
constexpr std::array<Field, 1> kCerts = {{
    {.name = "renewBefore",
     .form = Form::Duration,
     .what = "those with less left are renewed, 1d to 180d; 30d unless given",
     .also = kAlsoRenewBefore},
}};

constexpr std::array<Words, 1> kAlsoMicrok8s = {"channel=microk8s.channel"};
constexpr std::array<Words, 1> kAlsoWorkloads = {"deploy"};
constexpr std::array<Field, 15> kRelease = {{
    {.name = "kind", .form = Form::Choice, .what = "Release", .is_required = true, .choices = kReleaseKind},
    {.name = "name", .form = Form::Name, .what = "the release's name", .is_required = true},
    {.name = "version",
     .form = Form::Version,
     .what = "with the name it is name@version; what it stands for never changes",
     .is_required = true},
    {.name = "microk8s",
     .form = Form::Map,
     .what = "install or refresh, hold, start, wait until the node is ready",
     .fields = kMicrok8s,
     .also = kAlsoMicrok8s},
    {.name = "mirrors",
     .form = Form::List,
     .what = "where containerd goes for a registry, kubelet's own pulls too",
     .fields = kMirror,
     .item = Form::Map},
    {.name = "addons",
     .form = Form::List,
     .what = "core add-ons; those not named are left alone",
     .fields = kAddon,
     .item = Form::TextOrMap},
    {.name = "images",
     .form = Form::List,
     .what = "pulled, checked by digest, tagged and pinned before anything is disrupted",
     .fields = kImage,
     .item = Form::TextOrMap},
    {.name = "workloads",
     .form = Form::List,
     .what = "deployed and proved ready; own workloads that are not named are removed",
     .fields = kWorkload,
     .item = Form::Map,
     .also = kAlsoWorkloads},
    {.name = "checks",
     .form = Form::List,
     .what = "prove the release; node-ready and workload-ready of every workload unless given",
     .fields = kCheck,
     .item = Form::TextOrMap,
     .choices = kPlainChecks},
    {.name = "preflight", .form = Form::Map, .what = "without it nothing is begun", .fields = kPreflight},
    {.name = "secrets", .form = Form::NotYet, .what = "secrets sealed to each device"},
    {.name = "drift", .form = Form::NotYet, .what = "of a release; write it into the fleet's policy"},
    {.name = "certs",
     .form = Form::Map,
     .what = "MicroK8s' certificates, renewed before they end; with microk8s also without this key",
     .fields = kCerts},
    {.name = "snapshot",
     .form = Form::Flag,
     .what = "with microk8s: the datastore is copied before a refresh, or the refresh is not begun; true unless given"},
    {.name = "agent", .form = Form::NotYet, .what = "the agent's own upgrade"},
}};

// ---- Fleet ----------------------------------------------------------------------------------------------------------
constexpr std::array<Words, 2> kOnFail = {"pause", "abort"};
constexpr std::array<Words, 2> kOnFailLater = {"rollback-wave", "rollback-all"};
constexpr std::array<Words, 3> kDrift = {"report", "repair", "ignore"};
constexpr std::array<Words, 1> kJoiners = {"none"};
constexpr std::array<Words, 2> kJoinersLater = {"after", "continuous"};
constexpr std::array<Words, 2> kAlsoFailure = {"maxFailed", "failures"};
constexpr std::array<Words, 2> kAlsoThresholds = {"maxFailed=thresholds.failure", "failure=thresholds.failure"};
constexpr std::array<Words, 2> kAlsoUpTo = {"percent", "share"};

constexpr std::array<Field, 3> kThresholds = {{
    {.name = "failure",
     .form = Form::Percent,
     .what = "failed and unknown devices of a wave above which it fails",
     .also = kAlsoFailure},
    {.name = "deferred", .form = Form::Percent, .what = "devices of a wave that may be left for later"},
    {.name = "minSuccesses", .form = Form::Count, .what = "fewest devices that must succeed"},
}};

constexpr std::array<Field, 8> kWave = {{
    {.name = "name", .form = Form::Name, .what = "what it is called", .is_required = true},
    {.name = "size", .form = Form::Count, .what = "devices; or upTo"},
    {.name = "upTo",
     .form = Form::Percent,
     .what = "share of all devices done after this wave; or size",
     .also = kAlsoUpTo},
    {.name = "soak", .form = Form::Duration, .what = "healthy time that each device must show"},
    {.name = "thresholds",
     .form = Form::Map,
     .what = "of this wave alone",
     .fields = kThresholds,
     .also = kAlsoThresholds},
    {.name = "select", .form = Form::NotYet, .what = "waves by labels"},
    {.name = "gates", .form = Form::NotYet, .what = "gates, rule R17; the release's checks always count"},
    {.name = "advanceAt", .form = Form::NotYet, .what = "early advance, rule R4"},
}};

constexpr std::array<Field, 9> kTimeouts = {{
    {.name = "prepare", .form = Form::Duration, .what = "6h unless given"},
    {.name = "grant", .form = Form::Duration, .what = "10m unless given"},
    {.name = "step", .form = Form::Duration, .what = "15m unless given"},
    {.name = "attempt", .form = Form::Duration, .what = "45m unless given"},
    {.name = "verify", .form = Form::Duration, .what = "10m unless given"},
    {.name = "reportGrace", .form = Form::Duration, .what = "15m unless given"},
    {.name = "offlineGrace", .form = Form::Duration, .what = "30m unless given"},
    {.name = "wave", .form = Form::Duration, .what = "24h unless given"},
    {.name = "rollout", .form = Form::Duration, .what = "14d unless given"},
}};

constexpr std::array<Field, 2> kRetry = {{
    {.name = "transient", .form = Form::Count, .what = "repetitions after a passing trouble; 3 unless given"},
    {.name = "backoff", .form = Form::List, .what = "pauses between them: [1m, 5m, 20m]", .item = Form::Duration},
}};

constexpr std::array<Field, 19> kPolicy = {{
    {.name = "waves",
     .form = Form::List,
     .what = "in order; by the fleet's size unless given (rule R25)",
     .fields = kWave,
     .item = Form::Map},
    {.name = "thresholds",
     .form = Form::Map,
     .what = "of every wave but the first of several, which tolerates nothing",
     .fields = kThresholds,
     .also = kAlsoThresholds},
    {.name = "onFail",
     .form = Form::Choice,
     .what = "what a failed wave does to the rollout",
     .choices = kOnFail,
     .later = kOnFailLater},
    {.name = "timeouts", .form = Form::Map, .what = "rule R11", .fields = kTimeouts},
    {.name = "retry", .form = Form::Map, .what = "rule R12", .fields = kRetry},
    {.name = "drift",
     .form = Form::Choice,
     .what = "a device that is no longer as its release left it: report unless given; repair takes it back (rule R23); "
             "ignore counts it as up to date",
     .choices = kDrift},
    {.name = "joiners",
     .form = Form::Choice,
     .what = "devices that match later wait for the next rollout",
     .choices = kJoiners,
     .later = kJoinersLater},
    {.name = "preload", .form = Form::NotYet, .what = "preloading ahead of the waves"},
    {.name = "abort", .form = Form::NotYet, .what = "stopping across waves, rule R5"},
    {.name = "onConflict", .form = Form::NotYet, .what = "superseding, rule R10; rollouts queue"},
    {.name = "priority", .form = Form::NotYet, .what = "priorities, rule R10"},
    {.name = "metrics", .form = Form::NotYet, .what = "gates by metrics, rule R17"},
    {.name = "budgets", .form = Form::NotYet, .what = "budgets, rule R6"},
    {.name = "windows", .form = Form::NotYet, .what = "windows, rule R16"},
    {.name = "cohort", .form = Form::NotYet, .what = "cohorts, rule R24"},
    {.name = "orderSeed", .form = Form::NotYet, .what = "another order of devices, rule R2"},
    {.name = "spreadBy", .form = Form::NotYet, .what = "spreading over labels, rule R2"},
    {.name = "groupBy", .form = Form::NotYet, .what = "budgets, rule R6"},
    {.name = "enforceWaves", .form = Form::NotYet, .what = "approvals, rule R18"},
}};

constexpr std::array<Field, 5> kFleet = {{
    {.name = "kind", .form = Form::Choice, .what = "Fleet", .is_required = true, .choices = kFleetKind},
    {.name = "name", .form = Form::Name, .what = "the fleet's name", .is_required = true},
    {.name = "selector", .what = "which devices: region=eu,role=kiosk, or * for all", .is_required = true},
    {.name = "release", .what = "name@version its devices should run; a change is a rollout"},
    {.name = "policy", .form = Form::Map, .what = "how rollouts go about it", .fields = kPolicy},
}};

constexpr std::array<Kind, 2> kKinds = {{
    {.name = "Release", .what = "immutable desired state of a device, signed by an operator", .fields = kRelease},
    {.name = "Fleet", .what = "which devices, their release, and how rollouts go about it", .fields = kFleet},
}};

}  // namespace

std::span<const Kind> kinds() {
  return kKinds;
}

const Kind* kind_named(std::string_view name) {
  const auto at = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.name == name; });
  return at == kKinds.end() ? nullptr : &*at;
}

bool is_unbuilt_kind(std::string_view name) {
  return name == "Window" || name == "TokenPolicy";
}

}  // namespace kelpie::cli
