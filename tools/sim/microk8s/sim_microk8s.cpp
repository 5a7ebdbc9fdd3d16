#include "tools/sim/microk8s/sim_microk8s.h"

#include <algorithm>

#include <fmt/core.h>

#include "proto/base/digest.h"
#include "tools/sim/microk8s/kube.h"
#include "tools/sim/microk8s/parts.h"
#include "tools/sim/microk8s/shell.h"
#include "tools/sim/microk8s/sideload.h"
#include "tools/sim/microk8s/snapd_rest.h"

namespace kelpie::sim {
namespace {

constexpr Duration kSnapdAnswers{10};    // chosen: a local socket
constexpr Duration kSnapRun{150};        // chosen: `snap run` before anything of ours starts
constexpr Duration kRefreshPoll{1'000};  // chosen
constexpr int kTerminated = 128 + 15;
constexpr std::size_t kAskedBytesMax = 400;

std::string_view program_of(const agent::Command& command) {
  std::string_view path = command.argv.front();
  path = path.substr(path.rfind('/') + 1);
  return path == "microk8s.kubectl" ? "kubectl" : path;
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += fmt::format("{}{}", line.empty() ? "" : " ", word);
  return line;
}

Error absent(const agent::Command& command) {
  return {.code = Code::NotFound,
          .message = fmt::format("cannot run \"{}\": No such file or directory", command.argv.front()),
          .reason = {},
          .hint = {}};
}

/// `snap run` waits silently while the snap is being refreshed. False: killed.
bool wait_for_refresh(Shell& shell) {
  while (shell.with([](DeviceState& state) { return is_refreshing(state); })) {
    if (!shell.spend(kRefreshPoll)) return false;
  }
  return true;
}

int run_snapped(Shell& shell, std::string_view program, Words words) {
  if (!shell.spend(kSnapRun) || !wait_for_refresh(shell)) return kKilled;
  if (!shell.with([](DeviceState& state) { return state.snap.is_active; })) {
    shell.err(
        "cannot find current revision for snap microk8s: readlink /snap/microk8s/current: no such file or "
        "directory\n");
    return 1;
  }
  if (program == "kubectl") {
    std::vector<std::string> full{"kubectl"};
    full.insert(full.end(), words.begin(), words.end());
    return run_microk8s(shell, full);
  }
  return run_microk8s(shell, words);
}

}  // namespace

void MemoryCell::note(Asked one) {
  if (asked_max_ == 0) return;
  if (asked.size() >= asked_max_) asked.pop_front();
  asked.push_back(std::move(one));
}

bool Shell::wait(Duration duration) {
  if (is_killed_) return false;
  const Duration left = deadline_ - now();
  const bool is_late = left <= duration;
  const bool goes_on = around_.pause.wait(std::max(Duration{}, is_late ? left : duration));
  is_killed_ = is_late || !goes_on;
  return !is_killed_;
}

bool Shell::spend(Duration usual) {
  return wait(with([&](DeviceState& state) { return paced(state, usual); }));
}

int Shell::hang() {
  constexpr Duration kLook = std::chrono::minutes(1);
  while (wait(kLook)) continue;
  return kKilled;
}

void Shell::print(Stream stream, std::string& into, std::string_view text) {
  into += text;
  if (stream == Stream::Out && command_.on_output) command_.on_output(text);
  if (around_.on_output) around_.on_output(stream, text);
}

agent::Exit Shell::exit(int code) {
  exit_.is_timeout = code == kKilled;
  exit_.code = code == kKilled ? kTerminated : code;
  return std::move(exit_);
}

Result<agent::Exit> SimMicrok8s::run(const agent::Command& command) {
  KELPIE_ASSERT(!command.argv.empty());
  const SteadyTime begun_at = pause_.now();
  const Surroundings around{.cell = cell_, .world = world_, .pause = pause_, .on_output = on_output};
  Shell shell(around, command);
  const std::string_view program = program_of(command);
  const Words words = Words(command.argv).subspan(1);
  const bool is_ours = program == "microk8s" || program == "kubectl";
  const bool is_there =
      is_ours ? shell.with([](DeviceState& state) { return state.snap.is_installed && state.is_on_classic; })
              : program == "snap";
  if (!is_there) {
    cell_.note({.at = begun_at, .what = joined(command.argv), .answer = "no such program"});
    return fail(absent(command));
  }
  const int code = is_ours ? run_snapped(shell, program, words) : run_snap(shell, words);
  agent::Exit exit = shell.exit(code);
  cell_.note({.at = begun_at,
              .what = joined(command.argv),
              .answer = exit.is_timeout ? "killed" : fmt::format("exit {}", exit.code)});
  return exit;
}

Result<agent::SnapdReply> SimMicrok8s::request(const std::string& method, const std::string& path,
                                               const std::string& body, Duration limit) {
  const SteadyTime begun_at = pause_.now();
  const std::string what = fmt::format("{} {} {}", method, path, body).substr(0, kAskedBytesMax);
  if (!pause_.wait(std::min(kSnapdAnswers, limit))) return fail(Code::Unavailable, "the agent is stopping");
  agent::SnapdReply reply;
  bool is_down = false;
  cell_.change([&](DeviceState& state) {
    const SteadyTime now = pause_.now();
    settle(state, world_, now);
    const bool has_change = std::any_of(state.changes.begin(), state.changes.end(),
                                        [](const auto& entry) { return entry.second.status == "Doing"; });
    is_down = strikes(state, FaultKind::SnapdDown) || (has_change && strikes(state, FaultKind::SnapdRestart));
    if (!is_down) reply = answer_snapd(state, world_, {.method = method, .path = path, .body = body}, now);
  });
  cell_.note({.at = begun_at, .what = what, .answer = is_down ? "no daemon" : fmt::format("{}", reply.status)});
  if (is_down) return fail(Code::Unavailable, "cannot reach snapd at \"/run/snapd.socket\": connection reset by peer");
  return reply;
}

Result<agent::SnapdReply> SimMicrok8s::upload(const agent::SnapdUpload& upload, Duration limit) {
  const auto file = world_.files.find(upload.file.path);
  KELPIE_ASSERT(file != world_.files.end());  // it was opened
  return request("POST", "/v2/snaps",
                 form_text({.flags = upload.flags, .file_name = upload.file_name, .file = file->second}), limit);
}

Result<std::string> SimMicrok8s::read(const std::string& path) {
  if (const auto file = world_.files.find(path); file != world_.files.end()) return file->second;
  std::map<std::string, std::string> files;
  cell_.change([&](DeviceState& state) {
    settle(state, world_, pause_.now());
    files = files_of(state);
  });
  const auto found = files.find(path);
  if (found == files.end())
    return fail(Code::NotFound, fmt::format("cannot read \"{}\": no such file or directory", path));
  return found->second;
}

bool SimMicrok8s::exists(const std::string& path) {
  return look(path).has_value();
}

Result<void> SimMicrok8s::write(const std::string& path, const std::string& text, unsigned mode) {
  (void)mode;  // nobody else reads here
  Result<void> outcome;
  cell_.change([&](DeviceState& state) {
    settle(state, world_, pause_.now());
    const bool is_in_snap = path.starts_with(kSnapData);
    if (is_in_snap && !state.snap.is_installed) {
      outcome = fail(Code::NotFound, fmt::format("cannot write \"{}\": no such file or directory", path));
      return;
    }
    state.settings[path] = text;
    add_effect(state, fmt::format("wrote {}", path));
  });
  return outcome;
}

Result<void> SimMicrok8s::remove(const std::string& path) {
  cell_.change([&](DeviceState& state) {
    settle(state, world_, pause_.now());
    state.snapshots.erase(path);
    if (state.settings.erase(path) > 0) add_effect(state, fmt::format("removed {}", path));
  });
  return {};
}

Result<agent::Artifact> SimMicrok8s::open_artifact(const std::string& path, const std::string& sha256,
                                                   std::uint64_t bytes_max, const OnHashed& on_hashed) {
  constexpr std::uint64_t kBytes = 40U << 20U;
  const auto file = world_.files.find(path);
  if (file != world_.files.end() && sha256_hex(as_bytes(file->second)) != sha256) {
    return fail(Code::DataLoss, fmt::format("\"{}\" has other bytes than its name says", path));
  }
  // What is in an archive is right.
  if (file == world_.files.end() && !world_.archives.contains(path))
    return fail(Code::NotFound, fmt::format("cannot read \"{}\"", path));
  if (kBytes > bytes_max) return fail(Code::ResourceExhausted, fmt::format("\"{}\" is too large", path));
  if (on_hashed && !on_hashed(kBytes)) return fail(Code::DeadlineExceeded, "was not hashed to its end");
  return agent::Artifact{.path = path, .bytes = kBytes, .file = {}};
}

Result<void> SimMicrok8s::make_private_folder(const std::string& path) {
  (void)path;  // a folder is what its files are in
  return {};
}

Result<void> SimMicrok8s::rename(const std::string& from, const std::string& to) {
  Result<void> outcome;
  cell_.change([&](DeviceState& state) {
    auto moved = state.snapshots.extract(from);
    if (moved.empty()) {
      outcome = fail(Code::NotFound, fmt::format("cannot rename \"{}\": no such file or directory", from));
      return;
    }
    state.snapshots.insert_or_assign(to, moved.mapped());
  });
  return outcome;
}

Result<agent::DeviceFiles::Look> SimMicrok8s::look(const std::string& path) {
  std::optional<Snapshot> found;
  cell_.change([&](DeviceState& state) {
    settle(state, world_, pause_.now());
    if (const auto at = state.snapshots.find(path); at != state.snapshots.end()) found = at->second;
  });
  if (found) return Look{.bytes = found->bytes, .modified_at = found->made_at, .head = std::string(kGzipHead)};
  KELPIE_TRY(const std::string text, read(path));
  return Look{.bytes = text.size(), .modified_at = pause_.wall(), .head = text.substr(0, kHeadBytes)};
}

Result<agent::DeviceFiles::Space> SimMicrok8s::space(const std::string& path) {
  (void)path;  // one card
  Space space;
  cell_.change([&](DeviceState& state) {
    space = {.total_bytes = state.disk.total_bytes, .free_bytes = state.disk.free_bytes};
  });
  return space;
}

Result<std::uint64_t> SimMicrok8s::folder_bytes(const std::string& path) {
  std::uint64_t bytes = 0;
  bool is_there = false;
  cell_.change([&](DeviceState& state) {
    bytes = state.disk.data_bytes;
    is_there = state.snap.is_installed;
  });
  if (!is_there) return fail(Code::NotFound, fmt::format("cannot read \"{}\": no such file or directory", path));
  return bytes;
}

agent::DeviceFiles::Kernel SimMicrok8s::kernel() {
  Kernel kernel{.is_clock_synchronised = true, .addresses = {}};
  cell_.change([&](DeviceState& state) { kernel.addresses = {{"eth0", state.kubernetes.address}}; });
  return kernel;
}

}  // namespace kelpie::sim
