#include "tests/bin/file_cell.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "tests/bin/state_text.h"
#include "tools/sim/microk8s/json.h"
#include "tools/sim/microk8s/sim_microk8s.h"

namespace kelpie::test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSnapFolder = "/var/snap/microk8s";
constexpr std::string_view kProgramLink = "../../program";
constexpr mode_t kMode = 0600;

class Locked {
 public:
  explicit Locked(const std::string& path) : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode)) {
    while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) continue;
  }
  ~Locked() { close(fd_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  int fd_;
};

void show_link(const std::string& path, std::string_view to, bool is_wanted) {
  std::error_code ignored;  // it is there already, or gone already
  if (is_wanted) {
    fs::create_symlink(to, path, ignored);
  } else {
    fs::remove(path, ignored);
  }
}

}  // namespace

FileCell::FileCell(std::string folder) : folder_(std::move(folder)) {
  change([](sim::DeviceState&) {});
}

FileCell::~FileCell() {
  give_addon_lock();
}

void FileCell::change(const std::function<void(sim::DeviceState&)>& with) {
  const Locked locked(folder_ + "/state.lock");
  const std::string path = folder_ + "/state.json";
  Result<sim::DeviceState> state = state_from_text(read_text(path));
  KELPIE_ASSERT(state.has_value());
  const sim::DeviceState before = *state;
  if (state->snap.is_installed) take_settings(*state);
  take_snapshots(*state);
  const std::map<std::string, std::string> settings = state->settings;
  const std::map<std::string, sim::Snapshot> snapshots = state->snapshots;
  with(*state);
  if (*state != before) write_whole(path, to_text(*state));
  show_files(*state, settings);
  show_snapshots(*state, snapshots);
}

void FileCell::note(sim::Asked asked) {
  const sim::Json line = sim::Json::Object{{"at", asked.at.ms}, {"what", asked.what}, {"answer", asked.answer}};
  const std::string text = line.dump() + "\n";
  const int fd = open((folder_ + "/log.jsonl").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kMode);
  // One write of a line: lines of several processes do not mix.
  const ssize_t written = write(fd, text.data(), text.size());
  KELPIE_ASSERT(written == static_cast<ssize_t>(text.size()));
  close(fd);
}

bool FileCell::take_addon_lock() {
  if (addon_lock_ < 0) {
    addon_lock_ = open((folder_ + "/addon.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode);
  }
  return flock(addon_lock_, LOCK_EX | LOCK_NB) == 0;
}

void FileCell::give_addon_lock() {
  if (addon_lock_ >= 0) close(addon_lock_);
  addon_lock_ = -1;
}

void FileCell::take_settings(sim::DeviceState& state) const {
  const std::string root = folder_ + std::string(sim::kMirrorsFolder);
  std::error_code none;  // no such folder: no settings
  std::map<std::string, std::string> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root, none)) {
    const std::string path = entry.path().string();
    // What begins with a dot is a file in the making.
    if (!entry.is_regular_file() || entry.path().filename().string().starts_with('.')) continue;
    found[path.substr(folder_.size())] = read_text(path);
  }
  if (fs::exists(root)) state.settings = std::move(found);
}

void FileCell::take_snapshots(sim::DeviceState& state) const {
  state.snapshots.clear();
  std::error_code none;  // no such folder: no copies
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ + std::string(sim::kSnapshotsFolder), none)) {
    struct stat found {};
    const std::string path = entry.path().string();
    if (stat(path.c_str(), &found) != 0) continue;  // renamed meanwhile
    constexpr std::int64_t kMs = 1'000;
    state.snapshots[path.substr(folder_.size())] = {.bytes = static_cast<std::uint64_t>(found.st_size),
                                                    .made_at = {found.st_mtim.tv_sec * kMs}};
  }
}

void FileCell::show_snapshots(const sim::DeviceState& state, const std::map<std::string, sim::Snapshot>& before) const {
  for (const auto& [path, snapshot] : state.snapshots) {
    const auto at = before.find(path);
    if (at != before.end() && at->second == snapshot) continue;
    std::string text(sim::kGzipHead);
    text.resize(snapshot.bytes);
    fs::create_directories(fs::path(folder_ + path).parent_path());
    write_whole(folder_ + path, text);
  }
  for (const auto& [path, snapshot] : before) {
    if (!state.snapshots.contains(path)) fs::remove(folder_ + path);
  }
}

void FileCell::show_files(const sim::DeviceState& state, const std::map<std::string, std::string>& settings) const {
  show_link(folder_ + "/snap/bin/microk8s", kProgramLink, state.snap.is_installed);
  if (state.snap.is_installed) fs::create_directories(folder_ + "/var/snap/microk8s/common");
  const std::map<std::string, std::string> files = sim::files_of(state);
  for (const auto& [path, text] : files) {
    if (!path.starts_with(kSnapFolder)) continue;
    const std::string here = folder_ + path;
    if (fs::exists(here) && read_text(here) == text) continue;
    fs::create_directories(fs::path(here).parent_path());
    write_whole(here, text);
  }
  const std::string root = folder_ + std::string(kSnapFolder);
  if (!fs::exists(root)) return;
  std::vector<std::string> stale;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = entry.path().string();
    const std::string name = path.substr(folder_.size());
    // A setting that this change did not know is one that the agent is writing meanwhile.
    if (name.starts_with(sim::kMirrorsFolder) && !settings.contains(name)) continue;
    if (name.starts_with(sim::kSnapshotsFolder)) continue;
    if (entry.is_regular_file() && !files.contains(name)) stale.push_back(path);
  }
  for (const std::string& path : stale) fs::remove(path);
}

SteadyTime FastPause::now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  constexpr std::int64_t kMicros = 1'000'000;
  return {(time.tv_sec * kMicros + time.tv_nsec / 1'000) * speed_ / 1'000};
}

bool FastPause::wait(Duration duration) {
  constexpr std::int64_t kNanos = 1'000'000'000;
  const std::int64_t nanos = std::max<std::int64_t>(duration.count(), 0) * 1'000'000 / speed_;
  timespec time{.tv_sec = nanos / kNanos, .tv_nsec = nanos % kNanos};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) == EINTR) continue;
  return true;
}

void make_double_folder(const std::string& folder, const std::string& program, const sim::DeviceState& state,
                        sim::World world, std::int64_t speed) {
  for (const std::string_view name : {"/snap/bin", "/usr/bin", "/run", "/var/snap"})
    fs::create_directories(folder + std::string(name));
  world.root = folder;
  write_whole(folder + "/world.json", to_text(world));
  write_whole(folder + "/speed", fmt::format("{}\n", speed));
  write_whole(folder + "/state.json", to_text(state));
  show_link(folder + "/program", program, true);
  for (const std::string_view name : {"/usr/bin/snap", "/usr/bin/kubectl"})
    show_link(folder + std::string(name), kProgramLink, true);
  FileCell shown(folder);
}

std::string folder_of(const char* program) {
  const fs::path path(program);
  const fs::path folder = path.parent_path().parent_path().parent_path();
  if (path.is_absolute() && fs::exists(folder / "state.json")) return folder.string();
  const char* named = std::getenv("KELPIE_DOUBLE_DIR");
  return named == nullptr ? "" : named;
}

sim::World read_world(const std::string& folder) {
  const Result<sim::World> world = world_from_text(read_text(folder + "/world.json"));
  KELPIE_ASSERT(world.has_value());
  return *world;
}

std::int64_t read_speed(const std::string& folder) {
  const std::string text = read_text(folder + "/speed");
  return std::max(1L, std::strtol(text.c_str(), nullptr, 10));
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_whole(const std::string& path, const std::string& text) {
  const std::string beside = fmt::format("{}.{}", path, getpid());
  {
    std::ofstream file(beside, std::ios::binary);
    file << text;
  }
  fs::rename(beside, path);
}

}  // namespace kelpie::test
