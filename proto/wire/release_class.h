// What makes a release dangerous (class D): one rule for the CLI that signs, the hub that stores and the device that
// demands the signatures. Needs no JSON parser: a manifest it cannot read for certain counts as dangerous.
#pragma once

#include <string>
#include <vector>

namespace kelpie::v1 {
class Release;
}

namespace kelpie::wire {

/// Why the release needs the signatures of class D, a line each: "workload kiosk: a privileged container". Empty:
/// class C. A plan for a release with dangers must say CLASS_DANGEROUS.
/// Source: protocol section 1. What depends on the device (a downgrade) is judged there.
[[nodiscard]] std::vector<std::string> dangers_of(const v1::Release& release);

}  // namespace kelpie::wire
