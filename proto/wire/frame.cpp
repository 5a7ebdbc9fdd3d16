#include "proto/wire/frame.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace kelpie::wire {
namespace {

// Layout and prefixes: protocol section 2.
constexpr std::string_view kMagic = "KLP1";
constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kSignatureBytes = KeyId::kSize + Signature::kSize;
constexpr std::size_t kLeafIndexBytes = 4;
constexpr std::string_view kMessagePrefix{"kelpie-sig-v1\0\0\0", 16};
constexpr std::string_view kRootPrefix{"kelpie-root-v1\0\0", 16};
constexpr std::size_t kKiB = 1024;
constexpr std::size_t kBatchMax = std::size_t{1} << kMerkleDepthMax;

struct Header {
  FrameType type = FrameType::Report;
  std::size_t signatures = 0;
  std::size_t siblings = 0;
  std::size_t payload_bytes = 0;
};

std::optional<FrameType> known_type(std::uint16_t number) {
  if (number < static_cast<std::uint16_t>(FrameType::TrustDoc) || number > static_cast<std::uint16_t>(FrameType::Brake))
    return std::nullopt;
  return static_cast<FrameType>(number);
}

bool may_be_batched(FrameType type) {
  return type == FrameType::Deliver || type == FrameType::Beacon || type == FrameType::Notice;
}

std::size_t frame_bytes(const Header& header) {
  const std::size_t proof = header.siblings == 0 ? 0 : kLeafIndexBytes + header.siblings * Digest::kSize;
  return kHeaderBytes + header.signatures * kSignatureBytes + proof + header.payload_bytes;
}

tl::unexpected<Error> refuse(Refusal refusal, std::string message) {
  return fail(refused(refusal, std::move(message)));
}

Result<Header> parse_header(ByteView bytes) {
  if (bytes.size() < kHeaderBytes) {
    return refuse(Refusal::Frame, fmt::format("frame of {} bytes is shorter than its header", bytes.size()));
  }
  if (as_text(bytes.first(kMagic.size())) != kMagic) return refuse(Refusal::Frame, "frame does not begin with KLP1");
  const std::uint16_t number = read_le16(bytes.subspan(4));
  const std::optional<FrameType> type = known_type(number);
  if (!type) return refuse(Refusal::Type, fmt::format("frame type {} is not known", number));
  const Header header{
      .type = *type, .signatures = bytes[6], .siblings = bytes[7], .payload_bytes = read_le32(bytes.subspan(8))};
  if (header.payload_bytes > payload_bytes_max(*type)) {
    return refuse(Refusal::Size, fmt::format("payload of {} bytes is over the cap of type {}, {} bytes",
                                             header.payload_bytes, number, payload_bytes_max(*type)));
  }
  if (header.signatures < 1 || header.signatures > kSignaturesMax) {
    return refuse(Refusal::Frame, fmt::format("frame has {} signatures, not 1..{}", header.signatures, kSignaturesMax));
  }
  if (header.siblings > kMerkleDepthMax) {
    return refuse(Refusal::Frame,
                  fmt::format("frame has {} hashes of proof, not 0..{}", header.siblings, kMerkleDepthMax));
  }
  if (header.siblings > 0 && !may_be_batched(*type)) {
    return refuse(Refusal::Frame, fmt::format("frame type {} may not carry a proof", number));
  }
  if (bytes.size() != frame_bytes(header)) {
    return refuse(Refusal::Frame,
                  fmt::format("frame has {} bytes, its header says {}", bytes.size(), frame_bytes(header)));
  }
  return header;
}

/// N bytes from the front of what is left; parse_header has checked that they are there.
template <typename Bytes>
Bytes take(ByteView& rest) {
  KELPIE_ASSERT(rest.size() >= Bytes::kSize);
  Bytes out;
  std::copy_n(rest.begin(), Bytes::kSize, out.writable().begin());
  rest = rest.subspan(Bytes::kSize);
  return out;
}

Result<std::vector<FrameSignature>> take_signatures(ByteView& rest, std::size_t count) {
  std::vector<FrameSignature> out;
  for (std::size_t i = 0; i < count; ++i) {
    const KeyId kid = take<KeyId>(rest);
    if (std::ranges::any_of(out, [&](const FrameSignature& other) { return other.kid == kid; })) {
      return refuse(Refusal::Frame, fmt::format("frame has two signatures by key {}", kid.hex()));
    }
    out.push_back({.kid = kid, .signature = take<Signature>(rest)});
  }
  return out;
}

Result<MerkleProof> take_proof(ByteView& rest, std::size_t siblings) {
  MerkleProof proof{.index = read_le32(rest), .siblings = {}};
  rest = rest.subspan(kLeafIndexBytes);
  // An index with bits above the tree would be a second spelling of the same frame.
  if (proof.index >> siblings != 0) {
    return refuse(Refusal::Frame, fmt::format("leaf index {} is outside a tree of depth {}", proof.index, siblings));
  }
  for (std::size_t i = 0; i < siblings; ++i) proof.siblings.push_back(take<Digest>(rest));
  return proof;
}

std::string root_message(const InstallationId& installation, const Digest& root) {
  std::string out(kRootPrefix);
  out.append(as_text(installation.view()));
  out.append(as_text(root.view()));
  return out;
}

std::string message_of(const Frame& frame, const InstallationId& installation) {
  std::string message = signed_message(frame.type, installation, as_bytes(frame.payload));
  if (!frame.proof) return message;
  return root_message(installation, merkle_root_of(merkle_leaf(as_bytes(message)), *frame.proof));
}

void append_batch(std::vector<std::string>& out, FrameType type, const InstallationId& installation,
                  std::span<const std::string> payloads, const SigningKey& key) {
  std::vector<Digest> leaves;
  leaves.reserve(payloads.size());
  for (const std::string& payload : payloads) {
    leaves.push_back(merkle_leaf(as_bytes(signed_message(type, installation, as_bytes(payload)))));
  }
  const MerkleTree tree(std::move(leaves));
  const FrameSignature signature{.kid = key_id(key.public_key()),
                                 .signature = key.sign(as_bytes(root_message(installation, tree.root())))};
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    out.push_back(to_bytes({.type = type,
                            .signatures = {signature},
                            .proof = tree.proof(static_cast<std::uint32_t>(i)),
                            .payload = payloads[i]}));
  }
}

}  // namespace

std::size_t payload_bytes_max(FrameType type) {  // protocol section 2, the table
  switch (type) {
    case FrameType::Release: return 256 * kKiB;
    case FrameType::TrustDoc:
    case FrameType::Report: return 64 * kKiB;
    case FrameType::Deliver: return 32 * kKiB;
    case FrameType::EnrolRequest:
    case FrameType::EnrolGrant: return 16 * kKiB;
    case FrameType::Plan: return 8 * kKiB;
    case FrameType::Beacon:
    case FrameType::DeviceCert:
    case FrameType::Approval: return 4 * kKiB;
    case FrameType::Checkpoint:
    case FrameType::Notice:
    case FrameType::Brake: return 1 * kKiB;
  }
  return 0;
}

Result<Frame> parse_frame(ByteView bytes) {
  KELPIE_TRY(const Header header, parse_header(bytes));
  ByteView rest = bytes.subspan(kHeaderBytes);
  KELPIE_TRY(std::vector<FrameSignature> signatures, take_signatures(rest, header.signatures));
  Frame frame{.type = header.type, .signatures = std::move(signatures), .proof = {}, .payload = {}};
  if (header.siblings > 0) {
    KELPIE_TRY(frame.proof, take_proof(rest, header.siblings));
  }
  KELPIE_ASSERT(rest.size() == header.payload_bytes);
  frame.payload = as_text(rest);
  return frame;
}

std::string to_bytes(const Frame& frame) {
  KELPIE_ASSERT(!frame.signatures.empty());
  KELPIE_ASSERT(frame.signatures.size() <= kSignaturesMax);
  KELPIE_ASSERT(!frame.proof || frame.proof->siblings.size() <= kMerkleDepthMax);
  std::string out(kMagic);
  append_le16(out, static_cast<std::uint16_t>(frame.type));
  out.push_back(static_cast<char>(frame.signatures.size()));
  out.push_back(static_cast<char>(frame.proof ? frame.proof->siblings.size() : 0));
  append_le32(out, static_cast<std::uint32_t>(frame.payload.size()));
  for (const FrameSignature& signature : frame.signatures) {
    out.append(as_text(signature.kid.view()));
    out.append(as_text(signature.signature.view()));
  }
  if (frame.proof && !frame.proof->siblings.empty()) {
    append_le32(out, frame.proof->index);
    for (const Digest& sibling : frame.proof->siblings) out.append(as_text(sibling.view()));
  }
  out.append(frame.payload);
  return out;
}

std::string signed_message(FrameType type, const InstallationId& installation, ByteView payload) {
  std::string out(kMessagePrefix);
  append_le16(out, static_cast<std::uint16_t>(type));
  out.append(as_text(installation.view()));
  append_le64(out, payload.size());
  out.append(as_text(payload));
  return out;
}

std::string seal(FrameType type, const InstallationId& installation, ByteView payload, const SigningKey& key) {
  const Signature signature = key.sign(as_bytes(signed_message(type, installation, payload)));
  return to_bytes({.type = type,
                   .signatures = {{.kid = key_id(key.public_key()), .signature = signature}},
                   .proof = {},
                   .payload = std::string(as_text(payload))});
}

std::vector<std::string> seal_batch(FrameType type, const InstallationId& installation,
                                    const std::vector<std::string>& payloads, const SigningKey& key) {
  KELPIE_ASSERT(may_be_batched(type));
  std::vector<std::string> out;
  out.reserve(payloads.size());
  for (std::size_t at = 0; at < payloads.size(); at += kBatchMax) {
    const auto batch = std::span(payloads).subspan(at, std::min(kBatchMax, payloads.size() - at));
    if (batch.size() == 1) {
      out.push_back(seal(type, installation, as_bytes(batch.front()), key));
    } else {
      append_batch(out, type, installation, batch, key);
    }
  }
  return out;
}

Result<std::string> add_signature(ByteView bytes, const InstallationId& installation, const SigningKey& key) {
  KELPIE_TRY(Frame frame, parse_frame(bytes));
  if (frame.proof) return refuse(Refusal::Frame, "a frame of a batch takes no second signature");
  const KeyId kid = key_id(key.public_key());
  if (std::ranges::any_of(frame.signatures, [&](const FrameSignature& other) { return other.kid == kid; })) {
    return fail(Code::AlreadyExists, fmt::format("key {} has signed this frame already", fingerprint(kid.view())));
  }
  if (frame.signatures.size() == kSignaturesMax) {
    return refuse(Refusal::Frame,
                  fmt::format("frame has {} signatures already, the most it can carry", kSignaturesMax));
  }
  frame.signatures.push_back({.kid = kid, .signature = key.sign(as_bytes(message_of(frame, installation)))});
  return to_bytes(frame);
}

Result<std::vector<PublicKey>> verified_signers(const Frame& frame, const InstallationId& installation,
                                                const KeyLookup& lookup) {
  const std::string message = message_of(frame, installation);
  std::vector<PublicKey> signers;
  for (const FrameSignature& signature : frame.signatures) {
    const std::optional<PublicKey> key = lookup(signature.kid);
    if (!key) continue;  // of another time or role: neither helps nor hurts
    if (!verify(*key, as_bytes(message), signature.signature)) {
      return refuse(Refusal::Sig, fmt::format("signature by key {} is wrong", fingerprint(signature.kid.view())));
    }
    if (std::ranges::find(signers, *key) == signers.end()) signers.push_back(*key);
  }
  if (signers.empty()) return refuse(Refusal::Sig, "no signature by a key that is known here");
  return signers;
}

Error refused(Refusal refusal, std::string message) {
  return {
      .code = code_of(refusal), .message = std::move(message), .reason = std::string(to_string(refusal)), .hint = {}};
}

}  // namespace kelpie::wire
