// What a command shows, apart from how: the renderer makes a table, JSON, YAML or names of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <google/protobuf/message.h>

#include "tools/kelpie/exit_code.h"

namespace kelpie::cli {

/// What a piece of text means; the renderer chooses colours, or none.
enum class Tone { Plain, Good, Busy, Warn, Bad, Faint, Strong };

struct Span {
  std::string text;
  Tone tone = Tone::Plain;
};
using Line = std::vector<Span>;

struct Cell {
  std::string text;
  Tone tone = Tone::Plain;
  std::optional<double> number = {};  // what it sorts by; empty: its text
};

/// One column of a table. In columns=, --columns and --sort-by its title is its name.
struct Column {
  std::string_view title;
  int drop_order = 0;      // when the terminal is narrow the highest goes first; 0 always stays
  bool is_wide = false;    // only with -o wide or when asked for by name
  bool is_number = false;  // right-aligned
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // as many cells as columns; same order as the message's items
  std::string empty;                    // said on stderr when there are no rows: "no devices"
};

using Block = std::variant<Line, Table>;

struct View {
  std::shared_ptr<google::protobuf::Message> message;  // -o json, yaml, jsonl, name; a list has items
  std::vector<Block> blocks;                           // -o table, wide; from top to bottom
  ExitCode exit = ExitCode::Done;
  std::vector<std::string> notes = {};  // talk for stderr after the view: what to type next
};

/// A view of one object or list whose message is kept with it.
template <typename Message>
[[nodiscard]] View view_of(Message message, std::vector<Block> blocks) {
  View view;
  view.message = std::make_shared<Message>(std::move(message));
  view.blocks = std::move(blocks);
  return view;
}

}  // namespace kelpie::cli
