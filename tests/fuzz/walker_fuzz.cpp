// Any bytes as a payload: what the strict walker passes, the parser of protobuf takes whole.
// The first byte chooses the message, and whether unknown fields pass.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <google/protobuf/message.h>
#include <kelpie/v1/deliver.pb.h>
#include <kelpie/v1/release.pb.h>
#include <kelpie/v1/report.pb.h>
#include <kelpie/v1/trust.pb.h>

#include "proto/wire/walker.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using kelpie::wire::UnknownFields;
  const std::array<const google::protobuf::Message*, 7> messages = {
      &kelpie::v1::TrustDocument::default_instance(), &kelpie::v1::Release::default_instance(),
      &kelpie::v1::Plan::default_instance(),          &kelpie::v1::Deliver::default_instance(),
      &kelpie::v1::Report::default_instance(),        &kelpie::v1::Beacon::default_instance(),
      &kelpie::v1::Notice::default_instance()};
  if (size == 0) return 0;
  const UnknownFields unknown = (bytes[0] & 0x80U) != 0 ? UnknownFields::Pass : UnknownFields::Refuse;
  const google::protobuf::Message& chosen = *messages.at((bytes[0] & 0x7fU) % messages.size());
  const kelpie::ByteView payload(bytes + 1, size - 1);
  if (!kelpie::wire::check_strict(payload, *chosen.GetDescriptor(), unknown)) return 0;
  const std::unique_ptr<google::protobuf::Message> parsed(chosen.New());
  KELPIE_ASSERT(parsed->ParseFromArray(payload.data(), static_cast<int>(payload.size())));
  if (unknown == UnknownFields::Refuse) {
    KELPIE_ASSERT(parsed->GetReflection()->GetUnknownFields(*parsed).empty());
  }
  return 0;
}
