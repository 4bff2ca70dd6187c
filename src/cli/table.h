// Aligned columns for people.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace reachback::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  // As many cells as titles; they are escaped here.
  void add(std::vector<std::string> cells);
  // Cells of this column are coloured by status_colour().
  void colour_by_status(std::size_t column) { status_column_ = column; }
  // Two blanks between columns, none at the end of a line.
  std::string render(const Terminal& terminal) const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
  std::size_t status_column_ = static_cast<std::size_t>(-1);
};

}  // namespace reachback::cli
