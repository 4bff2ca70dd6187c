#include "cli/completion.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace reachback::cli {
namespace {

using Words = std::vector<std::string>;

class Completion : public testing::Test {
 protected:
  Words at(const Words& words) {
    asked.clear();
    return complete(program, words, [this](const std::string& kind) {
      asked.push_back(kind);
      return kind == "MACHINE" ? Words{"web-1", "web-2", "db"}
             : kind == "TAG"   ? Words{"tier:web"}
             : kind == "ID"    ? Words{"11111111-2222-4333-8444-555555555555"}
                               : Words{"triage.sh", "wipe.sh"};
    });
  }
  const CommandManual program = manual();
  Words asked;
};

bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST_F(Completion, commands_come_first) {
  EXPECT_TRUE(has(at({""}), "run"));
  EXPECT_TRUE(has(at({}), "machines"));
  EXPECT_EQ(at({"log"}), (Words{"login", "logout"}));
  EXPECT_EQ(at({"library", ""}), (Words{"upload", "list", "delete"}));
  EXPECT_FALSE(has(at({""}), "__complete"));
  EXPECT_TRUE(asked.empty());
}

TEST_F(Completion, options_are_those_of_the_command) {
  EXPECT_TRUE(has(at({"run", "--"}), "--no-live"));
  EXPECT_EQ(at({"run", "web-1", "--no-l"}), Words{"--no-live"});
  EXPECT_FALSE(has(at({"machines", "--"}), "--no-live"));
  EXPECT_TRUE(has(at({"-"}), "--version"));
}

TEST_F(Completion, machines_scripts_and_tags_are_asked_of_the_server) {
  EXPECT_EQ(at({"run", "web"}), (Words{"web-1", "web-2"}));
  EXPECT_EQ(at({"run", "--comment", "why", "web"}), (Words{"web-1", "web-2"}));
  EXPECT_EQ(at({"run", "web-1", "t"}), Words{"triage.sh"});
  EXPECT_EQ(at({"get", ""}), (Words{"web-1", "web-2", "db"}));
  EXPECT_EQ(at({"run", "--tag", ""}), Words{"tier:web"});
  EXPECT_EQ(at({"run", "web-1", "--put", "w"}), Words{"wipe.sh"});
  EXPECT_EQ(at({"library", "delete", "w"}), Words{"wipe.sh"});
  EXPECT_EQ(at({"show", "1"}).size(), 1u);
  EXPECT_EQ(at({"machines", ""}), Words{});
}

TEST_F(Completion, files_are_left_to_the_shell) {
  EXPECT_EQ(at({"run", "web-1", "--file", ""}), Words{"@files"});
  EXPECT_EQ(at({"library", "upload", "x"}), Words{"@files"});
  EXPECT_EQ(at({"run", "web-1", "t.sh", "--", "x"}), Words{"@files"});
  EXPECT_TRUE(has(at({"put", "web-1", ""}), "@files"));
  EXPECT_EQ(at({"completion", ""}), (Words{"bash", "zsh", "fish"}));
  EXPECT_TRUE(asked.empty() || asked == Words{"MACHINE"});
}

TEST_F(Completion, each_shell_has_its_script) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_NE(completion_script(shell).find("reachback __complete"), std::string::npos);
  }
}

}  // namespace
}  // namespace reachback::cli
