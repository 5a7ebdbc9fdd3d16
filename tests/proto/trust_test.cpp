// The first trust document: read from its own roots' signatures, refused for any weakness.
#include "proto/wire/trust.h"

#include <gtest/gtest.h>
#include <kelpie/v1/trust.pb.h>

#include "tests/proto/samples.h"

namespace kelpie::wire {
namespace {

using test::key_of;
using test::reason_of;

v1::TrustDocument sample_document() {
  v1::TrustDocument document;
  document.ParseFromString(test::sample_payloads().front().second);
  return document;
}

InstallationId installation_of(const std::string& payload) {
  return InstallationId::from_bytes(blake2b_128(payload).view()).value();
}

Result<Trust> open_signed_by(const v1::TrustDocument& document, const std::vector<std::uint64_t>& seeds) {
  const std::string payload = document.SerializeAsString();
  const InstallationId installation = installation_of(payload);
  std::string frame = seal(FrameType::TrustDoc, installation, as_bytes(payload), key_of(seeds.front()));
  for (std::size_t i = 1; i < seeds.size(); ++i) {
    frame = add_signature(as_bytes(frame), installation, key_of(seeds[i])).value();
  }
  return open_first_trust(as_bytes(frame));
}

v1::TrustDocument& with_root(v1::TrustDocument& document, std::uint64_t seed, const std::string& person) {
  v1::RootKey& root = *document.add_roots();
  root.set_key(key_of(seed).public_key().bytes());
  root.set_person(person);
  return document;
}

TEST(Trust, SaysWhichKeyMayDoWhat) {
  const Result<Trust> trust = open_signed_by(sample_document(), {1});
  ASSERT_TRUE(trust) << trust.error().message;
  const PublicKey operator_key = key_of(2).public_key();
  const PublicKey hub_key = key_of(3).public_key();

  EXPECT_EQ(trust->installation, installation_of(sample_document().SerializeAsString()));
  EXPECT_EQ(trust->version, 1U);
  EXPECT_EQ(trust->operator_key(key_id(operator_key)), operator_key);
  EXPECT_EQ(trust->hub_key(key_id(hub_key)), hub_key);
  EXPECT_EQ(trust->operator_key(key_id(hub_key)), std::nullopt);
  EXPECT_EQ(trust->hub_key(key_id(operator_key)), std::nullopt);
  EXPECT_EQ(trust->person(operator_key), "ana");
  EXPECT_EQ(trust->person(hub_key), "");
  ASSERT_NE(trust->hub(hub_key), nullptr);
  EXPECT_EQ(trust->hub(hub_key)->epoch, 1U);
  EXPECT_EQ(trust->hub(operator_key), nullptr);
  EXPECT_EQ(open_first_trust(as_bytes(trust->frame))->installation, trust->installation);
}

TEST(Trust, ThresholdsThatAreNotWrittenAreTheProtocolsDefaults) {
  v1::TrustDocument document = sample_document();
  document.clear_change_threshold();
  document.clear_dangerous_threshold();
  const Result<Trust> trust = open_signed_by(document, {1});

  ASSERT_TRUE(trust);
  EXPECT_EQ(trust->change_threshold, 1U);
  EXPECT_EQ(trust->dangerous_threshold, 2U);
}

TEST(Trust, NeedsTheSignatureOfARoot) {
  EXPECT_EQ(reason_of(open_signed_by(sample_document(), {2})), "E_SIG");
  EXPECT_EQ(reason_of(open_signed_by(sample_document(), {2, 1})), "");
}

TEST(Trust, CountsRootsByPersonAndNotByKey) {
  v1::TrustDocument document = sample_document();
  with_root(with_root(document, 5, "ana"), 6, "ben").set_root_threshold(2);

  EXPECT_EQ(reason_of(open_signed_by(document, {1})), "E_THRESHOLD");
  EXPECT_EQ(reason_of(open_signed_by(document, {1, 5})), "E_THRESHOLD");
  EXPECT_EQ(reason_of(open_signed_by(document, {1, 6})), "");
}

TEST(Trust, RefusesADocumentOfAnotherVersionOrType) {
  v1::TrustDocument document = sample_document();
  document.set_version(2);
  EXPECT_EQ(reason_of(open_signed_by(document, {1})), "E_TRUST_CHAIN");

  const std::string plan = seal(FrameType::Plan, InstallationId(), as_bytes("x"), key_of(1));
  EXPECT_EQ(reason_of(open_first_trust(as_bytes(plan))), "E_TYPE");
  EXPECT_EQ(reason_of(open_first_trust(as_bytes("x"))), "E_FRAME");
}

TEST(Trust, RefusesRolesThatNoSignatureCanMakeRight) {
  struct Row {
    std::string name;
    std::function<void(v1::TrustDocument&)> spoil;
  };
  const std::string root = key_of(1).public_key().bytes();
  const std::vector<Row> rows = {
      {"no roots", [](auto& d) { d.clear_roots(); }},
      {"root threshold 0", [](auto& d) { d.set_root_threshold(0); }},
      {"root threshold above the persons", [](auto& d) { d.set_root_threshold(2); }},
      {"two keys, one person", [](auto& d) { with_root(d, 5, "ana").set_root_threshold(2); }},
      {"root twice", [](auto& d) { with_root(d, 1, "ben"); }},
      {"operator twice", [](auto& d) { *d.add_operators() = d.operators(0); }},
      {"hub twice", [](auto& d) { *d.add_hubs() = d.hubs(0); }},
      {"hub is operator", [](auto& d) { d.mutable_hubs(0)->set_key(d.operators(0).key()); }},
      {"hub is root", [&](auto& d) { d.mutable_hubs(0)->set_key(root); }},
      {"short root key", [](auto& d) { d.mutable_roots(0)->set_key("short"); }},
      {"short operator key", [](auto& d) { d.mutable_operators(0)->set_key("short"); }},
      {"short hub key", [](auto& d) { d.mutable_hubs(0)->set_key("short"); }},
      {"root without a person", [](auto& d) { d.mutable_roots(0)->clear_person(); }},
      {"operator without a person", [](auto& d) { d.mutable_operators(0)->clear_person(); }},
      {"long name", [](auto& d) { d.set_name(std::string(254, 'x')); }},
      {"unknown field", [](auto& d) { d.GetReflection()->MutableUnknownFields(&d)->AddVarint(99, 1); }},
  };
  for (const Row& row : rows) {
    v1::TrustDocument document = sample_document();
    row.spoil(document);
    EXPECT_EQ(reason_of(open_signed_by(document, {1})), "E_SCHEMA") << row.name;
  }
}

}  // namespace
}  // namespace kelpie::wire
