#include "cli/fleet.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/fake_api.h"
#include "testing/temporary_folder.h"

namespace reachback::cli {
namespace {

const std::string kIds[] = {std::string(40, 'a'), std::string(40, 'b'), std::string(40, 'c')};

std::string machine(int i, const std::string& name) {
  return R"({"id":")" + kIds[i] + R"(","computerDnsName":")" + name + R"("})";
}
std::string list(const std::vector<std::string>& machines) {
  std::string out;
  for (const std::string& m : machines) {
    out += (out.empty() ? "" : ",") + m;
  }
  return R"({"value":[)" + out + "]}";
}

class Fleet : public ::testing::Test {
 protected:
  Fleet() {
    options.script = "t.sh";
    api.answer("GET /api/machines",
               list({machine(0, "web-1"), machine(1, "web-2"), machine(2, "../evil")}));
  }
  // The script on machine i ends so.
  void answer(int i, const std::string& status, int exit_code, const std::string& text) {
    const std::string id = std::to_string(i + 1) + "1111111-2222-4333-8444-555555555555";
    const std::string path = "/api/machineactions/" + id;
    const std::string action = R"({"id":")" + id + R"(","status":")" + status +
                               R"(","commands":[{"index":0,"commandStatus":")" +
                               (status == "Succeeded" ? "Completed" : "Failed") +
                               R"(","errors":[]}]})";
    api.answer("POST /api/machines/" + kIds[i] + "/runliveresponse", action);
    api.answer("GET " + path + "?waitFor=final&timeout=30s", action);
    if (status == "Succeeded") {
      api.answer("GET " + path + "/GetLiveResponseResultDownloadLink(index=0)",
                 R"({"value":"link)" + id + R"("})");
      api.link("link" + id, R"({"exit_code":)" + std::to_string(exit_code) +
                                R"(,"script_output":")" + text + R"(","script_errors":""})");
    }
  }
  int run_it() {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    auto exit = run(api, Terminal(), options);
    out = ::testing::internal::GetCapturedStdout();
    err = ::testing::internal::GetCapturedStderr();
    error = exit.ok() ? Error{} : exit.error();
    return exit.ok() ? *exit : -1;
  }
  FakeApi api;
  RunOptions options;
  std::string out, err;
  Error error;
};

TEST_F(Fleet, every_line_has_its_machines_name_and_all_well_is_0) {
  options.targets.machines = {"web-1", "WEB-2", kIds[0]};
  options.targets.parallel = 1;
  answer(0, "Succeeded", 0, "one\\ntwo");
  answer(1, "Succeeded", 0, "three\\n");
  EXPECT_EQ(run_it(), 0) << err;
  EXPECT_EQ(out, "web-1: one\nweb-1: two\nWEB-2: three\n");
  EXPECT_NE(err.find("2 machines: 2 with exit code 0, 0 with another, 0 did not"),
            std::string::npos);
}

TEST_F(Fleet, another_exit_code_is_1_and_an_action_without_one_126) {
  options.targets.machines = {kIds[0], kIds[1]};
  answer(0, "Succeeded", 0, "");
  answer(1, "Succeeded", 7, "");
  EXPECT_EQ(run_it(), 1);
  EXPECT_NE(err.find(kIds[1] + ": exit code 7"), std::string::npos);
  options.targets.machines = {kIds[0], kIds[1], kIds[2]};
  answer(2, "TimeOut", 0, "");
  EXPECT_EQ(run_it(), 126);
  EXPECT_NE(err.find(kIds[2] + ": TimeOut"), std::string::npos);
}

TEST_F(Fleet, a_refusal_of_one_does_not_keep_the_others) {
  options.targets.machines = {kIds[0], kIds[1]};
  answer(1, "Succeeded", 0, "fine");
  EXPECT_EQ(run_it(), 126);
  EXPECT_EQ(out, kIds[1] + ": fine\n");
}

TEST_F(Fleet, json_is_one_document_with_every_machine) {
  options.targets.machines = {"web-1", "web-2"};
  options.targets.parallel = 1;
  options.json = true;
  answer(0, "Succeeded", 0, "x");
  answer(1, "Failed", 0, "");
  EXPECT_EQ(run_it(), 126);
  auto document = Fields::parse(out);
  ASSERT_TRUE(document.ok()) << out;
  auto machines = document->objects("machines");
  ASSERT_EQ(machines.size(), 2u);
  EXPECT_EQ(machines[0].object("machine").text("name"), "web-1");
  EXPECT_EQ(machines[0].text("exitCode"), "0");
  EXPECT_EQ(machines[0].object("result").text("script_output"), "x");
  EXPECT_EQ(machines[1].text("exitCode"), "");
  EXPECT_EQ(machines[1].text("error"), "Failed");
  EXPECT_EQ(document->object("summary").json(),
            R"({"machines":2,"exitCodeZero":1,"exitCodeOther":0,"notEnded":1})");
}

TEST_F(Fleet, results_go_into_a_folder_of_each_and_hostile_names_nowhere_else) {
  reachback::testing::TemporaryFolder folder;
  options.output = folder / "out";
  options.targets.machines = {"web-1"};
  options.targets.tags = {"it's"};
  answer(0, "Succeeded", 0, "one\\n");
  answer(2, "Succeeded", 4, "evil");
  const std::string call = "GET " + machines_target({"it's"}, "");
  EXPECT_NE(call.find("it%27%27s"), std::string::npos) << call;
  api.answer(call, list({machine(2, "../evil")}));
  EXPECT_EQ(run_it(), 1) << err;
  EXPECT_EQ(out, "");
  EXPECT_EQ(*read_file(folder / "out/web-1/stdout"), "one\n");
  EXPECT_EQ(*read_file(folder / "out/web-1/stderr"), "");
  EXPECT_TRUE(path_exists(folder / "out/web-1/result.json"));
  EXPECT_TRUE(path_exists(folder / "out/web-1/action.json"));
  EXPECT_EQ(*read_file(folder / ("out/" + kIds[2] + "/stdout")), "evil");
  EXPECT_FALSE(path_exists(folder / "evil"));
}

TEST_F(Fleet, an_interruption_begins_no_more_and_cancels_when_asked_to) {
  options.targets.machines = {kIds[0], kIds[1]};
  options.targets.parallel = 1;
  options.cancel_on_interrupt = true;
  answer(0, "Succeeded", 0, "");
  api.interrupt_at("GET /api/machineactions/1");
  api.answer("POST /api/machineactions/11111111-2222-4333-8444-555555555555/cancel",
             std::string(R"({"status":"Cancelled"})"));
  EXPECT_EQ(run_it(), 130);
  EXPECT_NE(err.find("1 actions were under way, 1 of them are cancelled"), std::string::npos)
      << err;
  for (const std::string& call : api.calls) {
    EXPECT_EQ(call.find(kIds[1]), std::string::npos) << call;
  }
}

TEST_F(Fleet, too_many_requests_are_asked_again) {
  options.targets.machines = {kIds[0], kIds[1]};
  options.targets.parallel = 1;
  api.answer("POST /api/machines/" + kIds[0] + "/runliveresponse",
             Error{Errc::too_many_requests, "later"});
  answer(0, "Succeeded", 0, "");
  answer(1, "Succeeded", 0, "");
  EXPECT_EQ(run_it(), 0);
}

TEST(FindTargets, nothing_that_fits_is_an_error) {
  FakeApi api;
  TargetOptions options;
  options.tags = {"a", "b"};
  options.filter = "healthStatus eq 'Active'";
  api.answer("GET " + machines_target(options.tags, options.filter),
             std::string(R"({"value":[]})"));
  auto none = find_targets(api, options);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("reachback machines"), std::string::npos);
}

TEST(FindTargets, a_file_names_a_machine_a_line) {
  EXPECT_EQ(read_names("web-1\n  web-2\t# the second\r\n\n# nobody\nweb-3"),
            (std::vector<std::string>{"web-1", "web-2", "web-3"}));
  reachback::testing::TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder / "names", kIds[0] + "\n" + kIds[1] + "\n").ok());
  FakeApi api;
  TargetOptions options;
  options.file = folder / "names";
  EXPECT_EQ(find_targets(api, options)->size(), 2u);
  options.file = folder / "none";
  EXPECT_EQ(find_targets(api, options).error().code, Errc::not_found);
}

TEST(NameFolders, two_of_one_name_have_folders_of_their_ids) {
  std::vector<Target> targets = {{"1", "a", ""}, {"2", "A", ""}, {"3", "..", ""}, {"4", "b.c", ""}};
  name_folders(targets);
  EXPECT_EQ(targets[0].folder, "1");
  EXPECT_EQ(targets[1].folder, "2");
  EXPECT_EQ(targets[2].folder, "3");
  EXPECT_EQ(targets[3].folder, "b.c");
}

}  // namespace
}  // namespace reachback::cli
