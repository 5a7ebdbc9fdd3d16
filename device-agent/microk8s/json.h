// JSON as a value: what snapd and kubectl answer, manifests, restore points. json.cpp alone knows the library, so that
// the step kinds stay quick to compile. What is missing or of another type reads as empty.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "proto/base/result.h"

namespace kelpie::agent {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() = default;
  Json(std::string text) : value_(std::move(text)) {}
  Json(std::string_view text) : value_(std::string(text)) {}
  Json(const char* text) : value_(std::string(text)) {}
  Json(bool truth) : value_(truth) {}
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Json(T number)
      : value_(static_cast<std::int64_t>(number)) {}
  Json(double number) : value_(number) {}
  Json(Array items) : value_(std::move(items)) {}
  Json(Object members) : value_(std::move(members)) {}

  /// Errors: InvalidArgument when it is no JSON or nested deeper than 64.
  [[nodiscard]] static Result<Json> parse(std::string_view text);
  /// One line, keys sorted, no blanks between them.
  [[nodiscard]] std::string dump() const;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  [[nodiscard]] bool has(std::string_view key) const { return !at(key).is_null(); }
  [[nodiscard]] const Json& at(std::string_view key) const;
  [[nodiscard]] const Json& at(std::initializer_list<std::string_view> path) const;
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] std::int64_t number(std::int64_t otherwise = 0) const;
  [[nodiscard]] bool is_true() const;
  [[nodiscard]] const Array& items() const;
  [[nodiscard]] const Object& members() const;

  /// Short for at(key).text() and friends: most reads are of this shape.
  [[nodiscard]] const std::string& text(std::string_view key) const { return at(key).text(); }
  [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t otherwise) const {
    return at(key).number(otherwise);
  }

  /// Makes it an object, or an array, if it is not.
  Json& operator[](std::string_view key);
  void append(Json item);
  void erase(std::string_view key);

  friend bool operator==(const Json&, const Json&) = default;

 private:
  friend struct JsonText;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace kelpie::agent
