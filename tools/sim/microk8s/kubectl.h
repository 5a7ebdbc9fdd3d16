// What the files of `kubectl` share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/sim/microk8s/json.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/shell.h"

namespace kelpie::sim {

struct KubectlWords {
  std::vector<std::string> names;  // what is no flag
  std::string name_space = "default";
  bool is_everywhere = false;  // -A
  std::string output;
  std::string selector;
  std::string field_selector;
  std::vector<std::string> files;
  std::string raw;
  std::string manager = "kubectl";
  std::string dry_run;
  std::string image;
  std::string type;
  std::string port;
  std::string target_port;
  std::string wanted_condition;  // --for
  std::string revision;
  std::int64_t replicas = 1;
  Duration timeout{};
  bool is_server_side = false;
  bool is_forcing_conflicts = false;
  bool is_ignoring_not_found = false;
  bool is_showing_managers = false;
};
[[nodiscard]] KubectlWords parse_kubectl(Words words);

struct Manifest {
  const KubeKind* kind = nullptr;  // none: the server does not know it
  Json object;
  std::string name_space;
};
/// Every object of -f; a List is taken apart. Empty: what is wrong was printed.
[[nodiscard]] std::optional<std::vector<Manifest>> read_manifests(Shell& shell, const KubectlWords& words);

void say_kind_unknown(Shell& shell, const Manifest& one);
/// "error: …" on standard error, 1.
int fail_kubectl(Shell& shell, std::string_view text);
int not_found(Shell& shell, const KubeKind& kind, std::string_view name);
/// A kind that comes with an add-on is not there before it.
[[nodiscard]] bool is_served(const DeviceState& state, const KubeKind& kind);

/// Each: the words after the verb.
[[nodiscard]] int kubectl_get(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_apply(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_create(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_expose(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_delete(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_scale(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_diff(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_rollout(Shell& shell, const KubectlWords& words);
[[nodiscard]] int kubectl_wait(Shell& shell, const KubectlWords& words);

}  // namespace kelpie::sim
