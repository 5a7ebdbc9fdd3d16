// Any bytes as what reaches a device: once as a frame, once as a payload that its hub has signed (the first byte says
// of which kind), and once as a release that an operator has signed.
#include <cstddef>
#include <cstdint>

#include "device-agent/inbound.h"
#include "tests/device-agent/hub_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using kelpie::wire::FrameType;
  static const kelpie::wire::SigningKey hub = kelpie::test::key_of(kelpie::test::kHub);
  static const kelpie::wire::SigningKey ana = kelpie::test::key_of(kelpie::test::kAna);
  const kelpie::wire::Trust& trust = kelpie::test::the_trust();
  const kelpie::agent::Receiver receiver{
      .device = kelpie::test::the_device(), .trust = trust, .hub_epoch = 1, .now = kelpie::WallTime{1'795'000'000'000}};
  const kelpie::ByteView input(bytes, size);
  static_cast<void>(kelpie::agent::parse(input, receiver));
  if (size == 0) return 0;
  const FrameType type = bytes[0] % 3 == 0   ? FrameType::Deliver
                         : bytes[0] % 3 == 1 ? FrameType::Beacon
                                             : FrameType::Notice;
  const kelpie::ByteView payload = input.subspan(1);
  const std::string sealed = kelpie::wire::seal(type, trust.installation, payload, hub);
  static_cast<void>(kelpie::agent::parse(kelpie::as_bytes(sealed), receiver));
  const std::string release = kelpie::wire::seal(FrameType::Release, trust.installation, payload, ana);
  const kelpie::Result<kelpie::agent::Release> read = kelpie::agent::parse_release(kelpie::as_bytes(release), trust);
  if (!read) return 0;
  KELPIE_ASSERT(!read->steps.empty());
  KELPIE_ASSERT(read->scope == "device" || read->scope == "adhoc");
  return 0;
}
