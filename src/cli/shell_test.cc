// Sessions: what is asked of the server, what waits for what, how it ends.
#include "base/bytes.h"
#include "base/file.h"
#include "cli/shell_fixture.h"
#include "testing/temporary_folder.h"

namespace reachback::cli {
namespace {

TEST_F(ShellTest, a_session_is_opened_and_closed) {
  options.comment = "case 7";
  EXPECT_EQ(run_lines({"", "  # a comment"}), 0);
  EXPECT_EQ(api.calls, (std::vector<std::string>{kOpen, kClose}));
  EXPECT_EQ(api.bodies[0], R"({"comment":"case 7"})");
  EXPECT_EQ(out + err, "");
}

TEST_F(ShellTest, a_machine_that_has_a_session_is_refused_unless_it_is_taken_over) {
  FakeApi taken;
  taken.answer(kOpen, Error{Errc::conflict, "Conflict: bob has session s0"});
  auto refused = shell(taken, terminal, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "Conflict: bob has session s0; --take-over ends that session first");
  EXPECT_EQ(exit_of(refused.error()), 125);

  options.take_over = true;
  api.answer("GET /api/reachback/sessions",
             std::string(R"({"value":[{"id":"x","machineId":"other"},{"id":"s0","machineId":")" +
                         kMachine + R"("}]})"));
  api.answer("POST /api/reachback/sessions/s0/close", std::string("{}"));
  EXPECT_EQ(run_lines({"#"}), 0);
  EXPECT_EQ(calls("POST /api/reachback/sessions/s0/close"), 1U);
  EXPECT_EQ(calls("POST /api/reachback/sessions/x/close"), 0U);
}

TEST_F(ShellTest, cd_carries_the_folder_and_prints_nothing) {
  expect({.line = "cd ../etc", .name = "cd"});
  result(1, "{\"path\":\"/etc\"}\n");
  expect_dir(2);
  EXPECT_EQ(run_lines({"cd ../etc", "dir"}), 0);
  EXPECT_EQ(out, "SIZE  NAME\n1     etc\n");
  EXPECT_EQ(api.bodies[2], R"({"commandLine":"dir","currentDirectory":"/etc"})");
}

TEST_F(ShellTest, with_keep_going_the_first_failure_is_the_status_and_the_rest_is_done) {
  options.keep_going = true;
  expect({.line = "dir /no", .name = "dir"});
  result(1, "", "no such folder\n", 1);
  api.answer(kSend, Error{Errc::invalid_input, "InvalidInput: no such command"});
  expect_dir(2);
  EXPECT_EQ(run_lines({"dir /no", "nonsense", "dir"}), 1);
  EXPECT_EQ(out, "SIZE  NAME\n1     etc\n");
  EXPECT_NE(err.find("reachback: InvalidInput: no such command\n"), std::string::npos);
}

TEST_F(ShellTest, a_line_that_is_refused_is_125) {
  api.answer(kSend, Error{Errc::invalid_input, "InvalidInput: no such command"});
  EXPECT_EQ(run_lines({"nonsense", "dir"}), 125);
  EXPECT_EQ(calls(kSend), 1U);
}

TEST_F(ShellTest, an_action_that_fails_is_126) {
  expect({.line = "dir", .name = "dir", .status = "Failed"});
  api.answer("GET /api/machineactions/" + id_of(1) + "/GetLiveResponseResultDownloadLink(index=0)",
             Error{Errc::not_found, "no result"});
  EXPECT_EQ(run_lines({"dir"}), 126);
  EXPECT_NE(err.find("is Failed"), std::string::npos);
}

TEST_F(ShellTest, a_session_that_has_ended_is_said_once_and_not_closed) {
  options.keep_going = true;
  api.answer(kSend, Error{Errc::conflict, "Conflict: the session has ended: idle (HTTP 409)"});
  EXPECT_EQ(run_lines({"dir", "dir"}), 125);
  EXPECT_EQ(err,
            "reachback: Conflict: the session has ended: idle (HTTP 409); reachback shell "
            "opens another session\n");
  EXPECT_EQ(calls(kClose), 0U);
}

TEST_F(ShellTest, in_the_background_the_next_line_waits_and_the_end_is_told) {
  expect({.line = "findfile x &", .name = "findfile", .background = "true"});
  api.answer("GET /api/machineactions/" + id_of(1), action(1, "InProgress"));
  api.answer(kSend, Error{Errc::already_active, kBusy});
  expect_dir(2);
  EXPECT_EQ(run_lines({"findfile x &", "dir"}), 0);
  EXPECT_EQ(err,
            "[1] findfile x &\n"
            "waiting until [1] findfile x & has ended\n"
            "[1] Succeeded  findfile x &\n");
  EXPECT_EQ(out, "SIZE  NAME\n1     etc\n");
  EXPECT_EQ(calls(kSend), 3U);
}

TEST_F(ShellTest, a_job_that_ended_is_told_before_the_next_line) {
  expect({.line = "findfile x &", .name = "findfile", .background = "true"});
  api.answer("GET /api/machineactions/" + id_of(1), action(1, "Succeeded"));
  EXPECT_EQ(run_lines({"findfile x &", "#"}), 0);
  EXPECT_EQ(err, "[1] findfile x &\n[1] Succeeded  findfile x &\n");
}

TEST_F(ShellTest, a_job_that_failed_is_told_with_the_reason) {
  expect({.line = "findfile x &", .name = "findfile", .background = "true"});
  api.answer("GET /api/machineactions/" + id_of(1),
             std::string(R"({"id":")" + id_of(1) + R"(","status":"TimeOut","commands":)" +
                         R"([{"index":0,"errors":["it took too long"]}]})"));
  EXPECT_EQ(run_lines({"findfile x &"}), 126) << "a failed job is a failed line";
  EXPECT_NE(err.find("[1] TimeOut  findfile x &\n"), std::string::npos);
  EXPECT_NE(err.find("reachback: it took too long\n"), std::string::npos);
}

TEST_F(ShellTest, a_job_that_ends_while_somebody_types_is_told_before_the_next_answer) {
  testing::TemporaryFolder folder;
  const std::string file = folder / "found";
  expect({.line = "findfile x > found &",
          .name = "findfile",
          .columns = R"(["path"])",
          .file = json::quote(file),
          .background = "true"});
  result(1, "{\"path\":\"/x\"}\n");
  api.answer("GET /api/machineactions/" + id_of(1), action(1, "InProgress"));
  api.answer("GET /api/machineactions/" + id_of(1), action(1, "Succeeded"));
  expect_dir(2);
  EXPECT_EQ(run_lines({"findfile x > found &", "dir"}), 0);
  EXPECT_NE(err.find("[1] Succeeded  findfile x > found &\n"), std::string::npos) << err;
  EXPECT_EQ(out, "SIZE  NAME\n1     etc\n");
  EXPECT_EQ(*read_file(file), "PATH\n/x\n");
}

TEST_F(ShellTest, without_a_whole_answer_a_file_stays_as_it_was) {
  testing::TemporaryFolder folder;
  const std::string file = folder / "kept";
  ASSERT_TRUE(write_file_durably(file, "of yesterday", 0600).ok());
  expect({.line = "dir json > kept",
          .name = "dir",
          .output = "json",
          .file = json::quote(file),
          .status = "Cancelled"});
  api.answer("GET /api/machineactions/" + id_of(1) + "/GetLiveResponseResultDownloadLink(index=0)",
             Error{Errc::not_found, "no result"});
  EXPECT_EQ(run_lines({"dir json > kept"}), 126);
  EXPECT_EQ(*read_file(file), "of yesterday");
  EXPECT_NE(err.find("is left as it was"), std::string::npos) << err;
}

TEST_F(ShellTest, a_line_whose_answer_was_lost_is_sent_again_with_its_key) {
  api.answer(kSend, Error{Errc::unavailable, "the connection was cut"});
  expect_dir(1);
  EXPECT_EQ(run_lines({"dir"}), 0);
  EXPECT_EQ(out, "SIZE  NAME\n1     etc\n");
  ASSERT_EQ(api.keys.size(), 2U);
  EXPECT_EQ(api.keys[0], api.keys[1]);
}

TEST_F(ShellTest, a_job_that_goes_on_at_the_end_is_named) {
  expect({.line = "findfile x &", .name = "findfile", .background = "true"});
  api.answer("GET /api/machineactions/" + id_of(1), action(1, "InProgress"));
  EXPECT_EQ(run_lines({"findfile x &"}), 0);
  EXPECT_NE(err.find("goes on: reachback result " + id_of(1)), std::string::npos) << err;
}

TEST_F(ShellTest, somebody_elses_action_is_waited_for) {
  api.answer(kSend, Error{Errc::already_active, kBusy});
  expect_dir(1);
  api.answer("GET /api/machineactions?$top=1&$filter=" +
                 percent_encode("machineId eq '" + kMachine +
                                "' and (status eq 'Pending' or status eq 'InProgress')"),
             "{\"value\":[" + action(9, "InProgress") + "]}");
  api.answer(wait_for(9), action(9, "Succeeded"));
  EXPECT_EQ(run_lines({"dir"}), 0);
  EXPECT_EQ(err, "waiting until action " + id_of(9) + " of ann has ended: BuiltIn\n");
  EXPECT_EQ(calls(kSend), 2U);
}

// So that the server knows the line when its answer was lost, however often it is sent.
TEST_F(ShellTest, a_line_has_a_key_of_its_own) {
  api.answer(kSend, Error{Errc::already_active, kBusy});
  expect_dir(1);
  expect_dir(2);
  api.answer("GET /api/machineactions?$top=1&$filter=" +
                 percent_encode("machineId eq '" + kMachine +
                                "' and (status eq 'Pending' or status eq 'InProgress')"),
             "{\"value\":[" + action(9, "InProgress") + "]}");
  api.answer(wait_for(9), action(9, "Succeeded"));
  EXPECT_EQ(run_lines({"dir", "dir"}), 0);
  ASSERT_EQ(api.keys.size(), 3U);
  EXPECT_EQ(api.keys[0], api.keys[1]);
  EXPECT_NE(api.keys[1], api.keys[2]);
  EXPECT_EQ(api.keys[0].size(), 36U);
}

TEST_F(ShellTest, ctrl_c_while_it_waits_for_others_leaves_the_line) {
  api.answer(kSend, Error{Errc::already_active, kBusy});
  api.interrupt_at("GET /api/machineactions?");
  EXPECT_EQ(run_lines({"dir", "dir"}), 130);
  EXPECT_EQ(api.calls.back(), kClose);
}

TEST_F(ShellTest, ctrl_c_cancels_what_runs) {
  api.answer("POST /api/machineactions/" + id_of(1) + "/cancel", action(1, "Cancelled"));
  api.interrupt_at(wait_for(1));
  expect({.line = "dir", .name = "dir", .status = "Cancelled"});
  api.answer("GET /api/machineactions/" + id_of(1) + "/GetLiveResponseResultDownloadLink(index=0)",
             Error{Errc::not_found, "no result"});
  EXPECT_EQ(run_lines({"dir", "dir"}), 130);
  EXPECT_EQ(calls("POST /api/machineactions/" + id_of(1) + "/cancel"), 1U);
  EXPECT_NE(err.find("cancelling [1] dir"), std::string::npos);
  EXPECT_NE(err.find("is Cancelled"), std::string::npos);
  EXPECT_EQ(calls(kSend), 1U);
}

TEST_F(ShellTest, ctrl_c_twice_leaves_what_runs) {
  api.answer("POST /api/machineactions/" + id_of(1) + "/cancel", action(1, "InProgress"));
  api.interrupt_at(wait_for(1));
  api.interrupt_at(wait_for(1));
  expect({.line = "dir", .name = "dir"});
  EXPECT_EQ(run_lines({"dir"}), 130);
  EXPECT_NE(err.find("[1] dir goes on: fg 1 follows it"), std::string::npos);
  EXPECT_EQ(api.calls.back(), kClose);
}

TEST_F(ShellTest, trace_shows_each_call) {
  expect_client("trace");
  expect_client("cls");
  expect_client("trace");
  EXPECT_EQ(run_lines({"trace", "cls", "trace"}), 0);
  EXPECT_EQ(err, "trace is on\ntrace: POST " + kSession + "/commands 200 1 ms\ntrace: POST " +
                     kSession + "/commands 200 1 ms\ntrace is off\n");
  EXPECT_EQ(out, "");
}

TEST_F(ShellTest, exit_ends_the_lines) {
  expect_client("exit");
  EXPECT_EQ(run_lines({"exit", "dir"}), 0);
  EXPECT_EQ(calls(kSend), 1U);
  EXPECT_EQ(api.calls.back(), kClose);
}

}  // namespace
}  // namespace reachback::cli
