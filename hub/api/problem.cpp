#include "hub/api/problem.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <google/protobuf/util/json_util.h>
#include <kelpie/api/v1/api.pb.h>

namespace kelpie::hub {
namespace {

struct ReasonStatus {
  std::string_view reason;
  int status;
};
constexpr std::array kReasonStatuses{
    ReasonStatus{kReasonUnauthenticated, 401}, ReasonStatus{kReasonRateLimited, 429},
    ReasonStatus{kReasonTooLarge, 413},        ReasonStatus{kReasonWrongMethod, 405},
    ReasonStatus{kReasonMediaType, 415},       ReasonStatus{kReasonRange, 416},
};

bool is_path_character(char character) {
  return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '.' || character == '[' ||
         character == ']' || character == '_';
}

/// "spec.waves[1].size" of "spec.waves[1].size: …"; empty when the message starts otherwise.
std::string_view field_path(std::string_view message) {
  const std::size_t colon = message.find(": ");
  if (colon == std::string_view::npos || colon == 0) return {};
  const std::string_view head = message.substr(0, colon);
  return std::all_of(head.begin(), head.end(), is_path_character) ? head : std::string_view();
}

}  // namespace

int status_of(const Error& error) {
  for (const ReasonStatus& row : kReasonStatuses) {
    if (row.reason == error.reason) return row.status;
  }
  switch (error.code) {
    case Code::InvalidArgument: return 400;
    case Code::NotFound: return 404;
    case Code::AlreadyExists: return 409;
    case Code::PermissionDenied: return 403;
    case Code::FailedPrecondition: return 412;
    case Code::Conflict: return 409;
    case Code::ResourceExhausted: return 429;
    case Code::Unavailable: return 503;
    case Code::DeadlineExceeded: return 504;
    case Code::DataLoss: return 500;
    case Code::NotSupported: return 501;
    case Code::Internal: return 500;
  }
  return 500;
}

HttpAnswer error_answer(const Error& error, const std::string& request_id) {
  api::v1::ErrorReply reply;
  api::v1::Problem& body = *reply.mutable_error();
  body.set_code(std::string(to_string(error.code)));
  body.set_reason(error.reason);
  body.set_message(error.message);
  body.set_hint(error.hint);
  body.set_request_id(request_id);
  if (error.code == Code::InvalidArgument) {
    if (const std::string_view path = field_path(error.message); !path.empty()) {
      api::v1::FieldProblem& field = *body.add_fields();
      field.set_path(std::string(path));
      field.set_message(error.message.substr(path.size() + 2));
    }
  }
  HttpAnswer out{.status = status_of(error), .body = to_json(reply)};
  if (out.status == 401) out.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"kelpie\"");
  return out;
}

std::string to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = false;
  options.always_print_primitive_fields = true;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  KELPIE_ASSERT(status.ok());
  return out;
}

Error problem(Code code, std::string_view reason, std::string message, std::string hint) {
  return {.code = code, .message = std::move(message), .reason = std::string(reason), .hint = std::move(hint)};
}

}  // namespace kelpie::hub
