#include "device-agent/microk8s/snapd.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kRequestLimit = seconds(60);     // chosen: snapd answers at once, the store may take its time
constexpr Duration kLookEvery = seconds(2);         // chosen: a change takes minutes
constexpr Duration kRestartPatience = seconds(90);  // facts, microk8s 3.7: a refresh of snapd drops the connection
constexpr Duration kSocketPatience = seconds(10);   // chosen: no socket at all; systemd makes it again at once
constexpr std::string_view kSnapPath = "/v2/snaps/microk8s";
constexpr std::string_view kSystemHoldPath = "/v2/snaps/system/conf";
constexpr std::string_view kForEver = "2999-01-01T00:00:00Z";  // before 2.58 the system option takes only a time

struct Answer {
  int status = 0;
  Json result;
  std::string change;
  [[nodiscard]] bool is_good() const { return status / 100 == 2; }
  [[nodiscard]] const std::string& kind() const { return result.text("kind"); }
  [[nodiscard]] const std::string& message() const { return result.text("message"); }
};

Tried<Answer> ask_once(const Work& work, const std::string& method, std::string_view path, const std::string& body) {
  const std::string where(path);
  const Result<SnapdReply> reply =
      work.host().snapd.request(method, where, body, std::min<Duration>(kRequestLimit, work.left()));
  if (!reply) {
    const bool is_missing = reply.error().code == Code::NotFound;
    return trouble(is_missing ? Reason::SnapdMissing : Reason::SnapdUnreachable,
                   fmt::format("{} {}: {}", method, where, reply.error().message));
  }
  const Result<Json> json = Json::parse(reply->body);
  if (!json) {
    return trouble(Reason::AnswerUnreadable, fmt::format("{} {}: {}", method, where, json.error().message));
  }
  return Answer{.status = reply->status, .result = json->at("result"), .change = json->text("change")};
}

bool is_away(const Tried<Answer>& answer) {
  return !answer &&
         (answer.error().reason == Reason::SnapdUnreachable || answer.error().reason == Reason::SnapdMissing);
}

/// Reads may be asked again: snapd restarts when it refreshes itself.
Tried<Answer> read(const Work& work, std::string_view path) {
  const Work patience = work.part(kRestartPatience);
  const Work patience_without_socket = work.part(kSocketPatience);
  Tried<Answer> answer = ask_once(work, "GET", path, "");
  while (is_away(answer)) {
    const bool is_missing = answer.error().reason == Reason::SnapdMissing;
    if (is_missing ? patience_without_socket.is_over() : patience.is_over()) break;
    work.say("waiting for snapd to answer");
    KELPIE_TRY(patience.wait(kLookEvery));
    answer = ask_once(work, "GET", path, "");
  }
  return answer;
}

bool is_store_trouble(std::string_view text) {
  return has_any(text, {"no such host", "dial tcp", "unable to contact snap store", "i/o timeout", "TLS handshake",
                        "connection refused", "connection reset", "network is unreachable"});
}

bool is_disk_trouble(std::string_view text) {
  return has_any(text,
                 {"no space left on device", "insufficient space", "not enough space", "insufficient disk space"});
}

Reason reason_of(const Answer& answer) {
  struct Kind {
    std::string_view kind;
    Reason reason;
  };
  constexpr Kind kKinds[] = {
      {"snap-change-conflict", Reason::SnapConflict},
      {"snap-channel-not-available", Reason::ChannelUnknown},
      {"snap-revision-not-available", Reason::ChannelUnknown},
      {"snap-architecture-not-available", Reason::ChannelUnknown},
      {"snap-not-found", Reason::ChannelUnknown},
      {"snap-not-installed", Reason::NotInstalled},
      {"snap-needs-classic-system", Reason::SnapNeedsStrict},
      {"insufficient-disk-space", Reason::DiskFull},
      {"network-timeout", Reason::StoreUnreachable},
      {"dns-failure", Reason::StoreUnreachable},
      {"login-required", Reason::PermissionDenied},
  };
  for (const Kind& row : kKinds) {
    if (answer.kind() == row.kind) return row.reason;
  }
  if (is_store_trouble(answer.message())) return Reason::StoreUnreachable;
  if (is_disk_trouble(answer.message())) return Reason::DiskFull;
  if (has_any(answer.message(), {"has running apps"})) return Reason::SnapRunningApps;
  if (has_any(answer.message(), {"no revision to revert to"})) return Reason::SnapRevisionGone;
  return Reason::SnapdRefused;
}

tl::unexpected<Trouble> refused(std::string_view doing, const Answer& answer) {
  const std::string message = answer.message().empty() ? fmt::format("status {}", answer.status) : answer.message();
  return trouble(reason_of(answer), fmt::format("{}: snapd refuses: {}", doing, message));
}

/// What is being done now, for people: "installing 1.32/stable: Download snap "microk8s", 34.1/180.0 MiB".
std::string progress_of(const Json& change) {
  for (const Json& task : change.at("tasks").items()) {
    if (task.text("status") != "Doing" && task.text("status") != "Undoing") continue;
    const std::int64_t done = task.at({"progress", "done"}).number();
    const std::int64_t total = task.at({"progress", "total"}).number();
    if (total <= 1) return task.text("summary");
    constexpr double kMebibyte = 1024.0 * 1024.0;
    return fmt::format("{}, {:.1f}/{:.1f} MiB", task.text("summary"), static_cast<double>(done) / kMebibyte,
                       static_cast<double>(total) / kMebibyte);
  }
  return change.text("summary");
}

std::string log_of(const Json& change) {
  std::string log;
  for (const Json& task : change.at("tasks").items()) {
    for (const Json& line : task.at("log").items()) log += line.text() + "\n";
  }
  return log;
}

Tried<void> judge_change(const Json& change, std::string_view doing) {
  if (change.text("status") == "Done") return {};
  const std::string& err = change.text("err");
  Reason reason = Reason::SnapChangeFailed;
  if (is_disk_trouble(err)) {
    reason = Reason::DiskFull;
  } else if (has_any(err, {"has running apps"})) {
    reason = Reason::SnapRunningApps;
  } else if (has_any(err, {"hook"}) && has_any(err, {"timeout", "timed out", "maximum runtime"})) {
    reason = Reason::SnapHookTimeout;
  } else if (is_store_trouble(err)) {
    reason = Reason::StoreUnreachable;
  }
  return trouble(reason, fmt::format("{} failed, snapd took it back: {}", doing, err), log_of(change));
}

Tried<void> give_up(const Work& work, const std::string& id, std::string_view doing) {
  // What is asked to stop here is waited for by whoever touches the snap next.
  const Work moment(work.host(), kRequestLimit);
  const Tried<Answer> ignored = ask_once(moment, "POST", "/v2/changes/" + id, R"({"action":"abort"})");
  static_cast<void>(ignored);
  return trouble(Reason::SnapChangeTimeout, fmt::format("{} is not done in its time; change {} aborted", doing, id));
}

Tried<void> await_change(const Work& work, const std::string& id, std::string_view doing) {
  while (!work.is_over()) {
    const Tried<Answer> answer = read(work, "/v2/changes/" + id);
    if (!answer && !is_away(answer)) return fail(answer.error());
    if (answer && answer->status == 404) return {};  // forgotten after a day: what it left is looked at anyway
    if (answer && answer->is_good()) {
      if (answer->result.at("ready").is_true()) return judge_change(answer->result, doing);
      work.say(fmt::format("{}: {}", doing, progress_of(answer->result)));
    }
    KELPIE_TRY(work.wait(kLookEvery));
  }
  return give_up(work, id, doing);
}

bool is_nothing_to_do(const Answer& answer) {
  return answer.kind() == "snap-already-installed" || answer.kind() == "snap-no-update-available";
}

/// The id of the change; empty when there was nothing to do.
Tried<std::string> post(const Work& work, const std::string& method, std::string_view path, const Json& request,
                        std::string_view doing) {
  KELPIE_TRY(const Answer answer, ask_once(work, method, path, request.dump()));
  if (is_nothing_to_do(answer)) return std::string();
  if (!answer.is_good()) return refused(doing, answer);
  return answer.change;
}

Tried<void> change(const Work& work, const std::string& method, std::string_view path, const Json& request,
                   std::string_view doing) {
  while (true) {
    const Tried<std::string> id = post(work, method, path, request, doing);
    if (id) return id->empty() ? Tried<void>{} : await_change(work, *id, doing);
    const bool is_worth_waiting =
        id.error().reason == Reason::SnapConflict || id.error().reason == Reason::SnapdUnreachable;
    if (!is_worth_waiting || work.left() <= kLookEvery) return fail(id.error());
    work.say(fmt::format("{}: {}", doing, row_of(id.error().reason).sentence));
    KELPIE_TRY(work.wait(kLookEvery));
    // A request whose answer was lost may have been accepted.
    KELPIE_TRY(await_changes(work, doing));
  }
}

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

Tried<bool> is_system_held(const Work& work) {
  KELPIE_TRY(const Answer answer, read(work, fmt::format("{}?keys=refresh.hold", kSystemHoldPath)));
  return answer.is_good() && !answer.result.text("refresh.hold").empty();
}

Tried<bool> is_held(const Work& work, const Json& snap) {
  if (!snap.text("hold").empty()) return true;
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  if (can_hold_one_snap(system.version)) return false;
  return is_system_held(work);
}

}  // namespace

bool Snap::is_running() const {
  return std::find(services.begin(), services.end(), "daemon-kubelite") != services.end();
}

Tried<SnapdSystem> read_system(const Work& work) {
  KELPIE_TRY(const Answer answer, read(work, "/v2/system-info"));
  if (!answer.is_good()) return refused("asking snapd what it is", answer);
  return SnapdSystem{.version = answer.result.text("version"),
                     .architecture = answer.result.text("architecture"),
                     .is_on_classic = !answer.result.has("on-classic") || answer.result.at("on-classic").is_true()};
}

Tried<Snap> read_snap(const Work& work) {
  KELPIE_TRY(const Answer answer, read(work, kSnapPath));
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
  KELPIE_TRY(snap.is_held, is_held(work, in));
  if (in.at({"health", "status"}).text() == "blocked") snap.blocked = in.at({"health", "message"}).text();
  for (const Json& app : in.at("apps").items()) {
    if (app.at("active").is_true()) snap.services.push_back(app.text("name"));
  }
  return snap;
}

Tried<Snap> read_installed_snap(const Work& work) {
  KELPIE_TRY(Snap snap, read_snap(work));
  if (!snap.is_installed) return trouble(Reason::NotInstalled, "MicroK8s is not installed: an install step is missing");
  return snap;
}

Tried<bool> has_channel(const Work& work, const std::string& channel) {
  KELPIE_TRY(const Answer answer, read(work, "/v2/find?name=microk8s"));
  if (!answer.is_good()) return refused("looking microk8s up in the store", answer);
  for (const Json& found : answer.result.items()) {
    if (found.at("channels").has(channel)) return true;
  }
  return false;
}

Tried<void> await_changes(const Work& work, std::string_view doing) {
  while (!work.is_over()) {
    KELPIE_TRY(const Answer answer, read(work, "/v2/changes?select=in-progress&for=microk8s"));
    if (!answer.is_good() || answer.result.items().empty()) return {};
    const Json& change = answer.result.items().front();
    work.say(fmt::format("{}: waiting for snapd: {}", doing, progress_of(change)));
    KELPIE_TRY(work.wait(kLookEvery));
  }
  return trouble(Reason::SnapConflict, fmt::format("{}: another change of the snap is still in progress", doing));
}

Tried<void> change_snap(const Work& work, const Json& request, std::string_view doing) {
  return change(work, "POST", kSnapPath, request, doing);
}

Tried<void> start_services(const Work& work) {
  const Json request(Json::Object{{"action", "start"}, {"enable", true}, {"names", Json::Array{Json("microk8s")}}});
  return change(work, "POST", "/v2/apps", request, "starting the services");
}

Tried<void> hold_refreshes(const Work& work, Hold hold) {
  const bool is_on = hold == Hold::On;
  const std::string_view doing = is_on ? "holding automatic refreshes" : "letting automatic refreshes go";
  KELPIE_TRY(const SnapdSystem system, read_system(work));
  if (!can_hold_one_snap(system.version)) {
    const Json conf(Json::Object{{"refresh.hold", is_on ? Json(kForEver) : Json()}});
    return change(work, "PUT", kSystemHoldPath, conf, doing);
  }
  Json request(Json::Object{{"action", is_on ? "hold" : "unhold"}});
  if (is_on) {
    request["hold-level"] = "general";
    request["time"] = "forever";
  }
  return change_snap(work, request, doing);
}

}  // namespace kelpie::agent
