// What was typed and the machine does not have yet. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reachback::cli {

class Keystrokes {
 public:
  // At the beginning of a line, ~ and then . ends the terminal, and ~~ is one ~. true: it was
  // typed; nothing behind it counts.
  bool take(std::string_view bytes);

  // What goes out next stands behind so many bytes.
  std::uint64_t from() const { return from_; }
  std::string_view waiting() const { return waiting_; }
  // The machine has so many bytes in all. Fewer than before, or more than there are: no effect.
  void taken(std::uint64_t bytes);

 private:
  std::uint64_t from_ = 0;
  std::string waiting_;
  bool at_line_begin_ = true;
  bool after_tilde_ = false;
};

}  // namespace reachback::cli
