// What operators read: every rpc over a small fleet with a running rollout.
#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>
#include <kelpie/api/v1/api.pb.h>
#include <kelpie/v1/report.pb.h>

#include "hub/api/router.h"
#include "hub/core/rollout/plan.h"
#include "hub/records/history.h"
#include "tests/hub/api/samples.h"
#include "tests/hub/core/fake_fleet.h"

namespace kelpie::hub {
namespace {

using test::call_of;
using test::FakeFleet;
using test::told;

/// Five devices, fleet "edge", a rollout of two waves that has just begun.
struct Scene {
  FakeFleet fleet;
  test::MemoryStore store;
  wire::Trust trust = test::sample_trust();

  Scene() {
    fleet.add(5);
    fleet.start(test::make_policy({test::wave_of("canary", 1), test::wave_up_to("rest", 10'000)}));
  }
  [[nodiscard]] ApiView view() {
    return {.state = fleet.state(), .store = store, .trust = trust, .hub_name = "hub", .broker_url = "b"};
  }
  template <typename Output, typename Request>
  Output read(const std::string& method, const Request& request) {
    const Answer out = answer_read(call_of(method, request), view(), fleet.now);
    if (!out) throw std::runtime_error(out.error().message);
    return dynamic_cast<const Output&>(**out);
  }
  template <typename Request>
  std::string refused(const std::string& method, const Request& request) {
    return told(answer_read(call_of(method, request), view(), fleet.now));
  }
  std::string rollout() { return fleet.rollout().id.text(); }
};

api::v1::Named named(const std::string& name) {
  api::v1::Named out;
  out.set_name(name);
  return out;
}

TEST(Views, AnswerEveryReadRpcWithItsOwnMessage) {
  Scene scene;
  const std::map<std::string, std::string> names = {
      {"GetDevice", "pi-1"},           {"GetFleet", "edge"},
      {"GetRelease", "kiosk@1"},       {"GetPlan", scene.fleet.rollout().plan.text()},
      {"GetRollout", scene.rollout()}, {"ListArchives", "pi-1"}};
  const Router router;
  for (const Route& route : router.routes()) {
    if (route.method != "GET") continue;
    const std::string method = route.rpc->name();
    ApiCall call;
    call.method = method;
    call.input.reset(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(route.rpc->input_type())->New());
    if (const auto name = names.find(method); name != names.end())
      dynamic_cast<api::v1::Named&>(*call.input).set_name(name->second);
    if (method == "ListTargets") dynamic_cast<api::v1::ListTargetsRequest&>(*call.input).set_rollout(scene.rollout());
    const Answer out = answer_read(call, scene.view(), scene.fleet.now);
    ASSERT_TRUE(out) << method << ": " << out.error().message;
    EXPECT_EQ((*out)->GetDescriptor(), route.rpc->output_type()) << method;
  }
}

TEST(Views, UnknownThingsAreNotFound) {
  Scene scene;
  EXPECT_EQ(scene.refused("GetDevice", named("x")), "DEVICE_UNKNOWN: there is no device \"x\"");
  EXPECT_EQ(scene.refused("GetFleet", named("x")), "FLEET_UNKNOWN: there is no fleet \"x\"");
  EXPECT_EQ(scene.refused("GetRelease", named("x")), "RELEASE_UNKNOWN: there is no release \"x\"");
  EXPECT_EQ(scene.refused("GetPlan", named("x")), "PLAN_UNKNOWN: there is no plan \"x\"");
  EXPECT_EQ(scene.refused("GetRollout", named("x")), "ROLLOUT_UNKNOWN: there is no rollout \"x\"");
}

TEST(Views, DevicesComeInPagesByName) {
  Scene scene;
  api::v1::ListRequest request;
  request.set_page_size(2);
  std::string names;
  int pages = 0;
  do {
    const auto page = scene.read<api::v1::DeviceList>("ListDevices", request);
    for (const api::v1::Device& device : page.items()) names += device.metadata().name() + " ";
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(names, "pi-1 pi-2 pi-3 pi-4 pi-5 ");
  EXPECT_EQ(pages, 3);
}

TEST(Views, DeviceListsRefuseWhatTheyDoNotUnderstand) {
  Scene scene;
  api::v1::ListRequest request;
  request.set_page_size(1'001);
  EXPECT_EQ(scene.refused("ListDevices", request), "INVALID_ARGUMENT: pageSize: 1001 is above 1000");
  request = {};
  request.set_selector("=");
  EXPECT_EQ(scene.refused("ListDevices", request).substr(0, 27), "INVALID_ARGUMENT: selector:");
  request = {};
  request.set_where("color=red");
  EXPECT_EQ(scene.refused("ListDevices", request).substr(0, 6), "WHERE:");
  request = {};
  request.set_fleet("nope");
  EXPECT_EQ(scene.refused("ListDevices", request), "FLEET_UNKNOWN: there is no fleet \"nope\"");
  EXPECT_EQ(scene.refused("ListFleets", request), "INVALID_ARGUMENT: fleet: fleets are not filtered by it");
}

TEST(Views, ADeviceShowsItsFactsAsTheyCame) {
  Scene scene;
  v1::Facts facts;
  facts.set_hostname("pi-1.local");
  facts.set_memory_bytes(8ULL << 30U);
  facts.mutable_microk8s()->set_channel("1.32/stable");
  facts.mutable_node()->set_is_ready(true);
  facts.add_workloads()->set_name("nodered");
  const DeviceId id = scene.fleet.state().device_names.at("pi-1");
  Batch batch;
  batch.puts.push_back({"f/" + id.hex(), facts.SerializeAsString()});
  ASSERT_TRUE(scene.store.commit(batch));
  const auto device = scene.read<api::v1::Device>("GetDevice", named("pi-1"));
  EXPECT_EQ(device.status().facts().hostname(), "pi-1.local");
  EXPECT_EQ(device.status().facts().memory(), "8589934592");
  EXPECT_EQ(device.status().facts().microk8s_channel(), "1.32/stable");
  EXPECT_EQ(device.status().facts().workloads(0).name(), "nodered");
  EXPECT_EQ(device.spec().fleet(), "edge");
  EXPECT_EQ(device.spec().release(), "kiosk@1");
  EXPECT_EQ(device.status().connection(), "online");
  batch.puts[0].value = "\xff\xff";
  ASSERT_TRUE(scene.store.commit(batch));
  EXPECT_EQ(scene.refused("GetDevice", named("pi-1")), "DATA_LOSS: the store holds damaged facts of device pi-1");
}

TEST(Views, ARolloutAddsUpItsWaves) {
  Scene scene;
  const auto rollout = scene.read<api::v1::Rollout>("GetRollout", named(scene.rollout()));
  EXPECT_EQ(rollout.status().phase(), "running");
  EXPECT_EQ(rollout.status().wave(), "canary");
  EXPECT_EQ(rollout.status().devices(), 5U);
  EXPECT_EQ(rollout.status().waiting() + rollout.status().in_flight(), 5U);
  EXPECT_EQ(rollout.status().waves(1).members(), 4U);
  const auto fleet = scene.read<api::v1::Fleet>("GetFleet", named("edge"));
  EXPECT_EQ(fleet.status().rollout_line(), "running, wave canary (1/2)");
  EXPECT_EQ(fleet.status().devices(), 5U);
}

TEST(Views, APausedRolloutSaysWhoFailedWhyAndWhatToTypeNext) {
  Scene scene;
  scene.fleet.pass(std::chrono::minutes(1));
  for (int i = 1; i <= 5; ++i) {
    const std::string name = fmt::format("pi-{}", i);
    if (scene.fleet.device(name).attempt) scene.fleet.fail(name, "image-pull-failed");
  }
  const auto rollout = scene.read<api::v1::Rollout>("GetRollout", named(scene.rollout()));
  EXPECT_EQ(rollout.status().phase(), "paused");
  EXPECT_EQ(rollout.status().reason(), "failure_limit");
  ASSERT_EQ(rollout.status().failures_size(), 1);
  EXPECT_EQ(rollout.status().failures(0).reason(), "image-pull-failed");
  EXPECT_EQ(rollout.status().failures(0).count(), 1U);
  EXPECT_EQ(rollout.status().next(0), "kelpie rollout retry " + scene.rollout());
  const auto summary = scene.read<api::v1::Summary>("GetSummary", api::v1::Empty());
  EXPECT_EQ(summary.attention(0).severity(), "error");
  EXPECT_EQ(summary.connection().at("online"), 5U);
  EXPECT_EQ(summary.connection().at("offline"), 0U);
}

TEST(Views, TargetsComeInPagesInThePlansOrder) {
  Scene scene;
  api::v1::ListTargetsRequest request;
  request.set_rollout(scene.rollout());
  request.set_page_size(2);
  std::vector<std::string> waves;
  do {
    const auto page = scene.read<api::v1::TargetList>("ListTargets", request);
    for (const api::v1::Target& target : page.items()) waves.push_back(target.status().wave());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(waves, (std::vector<std::string>{"canary", "rest", "rest", "rest", "rest"}));
  request.set_page_token("1");
  EXPECT_EQ(scene.refused("ListTargets", request), "INVALID_ARGUMENT: pageToken: \"1\" is none of this list");
  request.clear_page_token();
  request.set_state("happy");
  EXPECT_EQ(scene.refused("ListTargets", request).substr(0, 51),
            "INVALID_ARGUMENT: state: \"happy\" is none of waiting");
  request.set_state("succeeded");
  EXPECT_EQ(scene.read<api::v1::TargetList>("ListTargets", request).items_size(), 0);
}

TEST(Views, RolloutsAreFilteredByPhaseScopeAndFleet) {
  Scene scene;
  api::v1::ListRequest request;
  request.set_where("phase=running,scope!=adhoc");
  request.set_fleet("edge");
  EXPECT_EQ(scene.read<api::v1::RolloutList>("ListRollouts", request).items_size(), 1);
  request.set_where("scope=adhoc");
  EXPECT_EQ(scene.read<api::v1::RolloutList>("ListRollouts", request).items_size(), 0);
  request.set_where("mood=good");
  EXPECT_EQ(scene.refused("ListRollouts", request).substr(0, 24), "INVALID_ARGUMENT: where:");
  request.set_where("phase=banana");
  EXPECT_EQ(scene.refused("ListRollouts", request),
            "INVALID_ARGUMENT: where: phase \"banana\" is none of running, paused, aborting, aborted, succeeded");
}

TEST(Views, NothingIsWrittenAboutANameThatNobodyBears) {
  Scene scene;
  for (const char* method : {"ListEvents", "ListAudit"}) {
    api::v1::ListEventsRequest request;
    request.set_device("nope");
    EXPECT_EQ(scene.refused(method, request), "DEVICE_UNKNOWN: there is no device \"nope\"") << method;
    request.set_device("");
    request.set_rollout("ZZZ");
    EXPECT_EQ(scene.refused(method, request), "ROLLOUT_UNKNOWN: there is no rollout \"ZZZ\"") << method;
  }
}

Digest recomputed_policy_hash(const api::v1::PlanSpec& spec, const Policy& policy) {
  std::vector<PlannedWave> waves;
  for (const api::v1::PlannedWave& wave : spec.waves()) {
    PlannedWave out{.name = wave.name(),
                    .devices = {},
                    .failures_max = wave.failures_max(),
                    .deferred_max = wave.deferred_max(),
                    .successes_min = wave.successes_min(),
                    .failure_bp = wave.failure_basis_points(),
                    .deferred_bp = wave.deferred_basis_points(),
                    .soak = std::chrono::seconds(wave.soak().seconds())};
    for (const std::string& id : wave.device_ids()) out.devices.push_back(*DeviceId::from_hex(id));
    waves.push_back(std::move(out));
  }
  return policy_hash(*Digest::from_hex(spec.release_digest()), spec.scope(), waves, policy);
}

TEST(Views, APlanShowsAllThatItsHashesCover) {
  Scene scene;
  const Plan& plan = scene.fleet.state().plans.begin()->second;
  const auto shown = scene.read<api::v1::Plan>("GetPlan", named(plan.id.text()));
  EXPECT_EQ(recomputed_policy_hash(shown.spec(), plan.policy).hex(), shown.spec().policy_hash());
  std::vector<PlanLeaf> leaves;
  for (const api::v1::PlanLeaf& leaf : shown.spec().leaves()) {
    leaves.push_back({.device = *DeviceId::from_hex(leaf.device()),
                      .scope = leaf.scope(),
                      .generation = std::stoull(leaf.generation()),
                      .release = *Digest::from_hex(leaf.release_digest())});
  }
  EXPECT_EQ(audience_root(leaves).hex(), shown.spec().audience_root());
  EXPECT_EQ(shown.status().rollout(), scene.rollout());
}

void store_audit(test::MemoryStore& store, std::uint64_t number, const std::string& object) {
  AuditEntry entry;
  entry.number = number;
  entry.object = object;
  Batch batch;
  batch.puts.push_back({records::number_key(kAuditPrefix, number), records::write_audit(entry)});
  ASSERT_TRUE(store.commit(batch));
}

TEST(Views, EventsShowTheNewestPageOrGoOnFromAPlace) {
  Scene scene;
  scene.fleet.state().feed_sequence = 7;
  for (std::uint64_t i = 1; i <= 7; ++i) test::store_event(scene.store, i, i % 2 == 0 ? "pi-2" : "pi-1");
  const auto sequences = [&](const api::v1::ListEventsRequest& request) {
    std::string out;
    const auto list = scene.read<api::v1::EventList>("ListEvents", request);
    for (const api::v1::Event& event : list.items()) out += event.seq() + " ";
    return out + "next " + list.next_page_token();
  };
  api::v1::ListEventsRequest request;
  request.set_page_size(2);
  EXPECT_EQ(sequences(request), "6 7 next ");
  request.set_device("pi-1");
  EXPECT_EQ(sequences(request), "5 7 next ");
  request.set_after("0");
  EXPECT_EQ(sequences(request), "1 3 next 3");
  request.set_page_token("3");
  EXPECT_EQ(sequences(request), "5 7 next ");
}

TEST(Views, TheAuditLogIsReadFromItsFirstEntry) {
  Scene scene;
  const DeviceId id = scene.fleet.state().device_names.at("pi-2");
  store_audit(scene.store, 0, "device/pi-1");
  store_audit(scene.store, 1, scene.rollout() + "/" + id.hex() + "/1");
  store_audit(scene.store, 2, "rollout/" + scene.rollout());
  const auto numbers = [&](const api::v1::ListEventsRequest& request) {
    std::string out;
    const auto list = scene.read<api::v1::AuditList>("ListAudit", request);
    for (const api::v1::AuditEntry& entry : list.items()) out += entry.number() + " ";
    return out;
  };
  api::v1::ListEventsRequest request;
  request.set_after("0");
  EXPECT_EQ(numbers(request), "0 1 2 ");
  request.set_rollout(scene.rollout());
  EXPECT_EQ(numbers(request), "1 2 ");
  request.set_device("pi-2");
  EXPECT_EQ(numbers(request), "1 ");
}

TEST(Views, TrustIsSaidInWords) {
  Scene scene;
  const auto trust = scene.read<api::v1::TrustView>("GetTrust", api::v1::Empty());
  EXPECT_EQ(trust.words(0), "a change needs one operator alone and the hub");
  EXPECT_EQ(trust.words(1), "dangerous work needs 2 operators together and the hub");
  EXPECT_EQ(trust.frame(), "frame");
}

TEST(Views, AWriteIsAnsweredWithWhatItMade) {
  Scene scene;
  const auto kind = [&](const std::string& method, const std::string& object) {
    ApiCall call;
    call.method = method;
    const Answer out = answer_write(call, object, scene.view(), scene.fleet.now);
    return out ? (*out)->GetDescriptor()->name() : told(out);
  };
  EXPECT_EQ(kind("LabelDevice", "device/pi-1"), "Device");
  EXPECT_EQ(kind("ApplyFleet", "fleet/edge"), "Fleet");
  EXPECT_EQ(kind("CreateRelease", "release/kiosk@1"), "Release");
  EXPECT_EQ(kind("MakePlan", "plan/" + scene.fleet.rollout().plan.text()), "Plan");
  EXPECT_EQ(kind("StartRollout", "rollout/" + scene.rollout()), "Rollout");
  EXPECT_EQ(kind("DecommissionDevice", ""), "Empty");
  EXPECT_EQ(kind("LabelDevice", "device/gone"), "DEVICE_UNKNOWN: there is no device \"gone\"");
}

TEST(Views, ADryPlanIsShownWithoutBeingStored) {
  Scene scene;
  api::v1::MakePlanRequest request;
  request.set_fleet("edge");
  ApiCall call = call_of("MakePlan", request);
  call.is_dry_run = true;
  const Answer out = answer_write(call, "", scene.view(), scene.fleet.now);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(dynamic_cast<const api::v1::Plan&>(**out).status().devices(), 5U);
}

}  // namespace
}  // namespace kelpie::hub
