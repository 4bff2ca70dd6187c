#include "cli/rows.h"

#include <algorithm>
#include <utility>

#include "cli/table.h"

namespace reachback::cli {
namespace {

constexpr std::size_t kWriteBytes = 32 << 10;

bool is_lower(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string title_of(const std::string& column) {
  std::string out;
  for (std::size_t i = 0; i < column.size(); ++i) {
    const char c = column[i];
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && i > 0 && is_lower(column[i - 1])) {
      out += ' ';
    }
    out += c == '_' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

std::string cell_text(const Fields& row, const std::string& column) {
  const std::vector<std::string> list = row.texts(column);
  if (list.empty()) {
    const std::string text = row.text(column);
    return text == "[]" ? std::string() : text;
  }
  std::string out;
  for (const std::string& text : list) {
    out += (out.empty() ? "" : ",") + text;
  }
  return out;
}

RowPrinter::RowPrinter(const Terminal& terminal, RowStyle style, std::vector<std::string> columns,
                       std::function<void(const Fields& row)> on_row)
    : terminal_(terminal),
      style_(style),
      columns_(std::move(columns)),
      on_row_(std::move(on_row)) {}

Result<void> RowPrinter::feed(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (!skips_line_ && held_.size() + part.size() > kLineBytesMax) {
      skips_line_ = true;
      held_.clear();
    }
    if (end == std::string_view::npos) {
      if (!skips_line_) {
        held_ += part;
      }
      return write(/*is_at_once=*/false);
    }
    if (std::exchange(skips_line_, false)) {
      ++unreadable_;
    } else if (held_.empty()) {
      RB_TRY(take_line(part));
    } else {
      held_ += part;
      RB_TRY(take_line(std::exchange(held_, {})));
    }
    piece.remove_prefix(end + 1);
  }
  return write(/*is_at_once=*/false);
}

Result<void> RowPrinter::take_line(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
    return {};
  }
  auto row = Fields::parse(line);
  if (!row.ok()) {
    ++unreadable_;
    return {};
  }
  return show(*row, line);
}

Result<void> RowPrinter::add(const Fields& row) {
  return show(row, row.json());
}

Result<void> RowPrinter::show(const Fields& row, std::string_view json) {
  ++rows_;
  if (on_row_) {
    on_row_(row);
  }
  switch (style_) {
    case RowStyle::none:
      return {};
    case RowStyle::json:
    case RowStyle::inline_json:
      out_ += rows_ == 1 ? "[" : ",";
      out_ += style_ == RowStyle::json ? "\n" : "";
      out_ += terminal_.out_is_terminal ? escape_line(json) : std::string(json);
      break;
    case RowStyle::down: {
      std::size_t width = 0;
      for (const std::string& column : columns_) {
        width = std::max(width, column.size());
      }
      out_ += rows_ == 1 ? "" : "\n";
      for (const std::string& column : columns_) {
        const std::string title = title_of(column);
        out_ += table_line({title, escape_line(cell_text(row, column))}, {width, 0},
                           [&](std::size_t i) {
                             return i == 0 ? terminal_.paint(Colour::bold, title)
                                           : escape_line(cell_text(row, column));
                           });
      }
      break;
    }
    case RowStyle::table: {
      std::vector<std::string> cells = cells_of(row);
      if (!widths_.empty()) {
        add_line(cells, Colour::none);
        break;
      }
      for (const std::string& cell : cells) {
        ahead_bytes_ += cell.size();
      }
      ahead_.push_back(std::move(cells));
      if (ahead_.size() >= kRowsAhead || ahead_bytes_ >= kBytesAhead) {
        lay_out();
      }
    }
  }
  return write(/*is_at_once=*/false);
}

std::vector<std::string> RowPrinter::cells_of(const Fields& row) const {
  std::vector<std::string> out;
  out.reserve(columns_.size());
  for (const std::string& column : columns_) {
    out.push_back(escape_line(cell_text(row, column)));
  }
  return out;
}

void RowPrinter::lay_out() {
  std::vector<std::string> titles;
  for (const std::string& column : columns_) {
    titles.push_back(title_of(column));
    widths_.push_back(columns(titles.back()));
  }
  for (const auto& cells : ahead_) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths_[i] = std::max(widths_[i], std::min(columns(cells[i]), kWidthMax));
    }
  }
  add_line(titles, Colour::bold);
  for (const auto& cells : std::exchange(ahead_, {})) {
    add_line(cells, Colour::none);
  }
}

void RowPrinter::add_line(const std::vector<std::string>& cells, Colour colour) {
  for (std::size_t i = 0; i < cells.size(); ++i) {  // what came slowly had no rows ahead
    widths_[i] = std::max(widths_[i], std::min(columns(cells[i]), kWidthMax));
  }
  out_ +=
      table_line(cells, widths_, [&](std::size_t i) { return terminal_.paint(colour, cells[i]); });
}

Result<void> RowPrinter::write(bool is_at_once) {
  if (out_.empty() || (!is_at_once && out_.size() < kWriteBytes)) {
    return {};
  }
  return write_out(std::exchange(out_, {}));
}

Result<void> RowPrinter::flush() {
  if (style_ == RowStyle::table && widths_.empty() && !ahead_.empty()) {
    lay_out();
  }
  return write(/*is_at_once=*/true);
}

Result<void> RowPrinter::finish(bool shows_empty) {
  if (skips_line_) {
    ++unreadable_;
  } else {
    RB_TRY(take_line(std::exchange(held_, {})));
  }
  if (style_ == RowStyle::table && widths_.empty() && !columns_.empty() &&
      (shows_empty || !ahead_.empty())) {
    lay_out();
  }
  if (style_ == RowStyle::json) {
    out_ += rows_ == 0 ? "[]\n" : "\n]\n";
  } else if (style_ == RowStyle::inline_json) {
    out_ += rows_ == 0 ? "[]" : "]";
  }
  return write(/*is_at_once=*/true);
}

}  // namespace reachback::cli
