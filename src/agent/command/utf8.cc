#include "agent/command/utf8.h"

namespace reachback::agent {

void JsonText::give_up() {
  out_ += "\xef\xbf\xbd";
  exact_ = false;
  have_ = 0;
  need_ = 0;
}

void JsonText::add_ascii(unsigned char c) {
  switch (c) {
    case '"':
      out_ += "\\\"";
      return;
    case '\\':
      out_ += "\\\\";
      return;
    case '\n':
      out_ += "\\n";
      return;
    case '\r':
      out_ += "\\r";
      return;
    case '\t':
      out_ += "\\t";
      return;
    case '\b':
      out_ += "\\b";
      return;
    case '\f':
      out_ += "\\f";
      return;
    default:
      break;
  }
  if (c >= 0x20) {
    out_ += static_cast<char>(c);
    return;
  }
  constexpr char kHex[] = "0123456789abcdef";
  out_ += "\\u00";
  out_ += kHex[c >> 4];
  out_ += kHex[c & 15];
}

void JsonText::add_byte(unsigned char c) {
  if (need_ != 0) {
    if (c >= low_ && c <= high_) {
      held_[have_++] = static_cast<char>(c);
      low_ = 0x80;
      high_ = 0xbf;
      if (--need_ == 0) {
        out_.append(held_, static_cast<std::size_t>(have_));
        have_ = 0;
      }
      return;
    }
    give_up();  // and the byte starts anew
  }
  if (c < 0x80) {
    add_ascii(c);
    return;
  }
  low_ = 0x80;
  high_ = 0xbf;
  if (c >= 0xc2 && c <= 0xdf) {
    need_ = 1;
  } else if (c >= 0xe0 && c <= 0xef) {
    need_ = 2;
    low_ = c == 0xe0 ? 0xa0 : 0x80;   // no overlong form
    high_ = c == 0xed ? 0x9f : 0xbf;  // no surrogate
  } else if (c >= 0xf0 && c <= 0xf4) {
    need_ = 3;
    low_ = c == 0xf0 ? 0x90 : 0x80;
    high_ = c == 0xf4 ? 0x8f : 0xbf;  // nothing above U+10FFFF
  } else {
    give_up();
    return;
  }
  held_[0] = static_cast<char>(c);
  have_ = 1;
}

void JsonText::add(std::string_view piece) {
  for (std::size_t i = 0; i < piece.size();) {
    // Most output is plain text: take runs of it at once.
    std::size_t run = i;
    while (need_ == 0 && run < piece.size()) {
      const auto c = static_cast<unsigned char>(piece[run]);
      if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
        break;
      }
      ++run;
    }
    if (run > i) {
      out_.append(piece.substr(i, run - i));
      i = run;
      continue;
    }
    add_byte(static_cast<unsigned char>(piece[i++]));
  }
}

void JsonText::finish() {
  if (need_ != 0) {
    give_up();
  }
}

}  // namespace reachback::agent
