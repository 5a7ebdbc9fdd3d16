// Whether somebody changed what a release deployed: the API server says that something differs, the manifest which
// field, and the managed fields who.
#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/core.h>

#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/health.h"
#include "device-agent/microk8s/objects.h"
#include "device-agent/microk8s/steps.h"

namespace kelpie::agent {
namespace {

constexpr std::size_t kMovedMax = 16;  // report.proto
constexpr std::size_t kValueBytesMax = 90;
constexpr int kDepthMax = 24;  // chosen: a pod template goes to about ten

using ByName = std::map<std::string, const Json*>;

ByName by_name(const Json::Array& objects) {
  ByName out;
  for (const Json& object : objects) out[name_of(object)] = &object;
  return out;
}

/// 500m, 0.5 and 1Gi as what they count; empty: no quantity.
std::optional<double> quantity(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  struct Suffix {
    std::string_view text;
    double factor;
  };
  constexpr Suffix kSuffixes[] = {{"", 1},     {"m", 1e-3},    {"k", 1e3},        {"M", 1e6},          {"G", 1e9},
                                  {"T", 1e12}, {"Ki", 1024.0}, {"Mi", 1048576.0}, {"Gi", 1073741824.0}};
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Suffix& suffix : kSuffixes) {
    if (rest == suffix.text) return number * suffix.factor;
  }
  return std::nullopt;
}

std::string text_of(const Json& value) {
  if (value.is_null()) return "nothing";
  std::string text = value.text().empty() ? value.dump() : value.text();
  if (text.size() > kValueBytesMax) text = text.substr(0, kValueBytesMax) + "…";
  return text;
}

/// The API server writes quantities its own way, and an empty list as none.
bool is_same(const Json& wanted, const Json& found) {
  if (wanted == found) return true;
  const std::optional<double> a = quantity(text_of(wanted));
  const std::optional<double> b = quantity(text_of(found));
  return a && b && *a == *b;
}

/// What configuration and environment say is nobody's business on the way to the hub.
bool is_private(std::string_view kind, std::string_view path) {
  if (kind == "Secret") return true;
  return (kind == "ConfigMap" && has_any(path, {"data", "Data"})) || has_any(path, {"env["});
}

class Comparison {
 public:
  Comparison(const Json& object, std::string by) : object_(object), by_(std::move(by)) {}

  void compare(const Json& wanted, const Json& found, const std::string& path, int depth = 0) {
    if (out_.size() == kMovedMax || depth == kDepthMax) return;
    if (!wanted.members().empty()) {
      for (const auto& [key, value] : wanted.members()) {
        compare(value, found.at(key), path.empty() ? key : fmt::format("{}.{}", path, key), depth + 1);
      }
    } else if (!wanted.items().empty()) {
      compare_list(wanted.items(), found.items(), path, depth);
    } else if (!is_same(wanted, found) && !is_empty(wanted, found)) {
      note(path, wanted, found);
    }
  }
  [[nodiscard]] std::vector<Moved> take() {
    // The API server says that it differs and no field of the manifest does: somebody added one.
    if (out_.empty()) out_.push_back({.field = name_of(object_), .wanted = "as signed", .found = "changed", .by = by_});
    return std::move(out_);
  }

 private:
  static bool is_empty(const Json& wanted, const Json& found) {
    return found.is_null() && wanted.text().empty() && (wanted.dump() == "{}" || wanted.dump() == "[]");
  }
  /// Containers, ports and variables are known by name, the rest by place.
  void compare_list(const Json::Array& wanted, const Json::Array& found, const std::string& path, int depth) {
    static const Json nothing;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const std::string& name = wanted[i].text("name");
      const auto named =
          std::find_if(found.begin(), found.end(), [&](const Json& one) { return one.text("name") == name; });
      const bool is_by_name = !name.empty();
      const Json& other =
          is_by_name ? (named == found.end() ? nothing : *named) : (i < found.size() ? found[i] : nothing);
      compare(wanted[i], other, fmt::format("{}[{}]", path, is_by_name ? name : fmt::format("{}", i)), depth + 1);
    }
  }
  void note(std::string path, const Json& wanted, const Json& found) {
    for (const std::string_view start : {"spec.template.spec.", "spec."}) {
      if (path.starts_with(start)) path.erase(0, start.size());
    }
    const bool is_hidden = is_private(object_.text("kind"), path);
    out_.push_back({.field = fmt::format("{} {}", name_of(object_), path),
                    .wanted = is_hidden ? "as signed" : text_of(wanted),
                    .found = is_hidden ? "changed" : text_of(found),
                    .by = by_});
  }

  const Json& object_;
  std::string by_;
  std::vector<Moved> out_;
};

/// Who wrote into the object last and is neither we nor a controller that keeps its books in it.
std::string last_writer(const Json& live) {
  std::string manager;
  std::string newest;
  for (const Json& one : live.at({"metadata", "managedFields"}).items()) {
    const std::string& name = one.text("manager");
    if (name == kOwner || one.text("subresource") == "status" || name == "kube-controller-manager") continue;
    if (one.text("time") < newest) continue;
    newest = one.text("time");
    manager = name;
  }
  return newest.empty() ? manager : fmt::format("{} at {}", manager, newest);
}

Tried<Json::Array> live_with_writers(const Work& work, const Json::Array& items) {
  return get_objects(work, {"-f", "-", "--show-managed-fields"}, as_list(items));
}

/// What stays when it has done its work, and is in the facts by itself: the hub sees it go there.
bool is_told_otherwise(std::string_view kind) {
  return has_health(kind);
}

}  // namespace

Tried<std::vector<Moved>> watch_deploy(const DeployStep& step, const Work& work) {
  Json::Array items;
  for (const Workload& workload : step.workloads) {
    KELPIE_TRY(const Json::Array some, labelled_items(workload));
    items.insert(items.end(), some.begin(), some.end());
  }
  KELPIE_TRY(const Json::Array live, live_objects(work, items));
  const ByName there = by_name(live);
  std::vector<Moved> moved;
  Json::Array present;
  for (const Json& item : items) {
    if (there.contains(name_of(item))) {
      present.push_back(item);
    } else if (!is_told_otherwise(item.text("kind"))) {
      moved.push_back({.field = name_of(item), .wanted = "there", .found = "gone", .by = {}});
    }
  }
  if (present.empty()) return moved;
  KELPIE_TRY(const bool has_moved, differs(work, present));
  if (!has_moved) return moved;
  KELPIE_TRY(const Json::Array written, live_with_writers(work, present));
  const ByName now = by_name(written);
  for (const Json& item : present) {
    const auto at = now.find(name_of(item));
    if (at == now.end()) continue;
    KELPIE_TRY(const bool is_this, differs(work, {item}));
    if (!is_this) continue;
    Comparison comparison(item, last_writer(*at->second));
    comparison.compare(item, *at->second, "");
    const std::vector<Moved> some = comparison.take();
    moved.insert(moved.end(), some.begin(), some.end());
    if (moved.size() >= kMovedMax) break;
  }
  return moved;
}

}  // namespace kelpie::agent
