// Built-in commands: a process of this program, journalled, watched and reported as a script is.
#include "agent/supervisor/test_world.h"
#include "protocol/seam_messages.h"

namespace reachback::agent {
namespace {

class BuiltIns : public World {
 protected:
  void send_built_in(const std::string& name, const std::string& args, const std::string& folder) {
    pb::Order sent = order({});
    auto* c = sent.add_commands();
    c->set_type(name == "collect" ? pb::COLLECT : pb::BUILT_IN);
    c->set_file_name(name);
    c->set_args(args);
    c->set_has_args(true);
    c->set_path(folder);
    c->set_timeout_ms(60000);
    c->set_output_bytes_max(1 << 20);
    std::vector<Fd> no_file(1);
    supervisor_->deliver(execute(sent, {}), std::move(no_file));
    events_.run_posted();
  }
};

TEST_F(BuiltIns, RunAsThisProgramAndLeaveTheResultOfAScript) {
  connect();
  send_built_in("dir", "'path=my files' full_path=true", "/srv");
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  ASSERT_EQ(processes_.specs.size(), 1u);
  const ProcessSpec& spec = processes_.specs[0];
  EXPECT_EQ(spec.program, "/proc/self/exe");
  EXPECT_EQ(std::vector<std::string>(spec.arguments.begin() + 1, spec.arguments.end()),
            (std::vector<std::string>{"built-in", "--folder=/srv", "--", "dir", "path=my files",
                                      "full_path=true"}));
  EXPECT_EQ(spec.script_fd, -1);
  EXPECT_TRUE(spec.grown) << "somebody may watch";
  processes_.end(1, "{\"name\":\"a\"}\n", "NotFound: x\n");
  const auto uploaded = upload_all();
  EXPECT_NE(uploaded.at(pb::RESULT).find(R"("script_name":"dir","exit_code":1)"), std::string::npos)
      << uploaded.at(pb::RESULT);
  EXPECT_NE(uploaded.at(pb::RESULT).find(R"({\"name\":\"a\"}\n)"), std::string::npos);
  said();
  EXPECT_EQ(last_ended_.outcome(), pb::COMPLETED);
  EXPECT_EQ(last_ended_.exit_code(), 1);
  const auto receipt =
      protocol::verify_receipt(last_ended_.receipt(), machine_key_.public_key()).value();
  EXPECT_EQ(receipt.script_name(), "dir");
  EXPECT_TRUE(receipt.script_sha256().empty());
  EXPECT_EQ(receipt.result_sha256(), last_ended_.result().sha256());
}

TEST_F(BuiltIns, TheForensicPackageIsAFileThatAProcessOfThisProgramMakes) {
  policy_.read_roots = {"/var/log"};
  start_agent();
  connect();
  send_built_in("collect", "", "");
  pb::FetchReport report;
  report.set_path("collect-web-01.zip");
  report.set_bytes(7);
  report.set_sha256(std::string(32, 'h'));
  report.set_stored_bytes(7);
  report.set_stored_sha256(std::string(as_bytes(crypto::sha256("package"))));
  ASSERT_EQ(processes_.specs.size(), 1u);
  const ProcessSpec& spec = processes_.specs[0];
  EXPECT_EQ(spec.arguments, (std::vector<std::string>{"reachback-agent", "collect", "/var/log"}));
  EXPECT_FALSE(spec.grown) << "there is nothing to watch";
  ASSERT_TRUE(write_all(spec.script_fd, "package").ok());
  processes_.end(0, report.SerializeAsString());
  EXPECT_EQ(sent_.back().upload_request().file_name(), "collect-web-01.zip");
  EXPECT_EQ(upload_all().at(pb::RESULT), "package");
  said();
  EXPECT_EQ(last_ended_.outcome(), pb::COMPLETED);
  EXPECT_EQ(last_ended_.file().path(), "collect-web-01.zip");
  acknowledge(0);

  action_ = std::string(16, 'b');
  policy_ = Policy();
  policy_.collect = false;
  start_agent();
  connect();
  send_built_in("collect", "", "");
  EXPECT_EQ(said(), (Said{"refused Policy"}));
}

TEST_F(BuiltIns, KeepToTheOwnersRootsAndMayBeForbidden) {
  policy_.read_roots = {"/srv", "/var/log"};
  start_agent();
  connect();
  send_built_in("cd", "path=/", "/");
  said();
  ASSERT_EQ(processes_.specs.size(), 1u);
  const auto& words = processes_.specs[0].arguments;
  EXPECT_EQ(std::vector<std::string>(words.begin() + 2, words.end()),
            (std::vector<std::string>{"--folder=/", "--root=/srv", "--root=/var/log", "--", "cd",
                                      "path=/"}));
  processes_.end(0);
  upload_all();
  acknowledge(0);
  said();

  action_ = std::string(16, 'b');
  policy_.built_in = false;
  start_agent();
  connect();
  send_built_in("cd", "path=/", "/");
  EXPECT_EQ(said(), Said{"refused Policy"});
  EXPECT_EQ(processes_.specs.size(), 1u);
}

TEST_F(BuiltIns, EndByTheirLimit) {
  connect();
  send_built_in("findfile", "name=x", "/");
  EXPECT_EQ(said(), (Said{"received 1", "started 0"}));
  events_.fire_timers();
  EXPECT_TRUE(processes_.was_killed);
  processes_.end(0, "{}\n");
  upload_all();
  said();
  EXPECT_EQ(last_ended_.outcome(), pb::FAILED);
  ASSERT_EQ(last_ended_.errors_size(), 1);
  EXPECT_TRUE(last_ended_.errors(0).starts_with("TimedOut: ")) << last_ended_.errors(0);
}

}  // namespace
}  // namespace reachback::agent
