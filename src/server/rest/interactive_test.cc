// Interactive sessions over the real services and the stores in memory: shapes, refusals, whose
// they are.
#include <gtest/gtest.h>

#include <set>

#include "server/rest/interactive_table.h"
#include "server/rest/test_scoped_world.h"

namespace reachback::server::rest {
namespace {

using test::Reply;
using test::ScopedWorld;

const std::string kSessions = "/api/reachback/sessions";

class InteractiveApi : public ::testing::Test {
 protected:
  Reply open(const MachineId& machine, const std::string& token = "all",
             const std::string& body = R"({"comment":"case 7"})") {
    return world_.post("/api/reachback/machines/" + machine.text() + "/sessions", token, body);
  }
  std::string opened(const MachineId& machine, const std::string& token = "all") {
    const Reply made = open(machine, token);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.status == 201 ? std::string(made.object().at("id").as_string()) : "";
  }
  Reply type(const std::string& session, const std::string& line, const std::string& token = "all",
             const std::string& folder = "/etc") {
    json::Object body{{"commandLine", line}, {"currentDirectory", folder}};
    return world_.post(kSessions + "/" + session + "/commands", token, json::write(body));
  }
  Reply close(const std::string& session, const std::string& token = "all") {
    return world_.post(kSessions + "/" + session + "/close", token, "");
  }

  ScopedWorld world_;
  const MachineId free_ = world_.enrolled("quiet", {"east"});  // without an unfinished action
};

TEST_F(InteractiveApi, a_session_is_opened_shown_and_closed) {
  const Reply made = open(free_);
  ASSERT_EQ(made.status, 201) << made.body;
  const json::Object s = made.object();
  EXPECT_EQ(s.at("machineId").as_string(), free_.text());
  EXPECT_EQ(s.at("machineName").as_string(), "quiet");
  EXPECT_EQ(s.at("status").as_string(), "Open");
  EXPECT_EQ(s.at("comment").as_string(), "case 7");
  EXPECT_EQ(s.at("idleTimeoutSeconds").as_int64(), 1800);
  EXPECT_EQ(s.at("commands").as_int64(), 0);
  EXPECT_TRUE(s.at("ended").is_null());
  EXPECT_TRUE(s.at("endReason").is_null());
  const std::string id(s.at("id").as_string());
  EXPECT_EQ(world_.get(kSessions + "/" + id, "all").body, made.body);
  EXPECT_EQ(world_.get(kSessions, "all").body, "{\"value\":[" + made.body + "]}");

  const Reply second = open(free_);
  EXPECT_EQ(second.status, 409) << second.body;
  EXPECT_EQ(second.code(), "Conflict");

  const Reply closed = close(id);
  ASSERT_EQ(closed.status, 200) << closed.body;
  EXPECT_EQ(closed.object().at("status").as_string(), "Ended");
  EXPECT_TRUE(
      std::string_view(closed.object().at("endReason").as_string()).starts_with("closed by "));
  EXPECT_EQ(close(id).body, closed.body) << "again: nothing changes";
  EXPECT_EQ(world_.get(kSessions, "all").body, R"({"value":[]})");
  for (const char* line : {"dir", "help"}) {
    const Reply late = type(id, line);
    EXPECT_EQ(late.status, 409) << late.body;
    EXPECT_NE(late.message().find("closed by"), std::string::npos);
  }
}

TEST_F(InteractiveApi, a_line_becomes_an_action_with_one_command) {
  const std::string id = opened(free_);
  const Reply made = type(id, "dir -full_path 'my files' -output json > out.json &");
  ASSERT_EQ(made.status, 201) << made.body;
  const json::Object c = made.object();
  EXPECT_EQ(c.at("number").as_int64(), 1);
  EXPECT_EQ(c.at("currentDirectory").as_string(), "/etc");
  EXPECT_EQ(c.at("command").as_string(), "dir");
  EXPECT_EQ(c.at("by").as_string(), "agent");
  EXPECT_EQ(c.at("output").as_string(), "json");
  EXPECT_EQ(c.at("file").as_string(), "out.json");
  EXPECT_TRUE(c.at("background").as_bool());
  EXPECT_GT(c.at("columns").as_array().size(), 3u);
  const json::Object& a = c.at("action").as_object();
  EXPECT_EQ(a.at("machineId").as_string(), free_.text());
  EXPECT_EQ(a.at("externalId").as_string(), id);
  EXPECT_EQ(a.at("requestSource").as_string(), "Portal");
  EXPECT_EQ(a.at("requestorComment").as_string(), c.at("commandLine").as_string());
  ASSERT_EQ(a.at("commands").as_array().size(), 1u);
  EXPECT_EQ(
      json::write(a.at("commands").as_array()[0].as_object().at("command")),
      R"({"type":"BuiltIn","params":[{"key":"Args","value":"dir 'path=my files' full_path=true"},)"
      R"({"key":"Path","value":"/etc"}]})");

  const Reply busy = type(id, "processes");
  EXPECT_EQ(busy.status, 400);
  EXPECT_EQ(busy.code(), "ActiveRequestAlreadyExists");
}

TEST_F(InteractiveApi, what_the_client_does_is_told_to_it) {
  const std::string id = opened(free_);
  const Reply jobs = type(id, "FG 3");
  ASSERT_EQ(jobs.status, 200) << jobs.body;
  EXPECT_EQ(jobs.body,
            R"({"command":"fg","by":"client","output":"table","file":null,"background":false,)"
            R"("columns":[],"parameters":{"number":"3"}})");
}

TEST_F(InteractiveApi, the_lines_so_far_are_listed) {
  const std::string id = opened(free_);
  SessionCommand line;
  line.number = 4;
  line.line = "getfile x > y";
  line.folder = "/srv";
  line.action = world_.actions(world_.east).front();
  SessionCommand older = line;
  older.number = 3;
  older.line = "registry HKLM";
  world_.session_store.set_lines(*SessionId::parse(id), {older, line});
  const Reply all = world_.get(kSessions + "/" + id + "/commands", "all");
  ASSERT_EQ(all.status, 200) << all.body;
  const json::Object c = all.object().at("value").as_array().at(1).as_object();
  EXPECT_EQ(c.at("number").as_int64(), 4);
  EXPECT_EQ(c.at("command").as_string(), "getfile");
  EXPECT_EQ(c.at("by").as_string(), "action");
  EXPECT_EQ(c.at("file").as_string(), "y");
  const json::Object unknown = all.object().at("value").as_array().at(0).as_object();
  EXPECT_EQ(unknown.at("commandLine").as_string(), "registry HKLM");
  EXPECT_EQ(unknown.at("command").as_string(), "");
  EXPECT_EQ(c.at("action").as_object().at("id").as_string(), line.action.id.text());
}

TEST_F(InteractiveApi, what_is_wrong_is_named_and_nothing_is_accepted) {
  const std::string id = opened(free_);
  const struct {
    std::string line, folder, says;
  } cases[] = {{"frob", "/", "'frob' is no command"},
               {"dir a b", "/", "one word too many"},
               {"getfile", "/", "needs path"},
               {"dir", "etc", "currentDirectory"},
               {"run ../x", "/", "library file"},
               {"run none.sh", "/", "none.sh"},
               {"getfile " + std::string(5000, 'x'), "/", "path is longer"},
               {std::string(9000, 'x'), "/", "commandLine"}};
  for (const auto& c : cases) {
    const Reply refused = type(id, c.line, "all", c.folder);
    EXPECT_EQ(refused.status, 400) << c.line.substr(0, 20) << refused.body;
    EXPECT_EQ(refused.code(), "InvalidInput");
    EXPECT_NE(refused.message().find(c.says), std::string::npos) << refused.message();
  }
  EXPECT_EQ(world_.post(kSessions + "/" + id + "/commands", "all", "{}").code(),
            "MissingRequiredParameter");
  EXPECT_EQ(open(free_, "all", "[]").code(), "InvalidRequestBody");
  const auto active = testing::wait_for<std::optional<action::Action>>(
      [&](auto d) { world_.stores.actions().active_of(test::kTenant, free_, d); });
  EXPECT_FALSE(active->has_value());
  EXPECT_EQ(type("99999999-aaaa-4bbb-8ccc-dddddddddddd", "dir").status, 404);
  EXPECT_EQ(type("none", "dir").status, 404);
}

TEST_F(InteractiveApi, a_session_is_its_openers_and_others_of_the_machine_may_end_it) {
  const std::string id = opened(free_, "east");
  const Reply other = type(id, "dir", "both");
  EXPECT_EQ(other.status, 403) << other.body;
  EXPECT_NE(other.message().find("the session is"), std::string::npos);
  EXPECT_EQ(type(id, "help", "both").message(), other.message()) << "nor what the client does";
  EXPECT_EQ(close(id, "both").status, 200);
}

TEST_F(InteractiveApi, a_machine_outside_the_scope_has_no_sessions) {
  const std::string id = opened(free_, "east");
  EXPECT_EQ(open(free_, "west").status, 404);
  EXPECT_EQ(world_.get(kSessions + "/" + id, "west").status, 404);
  EXPECT_EQ(world_.get(kSessions + "/" + id + "/commands", "west").status, 404);
  EXPECT_EQ(type(id, "dir", "west").status, 404);
  EXPECT_EQ(type(id, "help", "west").status, 404);
  EXPECT_EQ(close(id, "west").status, 404);
  EXPECT_EQ(world_.get(kSessions + "/" + id, "east").object().at("status").as_string(), "Open");
}

TEST(InteractiveTable, the_one_that_is_compiled_in_can_be_read) {
  auto table = load_interactive_table();
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_NE(find_command(*table, "DIR"), nullptr);
  EXPECT_EQ(find_command(*table, "netstat")->name, "connections");
  for (const InteractiveCommand& c : *table) {
    // command_of_line() knows these by name.
    const std::set<std::string> actions = {"collect", "getfile", "putfile", "run", "terminal"};
    EXPECT_EQ(c.by == DoneBy::action, actions.contains(c.name)) << c.name;
    EXPECT_EQ(c.advanced, actions.contains(c.name) && c.name != "getfile") << c.name;
  }
}

TEST(InteractiveTable, a_damaged_one_is_named) {
  const std::string row =
      R"({"name":"dir","by":"agent","role":"basic","summary":"s","parameters":[])";
  for (
      const std::string& text :
      {std::string("{}"), R"({"commands":[1]})" + std::string(),
       R"({"commands":[)" + row + R"(},)" + row + R"(}]})",
       R"({"commands":[{"name":"dir","by":"x","role":"basic","summary":"s","parameters":[]}]})" +
           std::string(),
       R"({"commands":[{"name":"d","by":"agent","role":"basic","summary":"s","parameters":[{"name":"p","kind":"k"}]}]})" +
           std::string()}) {
    auto table = parse_interactive_table(text);
    ASSERT_FALSE(table.ok()) << text;
    EXPECT_EQ(table.error().code, Errc::corrupt);
  }
}

}  // namespace
}  // namespace reachback::server::rest
