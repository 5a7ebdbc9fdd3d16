#include "tools/kelpie/manifest/kubernetes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tools/kelpie/manifest/shape.h"

namespace kelpie::cli {
namespace {

using nlohmann::json;

/// YAML 1.1, as kubectl reads it, sees truth in these; YAML 1.2 sees words.
bool is_old_truth(std::string_view text) {
  constexpr std::array<std::string_view, 6> kWords = {"y", "n", "yes", "no", "on", "off"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

template <typename Number>
bool read_all(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Looks like a number to one reader of YAML or another: 12, -1.5e3, 010, 0x1F, 1_000, .5
bool looks_like_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (is_one_of(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"})) return true;
  if (text.starts_with("0x") || text.starts_with("0o") || text.starts_with("0b")) {
    text.remove_prefix(2);
    constexpr std::string_view kHex = "0123456789abcdefABCDEF_";
    return !text.empty() && text.find_first_not_of(kHex) == std::string_view::npos;
  }
  const std::size_t first = text.find_first_of("0123456789");
  if (first == std::string_view::npos || (first != 0 && text[0] != '.')) return false;
  if (text.find_first_not_of("0123456789_.eE+-") != std::string_view::npos) return false;
  // 1.32.0 and 2024-01-01 are words; at most one dot, and a sign only behind an exponent.
  const std::size_t sign = text.find_first_of("+-");
  const bool is_exponent =
      sign == std::string_view::npos || (sign > 0 && (text[sign - 1] == 'e' || text[sign - 1] == 'E'));
  return is_exponent && std::count(text.begin(), text.end(), '.') <= 1;
}

/// JSON's own spelling of numbers, which every reader understands alike.
bool is_json_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return false;
  if (text.size() > 1 && text[0] == '0' && is_digit(text[1])) return false;
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos && (dot + 1 == text.size() || !is_digit(text[dot + 1]))) return false;
  return text.find('_') == std::string_view::npos;
}

json number_of(const YamlNode& node, Report& report) {
  if (is_json_number(node.text)) {
    if (std::int64_t whole = 0; read_all(node.text, whole)) return whole;
    if (std::uint64_t large = 0; read_all(node.text, large)) return large;
    if (double real = 0; node.text.find_first_of(".eE") != std::string::npos && read_all(node.text, real)) return real;
  }
  report.add(node.at, fmt::format("\"{}\" is a number to some readers of YAML and a word or another number to others: "
                                  "write it plainly, or in quotes",
                                  node.text));
  return nullptr;
}

json value_of(const YamlNode& node, Report& report) {
  if (node.is_quoted) return node.text;
  if (is_one_of(node.text, {"true", "True", "TRUE"})) return true;
  if (is_one_of(node.text, {"false", "False", "FALSE"})) return false;
  if (is_old_truth(node.text)) {
    report.add(node.at,
               fmt::format("\"{}\" is true or false to some readers of YAML and a word to others: write true or "
                           "false, or put it in quotes",
                           node.text));
    return nullptr;
  }
  if (looks_like_number(node.text)) return number_of(node, report);
  return node.text;
}

json to_json(const YamlNode& node, Report& report) {
  switch (node.kind) {
    case YamlNode::Kind::Null: return nullptr;
    case YamlNode::Kind::Text: return value_of(node, report);
    case YamlNode::Kind::List: {
      json out = json::array();
      for (const YamlNode& item : node.items) out.push_back(to_json(item, report));
      return out;
    }
    case YamlNode::Kind::Map: {
      json out = json::object();
      for (std::size_t i = 0; i < node.keys.size(); ++i) out[node.keys[i].text] = to_json(node.items[i], report);
      return out;
    }
  }
  return nullptr;
}

const std::string* text_at(const YamlNode& map, std::string_view key) {
  const YamlNode* value = map.find(key);
  return value == nullptr || value->kind != YamlNode::Kind::Text || value->text.empty() ? nullptr : &value->text;
}

void find_images(const YamlNode& node, const Report& report, std::vector<UsedImage>& out) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const YamlNode& item = node.items[i];
    const bool is_containers = node.kind == YamlNode::Kind::Map && item.kind == YamlNode::Kind::List &&
                               is_one_of(node.keys[i].text, {"containers", "initContainers"});
    if (is_containers) {
      for (const YamlNode& container : item.items) {
        const YamlNode* image = container.find("image");
        if (image != nullptr && image->kind == YamlNode::Kind::Text)
          out.push_back({image->text, report.file(), image->at});
      }
    }
    find_images(item, report, out);
  }
}

/// Objects of one workload on their way into its list.
class ObjectList {
 public:
  explicit ObjectList(const std::string& name_space) : name_space_(name_space) {}

  void add(const YamlNode& document, Report& report) {
    const std::string* kind = text_at(document, "kind");
    const YamlNode* items = document.find("items");
    if (kind == nullptr || *kind != "List" || items == nullptr || items->kind != YamlNode::Kind::List) {
      add_object(document, report);
      return;
    }
    for (const YamlNode& item : items->items) add_object(item, report);
  }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::string text() const {
    return json{{"apiVersion", "v1"}, {"items", items_}, {"kind", "List"}}.dump();
  }
  [[nodiscard]] std::vector<UsedImage> take_images() { return std::move(images_); }

 private:
  void add_object(const YamlNode& object, Report& report) {
    if (object.kind != YamlNode::Kind::Map) {
      report.add(object.at, fmt::format("a Kubernetes object is expected here, not {}", form_of(object)));
      return;
    }
    const std::string* kind = text_at(object, "kind");
    const YamlNode* metadata = object.find("metadata");
    const std::string* name = metadata == nullptr ? nullptr : text_at(*metadata, "name");
    if (text_at(object, "apiVersion") == nullptr) report.add(object.at, "a Kubernetes object needs apiVersion");
    if (kind == nullptr) report.add(object.at, "a Kubernetes object needs kind");
    if (name == nullptr) report.add(object.at, "a Kubernetes object needs metadata.name");
    if (const YamlNode* given = metadata == nullptr ? nullptr : metadata->find("namespace"); given != nullptr) {
      if (given->kind != YamlNode::Kind::Text || given->text != name_space_) {
        report.add(given->at, fmt::format("namespace is \"{}\", but the workload's is \"{}\": set namespace: of the "
                                          "workload, or leave this out",
                                          given->text, name_space_));
      }
    }
    // Signed, stored at the hub, sent to devices: whoever reads a release reads it.
    const YamlNode* data = object.find("data") != nullptr ? object.find("data") : object.find("stringData");
    if (kind != nullptr && *kind == "Secret" && data != nullptr) {
      report.add(
          data->at,
          fmt::format("Secret {} holds data, which everybody who can read the release could read: make it on the "
                      "device and refer to it; secrets sealed to a device are not supported yet",
                      name == nullptr ? "" : *name));
    }
    if (kind != nullptr && name != nullptr && !seen_.insert(*kind + "/" + *name).second) {
      report.add(object.at, fmt::format("{} {} is given twice", *kind, *name));
    }
    find_images(object, report, images_);
    items_.push_back(to_json(object, report));
  }

  const std::string& name_space_;
  json items_ = json::array();
  std::set<std::string> seen_;
  std::vector<UsedImage> images_;
};

}  // namespace

RenderedWorkload render_objects(std::vector<KubernetesFile>& files, const std::string& name_space) {
  ObjectList list(name_space);
  for (KubernetesFile& file : files) {
    if (file.documents.empty()) file.report.add({}, "no Kubernetes object in it");
    for (const YamlNode& document : file.documents) list.add(document, file.report);
  }
  return {.manifest = list.text(), .images = list.take_images()};
}

std::string render_container(const OneContainer& container) {
  const json labels = {{"app.kubernetes.io/managed-by", "kelpie"}, {"app.kubernetes.io/name", container.name}};
  const json chosen = {{"app.kubernetes.io/name", container.name}};
  const json metadata = {{"labels", labels}, {"name", container.name}, {"namespace", container.name_space}};
  json pod = {{"image", container.image}, {"imagePullPolicy", "IfNotPresent"}, {"name", container.name}};
  if (container.port != 0) pod["ports"] = json::array({json{{"containerPort", container.port}}});
  constexpr int kProgressSeconds = 120;  // facts, microk8s 7.3: the default of 600 hides a broken pod for ten minutes
  json items = json::array(
      {json{{"apiVersion", "apps/v1"},
            {"kind", "Deployment"},
            {"metadata", metadata},
            {"spec",
             {{"progressDeadlineSeconds", kProgressSeconds},
              {"replicas", 1},
              {"selector", {{"matchLabels", chosen}}},
              {"template",
               {{"metadata", {{"labels", labels}}},
                {"spec", {{"automountServiceAccountToken", false}, {"containers", json::array({pod})}}}}}}}}});
  if (container.port != 0) {
    const json ports = json::array({json{{"port", container.port}, {"targetPort", container.port}}});
    items.push_back({{"apiVersion", "v1"},
                     {"kind", "Service"},
                     {"metadata", metadata},
                     {"spec", {{"ports", ports}, {"selector", chosen}, {"type", container.expose}}}});
  }
  return json{{"apiVersion", "v1"}, {"items", items}, {"kind", "List"}}.dump();
}

}  // namespace kelpie::cli
