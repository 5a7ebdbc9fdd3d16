// The Kubernetes objects of a release's workloads: named by their manifest, marked by own labels, captured before they
// are changed, put back and deleted. Nothing without the own labels is ever deleted.
#pragma once

#include <string>
#include <vector>

#include "device-agent/core/plan.h"
#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

inline constexpr std::string_view kOwnerLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kOwner = "kelpie";
inline constexpr std::string_view kWorkloadLabel = "kelpie.dev/workload";
inline constexpr std::string_view kManifestLabel = "kelpie.dev/manifest";  // hash of the manifest it came with

/// "Deployment/default/nodered"; the middle is empty for objects of the cluster.
[[nodiscard]] std::string name_of(const Json& object);
[[nodiscard]] bool is_own(const Json& object);
/// Hash of the manifest that was signed, as its objects carry it.
[[nodiscard]] std::string manifest_hash(const Workload& workload);
[[nodiscard]] bool is_of_cluster(std::string_view kind);

/// The items of the manifest with namespace and own labels. Trouble: ManifestRefused when it is no list of objects.
[[nodiscard]] Tried<Json::Array> labelled_items(const Workload& workload);
[[nodiscard]] std::string as_list(const Json::Array& objects);

/// What carries the own labels, of the kinds that are ever deleted; of one workload, or of all when it is empty.
/// Volume claims and namespaces are not among them: their deletion destroys data.
[[nodiscard]] Tried<Json::Array> own_objects(const Work& work, const std::string& workload);
/// What carries them, of these kinds and of those that are never deleted.
[[nodiscard]] Tried<Json::Array> labelled_objects(const Work& work, const std::string& workload);
/// Which of these are there, as they are.
[[nodiscard]] Tried<Json::Array> live_objects(const Work& work, const Json::Array& items);
/// Without what the API server keeps for itself, so that applying it brings the same state back.
[[nodiscard]] Json without_server_fields(Json object);

enum class Force { No, Yes };
/// Trouble: WorkloadConflict, ManifestRefused, DiskFull, ApiNotReady.
[[nodiscard]] Tried<void> dry_run(const Work& work, const Json::Array& objects, Force force);
[[nodiscard]] Tried<void> apply(const Work& work, const Json::Array& objects, Force force);
/// Whether applying them would change anything. False too when kubectl cannot tell.
[[nodiscard]] Tried<bool> differs(const Work& work, const Json::Array& objects);
/// Waits until they are gone. Trouble: WorkloadStillThere.
[[nodiscard]] Tried<void> delete_objects(const Work& work, const Json::Array& objects);
/// Which of these are not there.
[[nodiscard]] Tried<std::vector<std::string>> missing_namespaces(const Work& work,
                                                                 const std::vector<std::string>& names);
[[nodiscard]] Tried<void> create_namespaces(const Work& work, const std::vector<std::string>& names);

}  // namespace kelpie::agent
