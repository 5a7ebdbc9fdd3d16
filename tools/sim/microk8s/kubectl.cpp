// `microk8s kubectl`: flags, the API server's absence, and which file carries out which verb.
// Source: facts, microk8s 7.1.
#include "tools/sim/microk8s/kubectl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include <fmt/core.h>

#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr Duration kOneCall{600};                       // chosen: snap run and one call on a Pi
constexpr Duration kRefused = std::chrono::seconds(3);  // chosen: a few attempts of discovery

struct Verb {
  std::string_view name;
  int (*run)(Shell&, const KubectlWords&);
};

int kubectl_version(Shell& shell, const KubectlWords& words);
int kubectl_cordon(Shell& shell, const KubectlWords& words);
int kubectl_uncordon(Shell& shell, const KubectlWords& words);
int kubectl_logs(Shell& shell, const KubectlWords& words);

constexpr std::array kVerbs{
    Verb{"get", kubectl_get},         Verb{"apply", kubectl_apply},     Verb{"create", kubectl_create},
    Verb{"expose", kubectl_expose},   Verb{"delete", kubectl_delete},   Verb{"scale", kubectl_scale},
    Verb{"diff", kubectl_diff},       Verb{"rollout", kubectl_rollout}, Verb{"wait", kubectl_wait},
    Verb{"version", kubectl_version}, Verb{"cordon", kubectl_cordon},   Verb{"uncordon", kubectl_uncordon},
    Verb{"logs", kubectl_logs},
};

Duration duration_of(const std::string& text) {
  return parse_duration(text).value_or(Duration{});
}

using Take = std::function<void(KubectlWords&, const std::string&)>;
struct Flag {
  std::string_view name;
  Take take;
};

const std::vector<Flag>& valued_flags() {
  static const std::vector<Flag> all{
      {"-n", [](KubectlWords& w, const std::string& v) { w.name_space = v; }},
      {"--namespace", [](KubectlWords& w, const std::string& v) { w.name_space = v; }},
      {"-o", [](KubectlWords& w, const std::string& v) { w.output = v; }},
      {"--output", [](KubectlWords& w, const std::string& v) { w.output = v; }},
      {"-l", [](KubectlWords& w, const std::string& v) { w.selector = v; }},
      {"--selector", [](KubectlWords& w, const std::string& v) { w.selector = v; }},
      {"--field-selector", [](KubectlWords& w, const std::string& v) { w.field_selector = v; }},
      {"-f", [](KubectlWords& w, const std::string& v) { w.files.push_back(v); }},
      {"--filename", [](KubectlWords& w, const std::string& v) { w.files.push_back(v); }},
      {"--raw", [](KubectlWords& w, const std::string& v) { w.raw = v; }},
      {"--field-manager", [](KubectlWords& w, const std::string& v) { w.manager = v; }},
      {"--dry-run", [](KubectlWords& w, const std::string& v) { w.dry_run = v; }},
      {"--image", [](KubectlWords& w, const std::string& v) { w.image = v; }},
      {"--type", [](KubectlWords& w, const std::string& v) { w.type = v; }},
      {"--port", [](KubectlWords& w, const std::string& v) { w.port = v; }},
      {"--target-port", [](KubectlWords& w, const std::string& v) { w.target_port = v; }},
      {"--for", [](KubectlWords& w, const std::string& v) { w.wanted_condition = v; }},
      {"--to-revision", [](KubectlWords& w, const std::string& v) { w.revision = v; }},
      {"--replicas",
       [](KubectlWords& w, const std::string& v) { std::from_chars(v.data(), v.data() + v.size(), w.replicas); }},
      {"--timeout", [](KubectlWords& w, const std::string& v) { w.timeout = duration_of(v); }},
      {"--request-timeout", [](KubectlWords&, const std::string&) {}},
      {"--tail", [](KubectlWords&, const std::string&) {}},
      {"-c", [](KubectlWords&, const std::string&) {}},
  };
  return all;
}

void take_bare(KubectlWords& words, std::string_view flag) {
  if (flag == "-A" || flag == "--all-namespaces") words.is_everywhere = true;
  if (flag == "--server-side") words.is_server_side = true;
  if (flag == "--force-conflicts") words.is_forcing_conflicts = true;
  if (flag == "--ignore-not-found") words.is_ignoring_not_found = true;
  if (flag == "--show-managed-fields") words.is_showing_managers = true;
  if (flag == "-ojson") words.output = "json";
}

bool is_answering(Shell& shell) {
  return shell.with([&](DeviceState& state) { return is_api_up(state, shell.now()); });
}

int kubectl_version(Shell& shell, const KubectlWords& words) {
  const std::string version = shell.with([](DeviceState& state) { return state.snap.now.version; });
  Json answer = Json::Object{{"clientVersion", Json::Object{{"gitVersion", version}, {"major", "1"}}},
                             {"kustomizeVersion", "v5.5.0"}};
  const bool is_up = is_answering(shell);
  if (is_up) answer["serverVersion"] = Json::Object{{"gitVersion", version}, {"major", "1"}};
  if (words.output == "json") {
    constexpr int kIndent = 2;
    shell.out(pretty(answer, kIndent) + "\n");
  } else {
    shell.out(fmt::format("Client Version: {0}\nKustomize Version: v5.5.0\n", version));
    if (is_up) shell.out(fmt::format("Server Version: {}\n", version));
  }
  if (is_up) return 0;
  shell.err(kApiRefusedText);
  return 1;
}

int set_cordon(Shell& shell, const KubectlWords& words, bool is_cordoned) {
  const std::string node = words.names.empty() ? "" : words.names.front();
  const std::string_view done = is_cordoned ? "cordoned" : "uncordoned";
  enum class End { Done, Already, NoNode };
  const End end = shell.with([&](DeviceState& state) {
    if (node != state.kubernetes.name) return End::NoNode;
    if (state.kubernetes.is_cordoned == is_cordoned) return End::Already;
    state.kubernetes.is_cordoned = is_cordoned;
    add_effect(state, fmt::format("{} the node", done));
    return End::Done;
  });
  if (end == End::NoNode) return not_found(shell, *find_kind("nodes"), node);
  shell.out(fmt::format("node/{} {}{}\n", node, end == End::Already ? "already " : "", done));
  return 0;
}

int kubectl_cordon(Shell& shell, const KubectlWords& words) {
  return set_cordon(shell, words, true);
}

int kubectl_uncordon(Shell& shell, const KubectlWords& words) {
  return set_cordon(shell, words, false);
}

int kubectl_logs(Shell& shell, const KubectlWords& words) {
  const std::string name = words.names.empty() ? "" : words.names.front().substr(words.names.front().find('/') + 1);
  const bool is_there = shell.with([&](DeviceState& state) {
    const std::vector<Json> pods = rendered_pods(state, shell.now());
    return std::any_of(pods.begin(), pods.end(), [&](const Json& pod) {
      return pod.at({"metadata", "name"}).text() == name;
    });
  });
  if (!is_there) return not_found(shell, *find_kind("pods"), name);
  shell.out("starting\n");
  return 0;
}

}  // namespace

KubectlWords parse_kubectl(Words words) {
  KubectlWords asked;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.empty() || word[0] != '-' || word == "-") {
      asked.names.push_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::vector<Flag>& flags = valued_flags();
    const auto flag = std::find_if(flags.begin(), flags.end(), [&](const Flag& one) { return one.name == name; });
    if (flag == flags.end()) {
      take_bare(asked, name);
    } else if (equals != std::string::npos) {
      flag->take(asked, word.substr(equals + 1));
    } else if (i + 1 < words.size()) {
      flag->take(asked, words[++i]);
    }
  }
  return asked;
}

std::optional<std::vector<Manifest>> read_manifests(Shell& shell, const KubectlWords& words) {
  if (words.files != std::vector<std::string>{"-"}) {
    fail_kubectl(shell, fmt::format("the path \"{}\" does not exist", words.files.empty() ? "" : words.files.front()));
    return std::nullopt;
  }
  const Result<Json> parsed = Json::parse(shell.input());
  if (!parsed) {
    fail_kubectl(shell, fmt::format("error parsing STDIN: {}", parsed.error().message));
    return std::nullopt;
  }
  const Json::Array objects = parsed->has("items") ? parsed->at("items").items() : Json::Array{*parsed};
  if (objects.empty()) {
    fail_kubectl(shell, "no objects passed to apply");
    return std::nullopt;
  }
  std::vector<Manifest> manifests;
  for (const Json& object : objects) {
    const KubeKind* const kind = find_kind(object.at("kind").text());
    const std::string own = object.at({"metadata", "namespace"}).text();
    manifests.push_back({.kind = kind, .object = object, .name_space = own.empty() ? words.name_space : own});
  }
  return manifests;
}

int fail_kubectl(Shell& shell, std::string_view text) {
  shell.err(fmt::format("error: {}\n", text));
  return 1;
}

int not_found(Shell& shell, const KubeKind& kind, std::string_view name) {
  shell.err(fmt::format("Error from server (NotFound): {} \"{}\" not found\n", resource_of(kind), name));
  return 1;
}

bool is_served(const DeviceState& state, const KubeKind& kind) {
  return kind.group != "metallb.io" || is_addon_enabled(state, "metallb");
}

int run_kubectl(Shell& shell, Words words) {
  const Kubernetes kubernetes = shell.with([](DeviceState& state) { return state.kubernetes; });
  if (kubernetes.is_worker) {
    shell.out(kWorkerText);
    return 0;
  }
  if (kubernetes.is_stopped) {
    shell.err(kStoppedText);
    return 1;
  }
  const std::string verb = words.empty() ? "" : words[0];
  const auto found = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& one) { return one.name == verb; });
  if (found == kVerbs.end()) return fail_kubectl(shell, fmt::format("unknown command \"{}\" for \"kubectl\"", verb));
  if (!shell.spend(is_answering(shell) ? kOneCall : kRefused)) return kKilled;
  if (verb != "version" && !is_answering(shell)) {
    for (int i = 0; i < 5; ++i) shell.err(kApiDiscoveryText);
    shell.err(kApiRefusedText);
    return 1;
  }
  const WallTime end = shell.with([](DeviceState& state) { return certificate_times(state, "server.crt").not_after; });
  if (verb != "version" && shell.wall() >= end) {
    shell.err(
        fmt::format("Unable to connect to the server: tls: failed to verify certificate: x509: certificate has "
                    "expired or is not yet valid: current time {} is after {}\n",
                    seconds_text(shell.wall()), seconds_text(end)));
    return 1;
  }
  return found->run(shell, parse_kubectl(words.subspan(1)));
}

}  // namespace kelpie::sim
