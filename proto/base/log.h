// One event, one line: key=value on a terminal, JSON otherwise. info = state changed, warn = refused or repeated
// input, error = a person must act.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace kelpie::log {

enum class Level { Debug, Info, Warn, Error };
enum class Format { Auto, Text, Json };

struct Field {
  std::string_view key;
  std::string value;
};

/// Call once in main, before threads. Lines go to stderr.
void configure(Level level, Format format);
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Info, message, fields);
}
inline void warn(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Warn, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::Error, message, fields);
}

/// Text with control characters, quotes and backslashes escaped as in JSON, without the outer quotes.
[[nodiscard]] std::string escape(std::string_view text);

}  // namespace kelpie::log
