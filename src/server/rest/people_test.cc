// The extension API for people: who calls, which machines are there, what happened.
#include <gtest/gtest.h>

#include "server/rest/test_scoped_world.h"
#include "server/rest/test_users.h"

namespace reachback::server::rest {
namespace {

using test::kMachine;
using test::kTenant;
using test::ScopedWorld;
using test::UserWorld;
using test::World;

std::string text(const json::Value& value) {
  return json::write(value);
}

TEST(Me, AnApplicationLearnsWhatItMay) {
  World world;
  auto r = world.get("/api/reachback/me", "Machine.Read.All+Audit.Read");
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(r.body, R"({"name":"2f48b784-5da5-4e61-9957-012d2630f1e4",)"
                    R"("application":"2f48b784-5da5-4e61-9957-012d2630f1e4","roles":[],)"
                    R"("permissions":["Machine.Read.All","Audit.Read"],)"
                    R"("liveResponseAdvanced":false,"groups":[],"allMachines":true,)"
                    R"("expires":"2021-02-04T16:35:52.778884Z"})");
}

TEST(Me, AUserLearnsItsRolesAndTheGroupsThatItSees) {
  UserWorld world;
  world.device_groups.set(kTenant,
                          {{kTenant, 1, "East", "east", {}}, {kTenant, 2, "West", "w", {}}});
  world.machines.device_groups.set(kTenant, {{kTenant, 1, "East", "east", {}}});
  world.ann.roles = bit(UserRole::viewer) | bit(UserRole::live_response_basic);
  world.ann.groups = {1};
  world.user_rights.set(world.ann);
  auto r = world.get("/api/reachback/me", "ann:Machine.Read+Machine.LiveResponse+Library.Manage");
  ASSERT_EQ(r.status, 200) << r.body;
  auto o = r.object();
  EXPECT_EQ(text(o.at("name")), "\"ann@corp.example\"");
  EXPECT_EQ(text(o.at("application")), '"' + console_app_id().text() + '"');
  EXPECT_EQ(text(o.at("roles")), R"(["viewer","live-response-basic"])");
  EXPECT_EQ(text(o.at("permissions")), R"(["Machine.Read","Machine.LiveResponse"])")
      << "the role has no library";
  EXPECT_EQ(text(o.at("liveResponseAdvanced")), "false");
  EXPECT_EQ(text(o.at("groups")), R"(["East"])");
  EXPECT_EQ(text(o.at("allMachines")), "false");
}

TEST(Me, AnOptionIsRefusedAsEverywhere) {
  World world;
  EXPECT_EQ(world.get("/api/reachback/me?$select=name", "Machine.Read.All").status, 400);
}

TEST(MachineState, TellsSinceWhenTheMachineIsConnected) {
  World world;
  auto r = world.get("/api/reachback/machines/" + kMachine + "/state", "Machine.Read.All");
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(r.body, R"({"online":true,"since":"2021-02-04T14:00:00Z","agentVersion":"0.1.0",)"
                    R"("lastSeen":"2021-02-04T15:00:00.5Z","quarantined":false})");
  EXPECT_EQ(
      world.get("/api/reachback/machines/" + test::kUnknownMachine + "/state", "Machine.Read.All")
          .status,
      404);
}

Claim claim_of(const MachineId& machine, Timestamp since) {
  Claim claim;
  claim.tenant = kTenant;
  claim.machine = machine;
  claim.since = since;
  return claim;
}

TEST(MachineState, OfAMachineOutsideTheCallersGroupsIsThatOfAnUnknownOne) {
  ScopedWorld world;
  world.links.connect(claim_of(world.east.machine, world.clock.now()));
  const std::string address = "/api/reachback/machines/" + world.east.machine.text() + "/state";
  auto east = world.get(address, "east");
  ASSERT_EQ(east.status, 200) << east.body;
  EXPECT_NE(east.body.find(R"("online":true,"since":"2021-02-04T15:36:52.778884Z")"),
            std::string::npos)
      << east.body;
  auto west = world.get(address, "west");
  EXPECT_EQ(west.status, 404);
  EXPECT_EQ(west.message(), "Machine " + world.east.machine.text() + " was not found");
  world.links.disconnect(world.east.machine);
  EXPECT_NE(world.get(address, "east").body.find(R"("online":false,"since":null)"),
            std::string::npos);
}

TEST(OnlineMachines, AreThoseOfTheCallersGroupsInOrder) {
  ScopedWorld world;
  for (const auto& place : {world.east, world.west, world.alone}) {
    world.links.connect(claim_of(place.machine, world.clock.now()));
  }
  Claim foreign = claim_of(testing::sample_machine_id(world.random), world.clock.now());
  foreign.tenant = test::kOtherTenant;
  world.links.connect(foreign);
  auto ids = [&world](const std::string& who, const std::string& options = "") {
    auto r = world.get("/api/reachback/onlineMachines" + options, who);
    EXPECT_EQ(r.status, 200) << r.body;
    return r.body;
  };
  std::vector<std::string> all{world.east.machine.text(), world.west.machine.text(),
                               world.alone.machine.text()};
  std::sort(all.begin(), all.end());
  EXPECT_EQ(ids("all"), R"({"value":[")" + all[0] + R"(",")" + all[1] + R"(",")" + all[2] + "\"]}");
  EXPECT_EQ(ids("all", "?$top=1&$skip=1"), R"({"value":[")" + all[1] + "\"]}");
  EXPECT_EQ(ids("all", "?$skip=3"), R"({"value":[]})");
  EXPECT_EQ(ids("west"), R"({"value":[")" + world.west.machine.text() + "\"]}");
  EXPECT_EQ(ids("none"), R"({"value":[]})");
  world.links.disconnect(world.west.machine);
  EXPECT_EQ(ids("west"), R"({"value":[]})");
  for (const char* bad : {"?$top=10001", "?$top=-1", "?$filter=x", "?$skip=x"}) {
    EXPECT_EQ(world.get("/api/reachback/onlineMachines" + std::string(bad), "all").status, 400)
        << bad;
  }
}

AuditItem item(std::string kind, std::string who) {
  AuditItem out;
  out.at = *parse_time("2026-01-01T00:00:00Z");
  out.tenant = kTenant;
  out.kind = std::move(kind);
  out.principal = std::move(who);
  return out;
}

TEST(Audit, ARecordSaysWhoDidWhatToWhichMachineAndWhatCameOfIt) {
  World world;
  AuditItem mint = item("mint", "ann@corp.example");
  mint.token_id = "jti";
  mint.action = *ActionId::parse(test::kSucceeded);
  mint.machine = *MachineId::parse(kMachine);
  mint.command = 2;
  mint.object = "its object\n<b>";
  mint.result = "200";
  mint.peer_ip = "192.0.2.1";
  mint.request = "ab";
  world.access_records.items = {mint};
  world.database_records.items = {item("accepted", "bob")};
  world.database_records.items[0].detail = "one command";
  auto r = world.get("/api/reachback/audit", "Audit.Read");
  ASSERT_EQ(r.status, 200) << r.body;
  EXPECT_EQ(
      r.body,
      R"({"value":[{"sequence":2,"chain":"database","record":1,"time":"2026-01-01T00:00:00Z",)"
      R"("what":"accepted","who":"bob","tokenId":null,"machineId":null,"actionId":null,)"
      R"("commandIndex":null,"object":null,"detail":"one command","outcome":null,"peerIp":null,)"
      R"("requestHash":null},{"sequence":3,"chain":"access","record":1,)"
      R"("time":"2026-01-01T00:00:00Z","what":"mint","who":"ann@corp.example","tokenId":"jti",)"
      R"("machineId":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07",)"
      R"("actionId":"5382f7ea-7557-4ab7-9782-d50480024a4e","commandIndex":2,)"
      R"("object":"its object\n<b>","detail":null,"outcome":"200","peerIp":"192.0.2.1",)"
      R"("requestHash":"ab"}],"nextBefore":null})");
}

TEST(Audit, PagesGoOnWithWhatThePageBeforeSays) {
  World world;
  for (int i = 0; i < 5; ++i) {
    world.database_records.items.push_back(item("k" + std::to_string(i), "ann"));
  }
  std::string seen, before;
  for (int page = 0; page < 3; ++page) {
    auto r = world.get("/api/reachback/audit?$top=2" + before, "Audit.Read");
    ASSERT_EQ(r.status, 200) << r.body;
    auto o = r.object();
    for (const auto& record : o.at("value").as_array()) {
      seen += std::string(record.as_object().at("what").as_string().c_str()) + " ";
    }
    if (o.at("nextBefore").is_string()) {
      before = "&before=" + std::string(o.at("nextBefore").as_string().c_str());
    } else {
      EXPECT_EQ(page, 2);
    }
  }
  EXPECT_EQ(seen, "k4 k3 k2 k1 k0 ");
}

TEST(Audit, FiltersAreReadAndWhatIsWrongIsNamed) {
  World world;
  world.database_records.items = {item("accepted", "ann"), item("granted", "system")};
  auto found = [&world](const std::string& query) {
    auto r = world.get("/api/reachback/audit?" + query, "Audit.Read");
    EXPECT_EQ(r.status, 200) << r.body;
    return r.object().at("value").as_array().size();
  };
  EXPECT_EQ(found("who=ANN"), 1u);
  EXPECT_EQ(found("what=granted"), 1u);
  EXPECT_EQ(found("what=&who=&machineId=&actionId=&before="), 2u) << "empty: does not matter";
  EXPECT_EQ(found("machineId=" + kMachine), 0u);
  for (const auto& [query, word] : std::vector<std::pair<std::string, std::string>>{
           {"machineId=web", "machineId"},
           {"actionId=7", "actionId"},
           {"before=7", "before"},
           {"before=" + std::string(300, '9') + "-1", "before"},
           {"$top=0", "$top"},
           {"$top=1001", "$top"},
           {"$skip=1", "$skip"},
           {"$filter=x", "$filter"},
           {"who=a&who=b", "who"},
           {"$top=1&$top=2", "$top"}}) {
    auto r = world.get("/api/reachback/audit?" + query, "Audit.Read");
    EXPECT_EQ(r.status, 400) << query;
    EXPECT_NE(r.message().find(word), std::string::npos) << query << ": " << r.message();
  }
}

TEST(Audit, AUserNeedsTheRoleAdminAndTheScope) {
  UserWorld world;
  for (UserRole role : {UserRole::viewer, UserRole::approver, UserRole::library,
                        UserRole::live_response_advanced}) {
    world.ann.roles = bit(role);
    world.user_rights.set(world.ann);
    EXPECT_EQ(world.get("/api/reachback/audit", "ann:Audit.Read").status, 403);
  }
  world.ann.roles = bit(UserRole::admin);
  world.user_rights.set(world.ann);
  EXPECT_EQ(world.get("/api/reachback/audit", "ann:Audit.Read").status, 200);
  EXPECT_EQ(world.get("/api/reachback/audit", "ann:Reachback.Manage").status, 403);
}

TEST(Audit, WhenTooMuchWaitsTheCallerIsToldToComeAgain) {
  World world;
  world.background.full = true;
  auto r = world.get("/api/reachback/audit", "Audit.Read");
  EXPECT_EQ(r.status, 503);
  EXPECT_FALSE(r.header("Retry-After").empty());
}

}  // namespace
}  // namespace reachback::server::rest
