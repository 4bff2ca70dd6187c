#include "cli/arguments.h"

#include <gtest/gtest.h>

namespace reachback::cli {
namespace {

constexpr const char* kId = "11111111-2222-4333-8444-555555555555";

template <typename T>
T parsed(std::vector<std::string> words) {
  auto out = parse_arguments(std::move(words));
  EXPECT_TRUE(out.ok()) << out.error().message;
  EXPECT_TRUE(std::holds_alternative<T>(*out));
  return std::get<T>(*out);
}
std::string refusal(std::vector<std::string> words) {
  auto out = parse_arguments(std::move(words));
  EXPECT_FALSE(out.ok());
  return out.ok() ? "" : out.error().message;
}

TEST(Arguments, run_takes_a_machine_a_script_and_words) {
  auto run = parsed<RunOptions>({"run", "host-1", "triage.sh", "--comment", "case 7", "--timeout",
                                 "10m", "--json", "--", "--fast", "-v", "a b", "--", ""});
  EXPECT_EQ(run.targets.machines, std::vector<std::string>{"host-1"});
  EXPECT_EQ(run.script, "triage.sh");
  EXPECT_EQ(run.comment, "case 7");
  EXPECT_EQ(run.timeout, Duration(std::chrono::minutes(10)));
  EXPECT_TRUE(run.json);
  EXPECT_EQ(run.args, (std::vector<std::string>{"--fast", "-v", "a b", "--", ""}));
}

TEST(Arguments, run_with_a_file_is_named_after_it) {
  auto run = parsed<RunOptions>({"run", "host-1", "--file", "/tmp/x/triage.sh", "--", "a"});
  EXPECT_EQ(run.script, "triage.sh");
  EXPECT_EQ(run.file, "/tmp/x/triage.sh");
  EXPECT_EQ(run.args, std::vector<std::string>{"a"});
  EXPECT_EQ(parsed<RunOptions>({"run", "h", "x.sh", "--file", "x.sh"}).script, "x.sh");
  EXPECT_EQ(parsed<RunOptions>({"run", "h", "i", "--file", "x.sh"}).targets.machines,
            (std::vector<std::string>{"h", "i"}));
  EXPECT_NE(refusal({"run", "h", "--file", "my script.sh"}).find("library name"),
            std::string::npos);
  EXPECT_NE(refusal({"run", "h", "--file", "dir/"}).find("library name"), std::string::npos);
}

TEST(Arguments, run_puts_files_first) {
  auto run = parsed<RunOptions>({"run", "h", "--put", "a", "--put", "b", "x.sh"});
  EXPECT_EQ(run.puts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(run.script, "x.sh");
}

TEST(Arguments, shell_takes_a_machine_and_lines) {
  auto shell = parsed<ShellOptions>({"shell", "h", "-c", "cd /etc", "-c", "dir -output json",
                                     "--comment", "why", "--keep-going"});
  EXPECT_EQ(shell.machine, "h");
  EXPECT_EQ(shell.lines, (std::vector<std::string>{"cd /etc", "dir -output json"}));
  EXPECT_EQ(shell.comment, "why");
  EXPECT_TRUE(shell.keep_going);
  EXPECT_FALSE(shell.take_over || shell.json);
  EXPECT_NE(refusal({"shell"}).find("no MACHINE"), std::string::npos);
  EXPECT_NE(refusal({"shell", "h", "dir"}), "");
  EXPECT_NE(refusal({"shell", "h", "-c", "\xff"}).find("UTF-8"), std::string::npos);
}

TEST(Arguments, get_takes_a_machine_and_a_path) {
  auto get = parsed<GetOptions>({"get", "h", "/var/log/x.log", "--timeout", "2h"});
  EXPECT_EQ(get.path, "/var/log/x.log");
  EXPECT_EQ(get.file, "x.log");
  EXPECT_EQ(get.timeout, Duration(std::chrono::hours(2)));
  EXPECT_EQ(parsed<GetOptions>({"get", "h", "/x", "-o", "-"}).file, "-");
  EXPECT_NE(refusal({"get", "h", "/var/log/"}).find("folder"), std::string::npos);
  EXPECT_NE(refusal({"get", "h"}).find("PATH"), std::string::npos);
}

TEST(Arguments, run_needs_a_script) {
  EXPECT_NE(refusal({"run", "host-1"}).find("needs a script"), std::string::npos);
  EXPECT_NE(refusal({"run", "host-1", "--", "x.sh"}).find("needs a script"), std::string::npos);
  EXPECT_NE(refusal({"run"}).find("MACHINE"), std::string::npos);
}

TEST(Arguments, words_that_are_not_utf8_are_refused) {
  EXPECT_NE(refusal({"run", "h", "x.sh", "--", "\xff"}).find("UTF-8"), std::string::npos);
}

TEST(Arguments, several_machines_are_named_in_several_ways) {
  auto run = parsed<RunOptions>({"run", "a", "b", "x.sh", "--parallel", "3", "-o", "out"});
  EXPECT_EQ(run.targets.machines, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(run.script, "x.sh");
  EXPECT_EQ(run.targets.parallel, 3);
  EXPECT_EQ(run.output, "out");
  EXPECT_FALSE(run.targets.is_one());
  run = parsed<RunOptions>({"run", "--tag", "t", "--tag", "u", "x.sh"});
  EXPECT_EQ(run.targets.tags, (std::vector<std::string>{"t", "u"}));
  EXPECT_TRUE(run.targets.machines.empty());
  EXPECT_EQ(run.script, "x.sh");
  EXPECT_FALSE(parsed<RunOptions>({"run", "--filter", "f", "--file", "x.sh"}).targets.is_one());
  EXPECT_TRUE(parsed<RunOptions>({"run", "a", "x.sh"}).targets.is_one());
  auto get = parsed<GetOptions>({"get", "--machines-from", "-", "/x/y", "-o", "d"});
  EXPECT_EQ(get.path, "/x/y");
  EXPECT_EQ(get.file, "d");
  EXPECT_NE(refusal({"get", "a", "b", "/x"}).find("-o DIR"), std::string::npos);
  EXPECT_NE(refusal({"get", "a", "/x", "--json", "-o", "-"}).find("-o FILE"), std::string::npos);
  EXPECT_NE(refusal({"run", "--tag", "t"}).find("needs a script"), std::string::npos);
  EXPECT_FALSE(refusal({"run", "a", "x.sh", "--parallel", "0"}).empty());
  EXPECT_FALSE(refusal({"run", "a", "x.sh", "--parallel", "65"}).empty());
}

TEST(Arguments, put_takes_machines_and_a_file) {
  auto put = parsed<PutOptions>({"put", "a", "b", "dir/tool.bin"});
  EXPECT_EQ(put.targets.machines.size(), 2u);
  EXPECT_EQ(put.file, "dir/tool.bin");
  EXPECT_EQ(put.name, "tool.bin");
  EXPECT_EQ(parsed<PutOptions>({"put", "a", "x", "--name", "y"}).name, "y");
  EXPECT_TRUE(parsed<PutOptions>({"put", "a", "x", "--from-library"}).from_library);
  EXPECT_FALSE(refusal({"put", "a", "x", "--from-library", "--name", "y"}).empty());
  EXPECT_FALSE(refusal({"put", "a"}).empty());
  EXPECT_FALSE(refusal({"put", "a", "my file"}).empty());
}

TEST(Arguments, everything_that_prints_takes_a_file) {
  EXPECT_EQ(parsed<MachinesOptions>({"machines", "-o", "f"}).output, "f");
  EXPECT_EQ(parsed<WhoamiOptions>({"whoami", "--json", "-o", "-"}).output, "-");
  EXPECT_EQ(parsed<LoginOptions>({"login", "--url", "https://x"}).url, "https://x");
  EXPECT_EQ(parsed<CompletionOptions>({"completion", "fish"}).shell, "fish");
  EXPECT_FALSE(refusal({"completion", "tcsh"}).empty());
}

TEST(Arguments, what_a_shell_asks_is_not_read_as_options) {
  EXPECT_EQ(parsed<CompleteOptions>({"__complete", "run", "--he", "--"}).words.size(), 3u);
}

TEST(Arguments, only_run_takes_words) {
  EXPECT_NE(refusal({"machines", "--", "x"}).find("only run"), std::string::npos);
}

TEST(Arguments, the_other_commands) {
  EXPECT_TRUE(parsed<MachinesOptions>({"machines", "--json"}).json);
  EXPECT_EQ(parsed<ShowOptions>({"show", kId}).id.text(), kId);
  EXPECT_EQ(parsed<CancelOptions>({"cancel", kId, "--comment", "why"}).comment, "why");
  EXPECT_FALSE(parsed<CancelOptions>({"cancel", kId}).comment.empty());
  auto result = parsed<ResultOptions>({"result", kId, "3", "-o", "out.json"});
  EXPECT_EQ(result.index, 3);
  EXPECT_EQ(result.file, "out.json");
  EXPECT_EQ(parsed<ResultOptions>({"result", kId, "-o", "-"}).file, "-");
  EXPECT_EQ(parsed<ActionsOptions>({"actions", "--top", "5"}).top, 5);
  EXPECT_EQ(parsed<ActionsOptions>({"actions"}).top, std::nullopt);
  auto upload =
      parsed<LibraryUploadOptions>({"library", "upload", "a/b.sh", "--override", "--description",
                                    "d", "--parameters-description", "p"});
  EXPECT_EQ(upload.name, "b.sh");
  EXPECT_TRUE(upload.replace);
  EXPECT_TRUE(upload.has_parameters);
  EXPECT_TRUE(parsed<LibraryListOptions>({"library", "list", "--json"}).json);
  EXPECT_EQ(parsed<LibraryDeleteOptions>({"library", "delete", "b.sh"}).name, "b.sh");
}

TEST(Arguments, wrong_ones_are_refused_in_one_line) {
  const std::vector<std::string> cases[] = {
      {},
      {"nonsense"},
      {"show"},
      {"show", "not-an-id"},
      {"show", "../machines"},
      {"show", kId, "more"},
      {"cancel", "{11111111-2222-4333-8444-555555555555}"},
      {"result", kId, "-1"},
      {"result", kId, "x"},
      {"result", kId, "1e0"},
      {"actions", "--top", "0"},
      {"actions", "--top", "10001"},
      {"library"},
      {"library", "upload"},
      {"library", "purge"},
      {"run", "h", "s.sh", "--timeout", "soon"},
      {"run", "h", "s.sh", "--tiemout", "1"},
  };
  for (const auto& words : cases) {
    std::string message = refusal(words);
    EXPECT_FALSE(message.empty());
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(Arguments, help_says_what_the_exit_status_means) {
  std::string text = parsed<ShowText>({"--help"}).text;
  for (const char* part : {"125", "126", "127", "REACHBACK_URL", "machines", "library"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  EXPECT_NE(parsed<ShowText>({"run", "--help"}).text.find("--file"), std::string::npos);
  EXPECT_NE(parsed<ShowText>({"library", "upload", "--help"}).text.find("--override"),
            std::string::npos);
  EXPECT_TRUE(parsed<ShowText>({"--version"}).text.starts_with("reachback "));
}

TEST(Arguments, durations) {
  EXPECT_EQ(*parse_duration("90"), Duration(std::chrono::seconds(90)));
  EXPECT_EQ(*parse_duration("90s"), Duration(std::chrono::seconds(90)));
  EXPECT_EQ(*parse_duration("10m"), Duration(std::chrono::minutes(10)));
  EXPECT_EQ(*parse_duration("168h"), Duration(std::chrono::hours(168)));
  for (const char* text : {"", "0", "-1", "s", "1d", "1.5h", "169h", "99999999999999999999", "1 m",
                           "9223372036854775807h"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
}

}  // namespace
}  // namespace reachback::cli
