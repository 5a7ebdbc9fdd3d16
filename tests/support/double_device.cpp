#include "tests/support/double_device.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/bin/file_cell.h"
#include "tests/bin/real_ctr.h"
#include "tools/sim/microk8s/json.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::test {
namespace {

bool accepts(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_open = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_open;
}

}  // namespace

DoubleDevice::DoubleDevice(DoubleOptions options) : programs_(std::move(options.programs)), speed_(options.speed) {
  make_double_folder(dir_.path(), programs_ + "/device_double", options.state, std::move(options.world), speed_);
  if (!options.real_ctr.empty()) write_real_ctr(folder(), options.real_ctr);
}

void DoubleDevice::start_snapd() {
  snapd_ = Child::start({.argv = {programs_ + "/snapd_double", folder()}, .env = {}, .out_file = {}, .err_file = {}});
  EXPECT_TRUE(eventually([&] { return accepts(snapd_socket()); }));  // there is a moment between its name and listening
}

void DoubleDevice::stop_snapd() {
  snapd_.kill_now();
  unlink(snapd_socket().c_str());
}

void DoubleDevice::add_fault(std::string_view text) {
  const Result<sim::Fault> fault = sim::parse_fault(text);
  ASSERT_TRUE(fault) << fault.error().message;
  change([&](sim::DeviceState& state) { state.faults.push_back(*fault); });
}

void DoubleDevice::clear_faults() {
  change([](sim::DeviceState& state) { state.faults.clear(); });
}

void DoubleDevice::change(const std::function<void(sim::DeviceState&)>& with) {
  FileCell cell(folder());
  const sim::World world = read_world(folder());
  cell.change([&](sim::DeviceState& state) {
    sim::settle(state, world, now());
    with(state);
  });
}

sim::DeviceState DoubleDevice::state() {
  sim::DeviceState copy;
  change([&](sim::DeviceState& state) { copy = state; });
  return copy;
}

SteadyTime DoubleDevice::now() const {
  return FastPause(speed_).now();
}

std::vector<std::string> DoubleDevice::effects() {
  return state().effects;
}

int DoubleDevice::times(std::string_view effect) {
  const std::vector<std::string> all = effects();
  return static_cast<int>(std::count(all.begin(), all.end(), effect));
}

std::vector<std::string> DoubleDevice::asked() const {
  std::istringstream log(read_text(dir_ / "log.jsonl"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    const sim::Json json = sim::Json::parse(line).value_or(sim::Json());
    lines.push_back(json.at("what").text() + " → " + json.at("answer").text());
  }
  return lines;
}

std::optional<DoubleDevice::NodePort> DoubleDevice::node_port(const std::string& service) const {
  const sim::Json all = sim::Json::parse(read_text(dir_ / "node_ports.json")).value_or(sim::Json());
  const sim::Json& one = all.at(service);
  if (one.is_null()) return std::nullopt;
  return NodePort{.node_port = static_cast<int>(one.at("node_port").number()),
                  .port = static_cast<int>(one.at("port").number())};
}

}  // namespace kelpie::test
