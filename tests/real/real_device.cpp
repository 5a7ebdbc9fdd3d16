#include "tests/real/real_device.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fmt/core.h>

#include "device-agent/microk8s/carry_out.h"
#include "tests/bin/file_cell.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::test {
namespace {

sim::World silent_world() {
  sim::World world = sim::usual_world();
  world.has_any_image = false;  // kubelet of the double can pull nothing
  return world;
}

sim::DeviceState ready_device(std::int64_t speed) {
  sim::DeviceState state = sim::running_device(silent_world(), "1.32/stable", FastPause(speed).now());
  state.architecture = own_architecture();
  return state;
}

std::string_view word_of(agent::Verdict verdict) {
  switch (verdict) {
    case agent::Verdict::Satisfied: return "satisfied";
    case agent::Verdict::Unmet: return "unmet";
    case agent::Verdict::Failed: return "failed";
  }
  return {};
}

/// Of the system, and never ends early.
class PlainPause final : public agent::Pause {
 public:
  [[nodiscard]] SteadyTime now() override { return clock_.now(); }
  [[nodiscard]] WallTime wall() override { return clock_.wall(); }
  [[nodiscard]] bool wait(Duration duration) override { return clock_.wait(duration); }

 private:
  FastPause clock_{1};
};

}  // namespace

std::string why_no_real_device() {
  const std::string site = why_no_site();
  return site.empty() ? why_no_containerd() : site;
}

RealDevice::RealDevice(RealOptions options)
    : site_(dir_.path(), {{"mirror.site", kSiteAddress}}),
      has_disk_(options.disk_bytes == 0 || site_.mount_small_disk(dir_ / "root", options.disk_bytes)),
      mirror_(site_, kMirrorPort),
      containerd_(site_, dir_.path()),
      device_({.programs = KELPIE_BIN_DIR,
               .speed = options.speed,
               .state = options.device ? *options.device : ready_device(options.speed),
               .world = silent_world(),
               .real_ctr = containerd_.ctr()}),
      snapd_(device_.snapd_socket()) {
  containerd_.start();
  device_.start_snapd();
}

void RealDevice::use_mirror_for(const std::string& registry) {
  const std::string path = fmt::format("{}/{}/hosts.toml", sim::kMirrorsFolder, registry);
  device_.change([&](sim::DeviceState& state) {
    state.settings[path] = fmt::format(
        "server = \"http://{0}\"\n[host.\"http://{0}\"]\n  capabilities = [\"pull\", \"resolve\"]\n", kMirror);
  });
}

void RealDevice::forget_mirrors() {
  device_.change([](sim::DeviceState& state) { state.settings.clear(); });
}

agent::CallResult RealDevice::carry_out(agent::Phase phase, const agent::Step& step, const std::string& restore) {
  const agent::DevicePaths paths{.microk8s = device_.microk8s(),
                                 .snap_data = device_.snap_data(),
                                 .snap_common = device_.snap_common(),
                                 .artifacts = artifacts()};
  PlainPause pause;
  agent::Host host{.processes = processes,
                   .snapd = snapd_,
                   .files = files_,
                   .pause = pause,
                   .paths = paths,
                   .progress = [this](std::string line) { progress.push_back(std::move(line)); }};
  return agent::carry_out(
      {.id = 1,
       .what = agent::StepCall{.phase = phase, .step = step, .restore = restore, .disk_free_bytes = 0},
       .limit = limit},
      host);
}

std::string RealDevice::ask(agent::Phase phase, const agent::Step& step, const std::string& restore) {
  const agent::CallResult result = carry_out(phase, step, restore);
  if (result.verdict == agent::Verdict::Satisfied) return told(fmt::format("satisfied: {}", result.summary));
  return told(fmt::format("{} {}{}: {}", word_of(result.verdict), result.reason, result.is_transient ? "*" : "",
                          result.detail));
}

std::string RealDevice::go(const agent::Step& step) {
  std::string said;
  for (const agent::Phase phase : {agent::Phase::Prepare, agent::Phase::Run, agent::Phase::Verify}) {
    said = ask(phase, step);
    if (!said.starts_with("satisfied")) break;
  }
  return said;
}

std::string RealDevice::bring(const std::string& bytes) {
  const std::string name = sha256_of(bytes).substr(std::string_view("sha256:").size());
  std::filesystem::create_directories(artifacts());
  write_file(artifacts() + "/" + name, bytes);
  return name;
}

const OciImage& RealDevice::call(const std::string& name, const OciImage& image) {
  names_[image.digest] = name;
  return image;
}

std::string RealDevice::told(std::string text) const {
  for (const auto& [digest, name] : names_) {
    for (std::size_t at = text.find(digest); at != std::string::npos; at = text.find(digest, at + name.size()))
      text.replace(at, digest.size(), name);
  }
  return text;
}

std::vector<std::string> RealDevice::images() const {
  std::istringstream table(containerd_.ask({"image", "ls"}));
  std::vector<std::string> rows;
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string ref;
    std::string type;
    std::string digest;
    words >> ref >> type >> digest;
    if (!digest.starts_with("sha256:") || ref.starts_with("sha256:")) continue;
    const bool is_pinned = line.find("io.cri-containerd.pinned=pinned") != std::string::npos;
    rows.push_back(told(fmt::format("{} is {}{}", ref, digest, is_pinned ? ", pinned" : "")));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace kelpie::test
