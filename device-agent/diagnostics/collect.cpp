#include "device-agent/diagnostics/collect.h"

#include <array>

#include <fmt/core.h>

#include "device-agent/microk8s/certificates.h"
#include "device-agent/microk8s/containerd.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

/// A file as it is, or a line that says why not.
void copy(const Work& work, Bundle& bundle, std::string_view name, const std::string& path) {
  const Result<std::string> text = work.host().files.read(path);
  if (!text) return bundle.lacks(name, text.error().message);
  bundle.put(name, *text);
}

std::string space_line(const Work& work, const std::string& path) {
  const Result<DeviceFiles::Space> space = work.host().files.space(path);
  if (!space) return fmt::format("{}: {}\n", path, space.error().message);
  return fmt::format("{}: {} free of {}\n", path, in_mebibytes(space->free_bytes), in_mebibytes(space->total_bytes));
}

/// Facts, microk8s 1 and 2.1: what these files' being there means.
std::string lock_lines(const Work& work) {
  std::string out;
  for (const std::string_view lock :
       {"stopped.lock", "clustered.lock", "low-memory-guard.lock", "no-cert-reissue", "ha-cluster", "cni-loaded"}) {
    const std::string path = fmt::format("{}/var/lock/{}", work.paths().snap_data, lock);
    out += fmt::format("{}: {}\n", path, work.host().files.exists(path) ? "there" : "not there");
  }
  return out;
}

std::string certificate_lines(const Work& work) {
  std::string out;
  for (const Certificate& one : read_certificates(work)) {
    out += fmt::format("{}: {}\n", one.name,
                       one.validity ? fmt::format("from {} to {}", to_rfc3339(one.validity->not_before),
                                                  to_rfc3339(one.validity->not_after))
                                    : one.validity.error().message);
  }
  return out;
}

std::string image_lines(const ImageTable& images) {
  std::string out;
  for (const auto& [name, row] : images) {
    out += fmt::format("{} {} {}{}\n", name, row.digest, row.size, row.is_pinned() ? " pinned" : "");
  }
  return out;
}

void collect_images(const Work& work, Bundle& bundle) {
  constexpr std::string_view kName = "kubernetes/images.txt";
  const Tried<ImageTable> images = read_images(work);
  if (!images) return bundle.lacks(kName, images.error().detail);
  bundle.put(kName, image_lines(*images));
}

void collect_journal(const Work& work, Bundle& bundle, std::string_view name, std::vector<std::string> words) {
  constexpr std::size_t kBytesMax = 1U << 20U;
  Command command{.argv = {work.paths().journalctl, "--no-pager", "--output=short-iso", "--quiet"},
                  .input = {},
                  .limit = std::min<Duration>(seconds(20), work.left()),
                  .output_bytes_max = kBytesMax,
                  .on_output = {}};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  const Result<Exit> exit = work.host().processes.run(command);
  if (!exit) return bundle.lacks(name, exit.error().message);
  if (exit->code != 0) return bundle.lacks(name, fmt::format("journalctl ended with {}: {}", exit->code, exit->err));
  bundle.put(name, exit->out, Keep::Tail);
}

}  // namespace

void collect_summary(const Work& work, Bundle& bundle) {
  const Facts facts = gather_facts({}, work);
  std::string out = fmt::format(
      "time         {}\nhost         {}\nos           {}\nmodel        {}\narch         {}\nmemory       {}\n",
      to_rfc3339(work.host().pause.wall()), facts.hostname, facts.os, facts.model, facts.arch,
      in_mebibytes(facts.memory_bytes));
  out +=
      fmt::format("disk         {} free of {}\nagent        {}\nsnapd        {}\n", in_mebibytes(facts.disk_free_bytes),
                  in_mebibytes(facts.disk_bytes), KELPIE_VERSION, facts.snapd_version);
  if (facts.has_microk8s) {
    out += fmt::format("microk8s     {} {} ({}), {}{}\n", facts.microk8s.channel, facts.microk8s.version,
                       facts.microk8s.revision, facts.microk8s.is_active ? "active" : "not active",
                       facts.microk8s.is_held ? ", refreshes held" : "");
  } else {
    out += "microk8s     not installed\n";
  }
  out += fmt::format("kubernetes   {}\nnode         {}{}\nadd-ons      {}\n", facts.kubernetes_version,
                     facts.node_state, facts.is_cordoned ? ", cordoned" : "", joined(facts.addons));
  for (const WorkloadFact& one : facts.workloads) {
    out += fmt::format("workload     {} {}/{}: {} of {} ready {}\n", one.kind, one.name_space, one.name, one.ready,
                       one.wanted, one.trouble);
  }
  bundle.put("summary.txt", out);
}

void collect_machine(const Work& work, Bundle& bundle) {
  struct Row {
    std::string_view name;
    std::string_view path;
  };
  constexpr std::array kRows{Row{"machine/os-release.txt", "/etc/os-release"},
                             Row{"machine/kernel.txt", "/proc/version"},
                             Row{"machine/kernel-arguments.txt", "/proc/cmdline"},
                             Row{"machine/memory.txt", "/proc/meminfo"},
                             Row{"machine/load.txt", "/proc/loadavg"},
                             Row{"machine/uptime.txt", "/proc/uptime"},
                             Row{"machine/pressure-cpu.txt", "/proc/pressure/cpu"},
                             Row{"machine/pressure-io.txt", "/proc/pressure/io"},
                             Row{"machine/pressure-memory.txt", "/proc/pressure/memory"},
                             Row{"machine/cgroup-controllers.txt", "/sys/fs/cgroup/cgroup.controllers"},
                             Row{"machine/mounts.txt", "/proc/mounts"},
                             Row{"machine/routes.txt", "/proc/net/route"}};
  for (const Row& row : kRows) copy(work, bundle, row.name, std::string(row.path));
  std::string space;
  for (const std::string& path :
       {std::string("/"), std::string("/var/snap"), work.paths().snap_data, work.paths().snap_common,
        work.paths().snap_common + "/var/lib/containerd", work.paths().snap_common + "/default-storage"}) {
    space += space_line(work, path);
  }
  bundle.put("machine/disk.txt", space);
  bundle.put("microk8s/locks.txt", lock_lines(work));
  bundle.put("microk8s/certificates.txt", certificate_lines(work));
}

void collect_arguments(const Work& work, Bundle& bundle) {
  for (const std::string_view one : {"kubelet", "kube-apiserver", "kube-proxy", "kube-controller-manager",
                                     "kube-scheduler", "containerd", "containerd-env", "k8s-dqlite"}) {
    copy(work, bundle, fmt::format("microk8s/args/{}.txt", one),
         fmt::format("{}/args/{}", work.paths().snap_data, one));
  }
}

void collect_logs(const Work& work, Bundle& bundle) {
  collect_journal(work, bundle, "logs/kelpie-agent.txt", {"--unit=kelpie-agent", "--lines=500"});
  // Under-voltage, dying cards, and who was killed for memory.
  collect_journal(work, bundle, "logs/kernel.txt", {"--dmesg", "--priority=warning", "--lines=300"});
}

void collect(const Work& work, Bundle& bundle) {
  struct Part {
    std::string_view name;
    Duration limit;
    void (*run)(const Work&, Bundle&);
  };
  constexpr std::array kParts{Part{"summary.txt", seconds(60), collect_summary},
                              Part{"machine", seconds(10), collect_machine},
                              Part{"snapd", seconds(40), collect_snapd},
                              Part{"kubernetes", seconds(60), collect_kubernetes},
                              Part{"kubernetes/images.txt", seconds(20), collect_images},
                              Part{"microk8s/args", seconds(5), collect_arguments},
                              Part{"logs", seconds(30), collect_logs}};
  for (const Part& part : kParts) {
    if (work.is_over()) {
      bundle.lacks(part.name, "no time was left");
      continue;
    }
    work.say(fmt::format("gathering {}", part.name));
    part.run(work.part(part.limit), bundle);
  }
}

}  // namespace kelpie::agent
