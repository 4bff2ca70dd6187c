// What a machine's terminal shows, on its way to the responder's. Whatever it writes, what comes
// out draws and does no more, has been through already when it goes through again, and pieces come
// out as the whole does.
#include "base/bytes.h"
#include "cli/terminal_filter.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

// Of the sequence whose ESC stands before `rest`: its length; 0: it is none that may come out.
std::size_t drawing(std::string_view rest) {
  if (rest.empty() || std::string_view("]PX^_cZ\\").find(rest[0]) != std::string_view::npos) {
    return 0;
  }
  const auto is_final = [](char c, char from) { return c >= from && c <= '~'; };
  if (rest[0] != '[') {
    const std::size_t end = rest.find_first_not_of(" !\"#$%&'()*+,-./");
    return end != std::string_view::npos && is_final(rest[end], '0') ? end + 1 : 0;
  }
  const std::size_t end = rest.find_first_not_of("0123456789:;<=>? !\"#$%&'()*+,-./", 1);
  const bool asks = end == std::string_view::npos || !is_final(rest[end], '@') ||
                    std::string_view("cnxtpuwy").find(rest[end]) != std::string_view::npos;
  return asks ? 0 : end + 1;
}

void check_drawing(std::string_view out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if (c == 0x1b) {
      const std::size_t size = drawing(out.substr(i + 1));
      FUZZ_CHECK(size > 0);
      i += size;
      continue;
    }
    FUZZ_CHECK(c >= 0x20 || (c >= 0x07 && c <= 0x0f));
    FUZZ_CHECK(c != 0x7f);
    FUZZ_CHECK(c != 0xc2 || static_cast<unsigned char>(out[i + 1]) >= 0xa0);
  }
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t seed = in.byte();
  const std::string text = to_valid_utf8(in.rest());

  cli::TerminalFilter whole_filter;
  const std::string whole = whole_filter.feed(text);
  check_drawing(whole);
  check_drawing(whole_filter.restore());

  cli::TerminalFilter pieces;
  std::string out;
  for (Cuts cuts(text, seed); !cuts.done();) {
    out += pieces.feed(cuts.next());
  }
  FUZZ_CHECK(out == whole);
  FUZZ_CHECK(pieces.restore() == whole_filter.restore());

  cli::TerminalFilter again;
  FUZZ_CHECK(again.feed(whole) == whole);
  FUZZ_CHECK(again.restore() == whole_filter.restore());
  if (text.find('\x1b') == std::string::npos) {
    FUZZ_CHECK(whole.size() <= text.size());
  }
}

}  // namespace reachback::fuzz
