#include "tests/system/agent_program.h"

#include <utility>

#include <gtest/gtest.h>

namespace kelpie::test {

Finished run_agent(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), KELPIE_BIN_DIR "/kelpie-agent");
  return run({.argv = std::move(arguments), .env = {}, .out_file = {}, .err_file = {}});
}

AgentProgram::AgentProgram(HubProgram& hub, const std::string& name) : hub_(hub), name_(name) {
  const Finished made =
      run_agent({"init", "--trust", hub.trust_file(), "--broker", hub.broker().url(), "--state", state()});
  EXPECT_EQ(made.code, 0) << made.err;
  const std::size_t at = made.out.find("--key ");
  Result<DeviceId> id = parse_fingerprint(made.out.substr(at + 6, 32));
  EXPECT_TRUE(id) << made.out;
  id_ = *id;
}

void AgentProgram::add_to_hub() {
  api::v1::AddDeviceRequest request;
  request.set_name(name_);
  request.set_fingerprint(id_.hex());
  const Result<wire::HttpResponse> answer = hub_.call("POST", "/api/v1/devices", request, "add-" + name_);
  EXPECT_TRUE(answer && answer->status == 200) << (answer ? answer->body : answer.error().message);
}

void AgentProgram::start(const std::string& crash_at) {
  if (!std::exchange(is_registered_, true)) add_to_hub();
  std::vector<std::string> argv = {KELPIE_BIN_DIR "/kelpie-agent", "run", "--state", state(), "--log-format", "text"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  if (!crash_at.empty()) argv.insert(argv.end(), {"--crash-at", crash_at});
  agent_ = Child::start({.argv = std::move(argv), .env = {}, .out_file = {}, .err_file = {}});
}

int AgentProgram::terminate() {
  agent_.signal(SIGTERM);
  return agent_.wait().value_or(-1);
}

bool AgentProgram::is_online() {
  return hub_.is_online(name_);
}

}  // namespace kelpie::test
