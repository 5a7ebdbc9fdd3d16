// One HTTP request from its head to its answer. The head is judged before any of the body is kept.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "hub/api/archive_room.h"
#include "hub/api/artifacts.h"
#include "hub/api/desk.h"
#include "hub/api/streams.h"

namespace kelpie::hub {

using Outcome = std::variant<HttpAnswer, ArtifactFile, std::unique_ptr<EventStream>>;

class Visit {
 public:
  /// head: the request without its body.
  Visit(Desk& desk, const Visitor& visitor, HttpRequest head);

  /// True: answer now, the body is not worth reading.
  [[nodiscard]] bool is_over() const;
  /// The next bytes of the body. False: hang up, it goes on and on.
  [[nodiscard]] bool take(std::string_view bytes);
  /// The answer; may wait for the loop. Call once.
  [[nodiscard]] Outcome finish();

  [[nodiscard]] const std::string& request_id() const { return request_id_; }

 private:
  [[nodiscard]] Result<void> judge_head(const Visitor& visitor);
  [[nodiscard]] Result<void> judge_artifact(const Digest& digest);
  [[nodiscard]] Result<void> judge_bringer();
  [[nodiscard]] Result<void> judge_archive();
  [[nodiscard]] Result<void> check_length(std::uint64_t bytes_max) const;
  [[nodiscard]] Result<Outcome> answer();
  [[nodiscard]] Result<Outcome> answer_rpc();
  [[nodiscard]] Result<Outcome> answer_text(const std::string& method);
  [[nodiscard]] Result<Outcome> answer_archive();
  [[nodiscard]] Result<Outcome> take_in();

  Desk& desk_;
  HttpRequest request_;
  std::string request_id_;
  Caller caller_;
  std::optional<Error> refused_;
  std::optional<Match> match_;  // an rpc
  std::optional<Digest> artifact_;
  std::optional<ArtifactUpload> upload_;
  std::optional<AttemptId> attempt_;  // whose archive is asked for, or comes
  std::optional<ArchiveUpload> archive_;
  struct Unseat {
    void operator()(Desk* desk) const { desk->unseat_bringer(); }
  };
  std::unique_ptr<Desk, Unseat> seat_;
  std::uint64_t bytes_ = 0;
};

}  // namespace kelpie::hub
