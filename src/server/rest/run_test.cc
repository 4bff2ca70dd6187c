// POST /api/machines/{id}/runliveresponse. Case numbers are those of trust.md §5.2.
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "server/rest/call.h"
#include "server/rest/run_body.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using test::World;

std::string script(std::string_view params) {
  return R"({"Commands":[{"type":"RunScript","params":[)" + std::string(params) +
         R"(]}],"Comment":"c"})";
}
std::string param(std::string_view key, std::string_view value) {
  return R"({"key":")" + std::string(key) + R"(","value":")" + std::string(value) + R"("})";
}
std::string named(std::string_view name) {
  return script(param("ScriptName", name));
}
std::string commands(std::string_view list) {
  return R"({"Commands":[)" + std::string(list) + R"(],"Comment":"c"})";
}

struct Bad {
  std::string body;
  int status;
  std::string code;
  std::string mentions;
};

void expect_all(const std::vector<Bad>& cases) {
  World world(World::without_rates());
  for (const Bad& bad : cases) {
    auto reply = world.run(bad.body);
    EXPECT_EQ(reply.status, bad.status) << bad.body.substr(0, 200) << "\n" << reply.body;
    EXPECT_EQ(reply.code(), bad.code) << bad.body.substr(0, 200) << "\n" << reply.body;
    EXPECT_NE(reply.message().find(bad.mentions), std::string::npos) << bad.mentions << "\n"
                                                                     << reply.body;
  }
  EXPECT_EQ(world.live.submits, 0);
}

TEST(RunLiveResponse, GivesTheServiceWhatTheClientSent) {
  World world;
  auto reply = world.run(
      R"({"RequestSource":"Portal","Title":"t","ExternalId":"e","Unknown":{"x":1},)"
      R"("Commands":[{"params":[{"key":"scriptName","value":"a.sh"},{"value":"--x 'y z'\n,^&","key":"ARGS"}],)"
      R"("type":"RunScript"},{"type":"RunScript","params":[{"key":"ScriptName","value":"b.sh"}]}]})");
  ASSERT_EQ(reply.status, 201) << reply.body;
  const SubmitRequest& r = *world.live.last_submit;
  EXPECT_EQ(r.machine.text(), test::kMachine);
  EXPECT_EQ(r.comment, "");
  EXPECT_EQ(r.title, "t");
  EXPECT_EQ(r.external_id, "e");
  EXPECT_EQ(r.request_source, "Portal");
  EXPECT_FALSE(r.idempotency_key);
  ASSERT_EQ(r.commands.size(), 2u);
  EXPECT_EQ(r.commands[0].file_name, "a.sh");
  EXPECT_EQ(r.commands[0].args, "--x 'y z'\n,^&");
  EXPECT_EQ(r.commands[0].params[1], (action::Param{"Args", "--x 'y z'\n,^&"}));
  EXPECT_EQ(r.commands[1].args, std::nullopt);
}

TEST(RunLiveResponse, TakesABodyWhateverItsContentTypeSays) {  // 6, as decisions.md 11 has it
  for (std::string type : {"", "text/plain", "application/x-www-form-urlencoded"}) {
    World world;
    test::HeaderList headers;
    if (!type.empty()) {
      headers.emplace_back("Content-Type", type);
    }
    EXPECT_EQ(world.run(test::kRunBody, headers).status, 201);
  }
}

TEST(RunLiveResponse, TakesEmptyAbsentAndLongArgs) {  // 17
  World world(World::without_rates());
  EXPECT_EQ(world.run(script(param("ScriptName", "a.sh") + "," + param("Args", ""))).status, 201);
  EXPECT_EQ(world.live.last_submit->commands[0].args, "");
  std::string most(64 << 10, 'x');
  EXPECT_EQ(world.run(script(param("ScriptName", "a.sh") + "," + param("Args", most))).status, 201);
  EXPECT_EQ(world.live.last_submit->commands[0].args, most);
  EXPECT_EQ(world
                .run(R"({"Commands":[{"type":"RunScript","params":[)" +
                     param("ScriptName", "a.sh") + R"(]}],"Comment":null})")
                .status,
            201);  // 10: Comment is optional here
}

TEST(RunLiveResponse, AMachineIdIsFortyLowerCaseHexDigitsOrNotFound) {  // 4, 5
  World world(World::without_rates());
  std::string upper = test::kMachine;
  upper[1] = 'E';
  for (std::string id : {test::kMachine.substr(1), test::kMachine + "0", upper,
                         std::string("hostname"), std::string("..x"), std::string("%20")}) {
    auto reply = world.post("/api/machines/" + id + "/runliveresponse", "Machine.LiveResponse",
                            test::kRunBody);
    EXPECT_EQ(reply.status, 404) << id;
    EXPECT_EQ(reply.code(), "ResourceNotFound") << id;
  }
  EXPECT_EQ(world.live.submits, 0);  // no look-up
  for (std::string path :
       {"/api/machines/../x/runliveresponse", "/api/machines/%00/runliveresponse",
        "/api/machines/..%2fx/runliveresponse"}) {
    EXPECT_EQ(world.post(path, "Machine.LiveResponse", test::kRunBody).status, 404) << path;
  }
  auto unknown = world.post("/api/machines/" + test::kUnknownMachine + "/runliveresponse",
                            "Machine.LiveResponse", test::kRunBody);
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.code(), "ResourceNotFound");
  EXPECT_EQ(unknown.message(), "Machine " + test::kUnknownMachine + " was not found");
  // Another tenant's machine: the same words.
  auto foreign = world.post("/api/machines/" + test::kMachine + "/runliveresponse",
                            "other:Machine.LiveResponse", test::kRunBody);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(foreign.message(), "Machine " + test::kMachine + " was not found");
}

TEST(RunLiveResponse, ABodyThatIsNoJsonObjectIsRefused) {  // 7, 8
  std::string utf16 = "{";
  utf16 += '\0';
  utf16 += '}';
  utf16 += '\0';
  std::string deep(20, '[');
  expect_all({{"", 400, "InvalidRequestBody", ""},
              {"null", 400, "InvalidRequestBody", ""},
              {"[]", 400, "InvalidRequestBody", ""},
              {"\"x\"", 400, "InvalidRequestBody", ""},
              {"{", 400, "InvalidRequestBody", ""},
              {"{}x", 400, "InvalidRequestBody", ""},
              {"\xef\xbb\xbf" + test::kRunBody, 400, "InvalidRequestBody", ""},
              {utf16, 400, "InvalidRequestBody", ""},
              {R"({"Commands":[],"Comment":"\ud800"})", 400, "InvalidRequestBody", ""},
              {R"({"x":)" + deep, 400, "InvalidRequestBody", ""},
              {R"({"Commands":[{"type":"RunScript","type":"RunScript","params":[]}]})", 400,
               "InvalidRequestBody", "type"}});
}

TEST(RunLiveResponse, NamesWhatIsMissing) {  // 9, 11, 14
  expect_all(
      {{"{}", 400, "MissingRequiredParameter", "Commands"},
       {R"({"commands":[]})", 400, "MissingRequiredParameter", "Commands"},
       {R"({"Commands":null})", 400, "MissingRequiredParameter", "Commands"},
       {R"({"Commands":[]})", 400, "MissingRequiredParameter", "Commands"},
       {commands("{}"), 400, "MissingRequiredParameter", "Commands[0].type"},
       {commands(R"({"Type":"RunScript"})"), 400, "MissingRequiredParameter", "type"},
       {commands(R"({"type":"RunScript"})"), 400, "MissingRequiredParameter", "ScriptName"},
       {commands(R"({"type":"PutFile","params":[]})"), 400, "MissingRequiredParameter", "FileName"},
       {commands(R"({"type":"GetFile","params":null})"), 400, "MissingRequiredParameter", "Path"},
       {script(param("Args", "x")), 400, "MissingRequiredParameter", "ScriptName"},
       {script(R"({"key":"ScriptName"})"), 400, "MissingRequiredParameter", "value"},
       {script(R"({"Key":"ScriptName","value":"a.sh"})"), 400, "MissingRequiredParameter", "key"}});
}

TEST(RunLiveResponse, NamesWhatIsWrong) {  // 12, 13, 14
  std::string put = R"({"type":"PutFile","params":[{"key":"FileName","value":"a"}]})";
  std::string run = R"({"type":"RunScript","params":[{"key":"ScriptName","value":"a"}]})";
  std::string get = R"({"type":"GetFile","params":[{"key":"Path","value":"/a"}]})";
  std::vector<Bad> cases = {
      {R"({"Commands":{}})", 400, "InvalidInput", "Commands"},
      {R"({"Commands":"x"})", 400, "InvalidInput", "Commands"},
      {commands("1"), 400, "InvalidInput", "Commands[0]"},
      {commands(R"({"type":"RunScript","params":{}})"), 400, "InvalidInput", "params"},
      {commands(R"({"type":"RunScript","params":[1]})"), 400, "InvalidInput", "params[0]"},
      {script(param("ScriptName", "a") + "," + param("scriptname", "b")), 400, "InvalidInput",
       "twice"},
      {script(param("ScriptName", "a") + "," + param("Path", "b")), 400, "InvalidInput",
       "params[1].key"},
      {script(R"({"key":"ScriptName","value":7})"), 400, "InvalidInput", "value"},
      {script(R"({"key":"ScriptName","value":null})"), 400, "InvalidInput", "value"},
      {script(R"({"key":7,"value":"a"})"), 400, "InvalidInput", "key"},
      {commands(get + "," + run), 400, "InvalidInput", "Commands[1]: the order"},
      {commands(run + "," + put), 400, "InvalidInput", "Commands[1]: the order"},
      {commands(get + "," + put), 400, "InvalidInput", "order"},
      {R"({"Commands":[)" + run + R"(],"Comment":7})", 400, "InvalidInput", "Comment"},
      {R"({"Commands":[)" + run + R"(],"Comment":["x"]})", 400, "InvalidInput", "Comment"},
      {R"({"Commands":[)" + run + R"(],"Comment":"a\u0000b"})", 400, "InvalidInput", "Comment"},
      {R"({"Commands":[)" + run + R"(],"Comment":")" + std::string(4001, 'x') + "\"}", 400,
       "InvalidInput", "4000"},
      {R"({"Commands":[)" + run + R"(],"Title":")" + std::string(1001, 'x') + "\"}", 400,
       "InvalidInput", "Title"},
      {R"({"Commands":[)" + run + R"(],"RequestSource":"Nobody"})", 400, "InvalidInput",
       "RequestSource"}};
  for (std::string type : {R"("Delete")", R"("runscript")", "7", "null", R"("RunPowerShell")"}) {
    cases.push_back({commands(R"({"type":)" + type + R"(,"params":[]})"), 400, "InvalidInput",
                     "Commands[0].type"});
  }
  expect_all(cases);
}

TEST(RunLiveResponse, AScriptNameMustBeALibraryName) {  // 15
  std::vector<Bad> cases;
  for (std::string name : {"../../bin/sh", "a/b", ".hidden", "con.ps1\\u0000", "a\\u202eb.sh", "",
                           ".", "..", "a b", "NUL", "con.ps1", "-x", "C:\\\\x.ps1", "a.sh."}) {
    cases.push_back({named(name), 400, "InvalidInput", "ScriptName"});
  }
  cases.push_back({named(std::string(300, 'a')), 400, "InvalidInput", "ScriptName"});
  expect_all(cases);
}

TEST(RunLiveResponse, ArgsTakeNoNulAndAreBounded) {  // 17
  expect_all(
      {{script(param("ScriptName", "a") + "," + param("Args", "x\\u0000")), 400, "InvalidInput",
        "Args"},
       {script(param("ScriptName", "a") + "," + param("Args", std::string((64 << 10) + 1, 'x'))),
        400, "InvalidInput", "Args"}});
}

TEST(RunLiveResponse, AGetFilePathIsBounded) {  // 16
  auto get = [](std::string_view path) {
    return commands(R"({"type":"GetFile","params":[)" + param("Path", path) + "]}");
  };
  expect_all({{get(""), 400, "InvalidInput", "Path"},
              {get("/a\\u0000"), 400, "InvalidInput", "Path"},
              {get(std::string(4097, 'x')), 400, "InvalidInput", "Path"}});
}

// Whether there is such a file, or could be, only its machine can tell.
TEST(RunLiveResponse, AnyOtherGetFilePathIsForTheAgentToJudge) {  // 16
  for (std::string path :
       {"/var/log/auth.log", "C:\\\\x", "relative", "a:b", "~/x", "/日本 ü", "/"}) {
    World world;
    auto reply =
        world.run(commands(R"({"type":"GetFile","params":[)" + param("path", path) + "]}"));
    EXPECT_EQ(reply.status, 201) << path << reply.body;
  }
  auto limits = Limits::load();
  auto parsed = parse_run_body(
      commands(R"({"type":"GetFile","params":[)" + param("Path", std::string(4096, 'x')) + "]}"),
      Bounds::of(*limits, Profile::y2026));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->commands[0].path, std::string(4096, 'x'));
}

TEST(RunLiveResponse, APutFileNameMustBeALibraryName) {  // 15
  auto put = [](std::string_view name) {
    return commands(R"({"type":"PutFile","params":[)" + param("FileName", name) + "]}");
  };
  std::vector<Bad> cases;
  for (std::string name : {"../../bin/sh", "a/b", ".hidden", "con.ps1\\u0000", "", "C:\\\\x.ps1"}) {
    cases.push_back({put(name), 400, "InvalidInput", "FileName"});
  }
  expect_all(cases);
  World world;
  EXPECT_EQ(world.run(put("tool.bin")).status, 201);
}

TEST(RunLiveResponse, MoreThanAHundredCommandsAreTooMany) {  // 11
  std::string one = R"({"type":"RunScript","params":[{"key":"ScriptName","value":"a"}]})";
  std::string list = one;
  for (int i = 1; i < 100; ++i) {
    list += "," + one;
  }
  World world;
  EXPECT_EQ(world.run(commands(list)).status, 201);
  auto reply = world.run(commands(list + "," + one));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.code(), "MaximumBatchSizeExceeded");
  EXPECT_EQ(reply.message(), "Received: 101, allowed: 100");
}

TEST(RunLiveResponse, ABodyOverTheLimitIsTheConnectionsToRefuse) {
  World world;
  auto reply = world.run(std::string((256 << 10) + 1, ' '));
  EXPECT_EQ(reply.status, 413);
  EXPECT_TRUE(reply.by_connection);
}

TEST(RunLiveResponse, ServiceErrorsHaveTheirPinnedAnswers) {  // 18, 19
  struct Pin {
    Errc code;
    int status;
    std::string name;
  };
  for (const Pin& pin :
       {Pin{Errc::already_active, 400, "ActiveRequestAlreadyExists"},
        Pin{Errc::too_many_requests, 429, "TooManyRequests"},
        Pin{Errc::mismatch, 422, "IdempotencyKeyMismatch"}, Pin{Errc::conflict, 409, "Conflict"},
        Pin{Errc::storage_full, 507, "InsufficientStorage"},
        Pin{Errc::unavailable, 503, "ServiceUnavailable"}}) {
    World world;
    world.live.failure = Error{pin.code, "why"};
    auto reply = world.run(test::kRunBody);
    EXPECT_EQ(reply.status, pin.status);
    EXPECT_EQ(reply.code(), pin.name);
    EXPECT_EQ(reply.header("Retry-After").empty(), pin.status != 429 && pin.status != 503);
  }
  World world;
  world.live.failure = Error{Errc::already_active, "machine x has action y"};
  auto reply = world.run(test::kRunBody);
  EXPECT_NE(reply.body.find(R"("message":"Action is already in progress")"), std::string::npos);
}

TEST(RunLiveResponse, AnIdempotencyKeyGoesWithTheDigestOfMachineAndBody) {  // 19
  World world;
  ASSERT_EQ(world.run(test::kRunBody, {{"Idempotency-Key", "k-1"}}).status, 201);
  const auto& key = world.live.last_submit->idempotency_key;
  ASSERT_TRUE(key);
  EXPECT_EQ(key->caller, test::kApp);
  EXPECT_EQ(key->key, "k-1");
  EXPECT_EQ(key->body, crypto::sha256(test::kMachine + test::kRunBody));
}

TEST(RunLiveResponse, ABadIdempotencyKeyIsRefused) {
  World world(World::without_rates());
  for (std::string key : {std::string(), std::string("a b"), std::string("a\tb"),
                          std::string("\xc3\xa9"), std::string(256, 'k')}) {
    auto reply = world.run(test::kRunBody, {{"Idempotency-Key", key}});
    EXPECT_EQ(reply.status, 400) << key;
    EXPECT_EQ(reply.code(), "InvalidInput");
  }
  auto twice = world.run(test::kRunBody, {{"Idempotency-Key", "a"}, {"idempotency-key", "a"}});
  EXPECT_EQ(twice.status, 400);
  EXPECT_EQ(world.live.submits, 0);
  EXPECT_EQ(world.run(test::kRunBody, {{"Idempotency-Key", std::string(255, 'k')}}).status, 201);
}

TEST(RunLiveResponse, AnODataOptionIsRefusedAndOtherNamesAreIgnored) {
  World world;
  std::string path = "/api/machines/" + test::kMachine + "/runliveresponse";
  auto reply = world.post(path + "?$select=id", "Machine.LiveResponse", test::kRunBody);
  EXPECT_EQ(reply.code(), "ODataError");
  EXPECT_NE(reply.message().find("$select"), std::string::npos);
  EXPECT_EQ(world.post(path + "?x=1", "Machine.LiveResponse", test::kRunBody).status, 201);
}

// Source: MDE's roles live response basic and advanced, mde-spec.md §11.
TEST(LiveResponseBasic, FetchesFilesAndRunsNothing) {
  World world(World::without_rates());
  const std::string get = R"({"type":"GetFile","params":[{"key":"Path","value":"/etc/hosts"}]})",
                    put = R"({"type":"PutFile","params":[{"key":"FileName","value":"s.sh"}]})",
                    script =
                        R"({"type":"RunScript","params":[{"key":"ScriptName","value":"s.sh"}]})";
  auto run = [&](const std::string& token, const std::string& commands) {
    return world.post("/api/machines/" + test::kMachine + "/runliveresponse", token,
                      R"({"Commands":[)" + commands + "]}");
  };
  const std::string basic = "basic:Machine.LiveResponse";
  EXPECT_EQ(run(basic, get + "," + get).status, 201);
  const int submits = world.live.submits;
  struct Case {
    std::string commands, start;
  };
  for (const Case& c : {Case{script, "Commands[0]: RunScript "}, Case{put, "Commands[0]: PutFile "},
                        Case{script + "," + get, "Commands[0]: RunScript "},
                        Case{put + "," + script + "," + get, "Commands[0]: PutFile "}}) {
    auto reply = run(basic, c.commands);
    EXPECT_EQ(reply.status, 403) << reply.body;
    EXPECT_EQ(reply.code(), "Forbidden");
    EXPECT_TRUE(reply.message().starts_with(c.start)) << reply.message();
  }
  EXPECT_EQ(world.live.submits, submits);
  EXPECT_EQ(run("user:Machine.LiveResponse", put + "," + script + "," + get).status, 201);
  EXPECT_EQ(run("Machine.LiveResponse", script).status, 201);
}

}  // namespace
}  // namespace reachback::server::rest
