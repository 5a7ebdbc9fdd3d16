// `kubectl apply`, `create`, `expose`, `delete`, `scale`, `diff`. Source: facts, microk8s 7.2.
#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "tools/sim/microk8s/kubectl.h"
#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr std::int64_t kNodePortMin = 30'000;
constexpr std::int64_t kNodePortMax = 32'767;

std::string name_of(const Json& object) {
  return object.at({"metadata", "name"}).text();
}

std::string shown(const KubeKind& kind, std::string_view name) {
  return fmt::format("{}/{}", singular_of(kind), name);
}

/// What the API server's validation says. Empty: nothing.
std::string validation_error(const Manifest& one) {
  const Json& spec = one.object.at("spec");
  const std::string name = name_of(one.object);
  const auto invalid = [&](std::string_view what) {
    return fmt::format("The {} \"{}\" is invalid: {}", one.kind->kind, name, what);
  };
  if (is_workload(one.kind->kind)) {
    if (spec.at({"template", "spec", "containers"}).items().empty())
      return invalid("spec.template.spec.containers: Required value");
    const Json& labels = spec.at({"template", "metadata", "labels"});
    for (const auto& [key, value] : spec.at({"selector", "matchLabels"}).members()) {
      if (labels.at(key) != value) {
        return invalid(
            fmt::format("spec.template.metadata.labels: Invalid value: {}: `selector` does not match template "
                        "`labels`",
                        labels.dump()));
      }
    }
  }
  if (one.kind->kind != "Service") return {};
  for (const Json& port : spec.at("ports").items()) {
    const std::int64_t number = port.at("nodePort").number();
    if (number == 0 || (number >= kNodePortMin && number <= kNodePortMax)) continue;
    return invalid(
        fmt::format("spec.ports[0].nodePort: Invalid value: {}: provided port is not in the valid range. The "
                    "range of valid ports is 30000-32767",
                    number));
  }
  return {};
}

/// Another manager wrote it, and this would change what it wrote.
std::string conflict_error(const DeviceState& state, const Manifest& one, const KubectlWords& words) {
  if (!words.is_server_side || words.is_forcing_conflicts) return {};
  const auto found = state.objects.find(
      object_key(one.kind->kind, one.kind->is_namespaced ? one.name_space : "", name_of(one.object)));
  if (found == state.objects.end() || found->second.manager == words.manager) return {};
  const Json stored = Json::parse(found->second.json).value_or(Json());
  if (stored.at("spec") == one.object.at("spec")) return {};
  const std::string version = one.kind->group.empty() ? std::string(one.kind->version)
                                                      : fmt::format("{}/{}", one.kind->group, one.kind->version);
  return fmt::format(
      "error: Apply failed with 1 conflict: conflict with \"{}\" using {}: .spec\n"
      "Please review the fields above--they currently have other managers. Here\n"
      "are the ways you can resolve this warning:\n"
      "* If you intend to manage all of these fields, please re-run the apply\n"
      "  command with the `--force-conflicts` flag.\n",
      found->second.manager, version);
}

struct Written {
  std::string error;  // empty: done
  Applied end = Applied::Created;
};

Written write_one(DeviceState& state, const Manifest& one, const KubectlWords& words, SteadyTime now) {
  Written written;
  const bool has_space =
      !one.kind->is_namespaced || state.objects.contains(object_key("Namespace", "", one.name_space));
  if (!has_space) {
    written.error = fmt::format("Error from server (NotFound): namespaces \"{}\" not found\n", one.name_space);
    return written;
  }
  if (std::string wrong = validation_error(one); !wrong.empty()) {
    written.error = wrong + "\n";
    return written;
  }
  written.error = conflict_error(state, one, words);
  if (!written.error.empty() || !words.dry_run.empty()) return written;
  written.end = store_object(state, *one.kind, one.name_space, one.object, words.manager, now);
  const std::string name = shown(*one.kind, name_of(one.object));
  if (written.end == Applied::Created) add_effect(state, fmt::format("created {}", name));
  if (written.end == Applied::Configured) add_effect(state, fmt::format("configured {}", name));
  return written;
}

std::string_view word_of(Applied end) {
  switch (end) {
    case Applied::Created: return "created";
    case Applied::Configured: return "configured";
    case Applied::Unchanged: return "unchanged";
  }
  return "";
}

Json labelled(std::string_view name) {
  return Json::Object{{"app", name}};
}

bool has_object(Shell& shell, std::string_view kind, const KubectlWords& words, std::string_view name) {
  return shell.with(
      [&](DeviceState& state) { return state.objects.contains(object_key(kind, words.name_space, name)); });
}

int already_exists(Shell& shell, const KubeKind& kind, std::string_view name) {
  shell.err(fmt::format("Error from server (AlreadyExists): {} \"{}\" already exists\n", resource_of(kind), name));
  return 1;
}

int create_one(Shell& shell, const KubectlWords& words, const KubeKind& kind, const Json& object,
               std::string_view done) {
  const std::string name = name_of(object);
  if (has_object(shell, kind.kind, words, name)) return already_exists(shell, kind, name);
  KubectlWords own = words;
  own.manager = fmt::format("kubectl-{}", done == "exposed" ? "expose" : "create");
  const Written written = shell.with([&](DeviceState& state) {
    return write_one(state, {.kind = &kind, .object = object, .name_space = words.name_space}, own, shell.now());
  });
  if (!written.error.empty()) {
    shell.err(written.error);
    return 1;
  }
  shell.out(fmt::format("{} {}\n", shown(kind, name), done));
  return 0;
}

void forget_object(DeviceState& state, const std::string& key) {
  const auto found = state.objects.find(key);
  if (found == state.objects.end()) return;
  const KubeObject gone = found->second;
  state.objects.erase(found);
  add_effect(state, fmt::format("deleted {}", shown(*find_kind(gone.kind), gone.name)));
  if (gone.kind != "Namespace") return;
  std::erase_if(state.objects, [&](const auto& entry) { return entry.second.name_space == gone.name; });
}

struct Doomed {
  const KubeKind* kind = nullptr;
  std::string name_space;
  std::string name;
};

std::optional<std::vector<Doomed>> doomed_of(Shell& shell, const KubectlWords& words) {
  std::vector<Doomed> doomed;
  if (!words.files.empty()) {
    const std::optional<std::vector<Manifest>> manifests = read_manifests(shell, words);
    if (!manifests) return std::nullopt;
    for (const Manifest& one : *manifests) {
      if (one.kind == nullptr) {
        say_kind_unknown(shell, one);
        return std::nullopt;
      }
      doomed.push_back({one.kind, one.kind->is_namespaced ? one.name_space : "", name_of(one.object)});
    }
    return doomed;
  }
  for (std::size_t i = 0; i < words.names.size(); ++i) {
    const std::string& word = words.names[i];
    const auto slash = word.find('/');
    if (slash == std::string::npos && i == 0) continue;
    const KubeKind* const kind = find_kind(slash == std::string::npos ? words.names[0] : word.substr(0, slash));
    if (kind == nullptr) {
      fail_kubectl(shell, fmt::format("the server doesn't have a resource type \"{}\"", words.names[0]));
      return std::nullopt;
    }
    doomed.push_back({kind, kind->is_namespaced ? words.name_space : "",
                      slash == std::string::npos ? word : word.substr(slash + 1)});
  }
  return doomed;
}

}  // namespace

void say_kind_unknown(Shell& shell, const Manifest& one) {
  shell.err(
      fmt::format("error: resource mapping not found for name: \"{}\" namespace: \"{}\" from \"STDIN\": no matches "
                  "for kind \"{}\" in version \"{}\"\nensure CRDs are installed first\n",
                  name_of(one.object), one.object.at({"metadata", "namespace"}).text(), one.object.at("kind").text(),
                  one.object.at("apiVersion").text()));
}

int kubectl_apply(Shell& shell, const KubectlWords& words) {
  if (words.is_server_side && words.dry_run == "client")
    return fail_kubectl(shell,
                        "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)");
  const std::optional<std::vector<Manifest>> manifests = read_manifests(shell, words);
  if (!manifests) return 1;
  KubectlWords own = words;
  if (!words.is_server_side) own.manager = "kubectl-client-side-apply";
  // One by one: what came before a refusal stays.
  int code = 0;
  for (const Manifest& one : *manifests) {
    const bool is_known =
        one.kind != nullptr && shell.with([&](DeviceState& state) { return is_served(state, *one.kind); });
    if (!is_known) {
      say_kind_unknown(shell, one);
      code = 1;
      continue;
    }
    const Written written = shell.with([&](DeviceState& state) { return write_one(state, one, own, shell.now()); });
    if (!written.error.empty()) {
      shell.err(written.error);
      code = 1;
      continue;
    }
    shell.out(fmt::format("{} {}{}\n", shown(*one.kind, name_of(one.object)),
                          words.is_server_side ? "serverside-applied" : word_of(written.end),
                          words.dry_run == "server" ? " (server dry run)" : ""));
  }
  return code;
}

int kubectl_create(Shell& shell, const KubectlWords& words) {
  if (words.names.size() < 2) return fail_kubectl(shell, "exactly one NAME is required, got 0");
  const KubeKind* const kind = find_kind(words.names[0]);
  const std::string& name = words.names[1];
  if (kind != nullptr && kind->kind == "Namespace") {
    KubectlWords own = words;
    own.name_space.clear();
    return create_one(
        shell, own, *kind,
        Json::Object{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", Json::Object{{"name", name}}}},
        "created");
  }
  if (kind == nullptr || kind->kind != "Deployment")
    return fail_kubectl(shell, "this model of a device creates only deployments and namespaces");
  if (words.image.empty()) return fail_kubectl(shell, "required flag(s) \"image\" not set");
  const std::string repository = repository_of(words.image);
  Json container = Json::Object{{"image", words.image}, {"name", repository.substr(repository.rfind('/') + 1)}};
  Json spec = Json::Object{
      {"replicas", words.replicas},
      {"selector", Json::Object{{"matchLabels", labelled(name)}}},
      {"template", Json::Object{{"metadata", Json::Object{{"labels", labelled(name)}}},
                                {"spec", Json::Object{{"containers", Json::Array{std::move(container)}}}}}}};
  return create_one(shell, words, *kind,
                    Json::Object{{"apiVersion", "apps/v1"},
                                 {"kind", "Deployment"},
                                 {"metadata", Json::Object{{"name", name}, {"labels", labelled(name)}}},
                                 {"spec", std::move(spec)}},
                    "created");
}

int kubectl_expose(Shell& shell, const KubectlWords& words) {
  const std::string name = words.names.empty() ? "" : words.names.back().substr(words.names.back().find('/') + 1);
  if (!has_object(shell, "Deployment", words, name)) return not_found(shell, *find_kind("deployments"), name);
  std::int64_t port = 0;
  std::from_chars(words.port.data(), words.port.data() + words.port.size(), port);
  std::int64_t target = port;
  std::from_chars(words.target_port.data(), words.target_port.data() + words.target_port.size(), target);
  Json one = Json::Object{{"port", port}, {"protocol", "TCP"}, {"targetPort", target}};
  Json spec = Json::Object{{"ports", Json::Array{std::move(one)}},
                           {"selector", labelled(name)},
                           {"type", words.type.empty() ? "ClusterIP" : words.type}};
  return create_one(shell, words, *find_kind("services"),
                    Json::Object{{"apiVersion", "v1"},
                                 {"kind", "Service"},
                                 {"metadata", Json::Object{{"name", name}, {"labels", labelled(name)}}},
                                 {"spec", std::move(spec)}},
                    "exposed");
}

int kubectl_delete(Shell& shell, const KubectlWords& words) {
  const std::optional<std::vector<Doomed>> doomed = doomed_of(shell, words);
  if (!doomed) return 1;
  int code = 0;
  for (const Doomed& one : *doomed) {
    const std::string key = object_key(one.kind->kind, one.name_space, one.name);
    if (shell.with([&](DeviceState& state) { return state.objects.contains(key); })) {
      constexpr Duration kGrace = std::chrono::seconds(1);
      if (!shell.spend(kGrace)) return kKilled;
      shell.with([&](DeviceState& state) { forget_object(state, key); });
      shell.out(fmt::format("{} \"{}\" deleted\n", singular_of(*one.kind), one.name));
    } else if (!words.is_ignoring_not_found) {
      code = not_found(shell, *one.kind, one.name);
    }
  }
  return code;
}

int kubectl_scale(Shell& shell, const KubectlWords& words) {
  const std::string name = words.names.empty() ? "" : words.names.back().substr(words.names.back().find('/') + 1);
  const bool is_done = shell.with([&](DeviceState& state) {
    const auto found = state.objects.find(object_key("Deployment", words.name_space, name));
    if (found == state.objects.end()) return false;
    Json object = Json::parse(found->second.json).value_or(Json());
    object["spec"]["replicas"] = words.replicas;
    store_object(state, *find_kind("deployments"), words.name_space, object, "kubectl", shell.now());
    add_effect(state, fmt::format("scaled deployment.apps/{} to {}", name, words.replicas));
    return true;
  });
  if (!is_done) return not_found(shell, *find_kind("deployments"), name);
  shell.out(fmt::format("deployment.apps/{} scaled\n", name));
  return 0;
}

int kubectl_diff(Shell& shell, const KubectlWords& words) {
  const std::optional<std::vector<Manifest>> manifests = read_manifests(shell, words);
  if (!manifests) return 2;  // more than 1: trouble
  int code = 0;
  for (const Manifest& one : *manifests) {
    if (one.kind == nullptr) return 2;
    const bool is_same = shell.with([&](DeviceState& state) {
      DeviceState copy = state;
      return store_object(copy, *one.kind, one.name_space, one.object, words.manager, shell.now()) ==
             Applied::Unchanged;
    });
    if (is_same) continue;
    code = 1;
    shell.out(fmt::format("diff -u -N /tmp/LIVE/{0} /tmp/MERGED/{0}\n", name_of(one.object)));
  }
  return code;
}

}  // namespace kelpie::sim
