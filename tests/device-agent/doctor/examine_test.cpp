// doctor: what it finds on a device, and what it does about it when told to.
#include "device-agent/doctor/examine.h"

#include <gtest/gtest.h>

#include "device-agent/doctor/mend.h"
#include "tests/device-agent/microk8s/scripted_host.h"
#include "tools/sim/microk8s/certificate.h"

namespace kelpie::agent {
namespace {

using test::ScriptedHost;
using test::set_up_running;
using test::snap_json;

constexpr const char* kBootLine = "/boot/firmware/cmdline.txt";
constexpr WallTime kToday{1'795'564'800'000};  // 2026-11-25

std::string certificate(int days_left) {
  return sim::certificate_pem(kToday - std::chrono::hours(24), kToday + std::chrono::hours(24 * days_left));
}

void set_up_healthy(ScriptedHost& host) {
  set_up_running(host);
  host.files["/usr/bin/sudo"] = "";
  host.files["/proc/net/route"] =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "eth0\t00000000\t0107A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
      "eth0\t0007A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
  for (const char* const name : {"ca.crt", "front-proxy-ca.crt", "server.crt", "front-proxy-client.crt"}) {
    host.files[std::string("/var/snap/microk8s/current/certs/") + name] = certificate(300);
  }
}

Own healthy() {
  return {.identity = {}, .broker = {}};
}

std::vector<Finding> examined(ScriptedHost& host, const Own& own) {
  Host parts = host.host();
  return examine(own, Work(parts, host.limit));
}

Finding one(ScriptedHost& host, std::string_view check, const Own& own = healthy()) {
  for (Finding& finding : examined(host, own)) {
    if (finding.check == check) return finding;
  }
  ADD_FAILURE() << check;
  return {};
}

TEST(Doctor, AHealthyDeviceNeedsNothing) {
  ScriptedHost host;
  set_up_healthy(host);
  std::vector<std::string> names;
  for (const Finding& finding : examined(host, healthy())) {
    names.push_back(finding.check);
    EXPECT_EQ(finding.grade, Grade::Fine) << finding.check << ": " << finding.seen;
    EXPECT_EQ(finding.remedy, "") << finding.check;
    EXPECT_FALSE(finding.seen.empty()) << finding.check;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"memory-cgroup", "memory", "disk", "hostname", "default-route", "clock",
                                             "sudo", "snapd", "refreshes", "certificates", "identity", "broker"}));
}

struct Ill {
  const char* name;
  std::function<void(ScriptedHost&, Own&)> change;
  const char* check;
  Grade grade;
  const char* remedy;  // a part of it
  Repair repair = Repair::None;
};
class IllDevice : public testing::TestWithParam<Ill> {};

TEST_P(IllDevice, IsToldWhatToType) {
  ScriptedHost host;
  set_up_healthy(host);
  Own own = healthy();
  GetParam().change(host, own);
  const Finding found = one(host, GetParam().check, own);
  EXPECT_EQ(to_string(found.grade), to_string(GetParam().grade)) << found.seen;
  EXPECT_NE(found.remedy.find(GetParam().remedy), std::string::npos) << found.remedy;
  EXPECT_EQ(found.repair, GetParam().repair);
  EXPECT_FALSE(host.was_asked("POST")) << "it looks";
}

void cgroup_off(ScriptedHost& host) {
  host.files["/sys/fs/cgroup/cgroup.controllers"] = "cpuset cpu io pids\n";
}

INSTANTIATE_TEST_SUITE_P(
    Doctor, IllDevice,
    testing::Values(
        Ill{"CgroupOffOnAPi",
            [](ScriptedHost& host, Own&) {
              cgroup_off(host);
              host.files[kBootLine] = "console=tty1 rootwait\n";
            },
            "memory-cgroup", Grade::Trouble, "append cgroup_enable=memory cgroup_memory=1 to the one line of /boot",
            Repair::MemoryCgroup},
        Ill{"CgroupOffUntilTheReboot",
            [](ScriptedHost& host, Own&) {
              cgroup_off(host);
              host.files[kBootLine] = "console=tty1 cgroup_enable=memory cgroup_memory=1\n";
            },
            "memory-cgroup", Grade::Trouble, "reboot"},
        Ill{"CgroupOffElsewhere", [](ScriptedHost& host, Own&) { cgroup_off(host); }, "memory-cgroup", Grade::Trouble,
            "GRUB_CMDLINE_LINUX"},
        Ill{"CgroupOfOldKernels",
            [](ScriptedHost& host, Own&) {
              host.files.erase("/sys/fs/cgroup/cgroup.controllers");
              host.files["/proc/cgroups"] = "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t80\t0\n";
            },
            "memory-cgroup", Grade::Trouble, "cgroup_memory=1"},
        Ill{"Half a gigabyte", [](ScriptedHost& host, Own&) { host.files["/proc/meminfo"] = "MemTotal: 441000 kB\n"; },
            "memory", Grade::Trouble, "1 GB or more"},
        Ill{"OneGigabyte", [](ScriptedHost& host, Own&) { host.files["/proc/meminfo"] = "MemTotal: 941000 kB\n"; },
            "memory", Grade::Remark, "small workload"},
        Ill{"DiskBelowEviction", [](ScriptedHost& host, Own&) { host.free_bytes = 900U << 20U; }, "disk",
            Grade::Trouble, "journalctl --vacuum-size"},
        Ill{"DiskLow", [](ScriptedHost& host, Own&) { host.free_bytes = 3ULL << 30U; }, "disk", Grade::Remark,
            "below 1 GiB"},
        Ill{"Name", [](ScriptedHost& host, Own&) { host.files["/proc/sys/kernel/hostname"] = "Kiosk_07\n"; },
            "hostname", Grade::Trouble, "hostnamectl set-hostname"},
        Ill{"NoRoute",
            [](ScriptedHost& host, Own&) {
              host.files["/proc/net/route"] = "Iface\tDestination\neth0\t0007A8C0\t0\t1\t0\t0\t0\t00FFFFFF\n";
              host.files["/proc/net/ipv6_route"] =
                  std::string(32, '0') + " 00 " + std::string(32, '0') + " 00 0 ffffffff 1 0 200200 lo\n";
            },
            "default-route", Grade::Trouble, "ip route add default"},
        Ill{"ClockOf1970", [](ScriptedHost& host, Own&) { host.wall_at_start = {}; }, "clock", Grade::Trouble,
            "timedatectl"},
        Ill{"ClockAlone", [](ScriptedHost& host, Own&) { host.kernel_says.is_clock_synchronised = false; }, "clock",
            Grade::Remark, "set-ntp true"},
        Ill{"NoSudo", [](ScriptedHost& host, Own&) { host.files.erase("/usr/bin/sudo"); }, "sudo", Grade::Trouble,
            "apt install sudo"},
        Ill{"NoSnapd", [](ScriptedHost& host, Own&) { host.has_snapd = false; }, "snapd", Grade::Trouble,
            "apt install snapd"},
        Ill{"OldSnapd",
            [](ScriptedHost& host, Own&) {
              host.on_snapd("GET /v2/system-info").out(R"({"version":"2.57.6","on-classic":true})", 200);
            },
            "snapd", Grade::Remark, "snap refresh snapd"},
        Ill{"NotHeld",
            [](ScriptedHost& host, Own&) {
              std::string snap = snap_json("1.32/stable", "7890", "v1.32.3");
              snap.erase(snap.find(R"("hold":"2318-01-01T00:00:00Z",)"), 30);
              host.on_snapd("GET /v2/snaps/microk8s").out(snap, 200);
            },
            "refreshes", Grade::Trouble, "snap refresh --hold microk8s", Repair::HoldRefreshes},
        Ill{"CertificateSoon",
            [](ScriptedHost& host, Own&) {
              host.files["/var/snap/microk8s/current/certs/server.crt"] = certificate(12);
            },
            "certificates", Grade::Remark, "kelpie command send renew-certs"},
        Ill{"CertificateOver",
            [](ScriptedHost& host, Own&) {
              host.files["/var/snap/microk8s/current/certs/server.crt"] = certificate(-1);
            },
            "certificates", Grade::Trouble, "microk8s refresh-certs -e server.crt"},
        Ill{"NoIdentity", [](ScriptedHost&, Own& own) { own.identity = fail(Code::NotFound, "there is no identity"); },
            "identity", Grade::Trouble, "kelpie-agent init"},
        Ill{"NoBroker", [](ScriptedHost&, Own& own) { own.broker = fail(Code::Unavailable, "Connection refused"); },
            "broker", Grade::Trouble, "mosquitto"}),
    [](const auto& row) {
      std::string name = row.param.name;
      std::erase(name, ' ');
      return name;
    });

TEST(Doctor, SwitchesTheMemoryCgroupOnAndKeepsTheLineOfBefore) {
  ScriptedHost host;
  set_up_healthy(host);
  cgroup_off(host);
  host.files[kBootLine] = "console=tty1 rootwait\n";
  Host parts = host.host();
  const Work work(parts, host.limit);
  const Tried<std::string> changed = mend(Repair::MemoryCgroup, work);
  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_EQ(host.files[kBootLine], "console=tty1 rootwait cgroup_enable=memory cgroup_memory=1\n");
  EXPECT_EQ(host.files[std::string(kBootLine) + ".before-kelpie"], "console=tty1 rootwait\n");
  EXPECT_NE(changed->find("reboot needed; back: cp /boot/firmware/cmdline.txt.before-kelpie"), std::string::npos);
  EXPECT_EQ(one(host, "memory-cgroup").repair, Repair::None) << "not twice";
  host.files[kBootLine] = "# a comment\nconsole=tty1\n";
  EXPECT_FALSE(mend(Repair::MemoryCgroup, work)) << "no line to append to";
  EXPECT_EQ(host.files[kBootLine], "# a comment\nconsole=tty1\n");
}

TEST(Doctor, HoldsRefreshes) {
  ScriptedHost host;
  set_up_healthy(host);
  host.on_change("POST /v2/snaps/microk8s");
  Host parts = host.host();
  const Tried<std::string> changed = mend(Repair::HoldRefreshes, Work(parts, host.limit));
  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_EQ(*changed, "refreshes are held; back: snap refresh --unhold microk8s");
  EXPECT_TRUE(host.was_asked(R"(POST /v2/snaps/microk8s {"action":"hold")"));
}

}  // namespace
}  // namespace kelpie::agent
