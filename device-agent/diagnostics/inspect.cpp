// inspect: looks and changes nothing. When its release says so it also sends an archive of what it saw. Not `microk8s
// inspect`, whose archive holds secrets and fills disks: this one is made in memory and never lies on the card.
#include <fmt/core.h>

#include "device-agent/diagnostics/collect.h"
#include "device-agent/microk8s/steps.h"
#include "proto/base/digest.h"

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kCollectLimit = seconds(120);
constexpr Duration kSendLimit = seconds(20);  // loopback
constexpr Duration kSendAgainAfter = seconds(3);
constexpr int kSends = 4;  // chosen: the hub's restart
constexpr int kTaken = 201;

std::string seen(const Work& work) {
  const Facts facts = gather_facts({}, work);
  if (!facts.has_microk8s) return "MicroK8s is not installed";
  return fmt::format("{} {} ({}), node {}{}, {} add-ons, {} workloads, {} free", facts.microk8s.channel,
                     facts.microk8s.version, facts.microk8s.revision, facts.node_state,
                     facts.is_cordoned ? ", cordoned" : "", facts.addons.size(), facts.workloads.size(),
                     in_mebibytes(facts.disk_free_bytes));
}

Tried<void> judge(const UploadReply& reply) {
  if (reply.status == kTaken) return {};
  const Result<Json> body = Json::parse(reply.body);
  const std::string why = body ? body->at({"error", "message"}).text() : std::string();
  const bool is_passing = reply.status == 429 || reply.status == 503;
  return trouble(is_passing ? Reason::ArchiveNotSent : Reason::ArchiveRefused,
                 fmt::format("the hub answers {}: {}", reply.status, why.empty() ? "it does not say why" : why));
}

Tried<void> send_once(const ArchiveDoor& door, std::string_view bytes, const Work& work) {
  if (!work.host().upload) return trouble(Reason::ArchiveNotSent, "this device has no way to send an archive");
  const Result<UploadReply> reply = work.host().upload(
      {.url = door.url, .token = door.token, .body = bytes, .limit = std::min<Duration>(kSendLimit, work.left())});
  if (reply) return judge(*reply);
  const bool is_elsewhere = reply.error().code == Code::PermissionDenied;
  return trouble(is_elsewhere ? Reason::ArchiveAddress : Reason::ArchiveNotSent, reply.error().message);
}

Tried<void> send(const ArchiveDoor& door, std::string_view bytes, const Work& work) {
  Tried<void> sent;
  for (int tried = 1; tried <= kSends; ++tried) {
    work.say(fmt::format("sending {} to the hub", in_mebibytes(bytes.size())));
    sent = send_once(door, bytes, work);
    if (sent || sent.error().reason != Reason::ArchiveNotSent || work.left() <= kSendAgainAfter) break;
    if (tried < kSends) KELPIE_TRY(work.wait(kSendAgainAfter));
  }
  return sent;
}

Tried<CallResult> look(const InspectStep& step, const StepCall& call, const Work& work) {
  if (!step.wants_archive) return satisfied(seen(work));
  if (call.door.url.empty()) return trouble(Reason::ArchiveNotSent, "the hub names no door for archives");
  Bundle bundle(work.host().pause.wall());
  bundle.put("agent.txt", call.agent_view);
  collect(work.part(kCollectLimit), bundle);
  const Packed packed = bundle.finish();
  KELPIE_TRY(send(call.door, packed.bytes, work));
  const std::string sha256 = sha256_hex(as_bytes(packed.bytes));
  CallResult result =
      satisfied(fmt::format("{} files, {} bytes, sha256 {}{}", packed.files, packed.bytes.size(), sha256,
                            packed.missing.empty() ? "" : fmt::format(", {} missing", packed.missing.size())));
  result.archive = {.sha256 = sha256, .bytes = static_cast<std::uint32_t>(packed.bytes.size())};
  return result;
}

}  // namespace

Tried<CallResult> carry_out_inspect(const InspectStep& step, const StepCall& call, const Work& work) {
  switch (call.phase) {
    case Phase::Prepare: return prepared("nothing to prepare", Json{Json::Object{}});
    case Phase::Observe: return look(step, call, work);
    case Phase::Run:
    case Phase::Verify: return satisfied(seen(work));
    case Phase::Undo: return satisfied("nothing to take back");
  }
  KELPIE_ASSERT(false);
}

}  // namespace kelpie::agent
