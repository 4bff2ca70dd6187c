// Reports that do not fit what the server knows. Numbers are those of docs/bad-input.md, 5.9 and
// 5.10.
#include "server/link/link_fixture.h"

namespace reachback::server {
namespace {

class BadReportTest : public LinkTest {
 protected:
  static pb::ToServer started(const action::Action& a, std::uint32_t index = 0) {
    pb::ToServer m;
    auto& s = *m.mutable_command_started();
    s.set_action(std::string(a.id.bytes()));
    s.set_epoch(1);
    s.set_index(index);
    s.set_at_us(1);
    return m;
  }
  static pb::ToServer failed(const action::Action& a, const std::vector<std::string>& errors,
                             std::uint32_t index = 0) {
    pb::ToServer m;
    auto& e = *m.mutable_command_ended();
    e.set_action(std::string(a.id.bytes()));
    e.set_epoch(1);
    e.set_index(index);
    e.set_outcome(pb::FAILED);
    e.set_ended_us(1);
    for (const std::string& text : errors) {
      e.add_errors(text);
    }
    return m;
  }
  // Asks for a link for "{}", stores it there, and gives the report that goes with it.
  pb::ToServer completed(FakeWebSocket& socket, const action::Action& a, std::int32_t exit_code,
                         std::uint32_t index = 0) {
    const std::string digest(as_bytes(crypto::sha256("{}")));
    pb::ToServer ask;
    auto& request = *ask.mutable_upload_request();
    request.set_action(std::string(a.id.bytes()));
    request.set_epoch(1);
    request.set_index(index);
    request.set_kind(pb::RESULT);
    request.set_bytes(2);
    request.set_sha256(digest);
    receive(socket, ask);
    const std::string url = socket.sent.back().upload_grant().url();
    const std::string path = url.substr(0, url.find('?'));
    const std::string name = path.substr(path.rfind('/') + 1);
    pb::ToServer m;
    auto& e = *m.mutable_command_ended();
    e.set_action(std::string(a.id.bytes()));
    e.set_epoch(1);
    e.set_index(index);
    e.set_outcome(pb::COMPLETED);
    e.set_started_us(1);
    e.set_ended_us(1);
    e.set_has_exit_code(true);
    e.set_exit_code(exit_code);
    e.mutable_result()->set_name(name);
    e.mutable_result()->set_bytes(2);
    e.mutable_result()->set_sha256(digest);
    return m;
  }
  void store(const pb::ToServer& report) {
    EXPECT_TRUE(wait_for<BlobInfo>([&](auto d) {
                  blobs_.put(tenant_, report.command_ended().result().name(), "{}", d);
                }).ok());
  }
  action::Action submit_two() {
    SubmitRequest r;
    r.machine = protocol::machine_id_of(key_.public_key().spki());
    SubmitCommand c;
    c.file_name = "t.sh";
    r.commands = {c, c};
    auto a = wait_for<action::Action>([&](auto d) { live_->submit(by_, r, d); });
    EXPECT_TRUE(a.ok());
    on_loop([] {});
    return *a;
  }
  // What the agent is told, and what the log has.
  void expect_refused(FakeWebSocket& socket, const action::Action& a, const pb::ToServer& m) {
    const action::Action before = get(a.id);
    ::testing::internal::CaptureStderr();
    receive(socket, m);
    const std::string log = ::testing::internal::GetCapturedStderr();
    ASSERT_TRUE(socket.sent.back().has_forget_action());
    EXPECT_EQ(socket.sent.back().forget_action().action(), a.id.bytes());
    EXPECT_NE(log.find("report_refused"), std::string::npos) << log;
    EXPECT_EQ(get(a.id), before);
    EXPECT_EQ(socket.closed, 0);
  }
};

TEST_F(BadReportTest, session_5_9_10_a_report_before_the_grant_is_refused_with_an_alarm) {
  enrolled();
  keeps_contact_ = false;
  auto socket = connected();
  const action::Action a = submit();
  ASSERT_EQ(get(a.id).status, action::Status::pending);
  expect_refused(*socket, a, started(a));
  expect_refused(*socket, a, failed(a, {"Interrupted"}));
  pb::ToServer not_started;
  not_started.mutable_not_started()->set_action(std::string(a.id.bytes()));
  not_started.mutable_not_started()->set_epoch(1);
  expect_refused(*socket, a, not_started);
  keep_contact(*socket);
  EXPECT_EQ(get(a.id).status, action::Status::in_progress) << "it is granted as ever";
}

TEST_F(BadReportTest,
       session_5_9_12_a_second_report_that_says_otherwise_is_refused_and_the_first_stays) {
  enrolled();
  auto socket = connected();
  const action::Action a = submit_two();
  const pb::ToServer first = completed(*socket, a, 3);
  store(first);
  receive(*socket, first);
  ASSERT_TRUE(socket->sent.back().has_report_acknowledged());
  expect_refused(*socket, a, failed(a, {"it was not so"}));
  // The same outcome with another code: read as the repeat that it should be.
  const pb::ToServer again = completed(*socket, a, 4);
  receive(*socket, again);
  EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
  EXPECT_EQ(get(a.id).commands[0].status, action::CommandStatus::completed);
  EXPECT_EQ(get(a.id).commands[0].exit_code, 3);
  EXPECT_EQ(get(a.id).commands[0].errors, std::vector<std::string>());
}

TEST_F(BadReportTest,
       session_5_9_12_and_13_after_the_end_a_report_changes_no_status_code_or_result) {
  enrolled();
  auto socket = connected();
  const action::Action a = submit();
  const pb::ToServer first = completed(*socket, a, 3);
  store(first);
  receive(*socket, first);
  const action::Action ended = get(a.id);
  ASSERT_EQ(ended.status, action::Status::succeeded);
  receive(*socket, completed(*socket, a, 4));
  EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
  EXPECT_EQ(get(a.id), ended);
  receive(*socket, failed(a, {"said later"}));
  EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
  const action::Action after = get(a.id);
  EXPECT_EQ(after.status, ended.status);
  EXPECT_EQ(after.commands[0].status, ended.commands[0].status);
  EXPECT_EQ(after.commands[0].exit_code, 3);
  EXPECT_EQ(after.commands[0].result, ended.commands[0].result);
}

TEST_F(BadReportTest, session_5_9_14_not_started_after_a_start_was_told_is_refused_with_an_alarm) {
  enrolled();
  auto socket = connected();
  const action::Action a = submit();
  receive(*socket, started(a));
  ASSERT_TRUE(get(a.id).commands[0].started.has_value());
  pb::ToServer not_started;
  not_started.mutable_not_started()->set_action(std::string(a.id.bytes()));
  not_started.mutable_not_started()->set_epoch(1);
  expect_refused(*socket, a, not_started);
  EXPECT_EQ(get(a.id).epoch, 1u) << "nothing is granted again";
}

TEST_F(BadReportTest, session_5_9_20_texts_that_would_be_commands_elsewhere_are_kept_as_texts) {
  const std::vector<std::string> texts = {
      "'; DROP TABLE actions; --", "reachback.*.>",
      "../../../etc/passwd",       R"({"status":"Succeeded","$type":"x"})",
      "<script>alert(1)</script>", "%s%n {0} ${HOME} $(id)",
      "\x1b[31m\xe2\x80\xae"};
  const MachineId id = enrolled();
  pb::Hello::Body body;
  ASSERT_TRUE(body.ParseFromString(hello().body()));
  body.set_host_name(texts[0]);
  body.set_os_distribution(texts[3]);
  body.set_os_version(texts[1]);
  body.set_agent_version(texts[2]);
  auto socket = open();
  pb::ToServer m;
  *m.mutable_hello() =
      protocol::sign_hello(body, std::string(kNonce, 32), std::string(32, 'e'), key_);
  receive(*socket, m);
  ASSERT_TRUE(socket->sent.front().has_welcome());
  keep_contact(*socket);
  EXPECT_EQ(machine(id).name, texts[0]);
  EXPECT_EQ(machine(id).os_distribution, texts[3]);
  EXPECT_EQ(machine(id).os_version, texts[1]);
  EXPECT_EQ(machine(id).agent_version, texts[2]);

  const action::Action a = submit();
  receive(*socket, failed(a, texts));
  EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
  EXPECT_EQ(get(a.id).status, action::Status::failed);
  EXPECT_EQ(get(a.id).commands[0].errors, texts);
}

TEST_F(BadReportTest,
       upload_5_10_19_an_upload_that_ends_after_Cancelled_is_kept_and_changes_no_status) {
  enrolled();
  auto socket = connected();
  const action::Action a = submit();
  receive(*socket, started(a));
  pb::ToServer report = completed(*socket, a, 0);  // the link is asked for before the cancel
  report.mutable_command_ended()->set_outcome(pb::FAILED);
  report.mutable_command_ended()->add_errors("Cancelled");
  std::optional<Result<action::Action>> cancelled;
  on_loop([&] {
    live_->cancel(by_, a.id, "stop", [&](Result<action::Action> r) { cancelled = std::move(r); });
  });
  pb::ToServer word;
  word.mutable_cancel_confirmed()->set_action(std::string(a.id.bytes()));
  word.mutable_cancel_confirmed()->set_epoch(1);
  receive(*socket, word);
  ASSERT_TRUE(cancelled && cancelled->ok());
  ASSERT_EQ((*cancelled)->status, action::Status::cancelled);
  auto link = [&] {
    return wait_for<ResultLink>([&](auto d) { live_->mint_link(by_, a.id, 0, "127.0.0.1", d); });
  };
  EXPECT_EQ(link().error().code, Errc::not_found);
  store(report);
  receive(*socket, report);
  EXPECT_TRUE(socket->sent.back().has_report_acknowledged());
  EXPECT_EQ(get(a.id).status, action::Status::cancelled);
  EXPECT_TRUE(link().ok());
}

TEST_F(BadReportTest, upload_5_10_2_no_link_is_given_for_a_command_that_has_no_result) {
  enrolled();
  auto socket = connected();
  SubmitRequest r;
  r.machine = protocol::machine_id_of(key_.public_key().spki());
  SubmitCommand c;
  c.type = action::CommandType::put_file;
  c.file_name = "t.sh";
  r.commands = {c};
  auto a = wait_for<action::Action>([&](auto d) { live_->submit(by_, r, d); });
  ASSERT_TRUE(a.ok());
  on_loop([] {});
  pb::ToServer ask;
  auto& request = *ask.mutable_upload_request();
  request.set_action(std::string(a->id.bytes()));
  request.set_epoch(1);
  request.set_kind(pb::RESULT);
  request.set_bytes(2);
  request.set_sha256(std::string(32, 's'));
  receive(*socket, ask);
  EXPECT_EQ(socket->sent.back().upload_grant().url(), "");
  EXPECT_NE(socket->sent.back().upload_grant().error(), "");
}

}  // namespace
}  // namespace reachback::server
