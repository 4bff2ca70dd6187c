// What may reach a terminal. Names, comments and the output of scripts come from machines that may
// be hostile: escape sequences, invisible and direction-changing characters are shown, not sent.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::cli {

// One line: every control character, bidirectional control, U+2028/9 and byte that is not UTF-8 as
// \xNN or \u{NNNN}.
std::string escape_line(std::string_view text);
// Columns a terminal needs for text that was escaped: one a code point.
std::size_t columns(std::string_view escaped);

// The same for text of many lines that comes in pieces: newlines and tabs pass, CR LF becomes LF.
class TextFilter {
 public:
  std::string feed(std::string_view piece);
  std::string finish();  // what was held back

 private:
  std::string held_;  // at most 3 bytes of a character, or a CR
};

enum class Colour { none, green, yellow, red, bold };

struct Terminal {
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool coloured = false;  // standard output is a terminal, TERM is not dumb, NO_COLOR is not set
  bool err_coloured = false;  // standard error likewise

  static Terminal of_process();
  std::string paint(Colour colour, std::string_view text) const;
  std::string paint_error(Colour colour, std::string_view text) const;  // for standard error
};
// Of an action or a command, by its status.
Colour status_colour(std::string_view status);

// Standard output, unbuffered. Errors: io; a closed pipe is io with an empty message.
Result<void> write_out(std::string_view bytes);
// A line on standard error: "reachback: text", escaped.
void complain(std::string_view text);
// The same without the program's name: how something stands, for who works with it.
void notice(std::string_view text);

}  // namespace reachback::cli
