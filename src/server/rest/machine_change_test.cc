// Finding and changing machines, and MDE's other machine actions.
#include <gtest/gtest.h>

#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using test::kMachine;
using test::World;

const std::string kMachines = "/api/machines/";
const std::string kUnknown = "00000000000000000000000000000000000000aa";

test::Reply change(World& world, const std::string& end, std::string body) {
  return world.post(kMachines + end, "Machine.ReadWrite.All", std::move(body));
}

std::string wide(std::string_view letter) {
  std::string out;
  for (int i = 0; i < 60; ++i) {
    out += letter;
  }
  return out;
}

struct Bad {
  std::string body;
  int status;
  std::string code, in_message;
};
void expect_refused(const std::string& end, const std::vector<Bad>& cases) {
  for (const Bad& bad : cases) {
    World world(World::without_rates());
    auto reply = change(world, end, bad.body);
    EXPECT_EQ(reply.status, bad.status) << bad.body << reply.body;
    EXPECT_EQ(reply.code(), bad.code) << bad.body;
    EXPECT_NE(reply.message().find(bad.in_message), std::string::npos)
        << bad.body << reply.message();
    EXPECT_FALSE(world.machines.changed) << bad.body;
  }
}

TEST(MachineTags, AreAddedAndRemovedForOneAndForMany) {
  World world;
  ASSERT_EQ(change(world, kMachine + "/tags", R"({"Value":" web ","Action":"Add"})").status, 200);
  EXPECT_EQ(world.machines.changed->add_tags, std::vector<std::string>{"web"});
  EXPECT_EQ(world.machines.changed->tags_max, 100u);
  EXPECT_EQ(world.machines.changed_by.requestor, test::kApp);
  EXPECT_TRUE(world.machines.changed_by.origin.request.has_value());
  ASSERT_EQ(change(world, kMachine + "/tags", R"({"Value":"web","Action":"Remove"})").status, 200);
  EXPECT_EQ(world.machines.changed->remove_tags, std::vector<std::string>{"web"});
  EXPECT_TRUE(world.machines.changed->add_tags.empty());
  auto many = change(world, "addorremovetagformultiplemachines",
                     R"({"Value":"a","Action":"Add","MachineIds":[")" + kMachine + R"("]})");
  ASSERT_EQ(many.status, 200) << many.body;
  EXPECT_EQ(many.object().at("value").as_array().size(), 1u);
  auto one_unknown = change(
      world, "AddOrRemoveTagForMultipleMachines",
      R"({"Value":"a","Action":"Add","MachineIds":[")" + kMachine + R"(",")" + kUnknown + R"("]})");
  EXPECT_EQ(one_unknown.status, 404);
  EXPECT_NE(one_unknown.message().find(kUnknown), std::string::npos);
}

TEST(MachineTags, BadBodiesAreRefusedByName) {
  expect_refused(kMachine + "/tags",
                 {{"", 400, "InvalidRequestBody", ""},
                  {"[]", 400, "InvalidRequestBody", "object"},
                  {R"({"Action":"Add"})", 400, "MissingRequiredParameter", "Value"},
                  {R"({"Value":"x"})", 400, "MissingRequiredParameter", "Action"},
                  {R"({"value":"x","Action":"Add"})", 400, "MissingRequiredParameter", "Value"},
                  {R"({"Value":"x","Action":"add"})", 400, "InvalidInput", "Action"},
                  {R"({"Value":7,"Action":"Add"})", 400, "InvalidInput", "Value"},
                  {R"({"Value":"  ","Action":"Add"})", 400, "InvalidInput", "Value"},
                  {R"({"Value":"a\nb","Action":"Add"})", 400, "InvalidInput", "control"},
                  {R"({"Value":")" + std::string(201, 'x') + R"(","Action":"Add"})", 400,
                   "InvalidInput", "200 characters"}});
  expect_refused(kUnknown + "/tags",
                 {{R"({"Value":"x","Action":"Add"})", 404, "ResourceNotFound", kUnknown}});
  expect_refused("hostname/tags",
                 {{R"({"Value":"x","Action":"Add"})", 404, "ResourceNotFound", "hostname"}});
  std::string many = R"({"Value":"x","Action":"Add","MachineIds":[)";
  for (int i = 0; i < 501; ++i) {
    many += (i == 0 ? "\"" : ",\"") + kUnknown + "\"";
  }
  expect_refused(
      "AddOrRemoveTagForMultipleMachines",
      {{R"({"Value":"x","Action":"Add"})", 400, "MissingRequiredParameter", "MachineIds"},
       {R"({"Value":"x","Action":"Add","MachineIds":[]})", 400, "InvalidInput", "MachineIds"},
       {R"({"Value":"x","Action":"Add","MachineIds":["hostname"]})", 400, "InvalidInput",
        "MachineIds[0]"},
       {R"({"Value":"x","Action":"Add","MachineIds":[")" + kMachine + R"(",")" + kMachine +
            R"("]})",
        400, "InvalidInput", "twice"},
       {many + "]}", 400, "MaximumBatchSizeExceeded", "Received: 501, allowed: 500"}});
}

TEST(MachinePatch, SetsTagsAndValueAndNothingElse) {
  World world;
  auto reply =
      world.send("PATCH", kMachines + kMachine, {{"Authorization", "Bearer Machine.ReadWrite.All"}},
                 R"({"machineTags":["a","b"],"deviceValue":"Low"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(world.machines.changed->tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(world.machines.changed->device_value, DeviceValue::low);
  struct Case {
    std::string body, code, in_message;
  };
  for (const Case& bad : std::vector<Case>{
           {"{}", "MissingRequiredParameter", "machineTags"},
           {R"({"machineTags":"a"})", "InvalidInput", "machineTags"},
           {R"({"machineTags":["a",1]})", "InvalidInput", "machineTags[1]"},
           {R"({"machineTags":["a","a"]})", "InvalidInput", "twice"},
           {R"({"deviceValue":"low"})", "InvalidInput", "Normal, Low or High"},
           {R"({"deviceValue":null})", "MissingRequiredParameter", "deviceValue"},
           {R"({"deviceValue":"Low","rbacGroupId":7})", "InvalidInput", "rbacGroupId"},
           // A long name is cut between two characters.
           {R"({"x)" + wide("ü") + R"(":1})", "InvalidInput", "üü' cannot be set"}}) {
    World fresh;
    reply = fresh.send("PATCH", kMachines + kMachine,
                       {{"Authorization", "Bearer Machine.ReadWrite.All"}}, bad.body);
    EXPECT_EQ(reply.status, 400) << bad.body;
    EXPECT_EQ(reply.code(), bad.code) << bad.body;
    EXPECT_NE(reply.message().find(bad.in_message), std::string::npos) << reply.message();
    EXPECT_FALSE(fresh.machines.changed) << bad.body;
  }
  expect_refused(kMachine + "/setDeviceValue",
                 {{R"({"DeviceValue":"Highest"})", 400, "InvalidInput", "DeviceValue"},
                  {R"({})", 400, "MissingRequiredParameter", "DeviceValue"}});
}

TEST(FindByIp, TakesMdesFormAndRefusesEveryOther) {
  World world(World::without_rates());
  auto find = [&](const std::string& arguments) {
    world.machines.found_by.clear();
    return world.get("/api/machines/FindByIp(" + arguments + ")", "Machine.Read.All");
  };
  for (std::string good : {"ip='10.0.0.7',timestamp=2021-02-04T15:00:00Z",
                           "IP='10.0.0.7',Timestamp=2021-02-04T15:00:00Z",
                           "timestamp=2021-02-04T15:00:00Z,ip='10.0.0.7'",
                           "ip=%2710.0.0.7%27%2Ctimestamp=2021-02-04T15%3A00%3A00Z"}) {
    ASSERT_EQ(find(good).status, 200) << good;
    EXPECT_EQ(world.machines.found_by, "10.0.0.7 2021-02-04T15:00:00Z 10001") << good;
  }
  ASSERT_EQ(find("ip='FE80:0::1',timestamp=2021-01-06T15:00:00.5Z").status, 200);
  EXPECT_EQ(world.machines.found_by, "fe80::1 2021-01-06T15:00:00.5Z 10001");
  struct Case {
    std::string arguments, code;
  };
  for (const Case& bad : std::vector<Case>{
           {"", "ODataError"},
           {"ip='10.0.0.7'", "ODataError"},
           {"timestamp=2021-02-04T15:00:00Z", "ODataError"},
           {"ip=10.0.0.7,timestamp=2021-02-04T15:00:00Z", "ODataError"},
           {"ip='10.0.0.7',ip='10.0.0.8',timestamp=2021-02-04T15:00:00Z", "ODataError"},
           {"ip='10.0.0.7',timestamp=2021-02-04T15:00:00Z,x=1", "ODataError"},
           {"ip='10.0.0.777',timestamp=2021-02-04T15:00:00Z", "InvalidIpAddress"},
           {"ip='',timestamp=2021-02-04T15:00:00Z", "InvalidIpAddress"},
           {"ip='x" + wide("%C3%BC") + "',timestamp=2021-02-04T15:00:00Z", "InvalidIpAddress"},
           {"ip='10.0.0.7',timestamp=yesterday", "InvalidInput"},
           {"ip='10.0.0.7',timestamp=2021-01-05T15:36:00Z", "InvalidInput"},     // 30 days and more
           {"ip='10.0.0.7',timestamp=2021-02-04T15:52:00Z", "InvalidInput"}}) {  // ahead
    auto reply = find(bad.arguments);
    EXPECT_EQ(reply.status, 400) << bad.arguments;
    EXPECT_EQ(reply.code(), bad.code) << bad.arguments;
    EXPECT_EQ(reply.message().find("\xef\xbf\xbd"), std::string::npos) << reply.message();
    EXPECT_EQ(world.machines.found_by, "") << bad.arguments;
  }
}

TEST(FindByTag, IsTheListWithThatTagInItsFilter) {
  World world(World::without_rates());
  auto find = [&](const std::string& query) {
    return world.get("/api/machines/findbytag" + query, "Machine.Read.All");
  };
  auto found = [&](const std::string& query) {
    auto reply = find(query);
    EXPECT_EQ(reply.status, 200) << query << reply.body;
    return reply.object().at("value").as_array().size();
  };
  EXPECT_EQ(found("?tag=triage"), 1u);  // the machine's only tag
  EXPECT_EQ(found("?tag=tri"), 0u);
  EXPECT_EQ(found("?useStartsWithFilter=True&tag=tri"), 1u);
  EXPECT_EQ(found("?tag=tri&useStartsWithFilter=false"), 0u);
  EXPECT_EQ(found("?tag=tri+age"), 0u);
  EXPECT_EQ(found("?tag=triage&$filter=osPlatform eq 'Linux'&$select=id"), 1u);
  EXPECT_EQ(found("?tag=triage&$filter=osPlatform eq 'Windows10'"), 0u);
  EXPECT_EQ(find("").code(), "MissingRequiredParameter");
  EXPECT_EQ(find("?tag=").code(), "MissingRequiredParameter");
  EXPECT_EQ(find("?tag=a&tag=b").code(), "InvalidInput");
  EXPECT_EQ(find("?tag=a&useStartsWithFilter=1").code(), "InvalidInput");
  EXPECT_EQ(find("?tag=a&$expand=x").code(), "ODataError");
}

TEST(OtherActions, AreCheckedAndThenNotSupported) {
  struct Action {
    std::string name, role, extra;
  };
  for (const Action& action :
       std::vector<Action>{{"isolate", "Machine.Isolate", R"(,"IsolationType":"Full")"},
                           {"isolate", "Machine.Isolate", ""},
                           {"unisolate", "Machine.Isolate", ""},
                           {"RunAntiVirusScan", "Machine.Scan", R"(,"ScanType":"Quick")"},
                           {"restrictCodeExecution", "Machine.RestrictExecution", ""},
                           {"unrestrictcodeexecution", "Machine.RestrictExecution", ""},
                           {"StopAndQuarantineFile", "Machine.StopAndQuarantine",
                            R"(,"Sha1":"87662BC3D60E4200CEAF7AAE249D1C343F4B83C9")"},
                           {"collectInvestigationPackage", "Machine.CollectForensics", ""},
                           {"offboard", "Machine.Offboard", ""}}) {
    World world(World::without_rates());
    auto send = [&](const std::string& machine, const std::string& body) {
      return world.post(kMachines + machine + "/" + action.name, action.role, body);
    };
    const std::string good = R"({"Comment":"x")" + action.extra + "}";
    auto reply = send(kMachine, good);
    EXPECT_EQ(reply.status, 400) << action.name;
    EXPECT_EQ(reply.code(), "OsPlatformNotSupported") << action.name << reply.body;
    EXPECT_EQ(send(kUnknown, good).code(), "ResourceNotFound") << action.name;
    EXPECT_EQ(send("hostname", good).code(), "ResourceNotFound") << action.name;
    EXPECT_EQ(send(kMachine, "{}").code(), "MissingRequiredParameter") << action.name;
    EXPECT_EQ(send(kMachine, "").code(), "InvalidRequestBody") << action.name;
    EXPECT_EQ(world.live.touched(), 0) << action.name;
  }
  World world(World::without_rates());
  auto code = [&](const std::string& name, const std::string& role, const std::string& body) {
    return world.post(kMachines + kMachine + "/" + name, role, body).code();
  };
  EXPECT_EQ(code("isolate", "Machine.Isolate", R"({"Comment":"x","IsolationType":"Half"})"),
            "InvalidInput");
  EXPECT_EQ(code("runAntiVirusScan", "Machine.Scan", R"({"Comment":"x"})"),
            "MissingRequiredParameter");
  EXPECT_EQ(code("runAntiVirusScan", "Machine.Scan", R"({"Comment":"x","ScanType":""})"),
            "MissingRequiredParameter");
  EXPECT_EQ(code("StopAndQuarantineFile", "Machine.StopAndQuarantine",
                 R"({"Comment":"x","Sha1":"87662b"})"),
            "InvalidInput");
}

TEST(PackageUri, IsNeverThereAndHasAnHourlyLimitOfItsOwn) {
  World world;
  auto ask = [&](const std::string& id) {
    return world.get("/api/machineactions/" + id + "/getPackageUri", "Machine.CollectForensics");
  };
  auto known = ask(test::kPending);
  EXPECT_EQ(known.status, 404);
  EXPECT_NE(known.message().find("has no investigation package"), std::string::npos);
  EXPECT_EQ(ask("no-guid").status, 404);
  EXPECT_EQ(ask(test::kPending).status, 429);  // Source: MDE: two calls a minute
}

}  // namespace
}  // namespace reachback::server::rest
