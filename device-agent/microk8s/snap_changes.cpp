#include "device-agent/microk8s/snap_changes.h"

#include <algorithm>

#include <fmt/core.h>

#include "device-agent/microk8s/snapd_answer.h"

namespace kelpie::agent {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kLookEvery = seconds(2);     // chosen: an install takes minutes
constexpr Duration kLookFirst{100};             // chosen: a hold takes less
constexpr Duration kAbortLimit = seconds(60);   // chosen: it answers at once, or snapd restarts
constexpr Duration kAppsPatience = minutes(3);  // chosen: commands that an agent left behind end in two
constexpr std::string_view kOpenChanges = "/v2/changes?select=in-progress&for=microk8s";

/// What is being done now, for people: "Download snap "microk8s", 34.1/180.0 MiB".
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
    for (const Json& line : task.at("log").items()) log += fmt::format("{}: {}\n", task.text("summary"), line.text());
  }
  return log;
}

Tried<void> judge_change(const Json& change, std::string_view doing) {
  if (change.text("status") == "Done") return {};
  const std::string& err = change.text("err");
  return trouble(reason_in(err).value_or(Reason::SnapChangeFailed),
                 fmt::format("{} failed, snapd took change {} back: {}", doing, change.text("id"),
                             err.empty() ? change.text("status") : err),
                 log_of(change));
}

/// A change that goes on only after the device has restarted (facts, microk8s 3.7).
bool waits_for_reboot(const SnapdAnswer& answer) {
  return answer.result.text("status") == "Wait" || answer.maintenance == "system-restart";
}

Tried<void> give_up(const Work& work, const std::string& id, std::string_view doing, bool is_waiting_for_reboot) {
  // What is asked to stop here is waited for by whoever touches the snap next.
  const Work moment(work.host(), kAbortLimit);
  const std::string path = "/v2/changes/" + id;
  const Tried<SnapdAnswer> ignored =
      ask_snapd(moment, {.method = "POST", .path = path, .body = R"({"action":"abort"})"});
  static_cast<void>(ignored);
  if (is_waiting_for_reboot) {
    return trouble(Reason::RebootNeeded, fmt::format("{}: change {} goes on after a restart of the device", doing, id));
  }
  return trouble(Reason::SnapChangeTimeout, fmt::format("{} is not done in its time; change {} aborted", doing, id));
}

Tried<void> await_change(const Work& work, const std::string& id, std::string_view doing) {
  bool is_waiting_for_reboot = false;
  for (Duration pause = kLookFirst; !work.is_over(); pause = std::min(kLookEvery, 2 * pause)) {
    const Tried<SnapdAnswer> answer = read_snapd(work, "/v2/changes/" + id);
    if (!answer && !is_away(answer)) return fail(answer.error());
    if (answer && answer->status == 404) return {};  // forgotten after a day: what it left is looked at anyway
    if (answer && answer->is_good()) {
      if (answer->result.at("ready").is_true()) return judge_change(answer->result, doing);
      is_waiting_for_reboot = waits_for_reboot(*answer);
      work.say(fmt::format("{}: {}", doing,
                           is_waiting_for_reboot ? "waits for a restart of the device" : progress_of(answer->result)));
    }
    KELPIE_TRY(work.wait(pause));
  }
  return give_up(work, id, doing, is_waiting_for_reboot);
}

Tried<void> change_once(const Work& work, const SnapWish& wish) {
  const auto ask = [&] {
    if (wish.ask) return wish.ask(work);
    return ask_snapd(work, {.method = wish.method, .path = wish.path, .body = wish.request.dump()});
  };
  KELPIE_TRY(const SnapdAnswer answer, ask());
  if (is_nothing_to_do(answer)) return {};
  if (!answer.is_good()) return refused(wish.doing, answer);
  if (answer.change.empty()) return {};
  work.note(Json(Json::Object{{"change", answer.change}, {"doing", wish.doing}}).dump());
  return await_change(work, answer.change, wish.doing);
}

}  // namespace

Tried<void> change_snap(const Work& work, const SnapWish& wish) {
  const Work apps_patience = work.part(kAppsPatience);
  while (true) {
    const Tried<void> done = change_once(work, wish);
    if (done) return {};
    const Reason why = done.error().reason;
    const bool is_worth_waiting = why == Reason::SnapConflict || why == Reason::SnapdUnreachable ||
                                  (why == Reason::SnapRunningApps && !apps_patience.is_over());
    if (!is_worth_waiting || work.left() <= kLookEvery) return fail(done.error());
    work.say(done.error().detail);
    KELPIE_TRY(work.wait(kLookEvery));
    KELPIE_TRY(await_changes(work, wish.doing));
    if (!wish.is_reached) continue;
    KELPIE_TRY(const bool is_reached, wish.is_reached());
    if (is_reached) return {};
  }
}

Tried<void> resume_change(const Work& work, const std::string& note) {
  const Result<Json> noted = Json::parse(note);
  if (!noted || noted->text("change").empty()) return {};
  return await_change(work, noted->text("change"), noted->text("doing"));
}

Tried<void> await_changes(const Work& work, std::string_view doing) {
  std::string open;
  while (!work.is_over()) {
    KELPIE_TRY(open, read_open_change(work));
    if (open.empty()) return {};
    work.say(fmt::format("{}: waiting for change {}", doing, open));
    KELPIE_TRY(work.wait(kLookEvery));
  }
  return trouble(Reason::SnapConflict, fmt::format("{}: another change is still in progress: {}", doing, open));
}

Tried<std::string> read_open_change(const Work& work) {
  KELPIE_TRY(const SnapdAnswer answer, read_snapd(work, kOpenChanges));
  if (!answer.is_good() || answer.result.items().empty()) return std::string();
  const Json& change = answer.result.items().front();
  return fmt::format("{}: {}", change.text("id"), progress_of(change));
}

}  // namespace kelpie::agent
