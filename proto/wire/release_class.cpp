#include "proto/wire/release_class.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <fmt/core.h>
#include <kelpie/v1/release.pb.h>

#include "proto/wire/addons.h"

namespace kelpie::wire {
namespace {

// They reach beyond their own namespace: rights over the cluster, hooks on every object, or the node's disk.
constexpr std::array<std::string_view, 6> kKindsOfPower = {"APIService",         "ClusterRole",
                                                           "ClusterRoleBinding", "MutatingWebhookConfiguration",
                                                           "PersistentVolume",   "ValidatingWebhookConfiguration"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// One key of a JSON text and where its value starts, or the finding that the text is something else.
struct Key {
  std::string_view name;
  std::string_view value;  // from its first character to the end of the text
};

/// Goes through a canonical JSON text key by key and builds nothing. kubectl also reads YAML, so whatever is no JSON
/// token (a bare word, a blank, a comment, an anchor) makes the text unreadable, never harmless.
class KeyReader {
 public:
  explicit KeyReader(std::string_view text) : rest_(text) {}
  /// False at the end, or where the text stops being canonical JSON.
  bool next(Key& out) {
    while (!rest_.empty()) {
      if (rest_.front() != '"') {
        if (!skip_token()) return false;
        continue;
      }
      const std::string_view text = take_string();
      if (!is_readable_) return false;
      if (rest_.empty() || rest_.front() != ':') continue;
      rest_.remove_prefix(1);
      out = {.name = text, .value = rest_};
      return true;
    }
    return false;
  }
  [[nodiscard]] bool is_readable() const { return is_readable_; }

 private:
  bool skip_token() {
    constexpr std::string_view kMarks = "{}[],:+-.0123456789eE";
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return true;
    }
    is_readable_ = kMarks.find(rest_.front()) != std::string_view::npos;
    rest_.remove_prefix(1);
    return is_readable_;
  }
  std::string_view take_string() {
    rest_.remove_prefix(1);
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    is_readable_ = end < rest_.size();
    if (!is_readable_) return {};
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string_view rest_;
  bool is_readable_ = true;
};

std::string_view string_at(std::string_view value) {
  if (!value.starts_with('"')) return {};
  value.remove_prefix(1);
  return value.substr(0, value.find('"'));
}

std::string danger_of(const Key& key) {
  // No field of Kubernetes needs an escape; one could hide a name from this reader that kubectl then reads.
  if (key.name.find('\\') != std::string_view::npos) return "a key with an escape";
  const auto is_set = [&] { return !key.value.starts_with("false") && !key.value.starts_with("null"); };
  if (key.name == "privileged") return is_set() ? "a privileged container" : "";
  if (key.name == "hostPath") return is_set() ? "a hostPath volume" : "";
  if (key.name == "hostNetwork" || key.name == "hostPID" || key.name == "hostIPC") {
    return is_set() ? fmt::format("{}", key.name) : "";
  }
  if (key.name == "add" && key.value.starts_with('[') && !key.value.starts_with("[]")) return "an added capability";
  const std::string_view text = string_at(key.value);
  if (key.name == "procMount" && text != "Default") return "an unmasked /proc";
  if (key.name == "type" && text == "Unconfined") return "an unconfined container";
  if (key.name == "kind" && text.find('\\') != std::string_view::npos) return "a kind with an escape";
  if (key.name == "kind" && is_one_of(kKindsOfPower, text)) return fmt::format("a {}", text);
  return {};
}

void note_workload(const v1::Workload& workload, std::vector<std::string>& out) {
  std::set<std::string> found;
  KeyReader keys(workload.manifest());
  for (Key key; keys.next(key);) {
    if (std::string danger = danger_of(key); !danger.empty()) found.insert(std::move(danger));
  }
  if (!keys.is_readable()) found.insert("a manifest that is no canonical JSON");
  for (const std::string& danger : found) out.push_back(fmt::format("workload {}: {}", workload.name(), danger));
}

void note_addon(const v1::Addon& addon, std::vector<std::string>& out) {
  const AddonRow* const row = find_addon(addon.name());
  if (!addon.absent() || row == nullptr || row->loss.empty()) return;
  out.push_back(fmt::format("add-on {}: disabled with its data", row->name));
}

}  // namespace

std::vector<std::string> dangers_of(const v1::Release& release) {
  std::vector<std::string> out;
  for (const v1::Step& step : release.steps()) {
    for (const v1::Addon& addon : step.addons().addons()) note_addon(addon, out);
    for (const v1::Workload& workload : step.deploy().workloads()) note_workload(workload, out);
  }
  return out;
}

}  // namespace kelpie::wire
