#include "tools/kelpie/layout.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include <fmt/core.h>

#include "tools/kelpie/suggest.h"

namespace kelpie::cli {
namespace {

constexpr std::size_t kGap = 2;        // columns between columns
constexpr std::size_t kCellLeast = 8;  // a cut cell keeps at least this much

std::string_view ansi(Tone tone) {
  switch (tone) {
    case Tone::Plain: return "";
    case Tone::Good: return "\x1b[32m";
    case Tone::Busy: return "\x1b[36m";
    case Tone::Warn: return "\x1b[33m";
    case Tone::Bad: return "\x1b[31m";
    case Tone::Faint: return "\x1b[2m";
    case Tone::Strong: return "\x1b[1m";
  }
  return "";
}

std::string toned(std::string_view text, Tone tone, const Canvas& canvas) {
  if (!canvas.has_color || tone == Tone::Plain || text.empty()) return std::string(text);
  return fmt::format("{}{}\x1b[0m", ansi(tone), text);
}

/// A line cut at the terminal's edge.
std::string draw_line(const Line& line, const Canvas& canvas) {
  std::string out;
  std::size_t used = 0;
  for (const Span& span : line) {
    std::string text = printable(span.text, canvas.is_utf8);
    const std::size_t left = canvas.width - std::min(used, canvas.width);
    if (canvas.width > 0 && display_width(text) > left) {
      return out.append(toned(shortened(text, left, canvas.is_utf8), span.tone, canvas)).append("\n");
    }
    used += display_width(text);
    out.append(toned(text, span.tone, canvas));
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out.append("\n");
}

bool is_same_title(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::toupper(static_cast<unsigned char>(x)) == std::toupper(static_cast<unsigned char>(y));
  });
}

Result<std::size_t> find_column(const Table& table, std::string_view title) {
  std::vector<std::string> titles;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (is_same_title(table.columns[i].title, title)) return i;
    titles.emplace_back(table.columns[i].title);
  }
  std::string upper(title);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  std::string known;
  for (const std::string& name : titles) known.append(known.empty() ? "" : ", ").append(name);
  return fail({.code = Code::InvalidArgument,
               .message = fmt::format("there is no column \"{}\"{}", title, did_you_mean(upper, titles)),
               .reason = {},
               .hint = fmt::format("columns: {}", known)});
}

/// A table's shown part: which columns, and every cell as it may be written.
class Fitted {
 public:
  Fitted(const Table& table, std::vector<std::size_t> shown, const Canvas& canvas, bool has_headers)
      : table_(table), shown_(std::move(shown)), canvas_(canvas), has_headers_(has_headers) {
    for (const std::vector<Cell>& row : table.rows) {
      KELPIE_ASSERT(row.size() == table.columns.size());
      std::vector<std::string>& texts = texts_.emplace_back();
      for (const Cell& cell : row) texts.push_back(printable(cell.text, canvas.is_utf8));
    }
    for (std::size_t column = 0; column < table.columns.size(); ++column) widths_.push_back(natural_width(column));
  }

  /// Drops columns, the least wanted first, then cuts the widest one.
  void fit() {
    if (canvas_.width == 0) return;
    while (total_width() > canvas_.width && drop_one()) {
    }
    if (total_width() <= canvas_.width) return;
    std::size_t& widest = widths_[*std::max_element(
        shown_.begin(), shown_.end(), [&](std::size_t a, std::size_t b) { return widths_[a] < widths_[b]; })];
    const std::size_t over = total_width() - canvas_.width;
    widest = std::max(kCellLeast, widest - std::min(over, widest));
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    if (has_headers_) out += line([&](std::size_t column) { return Cell{std::string(table_.columns[column].title)}; });
    for (std::size_t row = 0; row < table_.rows.size(); ++row) {
      out += line([&](std::size_t column) { return Cell{texts_[row][column], table_.rows[row][column].tone}; });
    }
    return out;
  }

 private:
  [[nodiscard]] std::size_t natural_width(std::size_t column) const {
    std::size_t width = has_headers_ ? table_.columns[column].title.size() : 0;
    for (const std::vector<std::string>& row : texts_) width = std::max(width, display_width(row[column]));
    return width;
  }
  [[nodiscard]] std::size_t total_width() const {
    const std::size_t gaps = shown_.empty() ? 0 : (shown_.size() - 1) * kGap;
    return std::accumulate(shown_.begin(), shown_.end(), gaps,
                           [&](std::size_t sum, std::size_t column) { return sum + widths_[column]; });
  }
  bool drop_one() {
    const auto worst = std::max_element(shown_.begin(), shown_.end(), [&](std::size_t a, std::size_t b) {
      return table_.columns[a].drop_order < table_.columns[b].drop_order;
    });
    if (worst == shown_.end() || table_.columns[*worst].drop_order == 0) return false;
    shown_.erase(worst);
    return true;
  }
  template <typename CellOf>
  [[nodiscard]] std::string line(const CellOf& cell_of) const {
    std::string out;
    for (const std::size_t column : shown_) {
      const Cell cell = cell_of(column);
      const std::string text = shortened(cell.text, widths_[column], canvas_.is_utf8);
      const std::string blanks(widths_[column] - std::min(widths_[column], display_width(text)), ' ');
      const bool is_right = table_.columns[column].is_number;
      if (column != shown_.front()) out.append(kGap, ' ');
      if (is_right) out.append(blanks);
      out.append(toned(text, cell.tone, canvas_));
      if (!is_right && column != shown_.back()) out.append(blanks);
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out.append("\n");
  }

  const Table& table_;
  std::vector<std::size_t> shown_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> texts_;
  const Canvas& canvas_;
  bool has_headers_;
};

Result<std::string> draw_table(const Table& table, const TableChoice& choice, const Canvas& canvas) {
  std::vector<std::size_t> shown;
  for (const std::string& title : choice.columns) {
    KELPIE_TRY(const std::size_t column, find_column(table, title));
    shown.push_back(column);
  }
  if (table.rows.empty() && !table.empty.empty()) return std::string();  // the screen says it beside the data
  for (std::size_t i = 0; i < table.columns.size() && choice.columns.empty(); ++i) {
    if (choice.is_wide || !table.columns[i].is_wide) shown.push_back(i);
  }
  Fitted fitted(table, std::move(shown), canvas, choice.has_headers);
  if (choice.columns.empty()) fitted.fit();  // what was asked for by name is never dropped
  return fitted.text();
}

bool is_before(const Cell& a, const Cell& b) {
  if (a.number && b.number) return *a.number < *b.number;
  if (a.number.has_value() != b.number.has_value()) return a.number.has_value();
  return a.text < b.text;
}

/// The message's items in the order of its rows.
void reorder_items(google::protobuf::Message& message, const std::vector<std::size_t>& order) {
  const auto* items = message.GetDescriptor()->FindFieldByName("items");
  if (items == nullptr) return;
  const std::unique_ptr<google::protobuf::Message> before(message.New());
  before->CopyFrom(message);
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  KELPIE_ASSERT(static_cast<std::size_t>(reflection.FieldSize(message, items)) == order.size());
  reflection.ClearField(&message, items);
  for (const std::size_t row : order) {
    reflection.AddMessage(&message, items)
        ->CopyFrom(reflection.GetRepeatedMessage(*before, items, static_cast<int>(row)));
  }
}

}  // namespace

Result<std::string> draw(const std::vector<Block>& blocks, const TableChoice& choice, const Canvas& canvas) {
  std::string out;
  bool has_table = false;
  for (const Block& block : blocks) {
    if (const Line* line = std::get_if<Line>(&block)) {
      if (choice.columns.empty()) out += draw_line(*line, canvas);
      continue;
    }
    has_table = true;
    KELPIE_TRY(const std::string table, draw_table(std::get<Table>(block), choice, canvas));
    out += table;
  }
  if (!choice.columns.empty() && !has_table) {
    return fail({.code = Code::InvalidArgument,
                 .message = "this command shows no table, so there are no columns to choose",
                 .reason = {},
                 .hint = "-o json shows everything"});
  }
  return out;
}

Result<void> sort_view(View& view, std::string_view by) {
  const bool is_descending = by.starts_with("-");
  if (is_descending) by.remove_prefix(1);
  const auto block = std::find_if(view.blocks.begin(), view.blocks.end(),
                                  [](const Block& one) { return std::holds_alternative<Table>(one); });
  if (block == view.blocks.end()) {
    return fail(Code::InvalidArgument, "this command shows no table, so there is nothing to sort");
  }
  Table& table = std::get<Table>(*block);
  KELPIE_TRY(const std::size_t column, find_column(table, by));
  std::vector<std::size_t> order(table.rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const Cell& first = table.rows[is_descending ? b : a][column];
    const Cell& second = table.rows[is_descending ? a : b][column];
    return is_before(first, second);
  });
  std::vector<std::vector<Cell>> rows;
  rows.reserve(order.size());
  for (const std::size_t row : order) rows.push_back(std::move(table.rows[row]));
  table.rows = std::move(rows);
  if (view.message != nullptr) reorder_items(*view.message, order);
  return {};
}

}  // namespace kelpie::cli
