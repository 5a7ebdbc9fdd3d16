// certs: the server's and the front proxy's certificate good for longer than the step says. MicroK8s renews neither by
// itself; the device's authorities live ten years, and their end is told, not mended.
#include <algorithm>

#include <fmt/core.h>

#include "device-agent/microk8s/certificates.h"
#include "device-agent/microk8s/commands.h"
#include "device-agent/microk8s/node.h"
#include "device-agent/microk8s/power.h"
#include "device-agent/microk8s/preflight.h"
#include "device-agent/microk8s/steps.h"
#include "proto/base/digest.h"

namespace kelpie::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr Duration kRenewLimit = seconds(300);        // facts, microk8s 8
constexpr Duration kServicesPatience = seconds(120);  // chosen: containerd's own start takes a minute on a card
constexpr Duration kApiPatience = seconds(180);       // chosen: kubelite restarts, a Pi takes a minute
constexpr Duration kLookEvery = seconds(3);           // chosen: one kubectl costs a Pi a second of CPU
constexpr Duration kWarnBefore = hours(24 * 180);     // chosen: an authority is renewed by hand, with a date for it
constexpr std::uint64_t kRenewSpace = 64ULL << 20U;  // chosen: copies of folders of some kilobytes, never the last byte

/// What `refresh-certs -e` renews: signed anew by the device's own authority, with the same key.
bool is_renewable(const Certificate& one) {
  return one.name == "server.crt" || one.name == "front-proxy-client.crt";
}

bool is_authority(const Certificate& one) {
  return one.name == "ca.crt" || one.name == "front-proxy-ca.crt";
}

std::string date_of(WallTime time) {
  constexpr std::size_t kDate = 10;
  return to_rfc3339(time).substr(0, kDate);
}

std::string ending(const Certificate& one, WallTime now) {
  if (!one.validity) return fmt::format("{}: {}", one.name, one.validity.error().message);
  const WallTime end = one.validity->not_after;
  const auto days = std::chrono::duration_cast<hours>(end - now).count() / 24;
  if (end <= now) return fmt::format("{} ended on {}", one.name, date_of(end));
  return fmt::format("{} ends on {}, in {} days", one.name, date_of(end), days);
}

bool is_due(const Certificate& one, WallTime now, Duration renew_before) {
  return !one.validity || one.validity->not_after - now <= renew_before;
}

struct Seen {
  std::vector<Certificate> due;
  std::string evidence;  // when those that can be renewed end
  std::string warnings;  // what only a person can renew
};

/// What no renewal mends, or what would make it worse.
Tried<void> require_usable(const Certificate& authority, WallTime now) {
  if (!authority.validity) return {};  // the API server says more about it than a file does
  // A certificate of 1970 would end before the clock is right. The other way round nothing here can tell: the plan's
  // own date does (it is good for thirty days at most).
  if (now < authority.validity->not_before) {
    return trouble(Reason::ClockImplausible,
                   fmt::format("the device's clock says {}, and its {} was made on {}", date_of(now), authority.name,
                               date_of(authority.validity->not_before)));
  }
  if (now < authority.validity->not_after) return {};
  return trouble(Reason::AuthorityExpired,
                 fmt::format("{}, and what it signs is worth nothing: {}", ending(authority, now),
                             row_of(Reason::AuthorityExpired).sentence));
}

Tried<Seen> look(const CertsStep& step, const Work& work) {
  const WallTime now = work.host().pause.wall();
  Seen seen;
  for (Certificate& one : read_certificates(work)) {
    if (is_authority(one)) KELPIE_TRY(require_usable(one, now));
    if (!is_renewable(one)) {
      if (is_due(one, now, kWarnBefore)) seen.warnings += "; by hand: " + ending(one, now);
      continue;
    }
    seen.evidence += (seen.evidence.empty() ? "" : ", ") + ending(one, now);
    if (is_due(one, now, seconds(step.renew_before_s))) seen.due.push_back(std::move(one));
  }
  return seen;
}

std::string path_of(const Work& work, std::string_view folder, std::string_view name) {
  return fmt::format("{}/{}/{}", work.paths().snap_data, folder, name);
}

/// Empty: no such file.
std::string digest_of(const Work& work, const std::string& path) {
  const Result<std::string> text = work.host().files.read(path);
  return text ? blake2b_128(*text).hex() : "";
}

constexpr std::string_view kCerts = "certs";
constexpr std::string_view kBackup = "certs-backup/certs";  // of `refresh-certs`, made anew by each
constexpr std::string_view kRenewable[] = {"server.crt", "front-proxy-client.crt"};

Json digests(const Work& work) {
  Json out{Json::Object{}};
  for (const std::string_view name : kRenewable) out[std::string(name)] = digest_of(work, path_of(work, kCerts, name));
  return out;
}

Tried<CallResult> prepare(const CertsStep& step, const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  if (power == Power::Absent) {
    return prepared("MicroK8s is not installed: its certificates will be new", Json(Json::Object{{"power", "absent"}}));
  }
  KELPIE_TRY(const Seen seen, look(step, work));
  if (!seen.due.empty()) {
    KELPIE_TRY(require_space(work, kRenewSpace));
    if (power == Power::Stopped && !step.start_follows) {
      return trouble(Reason::NodeStopped, fmt::format("{}; MicroK8s is stopped, and renews them only while it runs: "
                                                      "kelpie command send start, which renews them first",
                                                      seen.evidence));
    }
  }
  const Tried<bool> is_ready = power == Power::Running ? is_api_ready(work) : false;
  return prepared(
      seen.evidence + seen.warnings,
      Json(Json::Object{{"api", is_ready && *is_ready}, {"certs", digests(work)}, {"power", to_string(power)}}));
}

Tried<CallResult> observe(const CertsStep& step, const Work& work) {
  KELPIE_TRY(const Snap snap, read_snap(work));
  if (!snap.is_installed) return satisfied("MicroK8s is not installed: its certificates will be new");
  KELPIE_TRY(const Seen seen, look(step, work));
  if (seen.due.empty()) return satisfied(seen.evidence + seen.warnings);
  return unmet({.reason = Reason::CertificatesDue, .detail = seen.evidence, .output = {}});
}

/// What `refresh-certs` means by its exit codes (facts, microk8s 2.6, and its own source).
std::string_view meaning_of(int code) {
  switch (code) {
    case 1: return "it has no backup to go back to";
    case 4: return "a service did not start again, or a certificate could not be read";
    case 10: return "it could not copy the old certificates first";
    case 20: return "it could not make new ones and put the old ones back";
    default: return "it failed";
  }
}

Tried<void> refresh_certs(const Work& work, std::vector<std::string> words) {
  const std::string doing = words.back();
  words.insert(words.begin(), "refresh-certs");
  KELPIE_TRY(const Exit exit, run_microk8s(work, {.arguments = std::move(words), .limit = kRenewLimit}));
  if (exit.code == 0) return {};
  const std::string both = exit.out + exit.err;
  const bool is_disk = has_any(both, {"No space left on device"});
  return trouble(
      is_disk ? Reason::DiskFull : Reason::CertificatesNotRenewed,
      fmt::format("refresh-certs {} ended with {}: {}: {}", doing, exit.code, meaning_of(exit.code), last_line(both)),
      both);
}

/// An API server that comes up with the old certificate reads the new one within a minute.
Tried<void> await_api_with_new_certificate(const Work& work) {
  while (true) {
    Tried<bool> is_ready = is_api_ready(work);
    if (is_ready && *is_ready) return {};
    if (!is_ready && is_ready.error().reason != Reason::CertificatesExpired) return fail(std::move(is_ready.error()));
    if (work.is_over()) {
      if (!is_ready) return fail(std::move(is_ready.error()));
      return trouble(Reason::ApiNotReady, "the API server does not answer after its certificates were renewed");
    }
    work.say(fmt::format("waiting for the API server, {} left", in_seconds(work.left())));
    KELPIE_TRY(work.wait(kLookEvery));
  }
}

Tried<void> renew(const CertsStep& step, const Certificate& one, const Work& work) {
  work.say("renewing " + ending(one, work.host().pause.wall()));
  KELPIE_TRY(refresh_certs(work, {"-e", one.name}));
  // Exit code 0 says nothing: the script does not look whether OpenSSL made one.
  KELPIE_TRY(const Seen after, look(step, work));
  for (const Certificate& still : after.due) {
    if (still.name != one.name) continue;
    return trouble(Reason::CertificatesNotRenewed,
                   fmt::format("refresh-certs said 0, and {}", ending(still, work.host().pause.wall())));
  }
  // Before the next one: what it copies for the way back is what works.
  return await_api_with_new_certificate(work.part(kApiPatience));
}

Tried<void> bring_up(const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  if (power == Power::Running) return {};
  KELPIE_TRY(start_microk8s(work));
  const Work patience = work.part(kServicesPatience);
  while (true) {
    KELPIE_TRY(const Power now, read_power(work));
    if (now == Power::Running) return {};
    if (patience.is_over()) return trouble(Reason::NodeStopped, "its services do not run");
    KELPIE_TRY(patience.wait(kLookEvery));
  }
}

Tried<CallResult> run(const CertsStep& step, const Work& work) {
  KELPIE_TRY(require_space(work, kRenewSpace));
  KELPIE_TRY(bring_up(work));
  KELPIE_TRY(const Seen seen, look(step, work));
  for (const Certificate& one : seen.due) KELPIE_TRY(renew(step, one, work));
  return satisfied("renewed");
}

Tried<CallResult> verify(const CertsStep& step, const Work& work) {
  KELPIE_TRY(const Seen seen, look(step, work));
  if (!seen.due.empty()) {
    return unmet({.reason = Reason::CertificatesNotRenewed, .detail = seen.evidence, .output = {}});
  }
  KELPIE_TRY(await_api_with_new_certificate(work));
  // Where more follows, the steps that follow prove the node.
  if (step.start_follows) return satisfied(seen.evidence + "; API server answers" + seen.warnings);
  const Tried<Node> node = await_node(work);
  if (!node) return unmet(node.error());
  return satisfied(fmt::format("{}; {}{}", seen.evidence, ready_text(*node), seen.warnings));
}

bool are_readable(const Work& work) {
  const std::vector<Certificate> all = read_certificates(work);
  return std::all_of(all.begin(), all.end(),
                     [](const Certificate& one) { return !is_renewable(one) || one.validity.has_value(); });
}

/// `-u` goes back to the newest copy, whoever had it made and however long ago.
Tried<void> require_own_backup(const Json& before, const Work& work) {
  const Json now = digests(work);
  for (const std::string_view name : kRenewable) {
    const std::string copied = digest_of(work, path_of(work, kBackup, name));
    if (copied.empty() || copied == before.text(name) || copied == now.text(name)) continue;
    return trouble(Reason::RestoreUnknown, fmt::format("the copy that refresh-certs kept of {} is another one", name));
  }
  return {};
}

/// Where it was told to stop, with what it stops.
Tried<std::string> power_back(const Json& restore, const Work& work) {
  KELPIE_TRY(const Power power, read_power(work));
  if (restore.text("power") != to_string(Power::Stopped) || power != Power::Running) return std::string();
  KELPIE_TRY(stop_microk8s(work));
  KELPIE_TRY(require_stopped(work));
  return std::string(", stopped again");
}

Tried<CallResult> undo(const std::string& restore_text, const Work& work) {
  const Result<Json> restore = Json::parse(restore_text);
  if (!restore) return trouble(Reason::RestoreUnknown, "which certificates there were is not known");
  if (restore->text("power") == to_string(Power::Absent)) return satisfied("there were none");
  const Json now = digests(work);
  const Json& before = restore->at("certs");
  const bool is_as_before = std::all_of(std::begin(kRenewable), std::end(kRenewable),
                                        [&](std::string_view name) { return now.text(name) == before.text(name); });
  std::string what = "the certificates are as before";
  if (!is_as_before) {
    const bool owes_api = restore->at("api").is_true();
    const bool is_good = are_readable(work) && (!owes_api || await_api_with_new_certificate(work.part(kApiPatience)));
    // Renewed ones that work are kept: same keys, same authority, and the old ones would end while nobody looks.
    what = "the renewed certificates are kept, they work";
    if (!is_good) {
      KELPIE_TRY(require_own_backup(before, work));
      KELPIE_TRY(refresh_certs(work, {"-u"}));
      if (!are_readable(work)) return trouble(Reason::CertificatesNotRenewed, "after going back one cannot be read");
      if (owes_api) KELPIE_TRY(await_api(work));
      what = "back to the certificates of before";
    }
  }
  KELPIE_TRY(const std::string power, power_back(*restore, work));
  return satisfied(what + power);
}

}  // namespace

Tried<CallResult> carry_out_certs(const CertsStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepare(step, work);
    case Phase::Observe: return observe(step, work);
    case Phase::Run: return run(step, work);
    case Phase::Verify: return verify(step, work);
    case Phase::Undo: return undo(call.restore, work);
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
