#include "hub/core/drift.h"

#include <algorithm>

#include <fmt/core.h>

namespace kelpie::hub {
namespace {

constexpr std::size_t kLinesMax = 16;   // chosen: more on a screen are not read
constexpr std::size_t kFieldsMax = 64;  // chosen: kept per device

template <typename T>
bool has(const std::vector<T>& list, const T& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

/// A boot, or a snapd that does not answer, says nothing of what is there when it is over.
bool decides(const Sight& sight, Evidence evidence, const Look& look) {
  switch (evidence) {
    case Evidence::Node: return sight.node_state != "starting" && sight.node_state != "unknown";
    case Evidence::Objects: return sight.has_objects;
    case Evidence::Images: return sight.has_images;
    case Evidence::Watch: return !sight.watched.is_zero() && sight.watched == look.release;
  }
  return false;
}

class Found {
 public:
  explicit Found(const Sight& sight) : sight_(sight) {}

  void add(std::string field, std::string wanted, std::string found, Evidence evidence, std::string by = {}) {
    if (all_.size() == kFieldsMax) return;
    all_[std::move(field)] = {.wanted = std::move(wanted),
                              .found = std::move(found),
                              .by = std::move(by),
                              .is_by_command = false,
                              .since = {},
                              .evidence = evidence};
  }
  void judge_node(const Wants& wants) {
    const bool is_absent = sight_.node_state == "not-installed";
    if (is_absent && (wants.is_running || !wants.channel.empty())) {
      return add("node", "installed", "not installed", Evidence::Node, by_snapd());
    }
    if (is_absent) return;
    if (wants.is_running && sight_.node_state == "stopped") add("node", "running", "stopped", Evidence::Node);
    if (!wants.channel.empty() && !sight_.channel.empty() && sight_.channel != wants.channel) {
      add("channel", wants.channel, sight_.channel, Evidence::Node, by_snapd());
    }
    if (wants.is_held && sight_.is_held && *wants.is_held != *sight_.is_held) {
      add("hold", *wants.is_held ? "held" : "not held", *sight_.is_held ? "held" : "not held", Evidence::Node);
    }
  }
  void judge_objects(const Wants& wants) {
    for (const std::string& addon : wants.addons) {
      if (has(sight_.addons_absent, addon)) add("addons/" + addon, "enabled", "not enabled", Evidence::Objects);
    }
    for (const std::string& addon : wants.addons_absent) {
      if (has(sight_.addons, addon)) add("addons/" + addon, "not enabled", "enabled", Evidence::Objects);
    }
    for (const WorkloadName& workload : wants.workloads) {
      if (has(sight_.workloads, workload)) continue;
      add(fmt::format("workloads/{}/{}", workload.name_space, workload.name), "there", "gone", Evidence::Objects);
    }
  }
  void judge_images(const Wants& wants) {
    for (const ImageName& image : wants.images) {
      const auto seen = sight_.images.find(image.ref);
      const std::string field = "images/" + image.ref;
      if (seen == sight_.images.end()) {
        add(field, image.digest, "gone", Evidence::Images);
      } else if (seen->second.digest != image.digest) {
        add(field, image.digest, seen->second.digest, Evidence::Images);
      } else if (!seen->second.is_pinned) {
        add(field, "pinned", "not pinned", Evidence::Images);
      }
    }
  }
  void take_fields() {
    for (const FieldSeen& seen : sight_.fields) add(seen.field, seen.wanted, seen.found, Evidence::Watch, seen.by);
  }
  [[nodiscard]] std::map<std::string, Moved, std::less<>> take() { return std::move(all_); }

 private:
  [[nodiscard]] std::string by_snapd() const {
    return sight_.snap_change.empty() ? "" : "snapd change " + sight_.snap_change;
  }

  const Sight& sight_;
  std::map<std::string, Moved, std::less<>> all_;
};

std::string in_short(const std::string& value) {
  constexpr std::string_view kDigest = "sha256:";
  constexpr std::size_t kShown = 19;  // "sha256:" and 12 digits, as people compare them
  return value.starts_with(kDigest) ? value.substr(0, kShown) : value;
}

std::string sentence_of(const std::string& field, const Moved& moved) {
  const std::string what = field.substr(field.find('/') + 1);
  if (field == "node") return fmt::format("MicroK8s is {}", moved.found);
  if (field == "channel") return fmt::format("MicroK8s follows {}, not {}", moved.found, moved.wanted);
  if (field == "hold") return fmt::format("automatic refreshes are {}", moved.found);
  if (field.starts_with("addons/")) return fmt::format("add-on {} is {}", what, moved.found);
  if (field.starts_with("workloads/")) return fmt::format("workload {} is {}", what, moved.found);
  if (field.starts_with("images/")) {
    if (!moved.found.starts_with("sha256:")) return fmt::format("image {} is {}", what, moved.found);
    return fmt::format("image {} is {}, not {}", what, in_short(moved.found), in_short(moved.wanted));
  }
  return fmt::format("{} is {}, not {}", field, moved.found, moved.wanted);
}

}  // namespace

std::string line_of(const std::string& field, const Moved& moved) {
  const std::string sentence = sentence_of(field, moved);
  return moved.by.empty() ? sentence : fmt::format("{} (by {})", sentence, moved.by);
}

std::vector<std::string> Drift::lines() const {
  std::vector<std::string> out;
  for (const auto& [field, one] : moved) {
    if (out.size() + 1 == kLinesMax && moved.size() > kLinesMax) {
      out.push_back(fmt::format("{} more", moved.size() - out.size()));
      break;
    }
    out.push_back(line_of(field, one));
  }
  return out;
}

Drift drift_after(Drift before, const Wants& wants, const Sight& sight, const Look& look) {
  Found found(sight);
  if (decides(sight, Evidence::Node, look)) found.judge_node(wants);
  if (decides(sight, Evidence::Objects, look)) found.judge_objects(wants);
  if (decides(sight, Evidence::Images, look)) found.judge_images(wants);
  if (decides(sight, Evidence::Watch, look)) found.take_fields();
  Drift after;
  for (auto& [field, now] : found.take()) {
    const auto known = before.moved.find(field);
    if (known == before.moved.end() || known->second.found != now.found) {
      now.since = look.now;
      now.is_by_command = !look.command.empty();
      if (now.is_by_command) now.by = look.command;
    } else {
      now.since = known->second.since;
      now.is_by_command = known->second.is_by_command;
      if (!known->second.by.empty()) now.by = known->second.by;
    }
    after.moved.emplace(field, std::move(now));
  }
  for (auto& [field, old] : before.moved) {
    if (!decides(sight, old.evidence, look)) after.moved.emplace(field, std::move(old));
  }
  return after;
}

}  // namespace kelpie::hub
