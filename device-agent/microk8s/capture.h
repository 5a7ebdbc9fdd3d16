// The restore point of workloads: the live objects as they were, hand-made ones included, and the way back to them.
#pragma once

#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

/// Whether Kubernetes can be asked now. Prepare runs before an install or start step of the same release does.
/// Trouble: ApiNotReady when it runs and does not answer; without a way back nothing should begin.
enum class Reach { NothingThere, Stopped, Answers };
[[nodiscard]] Tried<Reach> read_reach(const Work& work);

/// A restore point where nothing could be there.
[[nodiscard]] Json empty_capture();
/// A restore point that could not be taken: going back to it is refused.
[[nodiscard]] Json unknown_capture();
/// live: as kubectl shows them. missing_spaces: namespaces that will be created.
[[nodiscard]] Tried<Json> capture(const Work& work, const Json::Array& live,
                                  const std::vector<std::string>& missing_spaces);
/// Applies what was there, deletes what of `now` was not, and waits until what was ready is ready again.
/// Trouble: RestoreUnknown, and those of applying, deleting and waiting.
[[nodiscard]] Tried<void> put_back(const Work& work, const std::string& restore, const Json::Array& now);

/// Both, each object once.
[[nodiscard]] Json::Array merged(Json::Array a, const Json::Array& b);

}  // namespace kelpie::agent
