// Lines of an interactive session: what they mean, and what is said of wrong ones.
#include "server/service/command_line.h"

#include <gtest/gtest.h>

namespace reachback::server {
namespace {

using Kind = InteractiveParameter::Kind;

const InteractiveTable& table() {
  static const InteractiveTable rows = {
      {"dir",
       {"ls"},
       DoneBy::agent,
       false,
       false,
       "list",
       {{"path", Kind::path, true, true}, {"full_path", Kind::toggle}},
       {"name"}},
      {"findfile",
       {},
       DoneBy::agent,
       false,
       true,
       "find",
       {{"name", Kind::text, true, false}, {"path", Kind::path, false, true}},
       {"path"}},
      {"processes",
       {},
       DoneBy::agent,
       false,
       false,
       "list",
       {{"pid", Kind::number, true, true}, {"name", Kind::text, false, true}},
       {"pid"}},
      {"getfile", {"get"}, DoneBy::action, false, false, "fetch", {{"path", Kind::path, true}}, {}},
      {"putfile", {}, DoneBy::action, true, false, "put", {{"file", Kind::text, true}}, {}},
      {"run",
       {},
       DoneBy::action,
       true,
       false,
       "run",
       {{"script", Kind::text, true}, {"parameters", Kind::text, false, true}},
       {}},
      {"fg",
       {},
       DoneBy::client,
       false,
       false,
       "follow",
       {{"number", Kind::number, true, true}},
       {}},
  };
  return rows;
}

CommandLine parsed(std::string_view line) {
  auto out = parse_command_line(table(), line);
  EXPECT_TRUE(out.ok()) << line << ": " << (out.ok() ? "" : out.error().message);
  return out.ok() ? *out : CommandLine();
}

std::string why_not(std::string_view line) {
  auto out = parse_command_line(table(), line);
  EXPECT_FALSE(out.ok()) << line;
  if (out.ok()) {
    return "";
  }
  EXPECT_EQ(out.error().code, Errc::invalid_input);
  EXPECT_TRUE(out.error().message.starts_with("commandLine: ")) << out.error().message;
  return out.error().message.substr(13);
}

TEST(CommandLine, ParametersStandInTheirPlaceOrBehindTheirName) {
  EXPECT_EQ(parsed("dir /etc").parameter("path"), "/etc");
  EXPECT_EQ(parsed("DIR -Path /etc -FULL_PATH").parameter("path"), "/etc");
  EXPECT_EQ(parsed("ls -full_path /etc").parameter("full_path"), "true");
  EXPECT_EQ(parsed("ls -full_path /etc").parameter("path"), "/etc");
  EXPECT_EQ(parsed("  dir\t'/a b'  ").parameter("path"), "/a b");
  EXPECT_EQ(parsed("findfile -path -x '*.sh'").parameter("path"), "-x");
  EXPECT_EQ(parsed("findfile -path / '*.sh'").parameter("name"), "*.sh");
  EXPECT_EQ(parsed("processes 12").parameter("pid"), "12");
  EXPECT_EQ(parsed("processes -name sshd").parameter("name"), "sshd");
  EXPECT_FALSE(parsed("dir").parameter("path"));
  EXPECT_EQ(parsed("get /x").command->name, "getfile");
}

TEST(CommandLine, OutputFileAndBackgroundStandAtTheEnd) {
  CommandLine line = parsed("findfile x -output json > 'my list.json' &");
  EXPECT_TRUE(line.json);
  EXPECT_EQ(line.file, "my list.json");
  EXPECT_TRUE(line.background);
  EXPECT_FALSE(parsed("dir -output TABLE").json);
  EXPECT_TRUE(parsed("processes json").json) << "what is no number is no pid";
  EXPECT_TRUE(parsed("processes 1 json").json);
  EXPECT_FALSE(parsed("dir json").json) << "a folder of that name";
  EXPECT_EQ(parsed("dir json").parameter("path"), "json");
  EXPECT_TRUE(parsed("dir /etc json").json);
  EXPECT_TRUE(parsed("dir&").background);
}

TEST(CommandLine, WhatIsQuotedIsText) {
  CommandLine line = parsed("findfile 'a>b' -path \"/x &\"");
  EXPECT_EQ(line.parameter("name"), "a>b");
  EXPECT_EQ(line.parameter("path"), "/x &");
  EXPECT_FALSE(line.background);
  EXPECT_FALSE(line.file);
  EXPECT_EQ(parsed("findfile a\\>b").parameter("name"), "a>b");
  EXPECT_EQ(parsed("findfile \\&").parameter("name"), "&");
  EXPECT_EQ(parsed("findfile '&'").parameter("name"), "&");
  EXPECT_EQ(parsed("findfile \"it's\"").parameter("name"), "it's");
}

TEST(CommandLine, SaysWhatIsWrong) {
  EXPECT_EQ(why_not(""), "no command is there; help lists them");
  EXPECT_EQ(why_not(" & "), "no command is there; help lists them");
  EXPECT_EQ(why_not("frob /"), "'frob' is no command; help lists them");
  EXPECT_EQ(why_not("findfile"), "'findfile' needs name");
  EXPECT_EQ(why_not("dir a b"), "'b' is one word too many for 'dir'; what has blanks needs quotes");
  EXPECT_EQ(why_not("dir -depth 3"), "'dir' has no -depth; it has -path, -full_path, -output");
  EXPECT_EQ(why_not("dir -path"), "-path needs a value");
  EXPECT_EQ(why_not("dir -path a -path b"), "path is there twice");
  EXPECT_EQ(why_not("dir -path ''"), "path is empty");
  EXPECT_EQ(why_not("processes sshd"), "pid is a number, not 'sshd'");
  EXPECT_EQ(why_not("dir -output xml"), "-output is json or table, not 'xml'");
  EXPECT_EQ(why_not("dir > a b"), "one name of a file stands behind '>'");
  EXPECT_EQ(why_not("dir >"), "one name of a file stands behind '>'");
  EXPECT_EQ(why_not("fg 3 &"), "'fg' does nothing on the machine, so it needs no '&'");
  EXPECT_NE(why_not("dir 'a").find("quote"), std::string::npos);
  EXPECT_NE(why_not(std::string_view("dir a\0b", 7)).find("NUL"), std::string::npos);
}

TEST(CommandLine, BecomesACommandOfAnAction) {
  auto built_in = command_of_line(parsed("dir '/a b' -full_path"), "/srv");
  ASSERT_TRUE(built_in.ok());
  EXPECT_EQ(built_in->type, action::CommandType::built_in);
  EXPECT_EQ(built_in->file_name, "dir");
  EXPECT_EQ(built_in->args, "'path=/a b' full_path=true");
  EXPECT_EQ(built_in->path, "/srv");

  auto get = command_of_line(parsed("getfile ../x"), "/var/log");
  ASSERT_TRUE(get.ok());
  EXPECT_EQ(get->type, action::CommandType::get_file);
  EXPECT_EQ(get->path, "/var/log/../x") << "the machine walks it";
  EXPECT_EQ(command_of_line(parsed("getfile /x"), "/var")->path, "/x");
  EXPECT_EQ(command_of_line(parsed("getfile x"), "/")->path, "/x");

  auto put = command_of_line(parsed("putfile tool.tar"), "/");
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->type, action::CommandType::put_file);
  EXPECT_TRUE(put->keep);

  auto run = command_of_line(parsed("run t.sh -parameters '--days 3'"), "/");
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->type, action::CommandType::run_script);
  EXPECT_EQ(run->file_name, "t.sh");
  EXPECT_EQ(run->args, "--days 3");
  EXPECT_FALSE(command_of_line(parsed("run t.sh"), "/")->args);
  EXPECT_EQ(command_of_line(parsed("run ../t.sh"), "/").error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace reachback::server
