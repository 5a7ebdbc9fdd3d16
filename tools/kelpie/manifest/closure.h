// What a device must have before it can run a release without a registry: the images that MicroK8s and its add-ons ask
// for themselves, by track, and whether the release brings them. Source: facts, microk8s 1.
#pragma once

#include <string>
#include <vector>

#include <kelpie/v1/release.pb.h>

namespace kelpie::cli {

struct NeededImage {
  std::string ref;
  std::string by;          // "every pod", "network", "add-on dns", "release"
  std::string comes_from;  // registry, mirror or archive; empty: nothing in the release brings it
};
struct Closure {
  std::vector<NeededImage> images;
  std::vector<std::string> unknown;  // of what more may be needed, a sentence each
};
[[nodiscard]] Closure closure_of(const v1::Release& release);

}  // namespace kelpie::cli
