#include "proto/base/log.h"

#include <unistd.h>

#include <memory>

#include <fmt/core.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "proto/base/clock.h"

namespace kelpie::log {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Debug: return spdlog::level::debug;
    case Level::Info: return spdlog::level::info;
    case Level::Warn: return spdlog::level::warn;
    case Level::Error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

// The logger's name carries the format, so that no state of our own is needed beside spdlog's registry.
constexpr const char* kJsonName = "kelpie-json";

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" =\"\\\t\n") != std::string_view::npos;
}

std::string as_text_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line = fmt::format("{} {:<5} {}", to_rfc3339(SystemClock().wall()), kLevelNames[static_cast<int>(level)],
                                 escape(message));
  for (const Field& field : fields) {
    const std::string value = escape(field.value);
    line += needs_quotes(field.value) ? fmt::format(" {}=\"{}\"", field.key, value)
                                      : fmt::format(" {}={}", field.key, value);
  }
  return line;
}

std::string as_json_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line = fmt::format(R"({{"ts":"{}","level":"{}","msg":"{}")", to_rfc3339(SystemClock().wall()),
                                 kLevelNames[static_cast<int>(level)], escape(message));
  for (const Field& field : fields) line += fmt::format(R"(,"{}":"{}")", field.key, escape(field.value));
  return line + "}";
}

}  // namespace

void configure(Level level, Format format) {
  const bool is_json = format == Format::Json || (format == Format::Auto && isatty(STDERR_FILENO) == 0);
  auto logger = std::make_shared<spdlog::logger>(is_json ? kJsonName : "kelpie",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  spdlog::logger* logger = spdlog::default_logger_raw();
  if (!logger->should_log(to_spdlog(level))) return;
  const std::string line =
      logger->name() == kJsonName ? as_json_line(level, message, fields) : as_text_line(level, message, fields);
  logger->log(to_spdlog(level), "{}", line);
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char character : text) {
    switch (character) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(character));
        } else {
          out.push_back(character);
        }
    }
  }
  return out;
}

}  // namespace kelpie::log
