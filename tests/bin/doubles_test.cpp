// The doubles as programs: several processes, one device, whoever is killed.
#include <csignal>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "proto/wire/http_client.h"
#include "tests/bin/state_text.h"
#include "tests/support/double_device.h"
#include "tools/sim/microk8s/json.h"

namespace kelpie::test {
namespace {

using sim::Json;

DoubleOptions fast(std::int64_t speed = 500) {
  return {.programs = KELPIE_BIN_DIR, .speed = speed, .state = {}, .world = sim::usual_world()};
}

void install(DoubleDevice& device) {
  device.change(
      [&](sim::DeviceState& state) { state = sim::running_device(sim::usual_world(), "1.32/stable", device.now()); });
}

Finished microk8s(DoubleDevice& device, std::vector<std::string> words) {
  words.insert(words.begin(), device.microk8s());
  return run({.argv = std::move(words), .env = {}, .out_file = {}, .err_file = {}});
}

Json snapd(DoubleDevice& device, const std::string& path, const std::string& body = {}) {
  const Result<wire::HttpResponse> reply = wire::http_call({.method = body.empty() ? "GET" : "POST",
                                                            .url = "http://localhost" + path,
                                                            .unix_socket = device.snapd_socket(),
                                                            .body = body});
  return reply ? Json::parse(reply->body).value_or(Json()) : Json();
}

TEST(Doubles, AnInstallOverTheSocketBringsTheProgramAndItsFiles) {
  DoubleDevice device(fast());
  device.start_snapd();
  EXPECT_EQ(snapd(device, "/v2/snaps/microk8s").at("status-code").number(), 404);
  EXPECT_EQ(microk8s(device, {"version"}).code, 127);
  const std::string change =
      snapd(device, "/v2/snaps/microk8s", R"({"action":"install","channel":"1.32/stable","classic":true})")
          .at("change")
          .text();
  ASSERT_TRUE(eventually([&] { return snapd(device, "/v2/changes/" + change).at({"result", "ready"}).is_true(); }));
  EXPECT_EQ(microk8s(device, {"version"}).out, "MicroK8s v1.32.3 revision 7890\n");
  EXPECT_NE(read_file(device.snap_data() + "/args/containerd-template.toml").find("registry.k8s.io/pause:3.10"),
            std::string::npos);
  EXPECT_EQ(device.times("installed microk8s 1.32/stable (7890)"), 1);
}

TEST(Doubles, ANodePortIsServedOnceAnEndpointIsReady) {
  DoubleDevice device(fast());
  install(device);
  device.start_snapd();
  ASSERT_EQ(microk8s(device, {"kubectl", "create", "deployment", "nodered", "--image=nodered/node-red"}).code, 0);
  ASSERT_EQ(microk8s(device, {"kubectl", "expose", "deployment", "nodered", "--type=NodePort", "--port=1880"}).code, 0);
  ASSERT_TRUE(eventually([&] { return device.node_port("default/nodered").has_value(); }));
  const DoubleDevice::NodePort open = *device.node_port("default/nodered");
  EXPECT_GE(open.node_port, 30'000);
  const Result<wire::HttpResponse> page = wire::http_call({.url = fmt::format("http://127.0.0.1:{}/", open.port)});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->body, "<title>default/nodered</title>\n");
}

TEST(Doubles, AKilledEnableGivesTheLockBackAndLeavesTheStateWhole) {
  DoubleDevice device(fast());
  install(device);
  device.add_fault("addon-endless:metrics-server*1");
  Child endless = Child::start(
      {.argv = {device.microk8s(), "enable", "core/metrics-server"}, .env = {}, .out_file = {}, .err_file = {}});
  ASSERT_TRUE(eventually([&] { return endless.out() == "Enabling Metrics-Server\n"; }));
  Child queued =
      Child::start({.argv = {device.microk8s(), "enable", "core/ingress"}, .env = {}, .out_file = {}, .err_file = {}});
  EXPECT_FALSE(queued.wait(std::chrono::milliseconds(300)));
  EXPECT_EQ(queued.out(), "");
  endless.kill_now();
  EXPECT_EQ(queued.wait(), 0);
  EXPECT_EQ(device.times("ran add-on ingress"), 1);
  EXPECT_EQ(device.times("ran add-on metrics-server"), 0);
  EXPECT_EQ(microk8s(device, {"enable", "core/metrics-server"}).code, 0);
  EXPECT_EQ(device.times("ran add-on metrics-server"), 1);
}

TEST(Doubles, WhoeverIsKilledAtAnyMomentLeavesAWholeDevice) {
  DoubleDevice device(fast());
  install(device);
  constexpr int kMoments = 25;
  for (int i = 0; i < kMoments; ++i) {
    Child enable = Child::start(
        {.argv = {device.microk8s(), "enable", "core/metrics-server"}, .env = {}, .out_file = {}, .err_file = {}});
    (void)enable.wait(std::chrono::milliseconds(3 * i));
    enable.kill_now();
  }
  // Its effect came with the state or not at all.
  EXPECT_EQ(microk8s(device, {"enable", "core/metrics-server"}).code, 0);
  EXPECT_EQ(device.times("ran add-on metrics-server"), 1);
  EXPECT_EQ(microk8s(device, {"status", "--addon", "metrics-server"}).out, "enabled\n");
}

TEST(Doubles, SnapdKilledInTheMiddleOfAChangeGoesOnWithItUnderTheSameId) {
  DoubleDevice device(fast(50));
  device.start_snapd();
  const std::string change =
      snapd(device, "/v2/snaps/microk8s", R"({"action":"install","channel":"1.32/stable","classic":true})")
          .at("change")
          .text();
  ASSERT_TRUE(eventually([&] {
    return !snapd(device, "/v2/changes/" + change).at({"result", "tasks"}).items().empty();
  }));
  device.stop_snapd();
  device.start_snapd();
  ASSERT_TRUE(eventually([&] {
    return snapd(device, "/v2/changes/" + change).at({"result", "status"}).text() == "Done";
  }));
  EXPECT_EQ(device.times("installed microk8s 1.32/stable (7890)"), 1);
}

TEST(Doubles, TheLogSaysWhatWasAskedAndHowItEnded) {
  DoubleDevice device(fast());
  install(device);
  ASSERT_EQ(microk8s(device, {"enable", "core/nosuch"}).code, 0);
  const std::vector<std::string> asked = device.asked();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0], device.microk8s() + " enable core/nosuch → begun");
  EXPECT_EQ(asked[1], device.microk8s() + " enable core/nosuch → exit 0");
}

TEST(StateText, KeepsEverything) {
  sim::DeviceState state = sim::running_device(sim::usual_world(), "1.32/stable", SteadyTime{100'000'000});
  state.faults.push_back(*sim::parse_fault("crash-loop:nodered*2"));
  state.images["a/b:1"] = {
      .digest = "sha256:1", .bytes = 7, .platform = "linux/arm64", .is_complete = false, .labels = {{"k", "v"}}};
  state.kubernetes.lost_at = SteadyTime{5};
  const Result<sim::DeviceState> again = state_from_text(to_text(state));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, state);
}

}  // namespace
}  // namespace kelpie::test
