#include "cli/terminal.h"

#include <gtest/gtest.h>

#include "cli/table.h"

namespace reachback::cli {
namespace {

TEST(EscapeLine, ordinary_text_passes) {
  EXPECT_EQ(escape_line("host-1 Überwachung 机器 🙂"), "host-1 Überwachung 机器 🙂");
  EXPECT_EQ(escape_line(""), "");
}

TEST(EscapeLine, what_could_steer_a_terminal_is_shown) {
  EXPECT_EQ(escape_line("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(escape_line("a\nb\tc\rd"), "a\\x0ab\\x09c\\x0dd");
  EXPECT_EQ(escape_line(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(escape_line("\xc2\x9b"
                        "31m"),
            "\\u{9b}31m");  // CSI as C1
  EXPECT_EQ(escape_line("\xe2\x80\xae"
                        "exe"),
            "\\u{202e}exe");  // right-to-left override
  EXPECT_EQ(escape_line("\xe2\x80\xa8"), "\\u{2028}");
}

TEST(EscapeLine, bytes_that_are_not_utf8_are_shown) {
  EXPECT_EQ(escape_line("\xff"
                        "a\xc3"),
            "\\xffa\\xc3");
  EXPECT_EQ(escape_line("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(escape_line("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(TextFilter, lines_and_tabs_pass_and_the_rest_is_shown) {
  TextFilter filter;
  EXPECT_EQ(filter.feed("a\tb\nc\r\nd\re\x1b[2J") + filter.finish(), "a\tb\nc\nd\\x0de\\x1b[2J");
}

TEST(TextFilter, it_does_not_matter_where_the_text_is_cut) {
  const std::string text =
      "ü\r\n机🙂\xff\r\xe2\x80\xae\x1b]0;x\x07"
      "end\xe6\x9c";
  TextFilter whole;
  std::string expected = whole.feed(text);
  expected += whole.finish();
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t j = i; j <= text.size(); ++j) {
      TextFilter filter;
      std::string out = filter.feed(text.substr(0, i));
      out += filter.feed(text.substr(i, j - i));
      out += filter.feed(text.substr(j));
      out += filter.finish();
      ASSERT_EQ(out, expected) << i << " " << j;
    }
  }
}

TEST(Table, columns_are_aligned_by_characters) {
  Table table({"ID", "NAME", "NOTE"});
  table.add({"1", "höst", "x"});
  table.add({"22", "a", ""});
  table.add({"3", "", "y"});
  EXPECT_EQ(table.render(Terminal()),
            "ID  NAME  NOTE\n"
            "1   höst  x\n"
            "22  a\n"
            "3         y\n");
}

TEST(Table, hostile_names_stay_in_their_cell) {
  Table table({"NAME", "X"});
  table.add({"a\nb\x1b[0m", "1"});
  EXPECT_EQ(table.render(Terminal()), "NAME           X\na\\x0ab\\x1b[0m  1\n");
}

TEST(Table, colours_only_where_asked_for_and_without_changing_the_columns) {
  Table table({"STATUS", "X"});
  table.colour_by_status(0);
  table.add({"Failed", "1"});
  Terminal terminal;
  EXPECT_EQ(table.render(terminal).find('\x1b'), std::string::npos);
  terminal.coloured = true;
  EXPECT_EQ(table.render(terminal),
            "\x1b[1mSTATUS\x1b[0m  \x1b[1mX\x1b[0m\n\x1b[31mFailed\x1b[0m  1\n");
}

}  // namespace
}  // namespace reachback::cli
