// Aligned columns for people.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace reachback::cli {

// One line: two blanks between columns, none at its end. A cell that is wider than its column moves
// the ones behind it. cells: escaped; paint: what is shown of one.
std::string table_line(const std::vector<std::string>& cells,
                       const std::vector<std::size_t>& widths,
                       const std::function<std::string(std::size_t column)>& paint);

class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  // As many cells as titles; they are escaped here.
  void add(std::vector<std::string> cells);
  // Cells of this column are coloured by status_colour().
  void colour_by_status(std::size_t column) { status_column_ = column; }
  std::string render(const Terminal& terminal) const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
  std::size_t status_column_ = static_cast<std::size_t>(-1);
};

}  // namespace reachback::cli
