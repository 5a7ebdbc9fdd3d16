// The closed set of reasons why a step is not so or could not be done: one row each with the word reports carry, what
// it means, and whether another attempt may pass by itself (rule R12). The table becomes documentation.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace kelpie::agent {

enum class Reason {
  Interrupted,
  CommandTimeout,
  PermissionDenied,
  SudoMissing,
  AnswerUnreadable,
  SnapdMissing,
  SnapdUnreachable,
  SnapdRefused,
  SnapConflict,
  SnapRunningApps,
  SnapChangeFailed,
  SnapChangeTimeout,
  SnapHookTimeout,
  SnapBlocked,
  SnapNeedsStrict,
  CommandUnreachable,
  SnapNotFound,
  SnapRevisionGone,
  StoreUnreachable,
  AssertionMissing,
  SnapBaseMissing,
  ArtifactMissing,
  ArtifactMismatch,
  RebootNeeded,
  ChannelInvalid,
  ChannelUnknown,
  ChannelNotReached,
  ConfinementChange,
  ConfinementMismatch,
  TrackSkipsMinor,
  TrackDowngrade,
  DiskFull,
  LowMemory,
  MemoryCgroupMissing,
  HostnameUnusable,
  NotInstalled,
  NodeStopped,
  NodeRunning,
  WorkerNode,
  ApiNotReady,
  NodeNotReady,
  SandboxImageUnavailable,
  AddonUnknown,
  AddonRefused,
  AddonFailed,
  AddonTimeout,
  AddonNotReady,
  AddonStillThere,
  ContainerdNotReady,
  ImageMissing,
  ImageNotFound,
  ImagePullFailed,
  ImageUnauthorized,
  ImageDigestMismatch,
  ImageWrongPlatform,
  RegistryUntrusted,
  MirrorsNotWritten,
  FileUnwritable,
  ManifestRefused,
  WorkloadConflict,
  WorkloadMissing,
  WorkloadOutdated,
  WorkloadDrifted,
  WorkloadNotReady,
  WorkloadImage,
  WorkloadConfig,
  WorkloadCrashing,
  WorkloadUnschedulable,
  WorkloadFailed,
  WorkloadStillThere,
  KubectlFailed,
  ArchiveAddress,
  ArchiveNotSent,
  ArchiveRefused,
  ClockImplausible,
  CertificatesDue,
  CertificatesExpired,
  CertificatesNotRenewed,
  AuthorityExpired,
  SnapshotMissing,
  SnapshotFailed,
  SnapshotEmpty,
  RestoreTooLarge,
  RestoreUnknown,
};

struct ReasonRow {
  Reason reason;
  std::string_view word;
  bool is_transient;
  std::string_view sentence;
};
/// In the order of the enum, each once.
[[nodiscard]] std::span<const ReasonRow> all_reasons();
[[nodiscard]] const ReasonRow& row_of(Reason reason);

/// Why something is not so or could not be done.
struct Trouble {
  Reason reason = Reason::Interrupted;
  std::string detail;  // lower case: what, on what, why
  std::string output;  // of the command that failed
};

/// What may end in trouble; KELPIE_TRY hands the trouble on.
template <typename T>
using Tried = tl::expected<T, Trouble>;

[[nodiscard]] inline tl::unexpected<Trouble> trouble(Reason reason, std::string detail, std::string output = {}) {
  return tl::unexpected<Trouble>(Trouble{.reason = reason, .detail = std::move(detail), .output = std::move(output)});
}

}  // namespace kelpie::agent

namespace kelpie {

/// For KELPIE_TRY: the trouble goes on unchanged.
[[nodiscard]] inline tl::unexpected<agent::Trouble> fail(agent::Trouble trouble) {
  return tl::unexpected<agent::Trouble>(std::move(trouble));
}

}  // namespace kelpie
