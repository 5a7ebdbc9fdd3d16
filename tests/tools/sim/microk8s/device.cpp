#include "tests/tools/sim/microk8s/device.h"

#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace kelpie::sim {

Device::Device() = default;

void Device::install(const std::string& channel) {
  std::vector<Fault> faults = std::move(cell.state.faults);
  cell.state = running_device(world, channel, pause.now());
  cell.state.faults = std::move(faults);
}

void Device::fault(std::string_view text) {
  const Result<Fault> parsed = parse_fault(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  cell.state.faults.push_back(*parsed);
}

agent::Exit Device::run(std::vector<std::string> argv, std::string input, Duration limit) {
  Result<agent::Exit> exit = sim.run({.argv = std::move(argv), .input = std::move(input), .limit = limit});
  if (!exit) return {.code = -1, .is_timeout = false, .out = {}, .err = exit.error().message};
  return *exit;
}

agent::Exit Device::microk8s(std::vector<std::string> words, std::string input) {
  words.insert(words.begin(), "/snap/bin/microk8s");
  return run(std::move(words), std::move(input));
}

Json Device::kubectl_json(std::vector<std::string> words) {
  words.insert(words.begin(), "kubectl");
  words.insert(words.end(), {"-o", "json"});
  const agent::Exit exit = microk8s(std::move(words));
  return Json::parse(exit.out).value_or(Json());
}

Json Device::snapd(const std::string& method, const std::string& path, const std::string& body) {
  const Result<agent::SnapdReply> reply = sim.request(method, path, body, std::chrono::seconds(10));
  return reply ? Json::parse(reply->body).value_or(Json()) : Json();
}

Json Device::change_snap(const std::string& body) {
  const Json begun = snapd("POST", "/v2/snaps/microk8s", body);
  const std::string id = begun.at("change").text();
  if (id.empty()) return begun;
  Json change;
  for (int i = 0; i < 1'000 && !change.at("ready").is_true(); ++i) {
    pass(std::chrono::seconds(1));
    change = snapd("GET", "/v2/changes/" + id).at("result");
  }
  return change;
}

int Device::times(std::string_view effect) const {
  return static_cast<int>(std::count(cell.state.effects.begin(), cell.state.effects.end(), effect));
}

std::string workload(std::string_view name, std::string_view image) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"List","items":[{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"{0}"}},"spec":{{"replicas":1,"selector":{{"matchLabels":{{"app":"{0}"}}}},"template":{{"metadata":{{"labels":{{"app":"{0}"}}}},"spec":{{"containers":[{{"name":"{0}","image":"{1}"}}]}}}}}}}},{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{0}"}},"spec":{{"type":"NodePort","selector":{{"app":"{0}"}},"ports":[{{"port":1880}}]}}}}]}})",
      name, image);
}

}  // namespace kelpie::sim
