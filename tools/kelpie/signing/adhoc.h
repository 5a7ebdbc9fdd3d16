// What `kelpie command send` makes of a verb: a release of one step with the scope adhoc, and the policy of its
// rollout.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kelpie/api/v1/api.pb.h>
#include <kelpie/v1/release.pb.h>

#include "tools/kelpie/manifest/release_manifest.h"

namespace kelpie::cli {

struct Verb {
  std::string_view name;      // enable-addon
  std::string_view argument;  // what follows it: ADDON; empty: nothing does
  std::string_view what;      // one line for help
};
/// install start stop enable-addon disable-addon preload-image deploy remove renew-certs snapshot inspect
[[nodiscard]] std::span<const Verb> verbs();

struct AdhocWish {
  std::string verb;
  std::string argument;           // dns, 1.32/stable, docker.io/…, k8s/kiosk.yaml, a workload's name
  std::vector<std::string> args;  // of an add-on
  std::string from;               // of an image
  std::string name;               // of a workload to deploy; empty: the file's name
  std::string name_space;         // of a workload to deploy; empty: default
  std::string version;            // of the release; unique
  bool wants_archive = false;     // of inspect: what is seen is sent to the hub
};
/// Errors: InvalidArgument that says what is wrong with the verb or its argument, each problem on a line of its own.
[[nodiscard]] Result<v1::Release> make_adhoc(const AdhocWish& wish, const Sources& sources);

/// What a person should know of a wish that can be: its add-on fetches a chart, or has another name today.
[[nodiscard]] std::vector<std::string> warnings_of(const AdhocWish& wish);

/// "enable-addon registry --size=20Gi": what lists and the audit log show.
[[nodiscard]] std::string words_of(const AdhocWish& wish);

/// One wave of all, nobody left for later; a failure ends it.
[[nodiscard]] api::v1::Policy adhoc_policy();

}  // namespace kelpie::cli
