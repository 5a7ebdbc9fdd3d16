#include "tests/bin/state_text.h"

#include <concepts>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/sim/microk8s/json.h"

namespace kelpie::test {
namespace {

using sim::Json;

// Every member once, for reading and for writing.
template <typename A>
void members(A& a, sim::Fault& x) {
  a("kind", x.kind), a("subject", x.subject), a("times", x.times);
}
template <typename A>
void members(A& a, sim::SnapRevision& x) {
  a("channel", x.channel), a("revision", x.revision), a("version", x.version), a("confinement", x.confinement);
}
template <typename A>
void members(A& a, sim::Snap& x) {
  a("is_installed", x.is_installed), a("is_active", x.is_active), a("now", x.now), a("before", x.before);
  a("hold", x.hold);
}
template <typename A>
void members(A& a, sim::SnapTask& x) {
  a("kind", x.kind), a("summary", x.summary), a("takes", x.takes);
}
template <typename A>
void members(A& a, sim::SnapChange& x) {
  a("id", x.id), a("kind", x.kind), a("summary", x.summary), a("action", x.action), a("snap", x.snap),
      a("goal", x.goal);
  a("begun_at", x.begun_at), a("tasks", x.tasks), a("failing_task", x.failing_task), a("failure", x.failure);
  a("status", x.status), a("err", x.err);
}
template <typename A>
void members(A& a, sim::Kubernetes& x) {
  a("name", x.name), a("address", x.address), a("is_stopped", x.is_stopped), a("is_worker", x.is_worker);
  a("is_low_memory", x.is_low_memory), a("are_services_enabled", x.are_services_enabled);
  a("are_services_active", x.are_services_active), a("is_never_ready", x.is_never_ready);
  a("is_cordoned", x.is_cordoned), a("has_launch_pending", x.has_launch_pending), a("api_at", x.api_at);
  a("api_down_until", x.api_down_until), a("ready_at", x.ready_at), a("lost_at", x.lost_at);
  a("restarts", x.restarts);
}
template <typename A>
void members(A& a, sim::Image& x) {
  a("digest", x.digest), a("bytes", x.bytes), a("platform", x.platform), a("is_complete", x.is_complete);
  a("labels", x.labels);
}
template <typename A>
void members(A& a, sim::Container& x) {
  a("name", x.name), a("image", x.image), a("pull_policy", x.pull_policy), a("is_init", x.is_init);
}
template <typename A>
void members(A& a, sim::KubeObject& x) {
  a("kind", x.kind), a("name_space", x.name_space), a("name", x.name), a("json", x.json), a("manager", x.manager);
  a("uid", x.uid), a("generation", x.generation), a("version", x.version), a("created_at", x.created_at);
  a("containers", x.containers), a("replicas", x.replicas), a("rolled_at", x.rolled_at), a("try_at", x.try_at);
  a("attempts", x.attempts), a("ready_at", x.ready_at), a("pulled", x.pulled), a("old_ready", x.old_ready);
  a("revision", x.revision), a("template_before", x.template_before), a("trouble", x.trouble);
  a("trouble_message", x.trouble_message), a("restarts", x.restarts), a("is_crashing", x.is_crashing);
}
template <typename A>
void members(A& a, sim::Disk& x) {
  a("total_bytes", x.total_bytes), a("free_bytes", x.free_bytes), a("data_bytes", x.data_bytes);
}
template <typename A>
void members(A& a, sim::CertificateTimes& x) {
  a("not_before", x.not_before), a("not_after", x.not_after), a("is_missing", x.is_missing);
}
template <typename A>
void members(A& a, sim::Snapshot& x) {
  a("bytes", x.bytes), a("made_at", x.made_at);
}
template <typename A>
void members(A& a, sim::ClusterCopy& x) {
  a("addons", x.addons), a("addon_args", x.addon_args), a("objects", x.objects);
  a("settings", x.settings), a("certificates", x.certificates);
}
template <typename A>
void members(A& a, sim::DeviceState& x) {
  a("model", x.model), a("architecture", x.architecture), a("memory_bytes", x.memory_bytes);
  a("is_on_classic", x.is_on_classic), a("snapd_version", x.snapd_version), a("pace_percent", x.pace_percent);
  a("temperature_c", x.temperature_c), a("throttled", x.throttled);
  a("seed", x.seed), a("disk", x.disk), a("snap", x.snap), a("system_hold", x.system_hold), a("bases", x.bases),
      a("assertions", x.assertions), a("changes", x.changes), a("changes_made", x.changes_made);
  a("kubernetes", x.kubernetes), a("addons", x.addons), a("addon_args", x.addon_args), a("images", x.images);
  a("objects", x.objects), a("objects_made", x.objects_made), a("copies", x.copies), a("reports", x.reports),
      a("settings", x.settings), a("faults", x.faults);
  a("journal", x.journal), a("effects", x.effects);
  a("certificates", x.certificates), a("certificates_copy", x.certificates_copy), a("snapshots", x.snapshots);
  a("effects", x.effects);
}
template <typename A>
void members(A& a, sim::RegistryImage& x) {
  a("digest", x.digest), a("bytes", x.bytes);
}
template <typename A>
void members(A& a, sim::World& x) {
  a("channels", x.channels), a("images", x.images), a("archives", x.archives), a("files", x.files);
  a("has_any_image", x.has_any_image);
  a("root", x.root);
}

struct Writer {
  Json out = Json::Object{};

  template <typename T>
  void operator()(std::string_view key, const T& value) {
    out[key] = json_of(value);
  }
  static Json json_of(bool value) { return value; }
  static Json json_of(const std::string& value) { return value; }
  template <std::integral T>
  static Json json_of(T value) {
    return static_cast<std::int64_t>(value);
  }
  static Json json_of(sim::FaultKind value) { return std::string(sim::to_string(value)); }
  static Json json_of(SteadyTime value) { return value.ms; }
  static Json json_of(WallTime value) { return value.unix_ms; }
  static Json json_of(Duration value) { return value.count(); }
  template <typename T>
  static Json json_of(const std::optional<T>& value) {
    return value ? json_of(*value) : Json();
  }
  template <typename T>
  static Json json_of(const std::vector<T>& values) {
    Json::Array items;
    for (const T& value : values) items.push_back(json_of(value));
    return items;
  }
  static Json json_of(const std::set<std::string>& values) {
    return json_of(std::vector<std::string>(values.begin(), values.end()));
  }
  template <typename T>
  static Json json_of(const std::map<std::string, T>& values) {
    Json::Object object;
    for (const auto& [key, value] : values) object.emplace(key, json_of(value));
    return object;
  }
  template <typename T>
  requires requires(Writer& w, T& x) { members(w, x); }
  static Json json_of(const T& value) {
    Writer inner;
    T copy = value;
    members(inner, copy);
    return std::move(inner.out);
  }
};

struct Reader {
  const Json& in;

  template <typename T>
  void operator()(std::string_view key, T& value) {
    const Json& found = in.at(key);
    if (!found.is_null()) read(found, value);
  }
  static void read(const Json& from, bool& value) { value = from.is_true(); }
  static void read(const Json& from, std::string& value) { value = from.text(); }
  template <std::integral T>
  static void read(const Json& from, T& value) {
    value = static_cast<T>(from.number());
  }
  static void read(const Json& from, sim::FaultKind& value) {
    if (const Result<sim::Fault> fault = sim::parse_fault(from.text())) value = fault->kind;
  }
  static void read(const Json& from, SteadyTime& value) { value.ms = from.number(); }
  static void read(const Json& from, WallTime& value) { value.unix_ms = from.number(); }
  static void read(const Json& from, Duration& value) { value = Duration(from.number()); }
  template <typename T>
  static void read(const Json& from, std::optional<T>& value) {
    read(from, value.emplace());
  }
  template <typename T>
  static void read(const Json& from, std::vector<T>& values) {
    values.clear();
    for (const Json& item : from.items()) read(item, values.emplace_back());
  }
  static void read(const Json& from, std::set<std::string>& values) {
    for (const Json& item : from.items()) values.insert(item.text());
  }
  template <typename T>
  static void read(const Json& from, std::map<std::string, T>& values) {
    for (const auto& [key, item] : from.members()) read(item, values[key]);
  }
  template <typename T>
  requires requires(Reader& r, T& x) { members(r, x); }
  static void read(const Json& from, T& value) {
    Reader inner{from};
    members(inner, value);
  }
};

template <typename T>
Result<T> from_text(std::string_view text) {
  KELPIE_TRY(const Json json, Json::parse(text));
  T value;
  Reader::read(json, value);
  return value;
}

}  // namespace

std::string to_text(const sim::DeviceState& state) {
  return sim::pretty(Writer::json_of(state), 1);
}

std::string to_text(const sim::World& world) {
  return sim::pretty(Writer::json_of(world), 1);
}

Result<sim::DeviceState> state_from_text(std::string_view text) {
  return from_text<sim::DeviceState>(text);
}

Result<sim::World> world_from_text(std::string_view text) {
  return from_text<sim::World>(text);
}

}  // namespace kelpie::test
