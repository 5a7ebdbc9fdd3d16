#include "device-agent/doctor/examine.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "device-agent/microk8s/certificates.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/snapd.h"

namespace kelpie::agent {
namespace {

constexpr std::uint64_t kMebibyte = 1ULL << 20U;
constexpr std::uint64_t kLowMemory = 512 * kMebibyte;       // facts, microk8s 2.1: the snap keeps its control plane off
constexpr std::uint64_t kLittleMemory = 1'000 * kMebibyte;  // chosen: a 1 GB Pi has some 920 MiB left for Linux
constexpr std::uint64_t kEvictionFloor = 1'024 * kMebibyte;     // facts, microk8s 1: kubelet evicts pods below it
constexpr std::uint64_t kLittleDisk = 4'096 * kMebibyte;        // facts, microk8s 9: alarm earlier
constexpr WallTime kClockFloor{1'735'689'600'000};              // chosen: 2025-01-01, before this agent was
constexpr Duration kRenewBefore = std::chrono::hours(24 * 30);  // as releases have it

Finding fine(std::string_view check, std::string seen) {
  return {.check = std::string(check), .grade = Grade::Fine, .seen = std::move(seen)};
}

Finding check_memory_cgroup(const Work& work) {
  constexpr std::string_view kCheck = "memory-cgroup";
  if (has_memory_cgroup(work)) return fine(kCheck, "the kernel counts memory by group");
  Finding out{.check = std::string(kCheck), .grade = Grade::Trouble, .seen = "off: no node gets Ready"};
  const std::optional<std::string> file = kernel_line_file(work);
  if (!file) {
    out.remedy = "add cgroup_enable=memory cgroup_memory=1 to the kernel's command line (GRUB_CMDLINE_LINUX), reboot";
  } else if (has_memory_cgroup_words(work, *file)) {
    out.remedy = "reboot: " + *file + " has it switched on";
  } else {
    out.remedy = fmt::format("append cgroup_enable=memory cgroup_memory=1 to the one line of {}, reboot", *file);
    out.repair = Repair::MemoryCgroup;
  }
  return out;
}

Finding check_memory(const Work& work) {
  const std::uint64_t bytes = read_memory_bytes(work);
  Finding out = fine("memory", in_mebibytes(bytes));
  if (bytes == 0) out.seen = "cannot be read";
  if (bytes != 0 && bytes < kLittleMemory) {
    out.grade = Grade::Remark;
    out.remedy = "one control plane and a small workload fit, no more";
  }
  if (bytes != 0 && bytes <= kLowMemory) {
    out.grade = Grade::Trouble;
    out.remedy = "use a device with 1 GB or more: MicroK8s starts no control plane with 512 MiB or less";
  }
  return out;
}

Finding check_disk(const Work& work) {
  const DeviceFiles::Space space = read_space(work);
  Finding out =
      fine("disk", fmt::format("{} of {} free", in_mebibytes(space.free_bytes), in_mebibytes(space.total_bytes)));
  if (space.free_bytes >= kLittleDisk) return out;
  out.grade = space.free_bytes < kEvictionFloor ? Grade::Trouble : Grade::Remark;
  out.remedy = "below 1 GiB kubelet throws pods out: microk8s ctr images ls, journalctl --vacuum-size=100M, apt clean";
  return out;
}

Finding check_hostname(const Work& work) {
  const Result<std::string> text = work.host().files.read("/proc/sys/kernel/hostname");
  const std::string name = text ? last_line(*text) : "";
  if (is_usable_hostname(name)) return fine("hostname", name);
  return {.check = "hostname",
          .grade = Grade::Trouble,
          .seen = fmt::format("\"{}\": no node registers under it", name),
          .remedy = "before MicroK8s is installed: hostnamectl set-hostname NAME (a-z, 0-9, - and . only)"};
}

/// The kernel's tables: a destination and a mask of nothing but zeroes.
bool has_default_route(const Work& work) {
  const Result<std::string> four = work.host().files.read("/proc/net/route");
  for (const std::string& line : four ? lines_of(*four) : std::vector<std::string>{}) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() > 7 && words[1] == "00000000" && words[7] == "00000000") return true;
  }
  const Result<std::string> six = work.host().files.read("/proc/net/ipv6_route");
  for (const std::string& line : six ? lines_of(*six) : std::vector<std::string>{}) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() == 10 && words[0] == std::string(32, '0') && words[1] == "00" && words[9] != "lo") return true;
  }
  return false;
}

Finding check_route(const Work& work) {
  if (has_default_route(work)) return fine("default-route", "there is one");
  return {.check = "default-route",
          .grade = Grade::Trouble,
          .seen = "none: Calico finds no address, and the node none of its own",
          .remedy = "without a gateway a dummy will do: ip route add default via ADDRESS dev DEVICE metric 4000"};
}

Finding check_clock(const Work& work) {
  const WallTime now = work.host().pause.wall();
  if (now < kClockFloor) {
    return {.check = "clock",
            .grade = Grade::Trouble,
            .seen = to_rfc3339(now) + " cannot be right: nothing is begun",
            .remedy = "timedatectl set-ntp true, or by hand: timedatectl set-time \"YYYY-MM-DD HH:MM:SS\""};
  }
  if (work.host().files.kernel().is_clock_synchronised.value_or(true)) return fine("clock", to_rfc3339(now));
  return {.check = "clock",
          .grade = Grade::Remark,
          .seen = to_rfc3339(now) + ", kept by no time server",
          .remedy = "timedatectl set-ntp true; without a network a clock with a battery"};
}

Finding check_sudo(const Work& work) {
  if (work.host().files.exists("/usr/bin/sudo")) return fine("sudo", "/usr/bin/sudo");
  const Tried<SnapdSystem> system = read_system(work);
  if (system && !system->is_on_classic) return fine("sudo", "not needed on Ubuntu Core");
  return {.check = "sudo",
          .grade = Grade::Trouble,
          .seen = std::string("missing: ") + std::string(row_of(Reason::SudoMissing).sentence),
          .remedy = "apt install sudo"};
}

Finding check_snapd(const Work& work) {
  const Tried<SnapdSystem> system = read_system(work);
  if (!system) {
    const bool is_missing = system.error().reason == Reason::SnapdMissing;
    return {.check = "snapd",
            .grade = Grade::Trouble,
            .seen = system.error().detail,
            .remedy = is_missing ? "apt install snapd" : "systemctl restart snapd.socket snapd"};
  }
  if (can_hold_one_snap(system->version)) return fine("snapd", system->version);
  return {.check = "snapd",
          .grade = Grade::Remark,
          .seen = system->version + ": holds refreshes of all snaps or of none",
          .remedy = "snap refresh snapd (2.58 or newer holds MicroK8s alone)"};
}

Finding check_hold(const Work& work) {
  const Tried<Snap> snap = read_snap(work);
  if (!snap) return fine("refreshes", "snapd does not say");
  if (!snap->is_installed) return fine("refreshes", "MicroK8s is not installed yet");
  if (snap->is_held) return fine("refreshes", fmt::format("held, {} {}", snap->channel, snap->version));
  return {.check = "refreshes",
          .grade = Grade::Trouble,
          .seen = fmt::format("not held: snapd may refresh {} at any hour", snap->channel),
          .remedy = "snap refresh --hold microk8s",
          .repair = Repair::HoldRefreshes};
}

Finding check_certificates(const Work& work) {
  const Tried<Snap> snap = read_snap(work);
  if (!snap || !snap->is_installed) return fine("certificates", "MicroK8s is not installed yet");
  const WallTime now = work.host().pause.wall();
  Finding out = fine("certificates", "");
  std::optional<WallTime> first;
  for (const Certificate& one : read_certificates(work)) {
    const bool is_over = !one.validity || one.validity->not_after <= now;
    const bool is_due = is_over || one.validity->not_after - now <= kRenewBefore;
    if (one.validity && (!first || one.validity->not_after < *first)) first = one.validity->not_after;
    if (!is_due) continue;
    out.grade = is_over || out.grade == Grade::Trouble ? Grade::Trouble : Grade::Remark;
    out.seen += fmt::format(
        "{}{} {}", out.seen.empty() ? "" : ", ", one.name,
        one.validity ? "ends " + to_rfc3339(one.validity->not_after).substr(0, 10) : one.validity.error().message);
    const bool is_renewable = one.name == "server.crt" || one.name == "front-proxy-client.crt";
    out.remedy = is_renewable ? "kelpie command send renew-certs DEVICE, or here: microk8s refresh-certs -e " + one.name
                              : "a new authority replaces every credential: microk8s refresh-certs -e ca.crt";
  }
  if (out.grade == Grade::Fine && first) out.seen = "the first ends " + to_rfc3339(*first).substr(0, 10);
  return out;
}

Finding check_own(std::string_view check, const Result<void>& outcome, std::string_view good,
                  std::string_view otherwise) {
  if (outcome) return fine(check, std::string(good));
  return {.check = std::string(check),
          .grade = Grade::Trouble,
          .seen = outcome.error().message,
          .remedy = outcome.error().hint.empty() ? std::string(otherwise) : outcome.error().hint};
}

}  // namespace

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::Fine: return "fine";
    case Grade::Remark: return "remark";
    case Grade::Trouble: return "trouble";
  }
  return "trouble";
}

std::vector<Finding> examine(const Own& own, const Work& work) {
  return {check_memory_cgroup(work),
          check_memory(work),
          check_disk(work),
          check_hostname(work),
          check_route(work),
          check_clock(work),
          check_sudo(work),
          check_snapd(work),
          check_hold(work),
          check_certificates(work),
          check_own("identity", own.identity, "there", "kelpie-agent init --trust FILE --broker URL"),
          check_own("broker", own.broker, "answers", "systemctl status mosquitto; is the tunnel to it up?")};
}

}  // namespace kelpie::agent
