// Errors and messages as HTTP bodies.
#pragma once

#include <string>

#include "hub/api/exchange.h"

namespace google::protobuf {
class Message;
}

namespace kelpie::hub {

// Reasons of the HTTP border itself; they choose a status of their own.
inline constexpr std::string_view kReasonUnauthenticated = "UNAUTHENTICATED";   // 401
inline constexpr std::string_view kReasonRateLimited = "RATE_LIMITED";          // 429
inline constexpr std::string_view kReasonTooLarge = "TOO_LARGE";                // 413
inline constexpr std::string_view kReasonWrongMethod = "METHOD_NOT_ALLOWED";    // 405
inline constexpr std::string_view kReasonMediaType = "UNSUPPORTED_MEDIA_TYPE";  // 415
inline constexpr std::string_view kReasonRange = "RANGE_NOT_SATISFIABLE";       // 416
inline constexpr std::string_view kReasonBadRequest = "BAD_REQUEST";            // 400: not readable as this request

[[nodiscard]] int status_of(const Error& error);
/// {"error":{"code","reason","message","hint","fields":[…],"requestId"}}. A message of an InvalidArgument that starts
/// with a field's path and a colon ("spec.policy.thresholds: …") fills fields too.
[[nodiscard]] HttpAnswer error_answer(const Error& error, const std::string& request_id);
/// lowerCamelCase, defaults printed, so that keys never vanish.
[[nodiscard]] std::string to_json(const google::protobuf::Message& message);
[[nodiscard]] Error problem(Code code, std::string_view reason, std::string message, std::string hint = {});

}  // namespace kelpie::hub
