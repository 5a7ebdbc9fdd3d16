// JSON as a value, so that the model reads manifests and writes answers without a heavy header. Keys are sorted, as
// kubectl prints them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "proto/base/result.h"

namespace kelpie::sim {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() = default;
  Json(std::string_view text) : value_(std::string(text)) {}
  Json(std::string text) : value_(std::move(text)) {}
  Json(const char* text) : value_(std::string(text)) {}
  Json(bool truth) : value_(truth) {}
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Json(T number)
      : value_(static_cast<std::int64_t>(number)) {}
  Json(double number) : value_(number) {}
  Json(Array items) : value_(std::move(items)) {}
  Json(Object members) : value_(std::move(members)) {}

  /// Errors: InvalidArgument with the parser's own words.
  [[nodiscard]] static Result<Json> parse(std::string_view text);
  /// indent 0: one line without blanks, as snapd writes; 4: as kubectl writes.
  [[nodiscard]] std::string dump(int indent = 0) const;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(value_); }
  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(value_); }
  /// As JSON writes what is neither object nor array.
  [[nodiscard]] std::string scalar() const;

  /// What is not there, or of another type, reads as empty.
  [[nodiscard]] const Json& at(std::string_view key) const;
  [[nodiscard]] const Json& at_path(std::initializer_list<std::string_view> keys) const;
  [[nodiscard]] std::string text(std::string_view otherwise = "") const;
  [[nodiscard]] std::int64_t number(std::int64_t otherwise = 0) const;
  [[nodiscard]] bool truth(bool otherwise = false) const;
  [[nodiscard]] const Array& items() const;
  [[nodiscard]] const Object& members() const;

  /// Makes it an object, or an array, if it is not.
  Json& operator[](std::string_view key);
  void append(Json item);
  void erase(std::string_view key);

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace kelpie::sim
