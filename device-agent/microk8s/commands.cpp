#include "device-agent/microk8s/commands.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

constexpr std::size_t kAnswerBytesMax = 8U << 20U;  // chosen: a few hundred pods as JSON

std::string name_of(const Microk8s& command) {
  std::string name = "microk8s";
  for (std::size_t i = 0; i < std::min<std::size_t>(command.arguments.size(), 3); ++i) {
    name += " " + command.arguments[i];
  }
  return name;
}

/// What every command of the snap says in the same words, whatever its exit code.
Tried<void> judge_common(const Exit& exit, const std::string& name) {
  const std::string both = exit.out + exit.err;
  if (exit.is_timeout) {
    return trouble(Reason::CommandTimeout, fmt::format("{} did not end in its time and was killed", name), both);
  }
  // A worker answers 0 to most commands.
  if (has_any(exit.out, {"This MicroK8s deployment is acting as a node in a cluster."})) {
    return trouble(Reason::WorkerNode, fmt::format("{}: the device is a worker of a cluster", name), both);
  }
  if (exit.code == 0) return {};
  if (has_any(both, {"microk8s is not running, try microk8s start"})) {
    return trouble(Reason::NodeStopped, fmt::format("{}: MicroK8s is stopped", name), both);
  }
  if (has_any(both, {"Insufficient permissions to access MicroK8s", "Elevated permissions are needed"})) {
    return trouble(Reason::PermissionDenied, fmt::format("{}: the agent has no permission", name), both);
  }
  if (has_any(both, {"sudo: command not found", "sudo: not found"})) {
    return trouble(Reason::SudoMissing, fmt::format("{}: {}", name, row_of(Reason::SudoMissing).sentence), both);
  }
  return {};
}

bool is_api_away(std::string_view err) {
  return has_any(err, {"was refused", "couldn't get current server API group list", "Unable to connect to the server",
                       "net/http: TLS handshake timeout", "the server is currently unable to handle the request",
                       "(ServiceUnavailable)", "i/o timeout", "context deadline exceeded", "connection reset by peer",
                       "(Timeout)", "unexpected EOF", "etcdserver"});
}

}  // namespace

Tried<Exit> run_microk8s(const Work& work, const Microk8s& command) {
  const std::string name = name_of(command);
  if (work.is_over()) return trouble(Reason::CommandTimeout, fmt::format("no time is left for {}", name));
  Command child;
  child.argv.reserve(command.arguments.size() + 1);
  child.argv.push_back(work.paths().microk8s);
  child.argv.insert(child.argv.end(), command.arguments.begin(), command.arguments.end());
  child.input = command.input;
  child.input_file = command.input_file;
  child.on_input = command.on_input;
  child.limit = std::min(command.limit, work.left());
  child.output_bytes_max = kAnswerBytesMax;
  child.on_output = command.on_output;
  const Result<Exit> exit = work.host().processes.run(child);
  if (!exit) {
    const bool is_absent = exit.error().code == Code::NotFound;
    return trouble(is_absent ? Reason::NotInstalled : Reason::Interrupted,
                   fmt::format("{}: {}", name, exit.error().message));
  }
  KELPIE_TRY(judge_common(*exit, name));
  return *exit;
}

Tried<Exit> run_kubectl(const Work& work, std::vector<std::string> arguments, std::string input, Duration limit) {
  arguments.insert(arguments.begin(), "kubectl");
  KELPIE_TRY(
      Exit exit,
      run_microk8s(work,
                   {.arguments = std::move(arguments), .limit = limit, .input = std::move(input), .on_output = {}}));
  if (exit.code != 0 && has_any(exit.err, {"Unable to connect to the server"}) &&
      has_any(exit.err, {"x509: certificate has expired or is not yet valid"})) {
    return trouble(Reason::CertificatesExpired,
                   fmt::format("{}: {}", last_line(exit.err), row_of(Reason::CertificatesExpired).sentence), exit.err);
  }
  if (exit.code != 0 && is_api_away(exit.err)) {
    return trouble(Reason::ApiNotReady, fmt::format("the API server does not answer: {}", last_line(exit.err)),
                   exit.err);
  }
  return exit;
}

Tried<Json::Array> get_objects(const Work& work, std::vector<std::string> arguments, std::string input) {
  arguments.insert(arguments.begin(), "get");
  arguments.insert(arguments.end(), {"-o", "json", "--ignore-not-found", "--request-timeout=20s"});
  KELPIE_TRY(const Exit exit, run_kubectl(work, std::move(arguments), std::move(input)));
  if (exit.code != 0) return fail(kubectl_trouble(exit, "reading objects"));
  if (exit.out.find_first_not_of(" \t\r\n") == std::string::npos) return Json::Array{};
  const Result<Json> answer = Json::parse(exit.out);
  if (!answer) return trouble(Reason::AnswerUnreadable, fmt::format("kubectl get: {}", answer.error().message));
  // One object comes bare, more come as a list.
  if (!answer->has("items")) return answer->has("kind") ? Json::Array{*answer} : Json::Array{};
  return answer->at("items").items();
}

Tried<Json> get_object(const Work& work, std::vector<std::string> arguments) {
  KELPIE_TRY(Json::Array objects, get_objects(work, std::move(arguments)));
  return objects.empty() ? Json() : std::move(objects.front());
}

Trouble kubectl_trouble(const Exit& exit, std::string_view doing) {
  return {.reason = Reason::KubectlFailed,
          .detail = fmt::format("{}: kubectl ended with {}: {}", doing, exit.code, last_line(exit.err)),
          .output = exit.err};
}

}  // namespace kelpie::agent
