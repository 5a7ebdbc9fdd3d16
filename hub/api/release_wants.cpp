// What a release wants that facts can deny, read from its steps.
#include <kelpie/v1/release.pb.h>

#include "hub/api/release_rules.h"
#include "hub/core/device.h"
#include "proto/wire/addons.h"
#include "proto/wire/frame.h"

namespace kelpie::hub {
namespace {

/// Facts speak of add-ons by their present names.
std::string own_name(const std::string& addon) {
  const wire::AddonRow* const row = wire::find_addon(addon);
  return row == nullptr ? addon : std::string(row->name);
}

}  // namespace

Wants wants_of(const v1::Release& release) {
  Wants out;
  for (const v1::Step& step : release.steps()) {
    if (step.has_start()) out.is_running = true;
    if (step.has_install()) {
      out.channel = step.install().channel();
      out.is_held = step.install().hold();
    }
    for (const v1::Image& image : step.images().images()) {
      out.images.push_back({.ref = image.ref(), .digest = image.digest()});
    }
    for (const v1::Addon& addon : step.addons().addons()) {
      (addon.absent() ? out.addons_absent : out.addons).push_back(own_name(addon.name()));
    }
    for (const v1::Workload& workload : step.deploy().workloads()) add_lasting_objects(workload, out.workloads);
  }
  return out;
}

Wants wants_of_frame(std::string_view bytes) {
  const Result<wire::Frame> frame = wire::parse_frame(as_bytes(bytes));
  v1::Release release;
  if (!frame || !release.ParseFromString(frame->payload)) return {};
  return wants_of(release);
}

bool asks_for_archive(const v1::Release& release) {
  return release.scope() == kAdhocScope && release.steps_size() == 1 && release.steps(0).inspect().archive();
}

bool asks_for_archive_in_frame(std::string_view bytes) {
  const Result<wire::Frame> frame = wire::parse_frame(as_bytes(bytes));
  v1::Release release;
  return frame && release.ParseFromString(frame->payload) && asks_for_archive(release);
}

}  // namespace kelpie::hub
