#include "device-agent/microk8s/snapd.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "device-agent/microk8s/snap_changes.h"
#include "device-agent/microk8s/snapd_answer.h"

namespace kelpie::agent {
namespace {

constexpr std::string_view kKubelite = "daemon-kubelite";
constexpr std::string_view kSnapPath = "/v2/snaps/microk8s";
constexpr std::string_view kSystemConfPath = "/v2/snaps/system/conf";
constexpr std::string_view kSystemHoldKey = "refresh.hold";
// Before 2.58 the option takes only a time; this one is how ours is known. Whether such a snapd keeps to it for longer
// than some months after the last refresh only a device can tell.
constexpr std::string_view kForEver = "2999-01-01T00:00:00Z";

Tried<std::string> read_system_hold(const Work& work) {
  KELPIE_TRY(const SnapdAnswer answer, read_snapd(work, fmt::format("{}?keys={}", kSystemConfPath, kSystemHoldKey)));
  // An option that is not set is refused as option-not-found.
  return answer.is_good() ? answer.result.text(kSystemHoldKey) : std::string();
}

Tried<void> set_system_hold(const Work& work, const std::string& until) {
  return change_snap(
      work, {.method = "PUT",
             .path = std::string(kSystemConfPath),
             .request = Json(Json::Object{{std::string(kSystemHoldKey), until.empty() ? Json() : Json(until)}}),
             .doing = until.empty() ? "letting refreshes of all snaps go"
                                    : fmt::format("holding refreshes of all snaps until {}", until)});
}

Tried<void> set_own_hold(const Work& work, Hold hold) {
  Json request(Json::Object{{"action", hold == Hold::On ? "hold" : "unhold"}});
  if (hold == Hold::On) {
    request["hold-level"] = "general";
    request["time"] = "forever";
  }
  return change_snap(work,
                     {.request = std::move(request),
                      .doing = hold == Hold::On ? "holding automatic refreshes" : "letting automatic refreshes go"});
}

/// over_boots: enable or disable.
Json services_request(std::string_view action, std::string_view over_boots) {
  return Json(
      Json::Object{{"action", action}, {std::string(over_boots), true}, {"names", Json::Array{Json("microk8s")}}});
}

Tried<void> read_holds(const Work& work, const Json& in, Snap& snap) {
  snap.is_held = !in.text("hold").empty();
  if (snap.is_held) return {};
  KELPIE_TRY(snap.system_hold, read_system_hold(work));
  if (snap.system_hold != kForEver) return {};
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  snap.is_held = !can_hold_one_snap(system.version);
  return {};
}

}  // namespace

bool can_hold_one_snap(const std::string& version) {
  constexpr int kMajor = 2;
  constexpr int kMinor = 58;
  const std::size_t dot = version.find('.');
  if (dot == std::string::npos) return true;
  int major = 0;
  int minor = 0;
  std::from_chars(version.data(), version.data() + dot, major);
  std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
  return major > kMajor || (major == kMajor && minor >= kMinor);
}

bool Snap::is_running() const {
  return std::find(services.begin(), services.end(), kKubelite) != services.end();
}

Tried<SnapdSystem> read_system(const Work& work) {
  KELPIE_TRY(const SnapdAnswer answer, read_snapd(work, "/v2/system-info"));
  if (!answer.is_good()) return refused("asking snapd what it is", answer);
  return SnapdSystem{.version = answer.result.text("version"),
                     .architecture = answer.result.text("architecture"),
                     .is_on_classic = !answer.result.has("on-classic") || answer.result.at("on-classic").is_true()};
}

Tried<Snap> read_snap(const Work& work) {
  KELPIE_TRY(const SnapdAnswer answer, read_snapd(work, kSnapPath));
  // The kind is that of a snap the store does not have: the status alone says which is meant.
  if (answer.status == 404) return Snap{};
  if (!answer.is_good()) return refused("asking for microk8s", answer);
  const Json& in = answer.result;
  Snap snap;
  snap.is_installed = true;
  snap.channel = in.text("tracking-channel");
  snap.revision = in.text("revision");
  snap.version = in.text("version");
  snap.confinement = in.text("confinement");
  snap.is_active = in.text("status") == "active";
  KELPIE_TRY(read_holds(work, in, snap));
  if (in.at({"health", "status"}).text() == "blocked") snap.blocked = in.at({"health", "message"}).text();
  for (const Json& app : in.at("apps").items()) {
    if (app.at("active").is_true()) snap.services.push_back(app.text("name"));
    if (app.text("name") == kKubelite) snap.is_kubelite_enabled = app.at("enabled").is_true();
  }
  return snap;
}

Tried<Snap> read_installed_snap(const Work& work) {
  KELPIE_TRY(Snap snap, read_snap(work));
  if (!snap.is_installed) return trouble(Reason::NotInstalled, "MicroK8s is not installed: an install step is missing");
  return snap;
}

Tried<StoreChannel> find_channel(const Work& work, const std::string& channel) {
  KELPIE_TRY(const SnapdAnswer answer, read_snapd(work, "/v2/find?name=microk8s"));
  if (!answer.is_good()) return refused("looking microk8s up in the store", answer);
  for (const Json& found : answer.result.items()) {
    const Json& one = found.at("channels").at(channel);
    if (one.is_null()) continue;
    return StoreChannel{.version = one.text("version"),
                        .confinement = one.text("confinement"),
                        .bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(one.number("size", 0), 0))};
  }
  return trouble(Reason::ChannelUnknown,
                 fmt::format("the store has no channel {} of microk8s for this device", channel));
}

Tried<SnapChanges> read_changes(const Work& work) {
  KELPIE_TRY(const SnapdAnswer answer, read_snapd(work, "/v2/changes?select=all&for=microk8s"));
  if (!answer.is_good()) return refused("asking for changes of microk8s", answer);
  SnapChanges out;
  std::int64_t newest = -1;
  for (const Json& change : answer.result.items()) {
    if (!change.at("ready").is_true()) out.is_one_under_way = true;
    std::int64_t id = 0;  // they rise
    const std::string& text = change.text("id");
    std::from_chars(text.data(), text.data() + text.size(), id);
    if (id <= newest) continue;
    newest = id;
    out.newest = fmt::format("{} {}, {}", text, change.text("summary"), change.text("status"));
  }
  return out;
}

Tried<void> start_services(const Work& work) {
  return change_snap(
      work, {.path = "/v2/apps", .request = services_request("start", "enable"), .doing = "starting the services"});
}

Tried<void> stop_services(const Work& work) {
  return change_snap(
      work, {.path = "/v2/apps", .request = services_request("stop", "disable"), .doing = "stopping the services"});
}

Tried<void> hold_refreshes(const Work& work, Hold hold) {
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  if (!can_hold_one_snap(system.version)) {
    return set_system_hold(work, hold == Hold::On ? std::string(kForEver) : std::string());
  }
  KELPIE_TRY(set_own_hold(work, hold));
  // Ours of an older snapd also keeps every other snap from its repairs.
  KELPIE_TRY(const std::string held, read_system_hold(work));
  return held == kForEver ? set_system_hold(work, "") : Tried<void>{};
}

Tried<void> restore_holds(const Work& work, bool is_held, const std::string& system_hold) {
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  KELPIE_TRY(const Snap snap, read_installed_snap(work));
  if (can_hold_one_snap(system.version) && snap.is_held != is_held) {
    KELPIE_TRY(set_own_hold(work, is_held ? Hold::On : Hold::Off));
  }
  KELPIE_TRY(const std::string held, read_system_hold(work));
  // Only what this attempt changed: somebody else's newer hold stays.
  const bool is_ours = held == kForEver || (held.empty() && system_hold == kForEver);
  return is_ours && held != system_hold ? set_system_hold(work, system_hold) : Tried<void>{};
}

}  // namespace kelpie::agent
