#include "cli/shell_words.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/shell_lines.h"

namespace reachback::cli {
namespace {

Completion at(const std::string& before) {
  return complete_line(before, {"cd", "findfile", "fileinfo", "get", "getfile", "help", "run"},
                       [] { return std::vector<std::string>{"triage.sh", "triage2.sh"}; });
}

TEST(ShellWords, the_first_word_is_a_command) {
  EXPECT_EQ(at("c").insert, "d ");
  EXPECT_EQ(at("CD").insert, " ");
  EXPECT_EQ(at("fi").insert, "");
  EXPECT_EQ(at("fi").choices, (std::vector<std::string>{"findfile", "fileinfo"}));
  EXPECT_EQ(at("g").insert, "et");
  EXPECT_EQ(at("").choices.size(), 7U);
  EXPECT_EQ(at("x").choices.size(), 0U);
}

TEST(ShellWords, behind_run_comes_a_file_of_the_library_and_behind_help_a_command) {
  EXPECT_EQ(at("run t").insert, "riage");
  EXPECT_EQ(at("put triage2").insert, ".sh ");
  EXPECT_EQ(at("help ge").insert, "t");
  EXPECT_EQ(at("cd t").insert, "");
  EXPECT_EQ(at("run triage.sh t").insert, "");
}

TEST(ShellLines, lines_of_the_command_line_may_hold_several) {
  auto lines = given_lines({"a\nb", "", "c"});
  for (const char* expected : {"a", "b", "", "c"}) {
    EXPECT_EQ(**lines->next(""), expected);
  }
  EXPECT_FALSE(lines->next("")->has_value());
}

TEST(ShellLines, a_pipe_gives_its_lines_and_the_last_one_needs_no_end) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "cd /\n\ndir", 9), 9);
  ::close(ends[1]);
  auto lines = plain_lines(ends[0], [] { return false; });
  EXPECT_EQ(**lines->next(""), "cd /");
  EXPECT_EQ(**lines->next(""), "");
  EXPECT_EQ(**lines->next(""), "dir");
  EXPECT_FALSE(lines->next("")->has_value());
  ::close(ends[0]);
}

TEST(ShellLines, a_line_without_an_end_is_refused_and_a_signal_ends_the_waiting) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string piece(4096, 'x');
  for (std::size_t i = 0; i < 15; ++i) {
    ASSERT_EQ(::write(ends[1], piece.data(), piece.size()), 4096);
  }
  bool stop = false;
  int looks = 0;
  auto lines = plain_lines(ends[0], [&] {
    stop = ++looks > 16;
    return stop;
  });
  EXPECT_EQ(lines->next("").error().code, Errc::timed_out);
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(::write(ends[1], piece.data(), piece.size()), 4096);
  }
  looks = 0;
  EXPECT_EQ(lines->next("").error().code, Errc::too_large);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace reachback::cli
