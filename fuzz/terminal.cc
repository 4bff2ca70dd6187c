// What reaches a terminal. Whatever came from a machine, what is shown is UTF-8 without control or
// direction-changing characters, plain text is shown as it is, and pieces show as the whole does.
#include "cli/terminal.h"

#include <algorithm>

#include "base/bytes.h"
#include "fuzz/fuzz.h"

namespace reachback::fuzz {
namespace {

// U+0080 to U+009F, and the characters that change direction, break lines or mark bytes.
constexpr std::string_view kHarmful[] = {
    "\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9",
    "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae",
    "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9", "\xef\xbb\xbf"};

bool is_harmless(std::string_view text, std::string_view but) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    bool control =
        (c < 0x20 && but.find(text[i]) == std::string_view::npos) || c == 0x7f ||
        (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0);
    if (control) {
      return false;
    }
  }
  return is_valid_utf8(text) &&
         std::none_of(std::begin(kHarmful), std::end(kHarmful), [text](std::string_view harmful) {
           return text.find(harmful) != std::string_view::npos;
         });
}

std::string filtered(std::string_view text, std::uint8_t seed) {
  cli::TextFilter filter;
  std::string out;
  for (Cuts cuts(text, seed); !cuts.done();) {
    out += filter.feed(cuts.next());
  }
  return out + filter.finish();
}

}  // namespace

void run(std::string_view input) {
  Input in(input);
  const std::uint8_t seed = in.byte();
  const std::string_view text = in.rest();

  const std::string line = cli::escape_line(text);
  FUZZ_CHECK(is_harmless(line, ""));
  FUZZ_CHECK(cli::escape_line(line) == line);
  FUZZ_CHECK((line == text) == is_harmless(text, ""));
  FUZZ_CHECK(cli::columns(line) <= line.size());

  const std::string whole = filtered(text, 0);
  FUZZ_CHECK(filtered(text, seed) == whole);
  FUZZ_CHECK(is_harmless(whole, "\n\t"));
  FUZZ_CHECK((whole == text) == is_harmless(text, "\n\t"));
  if (text.find_first_of("\r\n\t") == std::string_view::npos) {
    FUZZ_CHECK(whole == line);
  }
  FUZZ_CHECK(cli::Terminal{}.paint(cli::status_colour(text), line) == line);
}

}  // namespace reachback::fuzz
