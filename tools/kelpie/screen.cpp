#include "tools/kelpie/screen.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>
#include <kelpie/api/v1/api.pb.h>

#include "tools/kelpie/data.h"
#include "tools/kelpie/layout.h"

namespace kelpie::cli {
namespace {

constexpr Duration kRedrawGap{200};
constexpr Duration kLineGap{1'000};
constexpr Duration kSilenceMax{60'000};         // chosen: what runs in CI is killed when it says nothing for long
constexpr std::size_t kAnswerBytesMax = 4'096;  // chosen: longer than any name

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

winsize window() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

bool wants_color(const Settings& settings, bool is_terminal) {
  if (settings.color.value == "always") return true;
  if (settings.color.value == "never") return false;
  return is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
}

bool is_data(std::string_view output) {
  return output == "json" || output == "yaml" || output == "jsonl" || output == "name";
}

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// The first lines of a text, when it is longer than the terminal.
std::string first_lines(const std::string& text, std::size_t lines_max) {
  std::size_t at = 0;
  for (std::size_t line = 0; line < lines_max; ++line) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) return text;
    at = end + 1;
  }
  return text.substr(0, at);
}

}  // namespace

Screen::Screen(const Settings& settings) : settings_(settings) {
  std::setlocale(LC_CTYPE, "");
  is_utf8_ = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  is_terminal_ = isatty(STDOUT_FILENO) != 0;
  can_ask_ = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
  has_color_ = wants_color(settings, is_terminal_);
}

Result<std::string> Screen::drawn(const View& view) const {
  const std::string& output = settings_.output.value;
  if (is_data(output) && view.message == nullptr) return std::string();
  if (output == "json") return to_json(*view.message, Json::Indented).append("\n");
  if (output == "yaml") return to_yaml(*view.message);
  if (output == "jsonl") return to_json_lines(*view.message);
  if (output == "name") return to_names(*view.message);
  return draw(view.blocks,
              {.is_wide = output == "wide", .has_headers = settings_.has_headers, .columns = settings_.columns},
              {.width = width(), .has_color = has_color_, .is_utf8 = is_utf8_});
}

Result<void> Screen::show(View view) {
  if (!settings_.sort_by.empty()) KELPIE_TRY(sort_view(view, settings_.sort_by));
  KELPIE_TRY(const std::string text, drawn(view));
  const std::string& output = settings_.output.value;
  const bool was_told = has_frames_ && (output == "jsonl" || (!is_data(output) && !redraws()));
  if (!was_told) {
    erase_frame();
    write_out(text);
  }
  frame_lines_ = 0;
  for (const Block& block : view.blocks) {
    const Table* table = std::get_if<Table>(&block);
    if (table != nullptr && table->rows.empty() && !table->empty.empty() && !is_data(output)) note(table->empty);
  }
  for (const std::string& line : view.notes) note(line);
  return {};
}

void Screen::item(const View& view, std::string_view json_line) {
  const std::string& output = settings_.output.value;
  if (output == "json" || output == "jsonl") return write_out(json_line);
  if (view.message == nullptr) return;  // a heartbeat: nothing for people
  if (const Result<std::string> text = drawn(view)) write_out(*text);
}

void Screen::line(const google::protobuf::Message& message) {
  write_out(to_json(message, Json::OneLine).append("\n"));
}

Duration Screen::frame_gap() const {
  return redraws() ? kRedrawGap : kLineGap;
}

std::size_t Screen::width() const {
  return is_terminal_ ? window().ws_col : std::size_t{0};
}

bool Screen::redraws() const {
  const std::string& progress = settings_.progress.value;
  if (progress == "tty") return true;
  return progress == "auto" && is_terminal_ && environment("TERM") != "dumb";
}

void Screen::frame(const Frame& frame) {
  const std::string& output = settings_.output.value;
  const bool is_lines = output == "jsonl" || settings_.progress.value == "json";
  const bool is_redrawn = !is_data(output) && redraws();
  std::string text;
  if (is_lines) {
    text = fmt::format("{{\"type\":\"{}\",\"seq\":\"{}\",\"object\":{}}}\n", has_frames_ ? "CHANGED" : "SNAPSHOT",
                       frame.sequence, to_json(*frame.view.message, Json::OneLine));
  } else if (is_redrawn) {
    Result<std::string> drawing = drawn(frame.view);
    if (!drawing) return;  // show says so at the end
    const std::size_t rows = window().ws_row;
    text = rows > 1 ? first_lines(*drawing, rows - 1U) : std::move(*drawing);
  } else if (is_data(output) || settings_.progress.value == "none") {
    return;  // one object at the end
  } else {
    text = fmt::format("{} {}\n", to_rfc3339(frame.time).substr(0, 19) + "Z", printable(frame.change, is_utf8_));
  }
  const std::string& told = is_lines || is_redrawn ? text : frame.change;
  const bool is_silent_long = !is_lines && !is_redrawn && frame.time - told_at_ >= kSilenceMax;
  if (has_frames_ && told == last_told_ && !is_silent_long) return;
  last_told_ = told;
  told_at_ = frame.time;
  has_frames_ = true;
  if (is_redrawn) erase_frame();
  write_out(text);
  if (is_redrawn) frame_lines_ = count_lines(text);
}

void Screen::end_frames() {
  erase_frame();
  has_frames_ = false;
}

void Screen::erase_frame() {
  if (frame_lines_ > 0) write_out(fmt::format("\x1b[{}A\r\x1b[J", frame_lines_));
  frame_lines_ = 0;
}

void Screen::fail_with(const Error& error, const api::v1::Problem& problem) {
  const std::string& output = settings_.output.value;
  if (output == "json" || output == "yaml" || output == "jsonl") {
    api::v1::ErrorReply reply;
    *reply.mutable_error() = problem;
    write_out(output == "yaml" ? to_yaml(reply)
                               : to_json(reply, output == "json" ? Json::Indented : Json::OneLine).append("\n"));
  }
  // Of several lines the last one sums up: problems of a manifest first, each with its place.
  std::string_view message = error.message;
  for (std::size_t end = message.find('\n'); end != std::string_view::npos; end = message.find('\n')) {
    fmt::print(stderr, "{}\n", printable(message.substr(0, end), is_utf8_));
    message.remove_prefix(end + 1);
  }
  fmt::print(stderr, "error: {}\n", printable(message, is_utf8_));
  if (!error.hint.empty()) fmt::print(stderr, "  {}\n", printable(error.hint, is_utf8_));
}

void Screen::note(std::string_view text) {
  while (!settings_.is_quiet && !text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    fmt::print(stderr, "{}\n", printable(text.substr(0, end), is_utf8_));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void Screen::trace(int verbosity, std::string_view text) {
  if (settings_.verbosity >= verbosity) fmt::print(stderr, "{}\n", printable(text, is_utf8_));
}

Result<std::string> Screen::ask(std::string_view question) {
  if (!can_ask_) return fail(Code::InvalidArgument, "there is no terminal to ask on");
  fmt::print(stderr, "{} ", printable(question, is_utf8_));
  std::fflush(stderr);
  std::string answer;
  for (int next = std::getchar(); next != EOF && next != '\n'; next = std::getchar()) {
    if (answer.size() < kAnswerBytesMax) answer.push_back(static_cast<char>(next));
  }
  return answer;
}

Result<void> Screen::written() const {
  if (write_error_ == 0) return {};
  return fail(Code::Unavailable, fmt::format("cannot write the output: {}", std::strerror(write_error_)));
}

void Screen::write_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno != EPIPE) write_error_ = errno;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace kelpie::cli
