#include "tools/kelpie/signing/fleet_diff.h"

#include <map>

#include <fmt/core.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "hub/api/policy.h"

namespace kelpie::cli {
namespace {

using nlohmann::json;

/// {"/policy/thresholds/failureBasisPoints": 500, …}
Result<std::map<std::string, std::string>> leaves_of(api::v1::FleetSpec spec) {
  KELPIE_TRY(const hub::Policy policy, hub::to_policy(spec.policy(), "policy"));
  spec.mutable_policy()->Clear();
  hub::show_policy(policy, *spec.mutable_policy());
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  KELPIE_ASSERT(google::protobuf::util::MessageToJsonString(spec, &text, options).ok());
  std::map<std::string, std::string> out;
  const json flat = json::parse(text).flatten();
  for (const auto& [pointer, value] : flat.items()) {
    if (value.is_null() || value == "") continue;
    std::string path = pointer.substr(1);
    for (char& c : path) c = c == '/' ? '.' : c;
    out[path] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return out;
}

}  // namespace

Result<std::vector<DiffLine>> fleet_diff(const api::v1::FleetSpec& from, const api::v1::FleetSpec& to) {
  KELPIE_TRY(const auto before, leaves_of(from));
  KELPIE_TRY(const auto after, leaves_of(to));
  std::vector<DiffLine> out;
  for (const auto& [path, value] : before) {
    const auto now = after.find(path);
    if (now == after.end()) {
      out.push_back({'-', path, value});
    } else if (now->second != value) {
      out.push_back({'~', path, fmt::format("{} → {}", value, now->second)});
    }
  }
  for (const auto& [path, value] : after) {
    if (!before.contains(path)) out.push_back({'+', path, value});
  }
  return out;
}

}  // namespace kelpie::cli
