// One question to snapd's socket and what came back; what its refusals mean, one row for each kind (facts,
// microk8s 3.6).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "device-agent/microk8s/work.h"

namespace kelpie::agent {

struct SnapdAnswer {
  int status = 0;
  Json result;
  std::string change;       // id, when it was accepted
  std::string maintenance;  // daemon-restart, system-restart; empty: none announced
  [[nodiscard]] bool is_good() const { return status / 100 == 2; }
  [[nodiscard]] const std::string& kind() const { return result.text("kind"); }
  [[nodiscard]] const std::string& message() const { return result.text("message"); }
};

struct SnapdQuestion {
  std::string_view method;
  std::string_view path;
  std::string body = {};
};
/// Trouble: SnapdMissing, SnapdUnreachable, AnswerUnreadable; a refusal is an answer.
[[nodiscard]] Tried<SnapdAnswer> ask_snapd(const Work& work, const SnapdQuestion& question);
/// POST /v2/snaps with a file; takes as long as the card does.
[[nodiscard]] Tried<SnapdAnswer> upload_snap(const Work& work, const SnapdUpload& upload);
/// GET, again and again while snapd is away: it restarts when it refreshes itself.
[[nodiscard]] Tried<SnapdAnswer> read_snapd(const Work& work, std::string_view path);
/// Nobody answered: worth asking again.
[[nodiscard]] bool is_away(const Tried<SnapdAnswer>& answer);

struct SnapdKind {
  std::string_view kind;
  std::optional<Reason> reason;  // none: there is nothing to do, which is success
};
[[nodiscard]] std::span<const SnapdKind> snapd_kinds();
[[nodiscard]] bool is_nothing_to_do(const SnapdAnswer& answer);
/// Why it was refused, by kind or, where snapd gives none, by its words.
[[nodiscard]] tl::unexpected<Trouble> refused(std::string_view doing, const SnapdAnswer& answer);
/// What the words of a refusal or of a change's error mean. None: they are not known.
[[nodiscard]] std::optional<Reason> reason_in(std::string_view words);

}  // namespace kelpie::agent
