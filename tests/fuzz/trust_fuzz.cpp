// Any bytes as a trust document: once as a frame, once as a payload that a known root has signed.
#include <cstddef>
#include <cstdint>

#include "proto/wire/trust.h"

namespace {

kelpie::wire::SigningKey root_key() {
  kelpie::SeededEntropy entropy(1);  // the root of the golden trust document, so that the corpus reaches the end
  return kelpie::wire::SigningKey::generate(entropy);
}

void check(const kelpie::Result<kelpie::wire::Trust>& trust) {
  if (!trust) return;
  KELPIE_ASSERT(trust->version == 1);
  KELPIE_ASSERT(trust->root_threshold >= 1);
  KELPIE_ASSERT(trust->root_threshold <= trust->roots.size());
  for (const kelpie::wire::TrustHub& hub : trust->hubs) KELPIE_ASSERT(trust->person(hub.key).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const kelpie::wire::SigningKey key = root_key();
  const kelpie::ByteView input(bytes, size);
  check(kelpie::wire::open_first_trust(input));
  const auto installation = kelpie::InstallationId::from_bytes(kelpie::blake2b_128(input).view()).value();
  check(kelpie::wire::open_first_trust(
      kelpie::as_bytes(kelpie::wire::seal(kelpie::wire::FrameType::TrustDoc, installation, input, key))));
  return 0;
}
