// `microk8s`, `snap` and `kubectl` of a device that is not there: one program under the three names, over the folder
// that it was started from.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/bin/file_cell.h"
#include "tests/bin/real_ctr.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace {

constexpr kelpie::Duration kNoLimit = std::chrono::hours(24 * 365);  // whoever starts it sets the limit
constexpr int kNotFound = 127;

void print(kelpie::sim::Stream stream, std::string_view text) {
  const int fd = stream == kelpie::sim::Stream::Out ? STDOUT_FILENO : STDERR_FILENO;
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool reads_input(const std::vector<std::string>& argv) {
  return std::find(argv.begin(), argv.end(), "-") != argv.end();
}

bool is_ctr(const std::vector<std::string>& argv) {
  return argv.size() > 1 && argv[0].ends_with("/microk8s") && argv[1] == "ctr";
}

/// The exit code; nothing when the model is to answer: there is no real containerd, or the services do not run.
std::optional<int> hand_over(kelpie::test::FileCell& cell, const std::string& folder,
                             const std::vector<std::string>& argv) {
  const std::vector<std::string> real = kelpie::test::read_real_ctr(folder);
  if (real.empty() || !is_ctr(argv)) return std::nullopt;
  std::string platform;
  cell.change([&](kelpie::sim::DeviceState& state) {
    if (state.kubernetes.are_services_active) platform = "linux/" + state.architecture;
  });
  if (platform.empty()) return std::nullopt;
  const int code = kelpie::test::run_real_ctr(real, {argv.begin() + 2, argv.end()});
  // By these names kubelet of the double asks; a pull makes only a digest's own.
  const std::vector<std::string> changed = kelpie::test::names_changed_by(argv);
  if (changed.empty()) return code;
  const auto images = kelpie::test::real_images(real, changed, platform);
  cell.change([&](kelpie::sim::DeviceState& state) {
    for (const std::string& name : changed) state.images.erase(name);
    state.images.insert(images.begin(), images.end());
  });
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = kelpie::test::folder_of(argv[0]);
  if (folder.empty()) {
    std::cerr << argv[0] << ": start it from a double's folder, or name it in KELPIE_DOUBLE_DIR\n";
    return kNotFound;
  }
  kelpie::agent::Command command{.argv = {argv, argv + argc}, .input = {}, .limit = kNoLimit};
  kelpie::test::FileCell cell(folder);
  kelpie::test::FastPause pause(kelpie::test::read_speed(folder));
  const kelpie::sim::World world = kelpie::test::read_world(folder);
  cell.note({.at = pause.now(), .what = fmt::format("{}", fmt::join(command.argv, " ")), .answer = "begun"});
  if (const std::optional<int> code = hand_over(cell, folder, command.argv)) {
    cell.note({.at = pause.now(),
               .what = fmt::format("{}", fmt::join(command.argv, " ")),
               .answer = fmt::format("exit {}", *code)});
    return *code;
  }
  if (reads_input(command.argv)) command.input = {std::istreambuf_iterator<char>(std::cin), {}};
  kelpie::sim::SimMicrok8s device(cell, world, pause);
  device.on_output = print;
  const kelpie::Result<kelpie::agent::Exit> exit = device.run(command);
  if (exit) return exit->code;
  std::cerr << exit.error().message << "\n";
  return kNotFound;
}
