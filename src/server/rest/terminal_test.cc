// Typing into terminals over the real services: what reaches the agent, what is refused before.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "protocol/signing.h"
#include "server/rest/test_scoped_world.h"

namespace reachback::server::rest {
namespace {

using test::Reply;
using test::ScopedWorld;

class TerminalApi : public ::testing::Test {
 protected:
  // A terminal on a machine that is connected; Pending.
  void open() {
    const Reply session = world_.post("/api/reachback/machines/" + machine_.text() + "/sessions",
                                      "all", R"({"comment":"case 7"})");
    ASSERT_EQ(session.status, 201) << session.body;
    const std::string line = "terminal -key " + to_base64(key_.public_key().spki()) + " -rows 40";
    const Reply made = world_.post(
        "/api/reachback/sessions/" + std::string(session.object().at("id").as_string()) +
            "/commands",
        "all", json::write(json::Object{{"commandLine", line}, {"currentDirectory", "/etc"}}));
    ASSERT_EQ(made.status, 201) << made.body;
    id_ = *ActionId::parse(made.object().at("action").get_object().at("id").as_string());
    Claim claim;
    claim.tenant = test::kTenant;
    claim.machine = machine_;
    world_.links.connect(claim);
  }
  action::Action action() {
    return *test::wait_for<action::Action>(
        [&](auto d) { world_.stores.actions().get(test::kTenant, id_, d); });
  }
  void begin() {
    action::Action a = action();
    world_.step(a, action::Claimed{JournalGeneration::make(world_.random)});
    world_.step(a, action::CommandStarted{a.epoch, 0, world_.clock.now()});
  }
  // What a client posts that holds the key.
  json::Object body(std::uint64_t from, const std::string& typed) {
    pb::TerminalInput input;
    input.set_action(std::string(id_.bytes()));
    input.set_from(from);
    input.set_typed(typed);
    input.set_rows(24);
    input.set_columns(80);
    protocol::sign_terminal_input(input, key_);
    return {{"from", static_cast<std::int64_t>(from)},
            {"typed", to_base64(typed)},
            {"rows", 24},
            {"columns", 80},
            {"signature", to_base64(input.signature())}};
  }
  std::string target() const { return "/api/reachback/terminals/" + id_.text() + "/input"; }
  Reply post(const json::Object& body, const std::string& token = "all") {
    return world_.post(target(), token, json::write(body));
  }
  // Waits for the agent: answered by `answer`.
  Reply typed(const json::Object& body, const std::function<void(pb::TerminalTaken&)>& answer) {
    auto exchange =
        world_.begin("POST", target(), {{"Authorization", "Bearer all"}}, json::write(body));
    if (world_.links.typed.empty()) {
      ADD_FAILURE() << exchange->wait()->body;
      return {};
    }
    pb::TerminalTaken taken;
    answer(taken);
    world_.links.typed.back().second(taken);
    world_.links.typed.pop_back();
    auto response = exchange->wait();
    return Reply{response->status, response->headers, response->body};
  }

  ScopedWorld world_;
  const MachineId machine_ = world_.enrolled("quiet", {"east"});
  const crypto::Ed25519PrivateKey key_ = crypto::Ed25519PrivateKey::generate();
  ActionId id_;
};

TEST_F(TerminalApi, ATerminalIsACommandOfItsOwnTypeWithItsKeyAndItsIdleTime) {
  open();
  const auto command = action().commands.at(0);
  EXPECT_EQ(command.type, action::CommandType::terminal);
  EXPECT_EQ(command.path, "/etc");
  EXPECT_EQ(command.timeout, std::chrono::minutes(30)) << "that of a long command";
  EXPECT_EQ(*command.args, "key=" + to_base64(key_.public_key().spki()) + " rows=40 idle=1800");
}

TEST_F(TerminalApi, WhatIsTypedGoesToTheAgentAsItWasSigned) {
  open();
  begin();
  auto reply = typed(body(7, "ls\r"), [&](pb::TerminalTaken& taken) {
    const pb::TerminalInput& sent = world_.links.typed.back().first;
    EXPECT_EQ(sent.action(), id_.bytes());
    EXPECT_EQ(sent.epoch(), action().epoch);
    EXPECT_EQ(sent.from(), 7u);
    EXPECT_EQ(sent.typed(), "ls\r");
    EXPECT_TRUE(protocol::verify_terminal_input(sent, key_.public_key()));
    taken.set_taken(10);
  });
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, R"({"taken":10})");
}

TEST_F(TerminalApi, WhatTheAgentRefusesIsSaid) {
  open();
  begin();
  auto reply = typed(body(0, "a"), [](auto& taken) { taken.set_error("NotThere: none is open"); });
  EXPECT_EQ(reply.status, 409) << reply.body;
  EXPECT_NE(reply.message().find("NotThere"), std::string::npos);
  reply = typed(body(0, "a"), [](auto& taken) { taken.set_error("NotSigned: by the key"); });
  EXPECT_EQ(reply.status, 403) << reply.body;
}

TEST_F(TerminalApi, AnAgentThatDoesNotAnswerIsUnavailableAfterAWhile) {
  open();
  begin();
  auto exchange =
      world_.begin("POST", target(), {{"Authorization", "Bearer all"}}, json::write(body(0, "a")));
  world_.scheduler.pass(Interactive::kTypingPatience);
  EXPECT_EQ(exchange->wait()->status, 503);
  world_.links.typed.back().second(pb::TerminalTaken());  // too late: nobody is told twice
  world_.links.disconnect(machine_);
  EXPECT_EQ(post(body(0, "a")).status, 503);
}

TEST_F(TerminalApi, WhoeverLacksTheKeyTypesNothing) {
  open();
  begin();
  json::Object other = body(0, "a");
  other["typed"] = to_base64("b");
  EXPECT_EQ(post(other).status, 403);
  other = body(0, "a");
  other["rows"] = 25;
  EXPECT_EQ(post(other).status, 403);
  EXPECT_EQ(post(body(0, "a"), "west").status, 404) << "a machine of another device group";
  EXPECT_TRUE(world_.links.typed.empty());
}

TEST_F(TerminalApi, IsThereFromItsStartToItsEnd) {
  open();
  EXPECT_EQ(post(body(0, "a")).status, 409);
  EXPECT_NE(post(body(0, "a")).message().find("not begun"), std::string::npos);
  begin();
  action::Action a = action();
  action::CommandEnded end = testing::sample_end(world_.random, a, 0, world_.clock.now());
  world_.step(a, end);
  EXPECT_EQ(post(body(0, "a")).status, 409);
  EXPECT_NE(post(body(0, "a")).message().find("has ended"), std::string::npos);
  id_ = world_.east.pending;
  EXPECT_EQ(post(body(0, "a")).status, 409);
  EXPECT_NE(post(body(0, "a")).message().find("is no terminal"), std::string::npos);
  id_ = ActionId::make(world_.random);
  EXPECT_EQ(post(body(0, "a")).status, 404);
}

TEST_F(TerminalApi, BodiesThatAreWrongAreNamed) {
  open();
  begin();
  const auto with = [&](std::string_view name, const auto& value) {
    json::Object out = body(0, "a");
    out[name] = value;
    return out;
  };
  const auto without = [&](std::string_view name) {
    json::Object out = body(0, "a");
    out.erase(name);
    return out;
  };
  for (const auto& [sent, code, says] :
       std::vector<std::tuple<json::Object, std::string, std::string>>{
           {without("from"), "MissingRequiredParameter", "from"},
           {without("rows"), "MissingRequiredParameter", "rows"},
           {with("from", -1), "InvalidInput", "from"},
           {with("rows", 0), "InvalidInput", "rows"},
           {with("columns", 1001), "InvalidInput", "columns"},
           {with("columns", "80"), "InvalidInput", "columns"},
           {with("typed", "no base64!"), "InvalidInput", "typed"},
           {with("typed", to_base64(std::string(16385, 'a'))), "InvalidInput", "typed"},
           {with("typed", 7), "InvalidInput", "typed"},
           {with("signature", to_base64(std::string(65, 's'))), "InvalidInput", "signature"}}) {
    const Reply reply = post(sent);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.code(), code) << reply.body;
    EXPECT_NE(reply.message().find(says), std::string::npos) << reply.body;
  }
  EXPECT_EQ(post(without("signature")).status, 403) << "nothing is no signature";
  EXPECT_TRUE(world_.links.typed.empty());
}

TEST_F(TerminalApi, LinesThatOpenNoneAreNamed) {
  const Reply session =
      world_.post("/api/reachback/machines/" + machine_.text() + "/sessions", "all", "{}");
  const std::string commands =
      "/api/reachback/sessions/" + std::string(session.object().at("id").as_string()) + "/commands";
  const std::string key = to_base64(key_.public_key().spki());
  for (const auto& [line, says] : std::vector<std::pair<std::string, std::string>>{
           {"terminal", "'terminal' needs key"},
           {"terminal -key AAAA", "key is no Ed25519 key"},
           {"terminal -key " + key + " -rows 1001", "rows is a number from 1 to 1000"},
           {"terminal -key " + key + " -idle 5", "has no -idle"}}) {
    const Reply reply =
        world_.post(commands, "all", json::write(json::Object{{"commandLine", line}}));
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_NE(reply.message().find(says), std::string::npos) << reply.body;
  }
}

}  // namespace
}  // namespace reachback::server::rest
