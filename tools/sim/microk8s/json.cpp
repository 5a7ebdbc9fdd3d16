#include "tools/sim/microk8s/json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace kelpie::sim {
namespace {

constexpr std::size_t kDepthMax = 64;  // chosen: Kubernetes objects stay below 20

const Json kNothing;

Json from_parsed(const nlohmann::json& parsed) {
  switch (parsed.type()) {
    case nlohmann::json::value_t::object: {
      Json::Object members;
      for (const auto& [key, value] : parsed.items()) members.emplace(key, from_parsed(value));
      return members;
    }
    case nlohmann::json::value_t::array: {
      Json::Array items;
      items.reserve(parsed.size());
      for (const nlohmann::json& item : parsed) items.push_back(from_parsed(item));
      return items;
    }
    case nlohmann::json::value_t::string: return parsed.get<std::string>();
    case nlohmann::json::value_t::boolean: return parsed.get<bool>();
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned: return parsed.get<std::int64_t>();
    case nlohmann::json::value_t::number_float: return parsed.get<double>();
    case nlohmann::json::value_t::null:
    case nlohmann::json::value_t::binary:
    case nlohmann::json::value_t::discarded: return {};
  }
  return {};
}

void write_text(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20U) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

struct Writer {
  std::string& out;
  int indent;

  void line(int depth) {
    if (indent == 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent * depth), ' ');
  }
  void write(const Json& value, int depth) {
    if (value.is_object()) return write_members(value.members(), depth);
    if (value.is_array()) return write_items(value.items(), depth);
    out += value.scalar();
  }
  void write_members(const Json::Object& members, int depth) {
    out += '{';
    bool is_first = true;
    for (const auto& [key, value] : members) {
      if (!is_first) out += ',';
      is_first = false;
      line(depth + 1);
      write_text(key, out);
      out += indent == 0 ? ":" : ": ";
      write(value, depth + 1);
    }
    if (!is_first) line(depth);
    out += '}';
  }
  void write_items(const Json::Array& items, int depth) {
    out += '[';
    bool is_first = true;
    for (const Json& item : items) {
      if (!is_first) out += ',';
      is_first = false;
      line(depth + 1);
      write(item, depth + 1);
    }
    if (!is_first) line(depth);
    out += ']';
  }
};

}  // namespace

Result<Json> Json::parse(std::string_view text) {
  std::size_t depth = 0;
  bool is_too_deep = false;
  const nlohmann::json::parser_callback_t watch = [&](int at, nlohmann::json::parse_event_t, nlohmann::json&) {
    depth = static_cast<std::size_t>(at);
    is_too_deep = is_too_deep || depth > kDepthMax;
    return !is_too_deep;
  };
  try {
    const nlohmann::json parsed = nlohmann::json::parse(text, watch);
    if (is_too_deep) return fail(Code::InvalidArgument, fmt::format("nested deeper than {}", kDepthMax));
    return from_parsed(parsed);
  } catch (const nlohmann::json::exception& error) {
    return fail(Code::InvalidArgument, error.what());
  }
}

std::string Json::dump(int indent) const {
  std::string out;
  Writer{.out = out, .indent = indent}.write(*this, 0);
  return out;
}

std::string Json::scalar() const {
  if (const auto* const truth = std::get_if<bool>(&value_)) return *truth ? "true" : "false";
  if (const auto* const number = std::get_if<std::int64_t>(&value_)) return fmt::format("{}", *number);
  if (const auto* const number = std::get_if<double>(&value_)) return fmt::format("{}", *number);
  if (const auto* const text = std::get_if<std::string>(&value_)) {
    std::string out;
    write_text(*text, out);
    return out;
  }
  return "null";
}

const Json& Json::at(std::string_view key) const {
  const auto* const members = std::get_if<Object>(&value_);
  if (members == nullptr) return kNothing;
  const auto found = members->find(key);
  return found == members->end() ? kNothing : found->second;
}

const Json& Json::at_path(std::initializer_list<std::string_view> keys) const {
  const Json* here = this;
  for (const std::string_view key : keys) here = &here->at(key);
  return *here;
}

std::string Json::text(std::string_view otherwise) const {
  const auto* const text = std::get_if<std::string>(&value_);
  return text == nullptr ? std::string(otherwise) : *text;
}

std::int64_t Json::number(std::int64_t otherwise) const {
  const auto* const number = std::get_if<std::int64_t>(&value_);
  return number == nullptr ? otherwise : *number;
}

bool Json::truth(bool otherwise) const {
  const auto* const truth = std::get_if<bool>(&value_);
  return truth == nullptr ? otherwise : *truth;
}

const Json::Array& Json::items() const {
  static const Array kNone;
  const auto* const items = std::get_if<Array>(&value_);
  return items == nullptr ? kNone : *items;
}

const Json::Object& Json::members() const {
  static const Object kNone;
  const auto* const members = std::get_if<Object>(&value_);
  return members == nullptr ? kNone : *members;
}

Json& Json::operator[](std::string_view key) {
  if (!is_object()) value_ = Object{};
  Object& members = std::get<Object>(value_);
  const auto found = members.find(key);
  return found != members.end() ? found->second : members.emplace(std::string(key), Json()).first->second;
}

void Json::append(Json item) {
  if (!is_array()) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(item));
}

void Json::erase(std::string_view key) {
  if (!is_object()) return;
  Object& members = std::get<Object>(value_);
  if (const auto found = members.find(key); found != members.end()) members.erase(found);
}

}  // namespace kelpie::sim
