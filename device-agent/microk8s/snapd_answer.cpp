#include "device-agent/microk8s/snapd_answer.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace kelpie::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kRequestLimit = seconds(60);     // chosen: snapd answers at once, the store may take its time
constexpr Duration kLookEvery = seconds(2);         // chosen: snapd restarts in seconds
constexpr Duration kRestartPatience = seconds(90);  // facts, microk8s 3.7: a refresh of snapd drops the connection
constexpr Duration kSocketPatience = seconds(10);   // chosen: no socket at all; systemd makes it again at once
constexpr std::size_t kChannelsNamedMax = 8;

// Facts, microk8s 3.6. "daemon-restart" and "system-restart" come as maintenance beside answers, and as errors too.
constexpr std::array kKinds{
    SnapdKind{"snap-already-installed", std::nullopt},
    SnapdKind{"snap-no-update-available", std::nullopt},
    SnapdKind{"snap-not-installed", Reason::NotInstalled},
    SnapdKind{"snap-not-found", Reason::SnapNotFound},
    SnapdKind{"snap-needs-classic", Reason::ConfinementMismatch},
    SnapdKind{"snap-not-classic", Reason::ConfinementMismatch},
    SnapdKind{"snap-needs-classic-system", Reason::SnapNeedsStrict},
    SnapdKind{"snap-channel-not-available", Reason::ChannelUnknown},
    SnapdKind{"snap-revision-not-available", Reason::ChannelUnknown},
    SnapdKind{"snap-architecture-not-available", Reason::ChannelUnknown},
    SnapdKind{"snap-change-conflict", Reason::SnapConflict},
    SnapdKind{"insufficient-disk-space", Reason::DiskFull},
    SnapdKind{"network-timeout", Reason::StoreUnreachable},
    SnapdKind{"dns-failure", Reason::StoreUnreachable},
    SnapdKind{"login-required", Reason::PermissionDenied},
    SnapdKind{"option-not-found", Reason::SnapdRefused},
    SnapdKind{"daemon-restart", Reason::SnapdUnreachable},
    SnapdKind{"system-restart", Reason::RebootNeeded},
};

const SnapdKind* row_of_kind(std::string_view kind) {
  const auto at = std::find_if(kKinds.begin(), kKinds.end(), [&](const SnapdKind& row) { return row.kind == kind; });
  return at == kKinds.end() ? nullptr : &*at;
}

/// What snapd adds to its message that a person can act on: the channels there are, who is in the way.
std::string addition_of(const SnapdAnswer& answer) {
  const Json& value = answer.result.at("value");
  if (answer.kind() == "snap-change-conflict" && !value.text("change-kind").empty()) {
    return fmt::format(" (by {} of {})", value.text("change-kind"), value.text("snap-name"));
  }
  std::vector<std::string> channels;
  for (const Json& release : value.at("releases").items()) channels.push_back(release.text("channel"));
  if (channels.empty()) return {};
  const bool is_long = channels.size() > kChannelsNamedMax;
  channels.resize(std::min(channels.size(), kChannelsNamedMax));
  return fmt::format("; there are {}{}", joined(channels), is_long ? ", …" : "");
}

Tried<SnapdAnswer> answer_of(const Result<SnapdReply>& reply, const std::string& what) {
  if (!reply) {
    const bool is_missing = reply.error().code == Code::NotFound;
    return trouble(is_missing ? Reason::SnapdMissing : Reason::SnapdUnreachable,
                   fmt::format("{}: {}", what, reply.error().message));
  }
  const Result<Json> json = Json::parse(reply->body);
  if (!json) return trouble(Reason::AnswerUnreadable, fmt::format("{}: {}", what, json.error().message));
  return SnapdAnswer{.status = reply->status,
                     .result = json->at("result"),
                     .change = json->text("change"),
                     .maintenance = json->at({"maintenance", "kind"}).text()};
}

}  // namespace

Tried<SnapdAnswer> ask_snapd(const Work& work, const SnapdQuestion& question) {
  const std::string method(question.method);
  const std::string path(question.path);
  return answer_of(
      work.host().snapd.request(method, path, question.body, std::min<Duration>(kRequestLimit, work.left())),
      fmt::format("{} {}", method, path));
}

Tried<SnapdAnswer> upload_snap(const Work& work, const SnapdUpload& upload) {
  work.say(fmt::format("handing {} to snapd, {}", upload.file_name, in_mebibytes(upload.file.bytes)));
  return answer_of(work.host().snapd.upload(upload, work.left()), "POST /v2/snaps " + upload.file_name);
}

bool is_away(const Tried<SnapdAnswer>& answer) {
  return !answer &&
         (answer.error().reason == Reason::SnapdUnreachable || answer.error().reason == Reason::SnapdMissing);
}

Tried<SnapdAnswer> read_snapd(const Work& work, std::string_view path) {
  const Work patience = work.part(kRestartPatience);
  const Work patience_without_socket = work.part(kSocketPatience);
  Tried<SnapdAnswer> answer = ask_snapd(work, {.method = "GET", .path = path});
  while (is_away(answer)) {
    const bool is_missing = answer.error().reason == Reason::SnapdMissing;
    if (is_missing ? patience_without_socket.is_over() : patience.is_over()) break;
    work.say("waiting for snapd to answer");
    KELPIE_TRY(patience.wait(kLookEvery));
    answer = ask_snapd(work, {.method = "GET", .path = path});
  }
  return answer;
}

std::span<const SnapdKind> snapd_kinds() {
  return kKinds;
}

bool is_nothing_to_do(const SnapdAnswer& answer) {
  const SnapdKind* const row = row_of_kind(answer.kind());
  return row != nullptr && !row->reason;
}

std::optional<Reason> reason_in(std::string_view words) {
  if (has_any(words, {"no space left on device", "insufficient space", "not enough space", "insufficient disk space"}))
    return Reason::DiskFull;
  if (has_any(words, {"has running apps"})) return Reason::SnapRunningApps;
  if (has_any(words, {"no revision to revert to"})) return Reason::SnapRevisionGone;
  if (has_any(words, {"hook"}) && has_any(words, {"timeout", "timed out", "maximum runtime"}))
    return Reason::SnapHookTimeout;
  if (has_any(words, {"cannot find signatures with metadata", "cannot resolve prerequisite assertion",
                      "no matching public key", "assertion is revision", "is not compatible with assertion"}))
    return Reason::AssertionMissing;
  if (has_any(words, {"no such host", "dial tcp", "unable to contact snap store", "i/o timeout", "TLS handshake",
                      "connection refused", "connection reset", "network is unreachable"}))
    return Reason::StoreUnreachable;
  return std::nullopt;
}

tl::unexpected<Trouble> refused(std::string_view doing, const SnapdAnswer& answer) {
  const std::string message = answer.message().empty() ? fmt::format("status {}", answer.status) : answer.message();
  const SnapdKind* const row = row_of_kind(answer.kind());
  const Reason reason =
      row != nullptr && row->reason ? *row->reason : reason_in(answer.message()).value_or(Reason::SnapdRefused);
  return trouble(reason, fmt::format("{}: snapd refuses: {}{}", doing, message, addition_of(answer)));
}

}  // namespace kelpie::agent
