// What the lines of a session answer: on standard output, in files, as documents.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/shell_fixture.h"
#include "crypto/digest.h"

namespace reachback::cli {
namespace {

TEST_F(ShellTest, rows_are_a_table_with_the_columns_of_the_answer) {
  expect_dir(1, "{\"name\":\"a\\u001b[2J\",\"size\":12345}");
  EXPECT_EQ(run_lines({"dir"}), 0);
  EXPECT_EQ(out, "SIZE   NAME\n12345  a\\x1b[2J\n");
  EXPECT_EQ(api.bodies[1], R"({"commandLine":"dir","currentDirectory":"/"})");
}

TEST_F(ShellTest, rows_are_a_json_array_of_whole_objects_when_asked_for) {
  expect({.line = "dir json", .name = "dir", .columns = R"(["name"])", .output = "json"});
  result(1, "{\"name\":\"a\",\"inode\":7}\n{\"name\":\"b\"}\n");
  EXPECT_EQ(run_lines({"dir json"}), 0);
  EXPECT_EQ(out, "[\n{\"name\":\"a\",\"inode\":7},\n{\"name\":\"b\"}\n]\n");
}

TEST_F(ShellTest, errors_of_a_command_go_to_standard_error_escaped_and_its_code_counts) {
  terminal.err_is_terminal = true;
  expect({.line = "dir /no", .name = "dir", .columns = R"(["name"])"});
  result(1, "", "/no\x1b[31m: no such folder\n", 1);
  EXPECT_EQ(run_lines({"dir /no", "dir"}), 1) << "the second line is not sent";
  EXPECT_EQ(out, "") << "no titles without an answer";
  EXPECT_NE(err.find("/no\\x1b[31m: no such folder\n"), std::string::npos) << err;
  EXPECT_EQ(calls(kSend), 1U);
  EXPECT_EQ(api.calls.back(), kClose);
}

TEST_F(ShellTest, lines_of_an_answer_that_are_no_rows_are_told) {
  expect_dir(1, "{\"name\":\"a\"}\nnonsense");
  EXPECT_EQ(run_lines({"dir"}), 125);
  EXPECT_EQ(out, "SIZE  NAME\n      a\n");
  EXPECT_NE(err.find("1 lines of the answer are no rows"), std::string::npos);
}

TEST_F(ShellTest, findfile_is_shown_while_it_works_each_row_once) {
  expect({.line = "findfile x", .name = "findfile", .columns = R"(["type","path"])"});
  const std::string row = "{\"path\":\"/x\",\"type\":\"file\"}\n";
  api.answer("FOLLOW /api/machineactions/" + id_of(1) + "/events",
             "id: 1\nevent: output\ndata: {\"index\":0,\"stream\":\"stdout\",\"offset\":0,"
             "\"length\":" +
                 std::to_string(row.size()) + ",\"text\":" + json::quote(row) +
                 "}\n\nid: 2\nevent: end\ndata: {\"status\":\"Succeeded\"}\n\n");
  result(1, row + "{\"path\":\"/y/x\",\"type\":\"folder\"}\n");
  EXPECT_EQ(run_lines({"findfile x"}), 0);
  EXPECT_EQ(out, "TYPE  PATH\nfile  /x\nfolder  /y/x\n");
}

TEST_F(ShellTest, run_passes_the_output_on_and_tells_the_code) {
  expect({.line = "run t.sh", .name = "run", .by = "action"});
  result(1, "out\n", "err\n", 3);
  EXPECT_EQ(run_lines({"run t.sh"}), 3);
  EXPECT_EQ(out, "out\n");
  EXPECT_EQ(err, "err\nreachback: the script's exit code is 3\n");
}

TEST_F(ShellTest, putfile_says_where_the_file_is) {
  expect({.line = "putfile a.txt",
          .name = "putfile",
          .by = "action",
          .params = R"({"key":"FileName","value":"a.txt"})"});
  EXPECT_EQ(run_lines({"putfile a.txt"}), 0);
  EXPECT_EQ(out, "a.txt is on web-01\n");
}

TEST_F(ShellTest, jobs_status_and_fg_look_at_the_sessions_commands) {
  const Answer one{.number = 1, .line = "dir /a", .name = "dir", .columns = R"(["name"])"};
  const Answer two{.number = 2, .line = "dir /b", .name = "dir", .columns = R"(["name"])"};
  api.answer("GET " + kSession + "/commands",
             "{\"value\":[" + command(one, "Succeeded") + "," + command(two, "Succeeded") + "]}");
  api.answer("GET " + kSession, std::string(R"({"id":"s1","creator":"ann","machineName":"w"})"));
  api.answer("GET /api/machineactions/" + id_of(1), action(1, "Succeeded"));
  api.answer(wait_for(1), action(1, "Succeeded"));
  result(1, "{\"name\":\"a\"}\n");
  expect_client("jobs", "{}", R"(["number","status","started","commandLine"])");
  expect_client("status");
  expect_client("status", R"({"number":"1"})");
  expect_client("fg", R"({"number":"1"})");
  expect_client("fg", R"({"number":"7"})");
  EXPECT_EQ(run_lines({"jobs", "status", "status 1", "fg 1", "fg 7"}), 125);
  EXPECT_NE(out.find("NUMBER  STATUS     STARTED  COMMAND LINE\n"
                     "1       Succeeded  T1       dir /a\n"
                     "2       Succeeded  T1       dir /b\n"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("opened by  ann\n"), std::string::npos);
  EXPECT_NE(out.find("status     Succeeded\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("NAME\na\n"));
  EXPECT_NE(err.find("this session has no command 7"), std::string::npos);
}

TEST_F(ShellTest, help_and_library_are_tables) {
  api.answer("GET /api/reachback/interactive",
             std::string(R"({"commands":[{"name":"dir","aliases":["ls"],"summary":"List",)"
                         R"("parameters":[{"name":"path","positional":true,"optional":true},)"
                         R"({"name":"depth","kind":"number"},)"
                         R"({"name":"all","kind":"switch"}]}]})"));
  api.answer("GET /api/libraryfiles", std::string(R"({"value":[{"fileName":"t.sh","size":3}]})"));
  expect_client("help", "{}", R"(["command","summary"])");
  expect_client("help", R"({"command":"LS"})", R"(["command","summary"])");
  expect_client("library", "{}", R"(["fileName","size"])");
  EXPECT_EQ(run_lines({"help", "help LS", "library"}), 0);
  EXPECT_EQ(out,
            "COMMAND  SUMMARY\ndir      List\n"
            "dir [path] [-depth NUMBER] [-all]\nList\nalso: ls\n"
            "FILE NAME  SIZE\nt.sh       3\n");
}

TEST_F(ShellTest, with_json_each_line_is_a_document) {
  options.json = true;
  expect_dir(1);
  expect({.number = 2, .line = "run t.sh", .name = "run", .by = "action"});
  result(2, "out\n");
  expect({.number = 3, .line = "putfile a", .name = "putfile", .by = "action"});
  expect_client("library", "{}", R"(["fileName"])");
  api.answer("GET /api/libraryfiles", std::string(R"({"value":[{"fileName":"t.sh"}]})"));
  EXPECT_EQ(run_lines({"dir", "run t.sh", "putfile a", "library"}), 0);
  EXPECT_EQ(out, R"({"number":1,"commandLine":"dir","action":)" + action(1, "Succeeded") +
                     R"(,"rows":[{"name":"etc","size":1}],"result":{"exit_code":0,)"
                     R"("script_errors":""}})" +
                     "\n" + R"({"number":2,"commandLine":"run t.sh","action":)" +
                     action(2, "Succeeded") +
                     R"(,"rows":null,"result":{"exit_code":0,"script_output":"out\n",)"
                     R"("script_errors":""}})" +
                     "\n" + R"({"number":3,"commandLine":"putfile a","action":)" +
                     action(3, "Succeeded") + R"(,"rows":null,"result":null})" + "\n" +
                     R"({"number":null,"commandLine":"library","action":null,"rows":)" +
                     R"([{"fileName":"t.sh"}],"result":null})" + "\n");
}

// In a folder of its own, which is the current one.
class ShellFilesTest : public ShellTest {
 protected:
  void SetUp() override {
    before = std::filesystem::current_path();
    folder = std::filesystem::path(testing::TempDir()) / ("shell-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::filesystem::current_path(folder);
  }
  void TearDown() override {
    std::filesystem::current_path(before);
    std::filesystem::remove_all(folder);
  }
  void expect_getfile(int number, const std::string& line, const std::string& file = "null") {
    const std::string hash = to_hex(as_bytes(crypto::sha256("content")));
    expect({.number = number,
            .line = line,
            .name = "getfile",
            .by = "action",
            .file = file,
            .params = R"({"key":"Path","value":"/var/log/x.log"})",
            .more = R"(,"file":{"path":"/etc/evil","size":7,"sha256":")" + hash + "\"}"});
    api.answer(
        "GET /api/machineactions/" + id_of(number) + "/GetLiveResponseResultDownloadLink(index=0)",
        std::string(R"({"value":"https://blobs/f"})"));
    api.link("https://blobs/f", "content");
  }
  std::filesystem::path before, folder;
};

TEST_F(ShellFilesTest, getfile_saves_under_the_name_that_was_asked_for) {
  terminal.err_is_terminal = true;
  expect_getfile(1, "getfile x.log");
  EXPECT_EQ(run_lines({"getfile x.log"}), 0);
  EXPECT_EQ(*read_file("x.log"), "content");
  EXPECT_NE(err.find("7 bytes of /etc/evil, SHA-256 "), std::string::npos) << err;
  EXPECT_FALSE(std::filesystem::exists("evil"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator("."),
                          std::filesystem::directory_iterator()),
            1)
      << "no parts left";
}

TEST_F(ShellFilesTest, getfile_replaces_only_a_file_that_was_named) {
  ASSERT_TRUE(write_file_durably("x.log", "old").ok());
  ASSERT_TRUE(write_file_durably("y.log", "old").ok());
  options.keep_going = true;
  expect_getfile(1, "getfile x.log");
  expect_getfile(2, "getfile x.log > y.log", "\"y.log\"");
  EXPECT_EQ(run_lines({"getfile x.log", "getfile x.log > y.log"}), 125);
  EXPECT_EQ(*read_file("x.log"), "old");
  EXPECT_EQ(*read_file("y.log"), "content");
  EXPECT_NE(err.find("x.log is there already: fg 1 > FILE"), std::string::npos) << err;
}

TEST_F(ShellFilesTest, output_goes_to_a_file_of_ours_alone) {
  terminal.out_is_terminal = terminal.coloured = true;
  expect({.line = "dir json > d.json",
          .name = "dir",
          .columns = R"(["name"])",
          .output = "json",
          .file = "\"d.json\""});
  result(1, "{\"name\":\"\xe2\x80\xae\"}\n");
  EXPECT_EQ(run_lines({"dir json > d.json"}), 0);
  EXPECT_EQ(out, "");
  EXPECT_EQ(*read_file("d.json"), "[\n{\"name\":\"\xe2\x80\xae\"}\n]\n");
  struct stat info{};
  ASSERT_EQ(::stat("d.json", &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(ShellFilesTest, a_job_with_a_file_fills_it_when_it_has_ended) {
  expect({.line = "dir > d.txt &",
          .name = "dir",
          .columns = R"(["name"])",
          .file = "\"d.txt\"",
          .background = "true"});
  api.answer("GET /api/machineactions/" + id_of(1), action(1, "Succeeded"));
  result(1, "{\"name\":\"a\"}\n");
  EXPECT_EQ(run_lines({"dir > d.txt &"}), 0);
  EXPECT_EQ(*read_file("d.txt"), "NAME\na\n");
}

}  // namespace
}  // namespace reachback::cli
