#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"

namespace reachback::cli {
namespace {

// Bytes of the UTF-8 character that starts with `lead`; 0 when none does.
std::size_t length_of(char lead) {
  auto b = static_cast<unsigned char>(lead);
  return b < 0x80                 ? 1
         : b >= 0xc2 && b <= 0xdf ? 2
         : (b & 0xf0) == 0xe0     ? 3
         : b >= 0xf0 && b <= 0xf4 ? 4
                                  : 0;
}

char32_t decode(std::string_view character) {
  auto b = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
    case 1:
      return b(0);
    case 2:
      return static_cast<char32_t>((b(0) & 0x1f) << 6 | (b(1) & 0x3f));
    case 3:
      return static_cast<char32_t>((b(0) & 0x0f) << 12 | (b(1) & 0x3f) << 6 | (b(2) & 0x3f));
    default:
      return static_cast<char32_t>((b(0) & 0x07) << 18 | (b(1) & 0x3f) << 12 | (b(2) & 0x3f) << 6 |
                                   (b(3) & 0x3f));
  }
}

bool is_harmful(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void append_byte(std::string& out, char c) {
  out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
}

// Takes the first character off `text` and appends what may be shown of it.
void take(std::string& out, std::string_view& text) {
  std::size_t size = length_of(text[0]);
  if (size == 0 || size > text.size() || !is_valid_utf8(text.substr(0, size))) {
    append_byte(out, text[0]);
    text.remove_prefix(1);
    return;
  }
  char32_t c = decode(text.substr(0, size));
  if (!is_harmful(c)) {
    out.append(text.substr(0, size));
  } else if (c < 0x80) {
    append_byte(out, text[0]);
  } else {
    out += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(c));
  }
  text.remove_prefix(size);
}

}  // namespace

std::string escape_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    take(out, text);
  }
  return out;
}

std::size_t columns(std::string_view escaped) {
  std::size_t count = 0;
  for (char c : escaped) {
    count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }
  return count;
}

std::string TextFilter::feed(std::string_view piece) {
  std::string joined;
  if (!held_.empty()) {
    joined = held_ + std::string(piece);
    piece = joined;
    held_.clear();
  }
  std::string out;
  out.reserve(piece.size());
  while (!piece.empty()) {
    char c = piece[0];
    bool cut = c == '\r' ? piece.size() == 1 : length_of(c) > piece.size();
    if (cut) {
      held_ = piece;
      break;
    }
    if (c == '\n' || c == '\t') {
      out += c;
      piece.remove_prefix(1);
    } else if (c == '\r' && piece[1] == '\n') {
      out += '\n';
      piece.remove_prefix(2);
    } else {
      take(out, piece);
    }
  }
  return out;
}

std::string TextFilter::finish() {
  std::string out = escape_line(held_);
  held_.clear();
  return out;
}

Terminal Terminal::of_process() {
  Terminal out;
  out.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  out.err_is_terminal = isatty(STDERR_FILENO) == 1;
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  const bool may_colour = term != nullptr && std::string_view(term) != "dumb" &&
                          (no_colour == nullptr || *no_colour == '\0');
  out.coloured = out.out_is_terminal && may_colour;
  out.err_coloured = out.err_is_terminal && may_colour;
  return out;
}

std::string Terminal::paint_error(Colour colour, std::string_view text) const {
  Terminal error;
  error.coloured = err_coloured;
  return error.paint(colour, text);
}

std::string Terminal::paint(Colour colour, std::string_view text) const {
  if (!coloured || colour == Colour::none) {
    return std::string(text);
  }
  const char* code = colour == Colour::green    ? "32"
                     : colour == Colour::yellow ? "33"
                     : colour == Colour::red    ? "31"
                                                : "1";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

Colour status_colour(std::string_view status) {
  if (status == "Succeeded" || status == "Completed" || status == "Active") {
    return Colour::green;
  }
  if (status == "Failed" || status == "TimeOut" || status == "Cancelled") {
    return Colour::red;
  }
  return status == "Pending" || status == "InProgress" || status == "Executing" ? Colour::yellow
                                                                                : Colour::none;
}

Result<void> write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return Error{Errc::io, errno == EPIPE ? std::string()
                                            : fmt::format("standard output: {}: make room or "
                                                          "write elsewhere",
                                                          std::strerror(errno))};
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

void complain(std::string_view text) {
  notice("reachback: " + std::string(text));
}

void notice(std::string_view text) {
  std::string line = escape_line(text) + "\n";
  ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
  (void)ignored;  // There is nowhere left to say it.
}

}  // namespace reachback::cli
