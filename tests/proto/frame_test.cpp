// Frames: what is sealed opens, and nothing else does.
#include "proto/wire/frame.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/proto/samples.h"

namespace kelpie::wire {
namespace {

using test::key_of;
using test::knows;
using test::reason_of;
using test::sample_installation;

std::string sealed(FrameType type = FrameType::Report, const std::string& payload = "payload") {
  return seal(type, sample_installation(), as_bytes(payload), key_of(4));
}

/// Parsed and verified by whoever knows the keys of these seeds.
Result<std::vector<PublicKey>> open(const std::string& bytes, const std::vector<std::uint64_t>& seeds = {4}) {
  std::vector<PublicKey> keys;
  for (const std::uint64_t seed : seeds) keys.push_back(key_of(seed).public_key());
  KELPIE_TRY(const Frame frame, parse_frame(as_bytes(bytes)));
  return verified_signers(frame, sample_installation(), knows(keys));
}

TEST(Frame, OpensAsItWasSealed) {
  for (const auto& [type, payload] : test::sample_payloads()) {
    const std::string bytes = sealed(type, payload);
    const Result<Frame> frame = parse_frame(as_bytes(bytes));
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->type, type);
    EXPECT_EQ(frame->payload, payload);
    EXPECT_FALSE(frame->proof);
    EXPECT_EQ(to_bytes(*frame), bytes);
    EXPECT_EQ(open(bytes), std::vector{key_of(4).public_key()});
  }
}

TEST(Frame, HasTheBytesOfTheProtocol) {
  const std::string bytes = sealed(FrameType::Report, "abc");
  const std::string kid = key_id(key_of(4).public_key()).bytes();

  EXPECT_EQ(bytes.size(), 12U + 80U + 3U);
  EXPECT_EQ(to_hex(as_bytes(bytes.substr(0, 12))),
            "4b4c5031"
            "0500"
            "01"
            "00"
            "03000000");
  EXPECT_EQ(bytes.substr(12, 16), kid);
  EXPECT_EQ(bytes.substr(92), "abc");
  EXPECT_EQ(to_hex(as_bytes(signed_message(FrameType::Report, InstallationId(), as_bytes("abc")))),
            to_hex(as_bytes("kelpie-sig-v1")) +
                "000000"
                "0500" +
                std::string(32, '0') +
                "0300000000000000"
                "616263");
}

TEST(Frame, AnyFlippedByteIsRefused) {
  const std::vector<std::string> batch =
      seal_batch(FrameType::Deliver, sample_installation(), {"one", "two", "three"}, key_of(4));
  for (const std::string& good : {sealed(), sealed(FrameType::Deliver), batch[0], batch[2]}) {
    ASSERT_TRUE(open(good));
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ mask);
        EXPECT_FALSE(open(bad)) << "byte " << at << " mask " << mask;
      }
    }
  }
}

TEST(Frame, AnyOtherLengthIsRefused) {
  const std::string good = sealed();
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_EQ(reason_of(open(good.substr(0, size))), "E_FRAME");
  EXPECT_EQ(reason_of(open(good + "x")), "E_FRAME");
}

TEST(Frame, EachRefusalHasItsCode) {
  struct Row {
    std::string name;
    std::function<void(std::string&)> spoil;
    std::string reason;
  };
  const std::vector<Row> rows = {
      {"empty", [](std::string& b) { b.clear(); }, "E_FRAME"},
      {"magic", [](std::string& b) { b[3] = '2'; }, "E_FRAME"},
      {"type 0", [](std::string& b) { b[4] = 0; }, "E_TYPE"},
      {"type 14", [](std::string& b) { b[4] = 14; }, "E_TYPE"},
      {"type 261", [](std::string& b) { b[5] = 1; }, "E_TYPE"},
      {"payload over the cap", [](std::string& b) { b[10] = 2; }, "E_SIZE"},
      {"payload of 4 GiB", [](std::string& b) { b[11] = '\xff'; }, "E_SIZE"},
      {"no signature", [](std::string& b) { b[6] = 0; }, "E_FRAME"},
      {"nine signatures", [](std::string& b) { b[6] = 9; }, "E_FRAME"},
      {"eighteen hashes", [](std::string& b) { b[4] = 4, b[7] = 18; }, "E_FRAME"},
      {"proof in a report", [](std::string& b) { b[7] = 1, b.insert(92, 36, '\0'); }, "E_FRAME"},
      {"index outside the tree", [](std::string& b) { b[4] = 4, b[7] = 1, b.insert(92, 36, '\2'); }, "E_FRAME"},
      {"twice the same key", [](std::string& b) { b[6] = 2, b.insert(92, b.substr(12, 80)); }, "E_FRAME"},
      {"other type", [](std::string& b) { b[4] = 6; }, "E_SIG"},
      {"other payload", [](std::string& b) { b[92] = 'P'; }, "E_SIG"},
      {"unknown key", [](std::string& b) { b[12] = static_cast<char>(~b[12]); }, "E_SIG"},
  };
  for (const Row& row : rows) {
    std::string bytes = sealed();
    row.spoil(bytes);
    EXPECT_EQ(reason_of(open(bytes)), row.reason) << row.name;
  }
}

TEST(Frame, OfAnotherInstallationIsRefused) {
  const Result<Frame> frame = parse_frame(as_bytes(sealed()));
  ASSERT_TRUE(frame);

  EXPECT_EQ(reason_of(verified_signers(*frame, InstallationId(), knows({key_of(4).public_key()}))), "E_SIG");
}

TEST(Frame, PayloadOfExactlyTheCapFits) {
  for (const auto& [type, payload] : test::sample_payloads()) {
    EXPECT_TRUE(open(sealed(type, std::string(payload_bytes_max(type), 'x'))));
    EXPECT_EQ(reason_of(open(sealed(type, std::string(payload_bytes_max(type) + 1, 'x')))), "E_SIZE");
  }
}

TEST(Frame, TakesASecondSignature) {
  const Result<std::string> both = add_signature(as_bytes(sealed(FrameType::Plan)), sample_installation(), key_of(2));
  ASSERT_TRUE(both);

  EXPECT_EQ(open(*both, {2, 4}), (std::vector{key_of(4).public_key(), key_of(2).public_key()}));
  EXPECT_EQ(open(*both, {2}), std::vector{key_of(2).public_key()});
  EXPECT_EQ(reason_of(open(*both, {9})), "E_SIG");
}

TEST(Frame, OneWrongSignatureByAKnownKeySpoilsIt) {
  Result<std::string> both = add_signature(as_bytes(sealed(FrameType::Plan)), sample_installation(), key_of(2));
  ASSERT_TRUE(both);
  (*both)[12 + 80 + 16] = static_cast<char>(~(*both)[12 + 80 + 16]);

  EXPECT_EQ(reason_of(open(*both, {2, 4})), "E_SIG");
  EXPECT_TRUE(open(*both, {4}));
}

TEST(Frame, CountsAKeyOnceWhateverItsKidSays) {
  Result<Frame> frame = parse_frame(as_bytes(sealed(FrameType::Plan)));
  ASSERT_TRUE(frame);
  frame->signatures.push_back(frame->signatures.front());
  frame->signatures.back().kid = KeyId();
  const auto always = [](const KeyId&) { return std::optional(key_of(4).public_key()); };

  const Result<std::vector<PublicKey>> signers = verified_signers(*frame, sample_installation(), always);

  EXPECT_EQ(signers, std::vector{key_of(4).public_key()});
}

TEST(Frame, RefusesToBeSignedTwiceByOneKeyOrTooOften) {
  std::string frame = sealed(FrameType::Plan);
  const Result<std::string> again = add_signature(as_bytes(frame), sample_installation(), key_of(4));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::AlreadyExists);

  for (std::uint64_t seed = 10; seed < 17; ++seed) {
    frame = add_signature(as_bytes(frame), sample_installation(), key_of(seed)).value();
  }
  EXPECT_EQ(reason_of(add_signature(as_bytes(frame), sample_installation(), key_of(17))), "E_FRAME");
}

TEST(Batch, EachFrameOpensAlone) {
  for (const std::size_t size : {1U, 2U, 3U, 8U, 100U}) {
    std::vector<std::string> payloads;
    for (std::size_t i = 0; i < size; ++i) payloads.push_back(fmt::format("payload {}", i));
    const std::vector<std::string> frames = seal_batch(FrameType::Deliver, sample_installation(), payloads, key_of(4));
    ASSERT_EQ(frames.size(), size);
    for (std::size_t i = 0; i < size; ++i) {
      EXPECT_EQ(parse_frame(as_bytes(frames[i]))->payload, payloads[i]);
      EXPECT_TRUE(open(frames[i])) << size << " " << i;
    }
  }
}

TEST(Batch, OfOneHasNoProof) {
  const std::vector<std::string> frames = seal_batch(FrameType::Beacon, sample_installation(), {"only"}, key_of(4));

  EXPECT_EQ(frames, std::vector{sealed(FrameType::Beacon, "only")});
}

TEST(Batch, OfNothingIsNothing) {
  EXPECT_TRUE(seal_batch(FrameType::Beacon, sample_installation(), {}, key_of(4)).empty());
}

TEST(Batch, SplitsWhereATreeIsFull) {
  const std::size_t full = std::size_t{1} << kMerkleDepthMax;
  const std::vector<std::string> payloads(full + 1, "x");
  const std::vector<std::string> frames = seal_batch(FrameType::Beacon, sample_installation(), payloads, key_of(4));

  ASSERT_EQ(frames.size(), full + 1);
  EXPECT_EQ(parse_frame(as_bytes(frames[full - 1]))->proof->siblings.size(), kMerkleDepthMax);
  EXPECT_FALSE(parse_frame(as_bytes(frames[full]))->proof);
  for (const std::size_t i : {std::size_t{0}, full - 1, full}) EXPECT_TRUE(open(frames[i])) << i;
}

TEST(Batch, FrameTakesNoSecondSignature) {
  const auto frames = seal_batch(FrameType::Deliver, sample_installation(), {"one", "two"}, key_of(4));

  EXPECT_EQ(reason_of(add_signature(as_bytes(frames[0]), sample_installation(), key_of(2))), "E_FRAME");
}

TEST(Batch, PayloadCannotMoveToAnotherPlace) {
  const auto frames = seal_batch(FrameType::Deliver, sample_installation(), {"one", "two"}, key_of(4));
  Frame first = parse_frame(as_bytes(frames[0])).value();
  const Frame second = parse_frame(as_bytes(frames[1])).value();
  first.payload = second.payload;

  EXPECT_EQ(reason_of(open(to_bytes(first))), "E_SIG");
}

TEST(Refusals, AreTheClosedSetOfTheProtocol) {
  std::string codes;
  for (int i = 0; i <= static_cast<int>(Refusal::State); ++i) {
    const Error error = refused(static_cast<Refusal>(i), "why");
    EXPECT_NE(error.code, Code::Internal) << error.reason;
    codes += error.reason + " ";
  }
  EXPECT_EQ(codes,
            "E_FRAME E_TYPE E_SIZE E_SIG E_ROLE E_TRUST_CHAIN E_SCHEMA "
            "E_AUDIENCE E_ATTEMPT E_NONCE E_SEQUENCE E_NOT_PREPARED E_EPOCH E_ID_REUSE E_EXPIRED E_CLOCK_UNSURE "
            "E_PLAN_SIG E_PLAN_LEAF E_THRESHOLD E_GEN_OLD E_GEN_CONFLICT E_POLICY E_DIGEST "
            "E_AGENT_TOO_OLD E_STATE ");
}

}  // namespace
}  // namespace kelpie::wire
