// The only way to the terminal: views to stdout, talk to stderr, questions to whoever sits there.
#pragma once

#include <string>
#include <string_view>

#include "proto/base/clock.h"
#include "tools/kelpie/settings.h"
#include "tools/kelpie/view.h"

namespace kelpie::api::v1 {
class Problem;
}

namespace kelpie::cli {

/// A stage of something that goes on.
struct Frame {
  View view;             // drawn over the last one on a terminal
  std::string change;    // elsewhere: key=value pairs, one line when they differ from the last ones
  WallTime time;         // stands before the change
  std::string sequence;  // of the event that led to it, for -o jsonl
};

class Screen {
 public:
  /// Looks at the terminal, the locale, NO_COLOR and TERM once.
  explicit Screen(const Settings& settings);

  /// A finished view, as -o says. Errors: InvalidArgument (no such column, a view without a table).
  [[nodiscard]] Result<void> show(View view);
  /// A stage on the way to it. Nothing is printed when nothing changed (in a log: for a minute), nor with -o json and
  /// yaml.
  void frame(const Frame& frame);

  /// What is shown next is something else than the stages so far led to.
  void end_frames();

  /// One of many, as they come: `json_line` (with its line break) with -o json and jsonl, the view otherwise.
  void item(const View& view, std::string_view json_line);
  /// An object on a line of its own, whatever -o says: what export prints.
  void line(const google::protobuf::Message& message);

  /// Least time between two frames: a terminal is redrawn five times a second at most, a log gets a line a second.
  [[nodiscard]] Duration frame_gap() const;
  /// Columns of the terminal; 0: no limit.
  [[nodiscard]] std::size_t width() const;

  /// That stdout took all of it. A reader that has gone away (head -1) is no failure. Errors: Unavailable.
  [[nodiscard]] Result<void> written() const;

  /// "error: …" with its hint on stderr; with -o json, yaml and jsonl the problem as an object on stdout too.
  void fail_with(const Error& error, const api::v1::Problem& problem);
  /// Lines of talk on stderr; silent with -q.
  void note(std::string_view text);
  /// A line of talk for -v (1) or -vv (2).
  void trace(int verbosity, std::string_view text);

  /// There is a terminal to ask on.
  [[nodiscard]] bool can_ask() const { return can_ask_; }
  /// What was answered, without its line break. Errors: InvalidArgument without a terminal.
  [[nodiscard]] Result<std::string> ask(std::string_view question);

 private:
  [[nodiscard]] Result<std::string> drawn(const View& view) const;
  [[nodiscard]] bool redraws() const;
  void erase_frame();
  void write_out(std::string_view text);

  const Settings& settings_;
  int write_error_ = 0;       // of stdout; 0: none
  bool is_terminal_ = false;  // stdout
  bool can_ask_ = false;
  bool has_color_ = false;
  bool is_utf8_ = false;
  bool has_frames_ = false;
  std::size_t frame_lines_ = 0;  // of the frame on the terminal, to be drawn over
  std::string last_told_;
  WallTime told_at_;
};

}  // namespace kelpie::cli
