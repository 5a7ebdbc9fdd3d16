#include "tools/kelpie/manifest/addons.h"

#include <fmt/core.h>

#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

std::string suggestion(const std::string& name) {
  std::vector<std::string> names;
  for (const wire::AddonRow& row : wire::addon_rows()) {
    if (row.refused.empty() && row.stands_for.empty()) names.emplace_back(row.name);
  }
  return did_you_mean(name, names);
}

void warn(const wire::AddonRow& row, const wire::AddonPlace& place, std::vector<std::string>& out) {
  if (!row.internet.empty() && place.minor.value_or(wire::kAnyMinor) >= row.internet_since) {
    const bool is_sure = place.minor || row.internet_since == 0;
    out.push_back(fmt::format("add-on {} fetches {} from the internet while it is enabled{}", row.name, row.internet,
                              is_sure ? "" : fmt::format(", from track 1.{} on", row.internet_since)));
  }
  if (!row.advice.empty()) out.push_back(fmt::format("add-on {} {}", row.name, row.advice));
}

wire::AddonPlace place_of(const Channel& channel) {
  return {.minor = channel.minor, .is_strict = channel.is_strict, .architecture = {}};
}

}  // namespace

AddonVerdict judge_addon(AddonWish wish, const std::optional<Channel>& channel) {
  const wire::AddonPlace place = channel ? place_of(*channel) : wire::AddonPlace{};
  AddonVerdict verdict{.addon = std::move(wish), .trouble = {}, .warnings = {}};
  const Result<wire::AddonOrder> order = wire::AddonOrder::of(verdict.addon, place);
  if (!order) {
    verdict.trouble = order.error().message;
    if (order.error().code == Code::NotFound) verdict.trouble += suggestion(verdict.addon.name);
    return verdict;
  }
  const std::string present = order->name();
  std::string asked = verdict.addon.name.substr(0, verdict.addon.name.find(':'));
  asked.erase(0, asked.find('/') + 1);
  if (asked != present) {
    verdict.warnings.push_back(fmt::format("{} is called {} today; taken as that", asked, present));
  }
  if (!order->is_absent()) warn(order->row(), place, verdict.warnings);
  verdict.addon = {.name = present, .args = order->words(place.minor), .is_absent = order->is_absent()};
  return verdict;
}

}  // namespace kelpie::cli
