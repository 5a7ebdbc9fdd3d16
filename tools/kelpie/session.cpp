#include "tools/kelpie/session.h"

#include <array>

#include <fmt/core.h>
#include <google/protobuf/util/json_util.h>

#include "proto/base/ids.h"
#include "tools/kelpie/endpoint.h"
#include "tools/kelpie/exit_code.h"
#include "tools/kelpie/route.h"
#include "tools/kelpie/screen.h"
#include "tools/kelpie/trace.h"

namespace kelpie::cli {
namespace {

constexpr int kErrorStatusMin = 400;
constexpr int kTargetTooLong = 414;
constexpr int kHeadersTooLong = 431;
constexpr int kTraceRequests = 1;  // -v
constexpr int kTraceAll = 2;       // -vv
constexpr int kTries = 2;          // once more after a lost answer; the idempotency key makes it safe

std::string fresh_id() {
  SystemEntropy entropy;
  return Ulid::make(SystemClock().wall(), entropy).text();
}

Code code_of(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(Code::Internal); ++i) {
    if (to_string(static_cast<Code>(i)) == word) return static_cast<Code>(i);
  }
  return Code::Internal;
}

void add_flag(std::string& url, std::string_view name) {
  url.append(url.find('?') == std::string::npos ? "?" : "&").append(name).append("=true");
}

}  // namespace

Result<void> Session::call_into(std::string_view rpc, const google::protobuf::Message& request,
                                const CallOptions& options, google::protobuf::Message& out) {
  wire::HttpRequest http = route(rpc, request);
  http.headers.emplace_back("Accept", "application/protobuf");
  if (http.method != "GET") http.headers.emplace_back("Idempotency-Key", fresh_id());
  if (options.is_dry_run) add_flag(http.url, "dryRun");
  if (options.if_revision) http.headers.emplace_back("If-Match", std::to_string(*options.if_revision));
  KELPIE_TRY(http.timeout, call_timeout(settings_));
  if (options.timeout) http.timeout = *options.timeout;
  KELPIE_TRY(const wire::HttpResponse response, send(std::move(http), request));
  if (response.status >= kErrorStatusMin) return fail(refusal_of(response));
  if (out.ParseFromString(response.body)) {
    if (traces_all()) screen_.trace(kTraceAll, "< " + traced_body(out));
    return {};
  }
  return fail(Code::Internal, fmt::format("the hub's answer to {} is no {}", rpc, out.GetDescriptor()->name()));
}

/// Fills in where the request goes, as whom, and a fresh id.
Result<Endpoint> Session::address(wire::HttpRequest& request) {
  KELPIE_TRY(Endpoint endpoint, endpoint_of(settings_));
  request.url = endpoint.origin + request.url;
  request.unix_socket = endpoint.unix_socket;
  request_id_ = fresh_id();
  request.headers.emplace_back("X-Request-Id", request_id_);
  if (!endpoint.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + endpoint.token);
  for (const std::string& line : traced_headers(request)) screen_.trace(kTraceAll, line);
  return endpoint;
}

bool Session::traces_all() const {
  return settings_.verbosity >= kTraceAll;
}

Result<wire::HttpResponse> Session::send(wire::HttpRequest request, const google::protobuf::Message& said) {
  const std::string path = request.url;
  KELPIE_TRY(const Endpoint endpoint, address(request));
  if (traces_all() && !request.body.empty()) screen_.trace(kTraceAll, "> " + traced_body(said));
  SystemClock clock;
  for (int tried = 1;; ++tried) {
    const SteadyTime started = clock.steady();
    Result<wire::HttpResponse> response = wire::http_call(request);
    const auto took_ms = (clock.steady() - started).count();
    screen_.trace(kTraceRequests, fmt::format("{} {} → {} in {} ms, request {}", request.method, path,
                                              response ? std::to_string(response->status) : response.error().message,
                                              took_ms, request_id_));
    if (response) {
      screen_.trace(kTraceAll, fmt::format("< {}, {} bytes", response->content_type, response->body.size()));
      return response;
    }
    if (response.error().code == Code::DeadlineExceeded) {
      return fail({.code = Code::DeadlineExceeded,
                   .message = fmt::format("the {} did not answer {} {} within {}", hub_words(settings_), request.method,
                                          path, to_string(request.timeout)),
                   .reason = std::string(kReasonWaitEnded),
                   .hint = "the hub may have done it all the same; wait longer with --timeout"});
    }
    if (response.error().code != Code::Unavailable) return fail(response.error());
    if (tried == kTries) return fail(unreachable(settings_, endpoint, response.error()));
  }
}

Result<std::string> Session::fetch(const std::string& path, std::size_t bytes_max) {
  wire::HttpRequest http{.url = path, .response_bytes_max = bytes_max};
  KELPIE_TRY(http.timeout, call_timeout(settings_));
  KELPIE_TRY(wire::HttpResponse response, send(std::move(http), api::v1::Empty()));
  if (response.status >= kErrorStatusMin) return fail(refusal_of(response));
  return std::move(response.body);
}

Result<void> Session::stream(const std::string& path, Duration timeout,
                             const std::function<bool(std::string_view)>& on_bytes,
                             const std::function<bool()>& on_idle) {
  wire::HttpRequest request{.url = path, .headers = {{"Accept", "application/jsonl"}}, .timeout = timeout};
  KELPIE_TRY(const Endpoint endpoint, address(request));
  screen_.trace(kTraceRequests, fmt::format("GET {} as a stream, request {}", path, request_id_));
  const Result<wire::HttpResponse> response = wire::http_stream(request, on_bytes, on_idle);
  if (response && response->status < kErrorStatusMin) return {};
  if (response) return fail(refusal_of(*response));
  if (response.error().code == Code::DeadlineExceeded) {
    return fail({.code = Code::DeadlineExceeded,
                 .message = fmt::format("nothing more within {}", to_string(timeout)),
                 .reason = std::string(kReasonWaitEnded)});
  }
  if (response.error().code != Code::Unavailable) return fail(response.error());
  return fail(unreachable(settings_, endpoint, response.error()));
}

Error Session::refusal_of(const wire::HttpResponse& response) {
  if (traces_all()) screen_.trace(kTraceAll, "< " + traced_body(response.body));
  api::v1::ErrorReply reply;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // a newer hub may say more
  const auto status = google::protobuf::util::JsonStringToMessage(response.body, &reply, options);
  if (!status.ok() || !reply.has_error()) {
    if (response.status == kTargetTooLong || response.status == kHeadersTooLong) {  // by the hub's HTTP library
      return {.code = Code::InvalidArgument,
              .message = "the request is longer than the hub takes",
              .reason = {},
              .hint = "a shorter selector, or fewer names at a time"};
    }
    return {.code = Code::Internal, .message = fmt::format("the hub answered {} without saying why", response.status)};
  }
  refused_ = reply.error();
  return {.code = code_of(reply.error().code()),
          .message = reply.error().message(),
          .reason = reply.error().reason(),
          .hint = reply.error().hint()};
}

}  // namespace kelpie::cli
