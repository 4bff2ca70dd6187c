// Cuts the text of an option into words, literals and signs.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace reachback::server::odata {

struct Token {
  enum class Kind {
    end,
    word,     // a name, an operator, null, true: letters, digits, '_', '.'
    literal,  // a number, a date or a GUID as it stands there
    text,     // what stood between quotes, '' read as '
    sign      // ( ) , : /
  };
  Kind kind = Kind::end;
  std::string text;
  std::size_t at = 1;  // the character it begins at, from 1

  bool is_sign(char c) const { return kind == Kind::sign && text[0] == c; }
};

// One option's text and its name, which every message begins with.
class Lexer {
 public:
  // Both are borrowed. `text` is UTF-8.
  Lexer(std::string_view option, std::string_view text) : option_(option), rest_(text) {}

  // The next token; after the last one `end`, again and again. Errors (invalid_query): a character
  // that begins nothing, a text without its end.
  Result<Token> next();
  // "$filter, character 7: <what>"
  Error error(std::size_t at, std::string_view what) const;

 private:
  void skip(std::size_t bytes);
  Result<Token> quoted(Token token);

  std::string_view option_;
  std::string_view rest_;
  std::size_t at_ = 1;
};

// A token in a message: quoted, and cut between two characters where it is long.
std::string shown(std::string_view text);

}  // namespace reachback::server::odata
