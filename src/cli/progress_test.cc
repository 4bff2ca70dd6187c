#include "cli/progress.h"

#include <gtest/gtest.h>

namespace reachback::cli {
namespace {

TEST(BarLine, has_share_rate_and_a_bar_within_its_columns) {
  EXPECT_EQ(bar_line("x.log", 1 << 20, 4 << 20, 2.0, 80),
            "x.log   25%  1.0 MiB of 4.0 MiB  512.0 KiB/s  "
            "[#######-----------------------]");
  EXPECT_EQ(bar_line("x.log", 500, std::nullopt, 1.0, 80), "x.log  500 B  500 B/s");
  EXPECT_EQ(bar_line("x.log", 9, 4, 0, 80), "x.log  9 B  ") << "a total that is wrong";
  for (std::size_t columns_max = 1; columns_max < 100; ++columns_max) {
    EXPECT_LE(columns(bar_line("näme", 7, 70, 1.0, columns_max)), columns_max);
  }
  EXPECT_EQ(bar_line("\x1b[2J", 1, std::nullopt, 0, 80).find('\x1b'), std::string::npos);
}

TEST(ByteText, has_a_unit_people_read) {
  EXPECT_EQ(byte_text(0), "0 B");
  EXPECT_EQ(byte_text(1023), "1023 B");
  EXPECT_EQ(byte_text(1536), "1.5 KiB");
  EXPECT_EQ(byte_text(5.0 * (1ULL << 40)), "5.0 TiB");
}

TEST(BoardLines, one_each_and_a_summary) {
  const std::vector<BoardLine> machines = {{"web-1", "InProgress", false, false},
                                           {"db", "exit code 0", true, true},
                                           {"x\x1b", "TimeOut", true, false}};
  EXPECT_EQ(board_lines(machines, 80, 24, Terminal()),
            (std::vector<std::string>{"web-1  InProgress", "db     exit code 0", "x\\x1b  TimeOut",
                                      "2 of 3 ended, 1 not well"}));
  Terminal coloured;
  coloured.err_coloured = true;
  EXPECT_EQ(board_lines(machines, 80, 24, coloured)[2], "x\\x1b  \x1b[31mTimeOut\x1b[0m");
}

TEST(BoardLines, of_many_those_under_way_are_shown_first) {
  std::vector<BoardLine> machines;
  for (int i = 0; i < 100; ++i) {
    const bool over = i < 50;
    machines.push_back({"m" + std::to_string(i),
                        over     ? "exit code 0"
                        : i < 52 ? "asking"
                                 : "",
                        over, over});
  }
  const auto lines = board_lines(machines, 20, 10, Terminal());
  ASSERT_EQ(lines.size(), 9u);
  EXPECT_EQ(lines[0], "m50  asking");
  EXPECT_EQ(lines[1], "m51  asking");
  EXPECT_EQ(lines[2], "m0   exit code 0");
  for (const std::string& line : lines) {
    EXPECT_LE(columns(line), 20u);
  }
}

TEST(Meter, is_silent_where_there_is_no_terminal) {
  testing::internal::CaptureStderr();
  {
    Meter meter(Terminal(), "x");
    meter.show(1, 2);
    Board board(Terminal(), {"m"});
    board.set(0, "asking");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  Board board(Terminal(), {"m"});
  board.end(0, "exit code 3", false);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "reachback: m: exit code 3\n");
}

}  // namespace
}  // namespace reachback::cli
