// Every way a frame can be wrong: its code, and that nothing of it comes through. Each is also a fuzz corpus entry.
#include "device-agent/inbound.h"

#include <map>

#include <gtest/gtest.h>

#include "tests/device-agent/hub_frames.h"
#include "tests/support/corpus.h"

namespace kelpie::agent {
namespace {

using namespace std::string_literals;
using test::PrepareOf;
using test::sealed;
using test::sealed_raw;

constexpr WallTime kNow{1'795'000'000'000};  // 2026-11-18

Receiver receiver(WallTime now = kNow, std::uint32_t hub_epoch = 1) {
  return {.device = test::the_device(), .trust = test::the_trust(), .hub_epoch = hub_epoch, .now = now};
}

/// "E_…": refused as a frame. "prepare E_…": a PREPARE that the report will say was refused. Otherwise its kind.
std::string judged(const std::string& frame, const Receiver& by = receiver()) {
  const Result<Heard> heard = parse(as_bytes(frame), by);
  if (!heard) return heard.error().reason;
  if (const auto* const refused = std::get_if<PrepareRefused>(&heard->event)) return "prepare " + refused->code;
  static const std::vector<std::string> kKinds = {"link",   "prepare", "refused", "go",
                                                  "cancel", "read",    "beacon",  "notice"};
  return kKinds.at(heard->event.index());
}

v1::Deliver go() {
  v1::Deliver out;
  out.mutable_go()->set_attempt(test::prepare_of().prepare().attempt());
  out.mutable_go()->set_attempt_hash(test::prepare_of().prepare().attempt_hash());
  out.mutable_go()->set_nonce(std::string(16, 'n'));
  return out;
}
v1::Deliver cancel() {
  v1::Deliver out;
  out.mutable_cancel()->set_attempt(test::prepare_of().prepare().attempt());
  out.mutable_cancel()->set_attempt_hash(test::prepare_of().prepare().attempt_hash());
  return out;
}
v1::Deliver read() {
  v1::Deliver out;
  out.mutable_read()->set_hub_nonce(std::string(16, 'h'));
  return out;
}
v1::Beacon beacon() {
  v1::Beacon out;
  out.set_install_id(std::string(16, 'i'));
  out.set_boot(std::string(16, 'b'));
  out.set_sequence(3);
  out.set_holds_digest(std::string(32, 'd'));
  return out;
}
v1::Notice notice() {
  v1::Notice out;
  out.set_reconnect_window_s(5);
  return out;
}
template <typename Message, typename Change>
Message with(Message message, const Change& change) {
  change(message);
  return message;
}
std::string changed_byte(std::string frame) {
  frame.back() = static_cast<char>(frame.back() ^ 1);
  return frame;
}
const std::string kOtherDevice(16, 'x');

struct Row {
  std::string frame;
  std::string judged;
};

/// What is wrong around the payload, or in it for every kind of frame.
std::map<std::string, Row> frames() {
  const auto payload = [](v1::Deliver deliver) {
    deliver.set_device_id(test::the_device().bytes());
    deliver.set_hub_epoch(1);
    return deliver.SerializeAsString();
  };
  using D = v1::Deliver;
  return {
      {"prepare", {sealed(test::prepare_of()), "prepare"}},
      {"go", {sealed(go()), "go"}},
      {"cancel", {sealed(cancel()), "cancel"}},
      {"read", {sealed(read()), "read"}},
      {"beacon", {sealed(beacon()), "beacon"}},
      {"notice", {sealed(notice()), "notice"}},
      {"no-frame", {"KLP", "E_FRAME"}},
      {"report", {sealed_raw(wire::FrameType::Report, "x"), "E_TYPE"}},
      {"wrong-key", {sealed(go(), test::kStranger), "E_SIG"}},
      {"changed-byte", {changed_byte(sealed(go())), "E_SIG"}},
      {"by-an-operator", {sealed(go(), test::kAna), "E_ROLE"}},
      {"other-device", {sealed(with(go(), [](D& d) { d.set_device_id(kOtherDevice); })), "E_AUDIENCE"}},
      {"no-device", {sealed_raw(wire::FrameType::Deliver, read().SerializeAsString()), "E_AUDIENCE"}},
      {"beacon-of-another",
       {sealed(with(beacon(), [](v1::Beacon& b) { b.set_device_id(kOtherDevice); })), "E_AUDIENCE"}},
      {"epoch-of-another-key", {sealed(with(go(), [](D& d) { d.set_hub_epoch(2); })), "E_EPOCH"}},
      {"beacon-epoch", {sealed(with(beacon(), [](v1::Beacon& b) { b.set_hub_epoch(2); })), "E_EPOCH"}},
      {"notice-epoch", {sealed(with(notice(), [](v1::Notice& n) { n.set_hub_epoch(2); })), "E_EPOCH"}},
      {"nothing-asked", {sealed(D()), "E_SCHEMA"}},
      {"unknown-field", {sealed_raw(wire::FrameType::Deliver, payload(go()) + "\xf8\x01\x01"), "E_SCHEMA"}},
      {"unknown-in-beacon", {sealed_raw(wire::FrameType::Beacon, "\xf8\x01\x01"), "E_SCHEMA"}},
      {"unknown-in-notice", {sealed_raw(wire::FrameType::Notice, "\xf8\x01\x01"), "E_SCHEMA"}},
      {"garbage", {sealed_raw(wire::FrameType::Deliver, "not protobuf"), "E_SCHEMA"}},
      {"go-no-attempt", {sealed(with(go(), [](D& d) { d.mutable_go()->set_attempt("1"); })), "E_SCHEMA"}},
      {"go-attempt-of-another",
       {sealed(with(
            go(),
            [](D& d) { d.mutable_go()->set_attempt("01JD0000000000000000000000/" + std::string(32, 'a') + "/1"); })),
        "E_AUDIENCE"}},
      {"go-short-hash", {sealed(with(go(), [](D& d) { d.mutable_go()->set_attempt_hash("short"); })), "E_SCHEMA"}},
      {"go-short-nonce", {sealed(with(go(), [](D& d) { d.mutable_go()->set_nonce("short"); })), "E_SCHEMA"}},
      {"go-confirm", {sealed(with(go(), [](D& d) { d.mutable_go()->set_confirm_within_s(900); })), "E_POLICY"}},
      {"go-window", {sealed(with(go(), [](D& d) { d.mutable_go()->set_latest_start_in_s(60); })), "E_POLICY"}},
      {"cancel-no-attempt", {sealed(with(cancel(), [](D& d) { d.mutable_cancel()->clear_attempt(); })), "E_SCHEMA"}},
      {"cancel-no-hash", {sealed(with(cancel(), [](D& d) { d.mutable_cancel()->clear_attempt_hash(); })), "E_SCHEMA"}},
      {"read-short-nonce", {sealed(with(read(), [](D& d) { d.mutable_read()->set_hub_nonce("x"); })), "E_SCHEMA"}},
      {"beacon-short-boot", {sealed(with(beacon(), [](v1::Beacon& b) { b.set_boot("x"); })), "E_SCHEMA"}},
      {"beacon-no-install", {sealed(with(beacon(), [](v1::Beacon& b) { b.clear_install_id(); })), "E_SCHEMA"}},
      {"beacon-no-holds", {sealed(with(beacon(), [](v1::Beacon& b) { b.clear_holds_digest(); })), "E_SCHEMA"}},
      {"beacon-short-nonce", {sealed(with(beacon(), [](v1::Beacon& b) { b.set_hub_nonce("x"); })), "E_SCHEMA"}},
  };
}

/// What is wrong in a PREPARE: in its own fields, in what operators signed, or between the two.
std::map<std::string, Row> prepares() {
  using P = v1::Prepare;
  using R = v1::Release;
  const auto of = [](const PrepareOf& prepare) { return sealed(test::prepare_of(prepare)); };
  const auto spoilt = [&](const test::Change<P>& change) { return of({.prepare = change}); };
  const auto planned = [&](const test::Change<v1::Plan>& change) { return of({.plan = change}); };
  const auto released = [&](const test::Change<R>& change) { return of({.release = change}); };
  const auto plan_type = [&](wire::FrameType type) { return of({.plan_type = type}); };
  const auto privileged = [](R& r) {
    r.mutable_steps(2)->mutable_deploy()->mutable_workloads(0)->set_manifest(
        R"({"apiVersion":"v1","items":[{"spec":{"securityContext":{"privileged":true}}}],"kind":"List"})");
  };
  const auto dangerous = [](v1::Plan& p) { p.set_class_(v1::CLASS_DANGEROUS); };
  return {
      {"attempt-no-id", {spoilt([](P& p) { p.set_attempt("x"); }), "E_SCHEMA"}},
      {"attempt-short-hash", {spoilt([](P& p) { p.set_attempt_hash("x"); }), "E_SCHEMA"}},
      {"plan-empty", {spoilt([](P& p) { p.clear_plan(); }), "prepare E_PLAN_SIG"}},
      {"plan-changed-byte", {spoilt([](P& p) { p.set_plan(changed_byte(p.plan())); }), "prepare E_PLAN_SIG"}},
      {"plan-by-nobody", {of({.plan_by = {test::kStranger}}), "prepare E_PLAN_SIG"}},
      {"plan-by-the-hub", {of({.plan_by = {test::kHub}}), "prepare E_PLAN_SIG"}},
      {"plan-is-a-release", {plan_type(wire::FrameType::Release), "prepare E_PLAN_SIG"}},
      {"plan-schema", {planned([](v1::Plan& p) { p.set_schema(2); }), "prepare E_AGENT_TOO_OLD"}},
      {"plan-class-trust", {planned([](v1::Plan& p) { p.set_class_(v1::CLASS_TRUST); }), "prepare E_POLICY"}},
      {"plan-waves", {planned([](v1::Plan& p) { p.set_enforce_waves(true); }), "prepare E_POLICY"}},
      {"plan-over", {planned([](v1::Plan& p) { p.set_not_after_unix_s(1'794'999'999); }), "prepare E_EXPIRED"}},
      {"plan-scope", {planned([](v1::Plan& p) { p.set_scope("adhoc"); }), "prepare E_PLAN_LEAF"}},
      {"plan-dangerous-one-person", {planned(dangerous), "prepare E_THRESHOLD"}},
      {"plan-dangerous-two-keys", {of({.plan = dangerous, .plan_by = {test::kAna, test::kBen}}), "prepare"}},
      {"leaf-other-generation", {spoilt([](P& p) { p.set_generation(6); }), "prepare E_PLAN_LEAF"}},
      {"leaf-other-index", {spoilt([](P& p) { p.set_leaf_index(0); }), "prepare E_PLAN_LEAF"}},
      {"leaf-outside", {spoilt([](P& p) { p.set_leaf_index(3); }), "prepare E_PLAN_LEAF"}},
      {"leaf-no-proof", {spoilt([](P& p) { p.clear_leaf_proof(); }), "prepare E_PLAN_LEAF"}},
      {"leaf-short-proof", {spoilt([](P& p) { p.set_leaf_proof(0, "x"); }), "prepare E_SCHEMA"}},
      {"leaf-other-release", {spoilt([](P& p) { p.set_release_digest(std::string(32, 'x')); }), "prepare E_PLAN_LEAF"}},
      {"hash-of-another", {spoilt([](P& p) { p.set_attempt_hash(std::string(32, 'x')); }), "prepare E_ID_REUSE"}},
      {"release-empty", {spoilt([](P& p) { p.clear_release(); }), "prepare E_FRAME"}},
      {"release-by-nobody", {of({.release_by = test::kStranger}), "prepare E_SIG"}},
      {"release-by-the-hub", {of({.release_by = test::kHub}), "prepare E_SIG"}},
      {"release-other",
       {spoilt([](P& p) {
          R other = test::kiosk_release();
          other.set_version("2");
          p.set_release(sealed_raw(wire::FrameType::Release, other.SerializeAsString(), test::kAna));
        }),
        "prepare E_DIGEST"}},
      {"release-is-a-plan",
       {spoilt([](P& p) { p.set_release(sealed_raw(wire::FrameType::Plan, "x", test::kAna)); }), "prepare E_TYPE"}},
      {"release-schema", {released([](R& r) { r.set_schema(2); }), "prepare E_AGENT_TOO_OLD"}},
      {"release-no-steps", {released([](R& r) { r.clear_steps(); }), "prepare E_SCHEMA"}},
      {"release-step-of-no-kind", {released([](R& r) { r.add_steps(); }), "prepare E_SCHEMA"}},
      {"release-check-of-no-kind", {released([](R& r) { r.add_checks(); }), "prepare E_SCHEMA"}},
      {"release-scope", {released([](R& r) { r.set_scope("fleet"); }), "prepare E_SCHEMA"}},
      {"release-of-another-scope", {released([](R& r) { r.set_scope("adhoc"); }), "prepare E_PLAN_LEAF"}},
      {"dangerous-as-change", {released(privileged), "prepare E_POLICY"}},
      {"dangerous-by-two",
       {of({.release = privileged, .plan = dangerous, .plan_by = {test::kAna, test::kBen}}), "prepare"}},
  };
}

TEST(Inbound, JudgesEveryFrame) {
  for (const auto& [name, row] : frames()) EXPECT_EQ(judged(row.frame), row.judged) << name;
}

TEST(Inbound, JudgesEveryPrepare) {
  for (const auto& [name, row] : prepares()) EXPECT_EQ(judged(row.frame), row.judged) << name;
}

TEST(Inbound, EachRefusalIsInTheFuzzCorpus) {
  std::map<std::string, std::string> inputs;
  for (const auto& [name, row] : frames()) inputs[name] = row.frame;
  for (const auto& [name, row] : prepares()) inputs[name] = row.frame;
  test::expect_corpus("deliver", inputs);
}

TEST(Inbound, AClockThatCannotBeRightHoldsWhatDependsOnIt) {
  const Receiver asleep = receiver(WallTime{1'767'225'599'999});  // the last millisecond of 2025
  EXPECT_EQ(judged(sealed(test::prepare_of()), asleep), "E_CLOCK_UNSURE");
  EXPECT_EQ(judged(sealed(go()), asleep), "go") << "a nonce needs no clock";
  EXPECT_EQ(judged(sealed(cancel()), asleep), "cancel");
  EXPECT_EQ(judged(sealed(test::prepare_of()), receiver(WallTime{1'767'225'600'000})), "prepare");
}

TEST(Inbound, AnotherInstallationsFramesAreABadSignature) {
  wire::Trust other = test::the_trust();
  other.installation = *InstallationId::from_hex("ffffffffffffffffffffffffffffffff");
  const Receiver by{.device = test::the_device(), .trust = other, .hub_epoch = 1, .now = kNow};
  EXPECT_EQ(judged(sealed(go()), by), "E_SIG");
}

TEST(Inbound, AHubOfAnOldEpochIsNotHeardOnceTheNextHasSpoken) {
  EXPECT_EQ(judged(sealed(go(), test::kStandbyHub)), "go");
  EXPECT_EQ(judged(sealed(go()), receiver(kNow, 2)), "E_EPOCH");
  EXPECT_EQ(parse(as_bytes(sealed(notice(), test::kStandbyHub)), receiver())->hub_epoch, 2U);
}

TEST(Inbound, APlanWithoutEndIsNoOverflow) {
  const PrepareOf endless{.plan = [](v1::Plan& p) { p.set_not_after_unix_s(~0ULL); }};
  EXPECT_EQ(judged(sealed(test::prepare_of(endless))), "prepare");
}

TEST(Inbound, TheReleaseComesThroughAsSigned) {
  const Result<Heard> heard = parse(as_bytes(sealed(test::prepare_of())), receiver());
  ASSERT_TRUE(heard);
  const auto& order = std::get<PrepareOrder>(heard->event);
  EXPECT_EQ(order.generation, 5U);
  EXPECT_EQ(order.scope, "device");
  ASSERT_EQ(order.release.steps.size(), 3U);
  EXPECT_EQ(std::get<AddonsStep>(order.release.steps[1]).addons[0].name, "dns");
  EXPECT_EQ(std::get<DeployStep>(order.release.steps[2]).workloads[0].name_space, "default");
  EXPECT_EQ(order.release.digest, blake2b_256(test::kiosk_release().SerializeAsString()));
  EXPECT_EQ(*parse_release(as_bytes(order.release_frame), test::the_trust()), order.release);
}

/// "follow" where a start and its images prove the node together, step by step.
std::string linked(const Release& release) {
  std::string out;
  for (const Step& step : release.steps) {
    const auto* const start = std::get_if<StartStep>(&step);
    const auto* const images = std::get_if<ImagesStep>(&step);
    if (start != nullptr) out += start->images_follow ? "start follow, " : "start, ";
    if (images != nullptr) out += images->follows_start ? "images follow, " : "images, ";
  }
  return out;
}

TEST(Inbound, AStartAndTheImagesBehindItProveTheNodeTogether) {
  const auto add_images = [](v1::Step& step) {
    v1::Image& image = *step.mutable_images()->add_images();
    image.set_ref("registry.k8s.io/pause:3.10");
    image.set_digest("sha256:" + std::string(64, '1'));
  };
  struct Order {
    std::string kinds;  // s: start, i: images
    std::string linked;
  };
  for (const Order& order :
       {Order{"s", "start, "}, Order{"i", "images, "}, Order{"si", "start follow, images follow, "},
        Order{"is", "images, start, "}, Order{"isi", "images, start follow, images follow, "}}) {
    const PrepareOf prepare{.release = [&](v1::Release& release) {
      release.clear_steps();
      for (const char kind : order.kinds) {
        v1::Step& step = *release.add_steps();
        if (kind == 's') step.mutable_start();
        if (kind == 'i') add_images(step);
      }
    }};
    const Result<Heard> heard = parse(as_bytes(sealed(test::prepare_of(prepare))), receiver());
    ASSERT_TRUE(heard) << order.kinds;
    const auto* const taken = std::get_if<PrepareOrder>(&heard->event);
    ASSERT_NE(taken, nullptr) << order.kinds;
    EXPECT_EQ(linked(taken->release), order.linked) << order.kinds;
  }
}

TEST(Inbound, AGoMaySayWhereAnArchiveGoes) {
  v1::Deliver deliver = go();
  deliver.mutable_go()->set_archive_url("http://127.0.0.1:7440/archives/x");
  deliver.mutable_go()->set_archive_token(std::string(32, '\xab'));
  const Result<Heard> heard = parse(as_bytes(sealed(deliver)), receiver());
  ASSERT_TRUE(heard);
  const ArchiveDoor& door = std::get<GoOrder>(heard->event).door;
  EXPECT_EQ(door.url, "http://127.0.0.1:7440/archives/x");
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += "ab";
  EXPECT_EQ(door.token, hex);
  EXPECT_EQ(std::get<GoOrder>(parse(as_bytes(sealed(go())), receiver())->event).door, ArchiveDoor());
}

// They become arguments of programs and names of files that root makes.
TEST(Inbound, HostileImagesAndMirrorsAreRefused) {
  const auto judged_with = [](const std::function<void(v1::Image&, v1::Mirror&)>& change) {
    return judged(sealed(test::prepare_of({.release = [&](v1::Release& release) {
      release.clear_steps();
      v1::Mirror& mirror = *release.add_steps()->mutable_mirrors()->add_mirrors();
      mirror.set_registry("docker.io");
      mirror.add_hosts()->set_url("http://mirror.site:5000");
      v1::Image& image = *release.add_steps()->mutable_images()->add_images();
      image.set_ref("docker.io/library/app:1.0");
      image.set_digest("sha256:" + std::string(64, '1'));
      change(image, mirror);
    }})));
  };
  EXPECT_EQ(judged_with([](auto&, auto&) {}), "prepare");
  for (const char* const bad : {"--help/x:1", "user:pw@docker.io/app:1", "docker.io/app:1\n", "app"}) {
    EXPECT_EQ(judged_with([&](auto& image, auto&) { image.set_ref(bad); }), "prepare E_SCHEMA") << bad;
    EXPECT_EQ(judged_with([&](auto& image, auto&) { image.set_from(bad); }), "prepare E_SCHEMA") << bad;
  }
  EXPECT_EQ(judged_with([](auto& image, auto&) { image.set_digest("sha256:1"); }), "prepare E_SCHEMA");
  EXPECT_EQ(judged_with([](auto& image, auto&) { image.set_archive("sha256:../../identity.key"); }),
            "prepare E_SCHEMA");
  EXPECT_EQ(judged_with([](auto&, auto& mirror) { mirror.set_registry("../../../etc"); }), "prepare E_SCHEMA");
  EXPECT_EQ(judged_with([](auto&, auto& mirror) { mirror.mutable_hosts(0)->set_url("http://m\"]\nx"); }),
            "prepare E_SCHEMA");
}

TEST(Inbound, ImagesKnowTheMirrorsOfTheirRelease) {
  const PrepareOf prepare{.release = [](v1::Release& release) {
    release.clear_steps();
    v1::Mirror& mirror = *release.add_steps()->mutable_mirrors()->add_mirrors();
    mirror.set_registry("docker.io");
    mirror.add_hosts()->set_url("http://mirror.site:5000");
    v1::Image& image = *release.add_steps()->mutable_images()->add_images();
    image.set_ref("docker.io/library/app:1.0");
    image.set_digest("sha256:" + std::string(64, '1'));
    image.set_archive("sha256:" + std::string(64, 'a'));
  }};
  const Result<Heard> heard = parse(as_bytes(sealed(test::prepare_of(prepare))), receiver());
  ASSERT_TRUE(heard);
  const Release& release = std::get<PrepareOrder>(heard->event).release;
  const auto& images = std::get<ImagesStep>(release.steps[1]);
  EXPECT_EQ(images.mirrors, std::get<MirrorsStep>(release.steps[0]).mirrors);
  EXPECT_EQ(images.images[0].archive, std::string(64, 'a'));
}

TEST(Inbound, LimitsThatTheHubLeftOutHaveDefaults) {
  v1::Deliver deliver = go();
  deliver.mutable_go()->set_soak_s(30);
  deliver.mutable_go()->set_step_limit_s(60);
  const Result<Heard> heard = parse(as_bytes(sealed(deliver)), receiver());
  ASSERT_TRUE(heard);
  const Limits& limits = std::get<GoOrder>(heard->event).limits;
  EXPECT_EQ(limits.soak, std::chrono::seconds(30));
  EXPECT_EQ(limits.step, std::chrono::seconds(60));
  EXPECT_EQ(limits.attempt, std::chrono::minutes(45));  // R11
  EXPECT_EQ(limits.verify, std::chrono::minutes(10));
}

}  // namespace
}  // namespace kelpie::agent
