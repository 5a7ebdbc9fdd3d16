#include "proto/wire/trust.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <kelpie/v1/trust.pb.h>

#include "proto/wire/walker.h"

namespace kelpie::wire {
namespace {

template <typename Holder>
std::optional<PublicKey> find_key(const std::vector<Holder>& holders, const KeyId& kid) {
  for (const Holder& holder : holders) {
    if (key_id(holder.key) == kid) return holder.key;
  }
  return std::nullopt;
}

template <typename Holder>
bool holds(const std::vector<Holder>& holders, const PublicKey& key) {
  return std::ranges::any_of(holders, [&](const Holder& holder) { return holder.key == key; });
}

tl::unexpected<Error> wrong(std::string message) {
  return fail(refused(Refusal::Schema, std::move(message)));
}

Result<PublicKey> parse_key(const std::string& bytes, std::string_view role) {
  Result<PublicKey> key = PublicKey::from_bytes(bytes);
  if (!key) return wrong(fmt::format("trust document: {} key: {}", role, key.error().message));
  return key;
}

template <typename Message>
Result<std::vector<TrustOperator>> parse_persons(const Message& messages, std::string_view role) {
  std::vector<TrustOperator> out;
  for (const auto& message : messages) {
    KELPIE_TRY(const PublicKey key, parse_key(message.key(), role));
    if (message.person().empty()) return wrong(fmt::format("trust document: {} key without a person", role));
    if (holds(out, key)) return wrong(fmt::format("trust document: {} key listed twice", role));
    out.push_back({.key = key, .person = message.person()});
  }
  return out;
}

Result<std::vector<TrustHub>> parse_hubs(const v1::TrustDocument& document) {
  std::vector<TrustHub> out;
  for (const v1::HubKey& message : document.hubs()) {
    KELPIE_TRY(const PublicKey key, parse_key(message.key(), "hub"));
    if (holds(out, key)) return wrong("trust document: hub key listed twice");
    out.push_back({.key = key, .epoch = message.epoch()});
  }
  return out;
}

std::size_t person_count(const std::vector<TrustOperator>& roots, const std::vector<PublicKey>& keys) {
  std::set<std::string_view> persons;
  for (const TrustOperator& root : roots) {
    if (std::ranges::find(keys, root.key) != keys.end()) persons.insert(root.person);
  }
  return persons.size();
}

/// What no set of signatures can make right.
Result<void> check_roles(const Trust& trust) {
  std::vector<PublicKey> roots;
  for (const TrustOperator& root : trust.roots) roots.push_back(root.key);
  if (trust.root_threshold < 1 || trust.root_threshold > person_count(trust.roots, roots)) {
    return wrong(fmt::format("trust document: root threshold {} cannot be met by {} persons", trust.root_threshold,
                             person_count(trust.roots, roots)));
  }
  for (const TrustHub& hub : trust.hubs) {
    // Otherwise one key could give both signatures that stand behind every change.
    if (holds(trust.operators, hub.key) || holds(trust.roots, hub.key)) {
      return wrong("trust document: a hub's key is also an operator's or root's");
    }
  }
  return {};
}

/// Payload bytes to values. They are not proved yet: the strict walker stands between them and the parser.
Result<Trust> parse_payload(const std::string& payload) {
  KELPIE_TRY(check_strict(as_bytes(payload), *v1::TrustDocument::descriptor()));
  v1::TrustDocument document;
  if (!document.ParseFromString(payload)) return wrong("trust document cannot be parsed");
  if (document.version() != 1) {
    return fail(refused(Refusal::TrustChain,
                        fmt::format("trust document is version {}, a first one must be 1", document.version())));
  }
  Trust trust;
  KELPIE_TRY(trust.installation, InstallationId::from_bytes(blake2b_128(payload).view()));
  trust.version = document.version();
  trust.name = document.name();
  KELPIE_TRY(trust.roots, parse_persons(document.roots(), "root"));
  KELPIE_TRY(trust.operators, parse_persons(document.operators(), "operator"));
  KELPIE_TRY(trust.hubs, parse_hubs(document));
  trust.root_threshold = document.root_threshold();
  // Zero is how protobuf says "not written": the protocol's defaults stand (section 1).
  if (document.change_threshold() != 0) trust.change_threshold = document.change_threshold();
  if (document.dangerous_threshold() != 0) trust.dangerous_threshold = document.dangerous_threshold();
  KELPIE_TRY(check_roles(trust));
  return trust;
}

}  // namespace

std::optional<PublicKey> Trust::operator_key(const KeyId& kid) const {
  return find_key(operators, kid);
}

std::optional<PublicKey> Trust::hub_key(const KeyId& kid) const {
  return find_key(hubs, kid);
}

const TrustHub* Trust::hub(const PublicKey& key) const {
  const auto at = std::ranges::find(hubs, key, &TrustHub::key);
  return at == hubs.end() ? nullptr : &*at;
}

std::string Trust::person(const PublicKey& key) const {
  const auto at = std::ranges::find(operators, key, &TrustOperator::key);
  return at == operators.end() ? std::string() : at->person;
}

Result<Trust> open_first_trust(ByteView bytes) {
  KELPIE_TRY(const Frame frame, parse_frame(bytes));
  if (frame.type != FrameType::TrustDoc) {
    return fail(refused(Refusal::Type,
                        fmt::format("frame of type {} is no trust document", static_cast<std::uint16_t>(frame.type))));
  }
  KELPIE_TRY(Trust trust, parse_payload(frame.payload));
  KELPIE_TRY(const std::vector<PublicKey> signers,
             verified_signers(frame, trust.installation, [&](const KeyId& kid) { return find_key(trust.roots, kid); }));
  const std::size_t persons = person_count(trust.roots, signers);
  if (persons < trust.root_threshold) {
    return fail(refused(Refusal::Threshold, fmt::format("trust document is signed by {} root persons, needs {}",
                                                        persons, trust.root_threshold)));
  }
  trust.frame = as_text(bytes);
  return trust;
}

}  // namespace kelpie::wire
