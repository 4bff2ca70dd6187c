// Asking agents for output, and typing into their terminals: who is asked, whose answer counts,
// what becomes of a question that nobody answers.
#include "server/link/agent_questions.h"

#include "server/link/link_fixture.h"

namespace reachback::server {
namespace {

class AgentQuestionsTest : public LinkTest {
 protected:
  struct Answer {
    bool came = false;
    Result<pb::OutputPiece> piece = pb::OutputPiece();
  };
  // Asks for the output of some action on the machine.
  std::shared_ptr<Answer> ask() {
    auto answer = std::make_shared<Answer>();
    pb::ReadOutput question;
    question.set_action(std::string(16, 'a'));
    question.set_epoch(1);
    question.set_stdout_from(5);
    hub_.read_output(machine_, question, [answer](Result<pb::OutputPiece> piece) {
      answer->came = true;
      answer->piece = std::move(piece);
    });
    on_loop([] {});
    return answer;
  }
  static pb::ToServer piece(std::uint64_t number, const std::string& text) {
    pb::ToServer m;
    m.mutable_output_piece()->set_number(number);
    m.mutable_output_piece()->set_stdout_from(5);
    m.mutable_output_piece()->set_stdout(text);
    return m;
  }
  static std::uint64_t number(const FakeWebSocket& socket) {
    return socket.sent.back().read_output().number();
  }
  MachineId machine_ = protocol::machine_id_of(key_.public_key().spki());
};

TEST_F(AgentQuestionsTest, the_agent_is_asked_and_its_answer_comes_back_once) {
  enrolled();
  auto socket = connected();
  auto answer = ask();
  ASSERT_TRUE(socket->sent.back().has_read_output());
  EXPECT_EQ(socket->sent.back().read_output().stdout_from(), 5u);
  EXPECT_FALSE(answer->came);
  receive(*socket, piece(number(*socket) + 1, "another question's"));
  EXPECT_FALSE(answer->came);
  receive(*socket, piece(number(*socket), "text"));
  ASSERT_TRUE(answer->came && answer->piece.ok());
  EXPECT_EQ(answer->piece->stdout(), "text");
  answer->came = false;
  receive(*socket, piece(number(*socket), "again"));
  EXPECT_FALSE(answer->came);
  EXPECT_EQ(socket->closed, 0);
}

TEST_F(AgentQuestionsTest, what_is_typed_reaches_the_agent_and_its_answer_is_for_that_alone) {
  enrolled();
  auto socket = connected();
  pb::TerminalInput input;
  input.set_action(std::string(16, 'a'));
  input.set_epoch(1);
  input.set_typed("ls\r");
  input.set_rows(24);
  input.set_columns(80);
  input.set_signature(std::string(64, 's'));
  std::vector<std::uint64_t> taken;
  hub_.type_input(machine_, input, [&taken](const Result<pb::TerminalTaken>& answer) {
    taken.push_back(answer.ok() ? answer->taken() : 0);
  });
  on_loop([] {});
  ASSERT_TRUE(socket->sent.back().has_terminal_input());
  EXPECT_EQ(socket->sent.back().terminal_input().typed(), "ls\r");
  const std::uint64_t asked = socket->sent.back().terminal_input().number();
  receive(*socket, piece(asked, "no answer to this"));
  EXPECT_TRUE(taken.empty());
  pb::ToServer answer;
  answer.mutable_terminal_taken()->set_number(asked);
  answer.mutable_terminal_taken()->set_taken(3);
  receive(*socket, answer);
  EXPECT_EQ(taken, std::vector<std::uint64_t>{3});
  hub_.type_input(machine_, input, [&taken](const Result<pb::TerminalTaken>& late) {
    taken.push_back(late.ok() ? 99 : 0);
  });
  on_loop([&] { socket->close(1001, "gone"); });
  EXPECT_EQ(taken, (std::vector<std::uint64_t>{3, 0}));
}

TEST_F(AgentQuestionsTest, a_machine_that_is_not_there_or_leaves_is_said_so) {
  enrolled();
  EXPECT_EQ(ask()->piece.error().code, Errc::unavailable);
  auto socket = connected();
  auto answer = ask();
  EXPECT_FALSE(answer->came);
  on_loop([&] { socket->close(1001, "gone"); });
  ASSERT_TRUE(answer->came);
  EXPECT_EQ(answer->piece.error().code, Errc::unavailable);
}

TEST_F(AgentQuestionsTest, an_agent_that_never_answers_holds_so_many_questions_and_no_more) {
  enrolled();
  auto socket = connected();
  auto first = ask();
  auto second = ask();
  for (std::size_t i = 2; i < AgentQuestions<pb::OutputPiece>::kOfSessionMax; ++i) {
    ask();
  }
  EXPECT_FALSE(first->came);
  ask();
  ASSERT_TRUE(first->came);
  EXPECT_EQ(first->piece.error().code, Errc::unavailable);
  EXPECT_FALSE(second->came);
}

TEST_F(AgentQuestionsTest, what_was_asked_for_is_no_flood_and_what_was_not_is_one) {
  enrolled();
  SessionLimits limits;
  limits.message_burst = 20;
  limits.messages_per_second = 1;
  auto socket = connected(limits);
  for (int i = 0; i < 100; ++i) {
    auto answer = ask();
    receive(*socket, piece(number(*socket), "text"));
    ASSERT_TRUE(answer->came) << i;
  }
  EXPECT_EQ(socket->pauses, 0);
  for (int i = 0; i < 30; ++i) {
    receive(*socket, piece(1'000'000, "nobody asked"));
  }
  EXPECT_GT(socket->pauses, 0);
}

}  // namespace
}  // namespace reachback::server
