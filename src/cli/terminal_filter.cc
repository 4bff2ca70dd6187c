#include "cli/terminal_filter.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace reachback::cli {
namespace {

constexpr char kEscape = '\x1b';
constexpr char kC2 = '\xc2';
constexpr int kCursorShown = 25;
constexpr int kTellsFocus = 1004;  // the terminal would type when its window is gone to
constexpr int kWraps = 7;          // set to begin with, as the cursor is shown

bool is_string_begin(char c) {
  return c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_';
}

bool between(char c, char from, char to) {
  return c >= from && c <= to;
}

}  // namespace

std::string TerminalFilter::feed(std::string_view piece) {
  std::string out;
  for (const char c : piece) {
    take(c, out);
  }
  return out;
}

void TerminalFilter::take_text(char c, std::string& out) {
  if (std::exchange(after_c2_, false)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte <= 0x9f) {
      return;  // C1, as UTF-8
    }
    out += kC2;
  }
  if (c == kC2) {
    after_c2_ = true;
  } else if (c == kEscape) {
    state_ = State::escape;
    sequence_ = c;
  } else if (c != '\x7f' && (c >= ' ' || c < '\0' || between(c, '\a', '\x0f'))) {
    out += c;
  }
}

// What was begun is dropped, and the character is another's.
void TerminalFilter::break_off(char c, std::string& out) {
  state_ = State::text;
  take_text(c, out);
}

void TerminalFilter::take(char c, std::string& out) {
  switch (state_) {
    case State::text:
      take_text(c, out);
      return;
    case State::escape:
      sequence_ += c;
      if (c == '[') {
        state_ = State::control;
      } else if (is_string_begin(c)) {
        state_ = State::string;
      } else if (between(c, ' ', '/')) {
        state_ = State::intermediate;
      } else if (between(c, '0', '~')) {
        state_ = State::text;
        // Not ESC c (reset), ESC Z (who are you), nor the end of a string that none began.
        out += c != 'c' && c != 'Z' && c != '\\' ? sequence_ : "";
      } else {
        break_off(c, out);
      }
      return;
    case State::intermediate:
      sequence_ += c;
      if (between(c, '0', '~')) {
        state_ = State::text;
        out += sequence_;
      } else if (!between(c, ' ', '/') || sequence_.size() > kSequenceBytesMax) {
        break_off(c, out);
      }
      return;
    case State::control:
      sequence_ += c;
      if (between(c, '@', '~')) {
        state_ = State::text;
        end_control(c, out);
      } else if (!between(c, ' ', '?') || sequence_.size() > kSequenceBytesMax) {
        break_off(c, out);
      }
      return;
    case State::string:
      state_ = c == '\a' ? State::text : c == kEscape ? State::string_escape : State::string;
      return;
    case State::string_escape:
      state_ = c == '\\' ? State::text : State::escape;
      sequence_ = kEscape;
      if (state_ == State::escape) {
        take(c, out);
      }
      return;
  }
}

void TerminalFilter::end_control(char last, std::string& out) {
  const std::string_view body = std::string_view(sequence_).substr(2, sequence_.size() - 3);
  // c, n, x: the terminal would answer. t: windows. p, q with '!', '"', '>', '$': resets, reports.
  const bool has_mark = body.find_first_of("!\"$>=") != std::string_view::npos;
  if (last == 'c' || last == 'n' || last == 'x' || last == 't' ||
      ((last == 'p' || last == 'q' || last == 'u' || last == 'w' || last == 'y') &&
       (has_mark || last != 'q'))) {
    return;
  }
  std::vector<int> modes;
  const bool is_mode = (last == 'h' || last == 'l') && body.starts_with('?');
  for (std::string_view rest = is_mode ? body.substr(1) : std::string_view(); !rest.empty();) {
    int mode = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), mode).ec == std::errc()) {
      modes.push_back(mode);
    }
    const auto next = rest.find(';');
    rest = next == std::string_view::npos ? std::string_view() : rest.substr(next + 1);
  }
  if (std::find(modes.begin(), modes.end(), kTellsFocus) != modes.end()) {
    return;
  }
  out += sequence_;
  for (const int mode : modes) {
    const bool is_usual = (mode == kCursorShown || mode == kWraps) == (last == 'h');
    if (is_usual) {
      modes_.erase(mode);
    } else {
      modes_.insert(mode);
    }
  }
}

std::string TerminalFilter::restore() const {
  std::string out = "\x1b[0m\x1b(B\x0f";
  for (const int mode : modes_) {
    const bool on = mode == kCursorShown || mode == kWraps;
    out += "\x1b[?" + std::to_string(mode) + (on ? "h" : "l");
  }
  return out;
}

}  // namespace reachback::cli
