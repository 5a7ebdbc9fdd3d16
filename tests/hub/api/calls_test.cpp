// Writes of devices and fleets: what is refused before the core sees it, and what the core gets.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/router.h"
#include "tests/hub/api/samples.h"

namespace kelpie::hub {
namespace {

using test::call_of;
using test::told;

constexpr std::string_view kFingerprint = "9c41 77d0 0000 0000 0000 0000 0000 e2b8";

api::v1::AddDeviceRequest add_request() {
  api::v1::AddDeviceRequest out;
  out.set_name("pi-1");
  out.set_fingerprint(std::string(kFingerprint));
  (*out.mutable_labels())["site"] = "oslo";
  return out;
}

std::string told_write(const ApiCall& call) {
  return told(to_write(call, test::sample_trust(), {1'000}));
}

TEST(Calls, EveryRouteThatIsNoGetIsAWrite) {
  const Router router;
  ApiCall call;
  for (const Route& route : router.routes()) {
    call.method = route.rpc->name();
    EXPECT_EQ(is_write(call), route.method != "GET") << call.method;
  }
}

TEST(Calls, AWriteKeepsWhoAskedAndHow) {
  ApiCall call = call_of("AddDevice", add_request());
  call.request = 7;
  call.idempotency_key = "k";
  call.fingerprint = "f";
  call.is_dry_run = true;
  const Result<ApiWrite> write = to_write(call, test::sample_trust(), {1'000});
  ASSERT_TRUE(write) << write.error().message;
  EXPECT_EQ(write->request, 7U);
  EXPECT_EQ(write->actor.name, "ana");
  EXPECT_EQ(write->idempotency_key, "k");
  EXPECT_EQ(write->fingerprint, "f");
  EXPECT_TRUE(write->is_dry_run);
  const auto& add = std::get<AddDevice>(write->what);
  EXPECT_EQ(add.name, "pi-1");
  EXPECT_EQ(add.id.hex(), "9c4177d000000000000000000000e2b8");
  EXPECT_EQ(add.labels.at("site"), "oslo");
}

TEST(Calls, ADeviceNeedsANameAndAFingerprint) {
  api::v1::AddDeviceRequest request = add_request();
  request.set_name("Pi 1");
  EXPECT_EQ(told_write(call_of("AddDevice", request)),
            "INVALID_ARGUMENT: name: \"Pi 1\" is not a name: use 1 to 63 lower-case letters, digits and dashes");
  request = add_request();
  request.set_fingerprint("9c41");
  EXPECT_EQ(told_write(call_of("AddDevice", request)).substr(0, 31), "INVALID_ARGUMENT: fingerprint: ");
  request.set_fingerprint(std::string(32, '0'));
  EXPECT_EQ(told_write(call_of("AddDevice", request)),
            "INVALID_ARGUMENT: fingerprint: all zero is no key's fingerprint");
}

TEST(Calls, LabellingMustChangeSomethingAndNotContradictItself) {
  api::v1::LabelDeviceRequest request;
  request.set_name("pi-1");
  EXPECT_EQ(told_write(call_of("LabelDevice", request)), "INVALID_ARGUMENT: set: no label to set and none to remove");
  (*request.mutable_set())["site"] = "oslo";
  request.add_remove("site");
  EXPECT_EQ(told_write(call_of("LabelDevice", request)), "INVALID_ARGUMENT: remove: label \"site\" is also set");
}

TEST(Calls, ARenamedDeviceGetsAnotherValidName) {
  api::v1::RenameDeviceRequest request;
  request.set_name("pi-1");
  request.set_new_name("pi-1");
  EXPECT_EQ(told_write(call_of("RenameDevice", request)),
            "INVALID_ARGUMENT: newName: the device has this name already");
  request.set_new_name("");
  EXPECT_EQ(told_write(call_of("RenameDevice", request)).substr(0, 26), "INVALID_ARGUMENT: newName:");
}

TEST(Calls, AReasonIsOneShortLine) {
  api::v1::DecommissionRequest request;
  request.set_name("pi-1");
  request.set_reason("a\nb");
  EXPECT_EQ(told_write(call_of("DecommissionDevice", request)),
            "INVALID_ARGUMENT: reason: holds a control character; write one line");
  request.set_reason(std::string(513, 'x'));
  EXPECT_EQ(told_write(call_of("DecommissionDevice", request)),
            "INVALID_ARGUMENT: reason: 513 bytes are too many: at most 512");
}

api::v1::ApplyFleetRequest fleet_request() {
  api::v1::ApplyFleetRequest out;
  out.set_name("edge");
  out.mutable_spec()->set_selector("role=edge");
  out.mutable_spec()->set_release("kiosk@1");
  return out;
}

TEST(Calls, AFleetIsAppliedOverARevision) {
  ApiCall call = call_of("ApplyFleet", fleet_request());
  call.if_revision = 4;
  const Result<ApiWrite> write = to_write(call, test::sample_trust(), {1'000});
  ASSERT_TRUE(write) << write.error().message;
  const auto& apply = std::get<ApplyFleet>(write->what);
  EXPECT_EQ(apply.if_revision, 4U);
  EXPECT_EQ(apply.fleet.selector, "role=edge");
  EXPECT_EQ(apply.fleet.policy, Policy{});
}

TEST(Calls, OnlyFleetsHaveRevisions) {
  ApiCall call = call_of("AddDevice", add_request());
  call.if_revision = 4;
  EXPECT_EQ(told_write(call), "NOT_SUPPORTED: If-Match is not supported by AddDevice; only fleets have revisions");
}

TEST(Calls, AFleetNeedsAValidSelectorAndRelease) {
  api::v1::ApplyFleetRequest request = fleet_request();
  request.mutable_spec()->set_selector("");
  EXPECT_EQ(told_write(call_of("ApplyFleet", request)),
            "INVALID_ARGUMENT: spec.selector: is missing: say which devices, or * for all");
  request.mutable_spec()->set_selector("=");
  EXPECT_EQ(told_write(call_of("ApplyFleet", request)).substr(0, 32), "INVALID_ARGUMENT: spec.selector:");
  request = fleet_request();
  request.mutable_spec()->set_release("kiosk");
  EXPECT_EQ(told_write(call_of("ApplyFleet", request)),
            "INVALID_ARGUMENT: spec.release: \"kiosk\" is not a release: write name@version");
}

}  // namespace
}  // namespace kelpie::hub
