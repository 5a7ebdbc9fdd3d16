#include "hub/api/visit.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wrappers.pb.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/problem.h"
#include "hub/api/render.h"
#include "proto/base/log.h"

namespace kelpie::hub {
namespace {

constexpr std::size_t kRequestIdMax = 64;         // chosen: twice a ULID and some
constexpr std::size_t kIdempotencyKeyMax = 128;   // chosen: holds any id scheme
constexpr std::uint64_t kDroppedMax = 8U << 20U;  // chosen: bytes of a refused body read politely before hanging up

bool is_token_text(std::string_view text, std::size_t bytes_max) {
  const auto is_visible = [](char c) { return c > 0x20 && c < 0x7F; };
  return !text.empty() && text.size() <= bytes_max && std::all_of(text.begin(), text.end(), is_visible);
}

std::string request_id_of(const HttpRequest& request) {
  const std::string_view given = request.header("x-request-id");
  if (is_token_text(given, kRequestIdMax)) return std::string(given);
  SystemEntropy entropy;
  return Ulid::make(SystemClock().wall(), entropy).text();
}

Error bad_header(std::string_view name, std::string_view what) {
  return problem(Code::InvalidArgument, kReasonBadRequest, fmt::format("header {} {}", name, what));
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

/// "42" with or without its quotes, as ETag has it.
Result<std::optional<std::uint32_t>> if_match(const HttpRequest& request) {
  std::string_view text = request.header("if-match");
  if (text.empty()) return std::optional<std::uint32_t>();
  if (text.size() > 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  const std::optional<std::uint32_t> revision = parse_number<std::uint32_t>(text);
  if (!revision) return fail(bad_header("If-Match", fmt::format("\"{}\" is no revision", text)));
  return revision;
}

Result<std::string> idempotency_key(const HttpRequest& request) {
  const std::string_view key = request.header("idempotency-key");
  if (key.empty() || is_token_text(key, kIdempotencyKeyMax)) return std::string(key);
  return fail(bad_header("Idempotency-Key", fmt::format("is not 1 to {} visible characters", kIdempotencyKeyMax)));
}

/// Two requests with the same fingerprint ask for the same thing in the same person's name.
std::string fingerprint_of(const ApiCall& call) {
  std::string out = fmt::format("{}\n{}\n{}\n{}\n", call.method, call.actor.name, call.is_dry_run,
                                call.if_revision ? std::to_string(*call.if_revision) : "");
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // maps in one order
    call.input->SerializeWithCachedSizes(&coded);
  }
  return blake2b_256(out).hex();
}

bool is_public(const HttpRequest& request) {
  return request.method == "GET" && (request.path == "/livez" || request.path == "/readyz");
}

}  // namespace

Visit::Visit(Desk& desk, const Visitor& visitor, HttpRequest head)
    : desk_(desk), request_(std::move(head)), request_id_(request_id_of(request_)) {
  Result<void> judged = judge_head(visitor);
  if (!judged) refused_ = std::move(judged.error());
}

Result<void> Visit::check_length(std::uint64_t bytes_max) const {
  const std::string_view header = request_.header("content-length");
  if (header.empty()) return {};
  const std::optional<std::uint64_t> length = parse_number<std::uint64_t>(header);
  if (length && *length <= bytes_max) return {};
  return fail(problem(Code::ResourceExhausted, kReasonTooLarge,
                      fmt::format("a body of {} bytes is too large: at most {}", header, bytes_max)));
}

Result<void> Visit::judge_head(const Visitor& visitor) {
  if (visitor.transport != Transport::Devices && is_public(request_))
    return check_length(desk_.options().request_bytes_max);
  KELPIE_TRY(check_browser(request_, visitor.transport));
  if (visitor.transport == Transport::Devices) return judge_bringer();
  KELPIE_TRY(caller_, desk_.authenticate(request_, visitor));
  KELPIE_TRY(artifact_, artifact_of_path(request_.path));
  if (artifact_) return judge_artifact(*artifact_);
  KELPIE_TRY(attempt_, attempt_of_path(request_.path));
  if (attempt_) return judge_archive();
  KELPIE_TRY(check_length(desk_.options().request_bytes_max));
  if (request_.path == "/metrics" && request_.method == "GET") return check_role(caller_, api::v1::VIEWER);
  KELPIE_TRY(match_, desk_.router().match(request_.method, request_.path));
  return check_role(caller_, match_->route->role);
}

Result<void> Visit::judge_artifact(const Digest& digest) {
  const ServerOptions& options = desk_.options();
  if (options.artifacts_dir.empty()) return fail(Code::NotSupported, "this hub keeps no artifacts");
  if (request_.method == "GET") return check_role(caller_, api::v1::VIEWER);
  if (request_.method != "PUT") {
    return fail(problem(Code::InvalidArgument, kReasonWrongMethod,
                        fmt::format("{} is not possible at {}; possible: GET, PUT", request_.method, request_.path)));
  }
  KELPIE_TRY(check_role(caller_, api::v1::OPERATOR));
  KELPIE_TRY(check_length(options.artifact_bytes_max));
  KELPIE_TRY(upload_, ArtifactUpload::open(options.artifacts_dir, digest, options.artifact_bytes_max));
  return {};
}

bool Visit::is_over() const {
  if (!refused_) return false;
  // A short body is read and dropped, so that the client sees the answer instead of a reset connection.
  const std::optional<std::uint64_t> length = parse_number<std::uint64_t>(request_.header("content-length"));
  const bool has_body = length.value_or(0) > 0 || !request_.header("transfer-encoding").empty();
  const std::uint64_t dropped_max = attempt_ ? kDroppedMax : desk_.options().request_bytes_max;
  return has_body && (!length || *length > dropped_max);
}

bool Visit::take(std::string_view bytes) {
  bytes_ += bytes.size();
  if (refused_) return bytes_ <= kDroppedMax;
  if (upload_) {
    Result<void> written = upload_->write(bytes);
    if (!written) refused_ = std::move(written.error());
    return true;
  }
  if (archive_) {
    Result<void> written = archive_->write(bytes);
    if (!written) refused_ = std::move(written.error());
    return true;
  }
  if (bytes_ > desk_.options().request_bytes_max) {
    refused_ = problem(Code::ResourceExhausted, kReasonTooLarge,
                       fmt::format("the body is too large: at most {} bytes", desk_.options().request_bytes_max));
    request_.body.clear();
    return true;
  }
  request_.body.append(bytes);
  return true;
}

Outcome Visit::finish() {
  Result<Outcome> out = refused_ ? Result<Outcome>(fail(*refused_)) : answer();
  if (out) return std::move(*out);
  const int status = status_of(out.error());
  if (status == 401 || status == 403 || status == 429 || status >= 500) {
    log::warn("request refused", {{"request", request_id_},
                                  {"method", request_.method},
                                  {"path", request_.path},
                                  {"actor", caller_.name},
                                  {"status", std::to_string(status)},
                                  {"reason", out.error().message}});
  }
  HttpAnswer answer = error_answer(out.error(), request_id_);
  if (status == 429 || status == 503) answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

Result<Outcome> Visit::answer() {
  if (archive_) return take_in();
  if (request_.path == "/livez") return text_answer(200, "ok\n");
  if (request_.path == "/readyz") return answer_text("GetHub");
  if (request_.path == "/metrics") return answer_text("Metrics");
  if (upload_) {
    KELPIE_TRY(upload_->finish());
    return text_answer(201, fmt::format("{}\n", artifact_->hex()));
  }
  if (attempt_) return answer_archive();
  if (artifact_) {
    KELPIE_TRY(const ArtifactFile file,
               open_artifact(desk_.options().artifacts_dir, *artifact_, request_.header("range")));
    return file;
  }
  if (const std::optional<StreamFormat> format = stream_format(request_)) {
    KELPIE_TRY(WatchRequest wanted, parse_watch(request_, *format));
    KELPIE_TRY(std::unique_ptr<EventStream> stream, EventStream::open(desk_, std::move(wanted)));
    return stream;
  }
  return answer_rpc();
}

Result<Outcome> Visit::answer_text(const std::string& method) {
  KELPIE_TRY(const auto message, desk_.ask({.method = method,
                                            .input = std::make_shared<api::v1::Empty>(),
                                            .actor = {.name = caller_.name, .request = request_id_}}));
  if (method == "GetHub") {
    const auto hub = std::dynamic_pointer_cast<api::v1::HubStatus>(message);
    KELPIE_ASSERT(hub != nullptr);
    return hub->is_ready() ? text_answer(200, "ok\n") : text_answer(503, "no link to the broker\n");
  }
  const auto text = std::dynamic_pointer_cast<google::protobuf::StringValue>(message);
  KELPIE_ASSERT(text != nullptr);
  return text_answer(200, text->value());
}

Result<Outcome> Visit::answer_rpc() {
  KELPIE_TRY(Bound bound, bind(*match_, request_));
  ApiCall call{.method = match_->route->rpc->name(),
               .input = std::move(bound.input),
               .actor = {.name = caller_.name, .request = request_id_},
               .is_dry_run = bound.is_dry_run};
  KELPIE_TRY(call.idempotency_key, idempotency_key(request_));
  KELPIE_TRY(call.if_revision, if_match(request_));
  call.fingerprint = fingerprint_of(call);
  KELPIE_TRY(const auto message, desk_.ask(std::move(call)));
  return render(*message, request_);
}

}  // namespace kelpie::hub
