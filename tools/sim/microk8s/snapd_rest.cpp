// snapd's socket: requests to answers. Source: facts, microk8s 3.6.
#include <array>

#include <fmt/core.h>

#include "proto/wire/tracks.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/sideload.h"
#include "tools/sim/microk8s/sim_microk8s.h"
#include "tools/sim/microk8s/snapd.h"
#include "tools/sim/microk8s/snapd_rest.h"

namespace kelpie::sim {
namespace {

constexpr int kOk = 200;
constexpr int kAccepted = 202;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;

std::string_view words_of(int status) {
  switch (status) {
    case kOk: return "OK";
    case kAccepted: return "Accepted";
    case kBadRequest: return "Bad Request";
    case 401: return "Unauthorized";
    case kNotFound: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 507: return "Insufficient Storage";
    default: return "Internal Server Error";
  }
}

agent::SnapdReply reply_of(Json envelope, std::string_view type, int status) {
  envelope["type"] = type;
  envelope["status-code"] = status;
  envelope["status"] = words_of(status);
  return {.status = status, .body = envelope.dump()};
}

agent::SnapdReply sync(Json result) {
  return reply_of(Json::Object{{"result", std::move(result)}}, "sync", kOk);
}

agent::SnapdReply refuse(const SnapRefusal& refusal) {
  Json result = Json::Object{{"message", refusal.message}};
  if (!refusal.kind.empty()) result["kind"] = refusal.kind;
  if (!refusal.value.is_null()) result["value"] = refusal.value;
  return reply_of(Json::Object{{"result", std::move(result)}}, "error", refusal.status);
}

agent::SnapdReply answer_of(const SnapAnswer& answer) {
  if (answer.refusal.status != 0) return refuse(answer.refusal);
  return reply_of(Json::Object{{"change", answer.change}, {"result", Json()}}, "async", kAccepted);
}

Json system_info(const DeviceState& state) {
  return Json::Object{
      {"architecture", state.architecture},
      {"confinement", "strict"},
      {"kernel-version", "6.1.0-rpi7-rpi-v8"},
      {"managed", false},
      {"on-classic", state.is_on_classic},
      {"os-release", state.is_on_classic ? Json(Json::Object{{"id", "debian"}, {"version-id", "12"}})
                                         : Json(Json::Object{{"id", "ubuntu-core"}, {"version-id", "22"}})},
      {"refresh", Json::Object{{"next", "2026-01-01T03:12:00Z"}, {"timer", "00:00~24:00/4"}}},
      {"series", "16"},
      {"version", state.snapd_version}};
}

Json channel_map(const World& world) {
  Json channels = Json::Object{};
  for (const auto& [channel, revision] : world.channels) {
    channels[channel] = Json::Object{{"channel", channel},
                                     {"confinement", revision.confinement},
                                     {"revision", revision.revision},
                                     {"version", revision.version},
                                     {"size", 188'743'680}};
  }
  return channels;
}

agent::SnapdReply find(const World& world, std::string_view query, DeviceState& state) {
  if (query != "name=microk8s")
    return refuse({.status = kNotFound, .message = "snap not found", .kind = "snap-not-found", .value = {}});
  if (strikes(state, FaultKind::SnapStoreUnreachable)) {
    return refuse(
        {.status = kBadRequest, .message = "unable to contact snap store", .kind = "network-timeout", .value = {}});
  }
  Json snaps;
  snaps.append(Json::Object{{"name", "microk8s"},
                            {"id", "EaXqgt1lyCaxKaQCU349mlodBkDCXRcg"},
                            {"type", "app"},
                            {"confinement", "classic"},
                            {"channels", channel_map(world)}});
  return sync(std::move(snaps));
}

agent::SnapdReply get_snap(const DeviceState& state, std::string_view name) {
  if (const auto base = state.bases.find(std::string(name)); base != state.bases.end()) {
    return sync(Json::Object{{"name", base->first}, {"revision", base->second}, {"status", "active"}});
  }
  if (name != "microk8s" || !state.snap.is_installed) {
    return refuse(
        {.status = kNotFound, .message = "snap not installed", .kind = "snap-not-found", .value = std::string(name)});
  }
  return sync(snap_json(state));
}

agent::SnapdReply get_change(const DeviceState& state, const std::string& id, SteadyTime now) {
  const auto found = state.changes.find(id);
  if (found == state.changes.end()) {
    return refuse({.status = kNotFound,
                   .message = fmt::format("cannot find change with id \"{}\"", id),
                   .kind = {},
                   .value = {}});
  }
  return sync(change_json(found->second, now));
}

agent::SnapdReply list_changes(const DeviceState& state, std::string_view query, SteadyTime now) {
  const bool is_all = query.find("select=all") != std::string_view::npos;
  const bool is_ready = query.find("select=ready") != std::string_view::npos;
  Json changes = Json::Array{};
  const bool is_for_microk8s = query.find("for=microk8s") != std::string_view::npos;
  for (const auto& [id, change] : state.changes) {
    if (is_for_microk8s && change.snap != "microk8s") continue;
    const bool is_done = change.status != "Doing";
    if (is_all || is_done == is_ready) changes.append(change_json(change, now));
  }
  return sync(std::move(changes));
}

agent::SnapdReply abort_change(DeviceState& state, const std::string& id, SteadyTime now) {
  const auto found = state.changes.find(id);
  if (found == state.changes.end()) return get_change(state, id, now);
  SnapChange& change = found->second;
  if (change.status != "Doing") {
    return refuse({.status = kBadRequest,
                   .message = fmt::format("cannot abort change {} with nothing pending", id),
                   .kind = {},
                   .value = {}});
  }
  change.status = "Undone";
  add_effect(state, fmt::format("aborted change {}", id));
  return sync(change_json(change, now));
}

agent::SnapdReply post_snap(DeviceState& state, const World& world, const Json& body, SteadyTime now) {
  return answer_of(begin_change(state, world,
                                {.action = body.at("action").text(),
                                 .channel = body.at("channel").text(),
                                 .revision = body.at("revision").text(),
                                 .hold_until = body.at("time").text(),
                                 .is_classic = body.at("classic").is_true(),
                                 .is_enabling = false,
                                 .ignores_running = body.at("ignore-running").is_true(),
                                 .is_purging = body.at("purge").is_true()},
                                now));
}

agent::SnapdReply post_apps(DeviceState& state, const World& world, const Json& body, SteadyTime now) {
  if (body.at("names").items() != Json::Array{Json("microk8s")} || !state.snap.is_installed)
    return refuse({.status = kNotFound, .message = "snap not found", .kind = "snap-not-found", .value = "microk8s"});
  return answer_of(begin_change(state, world,
                                {.action = body.at("action").text(),
                                 .channel = {},
                                 .revision = {},
                                 .hold_until = {},
                                 .is_classic = false,
                                 .is_enabling = body.at("enable").is_true() || body.at("disable").is_true(),
                                 .ignores_running = true},
                                now));
}

/// An object a line, each behind a record separator.
agent::SnapdReply logs(const DeviceState& state, std::string_view query) {
  constexpr std::string_view kNames = "names=microk8s.";
  if (!state.snap.is_installed || !query.starts_with(kNames)) {
    return refuse({.status = kNotFound, .message = "snap not found", .kind = "snap-not-found", .value = {}});
  }
  const std::string_view service = query.substr(kNames.size(), query.find('&') - kNames.size());
  agent::SnapdReply out{.status = kOk, .body = {}};
  const auto add = [&](const std::string& message) {
    const Json line = Json::Object{{"timestamp", "2026-01-01T00:00:00.000000Z"},
                                   {"message", message},
                                   {"sid", fmt::format("microk8s.{}", service)},
                                   {"pid", "1234"}};
    out.body += fmt::format("\x1e{}\n", line.dump());
  };
  add(fmt::format("{} has started", service));
  for (const std::string& line : state.journal) add(line);
  return out;
}

struct Route {
  std::string_view path;
  std::string_view query;
};

agent::SnapdReply get(DeviceState& state, const World& world, const Route& route, SteadyTime now) {
  if (route.path == "/v2/system-info") return sync(system_info(state));
  if (route.path == "/v2/find") return find(world, route.query, state);
  if (route.path == "/v2/snaps")
    return sync(state.snap.is_installed ? Json(Json::Array{snap_json(state)}) : Json(Json::Array{}));
  if (route.path == "/v2/apps")
    return sync(state.snap.is_installed ? snap_json(state).at("apps") : Json(Json::Array{}));
  if (route.path == "/v2/snaps/system/conf") {
    if (!state.system_hold.empty()) return sync(Json::Object{{"refresh.hold", state.system_hold}});
    return refuse({.status = kBadRequest,
                   .message = "snap \"core\" has no \"refresh.hold\" configuration option",
                   .kind = "option-not-found",
                   .value = {}});
  }
  if (route.path.starts_with("/v2/snaps/")) return get_snap(state, route.path.substr(10));
  if (route.path == "/v2/logs") return logs(state, route.query);
  if (route.path == "/v2/connections") return sync(Json::Object{{"established", Json::Array{}}});
  if (route.path == "/v2/changes") return list_changes(state, route.query, now);
  if (route.path.starts_with("/v2/changes/")) return get_change(state, std::string(route.path.substr(12)), now);
  return refuse({.status = kNotFound, .message = "not found", .kind = {}, .value = {}});
}

agent::SnapdReply post(DeviceState& state, const World& world, const Route& route, const Json& body, SteadyTime now) {
  if (route.path == "/v2/snaps/microk8s") return post_snap(state, world, body, now);
  if (route.path == "/v2/apps") return post_apps(state, world, body, now);
  if (route.path.starts_with("/v2/changes/") && body.at("action").text() == "abort")
    return abort_change(state, std::string(route.path.substr(12)), now);
  if (route.path.starts_with("/v2/snaps/"))
    return refuse({.status = kNotFound, .message = "snap not found", .kind = "snap-not-found", .value = {}});
  return refuse({.status = kNotFound, .message = "not found", .kind = {}, .value = {}});
}

/// PUT …/conf. The system's own option is the hold of a snapd before 2.58.
agent::SnapdReply put(DeviceState& state, const World& world, const Route& route, const Json& body, SteadyTime now) {
  SnapWish wish{.action = "configure"};
  if (route.path == "/v2/snaps/system/conf") {
    wish.action = "hold-system";
    wish.hold_until = body.at("refresh.hold").text();
  } else if (route.path != "/v2/snaps/microk8s/conf" || !state.snap.is_installed) {
    return refuse(
        {.status = kNotFound, .message = "snap not installed", .kind = "snap-not-found", .value = "microk8s"});
  }
  return answer_of(begin_change(state, world, wish, now));
}

}  // namespace

Json snap_json(const DeviceState& state) {
  struct Daemon {
    std::string_view name;
    bool is_used;  // the others leave by themselves on a normal device
  };
  constexpr std::array kDaemons{Daemon{"apiserver-kicker", true},
                                Daemon{"apiserver-proxy", false},
                                Daemon{"cluster-agent", true},
                                Daemon{"containerd", true},
                                Daemon{"etcd", false},
                                Daemon{"flanneld", false},
                                Daemon{"k8s-dqlite", true},
                                Daemon{"kubelite", true}};
  Json apps;
  for (const Daemon& daemon : kDaemons) {
    Json app =
        Json::Object{{"snap", "microk8s"}, {"name", fmt::format("daemon-{}", daemon.name)}, {"daemon", "simple"}};
    // snapd leaves out what is false.
    if (state.kubernetes.are_services_enabled) app["enabled"] = true;
    if (state.kubernetes.are_services_active && daemon.is_used) app["active"] = true;
    apps.append(std::move(app));
  }
  const SnapRevision& now = state.snap.now;
  Json snap = Json::Object{{"id", "EaXqgt1lyCaxKaQCU349mlodBkDCXRcg"},
                           {"name", "microk8s"},
                           {"summary", "Kubernetes for workstations and appliances"},
                           {"version", now.version},
                           {"revision", now.revision},
                           {"confinement", now.confinement},
                           {"devmode", false},
                           {"type", "app"},
                           {"base", wire::base_of_track(minor_of(state))},
                           {"status", state.snap.is_active ? "active" : "installed"},
                           {"installed-size", 188'743'680},
                           {"health", Json::Object{{"revision", now.revision}, {"status", "okay"}}},
                           {"apps", std::move(apps)}};
  // One from a file follows none until it is told.
  if (!now.channel.empty()) snap["channel"] = snap["tracking-channel"] = now.channel;
  if (!state.snap.hold.empty()) snap["hold"] = state.snap.hold == "forever" ? "2318-01-01T00:00:00Z" : state.snap.hold;
  return snap;
}

agent::SnapdReply answer_snapd(DeviceState& state, const World& world, const SnapdRequest& request, SteadyTime now) {
  const auto question = request.path.find('?');
  const Route route{.path = request.path.substr(0, question),
                    .query = question == std::string_view::npos ? "" : request.path.substr(question + 1)};
  if (request.method == "GET") return get(state, world, route, now);
  if (strikes(state, FaultKind::PermissionDenied, "snapd"))
    return refuse({.status = 401, .message = "access denied", .kind = "login-required", .value = {}});
  if (request.method != "POST" && request.method != "PUT")
    return refuse({.status = 405, .message = "method not allowed", .kind = {}, .value = {}});
  if (route.path == "/v2/assertions") {
    const SnapRefusal refusal = acknowledge(state, request.body);
    return refusal.status == 0 ? sync({}) : refuse(refusal);
  }
  if (route.path == "/v2/snaps" && request.body.starts_with("--"))
    return answer_of(sideload(state, world, request.body, now));
  const Result<Json> body = Json::parse(request.body);
  if (!body) {
    return refuse({.status = kBadRequest,
                   .message = fmt::format("cannot decode request body into snap instruction: {}", body.error().message),
                   .kind = {},
                   .value = {}});
  }
  return request.method == "PUT" ? put(state, world, route, *body, now) : post(state, world, route, *body, now);
}

}  // namespace kelpie::sim
