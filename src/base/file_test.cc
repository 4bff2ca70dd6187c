#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "base/failpoint.h"
#include "base/ids.h"
#include "base/log.h"

namespace reachback {
namespace {

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string pattern = ::testing::TempDir() + "file_test.XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~FileTest() override { EXPECT_TRUE(remove_tree(dir_).ok()); }
  std::string dir_;
};

TEST_F(FileTest, a_durable_write_replaces_the_whole_file_and_leaves_no_other) {
  std::string path = dir_ + "/f";
  ASSERT_TRUE(write_file_durably(path, "one").ok());
  ASSERT_TRUE(write_file_durably(path, "two").ok());
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(FileTest, errors_name_the_path_and_say_what_it_is) {
  auto missing = read_file(dir_ + "/none");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().message.find(dir_ + "/none"), std::string::npos);
  ASSERT_TRUE(write_file_durably(dir_ + "/f", std::string(100, 'x')).ok());
  EXPECT_EQ(read_file(dir_ + "/f", 99).error().code, Errc::too_large);
}

TEST_F(FileTest, folders_are_made_with_their_parents_and_a_file_in_the_way_is_an_error) {
  EXPECT_TRUE(make_folder(dir_ + "/a/b/c").ok());
  EXPECT_TRUE(make_folder(dir_ + "/a/b/c").ok());
  ASSERT_TRUE(write_file_durably(dir_ + "/file", "").ok());
  EXPECT_EQ(make_folder(dir_ + "/file").error().code, Errc::already_exists);
}

TEST_F(FileTest, reads_at_an_offset_are_short_only_at_the_end) {
  ASSERT_TRUE(write_file_durably(dir_ + "/f", "0123456789").ok());
  Fd fd = open_file(dir_ + "/f", O_RDONLY).value();
  char buffer[8];
  EXPECT_EQ(read_at(fd.get(), buffer, 8, 4).value(), 6u);
  EXPECT_EQ(std::string(buffer, 6), "456789");
  EXPECT_EQ(read_at(fd.get(), buffer, 8, 10).value(), 0u);
}

TEST(Ids, have_one_text_form) {
  auto id = ActionId::parse("988CC94E-7a8f-4b28-ab65-54970c5d5018");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->text(), "988cc94e-7a8f-4b28-ab65-54970c5d5018");
  for (const char* bad :
       {"", "988cc94e7a8f4b28ab6554970c5d5018", "{988cc94e-7a8f-4b28-ab65-54970c5d5018}",
        "988cc94e-7a8f-4b28-ab65-54970c5d501", "988cc94e-7a8f-4b28-ab65-54970c5d501g",
        "988cc94e-7a8f-4b28-ab65-54970c5d\n018"}) {
    EXPECT_FALSE(ActionId::parse(bad).has_value()) << bad;
  }
  EXPECT_TRUE(MachineId::parse("1e5bc9d7e413ddd7902c2932e418702b84d0cc07").has_value());
  EXPECT_FALSE(MachineId::parse("1E5BC9D7e413ddd7902c2932e418702b84d0cc07").has_value());
  EXPECT_FALSE(MachineId::parse("1e5bc9d7").has_value());
}

TEST(Log, values_from_outside_cannot_make_a_line_or_a_field) {
  EXPECT_EQ(escape_log_value("plain"), "plain");
  EXPECT_EQ(escape_log_value(""), "\"\"");
  EXPECT_EQ(escape_log_value("a b"), "\"a b\"");
  EXPECT_EQ(escape_log_value("x\nlevel=error"), "\"x\\x0alevel=error\"");
  EXPECT_EQ(escape_log_value("say \"hi\"\\"), "\"say \\\"hi\\\"\\\\\"");
  EXPECT_EQ(escape_log_value("\x1b[31m"), "\"\\x1b[31m\"");
  EXPECT_EQ(escape_log_value("\xff"), "\"\\xff\"");
  EXPECT_EQ(escape_log_value("\xff\xc2\x9b"), "\"\\xff\\xc2\\x9b\"");
  EXPECT_EQ(escape_log_value("\x7f"), "\"\\x7f\"");
}

// C1 controls are commands to a terminal (U+009B is CSI), bidi controls reorder what is read.
TEST(Log, controls_beyond_ascii_are_escaped_and_other_scripts_are_not) {
  EXPECT_EQ(escape_log_value("a\u0080"), "\"a\\u{80}\"");
  EXPECT_EQ(escape_log_value("\u009b31m"), "\"\\u{9b}31m\"");
  EXPECT_EQ(escape_log_value("\u009f"), "\"\\u{9f}\"");
  EXPECT_EQ(escape_log_value("\u00a0"), "\"\u00a0\"");
  for (const auto& [text, escaped] :
       std::vector<std::pair<std::string, std::string>>{{"\u061c", "61c"},
                                                        {"\u200e", "200e"},
                                                        {"\u200f", "200f"},
                                                        {"\u2028", "2028"},
                                                        {"\u2029", "2029"},
                                                        {"\u202a", "202a"},
                                                        {"\u202e", "202e"},
                                                        {"\u2066", "2066"},
                                                        {"\u2069", "2069"}}) {
    EXPECT_EQ(escape_log_value("a" + text + "b"), "\"a\\u{" + escaped + "}b\"");
  }
  for (const char* text : {"\u05d0\u05d1", "\u200b", "\u2065", "\u206a", "\U0001f600", "\u00e9"}) {
    EXPECT_EQ(escape_log_value(text), "\"" + std::string(text) + "\"");
  }
}

#ifdef REACHBACK_TEST_HOOKS
TEST(Failpoint, kills_the_process_at_the_named_place_and_hit) {
  EXPECT_EXIT(
      {
        ::setenv("REACHBACK_FAILPOINT", "test.here:2", 1);
        RB_FAILPOINT("test.elsewhere");
        RB_FAILPOINT("test.here");
        RB_FAILPOINT("test.here");
        ::_exit(0);
      },
      ::testing::KilledBySignal(SIGKILL), "");
}
#endif

}  // namespace
}  // namespace reachback
