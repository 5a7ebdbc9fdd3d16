#include "hub/api/policy.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/core.h>
#include <google/protobuf/util/time_util.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/writes.h"

namespace kelpie::hub {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::array<std::string_view, 15> kUnbuiltKeys = {
    "abort",     "advanceAt",  "budgets", "cohort",   "gates",  "groupBy",  "joiners", "metrics",
    "orderSeed", "onConflict", "preload", "priority", "select", "spreadBy", "windows",
};

Result<Duration> to_duration(const google::protobuf::Duration& in, const std::string& path, Duration least) {
  // GO carries whole seconds; a fraction would be lost without a word.
  const bool is_whole = in.nanos() == 0 && in.seconds() >= 0;
  const Duration max = kPolicyDurationMax;
  if (!is_whole || in.seconds() > std::chrono::duration_cast<std::chrono::seconds>(max).count()) {
    return fail(wrong_field(path, fmt::format("is not in whole seconds up to {}", kelpie::to_string(max))));
  }
  const Duration out = std::chrono::seconds(in.seconds());
  if (out < least) return fail(wrong_field(path, fmt::format("is below {}", kelpie::to_string(least))));
  return out;
}

Result<void> check_share(std::uint32_t basis_points, const std::string& path) {
  if (basis_points <= kBasisPoints) return {};
  return fail(wrong_field(path, fmt::format("{} basis points are above 100 %", basis_points)));
}

Result<WaveSpec> to_wave(const api::v1::Wave& in, const std::string& path) {
  KELPIE_TRY(check_name_field(path + ".name", in.name()));
  WaveSpec out{.name = in.name(), .size = in.size(), .up_to_bp = in.up_to_basis_points()};
  if ((out.size == 0) == (out.up_to_bp == 0)) return fail(wrong_field(path, "needs either size or upTo"));
  KELPIE_TRY(check_share(out.up_to_bp, path + ".upToBasisPoints"));
  if (in.has_soak()) {
    KELPIE_TRY(out.soak, to_duration(in.soak(), path + ".soak", Duration(0)));
  }
  if (in.has_failure_basis_points()) {
    out.failure_bp = in.failure_basis_points();
    KELPIE_TRY(check_share(*out.failure_bp, path + ".failureBasisPoints"));
  }
  if (in.has_deferred_basis_points()) {
    out.deferred_bp = in.deferred_basis_points();
    KELPIE_TRY(check_share(*out.deferred_bp, path + ".deferredBasisPoints"));
  }
  if (in.has_min_successes()) out.min_successes = in.min_successes();
  return out;
}

Result<std::vector<WaveSpec>> to_waves(const api::v1::Policy& in, const std::string& path) {
  if (in.waves_size() > kWavesMax) {
    return fail(wrong_field(path, fmt::format("{} waves are too many: at most {}", in.waves_size(), kWavesMax)));
  }
  std::vector<WaveSpec> out;
  std::set<std::string> names;
  std::uint32_t up_to_bp = 0;
  for (int i = 0; i < in.waves_size(); ++i) {
    const std::string here = fmt::format("{}[{}]", path, i);
    KELPIE_TRY(WaveSpec wave, to_wave(in.waves(i), here));
    if (!names.insert(wave.name).second) {
      return fail(wrong_field(here + ".name", fmt::format("\"{}\" is taken by an earlier wave", wave.name)));
    }
    if (wave.up_to_bp != 0 && wave.up_to_bp <= up_to_bp) {
      return fail(
          wrong_field(here + ".upToBasisPoints", "must be above that of the wave before: shares are cumulative"));
    }
    up_to_bp = std::max(up_to_bp, wave.up_to_bp);
    out.push_back(std::move(wave));
  }
  return out;
}

Result<Thresholds> to_thresholds(const api::v1::Thresholds& in, const std::string& path) {
  KELPIE_TRY(check_share(in.failure_basis_points(), path + ".failureBasisPoints"));
  KELPIE_TRY(check_share(in.deferred_basis_points(), path + ".deferredBasisPoints"));
  return Thresholds{.failure_bp = in.failure_basis_points(),
                    .deferred_bp = in.deferred_basis_points(),
                    .min_successes = std::max(1U, in.min_successes())};  // R4: no wave passes without evidence
}

Result<OnFail> to_on_fail(const std::string& text, const std::string& path) {
  if (text.empty() || text == "pause") return OnFail::Pause;
  if (text == "abort") return OnFail::Abort;
  if (text == "rollback-wave" || text == "rollback-all") {
    return fail(Code::NotSupported, fmt::format("{}: {} is not supported yet; use pause or abort", path, text));
  }
  return fail(wrong_field(path, fmt::format("\"{}\" is neither pause nor abort", text)));
}

Result<Timeouts> to_timeouts(const api::v1::Timeouts& in, const std::string& path) {
  Timeouts out;
  struct Row {
    std::string_view name;
    bool is_given;
    const google::protobuf::Duration& given;
    Duration& limit;
  };
  for (const Row& row :
       {Row{"prepare", in.has_prepare(), in.prepare(), out.prepare},
        Row{"grant", in.has_grant(), in.grant(), out.grant}, Row{"step", in.has_step(), in.step(), out.step},
        Row{"attempt", in.has_attempt(), in.attempt(), out.attempt},
        Row{"verify", in.has_verify(), in.verify(), out.verify},
        Row{"reportGrace", in.has_report_grace(), in.report_grace(), out.report_grace},
        Row{"offlineGrace", in.has_offline_grace(), in.offline_grace(), out.offline_grace},
        Row{"wave", in.has_wave(), in.wave(), out.wave}, Row{"rollout", in.has_rollout(), in.rollout(), out.rollout}}) {
    if (!row.is_given) continue;
    KELPIE_TRY(row.limit, to_duration(row.given, fmt::format("{}.{}", path, row.name), std::chrono::seconds(1)));
  }
  return out;
}

Result<Retry> to_retry(const api::v1::Retry& in, const std::string& path) {
  Retry out;
  if (in.has_transient()) out.transient = in.transient();
  if (out.transient > kRetriesMax) {
    return fail(wrong_field(path + ".transient", fmt::format("{} is above {}", out.transient, kRetriesMax)));
  }
  if (in.backoff_size() > kBackoffsMax) {
    return fail(wrong_field(path + ".backoff", fmt::format("has more than {} entries", kBackoffsMax)));
  }
  if (in.backoff_size() > 0) out.backoff.clear();
  for (int i = 0; i < in.backoff_size(); ++i) {
    KELPIE_TRY(const Duration pause,
               to_duration(in.backoff(i), fmt::format("{}.backoff[{}]", path, i), std::chrono::seconds(1)));
    out.backoff.push_back(pause);
  }
  return out;
}

Result<DriftRule> to_drift(const std::string& text, const std::string& path) {
  if (text.empty()) return DriftRule::Report;
  for (const DriftRule rule : {DriftRule::Report, DriftRule::Repair, DriftRule::Ignore}) {
    if (text == to_string(rule)) return rule;
  }
  return fail(wrong_field(path, fmt::format("\"{}\" is none of report, repair and ignore", text)));
}

void set(google::protobuf::Duration& out, Duration duration) {
  out = TimeUtil::MillisecondsToDuration(duration.count());
}

void show_timeouts(const Timeouts& limits, api::v1::Timeouts& out) {
  set(*out.mutable_prepare(), limits.prepare);
  set(*out.mutable_grant(), limits.grant);
  set(*out.mutable_step(), limits.step);
  set(*out.mutable_attempt(), limits.attempt);
  set(*out.mutable_verify(), limits.verify);
  set(*out.mutable_report_grace(), limits.report_grace);
  set(*out.mutable_offline_grace(), limits.offline_grace);
  set(*out.mutable_wave(), limits.wave);
  set(*out.mutable_rollout(), limits.rollout);
}

}  // namespace

Result<Policy> to_policy(const api::v1::Policy& in, std::string_view path) {
  const std::string root(path);
  Policy out;
  KELPIE_TRY(out.waves, to_waves(in, root + ".waves"));
  if (in.has_thresholds()) {
    KELPIE_TRY(out.thresholds, to_thresholds(in.thresholds(), root + ".thresholds"));
  }
  KELPIE_TRY(out.on_fail, to_on_fail(in.on_fail(), root + ".onFail"));
  KELPIE_TRY(out.drift, to_drift(in.drift(), root + ".drift"));
  KELPIE_TRY(out.timeouts, to_timeouts(in.timeouts(), root + ".timeouts"));
  KELPIE_TRY(out.retry, to_retry(in.retry(), root + ".retry"));
  return out;
}

void show_policy(const Policy& policy, api::v1::Policy& out) {
  for (const WaveSpec& wave : policy.waves) {
    api::v1::Wave& shown = *out.add_waves();
    shown.set_name(wave.name);
    shown.set_size(wave.size);
    shown.set_up_to_basis_points(wave.up_to_bp);
    if (wave.soak) set(*shown.mutable_soak(), *wave.soak);
    if (wave.failure_bp) shown.set_failure_basis_points(*wave.failure_bp);
    if (wave.deferred_bp) shown.set_deferred_basis_points(*wave.deferred_bp);
    if (wave.min_successes) shown.set_min_successes(*wave.min_successes);
  }
  out.mutable_thresholds()->set_failure_basis_points(policy.thresholds.failure_bp);
  out.mutable_thresholds()->set_deferred_basis_points(policy.thresholds.deferred_bp);
  out.mutable_thresholds()->set_min_successes(policy.thresholds.min_successes);
  out.set_on_fail(policy.on_fail == OnFail::Abort ? "abort" : "pause");
  out.set_drift(std::string(to_string(policy.drift)));
  show_timeouts(policy.timeouts, *out.mutable_timeouts());
  out.mutable_retry()->set_transient(policy.retry.transient);
  for (const Duration pause : policy.retry.backoff) set(*out.mutable_retry()->add_backoff(), pause);
}

bool is_unbuilt_policy_key(std::string_view key) {
  return std::find(kUnbuiltKeys.begin(), kUnbuiltKeys.end(), key) != kUnbuiltKeys.end();
}

}  // namespace kelpie::hub
