// One device on the screen: everything an operator at a desk needs to know of a box in Turin.
#include "tools/kelpie/commands/device_view.h"

#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include "tools/kelpie/layout.h"

namespace kelpie::cli {
namespace {

constexpr std::int64_t kNow = 1'795'338'843'000;

void add_cluster(api::v1::Facts& facts) {
  facts.set_microk8s_channel("1.31/stable");
  facts.set_microk8s_revision("7234");
  facts.set_microk8s_version("v1.31.4");
  facts.set_microk8s_held(true);
  facts.set_kubernetes_version("v1.31.4");
  facts.set_node_state("running");
  facts.set_node_ready(true);
  facts.add_addons("dns");
  facts.add_addons("ingress");
  api::v1::ImageFact& image = *facts.add_images();
  image.set_ref("registry.example/kiosk:1.3.2");
  image.set_digest("sha256:0123456789abcdef0123456789abcdef");
  image.set_pinned(true);
  api::v1::WorkloadFact& workload = *facts.add_workloads();
  workload.set_name("kiosk");
  workload.set_namespace_("default");
  workload.set_kind("Deployment");
  workload.set_ready(0);
  workload.set_wanted(1);
  workload.add_node_ports(30080);
  workload.add_node_ports(30443);
  workload.set_trouble("ImagePullBackOff");
}

api::v1::Device failed() {
  api::v1::Device out;
  out.mutable_metadata()->set_name("pi-turin-07");
  (*out.mutable_metadata()->mutable_labels())["tier"] = "edge";
  (*out.mutable_metadata()->mutable_labels())["site"] = "turin";
  out.mutable_spec()->set_fleet("kiosk-eu");
  out.mutable_spec()->set_release("kiosk@1.4.0");
  out.mutable_spec()->set_fingerprint("9c41 77d0");
  api::v1::DeviceStatus& status = *out.mutable_status();
  status.set_connection("online");
  status.set_update("failed");
  status.set_health("failed");
  status.set_health_note("kiosk: 0 of 1 ready");
  (*status.mutable_refusals())["E_SIG"] = 3;
  (*status.mutable_refusals())["E_AUDIENCE"] = 1;
  status.set_reported_release("kiosk@1.3.2");
  status.set_agent_version("0.1.0");
  *status.mutable_last_seen() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(kNow - 4'000);
  status.set_failure_reason("ImagePullFailed");
  status.set_failure_detail("401 Unauthorized");
  status.mutable_attempt()->set_id("01J9Q2/9c41/1");
  status.mutable_attempt()->set_state("failed");
  status.mutable_attempt()->set_step(2);
  status.mutable_attempt()->set_step_count(5);
  status.mutable_attempt()->set_step_kind("preload-image");
  api::v1::Facts& facts = *status.mutable_facts();
  facts.set_model("Raspberry Pi 5");
  facts.set_arch("arm64");
  facts.set_memory("8000000000");
  facts.set_disk("58000000000");
  facts.set_disk_free("17000000000");
  facts.set_os("Ubuntu 24.04");
  facts.set_hostname("pi-turin-07");
  facts.set_snapd_version("2.63");
  add_cluster(facts);
  return out;
}

TEST(DeviceView, ShowsTheClusterAndWhyItIsNotWhatItShouldBe) {
  EXPECT_EQ(*draw(show_device(failed(), {.now = {kNow}}).blocks, {}, {}),
            "pi-turin-07   ● online (4s ago)   update ✖ failed   health ✖ failed   fleet kiosk-eu\n"
            "  hardware   Raspberry Pi 5 arm64   memory 8.0 GB   disk 17 GB free of 58 GB\n"
            "  system     Ubuntu 24.04   hostname pi-turin-07   agent 0.1.0   snapd 2.63\n"
            "  labels     site=turin,tier=edge\n"
            "  key        9c41 77d0\n"
            "  desired    kiosk@1.4.0\n"
            "  reported   kiosk@1.3.2\n"
            "  health     kiosk: 0 of 1 ready\n"
            "  refused    frames: E_AUDIENCE 1, E_SIG 3\n"
            "  microk8s   1.31/stable revision 7234 (v1.31.4), auto-refresh held\n"
            "  kubernetes v1.31.4\n"
            "  node       running, ready\n"
            "  add-ons    dns ingress\n"
            "\n"
            "  WORKLOAD  NAMESPACE  KIND        READY  NODEPORTS    TROUBLE\n"
            "  kiosk     default    Deployment  0/1    30080,30443  ImagePullBackOff\n"
            "\n"
            "  IMAGE                         DIGEST               PINNED\n"
            "  registry.example/kiosk:1.3.2  sha256:0123456789ab  yes\n"
            "\n"
            "FAILURE  ImagePullFailed: 401 Unauthorized\n"
            "  attempt 01J9Q2/9c41/1, failed, step 2 of 5 preload-image\n"
            "  next: kelpie command show 01J9Q2 | kelpie rollout plan kiosk@1.4.0 --fleet kiosk-eu\n");
}

TEST(DeviceView, ARolloutThatGoesOnCanTryAgain) {
  const std::string text = *draw(show_device(failed(), {.now = {kNow}, .can_retry = true}).blocks, {}, {});
  EXPECT_NE(text.find("| kelpie rollout retry 01J9Q2 pi-turin-07\n"), std::string::npos) << text;
}

/// Everything that a machine's readings and a checkup add.
api::v1::Device warned() {
  api::v1::Device out = failed();
  api::v1::DeviceStatus& status = *out.mutable_status();
  status.clear_failure_reason();
  status.clear_attempt();
  status.add_drift("MicroK8s is stopped");
  status.add_drift("workload default/kiosk is gone (by command 01J: remove kiosk, ana)");
  for (const std::int64_t ago_ms : {60'000, 3'600'000}) {
    *status.add_moved()->mutable_since() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(kNow - ago_ms);
  }
  status.set_repair_held("node was repaired 3 times within a day and moved again");
  (*status.mutable_warnings())["power"] = "undervoltage now";
  (*status.mutable_warnings())["certificates"] = "certificate server.crt expires in 12 days";
  api::v1::Facts& facts = *status.mutable_facts();
  facts.set_memory_available("900000000");
  facts.set_temperature(58);
  facts.add_throttled("undervoltage");
  facts.set_kernel("6.8.0-1013-raspi");
  facts.add_addresses("eth0 192.168.7.2");
  facts.set_route("192.168.7.1 eth0");
  facts.set_clock_synchronised(false);
  api::v1::Checkup& checkup = *facts.mutable_checkup();
  checkup.set_pods(9);
  checkup.set_datastore("12000000");
  checkup.add_certificates()->set_name("server.crt");
  checkup.mutable_certificates(0)->mutable_not_after()->set_seconds(1'796'000'000);
  return out;
}

TEST(DeviceView, SaysWhatItWarnsOfWhatMovedAndWhyNothingRepairsIt) {
  const std::string text = *draw(show_device(warned(), {.now = {kNow}}).blocks, {}, {});
  for (const char* const line : {
           "  hardware   Raspberry Pi 5 arm64   memory 900 MB free of 8.0 GB   disk 17 GB free of 58 GB   58 °C   "
           "undervoltage\n",
           "  network    eth0 192.168.7.2   route by 192.168.7.1 eth0   clock not synchronised\n",
           "  drift      MicroK8s is stopped, noticed 1m00s ago\n",
           "             workload default/kiosk is gone (by command 01J: remove kiosk, ana), noticed 1h00m ago\n",
           "  no repair  node was repaired 3 times within a day and moved again\n",
           "  warning    certificate server.crt expires in 12 days\n             undervoltage now\n",
           "  pods       9, 0 not ready, 0 restarts\n  datastore  12 MB\n  certs      server.crt until 2026-11-30\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(DeviceView, OfADeviceNobodyHasSeenSaysThat) {
  api::v1::Device device;
  device.mutable_metadata()->set_name("pi-1");
  device.mutable_status()->set_connection("never-seen");
  device.mutable_status()->set_health("unknown");
  EXPECT_EQ(*draw(show_device(device, {.now = {kNow}}).blocks, {}, {}),
            "pi-1   ○ never-seen   update -   health ? unknown   fleet -\n"
            "  labels     -\n"
            "  key\n"
            "  desired    -\n"
            "  reported   -\n"
            "  facts      none reported yet\n");
}

}  // namespace
}  // namespace kelpie::cli
