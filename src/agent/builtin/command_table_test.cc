// The table of commands in api/interactive.json is what this layer does.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "agent/builtin/test_system.h"

namespace reachback::agent::builtin {
namespace {

json::Array commands_of_agent() {
  const auto text = read_file(std::string(REACHBACK_SOURCE_DIR) + "/api/interactive.json");
  const auto table = text.ok() ? json::parse(*text) : Result<json::Value>(text.error());
  json::Array out;
  if (!table.ok()) {
    ADD_FAILURE() << table.error().message;
    return out;
  }
  for (const auto& command : table->at("commands").as_array()) {
    if (command.at("by") == "agent") {
      out.push_back(command);
    }
  }
  return out;
}

TEST(CommandTable, NamesTheCommandsOfThisAgentAndTheirParameters) {
  Texts names;
  for (const auto& command : commands_of_agent()) {
    names.emplace_back(command.at("name").as_string());
    Texts parameters;
    for (const auto& parameter : command.at("parameters").as_array()) {
      parameters.emplace_back(parameter.at("name").as_string());
    }
    EXPECT_EQ(built_in_parameters(names.back()), parameters) << names.back();
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(built_in_names(), names);
}

// Asked of this very machine, where most of them have something to tell.
TEST(CommandTable, RowsBeginWithTheColumnsInTheirOrder) {
  std::set<std::string> seen;
  for (const auto& command : commands_of_agent()) {
    Texts words = {std::string(command.at("name").as_string())};
    for (const auto& parameter : command.at("parameters").as_array()) {
      if (parameter.as_object().contains("positional") &&
          (!parameter.as_object().contains("optional"))) {
        words.push_back(std::string(parameter.at("name").as_string()) +
                        (words[0] == "findfile" ? "=passwd" : "=/etc/passwd"));
      }
    }
    if (words[0] == "cd") {
      continue;  // it has no columns
    }
    if (words[0] == "findfile") {
      words.emplace_back("path=/etc");
    }
    const Told answer = told({words, "/etc", {}}, "");
    EXPECT_EQ(answer.exit_code, 0) << words[0];
    for (const auto& row : answer.rows) {
      Texts first, columns;
      for (const auto& column : command.at("columns").as_array()) {
        columns.emplace_back(column.as_string());
      }
      for (const auto& property : row) {
        if (first.size() < columns.size()) {
          first.emplace_back(property.key());
        }
      }
      ASSERT_EQ(first, columns) << words[0];
      seen.insert(words[0]);
    }
  }
  for (const char* name : {"dir", "fileinfo", "findfile", "processes", "users"}) {
    EXPECT_TRUE(seen.contains(name)) << name << " told nothing of this machine";
  }
}

TEST(CommandTable, WhatIsNoOrderIsRefused) {
  const std::vector<Texts> cases = {{},
                                    {"format"},
                                    {"DIR"},
                                    {"--root=/"},
                                    {"dir", "/etc"},
                                    {"dir", "name=x"},
                                    {"dir", "path=/etc", "path=/"},
                                    {"cd"},
                                    {"findfile"},
                                    {"findfile", "name="},
                                    {"fileinfo"},
                                    {"processes", "pid=x"},
                                    {"processes", "pid=-1"},
                                    {"processes", "pid=0"}};
  for (const auto& words : cases) {
    const Told answer = told({words, "/", {}}, "");
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_TRUE(answer.rows.empty());
    ASSERT_EQ(answer.notes.size(), 1u);
    EXPECT_TRUE(answer.notes[0].starts_with("InvalidInput: ")) << answer.notes[0];
  }
  EXPECT_EQ(told({{"dir"}, "etc", {}}, "").exit_code, 1) << "a current folder that is not absolute";
}

TEST(BuiltInProcess, IsThisProgramAndTakesNoWordForARoot) {
  const ActionId action = ActionId::parse("5382f7ea-7557-4ab7-9782-d50480024a4e").value();
  const ProcessSpec spec =
      built_in_process({{"--root=/", "path=x"}, "/var", {"/srv", "/home"}}, 1000, action, 2);
  EXPECT_EQ(spec.program, "/proc/self/exe");
  EXPECT_EQ(spec.arguments, (Texts{"reachback-agent", "built-in", "--folder=/var", "--root=/srv",
                                   "--root=/home", "--", "--root=/", "path=x"}));
  EXPECT_EQ(spec.folder, "/");
  EXPECT_TRUE(spec.is_own_program);
  EXPECT_EQ(spec.output_bytes_max, 1000u);
  const Texts& environment = spec.environment;
  EXPECT_NE(std::find(environment.begin(), environment.end(), "REACHBACK_INDEX=2"),
            environment.end());
}

}  // namespace
}  // namespace reachback::agent::builtin
