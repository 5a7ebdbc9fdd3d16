// Kubernetes manifests inside a release. The only file of the hub that knows nlohmann/json.
#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>
#include <nlohmann/json.hpp>

#include "hub/api/release_rules.h"
#include "proto/base/ids.h"

namespace kelpie::hub {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kLasting = {"Deployment", "DaemonSet", "StatefulSet"};
constexpr int kManifestDepthMax = 64;  // chosen: twice the depth of a CustomResourceDefinition

const std::string* text_at(const json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() ? nullptr : at->get_ptr<const std::string*>();
}

bool is_text(const json& object, const char* key, std::string_view wanted) {
  const std::string* text = text_at(object, key);
  return text != nullptr && *text == wanted;
}

Result<void> check_item(const json& item, const std::string& name_space, const std::string& path) {
  if (!item.is_object() || text_at(item, "apiVersion") == nullptr || text_at(item, "kind") == nullptr) {
    return fail(wrong_release(path, "is no object with apiVersion and kind"));
  }
  if (is_text(item, "kind", "Secret") && (item.contains("data") || item.contains("stringData"))) {
    return fail(wrong_release(path, "is a Secret with data, which everybody who can read the release could read"));
  }
  const auto metadata = item.find("metadata");
  if (metadata == item.end() || !metadata->is_object() || text_at(*metadata, "name") == nullptr) {
    return fail(wrong_release(path + ".metadata.name", "is missing"));
  }
  const auto given = metadata->find("namespace");
  if (given != metadata->end() && !is_text(*metadata, "namespace", name_space)) {
    return fail(wrong_release(path + ".metadata.namespace",
                              fmt::format("is not \"{}\", the namespace of its workload", name_space)));
  }
  return {};
}

bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && (text[i] == '{' || text[i] == '[')) {
      if (++depth > kManifestDepthMax) return true;
    } else if (!is_quoted && (text[i] == '}' || text[i] == ']')) {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<void> check_manifest(const v1::Workload& workload, const std::string& path) {
  if (!is_name(workload.namespace_())) {
    return fail(wrong_release(path + ".namespace", fmt::format("\"{}\" is not a name", workload.namespace_())));
  }
  const std::string here = path + ".manifest";
  if (is_too_deep(workload.manifest())) {
    return fail(wrong_release(here, fmt::format("is nested deeper than {}", kManifestDepthMax)));
  }
  const json list = json::parse(workload.manifest(), nullptr, false);
  if (list.is_discarded()) return fail(wrong_release(here, "is no JSON"));
  if (!list.is_object() || !is_text(list, "apiVersion", "v1") || !is_text(list, "kind", "List")) {
    return fail(wrong_release(here, "is no {\"apiVersion\":\"v1\",\"items\":[…],\"kind\":\"List\"}"));
  }
  // Two readers of a repeated key may see two different values; signed bytes must have one meaning.
  if (list.dump() != workload.manifest()) {
    return fail(wrong_release(here, "is not canonical: keys sorted, each once, no blanks between them"));
  }
  const auto items = list.find("items");
  if (items == list.end() || !items->is_array() || items->empty()) {
    return fail(wrong_release(here + ".items", "is missing or empty"));
  }
  for (std::size_t i = 0; i < items->size(); ++i) {
    KELPIE_TRY(check_item((*items)[i], workload.namespace_(), fmt::format("{}.items[{}]", here, i)));
  }
  return {};
}

void add_lasting_objects(const v1::Workload& workload, std::vector<WorkloadName>& out) {
  const json list = json::parse(workload.manifest(), nullptr, false);
  if (!check_manifest(workload, {})) return;
  for (const json& item : list.at("items")) {
    const std::string& kind = *text_at(item, "kind");
    if (std::find(kLasting.begin(), kLasting.end(), kind) == kLasting.end()) continue;
    out.push_back({.name_space = workload.namespace_(), .name = *text_at(item.at("metadata"), "name"), .kind = kind});
  }
}

}  // namespace kelpie::hub
