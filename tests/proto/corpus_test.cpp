// The fuzz corpora hold one input per refusal path and per type. With KELPIE_GOLDEN_WRITE=1 they are written.
#include <map>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <kelpie/v1/trust.pb.h>

#include "tests/proto/samples.h"
#include "tests/support/corpus.h"

namespace kelpie::wire {
namespace {

using namespace std::string_literals;
using kelpie::test::expect_corpus;
using test::key_of;
using Inputs = std::map<std::string, std::string>;

std::string patched(std::string bytes, std::size_t at, char value) {
  bytes.at(at) = value;
  return bytes;
}

TEST(Corpus, OfFramesHasEveryTypeAndRefusal) {
  Inputs inputs;
  for (const auto& [type, payload] : test::sample_payloads()) {
    inputs[fmt::format("type-{}", static_cast<int>(type))] =
        seal(type, test::sample_installation(), as_bytes(payload), key_of(4));
  }
  const std::string good = inputs.at("type-4");
  const std::string batched =
      seal_batch(FrameType::Deliver, test::sample_installation(), {"one", "two", "three"}, key_of(4))[2];
  inputs["batch"] = batched;
  inputs["empty"] = "";
  inputs["short"] = good.substr(0, 11);
  inputs["cut"] = good.substr(0, good.size() - 1);
  inputs["trailing"] = good + "x";
  inputs["magic"] = patched(good, 0, 'k');
  inputs["type-0"] = patched(good, 4, 0);
  inputs["type-14"] = patched(good, 4, 14);
  inputs["size"] = patched(good, 11, '\x7f');
  inputs["no-signature"] = patched(good, 6, 0);
  inputs["nine-signatures"] = patched(good, 6, 9);
  inputs["deep-proof"] = patched(batched, 7, 18);
  inputs["proof-in-report"] = patched(batched, 4, 5);
  inputs["leaf-index"] = patched(batched, 92, 4);
  inputs["same-key-twice"] = patched(good, 6, 2).insert(92, good.substr(12, 80));
  expect_corpus("frame", inputs);
}

TEST(Corpus, OfTheWalkerHasEveryRule) {
  const auto of = [](int message, const std::string& payload) {
    return std::string(1, static_cast<char>(message)) + payload;
  };
  const std::vector<std::size_t> with_schema = {0, 1, 2, 3, 4, 5, 10};  // places in sample_payloads()
  Inputs inputs;
  for (std::size_t i = 0; i < with_schema.size(); ++i) {
    inputs[fmt::format("message-{}", i)] = of(static_cast<int>(i), test::sample_payloads()[with_schema[i]].second);
  }
  const int plan = 2;
  const int deliver = 3;
  const int report = 4;
  inputs["unknown"] = of(plan, "\x78\x01");
  inputs["unknown-passes"] = of(0x80 + report, "\xf8\x01\x01");
  inputs["unsorted"] = of(plan, "\x10\x01\x08\x01");
  inputs["twice"] = of(plan, "\x08\x01\x08\x01");
  inputs["overlong"] = of(plan, "\x08\x81\x00"s);
  inputs["65-bits"] = of(plan, "\x20" + std::string(9, '\xff') + "\x02");
  inputs["33-bits"] = of(plan, "\x08\x80\x80\x80\x80\x10");
  inputs["unknown-enum"] = of(plan, "\x10\x09");
  inputs["wire-type"] = of(plan, "\x0a\x01x");
  inputs["group"] = of(plan, "\x0b\x0c");
  inputs["cut"] = of(plan, "\x1a\x05x");
  inputs["too-long"] = of(plan, "\x1a\x11" + std::string(17, 'x'));
  inputs["not-utf8"] = of(plan, "\x1a\x02\xc0\x80");
  inputs["oneof"] = of(deliver, "\x2a\x00\x32\x00"s);
  std::string many = std::string(1, '\x52') + '\0';
  for (int i = 0; i < 6; ++i) many += many;
  inputs["list-at-cap"] = of(report, many);
  inputs["list-over-cap"] = of(report, many + "\x52\x00"s);
  inputs["packed-over-cap"] = of(report, "\x4a\x15\x72\x13\x32\x11" + std::string(17, '\x01'));
  expect_corpus("walker", inputs);
}

TEST(Corpus, OfTrustHasEveryRefusal) {
  const std::string& payload = test::sample_payloads().front().second;
  const auto spoilt = [&](const std::function<void(v1::TrustDocument&)>& spoil) {
    v1::TrustDocument document;
    document.ParseFromString(payload);
    spoil(document);
    return document.SerializeAsString();
  };
  expect_corpus(
      "trust",
      {{"frame", seal(FrameType::TrustDoc, test::sample_installation(), as_bytes(payload), key_of(1))},
       {"frame-wrong-key", seal(FrameType::TrustDoc, test::sample_installation(), as_bytes(payload), key_of(2))},
       {"frame-wrong-type", seal(FrameType::Plan, test::sample_installation(), as_bytes(payload), key_of(1))},
       {"payload", payload},
       {"no-roots", spoilt([](auto& d) { d.clear_roots(); })},
       {"threshold", spoilt([](auto& d) { d.set_root_threshold(2); })},
       {"two-of-two", spoilt([](auto& d) {
          d.add_roots()->set_key(key_of(5).public_key().bytes());
          d.mutable_roots(1)->set_person("ben");
          d.set_root_threshold(2);
        })},
       {"version-2", spoilt([](auto& d) { d.set_version(2); })},
       {"hub-is-operator", spoilt([](auto& d) { d.mutable_hubs(0)->set_key(d.operators(0).key()); })},
       {"short-key", spoilt([](auto& d) { d.mutable_roots(0)->set_key("short"); })},
       {"nobody", spoilt([](auto& d) { d.mutable_operators(0)->clear_person(); })}});
}

}  // namespace
}  // namespace kelpie::wire
