#include "cli/terminal_filter.h"

#include <gtest/gtest.h>

#include <vector>

namespace reachback::cli {
namespace {

std::string filtered(const std::string& text) {
  return TerminalFilter().feed(text);
}

// Programs that draw: an editor, a pager, a prompt in colours.
TEST(TerminalFilter, PassesWhatProgramsDrawWith) {
  for (const std::string& text :
       std::vector<std::string>{"plain text\r\n\t\b\a", "caf\u00e9 \u4e16 \U0001f600 \u00a0",
                                "\x1b[1;31mred\x1b[0m", "\x1b[2J\x1b[H\x1b[10;20H\x1b[K",
                                "\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l", "\x1b(0lqqk\x1b(B",
                                "\x1b"
                                "7\x1b"
                                "8\x1b=\x1b>\x1bM\x1b"
                                "D",
                                "\x1b[4 q", "\x1b[3;10r", "\x0e\x0f"}) {
    EXPECT_EQ(filtered(text), text);
  }
}

TEST(TerminalFilter, DropsWhatReachesBeyondTheScreenOrMakesItAnswer) {
  for (const std::string& evil : std::vector<std::string>{"\x1b]52;c;ZXZpbA==\a",
                                                          "\x1b]52;c;ZXZpbA==\x1b\\",
                                                          "\x1b]0;title\a",
                                                          "\x1b]8;;http://evil/\x1b\\",
                                                          "\x1bP$qm\x1b\\",
                                                          "\x1bP+q544e\x1b\\",
                                                          "\x1b_apc\x1b\\",
                                                          "\x1b^pm\x1b\\",
                                                          "\x1bXsos\x1b\\",
                                                          "\x1b[21t",
                                                          "\x1b[8;1;1t",
                                                          "\x1b[c",
                                                          "\x1b[>c",
                                                          "\x1b[6n",
                                                          "\x1b[?6n",
                                                          "\x1b[x",
                                                          "\x1b"
                                                          "c",
                                                          "\x1bZ",
                                                          "\x1b[!p",
                                                          "\x1b[61\"p",
                                                          "\x1b[?2026$p",
                                                          "\x1b[?1004h",
                                                          "\x1b[?25;1004h",
                                                          "\u009d0;t\u009c",
                                                          "\u009b21t",
                                                          "\x05",
                                                          std::string("\0", 1),
                                                          "\x7f",
                                                          "\x1b\\"}) {
    const std::string out = filtered("a" + evil + "b");
    EXPECT_EQ(out.find('\x1b'), std::string::npos) << out;
    EXPECT_EQ(out.front(), 'a');
    EXPECT_EQ(out.back(), 'b');
    EXPECT_EQ(out.find("\xc2\x9b"), std::string::npos);
    for (const char c : {'\x05', '\0', '\x7f'}) {
      EXPECT_EQ(out.find(c), std::string::npos);
    }
  }
}

// A string that never ends swallows, it does not leak; the next sequence ends it.
TEST(TerminalFilter, AnUnendedStringHidesWhatFollowsUntilASequence) {
  EXPECT_EQ(filtered("a\x1b]0;title and more"), "a");
  EXPECT_EQ(filtered("a\x1b]0;title\x1b[1mb"), "a\x1b[1mb");
  EXPECT_EQ(filtered("a\x1b[" + std::string(1000, '1') + "mb").find('\x1b'), std::string::npos);
}

TEST(TerminalFilter, ACharacterThatBreaksASequenceOffStaysWhole) {
  EXPECT_EQ(filtered("\x1b(\u00e9l"), "\u00e9l");
  EXPECT_EQ(filtered("\x1b[1\u4e16m"), "\u4e16m");
  EXPECT_EQ(filtered("\x1b\u00e9"), "\u00e9");
  EXPECT_EQ(filtered("\x1b[1\u009bm"), "m");
  EXPECT_EQ(filtered("\x1b\x1b[1m"), "\x1b[1m");
  EXPECT_EQ(filtered("\x1b[1\x1b[2J"), "\x1b[2J");
}

TEST(TerminalFilter, DoesNotDependOnWhereItIsCut) {
  const std::string text = "x\x1b[31my\x1b]52;c;AA\x1b\\z\u00e9\u009bn\x1b[?1049h\x1b(0q";
  const std::string whole = filtered(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    TerminalFilter filter;
    std::string out = filter.feed(text.substr(0, cut));
    out += filter.feed(text.substr(cut));
    EXPECT_EQ(out, whole) << cut;
  }
}

TEST(TerminalFilter, RestoresTheModesThatWereLeftOtherwise) {
  TerminalFilter filter;
  const std::string plain = filter.restore();
  filter.feed("\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1000;1006h");
  filter.feed("\x1b[?2004l");
  EXPECT_EQ(filter.restore(), plain + "\x1b[?25h\x1b[?1000l\x1b[?1006l\x1b[?1049l");
  filter.feed("\x1b[?1049l\x1b[?25h\x1b[?1000;1006l");
  EXPECT_EQ(filter.restore(), plain);
}

}  // namespace
}  // namespace reachback::cli
