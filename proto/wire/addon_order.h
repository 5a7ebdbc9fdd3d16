// An add-on as it may be asked of a device: its name known, its arguments read into values that cannot be wrong. What
// people write in many ways (size=, --size=, ingress:KEY=) becomes one, and what the script of a track takes again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/base/result.h"
#include "proto/wire/addons.h"

namespace kelpie::wire {

struct AddonWish {
  std::string name;
  std::vector<std::string> args;
  bool is_absent = false;
};

/// By key: servers=1.1.1.1,9.9.9.9 of dns, ranges=… of metallb, reclaim-policy=Retain of hostpath-storage.
using AddonSettings = std::map<std::string, std::string>;

class AddonOrder {
 public:
  /// Errors: NotFound for a name that no repository has, NotSupported for an add-on that is refused, InvalidArgument
  /// for arguments. The message says why and what to write.
  [[nodiscard]] static Result<AddonOrder> of(const AddonWish& wish, const AddonPlace& place);
  /// As read back from a device: enabled with what it shows of its settings, none of them empty.
  [[nodiscard]] static AddonOrder present(const AddonRow& row, AddonSettings settings);
  [[nodiscard]] static AddonOrder absent(const AddonRow& row);

  [[nodiscard]] const AddonRow& row() const { return *row_; }
  [[nodiscard]] std::string name() const { return std::string(row_->name); }  // the present one
  [[nodiscard]] bool is_absent() const { return is_absent_; }
  [[nodiscard]] const AddonSettings& settings() const { return settings_; }
  /// The words behind `enable core/NAME`, without what that track does not take. Not known: all, as before 1.35.
  [[nodiscard]] std::vector<std::string> words(std::optional<int> minor) const;

 private:
  AddonOrder(const AddonRow& row, AddonSettings settings, bool is_absent)
      : row_(&row), settings_(std::move(settings)), is_absent_(is_absent) {}

  const AddonRow* row_;
  AddonSettings settings_;
  bool is_absent_ = false;
};

}  // namespace kelpie::wire
