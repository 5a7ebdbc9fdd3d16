#include "proto/base/result.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

namespace kelpie {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "INVALID_ARGUMENT";
    case Code::NotFound: return "NOT_FOUND";
    case Code::AlreadyExists: return "ALREADY_EXISTS";
    case Code::PermissionDenied: return "PERMISSION_DENIED";
    case Code::FailedPrecondition: return "FAILED_PRECONDITION";
    case Code::Conflict: return "CONFLICT";
    case Code::ResourceExhausted: return "RESOURCE_EXHAUSTED";
    case Code::Unavailable: return "UNAVAILABLE";
    case Code::DeadlineExceeded: return "DEADLINE_EXCEEDED";
    case Code::DataLoss: return "DATA_LOSS";
    case Code::NotSupported: return "NOT_SUPPORTED";
    case Code::Internal: return "INTERNAL";
  }
  return "INTERNAL";
}

Error with_context(Error error, std::string_view context) {
  error.message = fmt::format("{}: {}", context, error.message);
  return error;
}

void assertion_failed(const char* expression, const char* file, int line) {
  fmt::print(stderr, "kelpie: bug: {} is false at {}:{}\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace kelpie
