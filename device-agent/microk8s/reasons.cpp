#include "device-agent/microk8s/reasons.h"

#include <array>

#include "proto/base/result.h"

namespace kelpie::agent {
namespace {

constexpr std::array kRows{
    ReasonRow{Reason::Interrupted, "interrupted", true, "the agent ended the step before it was done"},
    ReasonRow{Reason::CommandTimeout, "command-timeout", true, "a command did not end in its time and was killed"},
    ReasonRow{Reason::PermissionDenied, "permission-denied", false, "the agent may not do this on the device"},
    ReasonRow{Reason::SudoMissing, "sudo-missing", false, "classic MicroK8s calls sudo even as root: install sudo"},
    ReasonRow{Reason::AnswerUnreadable, "answer-unreadable", false, "a program answered in a form not known here"},
    ReasonRow{Reason::SnapdMissing, "snapd-missing", false, "snapd is not on this device: apt install snapd"},
    ReasonRow{Reason::SnapdUnreachable, "snapd-unreachable", true, "snapd does not answer on its socket"},
    ReasonRow{Reason::SnapdRefused, "snapd-refused", false, "snapd refused the request"},
    ReasonRow{Reason::SnapConflict, "snap-conflict", true, "another change of the snap is in progress"},
    ReasonRow{Reason::SnapRunningApps, "snap-running-apps", true, "commands of the snap run, so it is not refreshed"},
    ReasonRow{Reason::SnapChangeFailed, "snap-change-failed", false, "snapd tried and took the change back"},
    ReasonRow{Reason::SnapChangeTimeout, "snap-change-timeout", true, "snapd did not finish the change in its time"},
    ReasonRow{Reason::SnapHookTimeout, "snap-hook-timeout", true,
              "a hook of the snap hit snapd's limit, as slow cards do; a second try usually passes"},
    ReasonRow{Reason::SnapBlocked, "snap-blocked", false, "interfaces of the strict snap are not connected"},
    ReasonRow{Reason::SnapNeedsStrict, "snap-needs-strict", false, "Ubuntu Core takes only a -strict track"},
    ReasonRow{Reason::CommandUnreachable, "command-unreachable", false,
              "on Ubuntu Core the agent reaches snapd alone, and no command of MicroK8s"},
    ReasonRow{Reason::SnapNotFound, "snap-not-found", false, "the store has no such snap for this device"},
    ReasonRow{Reason::SnapRevisionGone, "snap-revision-gone", false,
              "snapd no longer keeps the revision to go back to"},
    ReasonRow{Reason::StoreUnreachable, "store-unreachable", true, "the snap store cannot be reached"},
    ReasonRow{Reason::AssertionMissing, "assertion-missing", false,
              "snapd knows no assertion of the snap file: name its .assert file too"},
    ReasonRow{Reason::SnapBaseMissing, "snap-base-missing", false, "what the snap is built on is not on the device"},
    ReasonRow{Reason::ArtifactMissing, "artifact-missing", false, "a file of the release is not on the device"},
    ReasonRow{Reason::ArtifactMismatch, "artifact-mismatch", false, "a file on the device is not the one signed"},
    ReasonRow{Reason::RebootNeeded, "reboot-needed", true, "snapd goes on only after a restart of the device"},
    ReasonRow{Reason::ChannelInvalid, "channel-invalid", false, "the channel names no track such as 1.32/stable"},
    ReasonRow{Reason::ChannelUnknown, "channel-unknown", false, "the store has no such channel for this device"},
    ReasonRow{Reason::ChannelNotReached, "channel-not-reached", false, "the snap is not what the step wants"},
    ReasonRow{Reason::ConfinementChange, "confinement-change", false,
              "classic and strict cannot be switched in place: remove MicroK8s first"},
    ReasonRow{Reason::ConfinementMismatch, "confinement-mismatch", false,
              "the snap in this channel has another confinement than the channel's name says"},
    ReasonRow{Reason::TrackSkipsMinor, "track-skips-minor", false, "Kubernetes goes up one minor version at a time"},
    ReasonRow{Reason::TrackDowngrade, "track-downgrade", false, "the datastore of a newer track cannot be taken back"},
    ReasonRow{Reason::DiskFull, "disk-full", true, "too little free space"},
    ReasonRow{Reason::LowMemory, "low-memory", false, "too little memory for the control plane"},
    ReasonRow{Reason::MemoryCgroupMissing, "memory-cgroup-missing", false,
              "add cgroup_enable=memory cgroup_memory=1 to the kernel's command line and reboot"},
    ReasonRow{Reason::HostnameUnusable, "hostname-unusable", false,
              "a node with this host name never registers: lower case letters, digits, - and . only"},
    ReasonRow{Reason::NotInstalled, "microk8s-not-installed", false, "MicroK8s is not installed"},
    ReasonRow{Reason::NodeStopped, "node-stopped", false, "MicroK8s is stopped"},
    ReasonRow{Reason::NodeRunning, "node-running", false, "MicroK8s still runs"},
    ReasonRow{Reason::WorkerNode, "worker-node", false, "the device is a worker of somebody else's cluster"},
    ReasonRow{Reason::ApiNotReady, "api-not-ready", true, "the API server does not answer"},
    ReasonRow{Reason::NodeNotReady, "node-not-ready", false, "the node is not Ready"},
    ReasonRow{Reason::SandboxImageUnavailable, "sandbox-image-unavailable", false,
              "no pod can start: the pause image cannot be pulled from here"},
    ReasonRow{Reason::AddonUnknown, "addon-unknown", false, "this MicroK8s has no such add-on"},
    ReasonRow{Reason::AddonRefused, "addon-refused", false,
              "the add-on, or what it is to be enabled with, is not for this device: kelpie schema release.addons"},
    ReasonRow{Reason::AddonFailed, "addon-failed", false, "the add-on's script failed"},
    ReasonRow{Reason::AddonTimeout, "addon-timeout", true, "the add-on's script did not end in its time"},
    ReasonRow{Reason::AddonNotReady, "addon-not-ready", false, "the add-on's effect is not there"},
    ReasonRow{Reason::AddonStillThere, "addon-still-there", false, "the add-on's effect is still there"},
    ReasonRow{Reason::ContainerdNotReady, "containerd-not-ready", true, "containerd does not answer"},
    ReasonRow{Reason::ImageMissing, "image-missing", false, "an image is not there, complete and pinned"},
    ReasonRow{Reason::ImageNotFound, "image-not-found", false, "the registry has no such image"},
    ReasonRow{Reason::ImagePullFailed, "image-pull-failed", true, "an image could not be pulled"},
    ReasonRow{Reason::ImageUnauthorized, "image-unauthorized", false, "the registry wants credentials"},
    ReasonRow{Reason::ImageDigestMismatch, "image-digest-mismatch", false, "the image is not the one that was signed"},
    ReasonRow{Reason::ImageWrongPlatform, "image-wrong-platform", false, "the image is for another architecture"},
    ReasonRow{Reason::RegistryUntrusted, "registry-untrusted", false, "the registry's certificate is not trusted here"},
    ReasonRow{Reason::MirrorsNotWritten, "mirrors-not-written", false,
              "containerd goes to other registries than the release says"},
    ReasonRow{Reason::FileUnwritable, "file-unwritable", false, "a file of MicroK8s cannot be read or written"},
    ReasonRow{Reason::ManifestRefused, "manifest-refused", false, "the API server refuses the manifest"},
    ReasonRow{Reason::WorkloadConflict, "workload-conflict", false, "somebody else owns a field the manifest sets"},
    ReasonRow{Reason::WorkloadMissing, "workload-missing", false, "the workload is not on the device"},
    ReasonRow{Reason::WorkloadOutdated, "workload-outdated", false, "another manifest of the workload is applied"},
    ReasonRow{Reason::WorkloadDrifted, "workload-drifted", false, "somebody changed what the manifest sets"},
    ReasonRow{Reason::WorkloadNotReady, "workload-not-ready", false, "the workload did not become ready in its time"},
    ReasonRow{Reason::WorkloadImage, "workload-image", false, "a container's image cannot be had"},
    ReasonRow{Reason::WorkloadConfig, "workload-config", false, "a container's configuration cannot be used"},
    ReasonRow{Reason::WorkloadCrashing, "workload-crashing", false, "a container starts and dies again"},
    ReasonRow{Reason::WorkloadUnschedulable, "workload-unschedulable", false, "the node does not take the pod"},
    ReasonRow{Reason::WorkloadFailed, "workload-failed", false, "the workload ended in failure"},
    ReasonRow{Reason::WorkloadStillThere, "workload-still-there", false, "objects of the workload are still there"},
    ReasonRow{Reason::KubectlFailed, "kubectl-failed", false, "kubectl failed for another reason"},
    ReasonRow{Reason::ArchiveAddress, "archive-address", false, "archives travel on loopback only, until TLS comes"},
    ReasonRow{Reason::ArchiveNotSent, "archive-not-sent", true, "the archive did not reach the hub"},
    ReasonRow{Reason::ArchiveRefused, "archive-refused", false, "the hub did not take the archive"},
    ReasonRow{Reason::ClockImplausible, "clock-implausible", true,
              "the device's clock is before its own certificates were made: set it, or wait for its time server"},
    ReasonRow{Reason::CertificatesDue, "certificates-due", false, "certificates end soon, or cannot be read"},
    ReasonRow{Reason::CertificatesExpired, "certificates-expired", false,
              "the API server's certificate has ended, or the clock is wrong: kelpie command send renew-certs DEVICE"},
    ReasonRow{Reason::CertificatesNotRenewed, "certificates-not-renewed", false,
              "MicroK8s made no new certificates that work"},
    ReasonRow{Reason::AuthorityExpired, "certificate-authority-expired", false,
              "a new authority replaces every credential: microk8s refresh-certs -e ca.crt, by hand"},
    ReasonRow{Reason::SnapshotMissing, "snapshot-missing", false, "there is no copy of the datastore"},
    ReasonRow{Reason::SnapshotFailed, "snapshot-failed", false, "the datastore could not be copied"},
    ReasonRow{Reason::SnapshotEmpty, "snapshot-empty", false,
              "nothing is in it, whatever dbctl said (1.35 makes such copies): a release with snapshot: false is "
              "refreshed without one"},
    ReasonRow{Reason::RestoreTooLarge, "restore-too-large", false, "what is needed to go back does not fit"},
    ReasonRow{Reason::RestoreUnknown, "restore-unknown", false, "what was there before could not be read"},
};

}  // namespace

std::span<const ReasonRow> all_reasons() {
  return kRows;
}

const ReasonRow& row_of(Reason reason) {
  const ReasonRow& row = kRows.at(static_cast<std::size_t>(reason));
  KELPIE_ASSERT(row.reason == reason);
  return row;
}

}  // namespace kelpie::agent
