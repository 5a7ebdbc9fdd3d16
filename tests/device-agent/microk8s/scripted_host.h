// A device that answers from a script: commands by their words, snapd by method and path, files by path. Time moves
// only by Pause and by what a command is said to take. Texts are those of the fact sheet.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "device-agent/core/call.h"
#include "device-agent/host/host.h"
#include "device-agent/microk8s/certificates.h"

namespace kelpie::test {

/// What one command or request answers, in turn; the last answer stays.
class Rule {
 public:
  struct Answer {
    int code = 0;
    std::string out;
    std::string err;
    Duration takes{};
    bool is_endless = false;
    bool is_lost = false;
    std::function<void()> effect;
  };
  Rule& out(std::string text, int code = 0);
  Rule& err(std::string text, int code = 1);
  /// The newest answer: how long it takes, what it does to the script.
  Rule& takes(Duration duration);
  Rule& does(std::function<void()> effect);
  Rule& never_ends();
  /// The request reaches its effect, its answer never comes back.
  Rule& drops();

 private:
  friend class ScriptedHost;
  std::deque<Answer> answers_;
};

class ScriptedHost final : public agent::ProcessRunner,
                           public agent::SnapdSocket,
                           public agent::DeviceFiles,
                           public agent::Pause {
 public:
  /// words: of the command behind microk8s, or of its start; the longest that fits is taken.
  Rule& on(const std::string& words) { return rules_[words] = {}; }
  /// request: "GET /v2/snaps/microk8s", or its start. out() is the result as JSON, its code the HTTP status.
  Rule& on_snapd(const std::string& request) { return requests_[request] = {}; }
  /// A POST that begins change 42, which is Done at once or ends as given.
  void on_change(const std::string& request, const std::string& status = "Done", const std::string& err = "");

  [[nodiscard]] agent::CallResult step(agent::Phase phase, agent::Step step, std::string restore = {});
  /// As after a restart: with what the step had noted before.
  [[nodiscard]] agent::CallResult resumed(agent::Phase phase, agent::Step step, std::string note,
                                          std::string restore = {});
  [[nodiscard]] agent::CallResult checks(std::vector<agent::Check> checks);
  [[nodiscard]] agent::Facts facts(std::vector<std::string> images = {});
  [[nodiscard]] std::vector<agent::Certificate> certificates();
  [[nodiscard]] agent::Checkup checkup(std::vector<agent::Step> watched = {});
  [[nodiscard]] agent::Host host();

  [[nodiscard]] Result<agent::Exit> run(const agent::Command& command) override;
  [[nodiscard]] Result<agent::SnapdReply> request(const std::string& method, const std::string& path,
                                                  const std::string& body, Duration limit) override;
  /// Asked as "POST /v2/snaps core20.snap".
  [[nodiscard]] Result<agent::SnapdReply> upload(const agent::SnapdUpload& snap, Duration within) override {
    return request("POST", "/v2/snaps " + snap.file_name, "", within);
  }
  [[nodiscard]] Result<std::string> read(const std::string& path) override;
  [[nodiscard]] bool exists(const std::string& path) override { return files.contains(path); }
  [[nodiscard]] Result<void> write(const std::string& path, const std::string& text, unsigned mode) override;
  [[nodiscard]] Result<void> remove(const std::string& path) override;
  [[nodiscard]] Result<agent::Artifact> open_artifact(const std::string& path, const std::string& sha256,
                                                      std::uint64_t bytes_max, const OnHashed& on_hashed) override;
  [[nodiscard]] Result<void> make_private_folder(const std::string& path) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<Look> look(const std::string& path) override;
  [[nodiscard]] Result<Space> space(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> folder_bytes(const std::string& path) override;
  [[nodiscard]] Kernel kernel() override { return kernel_says; }
  [[nodiscard]] SteadyTime now() override { return {now_ms}; }
  [[nodiscard]] WallTime wall() override { return wall_at_start + Duration(now_ms); }
  [[nodiscard]] bool wait(Duration duration) override;

  [[nodiscard]] bool was_asked(const std::string& start) const;
  [[nodiscard]] std::size_t times_asked(const std::string& start) const;
  [[nodiscard]] std::string input_of(const std::string& start) const;

  std::map<std::string, std::string> files;
  std::map<std::string, WallTime> modified;                // of files that are not as new as now
  std::map<std::string, Result<std::uint64_t>> artifacts;  // by path: their bytes, or why they are none
  std::optional<Error> write_error;                        // of every write
  std::uint64_t disk_preflight = 0;                        // of the release
  Kernel kernel_says;
  std::uint64_t free_bytes = 20ULL << 30U;
  Duration limit = std::chrono::minutes(15);
  std::int64_t now_ms = 1'000;
  WallTime wall_at_start{1'795'564'800'000};  // 2026-11-25
  std::size_t waits_left = SIZE_MAX;          // the agent wants to end after so many
  bool has_snapd = true;
  agent::ArchiveDoor door;  // of an inspect
  std::function<Result<agent::UploadReply>(const agent::Upload&)> on_upload;
  std::size_t snapd_drops = 0;     // so many requests find nobody
  std::vector<std::string> asked;  // commands and requests in order, bodies behind requests
  std::vector<std::string>
      inputs;  // of commands, in the same order as asked; "<PATH" of an artifact; empty for requests
  std::vector<std::string> progress;
  std::vector<std::string> notes;
  std::uint64_t data_bytes = 300ULL << 20U;  // in $SNAP_DATA
  std::uint64_t datastore_bytes = 0;

 private:
  agent::CallResult carry_out(const agent::Call& call);
  static Rule* find(std::map<std::string, Rule>& rules, const std::string& words);
  static Rule::Answer next(Rule& rule);

  std::map<std::string, Rule> rules_;
  std::map<std::string, Rule> requests_;
};

// Shapes of what is answered.
[[nodiscard]] std::string snap_json(const std::string& channel, const std::string& revision, const std::string& version,
                                    const std::string& more = "");
[[nodiscard]] std::string node_list(const std::string& ready, const std::string& message = "kubelet is posting ready");
[[nodiscard]] std::string store_json();
[[nodiscard]] std::string list_of(const std::vector<std::string>& objects);

struct Deployed {
  std::string kind = "Deployment";
  std::string name_space = "kube-system";
  std::string name = "coredns";
  int wanted = 1;
  int ready = 1;
  std::string labels = "{}";
};
[[nodiscard]] std::string workload_json(const Deployed& one);
struct Waiting {
  std::string workload = "coredns";
  std::string name_space = "kube-system";
  std::string reason = "ImagePullBackOff";
  std::string message = "Back-off pulling image";
  int restarts = 0;
};
[[nodiscard]] std::string pod_json(const Waiting& one);

/// A device with MicroK8s 1.32 running and ready, dns enabled: the usual start of a test.
void set_up_running(ScriptedHost& host);

}  // namespace kelpie::test
