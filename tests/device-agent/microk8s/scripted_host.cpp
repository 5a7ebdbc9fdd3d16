#include "tests/device-agent/microk8s/scripted_host.h"

#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "device-agent/microk8s/carry_out.h"
#include "tests/device-agent/microk8s/seen_reasons.h"

namespace kelpie::test {

using agent::Call;
using agent::CallResult;

Rule& Rule::out(std::string text, int code) {
  answers_.push_back({.code = code,
                      .out = std::move(text),
                      .err = {},
                      .takes = {},
                      .is_endless = false,
                      .is_lost = false,
                      .effect = {}});
  return *this;
}
Rule& Rule::err(std::string text, int code) {
  answers_.push_back({.code = code,
                      .out = {},
                      .err = std::move(text),
                      .takes = {},
                      .is_endless = false,
                      .is_lost = false,
                      .effect = {}});
  return *this;
}
Rule& Rule::takes(Duration duration) {
  answers_.back().takes = duration;
  return *this;
}
Rule& Rule::does(std::function<void()> effect) {
  answers_.back().effect = std::move(effect);
  return *this;
}
Rule& Rule::never_ends() {
  out("");
  answers_.back().is_endless = true;
  return *this;
}

Rule& Rule::drops() {
  out("");
  answers_.back().is_lost = true;
  return *this;
}

void ScriptedHost::on_change(const std::string& request, const std::string& status, const std::string& err) {
  on_snapd(request).out(R"({"change":"42"})", 202);
  on_snapd("GET /v2/changes/42")
      .out(fmt::format(R"({{"id":"42","status":"{}","ready":true,"err":"{}","summary":"a change","tasks":[]}})", status,
                       err),
           200);
}

agent::Host ScriptedHost::host() {
  static const agent::DevicePaths paths;
  return {*this,
          *this,
          *this,
          *this,
          paths,
          [this](std::string line) { progress.push_back(std::move(line)); },
          [this](std::string note) { notes.push_back(std::move(note)); },
          on_upload};
}

CallResult ScriptedHost::carry_out(const Call& call) {
  agent::Host parts = host();
  CallResult result = agent::carry_out(call, parts);
  note_reason(call, result);
  return result;
}

CallResult ScriptedHost::step(agent::Phase phase, agent::Step step, std::string restore) {
  return resumed(phase, std::move(step), {}, std::move(restore));
}
CallResult ScriptedHost::resumed(agent::Phase phase, agent::Step step, std::string note, std::string restore) {
  return carry_out({.id = 1,
                    .what = agent::StepCall{.phase = phase,
                                            .step = std::move(step),
                                            .restore = std::move(restore),
                                            .note = std::move(note),
                                            .disk_free_bytes = disk_preflight,
                                            .door = door,
                                            .agent_view = "attempt none\n"},
                    .limit = limit});
}
CallResult ScriptedHost::checks(std::vector<agent::Check> checks) {
  return carry_out({.id = 1, .what = agent::ChecksCall{std::move(checks)}, .limit = limit});
}
agent::Facts ScriptedHost::facts(std::vector<std::string> images) {
  return carry_out({.id = 1, .what = agent::FactsCall{.images = std::move(images)}, .limit = limit}).facts;
}

agent::Checkup ScriptedHost::checkup(std::vector<agent::Step> watched) {
  const Digest release = watched.empty() ? Digest{} : blake2b_256("release");
  agent::FactsCall call{
      .images = {}, .depth = agent::Depth::Checkup, .watched = std::move(watched), .release = release};
  return *carry_out({.id = 1, .what = std::move(call), .limit = limit}).facts.checkup;
}

std::vector<agent::Certificate> ScriptedHost::certificates() {
  agent::Host parts = host();
  return agent::read_certificates(agent::Work(parts, limit));
}

Rule* ScriptedHost::find(std::map<std::string, Rule>& rules, const std::string& words) {
  Rule* best = nullptr;
  std::size_t best_size = 0;
  for (auto& [start, rule] : rules) {
    if (!words.starts_with(start) || start.size() < best_size) continue;
    best = &rule;
    best_size = start.size();
  }
  return best;
}

Rule::Answer ScriptedHost::next(Rule& rule) {
  if (rule.answers_.empty()) return {};
  Rule::Answer answer = rule.answers_.front();
  if (rule.answers_.size() > 1) rule.answers_.pop_front();
  return answer;
}

Result<agent::Exit> ScriptedHost::run(const agent::Command& command) {
  EXPECT_TRUE(command.argv.front() == "/snap/bin/microk8s" || command.argv.front() == "/usr/bin/journalctl")
      << command.argv.front() << " is no full path of ours";
  EXPECT_GT(command.limit, Duration{}) << "a limit of its own";
  std::string words;
  for (std::size_t i = 1; i < command.argv.size(); ++i) words += (i > 1 ? " " : "") + command.argv[i];
  asked.push_back(words);
  inputs.push_back(command.input_file == nullptr ? command.input : "<" + command.input_file->path);
  Rule* const rule = find(rules_, words);
  if (rule == nullptr) {
    ADD_FAILURE() << "no answer for: " << words;
    return fail(Code::NotFound, "not scripted");
  }
  const Rule::Answer answer = next(*rule);
  now_ms += (answer.is_endless ? command.limit : answer.takes).count();
  if (command.on_output) command.on_output(answer.out);
  if (answer.effect) answer.effect();
  constexpr int kTerminated = 143;
  return agent::Exit{.code = answer.is_endless ? kTerminated : answer.code,
                     .is_timeout = answer.is_endless,
                     .out = answer.out,
                     .err = answer.err};
}

Result<agent::SnapdReply> ScriptedHost::request(const std::string& method, const std::string& path,
                                                const std::string& body, Duration) {
  const std::string words = method + " " + path;
  asked.push_back(body.empty() ? words : words + " " + body);
  inputs.emplace_back();
  if (!has_snapd) return fail(Code::NotFound, "no such file or directory");
  if (snapd_drops > 0) {
    --snapd_drops;
    return fail(Code::Unavailable, "connection refused");
  }
  Rule* const rule = find(requests_, asked.back());
  if (rule == nullptr) {
    ADD_FAILURE() << "no answer for: " << asked.back();
    return fail(Code::Unavailable, "not scripted");
  }
  const Rule::Answer answer = next(*rule);
  if (answer.effect) answer.effect();
  if (answer.is_lost) return fail(Code::Unavailable, "connection reset by peer");
  if (path.starts_with("/v2/logs")) return agent::SnapdReply{.status = answer.code, .body = answer.out};
  if (answer.code == 202) return agent::SnapdReply{.status = 202, .body = answer.out};
  return agent::SnapdReply{.status = answer.code, .body = fmt::format(R"({{"result":{}}})", answer.out)};
}

Result<std::string> ScriptedHost::read(const std::string& path) {
  const auto at = files.find(path);
  if (at == files.end()) return fail(Code::NotFound, "no such file");
  return at->second;
}

Result<void> ScriptedHost::write(const std::string& path, const std::string& text, unsigned) {
  if (write_error) return fail(*write_error);
  files[path] = text;
  return {};
}

Result<void> ScriptedHost::remove(const std::string& path) {
  files.erase(path);
  return {};
}

Result<agent::Artifact> ScriptedHost::open_artifact(const std::string& path, const std::string&,
                                                    std::uint64_t bytes_max, const OnHashed& on_hashed) {
  const auto at = artifacts.find(path);
  if (at == artifacts.end()) return fail(Code::NotFound, fmt::format("cannot read \"{}\": no such file", path));
  if (!at->second) return fail(at->second.error());
  if (*at->second > bytes_max) return fail(Code::ResourceExhausted, fmt::format("\"{}\" is too large", path));
  if (on_hashed && !on_hashed(*at->second)) return fail(Code::DeadlineExceeded, "was not hashed to its end");
  return agent::Artifact{.path = path, .bytes = *at->second, .file = {}};
}

Result<void> ScriptedHost::make_private_folder(const std::string& path) {
  asked.push_back("folder " + path);
  inputs.emplace_back();
  return {};
}

Result<void> ScriptedHost::rename(const std::string& from, const std::string& to) {
  auto moved = files.extract(from);
  if (moved.empty()) return fail(Code::NotFound, fmt::format("cannot rename \"{}\": no such file", from));
  files[to] = std::move(moved.mapped());
  return {};
}

Result<agent::DeviceFiles::Look> ScriptedHost::look(const std::string& path) {
  KELPIE_TRY(const std::string text, read(path));
  const auto at = modified.find(path);
  return Look{.bytes = text.size(),
              .modified_at = at == modified.end() ? wall() : at->second,
              .head = text.substr(0, kHeadBytes)};
}

Result<agent::DeviceFiles::Space> ScriptedHost::space(const std::string&) {
  return Space{.total_bytes = 32ULL << 30U, .free_bytes = free_bytes};
}

Result<std::uint64_t> ScriptedHost::folder_bytes(const std::string& path) {
  if (path.ends_with("/var/kubernetes/backend")) return datastore_bytes;
  EXPECT_EQ(path, "/var/snap/microk8s/current");
  if (data_bytes == 0) return fail(Code::ResourceExhausted, "more files than are counted");
  return data_bytes;
}

bool ScriptedHost::wait(Duration duration) {
  if (waits_left == 0) return false;
  --waits_left;
  now_ms += duration.count();
  return true;
}

bool ScriptedHost::was_asked(const std::string& start) const {
  return times_asked(start) > 0;
}

std::size_t ScriptedHost::times_asked(const std::string& start) const {
  return static_cast<std::size_t>(
      std::count_if(asked.begin(), asked.end(), [&](const std::string& one) { return one.starts_with(start); }));
}

std::string ScriptedHost::input_of(const std::string& start) const {
  for (std::size_t i = asked.size(); i-- > 0;) {
    if (asked[i].starts_with(start)) return inputs[i];
  }
  return {};
}

// Facts, microk8s 10: what GET /v2/snaps/microk8s fills at least.
std::string snap_json(const std::string& channel, const std::string& revision, const std::string& version,
                      const std::string& more) {
  const char* const confinement = channel.find("strict") == std::string::npos ? "classic" : "strict";
  return fmt::format(
      R"({{"name":"microk8s","version":"{}","revision":"{}","channel":"{}","tracking-channel":"{}",)"
      R"("confinement":"{}","type":"app","base":"core20","status":"active","hold":"2318-01-01T00:00:00Z",)"
      R"("apps":[{{"name":"daemon-kubelite","daemon":"simple","enabled":true,"active":true}},)"
      R"({{"name":"daemon-containerd","daemon":"notify","enabled":true,"active":true}},)"
      R"({{"name":"daemon-etcd","daemon":"simple","enabled":true}}]{}}})",
      version, revision, channel, channel, confinement, more);
}

std::string node_list(const std::string& ready, const std::string& message) {
  return fmt::format(R"({{"kind":"List","items":[{{"kind":"Node","metadata":{{"name":"pi-01"}},"spec":{{}},"status":{{)"
                     R"("nodeInfo":{{"kubeletVersion":"v1.32.3"}},)"
                     R"("conditions":[{{"type":"Ready","status":"{}","reason":"KubeletReady","message":"{}"}}]}}}}]}})",
                     ready, message);
}

std::string list_of(const std::vector<std::string>& objects) {
  std::string items;
  for (const std::string& one : objects) items += (items.empty() ? "" : ",") + one;
  return fmt::format(R"({{"apiVersion":"v1","kind":"List","items":[{}]}})", items);
}

std::string workload_json(const Deployed& one) {
  return fmt::format(
      R"({{"apiVersion":"apps/v1","kind":"{}","metadata":{{"name":"{}","namespace":"{}","generation":1,"uid":"u",)"
      R"("resourceVersion":"7","labels":{}}},"spec":{{"replicas":{},"selector":{{"matchLabels":{{"app":"{}"}}}}}},)"
      R"("status":{{"observedGeneration":1,"replicas":{},"updatedReplicas":{},"availableReplicas":{},)"
      R"("readyReplicas":{},"desiredNumberScheduled":{},"updatedNumberScheduled":{},"numberAvailable":{}}}}})",
      one.kind, one.name, one.name_space, one.labels, one.wanted, one.name, one.wanted, one.wanted, one.ready,
      one.ready, one.wanted, one.wanted, one.ready);
}

std::string pod_json(const Waiting& one) {
  return fmt::format(
      R"({{"kind":"Pod","metadata":{{"name":"{}-5d8f","namespace":"{}","labels":{{"app":"{}"}},)"
      R"("creationTimestamp":"2026-01-01T00:00:00Z"}},"status":{{"phase":"Pending","containerStatuses":[)"
      R"({{"name":"main","ready":false,"restartCount":{},"state":{{"waiting":{{"reason":"{}","message":"{}"}}}}}}]}}}})",
      one.workload, one.name_space, one.workload, one.restarts, one.reason, one.message);
}

// Facts, microk8s 3.3: channels are a map.
std::string store_json() {
  std::string channels;
  const auto add = [&](const char* channel, const char* version, const char* confinement) {
    channels += fmt::format(R"({}"{}":{{"channel":"{}","version":"{}","confinement":"{}","size":188743680}})",
                            channels.empty() ? "" : ",", channel, channel, version, confinement);
  };
  add("1.32/stable", "v1.32.3", "classic");
  add("1.32/candidate", "v1.32.3", "strict");  // no such thing in the store of today
  add("1.33/stable", "v1.33.1", "classic");
  add("1.35/stable", "v1.35.0", "classic");
  add("1.32-strict/stable", "v1.32.3", "strict");
  add("latest/stable", "v1.34.1", "classic");
  add("latest/edge", "v1.31.9", "classic");
  return fmt::format(R"([{{"name":"microk8s","channels":{{{}}}}}])", channels);
}

void set_up_running(ScriptedHost& host) {
  host.files["/proc/sys/kernel/hostname"] = "pi-01\n";
  host.files["/proc/meminfo"] = "MemTotal:        4000000 kB\n";
  host.files["/sys/fs/cgroup/cgroup.controllers"] = "cpuset cpu io memory pids\n";
  host.on_snapd("GET /v2/system-info").out(R"({"version":"2.63","architecture":"arm64","on-classic":true})", 200);
  host.on_snapd("GET /v2/snaps/microk8s").out(snap_json("1.32/stable", "7890", "v1.32.3"), 200);
  host.on_snapd("GET /v2/changes?select=in-progress&for=microk8s").out("[]", 200);
  host.on_snapd("GET /v2/find?name=microk8s").out(store_json(), 200);
  host.on_snapd("GET /v2/snaps/system/conf")
      .out(R"({"message":"snap \"core\" has no \"refresh.hold\" configuration option",)"
           R"("kind":"option-not-found"})",
           400);
  host.on_snapd("GET /v2/changes?select=all&for=microk8s").out("[]", 200);
  host.on("ctr image pull --help").out("OPTIONS:\n   --platform value\n   --hosts-dir value\n");  // 1.6
  host.on("kubectl get --raw /readyz").out("ok");
  host.on("kubectl get nodes").out(node_list("True"));
  host.on("kubectl version").out(R"({"serverVersion":{"gitVersion":"v1.32.3"}})");
  host.on("kubectl get events").out(list_of({}));
  host.on("kubectl get deployments,daemonsets,statefulsets,jobs,pods -n kube-system").out(list_of({workload_json({})}));
  host.on("kubectl get configmaps coredns")
      .out(R"({"kind":"ConfigMap","data":{"Corefile":".:53 {\n    forward . /etc/resolv.conf\n    cache 30\n}\n"}})");
  host.on("kubectl get services kube-dns").out(R"({"kind":"Service","spec":{"clusterIP":"10.152.183.10"}})");
}

}  // namespace kelpie::test
