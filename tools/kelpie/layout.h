// Views as text: tables that fit, symbols a terminal without UTF-8 can show, nothing a device said that could move the
// cursor. Values only; screen.cpp writes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/result.h"
#include "tools/kelpie/view.h"

namespace kelpie::cli {

struct Canvas {
  std::size_t width = 0;  // columns of the terminal; 0: no limit, nothing is dropped or cut
  bool has_color = false;
  bool is_utf8 = true;
};

struct TableChoice {
  bool is_wide = false;
  bool has_headers = true;
  std::vector<std::string> columns = {};  // titles, any case; empty: the usual ones
};

/// Lines ending in a line break.
/// Errors: InvalidArgument when a column is asked for that no table has.
[[nodiscard]] Result<std::string> draw(const std::vector<Block>& blocks, const TableChoice& choice,
                                       const Canvas& canvas);

/// Columns a terminal needs for it; a letter of two columns counts two.
[[nodiscard]] std::size_t display_width(std::string_view text);
/// As it may be written: control characters, broken UTF-8 and direction marks made visible, symbols replaced when the
/// terminal has no UTF-8.
[[nodiscard]] std::string printable(std::string_view text, bool is_utf8);
/// Cut to so many columns, with "…" (or "...") at the end when something is missing.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width, bool is_utf8);

/// Sorts rows and the message's items by a column. Errors: InvalidArgument when there is no such column.
[[nodiscard]] Result<void> sort_view(View& view, std::string_view by);

}  // namespace kelpie::cli
