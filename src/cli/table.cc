#include "cli/table.h"

#include <algorithm>

namespace reachback::cli {

std::string table_line(const std::vector<std::string>& cells,
                       const std::vector<std::size_t>& widths,
                       const std::function<std::string(std::size_t column)>& paint) {
  std::string out;
  std::size_t last = cells.size();
  while (last > 0 && cells[last - 1].empty()) {
    --last;
  }
  for (std::size_t i = 0; i < last; ++i) {
    out += paint(i);
    if (i + 1 < last) {
      const std::size_t used = columns(cells[i]);
      out.append(std::max(widths[i], used) - used + 2, ' ');
    }
  }
  return out + "\n";
}

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    cell = escape_line(cell);
  }
  cells.resize(titles_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::render(const Terminal& terminal) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < titles_.size(); ++i) {
    widths.push_back(columns(titles_[i]));
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], columns(row[i]));
    }
  }
  std::string out;
  auto line = [&](const std::vector<std::string>& cells, bool title) {
    out += table_line(cells, widths, [&](std::size_t i) {
      const Colour colour = title                 ? Colour::bold
                            : i == status_column_ ? status_colour(cells[i])
                                                  : Colour::none;
      return terminal.paint(colour, cells[i]);
    });
  };
  line(titles_, /*title=*/true);
  for (const auto& row : rows_) {
    line(row, /*title=*/false);
  }
  return out;
}

}  // namespace reachback::cli
