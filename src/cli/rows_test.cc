#include "cli/rows.h"

#include <gtest/gtest.h>

namespace reachback::cli {
namespace {

std::string shown(RowStyle style, const std::vector<std::string>& columns,
                  const std::vector<std::string>& pieces, bool is_terminal = false,
                  bool shows_empty = true) {
  Terminal terminal;
  terminal.out_is_terminal = is_terminal;
  testing::internal::CaptureStdout();
  RowPrinter rows(terminal, style, columns);
  for (const std::string& piece : pieces) {
    EXPECT_TRUE(rows.feed(piece).ok());
  }
  EXPECT_TRUE(rows.finish(shows_empty).ok());
  return testing::internal::GetCapturedStdout();
}

TEST(Rows, a_table_has_the_columns_in_their_order_whatever_the_objects_order) {
  EXPECT_EQ(shown(RowStyle::table, {"size", "memory_bytes", "fileName"},
                  {R"({"fileName":"a","size":1,"other":true})"
                   "\n{\"memo",
                   R"(ry_bytes":12345678901234567890,"fileName":"bb"})"
                   "\n"}),
            "SIZE  MEMORY BYTES          FILE NAME\n"
            "1                           a\n"
            "      12345678901234567890  bb\n");
}

TEST(Rows, without_rows_the_titles_are_the_answer_unless_it_failed) {
  EXPECT_EQ(shown(RowStyle::table, {"a", "b"}, {}), "A  B\n");
  EXPECT_EQ(shown(RowStyle::table, {"a", "b"}, {}, false, /*shows_empty=*/false), "");
  EXPECT_EQ(shown(RowStyle::json, {"a"}, {}), "[]\n");
}

TEST(Rows, json_has_whole_objects_as_they_came) {
  EXPECT_EQ(shown(RowStyle::json, {"a"}, {"{\"b\":1.50}\n\n{\"a\": [1]}"}),
            "[\n{\"b\":1.50},\n{\"a\": [1]}\n]\n");
}

TEST(Rows, few_rows_with_many_properties_stand_one_below_the_other) {
  EXPECT_EQ(shown(RowStyle::down, {"path", "sha256", "md5"},
                  {"{\"path\":\"/a\",\"sha256\":\"12\"}\n{\"path\":\"/b\"}\n"}),
            "PATH    /a\nSHA256  12\nMD5\n\nPATH    /b\nSHA256\nMD5\n");
}

TEST(Rows, what_a_machine_tells_is_escaped) {
  const std::string row = "{\"a\":\"\\u001b[31m\\u202e\\n\"}\n";
  EXPECT_EQ(shown(RowStyle::table, {"a"}, {row}), "A\n\\x1b[31m\\u{202e}\\x0a\n");
  EXPECT_EQ(shown(RowStyle::json, {"a"}, {"{\"a\":\"\xe2\x80\xae\"}\n"}, /*is_terminal=*/true),
            "[\n{\"a\":\"\\u{202e}\"}\n]\n");
  EXPECT_EQ(shown(RowStyle::json, {"a"}, {row}), "[\n" + row + "]\n");
}

TEST(Rows, lists_of_texts_have_commas_between) {
  EXPECT_EQ(shown(RowStyle::table, {"a", "b"}, {R"({"a":["x","y"],"b":{"c":1}})"}),
            "A    B\nx,y  {\"c\":1}\n");
}

TEST(Rows, lines_that_are_no_objects_are_counted_and_the_rest_is_shown) {
  testing::internal::CaptureStdout();
  RowPrinter rows(Terminal(), RowStyle::table, {"a"});
  const std::string big = "{\"a\":\"" + std::string(RowPrinter::kLineBytesMax, 'x') + "\"}\n";
  EXPECT_TRUE(rows.feed("nonsense\n[1]\n" + big.substr(0, 100)).ok());
  EXPECT_TRUE(rows.feed(big.substr(100) + "{\"a\":1}\n{\"a\":").ok());
  EXPECT_TRUE(rows.finish(true).ok());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "A\n1\n");
  EXPECT_EQ(rows.unreadable(), 4U);
}

TEST(Rows, a_value_that_is_too_wide_is_whole_and_moves_only_its_own_line) {
  const std::string wide(200, 'w');
  const std::string out =
      shown(RowStyle::table, {"a", "b"}, {"{\"a\":\"" + wide + "\",\"b\":1}\n{\"a\":2,\"b\":3}\n"});
  EXPECT_EQ(out, "A" + std::string(RowPrinter::kWidthMax + 1, ' ') + "B\n" + wide + "  1\n2" +
                     std::string(RowPrinter::kWidthMax + 1, ' ') + "3\n");
}

TEST(Rows, after_so_many_rows_they_are_shown_as_they_come) {
  testing::internal::CaptureStdout();
  RowPrinter rows(Terminal(), RowStyle::table, {"a"});
  const std::string line = "{\"a\":\"" + std::string(1000, 'x') + "\"}\n";
  for (std::size_t i = 0; i < RowPrinter::kRowsAhead + 100; ++i) {
    EXPECT_TRUE(rows.feed(line).ok());
  }
  EXPECT_GT(testing::internal::GetCapturedStdout().size(), 200'000U);
  testing::internal::CaptureStdout();
  EXPECT_TRUE(rows.finish(true).ok());
  testing::internal::GetCapturedStdout();
}

TEST(Rows, what_comes_slowly_is_shown_when_asked_for) {
  testing::internal::CaptureStdout();
  RowPrinter rows(Terminal(), RowStyle::table, {"a", "b"});
  EXPECT_TRUE(rows.feed("{\"a\":1,\"b\":2}\n").ok());
  EXPECT_TRUE(rows.flush().ok());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "A  B\n1  2\n");
}

}  // namespace
}  // namespace reachback::cli
