// Frames sealed years ago must open for ever, and be sealed the same today. With KELPIE_GOLDEN_WRITE=1 the files are
// written instead: only for a new type or a new field, never to make a failing comparison pass.
#include <cstdlib>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/proto/samples.h"
#include "tests/support/child.h"

namespace kelpie::wire {
namespace {

using kelpie::test::read_file;
using kelpie::test::write_file;
using test::key_of;

constexpr std::size_t kBytesPerLine = 32;

std::string as_lines(const std::string& frame) {
  std::string out;
  for (std::size_t at = 0; at < frame.size(); at += kBytesPerLine) {
    out += to_hex(as_bytes(frame.substr(at, kBytesPerLine))) + "\n";
  }
  return out;
}

void expect_golden(const std::string& name, const std::string& frame) {
  const std::string path = fmt::format("{}/tests/golden/{}.hex", KELPIE_SOURCE_DIR, name);
  if (std::getenv("KELPIE_GOLDEN_WRITE") != nullptr) write_file(path, as_lines(frame));
  EXPECT_EQ(as_lines(frame), read_file(path)) << name;
}

std::string name_of(FrameType type) {
  constexpr const char* kNames[] = {"trust_doc", "release",     "plan",          "deliver",     "report",
                                    "beacon",    "device_cert", "enrol_request", "enrol_grant", "checkpoint",
                                    "notice",    "approval",    "brake"};
  const auto number = static_cast<std::size_t>(type);
  return fmt::format("{:02}_{}", number, kNames[number - 1]);
}

std::uint64_t signer_of(FrameType type) {
  switch (type) {
    case FrameType::TrustDoc: return 1;
    case FrameType::Release:
    case FrameType::Plan:
    case FrameType::DeviceCert:
    case FrameType::Approval:
    case FrameType::Brake: return 2;
    case FrameType::Deliver:
    case FrameType::Beacon:
    case FrameType::EnrolGrant:
    case FrameType::Checkpoint:
    case FrameType::Notice: return 3;
    case FrameType::Report:
    case FrameType::EnrolRequest: return 4;
  }
  return 0;
}

TEST(Golden, FrameOfEachTypeHasTheSameBytes) {
  for (const auto& [type, payload] : test::sample_payloads()) {
    expect_golden(name_of(type), seal(type, test::sample_installation(), as_bytes(payload), key_of(signer_of(type))));
  }
}

TEST(Golden, FrameWithAnArchiveHasTheSameBytes) {
  const auto sealed = [](FrameType type, const std::string& payload) {
    return seal(type, test::sample_installation(), as_bytes(payload), key_of(signer_of(type)));
  };
  expect_golden("04_deliver_archive", sealed(FrameType::Deliver, test::sample_go_with_archive()));
  expect_golden("05_report_archive", sealed(FrameType::Report, test::sample_report_of_archive()));
}

TEST(Golden, FrameOfABatchHasTheSameBytes) {
  const std::string& payload = test::sample_payloads()[3].second;
  const auto frames =
      seal_batch(FrameType::Deliver, test::sample_installation(), {payload, payload + "x", payload + "y"}, key_of(3));

  expect_golden("04_deliver_batch", frames[2]);
}

TEST(Golden, FrameWithTwoSignaturesHasTheSameBytes) {
  const std::string one =
      seal(FrameType::Plan, test::sample_installation(), as_bytes(test::sample_payloads()[2].second), key_of(2));

  expect_golden("03_plan_two_persons", add_signature(as_bytes(one), test::sample_installation(), key_of(5)).value());
}

}  // namespace
}  // namespace kelpie::wire
