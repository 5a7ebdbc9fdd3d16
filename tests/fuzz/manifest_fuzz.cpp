// Any bytes as a manifest: problems with a place, or something the hub takes. Its workloads find the same bytes again.
#include <cstddef>
#include <cstdint>

#include <kelpie/v1/release.pb.h>

#include "hub/api/policy.h"
#include "hub/api/release_rules.h"
#include "proto/wire/release_class.h"
#include "proto/wire/walker.h"
#include "tools/kelpie/manifest/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(kelpie::as_text({bytes, size}));
  const kelpie::cli::Sources sources{
      .read = [&](const std::string& /*path*/) -> kelpie::Result<std::string> { return text; }, .resolve = {}};
  kelpie::cli::Problems problems;
  kelpie::cli::Manifests manifests;
  kelpie::cli::read_manifests(text, "m.yaml", sources, problems, manifests);
  KELPIE_ASSERT(problems.empty() || (manifests.releases.empty() && manifests.fleets.empty()));
  for (const kelpie::cli::ReleaseManifest& one : manifests.releases) {
    const std::string payload = kelpie::cli::payload_of(one.release);
    KELPIE_ASSERT(payload.size() <= kelpie::cli::kReleaseBytesMax);
    KELPIE_ASSERT(
        kelpie::wire::check_strict(kelpie::as_bytes(payload), *kelpie::v1::Release::descriptor()).has_value());
    KELPIE_ASSERT(kelpie::hub::check_release(one.release).has_value());
    for (const std::string& danger : kelpie::wire::dangers_of(one.release)) {
      KELPIE_ASSERT(danger.find("canonical") == std::string::npos);  // our own bytes are readable
    }
  }
  for (const kelpie::cli::FleetManifest& one : manifests.fleets) {
    KELPIE_ASSERT(kelpie::hub::to_policy(one.request.spec().policy(), "spec.policy").has_value());
  }
  return 0;
}
