#include "device-agent/microk8s/json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace kelpie::agent {

namespace {

constexpr std::size_t kDepthMax = 64;  // chosen: Kubernetes objects stay below 20

const Json& nothing() {
  static const Json value;
  return value;
}

}  // namespace

/// Between the text and the value, both ways.
struct JsonText {
  /// Builds the value while the library reads, so that no second tree is made.
  class Reader {
   public:
    explicit Reader(Json& root) { open_.push_back(&root); }
    bool null() { return put({}); }
    bool boolean(bool truth) { return put(truth); }
    bool number_integer(std::int64_t number) { return put(number); }
    bool number_unsigned(std::uint64_t number) { return put(number); }
    bool number_float(double number, const std::string&) { return put(number); }
    bool string(std::string& text) { return put(std::move(text)); }
    bool binary(std::vector<std::uint8_t>&) { return false; }
    bool start_object(std::size_t) { return open(Json::Object{}); }
    bool start_array(std::size_t) { return open(Json::Array{}); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& text) {
      key_ = std::move(text);
      return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) { return false; }

   private:
    Json& place(Json value) {
      Json& into = *open_.back();
      if (auto* const array = std::get_if<Json::Array>(&into.value_)) return array->emplace_back(std::move(value));
      if (auto* const object = std::get_if<Json::Object>(&into.value_)) {
        return object->insert_or_assign(std::move(key_), std::move(value)).first->second;
      }
      return into = std::move(value);
    }
    bool put(Json value) {
      place(std::move(value));
      return true;
    }
    bool open(Json value) {
      if (open_.size() > kDepthMax) return false;
      open_.push_back(&place(std::move(value)));
      return true;
    }
    bool close() {
      open_.pop_back();
      return true;
    }

    std::vector<Json*> open_;  // pointers stay good: a container grows only while it is the innermost
    std::string key_;
  };

  static void write(const std::string& text, std::string& out) {
    // Bytes that are no UTF-8 (a container's message) are replaced, never thrown about.
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  static void write(const Json& value, std::string& out) {
    if (value.is_null()) out += "null";
    if (const auto* const truth = std::get_if<bool>(&value.value_)) out += *truth ? "true" : "false";
    if (const auto* const number = std::get_if<std::int64_t>(&value.value_)) out += fmt::format("{}", *number);
    if (const auto* const number = std::get_if<double>(&value.value_)) out += nlohmann::json(*number).dump();
    if (const auto* const text = std::get_if<std::string>(&value.value_)) write(*text, out);
    if (const auto* const array = std::get_if<Json::Array>(&value.value_)) {
      out += '[';
      for (const Json& item : *array) {
        if (&item != array->data()) out += ',';
        write(item, out);
      }
      out += ']';
    }
    if (const auto* const object = std::get_if<Json::Object>(&value.value_)) {
      out += '{';
      for (auto at = object->begin(); at != object->end(); ++at) {
        if (at != object->begin()) out += ',';
        write(at->first, out);
        out += ':';
        write(at->second, out);
      }
      out += '}';
    }
  }
};

Result<Json> Json::parse(std::string_view text) {
  Json root;
  JsonText::Reader reader(root);
  if (!nlohmann::json::sax_parse(text, &reader)) {
    return fail(Code::InvalidArgument, fmt::format("no JSON: \"{}\"", text.substr(0, 80)));
  }
  return root;
}

std::string Json::dump() const {
  std::string out;
  JsonText::write(*this, out);
  return out;
}

const Json& Json::at(std::string_view key) const {
  const Object& inside = members();
  const auto found = inside.find(key);
  return found == inside.end() ? nothing() : found->second;
}

const Json& Json::at(std::initializer_list<std::string_view> path) const {
  const Json* here = this;
  for (const std::string_view key : path) here = &here->at(key);
  return *here;
}

const std::string& Json::text() const {
  static const std::string empty;
  const auto* const text = std::get_if<std::string>(&value_);
  return text == nullptr ? empty : *text;
}

std::int64_t Json::number(std::int64_t otherwise) const {
  const auto* const number = std::get_if<std::int64_t>(&value_);
  return number == nullptr ? otherwise : *number;
}

bool Json::is_true() const {
  const auto* const truth = std::get_if<bool>(&value_);
  return truth != nullptr && *truth;
}

const Json::Array& Json::items() const {
  static const Array empty;
  const auto* const array = std::get_if<Array>(&value_);
  return array == nullptr ? empty : *array;
}

const Json::Object& Json::members() const {
  static const Object empty;
  const auto* const object = std::get_if<Object>(&value_);
  return object == nullptr ? empty : *object;
}

Json& Json::operator[](std::string_view key) {
  if (!std::holds_alternative<Object>(value_)) value_ = Object{};
  Object& object = std::get<Object>(value_);
  const auto found = object.find(key);
  return found == object.end() ? object.emplace(std::string(key), Json{}).first->second : found->second;
}

void Json::append(Json item) {
  if (!std::holds_alternative<Array>(value_)) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(item));
}

void Json::erase(std::string_view key) {
  auto* const object = std::get_if<Object>(&value_);
  if (object == nullptr) return;
  const auto found = object->find(key);
  if (found != object->end()) object->erase(found);
}

}  // namespace kelpie::agent
