// snapd of a device that is not there, on FOLDER/run/snapd.socket; and the device's open node ports, each on a loopback
// port of its own (which one says FOLDER/node_ports.json, by "namespace/name").
#include <filesystem>
#include <iostream>
#include <map>
#include <string>

#include <fmt/core.h>

#include "tests/bin/file_cell.h"
#include "tests/bin/http_listener.h"
#include "tools/sim/microk8s/json.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace {

using kelpie::test::HttpAnswer;
using kelpie::test::HttpListener;
using kelpie::test::HttpRequest;

constexpr int kServeMs = 100;
constexpr kelpie::Duration kRequestLimit = std::chrono::minutes(1);
constexpr int kUsage = 2;

struct OpenPort {
  int node_port = 0;
  int listener = -1;
  int port = 0;  // on loopback
};

class NodePorts {
 public:
  NodePorts(HttpListener& http, std::string path) : http_(http), path_(std::move(path)) { write_down(); }

  void follow(const std::map<std::string, int>& open) {
    bool is_changed = false;
    std::erase_if(ports_, [&](const auto& entry) {
      const auto found = open.find(entry.first);
      if (found != open.end() && found->second == entry.second.node_port) return false;
      http_.stop_listening(entry.second.listener);
      is_changed = true;
      return true;
    });
    for (const auto& [name, node_port] : open) {
      if (ports_.contains(name)) continue;
      OpenPort opened{.node_port = node_port};
      opened.listener = http_.listen_on_loopback(opened.port);
      ports_[name] = opened;
      is_changed = true;
    }
    if (is_changed) write_down();
  }
  [[nodiscard]] std::string name_of(int listener) const {
    for (const auto& [name, port] : ports_) {
      if (port.listener == listener) return name;
    }
    return {};
  }

 private:
  void write_down() const {
    kelpie::sim::Json all = kelpie::sim::Json::Object{};
    for (const auto& [name, port] : ports_)
      all[name] = kelpie::sim::Json::Object{{"node_port", port.node_port}, {"port", port.port}};
    kelpie::test::write_whole(path_, kelpie::sim::pretty(all, 1));
  }

  HttpListener& http_;
  std::string path_;
  std::map<std::string, OpenPort> ports_;
};

void make_folder(const std::string& folder) {
  constexpr std::int64_t kSpeed = 20;  // chosen: an install in five seconds
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe");
  kelpie::test::make_double_folder(folder, (own.parent_path() / "device_double").string(), {},
                                   kelpie::sim::usual_world(), kSpeed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: snapd_double FOLDER    a folder that is not there is made: a device without MicroK8s\n";
    return kUsage;
  }
  const std::string folder = std::filesystem::absolute(argv[1]).lexically_normal().string();
  if (!std::filesystem::exists(folder + "/state.json")) make_folder(folder);
  kelpie::test::FileCell cell(folder);
  kelpie::test::FastPause pause(kelpie::test::read_speed(folder));
  HttpListener http;
  NodePorts ports(http, folder + "/node_ports.json");
  const int snapd = http.listen_at(folder + "/run/snapd.socket");
  const auto answer = [&](const HttpRequest& request) -> std::optional<HttpAnswer> {
    const std::string service = ports.name_of(request.listener);
    if (request.listener != snapd)
      return HttpAnswer{.status = 200, .type = "text/html", .body = fmt::format("<title>{}</title>\n", service)};
    const kelpie::sim::World world = kelpie::test::read_world(folder);
    kelpie::sim::SimMicrok8s device(cell, world, pause);
    const auto reply = device.request(request.method, request.path, request.body, kRequestLimit);
    if (!reply) return std::nullopt;
    return HttpAnswer{.status = reply->status, .body = reply->body};
  };
  for (;;) {
    std::map<std::string, int> open;
    const kelpie::sim::World world = kelpie::test::read_world(folder);
    cell.change([&](kelpie::sim::DeviceState& state) {
      kelpie::sim::settle(state, world, pause.now());
      open = kelpie::sim::open_node_ports(state, pause.now());
    });
    ports.follow(open);
    http.serve(kServeMs, answer);
  }
}
