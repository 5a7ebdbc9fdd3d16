// snapd's view: itself, the snap, its services and their journals, what it did lately. Source: facts, microk8s 3.6.
#include <algorithm>

#include <fmt/core.h>

#include "device-agent/diagnostics/collect.h"
#include "device-agent/microk8s/json.h"

namespace kelpie::agent {
namespace {

constexpr Duration kRequestLimit = std::chrono::seconds(10);  // chosen: snapd answers at once, or is away
constexpr std::size_t kServicesMax = 16;                      // chosen: MicroK8s has eleven
constexpr int kLinesPerService = 400;

/// The body of a good answer. Errors: why there is none.
Result<std::string> get(const Work& work, const std::string& path) {
  if (work.is_over()) return fail(Code::DeadlineExceeded, "no time was left");
  KELPIE_TRY(SnapdReply reply,
             work.host().snapd.request("GET", path, "", std::min<Duration>(kRequestLimit, work.left())));
  if (reply.status == 200) return std::move(reply.body);
  const Result<Json> body = Json::parse(reply.body);
  return fail(Code::FailedPrecondition, fmt::format("snapd answers {}: {}", reply.status,
                                                    body ? body->at({"result", "message"}).text() : "no JSON"));
}

Result<Json> get_result(const Work& work, const std::string& path) {
  KELPIE_TRY(const std::string body, get(work, path));
  KELPIE_TRY(const Json answer, Json::parse(body));
  return answer.at("result");
}

void put_result(const Work& work, Bundle& bundle, const std::string& name, const std::string& path) {
  const Result<Json> result = get_result(work, path);
  if (!result) return bundle.lacks(name, result.error().message);
  bundle.put(name, result->dump() + "\n");
}

std::string change_lines(const Json& change) {
  std::string out = fmt::format("{} {} {}..{} {}{}{}\n", change.text("id"), change.text("status"),
                                change.text("spawn-time"), change.text("ready-time"), change.text("summary"),
                                change.text("err").empty() ? "" : "\n    error: ", change.text("err"));
  for (const Json& task : change.at("tasks").items()) {
    if (task.text("status") == "Done" && change.text("status") == "Done") continue;
    out += fmt::format("    {} {}\n", task.text("status"), task.text("summary"));
    for (const Json& line : task.at("log").items()) out += fmt::format("        {}\n", line.text());
  }
  return out;
}

void put_changes(const Work& work, Bundle& bundle) {
  constexpr std::string_view kName = "snapd/changes.txt";
  const Result<Json> changes = get_result(work, "/v2/changes?select=all&for=microk8s");
  if (!changes) return bundle.lacks(kName, changes.error().message);
  std::string out;
  for (const Json& change : changes->items()) out += change_lines(change);
  bundle.put(kName, out, Keep::Tail);
}

/// An object a line, each behind a record separator.
std::string log_lines(std::string_view body) {
  std::string out;
  for (std::string line : lines_of(body)) {
    std::erase(line, '\x1e');
    const Result<Json> entry = Json::parse(line);
    if (!entry) continue;
    out += fmt::format("{} {}[{}] {}\n", entry->text("timestamp"), entry->text("sid"), entry->text("pid"),
                       entry->text("message"));
  }
  return out;
}

void put_log(const Work& work, Bundle& bundle, const std::string& service) {
  const std::string name = fmt::format("logs/{}.txt", service);
  const Result<std::string> body = get(work, fmt::format("/v2/logs?names=microk8s.{}&n={}", service, kLinesPerService));
  if (!body) return bundle.lacks(name, body.error().message);
  bundle.put(name, log_lines(*body), Keep::Tail);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

void collect_snapd(const Work& work, Bundle& bundle) {
  const Result<Json> system = get_result(work, "/v2/system-info");
  if (!system) return bundle.lacks("snapd, and the logs of MicroK8s", system.error().message);
  bundle.put("snapd/system.json", system->dump() + "\n");
  put_changes(work, bundle);
  const Result<Json> snap = get_result(work, "/v2/snaps/microk8s");
  if (!snap) return bundle.lacks("snapd/microk8s.json, and the logs of MicroK8s", snap.error().message);
  bundle.put("snapd/microk8s.json", snap->dump() + "\n");
  std::string services;
  std::size_t count = 0;
  for (const Json& app : snap->at("apps").items()) {
    const std::string& name = app.text("name");
    if (app.text("daemon").empty() || !is_plain_name(name) || ++count > kServicesMax) continue;
    services += fmt::format("{}: {}, {}\n", name, app.at("active").is_true() ? "active" : "inactive",
                            app.at("enabled").is_true() ? "enabled" : "disabled");
    put_log(work, bundle, name);
  }
  bundle.put("microk8s/services.txt", services);
  put_result(work, bundle, "snapd/connections.json", "/v2/connections?snap=microk8s&select=all");
}

}  // namespace kelpie::agent
