// `kubectl get`, as JSON or names. Source: facts, microk8s 7.1.
#include <algorithm>

#include <fmt/core.h>

#include "tools/sim/microk8s/kubectl.h"
#include "tools/sim/microk8s/parts.h"

namespace kelpie::sim {
namespace {

constexpr int kIndent = 4;

std::vector<std::string> split_at(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// a=b, a==b, a!=b, a and !a, joined by commas.
bool fits_selector(const Json& labels, std::string_view selector) {
  for (const std::string& term : split_at(selector, ',')) {
    const bool is_negated = term.find("!=") != std::string::npos;
    const auto equals = term.find('=');
    if (equals == std::string::npos) {
      const bool must_lack = term[0] == '!';
      if (labels.at(must_lack ? term.substr(1) : term).is_null() != must_lack) return false;
      continue;
    }
    const std::string key = term.substr(0, is_negated ? equals - 1 : equals);
    const std::string value = term.substr(term.find_last_of('=') + 1);
    if ((labels.at(key).text() == value) == is_negated) return false;
  }
  return true;
}

/// reason=X, metadata.name=X, status.phase=X.
bool fits_fields(const Json& object, std::string_view selector) {
  for (const std::string& term : split_at(selector, ',')) {
    const bool is_negated = term.find("!=") != std::string::npos;
    const auto equals = term.find('=');
    if (equals == std::string::npos) return false;
    const Json* here = &object;
    for (const std::string& part : split_at(term.substr(0, is_negated ? equals - 1 : equals), '.'))
      here = &here->at(part);
    if ((here->text() == term.substr(term.find_last_of('=') + 1)) == is_negated) return false;
  }
  return true;
}

struct Wish {
  const KubeKind* kind = nullptr;
  std::string name;        // empty: all of the kind
  std::string name_space;  // empty: all
};

/// "deployments,pods", "deployment x y", "deployment/x svc/y". Empty with a printed error when a kind is unknown.
std::optional<std::vector<Wish>> wishes_of(Shell& shell, const KubectlWords& words) {
  std::vector<Wish> wishes;
  const std::string space = words.is_everywhere ? "" : words.name_space;
  const auto add = [&](const std::string& type, const std::string& name) {
    const KubeKind* const kind = find_kind(type);
    const bool is_known = kind != nullptr && shell.with([&](DeviceState& state) { return is_served(state, *kind); });
    if (is_known) {
      wishes.push_back({.kind = kind, .name = name, .name_space = kind->is_namespaced ? space : ""});
      return true;
    }
    fail_kubectl(shell, fmt::format("the server doesn't have a resource type \"{}\"", type));
    return false;
  };
  for (std::size_t i = 0; i < words.names.size(); ++i) {
    const std::string& word = words.names[i];
    if (const auto slash = word.find('/'); slash != std::string::npos) {
      if (!add(word.substr(0, slash), word.substr(slash + 1))) return std::nullopt;
      continue;
    }
    if (i > 0) {
      if (!add(words.names[0], word)) return std::nullopt;
      continue;
    }
    const bool has_names = words.names.size() > 1;
    for (const std::string& type : split_at(word, ',')) {
      if (!has_names && !add(type, "")) return std::nullopt;
    }
  }
  return wishes;
}

struct Found {
  Json::Array objects;
  std::vector<Wish> missing;
};

/// One entry for whoever wrote last; a server keeps one for each.
void show_manager(const DeviceState& state, Json& object) {
  const Json& metadata = object.at("metadata");
  const auto stored = state.objects.find(
      object_key(object.at("kind").text(), metadata.at("namespace").text(), metadata.at("name").text()));
  if (stored == state.objects.end()) return;
  object["metadata"]["managedFields"] =
      Json::Array{Json::Object{{"manager", stored->second.manager}, {"operation", "Update"}}};
}

Found look_up(const DeviceState& state, const std::vector<Wish>& wishes, const KubectlWords& words, SteadyTime now) {
  Found found;
  for (const Wish& wish : wishes) {
    const std::size_t before = found.objects.size();
    for (Json& object : rendered_all(state, *wish.kind, now)) {
      const Json& metadata = object.at("metadata");
      if (!wish.name.empty() && metadata.at("name").text() != wish.name) continue;
      if (!wish.name_space.empty() && metadata.at("namespace").text() != wish.name_space) continue;
      if (!fits_selector(metadata.at("labels"), words.selector)) continue;
      if (!fits_fields(object, words.field_selector)) continue;
      if (words.is_showing_managers) show_manager(state, object);
      found.objects.push_back(std::move(object));
    }
    if (!wish.name.empty() && found.objects.size() == before) found.missing.push_back(wish);
  }
  return found;
}

int print_found(Shell& shell, const KubectlWords& words, const Found& found, bool is_one) {
  if (words.output == "name") {
    for (const Json& object : found.objects) {
      const KubeKind* const kind = find_kind(object.at("kind").text());
      shell.out(fmt::format("{}/{}\n", singular_of(*kind), object.at({"metadata", "name"}).text()));
    }
  } else if (words.output != "json") {
    return fail_kubectl(shell, "this model of a device prints only -o json and -o name");
  } else if (is_one) {
    if (!found.objects.empty()) shell.out(pretty(found.objects.front(), kIndent) + "\n");
  } else if (!found.objects.empty() || found.missing.empty()) {
    const Json list = Json::Object{{"apiVersion", "v1"},
                                   {"items", found.objects},
                                   {"kind", "List"},
                                   {"metadata", Json::Object{{"resourceVersion", ""}}}};
    shell.out(pretty(list, kIndent) + "\n");
  }
  if (words.is_ignoring_not_found) return 0;
  for (const Wish& wish : found.missing) not_found(shell, *wish.kind, wish.name);
  return found.missing.empty() ? 0 : 1;
}

int get_from_files(Shell& shell, const KubectlWords& words) {
  const std::optional<std::vector<Manifest>> manifests = read_manifests(shell, words);
  if (!manifests) return 1;
  std::vector<Wish> wishes;
  bool has_unknown = false;
  for (const Manifest& one : *manifests) {
    const bool is_known =
        one.kind != nullptr && shell.with([&](DeviceState& state) { return is_served(state, *one.kind); });
    if (!is_known) {
      has_unknown = true;
      say_kind_unknown(shell, one);
      continue;
    }
    wishes.push_back({.kind = one.kind,
                      .name = one.object.at({"metadata", "name"}).text(),
                      .name_space = one.kind->is_namespaced ? one.name_space : ""});
  }
  const Found found = shell.with([&](DeviceState& state) { return look_up(state, wishes, words, shell.now()); });
  const int code = found.objects.empty() && words.is_ignoring_not_found
                       ? 0
                       : print_found(shell, words, found, manifests->size() == 1);
  return has_unknown ? 1 : code;
}

int get_raw(Shell& shell, const std::string& path) {
  if (path.starts_with("/readyz") || path.starts_with("/livez") || path.starts_with("/healthz")) {
    shell.out("ok");
    return 0;
  }
  // Through the API server's proxy to what the registry add-on serves.
  if (path == "/api/v1/namespaces/container-registry/services/registry:5000/proxy/v2/") {
    const bool is_served = shell.with([&](DeviceState& state) {
      const auto found = state.objects.find("Service/container-registry/registry");
      return found != state.objects.end() && has_ready_endpoint(state, found->second, shell.now());
    });
    if (is_served) {
      shell.out("{}");
      return 0;
    }
    shell.err("Error from server (ServiceUnavailable): no endpoints available for service \"registry:5000\"\n");
    return 1;
  }
  shell.err("Error from server (NotFound): the server could not find the requested resource\n");
  return 1;
}

}  // namespace

int kubectl_get(Shell& shell, const KubectlWords& words) {
  if (!words.raw.empty()) return get_raw(shell, words.raw);
  if (!words.files.empty()) return get_from_files(shell, words);
  const std::optional<std::vector<Wish>> wishes = wishes_of(shell, words);
  if (!wishes) return 1;
  const Found found = shell.with([&](DeviceState& state) { return look_up(state, *wishes, words, shell.now()); });
  const bool is_one = wishes->size() == 1 && !wishes->front().name.empty();
  return print_found(shell, words, found, is_one);
}

}  // namespace kelpie::sim
