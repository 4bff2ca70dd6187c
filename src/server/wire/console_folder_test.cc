#include "server/wire/console_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

class ConsoleFolder : public ::testing::Test {
 protected:
  void put(const std::string& name) {
    const std::string path = folder_ / name;
    ASSERT_TRUE(make_folder(path.substr(0, path.rfind('/'))).ok());
    ASSERT_TRUE(write_file_durably(path, "<!doctype html>").ok());
  }
  testing::TemporaryFolder folder_;
};

TEST_F(ConsoleFolder, an_installed_program_has_its_console_in_its_prefix) {
  const std::string program = folder_ / "usr/bin/reachback-server";
  EXPECT_EQ(default_console_folder(program), "");
  put("usr/share/reachback/console/index.html");
  EXPECT_EQ(default_console_folder(program), folder_ / "usr/share/reachback/console");
}

TEST_F(ConsoleFolder, a_program_of_a_source_tree_has_what_was_built_there) {
  const std::string program = folder_ / "build/asan/bin/reachback-server";
  put("console/dist/index.html");
  EXPECT_EQ(default_console_folder(program), "") << "no source tree of ours";
  put("CMakePresets.json");
  EXPECT_EQ(default_console_folder(program), folder_ / "console/dist");
  put("build/console/index.html");
  EXPECT_EQ(default_console_folder(program), folder_ / "build/console");
}

TEST_F(ConsoleFolder, a_folder_of_the_settings_must_be_good_and_an_empty_name_is_none) {
  Config config;
  config.console_folder = "";
  auto none = load_console(config);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  config.console_folder = folder_ / "missing";
  EXPECT_EQ(load_console(config).error().code, Errc::not_found);
  put("console/index.html");
  config.console_folder = folder_ / "console";
  auto files = load_console(config);
  ASSERT_TRUE(files.ok()) << files.error().message;
  EXPECT_FALSE(files->empty());
  ASSERT_EQ(::symlink("/etc/passwd", (folder_ / "console/x.txt").c_str()), 0);
  EXPECT_EQ(load_console(config).error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace reachback::server
