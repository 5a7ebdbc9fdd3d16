// The state of a double in a folder: several processes change it in turn, and a process that is killed leaves it whole.
// Beside it the files that a real device would have, under the folder as their root.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "device-agent/host/host.h"
#include "tools/sim/microk8s/state_cell.h"

namespace kelpie::test {

class FileCell final : public sim::StateCell {
 public:
  /// A folder as make_double_folder makes it.
  explicit FileCell(std::string folder);
  ~FileCell() override;
  FileCell(const FileCell&) = delete;
  FileCell& operator=(const FileCell&) = delete;

  void change(const std::function<void(sim::DeviceState&)>& with) override;
  void note(sim::Asked asked) override;
  [[nodiscard]] bool take_addon_lock() override;
  void give_addon_lock() override;

 private:
  /// What the agent wrote beside the programs.
  void take_settings(sim::DeviceState& state) const;
  /// Likewise what `dbctl` was told to write.
  void take_snapshots(sim::DeviceState& state) const;
  void show_snapshots(const sim::DeviceState& state, const std::map<std::string, sim::Snapshot>& before) const;
  void show_files(const sim::DeviceState& state, const std::map<std::string, std::string>& settings) const;

  std::string folder_;
  int addon_lock_ = -1;
};

/// Real time, made faster. Every process of a folder reads the same clock.
class FastPause final : public agent::Pause {
 public:
  explicit FastPause(std::int64_t speed) : speed_(speed) {}
  [[nodiscard]] SteadyTime now() override;
  [[nodiscard]] WallTime wall() override { return SystemClock().wall(); }
  [[nodiscard]] bool wait(Duration duration) override;

 private:
  std::int64_t speed_;
};

/// FOLDER/state.json, world.json, speed, program → the double, and the names under which it is started.
void make_double_folder(const std::string& folder, const std::string& program, const sim::DeviceState& state,
                        sim::World world, std::int64_t speed);

/// The folder of a program that was started as FOLDER/snap/bin/NAME or FOLDER/usr/bin/NAME, or of KELPIE_DOUBLE_DIR.
/// Empty: neither.
[[nodiscard]] std::string folder_of(const char* program);
[[nodiscard]] sim::World read_world(const std::string& folder);
[[nodiscard]] std::int64_t read_speed(const std::string& folder);
[[nodiscard]] std::string read_text(const std::string& path);
/// To a file beside it, then renamed.
void write_whole(const std::string& path, const std::string& text);

}  // namespace kelpie::test
