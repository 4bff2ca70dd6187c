// The rows that a command of a session answers with: JSON objects, one a line, as a table or as a
// JSON array. There may be millions: memory stays bounded. What is in them a machine tells: it is
// escaped for terminals, and a line that is no JSON object is counted instead of shown.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/fields.h"
#include "cli/terminal.h"

namespace reachback::cli {

enum class RowStyle {
  table,        // aligned columns under their titles
  down,         // of few rows with many properties: a property a line
  json,         // whole objects, one a line
  inline_json,  // the same as a part of a document of one line
  none,
};

class RowPrinter {
 public:
  static constexpr std::size_t kLineBytesMax = 1 << 20;  // longer ones are not shown
  static constexpr std::size_t kRowsAhead = 200;         // so many decide about the columns' widths
  static constexpr std::size_t kBytesAhead = 1 << 20;
  static constexpr std::size_t kWidthMax = 60;  // wider values move what is behind them

  // on_row: gets each row too; may be null.
  RowPrinter(const Terminal& terminal, RowStyle style, std::vector<std::string> columns,
             std::function<void(const Fields& row)> on_row = nullptr);

  // Lines in pieces, cut anywhere.
  Result<void> feed(std::string_view piece);
  Result<void> add(const Fields& row);
  // Shows what waits for more rows: of what comes slowly.
  Result<void> flush();
  // After the last piece. shows_empty: no row is an answer too, so titles are shown.
  Result<void> finish(bool shows_empty);

  std::uint64_t unreadable() const { return unreadable_; }

 private:
  Result<void> take_line(std::string_view line);
  Result<void> show(const Fields& row, std::string_view json);
  Result<void> write(bool is_at_once);
  std::vector<std::string> cells_of(const Fields& row) const;
  void lay_out();
  void add_line(const std::vector<std::string>& cells, Colour colour);

  const Terminal terminal_;
  const RowStyle style_;
  const std::vector<std::string> columns_;
  const std::function<void(const Fields& row)> on_row_;
  std::string held_;  // the beginning of a line
  bool skips_line_ = false;
  std::uint64_t unreadable_ = 0, rows_ = 0;
  std::vector<std::vector<std::string>> ahead_;
  std::size_t ahead_bytes_ = 0;
  std::vector<std::size_t> widths_;  // empty: not laid out yet
  std::string out_;
};

// "memory_bytes" -> "MEMORY BYTES", "fileName" -> "FILE NAME"
std::string title_of(const std::string& column);
// What a cell shows: lists of texts with commas between, the rest as JSON writes it.
std::string cell_text(const Fields& row, const std::string& column);

}  // namespace reachback::cli
