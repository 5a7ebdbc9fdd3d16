// Who calls, what role they have, and whether a browser was tricked into calling. Values only; no sockets.
#pragma once

#include <sys/types.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kelpie/api/v1/http.pb.h>

#include "hub/api/exchange.h"
#include "proto/base/clock.h"
#include "proto/base/digest.h"

namespace kelpie::hub {

inline constexpr std::size_t kAuthFailuresPerMinute = 20;  // chosen: a person mistypes less, a guesser needs far more

struct Caller {
  std::string name;
  api::v1::Role role = api::v1::VIEWER;
};

enum class Transport { Socket, Loopback, Devices };  // Devices: the door for archives alone

/// Root and the hub's own user administer; whoever else the socket's group lets in operates.
[[nodiscard]] Caller caller_of_peer(uid_t uid);

/// Bearer tokens by their hash. One line each: role, name, BLAKE2b-256 of the token in hex, expiry in RFC 3339 or "-".
class Tokens {
 public:
  Tokens() = default;
  /// Errors: InvalidArgument with the line's number.
  [[nodiscard]] static Result<Tokens> parse(std::string_view text);
  /// Errors: Unavailable; PermissionDenied when others may read or the group may write the file.
  [[nodiscard]] static Result<Tokens> load(const std::string& path);
  /// Errors: UNAUTHENTICATED.
  [[nodiscard]] Result<Caller> find(std::string_view token, WallTime now) const;

 private:
  struct Token {
    Caller caller;
    Digest hash;
    std::optional<WallTime> expires_at;
  };
  [[nodiscard]] static Result<Token> parse_line(const std::string& line);
  std::vector<Token> tokens_;
};

/// Failures of the last minute. While the limit is reached no token is looked at.
class FailureLimit {
 public:
  [[nodiscard]] bool is_reached(WallTime now);
  void count(WallTime now);

 private:
  std::deque<WallTime> failures_;
};

/// "Bearer x" → x. Errors: UNAUTHENTICATED.
[[nodiscard]] Result<std::string_view> bearer_token(const HttpRequest& request);
/// Host must name this machine's loopback (a rebound DNS name would not), and a writing page must be our own.
/// Errors: PermissionDenied with HOST_REFUSED or ORIGIN_REFUSED.
[[nodiscard]] Result<void> check_browser(const HttpRequest& request, Transport transport);
/// Errors: PermissionDenied with ROLE_TOO_LOW.
[[nodiscard]] Result<void> check_role(const Caller& caller, api::v1::Role wanted);

}  // namespace kelpie::hub
