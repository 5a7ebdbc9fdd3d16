#include "hub/api/router.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/core.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <kelpie/api/v1/api.pb.h>

#include "hub/api/policy.h"
#include "hub/api/problem.h"

namespace kelpie::hub {
namespace {

namespace pb = google::protobuf;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

/// "name:label" → "name" and "label". Names of things hold no colon.
std::string_view take_verb(std::string_view& segment) {
  const std::size_t colon = segment.rfind(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view verb = segment.substr(colon + 1);
  segment = segment.substr(0, colon);
  return verb;
}

Route make_route(const pb::MethodDescriptor& rpc) {
  const api::v1::HttpRule& rule = rpc.options().GetExtension(api::v1::http);
  Route out{.rpc = &rpc, .role = rule.role()};
  for (const auto& [method, pattern] : {std::pair("GET", rule.get()), std::pair("POST", rule.post()),
                                        std::pair("PUT", rule.put()), std::pair("DELETE", rule.delete_())}) {
    if (pattern.empty()) continue;
    KELPIE_ASSERT(out.pattern.empty());
    out.method = method;
    out.pattern = pattern;
  }
  KELPIE_ASSERT(!out.pattern.empty());
  KELPIE_ASSERT(out.role != api::v1::ROLE_UNSPECIFIED);
  std::vector<std::string_view> segments = split(out.pattern);
  out.verb = take_verb(segments.back());
  for (const std::string_view segment : segments) {
    const bool is_variable = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    out.segments.push_back({.text = std::string(is_variable ? segment.substr(1, segment.size() - 2) : segment),
                            .is_variable = is_variable});
  }
  return out;
}

std::optional<Pairs> variables_of(const Route& route, std::string_view path) {
  std::vector<std::string_view> segments = split(path);
  if (segments.size() != route.segments.size()) return std::nullopt;
  if (take_verb(segments.back()) != route.verb) return std::nullopt;
  Pairs out;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const PathSegment& wanted = route.segments[i];
    const Result<std::string> text = percent_decode(segments[i]);
    if (!text) return std::nullopt;
    if (!wanted.is_variable && wanted.text != *text) return std::nullopt;
    if (wanted.is_variable && text->empty()) return std::nullopt;
    if (wanted.is_variable) out.emplace_back(wanted.text, *text);
  }
  return out;
}

Error bad_request(std::string message) {
  return problem(Code::InvalidArgument, kReasonBadRequest, std::move(message));
}

const pb::FieldDescriptor* find_field(const pb::Message& message, std::string_view name) {
  const pb::Descriptor& descriptor = *message.GetDescriptor();
  if (const auto* field = descriptor.FindFieldByCamelcaseName(std::string(name))) return field;
  return descriptor.FindFieldByName(std::string(name));
}

Result<std::uint32_t> parse_number(std::string_view name, std::string_view text) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(bad_request(fmt::format("{}: \"{}\" is not a whole number", name, text)));
  }
  return out;
}

Result<bool> parse_claim(std::string_view name, std::string_view text) {
  if (text == "true" || text.empty()) return true;
  if (text == "false") return false;
  return fail(bad_request(fmt::format("{}: \"{}\" is neither true nor false", name, text)));
}

/// A query parameter into its field: strings, lists of strings and whole numbers are all that rpcs have.
Result<void> set_parameter(pb::Message& message, const std::string& name, const std::string& text) {
  const pb::FieldDescriptor* field = find_field(message, name);
  if (field == nullptr) return fail(bad_request(fmt::format("{}: there is no such parameter here", name)));
  const pb::Reflection& reflection = *message.GetReflection();
  if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING && field->is_repeated()) {
    reflection.AddString(&message, field, text);
    return {};
  }
  if (field->is_repeated()) return fail(bad_request(fmt::format("{}: belongs into the body", name)));
  if (reflection.HasField(message, field)) return fail(bad_request(fmt::format("{}: is given twice", name)));
  if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
    reflection.SetString(&message, field, text);
    return {};
  }
  if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_UINT32) {
    KELPIE_TRY(const std::uint32_t number, parse_number(name, text));
    reflection.SetUInt32(&message, field, number);
    return {};
  }
  return fail(bad_request(fmt::format("{}: belongs into the body", name)));
}

/// The path names the object; a body may repeat it but not say otherwise.
Result<void> set_variable(pb::Message& message, const std::string& name, const std::string& text) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  KELPIE_ASSERT(field != nullptr);
  const pb::Reflection& reflection = *message.GetReflection();
  const std::string given = reflection.GetString(message, field);
  if (!given.empty() && given != text) {
    return fail(bad_request(fmt::format("{}: the body says \"{}\", the address \"{}\"", name, given, text)));
  }
  reflection.SetString(&message, field, text);
  return {};
}

/// protobuf's "(spec.policy) joiners: Cannot find field." as an error that names the field.
Error json_error(const pb::Message& message, std::string_view text) {
  constexpr std::string_view kUnknownField = ": Cannot find field.";
  const std::size_t end = text.find(kUnknownField);
  if (end == std::string_view::npos) {
    return bad_request(fmt::format("the body is no JSON {}: {}", message.GetDescriptor()->name(), text));
  }
  const std::size_t close = std::min(text.rfind(')', end), end);
  const std::string_view parent = close == end ? std::string_view() : text.substr(1, close - 1);
  std::string_view key = text.substr(close == end ? 0 : close + 1, end - (close == end ? 0 : close + 1));
  key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
  const std::string path = parent.empty() ? std::string(key) : fmt::format("{}.{}", parent, key);
  if (path.find("policy.") != std::string::npos && is_unbuilt_policy_key(key)) {
    return {.code = Code::NotSupported, .message = fmt::format("{}: is not supported yet", path)};
  }
  return bad_request(fmt::format("{}: there is no such field", path));
}

Result<void> read_body(pb::Message& message, const HttpRequest& request) {
  if (request.body.empty()) return {};
  if (request.method == "GET" || request.method == "DELETE") {
    return fail(bad_request(fmt::format("{} takes no body", request.method)));
  }
  const std::string_view type = request.header("content-type").substr(0, request.header("content-type").find(';'));
  if (type == "application/protobuf") {
    if (message.ParseFromString(request.body)) return {};
    return fail(bad_request(fmt::format("the body is no {}", message.GetTypeName())));
  }
  if (!type.empty() && type != "application/json") {
    return fail(problem(Code::InvalidArgument, kReasonMediaType,
                        fmt::format("content type \"{}\" is neither application/json nor application/protobuf", type)));
  }
  const auto status = pb::util::JsonStringToMessage(request.body, &message);
  if (status.ok()) return {};
  return fail(json_error(message, std::string_view(status.message().data(), status.message().size())));
}

}  // namespace

Router::Router() {
  const pb::ServiceDescriptor* hub = api::v1::Empty::descriptor()->file()->FindServiceByName("Hub");
  KELPIE_ASSERT(hub != nullptr);
  for (int i = 0; i < hub->method_count(); ++i) routes_.push_back(make_route(*hub->method(i)));
}

Result<Match> Router::match(std::string_view method, std::string_view path) const {
  std::string allowed;
  for (const Route& route : routes_) {
    std::optional<Pairs> variables = variables_of(route, path);
    if (!variables) continue;
    if (route.method == method) return Match{.route = &route, .variables = std::move(*variables)};
    allowed.append(allowed.empty() ? "" : ", ").append(route.method);
  }
  if (allowed.empty()) return fail(problem(Code::NotFound, "", fmt::format("there is nothing at {}", path)));
  return fail(problem(Code::InvalidArgument, kReasonWrongMethod,
                      fmt::format("{} is not possible at {}; possible: {}", method, path, allowed)));
}

Result<Bound> bind(const Match& match, const HttpRequest& request) {
  const pb::Message* prototype = pb::MessageFactory::generated_factory()->GetPrototype(match.route->rpc->input_type());
  Bound out{.input = std::shared_ptr<pb::Message>(prototype->New())};
  KELPIE_TRY(read_body(*out.input, request));
  KELPIE_TRY(const Pairs query, parse_query(request.query));
  for (const auto& [name, value] : query) {
    if (name == "dryRun" && request.method != "GET") {
      KELPIE_TRY(out.is_dry_run, parse_claim(name, value));
      continue;
    }
    KELPIE_TRY(set_parameter(*out.input, name, value));
  }
  for (const auto& [name, value] : match.variables) KELPIE_TRY(set_variable(*out.input, name, value));
  return out;
}

}  // namespace kelpie::hub
