// The one way to say that something could not be done: Result<T> with an Error whose code tells the caller what to do.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace kelpie {

/// What the caller should do about it; maps to one HTTP status and one CLI exit code.
enum class Code {
  InvalidArgument,     // the request is wrong: correct it
  NotFound,            // no such thing
  AlreadyExists,       // it is there already
  PermissionDenied,    // not allowed
  FailedPrecondition,  // right request, wrong moment: state must change first
  Conflict,            // somebody else changed it: read again
  ResourceExhausted,   // a named limit was reached
  Unavailable,         // the other side cannot be reached: try again
  DeadlineExceeded,    // a wait ended
  DataLoss,            // stored bytes are not what was stored
  NotSupported,        // known, but not built yet
  Internal,            // our bug
};

std::string_view to_string(Code code);

struct Error {
  Code code = Code::Internal;
  std::string message;  // lower case, no full stop: what could not be done and with what
  std::string reason;   // stable machine word (PLAN_STALE, E_SIG); empty when the code says it all
  std::string hint;     // what to type next; empty when there is nothing to type

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{.code = code, .message = std::move(message), .reason = {}, .hint = {}});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

/// The same error, with where it happened put before its message. Call once, when crossing a border.
[[nodiscard]] Error with_context(Error error, std::string_view context);

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace kelpie

#define KELPIE_CONCAT_INNER(a, b) a##b
#define KELPIE_CONCAT(a, b) KELPIE_CONCAT_INNER(a, b)

/// KELPIE_TRY(const Foo foo, make_foo()) declares foo, or returns the error from the enclosing function.
/// KELPIE_TRY(check()) returns the error of a Result<void>.
#define KELPIE_TRY_PICK(_1, _2, name, ...) name
#define KELPIE_TRY(...) KELPIE_TRY_PICK(__VA_ARGS__, KELPIE_TRY_VALUE, KELPIE_TRY_VOID, )(__VA_ARGS__)
#define KELPIE_TRY_VALUE(declaration, expression) KELPIE_TRY_VALUE_AT(declaration, expression, __LINE__)
#define KELPIE_TRY_VALUE_AT(declaration, expression, line)                      \
  auto KELPIE_CONCAT(kelpie_try_, line) = (expression);                         \
  if (!KELPIE_CONCAT(kelpie_try_, line)) {                                      \
    return ::kelpie::fail(std::move(KELPIE_CONCAT(kelpie_try_, line).error())); \
  }                                                                             \
  declaration = std::move(*KELPIE_CONCAT(kelpie_try_, line))
#define KELPIE_TRY_VOID(expression)                                                  \
  do {                                                                               \
    auto kelpie_try_void = (expression);                                             \
    if (!kelpie_try_void) return ::kelpie::fail(std::move(kelpie_try_void.error())); \
  } while (false)

/// For what only our own bug can break; never for input, disk content or the network.
#define KELPIE_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::kelpie::assertion_failed(#condition, __FILE__, __LINE__))
