#include "cli/keystrokes.h"

namespace reachback::cli {

bool Keystrokes::take(std::string_view bytes) {
  for (const char c : bytes) {
    if (after_tilde_) {
      after_tilde_ = false;
      if (c == '.') {
        return true;
      }
      waiting_ += '~';
      at_line_begin_ = false;
      if (c == '~') {
        continue;
      }
    } else if (at_line_begin_ && c == '~') {
      after_tilde_ = true;
      continue;
    }
    waiting_ += c;
    at_line_begin_ = c == '\r' || c == '\n';
  }
  return false;
}

void Keystrokes::taken(std::uint64_t bytes) {
  if (bytes > from_ && bytes <= from_ + waiting_.size()) {
    waiting_.erase(0, bytes - from_);
    from_ = bytes;
  }
}

}  // namespace reachback::cli
