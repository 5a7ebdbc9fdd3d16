#include "tools/kelpie/manifest/fleet_manifest.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "hub/api/policy.h"
#include "hub/api/writes.h"
#include "hub/core/selector.h"
#include "tools/kelpie/manifest/scalars.h"
#include "tools/kelpie/manifest/shape.h"
#include "tools/kelpie/manifest/tables.h"

namespace kelpie::cli {
namespace {

const YamlNode* text_at(const YamlNode* map, std::string_view key) {
  const YamlNode* value = map == nullptr ? nullptr : map->find(key);
  return value == nullptr || value->kind != YamlNode::Kind::Text ? nullptr : value;
}

std::optional<std::uint32_t> percent_at(const YamlNode* map, std::string_view key) {
  const YamlNode* node = text_at(map, key);
  const Result<std::uint32_t> parsed = parse_percent(node == nullptr ? "" : node->text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

std::optional<std::uint32_t> count_at(const YamlNode* map, std::string_view key) {
  const YamlNode* node = text_at(map, key);
  const Result<std::uint32_t> parsed = parse_count(node == nullptr ? "" : node->text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

/// Durations go to the hub in whole seconds. least: what the rule takes at least.
void read_duration(const YamlNode* node, Duration least, Report& report,
                   const std::function<google::protobuf::Duration*()>& out) {
  const Result<Duration> parsed =
      parse_seconds(node == nullptr || node->kind != YamlNode::Kind::Text ? "" : node->text);
  if (!parsed) return;
  if (*parsed < least || *parsed > hub::kPolicyDurationMax) {
    report.add(node->at, fmt::format("\"{}\" is not in {}..{}", node->text, kelpie::to_string(least),
                                     kelpie::to_string(hub::kPolicyDurationMax)));
    return;
  }
  out()->set_seconds(parsed->count() / 1'000);
}

void read_wave(const YamlNode& node, api::v1::Wave& out, Report& report) {
  if (const YamlNode* name = text_at(&node, "name"); name != nullptr) out.set_name(name->text);
  const YamlNode* size = node.find("size");
  const YamlNode* up_to = node.find("upTo");
  if ((size == nullptr) == (up_to == nullptr)) report.add(node.at, "a wave needs either size or upTo");
  if (const auto devices = count_at(&node, "size"); devices) {
    if (*devices == 0) report.add(size->at, "a wave of no device");
    out.set_size(*devices);
  }
  if (const auto share = percent_at(&node, "upTo"); share) {
    if (*share == 0) report.add(up_to->at, "a wave of no device");
    out.set_up_to_basis_points(*share);
  }
  read_duration(node.find("soak"), Duration(0), report, [&] { return out.mutable_soak(); });
  const YamlNode* thresholds = node.find("thresholds");
  if (const auto failure = percent_at(thresholds, "failure"); failure) out.set_failure_basis_points(*failure);
  if (const auto deferred = percent_at(thresholds, "deferred"); deferred) out.set_deferred_basis_points(*deferred);
  if (const auto least = count_at(thresholds, "minSuccesses"); least) out.set_min_successes(*least);
}

void read_waves(const YamlNode* list, api::v1::Policy& out, Report& report) {
  if (list == nullptr || list->kind != YamlNode::Kind::List) return;
  if (list->items.size() > static_cast<std::size_t>(hub::kWavesMax)) {
    report.add(list->at, fmt::format("{} waves are too many: at most {}", list->items.size(), hub::kWavesMax));
    return;
  }
  std::set<std::string> names;
  std::uint32_t before = 0;
  for (const YamlNode& node : list->items) {
    if (node.kind != YamlNode::Kind::Map) continue;
    api::v1::Wave& wave = *out.add_waves();
    read_wave(node, wave, report);
    if (!wave.name().empty() && !names.insert(wave.name()).second) {
      report.add(node.at, fmt::format("wave \"{}\" is there already", wave.name()));
    }
    const std::uint32_t share = wave.up_to_basis_points();
    if (share != 0 && share <= before) {
      report.add(node.find("upTo")->at, "upTo must be above that of the wave before: it counts their devices too");
    }
    before = std::max(before, share);
  }
}

void read_thresholds(const YamlNode* node, api::v1::Thresholds& out) {
  const hub::Thresholds usual;
  out.set_failure_basis_points(percent_at(node, "failure").value_or(usual.failure_bp));
  out.set_deferred_basis_points(percent_at(node, "deferred").value_or(usual.deferred_bp));
  out.set_min_successes(count_at(node, "minSuccesses").value_or(usual.min_successes));
}

void read_timeouts(const YamlNode* node, api::v1::Policy& policy, Report& report) {
  if (node == nullptr || node->kind != YamlNode::Kind::Map) return;
  api::v1::Timeouts& out = *policy.mutable_timeouts();
  const auto read = [&](std::string_view key, google::protobuf::Duration* (api::v1::Timeouts::*field)()) {
    read_duration(node->find(key), std::chrono::seconds(1), report, [&] { return (out.*field)(); });
  };
  read("prepare", &api::v1::Timeouts::mutable_prepare);
  read("grant", &api::v1::Timeouts::mutable_grant);
  read("step", &api::v1::Timeouts::mutable_step);
  read("attempt", &api::v1::Timeouts::mutable_attempt);
  read("verify", &api::v1::Timeouts::mutable_verify);
  read("reportGrace", &api::v1::Timeouts::mutable_report_grace);
  read("offlineGrace", &api::v1::Timeouts::mutable_offline_grace);
  read("wave", &api::v1::Timeouts::mutable_wave);
  read("rollout", &api::v1::Timeouts::mutable_rollout);
}

void read_retry(const YamlNode* node, api::v1::Policy& policy, Report& report) {
  if (node == nullptr || node->kind != YamlNode::Kind::Map) return;
  api::v1::Retry& out = *policy.mutable_retry();
  if (const auto times = count_at(node, "transient"); times) {
    if (*times > hub::kRetriesMax) {
      report.add(node->find("transient")->at, fmt::format("{} is above {}", *times, hub::kRetriesMax));
    }
    out.set_transient(*times);
  }
  const YamlNode* pauses = node->find("backoff");
  if (pauses == nullptr || pauses->kind != YamlNode::Kind::List) return;
  if (pauses->items.size() > static_cast<std::size_t>(hub::kBackoffsMax)) {
    report.add(pauses->at, fmt::format("more than {} pauses", hub::kBackoffsMax));
    return;
  }
  for (const YamlNode& pause : pauses->items) {
    read_duration(&pause, std::chrono::seconds(1), report, [&] { return out.add_backoff(); });
  }
}

}  // namespace

std::optional<api::v1::ApplyFleetRequest> read_fleet(const YamlNode& document, Report& report) {
  const std::size_t before = report.all().errors().size();
  check_shape(document, kind_named("Fleet")->fields, "", report);
  api::v1::ApplyFleetRequest out;
  if (const YamlNode* name = text_at(&document, "name"); name != nullptr) out.set_name(name->text);
  if (const YamlNode* selector = text_at(&document, "selector"); selector != nullptr) {
    if (const Result<hub::Selector> parsed = hub::Selector::parse(selector->text); !parsed) {
      report.add(selector->at, parsed.error().message);
    }
    out.mutable_spec()->set_selector(selector->text);
  }
  if (const YamlNode* release = text_at(&document, "release"); release != nullptr) {
    if (const Result<void> fine = hub::check_release_ref("release", release->text); !fine) {
      report.add(release->at, fine.error().message);
    }
    out.mutable_spec()->set_release(release->text);
  }
  static const YamlNode nothing;
  const YamlNode* policy = document.find("policy");
  if (policy == nullptr) policy = &nothing;
  api::v1::Policy& rules = *out.mutable_spec()->mutable_policy();
  read_waves(policy->find("waves"), rules, report);
  read_thresholds(policy->find("thresholds"), *rules.mutable_thresholds());
  const YamlNode* on_fail = text_at(policy, "onFail");
  rules.set_on_fail(on_fail == nullptr ? "pause" : on_fail->text);
  const YamlNode* drift = text_at(policy, "drift");
  rules.set_drift(drift == nullptr ? "report" : drift->text);
  read_timeouts(policy->find("timeouts"), rules, report);
  read_retry(policy->find("retry"), rules, report);
  if (report.all().errors().size() != before) return std::nullopt;
  return out;
}

Result<std::vector<api::v1::Wave>> parse_waves(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(Code::InvalidArgument, fmt::format("waves \"{}\": {}. Write 1,10%,50%,rest", text, why));
  };
  std::vector<api::v1::Wave> out;
  std::uint32_t before = 0;
  for (std::string_view rest = text;;) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, comma);
    const bool is_last = comma == rest.size();
    api::v1::Wave wave;
    wave.set_name(out.empty() && !is_last ? "canary" : fmt::format("wave-{}", out.size() + 1));
    if (word == "rest" || (word == "all" && out.empty())) {
      if (!is_last) return wrong("what comes after the rest has no device");
      wave.set_name(word == "all" ? "all" : "rest");
      wave.set_up_to_basis_points(hub::kBasisPoints);
    } else if (word.ends_with('%')) {
      KELPIE_TRY(const std::uint32_t share, parse_percent(word));
      if (share <= before) return wrong("shares count the waves before too and must rise");
      before = share;
      wave.set_up_to_basis_points(share);
    } else {
      const Result<std::uint32_t> devices = parse_count(word);
      if (!devices || *devices == 0) return wrong(fmt::format("\"{}\" is neither a number nor a share", word));
      wave.set_size(*devices);
    }
    out.push_back(std::move(wave));
    if (is_last) return out;
    if (out.size() == static_cast<std::size_t>(hub::kWavesMax)) return wrong("too many");
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace kelpie::cli
