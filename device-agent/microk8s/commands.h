// The commands of the snap, each with a limit and with what their failures mean. An exit code of 0 is handed on as it
// is: it proves nothing (facts, microk8s 0).
#pragma once

#include <string>
#include <vector>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

struct Microk8s {
  std::vector<std::string> arguments;
  Duration limit = std::chrono::seconds(60);
  std::string input = {};
  const Artifact* input_file = nullptr;
  std::function<void(std::string_view)> on_output = {};
  std::function<void(std::uint64_t)> on_input = {};
};

/// Any exit that says why in a way known to all commands is trouble: stopped, a worker, no permission, no sudo, no
/// time. Other exits are the caller's to judge.
[[nodiscard]] Tried<Exit> run_microk8s(const Work& work, const Microk8s& command);

/// kubectl ARGUMENTS. Trouble: ApiNotReady when nobody answers, CertificatesExpired when no answer can be trusted;
/// other failures are the caller's to judge.
inline constexpr Duration kKubectlLimit = std::chrono::seconds(60);  // above --request-timeout: discovery takes 32 s
[[nodiscard]] Tried<Exit> run_kubectl(const Work& work, std::vector<std::string> arguments, std::string input = {},
                                      Duration limit = kKubectlLimit);
/// kubectl get ARGUMENTS -o json: the objects, of whatever shape the answer is. What is not found is left out.
[[nodiscard]] Tried<Json::Array> get_objects(const Work& work, std::vector<std::string> arguments,
                                             std::string input = {});
/// One object, null when it is not there.
[[nodiscard]] Tried<Json> get_object(const Work& work, std::vector<std::string> arguments);
/// What kubectl says went wrong: its last line on standard error.
[[nodiscard]] Trouble kubectl_trouble(const Exit& exit, std::string_view doing);

}  // namespace kelpie::agent
