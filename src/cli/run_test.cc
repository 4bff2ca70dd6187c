#include "cli/run.h"

#include <gtest/gtest.h>

#include "cli/action.h"
#include "cli/commands.h"
#include "cli/fake_api.h"
#include "cli/machines.h"

namespace reachback::cli {
namespace {

const std::string kAction = "11111111-2222-4333-8444-555555555555";
const std::string kMachine = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
const std::string kWait = "GET /api/machineactions/" + kAction + "?waitFor=final&timeout=30s";
const std::string kMint =
    "GET /api/machineactions/" + kAction + "/GetLiveResponseResultDownloadLink(index=0)";
const std::string kSubmit = "POST /api/machines/" + kMachine + "/runliveresponse";
const std::string kCancel = "POST /api/machineactions/" + kAction + "/cancel";

std::string action(const std::string& status, const std::string& errors = "[]") {
  return R"({"id":")" + kAction + R"(","status":")" + status + R"(","machineId":")" + kMachine +
         R"(","computerDnsName":"host-1","commands":[{"index":0,"commandStatus":"Completed",)" +
         R"("errors":)" + errors +
         R"(,"command":{"type":"RunScript","params":[{"key":"ScriptName","value":"t.sh"}]}}]})";
}

class RunTest : public testing::Test {
 protected:
  RunTest() {
    options.targets.machines = {kMachine};
    options.script = "t.sh";
    api.answer(kSubmit, action("Pending"));
    api.answer(kWait, action("InProgress"));
    api.answer(kWait, action("Succeeded"));
    api.answer(kMint, std::string(R"({"value":"https://blobs/x?sig=1"})"));
    api.link(
        "https://blobs/x?sig=1",
        R"({"script_name":"t.sh","exit_code":3,"script_output":"out\n","script_errors":"err\n",)"
        R"("script_error":"err\n"})");
  }
  int run_it() {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    auto exit = run(api, Terminal(), options);
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(exit.ok() || !exit.error().message.empty());
    error = exit.ok() ? Error{} : exit.error();
    return exit.ok() ? *exit : -1;
  }
  FakeApi api;
  RunOptions options;
  std::string out, err;
  Error error;
};

TEST_F(RunTest, prints_both_streams_and_ends_with_the_scripts_code) {
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "out\n");
  EXPECT_EQ(err, "err\n");
}

TEST_F(RunTest, as_json_it_is_one_document_with_the_result_as_it_came) {
  options.json = true;
  EXPECT_EQ(run_it(), 3);
  EXPECT_EQ(out, "{\"action\":" + action("Succeeded") +
                     R"(,"result":{"script_name":"t.sh","exit_code":3,"script_output":"out\n",)"
                     R"("script_errors":"err\n","script_error":"err\n"}})"
                     "\n");
}

TEST_F(RunTest, without_waiting_it_prints_the_id) {
  options.no_wait = true;
  EXPECT_EQ(run_it(), 0);
  EXPECT_EQ(out, kAction + "\n");
  EXPECT_EQ(api.calls, std::vector<std::string>{kSubmit});
}

TEST_F(RunTest, a_failed_action_without_a_result_is_126_and_says_why) {
  FakeApi failed;
  failed.answer(kSubmit, action("Pending"));
  failed.answer(kWait, action("Failed", R"(["outcome unknown"])"));
  failed.answer(kMint, Error{Errc::not_found, "no result"});
  testing::internal::CaptureStderr();
  auto exit = run(failed, Terminal(), options);
  err = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(exit.ok());
  EXPECT_EQ(*exit, 126);
  EXPECT_NE(err.find("is Failed"), std::string::npos);
  EXPECT_NE(err.find("outcome unknown"), std::string::npos);
}

TEST_F(RunTest, a_server_that_is_away_for_a_moment_does_not_end_the_waiting) {
  FakeApi flaky;
  flaky.answer(kSubmit, action("Pending"));
  flaky.answer(kWait, Error{Errc::unavailable, "connection refused"});
  flaky.answer(kWait, Error{Errc::protocol, "cut"});
  flaky.answer(kWait, action("Succeeded"));
  flaky.answer(kMint, Error{Errc::not_found, "no result"});
  EXPECT_EQ(*run(flaky, Terminal(), options), 126);
  EXPECT_EQ(flaky.calls.size(), 6u) << "submit, events, three waits, the link";
}

TEST_F(RunTest, an_interruption_leaves_the_action_and_names_it) {
  api.interrupt_at(kWait);
  EXPECT_EQ(run_it(), 130);
  EXPECT_NE(err.find(kAction + " goes on"), std::string::npos);
  EXPECT_EQ(api.calls.back(), kWait);
}

TEST_F(RunTest, an_interruption_cancels_the_action_when_asked_to) {
  api.interrupt_at(kWait);
  api.answer(kCancel, action("Cancelled"));
  options.cancel_on_interrupt = true;
  EXPECT_EQ(run_it(), 130);
  EXPECT_EQ(api.calls.back(), kCancel);
  EXPECT_NE(err.find("is Cancelled"), std::string::npos);
}

TEST_F(RunTest, a_refusal_ends_it) {
  FakeApi refusing;
  refusing.answer(kSubmit, Error{Errc::invalid_input, "ActiveRequestAlreadyExists"});
  auto exit = run(refusing, Terminal(), options);
  ASSERT_FALSE(exit.ok());
  EXPECT_EQ(exit.error().message, "run t.sh on " + kMachine + ": ActiveRequestAlreadyExists");
}

TEST_F(RunTest, a_broken_result_is_an_error) {
  api.link("https://blobs/x?sig=1", R"({"exit_code":0,"script_output":"cut)");
  EXPECT_EQ(run_it(), -1);
  EXPECT_EQ(error.code, Errc::corrupt);
}

RunOptions body_options(std::vector<std::string> args, const std::string& comment) {
  RunOptions out;
  out.script = "t.sh";
  out.args = std::move(args);
  out.comment = comment;
  return out;
}

TEST(RunScriptBody, files_are_put_before_the_script) {
  RunOptions options = body_options({}, "why");
  options.puts = {"tool.bin", "data"};
  EXPECT_EQ(run_script_body(options),
            R"({"Commands":[{"type":"PutFile","params":[{"key":"FileName","value":"tool.bin"}]},)"
            R"({"type":"PutFile","params":[{"key":"FileName","value":"data"}]},)"
            R"({"type":"RunScript","params":[{"key":"ScriptName","value":"t.sh"}]}],)"
            R"("Comment":"why"})");
}

TEST(RunScriptBody, words_are_quoted_and_left_out_when_there_are_none) {
  EXPECT_EQ(run_script_body(body_options({}, "why")),
            R"({"Commands":[{"type":"RunScript","params":[{"key":"ScriptName","value":"t.sh"}]}],)"
            R"("Comment":"why"})");
  std::string body = run_script_body(body_options({"a b", "c"}, ""));
  EXPECT_NE(body.find(R"({"key":"Args","value":)"), std::string::npos);
  EXPECT_NE(body.find(R"("Comment":")"), std::string::npos);
}

TEST(ExitStatus, is_the_scripts_own_when_it_ended_by_itself) {
  EXPECT_EQ(exit_status("Completed", 0), 0);
  EXPECT_EQ(exit_status("Completed", 255), 255);
  EXPECT_EQ(exit_status("Completed", 256), 255);
  EXPECT_EQ(exit_status("Completed", -1), 255);
  EXPECT_EQ(exit_status("Completed", std::nullopt), 126);
  EXPECT_EQ(exit_status("Failed", std::nullopt), 126);
  EXPECT_EQ(exit_status("Failed", 137), 126);
  EXPECT_EQ(exit_status("", 0), 126);
}

std::vector<Fields> machine_list(const std::string& elements) {
  return Fields::parse(R"({"value":[)" + elements + "]}")->objects("value");
}

TEST(ChooseMachine, a_name_must_be_exact_and_unambiguous) {
  std::string other(40, 'a');
  auto list = machine_list(R"({"id":")" + kMachine + R"(","computerDnsName":"host-1"},)" +
                           R"({"id":")" + other + R"(","computerDnsName":"host-10"},)" +
                           R"({"id":"../x","computerDnsName":"evil"})");
  EXPECT_EQ(*choose_machine(list, "HOST-1"), kMachine);
  EXPECT_EQ(choose_machine(list, "host").error().code, Errc::not_found);
  EXPECT_EQ(choose_machine(list, "evil").error().code, Errc::protocol);
  list.push_back(machine_list(R"({"id":")" + other + R"(","computerDnsName":"host-1"})")[0]);
  auto several = choose_machine(list, "host-1");
  ASSERT_FALSE(several.ok());
  EXPECT_NE(several.error().message.find(kMachine), std::string::npos);
  EXPECT_NE(several.error().message.find(other), std::string::npos);
}

TEST(FindMachine, an_id_is_not_looked_up) {
  FakeApi api;
  EXPECT_EQ(*find_machine(api, kMachine), kMachine);
  EXPECT_TRUE(api.calls.empty());
}

TEST(ListAll, pages_are_followed_on_the_same_server) {
  FakeApi api;
  api.answer(
      "GET /api/machines",
      std::string(
          R"({"value":[{"id":"1"}],"@odata.nextLink":"https://evil.example/api/machines?$skip=1"})"));
  api.answer("GET /api/machines?$skip=1", std::string(R"({"value":[{"id":"2"}]})"));
  auto list = list_all(api, "/api/machines");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(json_array(*list), "[{\"id\":\"1\"},{\"id\":\"2\"}]\n");
}

TEST(DescribeRefusal, says_what_the_server_said_and_what_to_do) {
  EXPECT_EQ(describe_refusal(
                403, R"({"error":{"code":"Forbidden","message":"Missing role","target":"x"}})"),
            "Forbidden: Missing role (HTTP 403): give the application the role it needs "
            "(reachback-server app create --role)");
  EXPECT_NE(
      describe_refusal(401, R"({"error":"invalid_client","error_description":"AADSTS7000215"})")
          .find("REACHBACK_CLIENT_SECRET"),
      std::string::npos);
  EXPECT_NE(describe_refusal(403, "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code>")
                .find("AuthenticationFailed"),
            std::string::npos);
  EXPECT_NE(describe_refusal(502, "<html>").find("HTTP 502"), std::string::npos);
}

}  // namespace
}  // namespace reachback::cli
