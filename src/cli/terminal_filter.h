// What a machine's terminal shows, on its way to the responder's own. The machine may be hostile
// (trust.md T19): what programs need to draw passes; what reaches beyond the screen does not.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace reachback::cli {

// Dropped: operating system commands (the title, the clipboard, links), device control strings and
// their kin, C1 controls, resets of the whole terminal, window operations, and requests that the
// terminal would answer by typing. Source: ECMA-48; "XTerm Control Sequences".
class TerminalFilter {
 public:
  // Pieces are cut anywhere between characters; they are UTF-8.
  std::string feed(std::string_view piece);
  // What sets the screen right again that the machine has left otherwise: modes, colours.
  std::string restore() const;

 private:
  enum class State { text, escape, intermediate, control, string, string_escape };
  void take(char c, std::string& out);
  void take_text(char c, std::string& out);
  void break_off(char c, std::string& out);
  void end_control(char last, std::string& out);

  static constexpr std::size_t kSequenceBytesMax = 128;
  State state_ = State::text;
  std::string sequence_;   // of the one that has begun
  bool after_c2_ = false;  // the first byte of what may be a C1 control
  std::set<int> modes_;    // private ones that are not as they usually are
};

}  // namespace reachback::cli
