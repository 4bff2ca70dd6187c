#include "cli/manual.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace reachback::cli {
namespace {

void each_command(const CommandManual& command,
                  const std::function<void(const CommandManual&)>& take) {
  take(command);
  for (const CommandManual& sub : command.commands) {
    each_command(sub, take);
  }
}

TEST(Manual, every_command_and_option_has_a_word_of_help) {
  int commands = 0;
  each_command(manual(), [&commands](const CommandManual& command) {
    ++commands;
    EXPECT_FALSE(command.help.empty()) << command.name;
    EXPECT_FALSE(command.synopsis.empty()) << command.name;
    for (const auto* options : {&command.words, &command.options}) {
      for (const OptionManual& option : *options) {
        EXPECT_FALSE(option.help.empty()) << command.name << " " << option.value;
      }
    }
  });
  EXPECT_GE(commands, 18);
}

TEST(Manual, the_man_page_in_docs_is_the_one_that_is_made) {
  auto page = read_file(REACHBACK_SOURCE_DIR "/docs/man/reachback.1");
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(*page, man_page(manual()))
      << "run: build/PRESET/bin/reachback __man >docs/man/reachback.1";
}

TEST(Manual, docs_cli_md_has_every_command_and_every_long_option) {
  auto text = read_file(REACHBACK_SOURCE_DIR "/docs/cli.md");
  ASSERT_TRUE(text.ok());
  each_command(manual(), [&text](const CommandManual& command) {
    if (!command.name.empty()) {
      EXPECT_NE(text->find("reachback " + command.name), std::string::npos) << command.name;
    }
    for (const OptionManual& option : command.options) {
      EXPECT_NE(text->find("`" + option.words.back()), std::string::npos)
          << command.name << " " << option.words.back();
    }
  });
}

TEST(Manual, no_line_of_the_man_page_is_taken_for_a_request) {
  CommandManual command;
  command.synopsis = "x";
  command.help = ".TH evil\n'so /etc/passwd\n-\\fB";
  EXPECT_EQ(man_page(command).find("\n.TH evil"), std::string::npos);
  EXPECT_EQ(man_page(command).find("\n'so"), std::string::npos);
  EXPECT_NE(man_page(command).find("\\-\\efB"), std::string::npos);
}

TEST(Manual, help_lines_fit_a_terminal) {
  each_command(manual(), [](const CommandManual& command) {
    const std::string text = help_text(command);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      if (text.substr(at, 2) == "  " && text.find("Usage") > end) {
        EXPECT_LE(end - at, 120u) << text.substr(at, end - at);
      }
      at = end + 1;
    }
  });
}

}  // namespace
}  // namespace reachback::cli
