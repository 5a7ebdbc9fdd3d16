// A device with snapd and MicroK8s as plain values: everything a command can see or change, the faults that still wait
// to strike, and the world outside (snap store, registries). Times are those of the device's steady clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/clock.h"
#include "proto/base/result.h"

namespace kelpie::sim {

enum class FaultKind {   // subject
  RegistryUnreachable,   // start of a reference; empty: every registry
  RegistryUnauthorized,  // start of a reference
  DiskFull,              // snapd, snapshot, pull or import; empty: all of them
  SnapdConflict,         // –
  SnapdRestart,          // – a request while a change runs finds no daemon
  SnapdDown,             // –
  SnapStoreUnreachable,  // –
  SnapChangeFails,       // kind of the task that fails: run-hook[configure], download-snap, …
  SnapHasRunningApps,    // –
  StartFails,            // – snapctl fails
  StartWithoutReady,     // – rc 0, the node never gets Ready
  StopLeavesServices,    // – the lock is written, the services run on
  ReadyThenNotReady,     // – the node is lost again a minute after it was Ready
  AddonWithoutEffect,    // add-on: exit code 0, nothing done
  AddonEndless,          // add-on: its script never ends
  AddonFails,            // add-on: exit code 1
  AddonLockBusy,         // – somebody else's add-on runs for two minutes
  ApiFlapsAfterEnable,   // add-on: the API server is away for 20 s afterwards
  ImportRefused,         // – `images import` says so and exits 0
  CrashLoop,             // workload
  Hang,                  // subcommand of microk8s: never answers
  Traceback,             // – `status` dies with a Python traceback
  PermissionDenied,      // –
  SudoMissing,           // – 127
  RefreshCertsFails,     // exit code: 4, 10 or 20
  RefreshCertsVanishes,  // – exit code 0, and the certificate is gone
  BackupFails,           // – `dbctl backup` says so
  BackupIsEmpty,         // – exit code 0, an archive with nothing in it
  Slow,                  // percent of the usual pace: "400"
};
[[nodiscard]] std::string_view to_string(FaultKind kind);

inline constexpr int kAlways = -1;

struct Fault {
  FaultKind kind = FaultKind::Slow;
  std::string subject;
  int times = kAlways;  // how often it still strikes
  friend bool operator==(const Fault&, const Fault&) = default;
};
/// "registry-unreachable:registry.k8s.io*3", "start-without-ready*1", "slow:400": kind, subject, how often.
/// Errors: InvalidArgument that lists the kinds.
[[nodiscard]] Result<Fault> parse_fault(std::string_view text);
[[nodiscard]] std::string to_string(const Fault& fault);

struct SnapRevision {
  std::string channel;  // tracking, when it is the one in use
  std::string revision;
  std::string version;      // v1.32.3
  std::string confinement;  // classic or strict
  friend bool operator==(const SnapRevision&, const SnapRevision&) = default;
};

struct Snap {
  bool is_installed = false;
  bool is_active = false;  // installed and not disabled
  SnapRevision now;
  std::vector<SnapRevision> before;  // newest last; what revert can reach
  std::string hold;                  // RFC 3339 or "forever"; empty: none
  friend bool operator==(const Snap&, const Snap&) = default;
};

struct SnapTask {
  std::string kind;
  std::string summary;
  Duration takes{};
  friend bool operator==(const SnapTask&, const SnapTask&) = default;
};

struct SnapChange {
  std::string id;
  std::string kind;  // install-snap, refresh-snap, …
  std::string summary;
  std::string action;
  std::string snap = "microk8s";
  SnapRevision goal;
  SteadyTime begun_at;
  std::vector<SnapTask> tasks;
  std::string failing_task;  // empty: it will succeed
  std::string failure;       // its reason
  std::string status = "Doing";
  std::string err;
  friend bool operator==(const SnapChange&, const SnapChange&) = default;
};

struct Kubernetes {
  std::string name = "pi-01";
  std::string address = "192.168.7.2";
  bool is_stopped = false;  // the lock, not the services
  bool is_worker = false;
  bool is_low_memory = false;
  bool are_services_enabled = false;
  bool are_services_active = false;
  bool is_never_ready = false;
  bool is_cordoned = false;
  bool has_launch_pending = false;    // the built-in launch configuration enables dns once the node is Ready
  SteadyTime api_at;                  // answers from then on
  SteadyTime api_down_until;          // flap
  SteadyTime ready_at;                // earliest
  std::optional<SteadyTime> lost_at;  // NotReady from then on
  std::int64_t restarts = 0;          // of the API server; resource versions grow with it
  friend bool operator==(const Kubernetes&, const Kubernetes&) = default;
};

struct Image {
  std::string digest;
  std::uint64_t bytes = 0;
  std::string platform = "linux/amd64";
  bool is_complete = true;
  std::map<std::string, std::string> labels;
  friend bool operator==(const Image&, const Image&) = default;
};

struct Container {
  std::string name;
  std::string image;  // as written in the manifest
  std::string pull_policy;
  bool is_init = false;
  friend bool operator==(const Container&, const Container&) = default;
};

/// One Kubernetes object as applied; what a controller would add to it is worked out when it is asked for.
struct KubeObject {
  std::string kind;
  std::string name_space;  // empty: of the cluster
  std::string name;
  std::string json;     // without status
  std::string manager;  // field manager that wrote it
  std::string uid;
  std::int64_t generation = 1;
  std::int64_t version = 1;
  SteadyTime created_at;

  // Workloads only.
  std::vector<Container> containers;
  std::int64_t replicas = 1;
  SteadyTime rolled_at;                // when its newest template arrived
  SteadyTime try_at;                   // next attempt to pull or to start
  std::int64_t attempts = 0;           // that failed; the pause between them doubles
  std::optional<SteadyTime> ready_at;  // of the newest template's pods
  std::vector<std::string> pulled;     // images being fetched by kubelet until try_at
  std::int64_t old_ready = 0;          // pods of the template before that still serve
  std::int64_t revision = 1;
  std::string template_before;  // what `rollout undo` goes back to
  std::string trouble;          // reason a container waits: ImagePullBackOff, CrashLoopBackOff, …
  std::string trouble_message;
  std::int64_t restarts = 0;
  bool is_crashing = false;
  friend bool operator==(const KubeObject&, const KubeObject&) = default;
};

struct Disk {
  std::uint64_t total_bytes = 32ULL << 30U;
  std::uint64_t free_bytes = 20ULL << 30U;
  std::uint64_t data_bytes = 300ULL << 20U;  // in $SNAP_DATA, once there is one
  friend bool operator==(const Disk&, const Disk&) = default;
};

/// When a certificate of MicroK8s is good; by default from long ago to far away.
struct CertificateTimes {
  WallTime not_before{1'577'836'800'000};  // 2020-01-01
  WallTime not_after{2'524'608'000'000};   // 2050-01-01
  bool is_missing = false;                 // it was being made when the power went
  friend bool operator==(const CertificateTimes&, const CertificateTimes&) = default;
};

/// A copy of the datastore.
struct Snapshot {
  std::uint64_t bytes = 0;
  WallTime made_at;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

/// What is in $SNAP_DATA: a refresh copies it, a revert goes back to the copy. Images and volumes are elsewhere.
struct ClusterCopy {
  std::set<std::string> addons;
  std::map<std::string, std::vector<std::string>> addon_args;
  std::map<std::string, KubeObject> objects;
  std::map<std::string, std::string> settings;
  std::map<std::string, CertificateTimes> certificates;
  friend bool operator==(const ClusterCopy&, const ClusterCopy&) = default;
};

struct DeviceState {
  std::string model = "Raspberry Pi 4 Model B Rev 1.4";
  std::string architecture = "arm64";  // snapd's word
  std::uint64_t memory_bytes = 4ULL << 30U;
  bool is_on_classic = true;
  std::string snapd_version = "2.63";
  int temperature_c = 48;
  std::uint32_t throttled = 0;  // get_throttled of a Pi
  int pace_percent = 100;       // of how long things take; 100: a Pi 4 with a good card
  std::uint64_t seed = 1;       // chooses node ports and names of pods
  Disk disk;
  Snap snap;
  std::map<std::string, std::string> bases;   // snapd, core20: snaps beside MicroK8s, with their revisions
  std::set<std::string> assertions;           // "core20 2318": revisions that snapd can prove
  std::string system_hold;                    // of every snap: what a snapd before 2.58 offers instead
  std::map<std::string, SnapChange> changes;  // by id; the newest kChangesKept
  std::int64_t changes_made = 0;
  Kubernetes kubernetes;
  std::set<std::string> addons;  // whose effect is there
  std::map<std::string, std::vector<std::string>> addon_args;
  std::map<std::string, Image> images;        // by full reference
  std::map<std::string, KubeObject> objects;  // by "Kind/namespace/name"
  std::int64_t objects_made = 0;
  std::map<std::string, ClusterCopy> copies;                  // by revision in snap.before
  std::map<std::string, std::string> settings;                // files in $SNAP_DATA that somebody wrote, by full path
  std::map<std::string, CertificateTimes> certificates;       // by file name; what is not listed has the default
  std::map<std::string, CertificateTimes> certificates_copy;  // what refresh-certs kept of before
  std::map<std::string, Snapshot> snapshots;                  // by full path
  std::vector<std::string> reports;                           // paths of archives that `inspect` wrote
  std::vector<Fault> faults;
  std::vector<std::string> journal;  // of each service of the snap, beside its first line
  std::vector<std::string> effects;  // what was done to the device, in order: "installed microk8s 1.32/stable"
  friend bool operator==(const DeviceState&, const DeviceState&) = default;
};
inline constexpr std::size_t kChangesKept = 20;
inline constexpr std::size_t kEffectsMax = 1'000;

struct RegistryImage {
  std::string digest;
  std::uint64_t bytes = 40U << 20U;
  friend bool operator==(const RegistryImage&, const RegistryImage&) = default;
};

/// What is outside the device, the same for a whole fleet.
struct World {
  std::map<std::string, SnapRevision> channels;              // "1.32/stable"; empty: usual_channels()
  std::map<std::string, RegistryImage> images;               // by full reference
  std::map<std::string, std::vector<std::string>> archives;  // what `import` finds: by path, the references inside
                                                             // (a double reads them from the file, one a line)
  std::map<std::string, std::string> files;                  // what operators put on the card: the text, by full path
  bool has_any_image = true;  // what is not listed exists too, with a digest made from its name
  std::string root;           // put before paths that are printed: the folder of a double
  friend bool operator==(const World&, const World&) = default;
};
[[nodiscard]] std::map<std::string, SnapRevision> usual_channels();
/// The channels that can be had, and every image.
[[nodiscard]] World usual_world();
/// What the registry answers for a reference, with or without @digest; nothing: not found.
[[nodiscard]] std::optional<RegistryImage> find_in_registry(const World& world, const std::string& ref);

/// A device with MicroK8s installed, started long ago and ready, dns enabled.
[[nodiscard]] DeviceState running_device(const World& world, const std::string& channel, SteadyTime now);
/// Power off and on: what was enabled starts again.
void reboot(DeviceState& state, SteadyTime now);

}  // namespace kelpie::sim
