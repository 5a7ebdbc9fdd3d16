// Any bytes as a frame: parsed or refused, and what is parsed has only this one spelling.
#include <cstddef>
#include <cstdint>

#include "proto/wire/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const kelpie::ByteView input(bytes, size);
  const kelpie::Result<kelpie::wire::Frame> frame = kelpie::wire::parse_frame(input);
  if (!frame) return 0;
  KELPIE_ASSERT(kelpie::wire::to_bytes(*frame) == kelpie::as_text(input));
  const auto any_key = [](const kelpie::KeyId&) { return std::optional(kelpie::wire::PublicKey()); };
  const auto signers = kelpie::wire::verified_signers(*frame, kelpie::InstallationId(), any_key);
  KELPIE_ASSERT(!signers.has_value());  // the zero key signs nothing
  return 0;
}
