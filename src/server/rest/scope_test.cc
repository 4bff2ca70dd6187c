// Two users with device groups of their own, over the real services and the stores in memory: what
// is outside the scope of one is, byte by byte, what never was. Source: trust.md T11.
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "server/rest/test_routes.h"
#include "server/rest/test_scoped_world.h"

namespace reachback::server::rest {
namespace {

using test::kTenant;
using test::Place;
using test::Reply;
using test::ScopedWorld;

constexpr const char* kNobody = "00000000000000000000000000000000000000aa";
constexpr const char* kNothing = "99999999-aaaa-4bbb-8ccc-dddddddddddd";

// What each route with a body takes, by the end of its address.
std::string body_of(const Route& route, const std::string& machine) {
  const std::map<std::string_view, std::string> bodies = {
      {"runliveresponse",
       R"({"Commands":[{"type":"GetFile","params":[{"key":"Path","value":"/etc/hosts"}]}]})"},
      {"tags", R"({"Value":"new","Action":"Add"})"},
      {"setDeviceValue", R"({"DeviceValue":"High"})"},
      {"{id}", R"({"deviceValue":"High"})"},
      {"AddOrRemoveTagForMultipleMachines",
       R"({"Value":"new","Action":"Add","MachineIds":[")" + machine + R"("]})"},
      {"runAntiVirusScan", R"({"Comment":"c","ScanType":"Quick"})"},
      {"StopAndQuarantineFile",
       R"({"Comment":"c","Sha1":"87662bc3d60e4200ceaf7aae249d1c343f4b83c9"})"}};
  if (route.body_max == nullptr) {
    return "";
  }
  auto found = bodies.find(route.path.substr(route.path.rfind('/') + 1));
  return found == bodies.end() ? R"({"Comment":"c"})" : found->second;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Everything that is sent, with the id asked for and the name of the answer taken out.
std::string shape_of_reply(const Reply& reply, const std::string& id) {
  std::string out = std::to_string(reply.status) + "\n";
  for (const auto& [name, value] : reply.headers.all()) {
    out += name + ": " + value + "\n";
  }
  static const std::regex target(R"("target":"[0-9a-f-]{36}")");
  return out + replaced(std::regex_replace(reply.body, target, "\"target\":\"\""), id, "<id>");
}

// A route's address with an id.
std::string with_id(const Route& route, const std::string& id) {
  return replaced(replaced(std::string(route.path), "{id}", id), "{index}", "index=0");
}

TEST(Scope, AnObjectOutsideIsByteForByteAnIdThatNeverWas) {
  ScopedWorld world;
  struct Caller {
    const char* token;
    Place own, other;
  };
  std::size_t asked = 0;
  for (const Caller& caller :
       {Caller{"east", world.east, world.west}, Caller{"west", world.west, world.alone},
        Caller{"none", world.east, world.east}}) {
    const Machine machine_before = world.machine(caller.other);
    const auto actions_before = world.actions(caller.other);
    for (const Route& route : route_table()) {
      const bool of_action = route.path.starts_with("/api/machineactions/{id}");
      const bool many = route.name == "machines.tag_many";
      if (!of_action && !many && !route.path.starts_with("/api/machines/{id}")) {
        continue;
      }
      auto ask = [&](const std::string& id, const std::string& tail) {
        auto reply = world.send(std::string(route.method), with_id(route, id) + tail,
                                {{"Authorization", std::string("Bearer ") + caller.token}},
                                body_of(route, id));
        return std::pair(reply.status, shape_of_reply(reply, id));
      };
      std::vector<std::string> tails = {""};
      if (route.name == "actions.get") {
        tails.push_back("?waitFor=final&timeout=1s");
      }
      std::vector<std::string> others = {caller.other.machine.text()};
      if (of_action) {
        others = {caller.other.finished.text(), caller.other.pending.text()};
      }
      for (const std::string& tail : tails) {
        const auto unknown = ask(of_action ? kNothing : kNobody, tail);
        EXPECT_EQ(unknown.first, 404) << test::name_of(route) << unknown.second;
        for (const std::string& other : others) {
          EXPECT_EQ(ask(other, tail).second, unknown.second) << test::name_of(route) << tail;
          ++asked;
        }
        // The caller's own is there.
        if (std::string_view(caller.token) != "none") {
          const auto own =
              ask(of_action ? caller.own.finished.text() : caller.own.machine.text(), tail);
          EXPECT_NE(own.second, unknown.second) << test::name_of(route);
          EXPECT_TRUE(own.first != 404 || route.name == "actions.package") << own.second;
        }
      }
    }
    EXPECT_EQ(world.machine(caller.other), machine_before);
    EXPECT_EQ(world.actions(caller.other), actions_before);
  }
  EXPECT_GT(asked, 60u);
}

std::vector<std::string> ids_of(const Reply& reply) {
  std::vector<std::string> out;
  const json::Object object = reply.object();
  const json::Value* value = object.if_contains("value");
  if (reply.status != 200 || value == nullptr || !value->is_array()) {
    ADD_FAILURE() << reply.status << " " << reply.body;
    return out;
  }
  for (const json::Value& item : value->get_array()) {
    const json::Value& id = item.get_object().at("id");
    out.push_back(id.is_string() ? std::string(id.get_string()) : json::write(id));
  }
  std::sort(out.begin(), out.end());
  return out;
}
std::vector<std::string> sorted(std::vector<std::string> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST(Scope, ListsAndCountsHoldWhatIsInside) {
  ScopedWorld world;
  const std::string east = world.east.machine.text(), west = world.west.machine.text(),
                    alone = world.alone.machine.text();
  auto actions_of = [](const Place& place) {
    return std::vector<std::string>{place.finished.text(), place.pending.text()};
  };
  std::vector<std::string> of_east = actions_of(world.east), of_both = of_east;
  for (const std::string& id : actions_of(world.west)) {
    of_both.push_back(id);
  }
  struct Case {
    const char* token;
    std::vector<std::string> machines, actions, groups;
  };
  for (const Case& c : {Case{"east", {east}, of_east, {"1"}},
                        Case{"both", sorted({east, west}), sorted(of_both), {"1", "2"}},
                        Case{"none", {}, {}, {}}}) {
    const std::string by_ip =
        "/api/machines/findbyip(ip='10.0.0.7',timestamp=2021-02-04T15:40:00Z)";
    for (const std::string& list : std::vector<std::string>{"/api/machines", by_ip}) {
      EXPECT_EQ(ids_of(world.get(list, c.token)), c.machines) << list;
    }
    EXPECT_EQ(world.get("/api/machines/$count", c.token).body, std::to_string(c.machines.size()));
    EXPECT_EQ(ids_of(world.get("/api/machines/findbytag?tag=shared", c.token)), c.machines);
    EXPECT_EQ(ids_of(world.get("/api/machines?$filter=id+eq+'" + alone + "'", c.token)).size(), 0u);
    auto counted = world.get("/api/machines?$top=0&$count=true", c.token);
    EXPECT_NE(counted.body.find("\"@odata.count\":" + std::to_string(c.machines.size()) + ","),
              std::string::npos)
        << counted.body;
    EXPECT_EQ(ids_of(world.get("/api/machineactions", c.token)), sorted(c.actions));
    EXPECT_EQ(world.get("/api/machineactions/$count", c.token).body,
              std::to_string(c.actions.size()));
    EXPECT_EQ(
        ids_of(world.get("/api/machineactions?$filter=machineId+eq+'" + alone + "'", c.token)),
        std::vector<std::string>{});
    EXPECT_EQ(ids_of(world.get("/api/machineactions?$filter=id+eq+" + world.alone.pending.text() +
                                   "+or+status+eq+'Pending'",
                               c.token))
                  .size(),
              c.actions.size() / 2);
    EXPECT_EQ(ids_of(world.get("/api/machinegroups", c.token)), c.groups);
  }
  EXPECT_EQ(ids_of(world.get("/api/machines", "all")), sorted({east, west, alone}));
  EXPECT_EQ(ids_of(world.get("/api/machineactions", "all")).size(), 6u);
  EXPECT_EQ(ids_of(world.get("/api/machinegroups", "all")), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(ids_of(world.get("/api/machines/" + east + "/machineActions", "east")),
            sorted(of_east));
  EXPECT_EQ(ids_of(world.get("/api/machines/findbytag?tag=west", "east")),
            std::vector<std::string>{});
}

TEST(Scope, ANameIsThatOfTheMachineInside) {
  ScopedWorld world;
  EXPECT_EQ(world.get("/api/machines/web", "all").code(), "InvalidInput");
  for (auto [token, place] : {std::pair("east", world.east), std::pair("west", world.west)}) {
    auto reply = world.get("/api/machines/web", token);
    EXPECT_EQ(reply.status, 200);
    EXPECT_NE(reply.body.find(place.machine.text()), std::string::npos);
    EXPECT_EQ(shape_of_reply(world.get("/api/machines/db", token), "db"),
              shape_of_reply(world.get("/api/machines/nobody", token), "nobody"));
  }
}

TEST(Scope, ManyMachinesAreChangedOnlyWhenAllOfThemAreInside) {
  ScopedWorld world;
  const std::string own = world.east.machine.text(), other = world.west.machine.text();
  auto ask = [&](const std::string& second) {
    return world.post(
        "/api/machines/AddOrRemoveTagForMultipleMachines", "east",
        R"({"Value":"new","Action":"Add","MachineIds":[")" + own + R"(",")" + second + R"("]})");
  };
  auto refused = ask(other);
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(shape_of_reply(refused, other), shape_of_reply(ask(kNobody), kNobody));
  EXPECT_EQ(world.machine(world.east).tags, (std::vector<std::string>{"east", "shared"}));
  EXPECT_EQ(ids_of(world.post("/api/machines/AddOrRemoveTagForMultipleMachines", "both",
                              R"({"Value":"new","Action":"Add","MachineIds":[")" + own + R"(",")" +
                                  other + R"("]})"))
                .size(),
            2u);
}

TEST(Scope, NobodyWithAScopeMovesAMachineIntoOneOrOutOfOne) {
  ScopedWorld world;
  const std::string machine = "/api/machines/" + world.east.machine.text();
  auto patch = [&](const std::string& token, const std::string& body) {
    return world.send("PATCH", machine, {{"Authorization", "Bearer " + token}}, body);
  };
  std::vector<Reply> refused;
  for (const char* body :
       {R"({"Value":"west","Action":"Add"})", R"({"Value":"east","Action":"Remove"})"}) {
    refused.push_back(world.post(machine + "/tags", "east", body));
    refused.push_back(world.post(machine + "/tags", "both", body));
  }
  refused.push_back(patch("east", R"({"machineTags":["shared"]})"));
  refused.push_back(patch("both", R"({"machineTags":["west","east"]})"));
  for (std::size_t i = 0; i < refused.size(); ++i) {
    EXPECT_EQ(refused[i].status, 403) << i;
    EXPECT_EQ(refused[i].code(), "DisallowedOperation") << i;
    const char* tag = i == 2 || i == 3 || i == 4 ? "'east'" : "'west'";
    EXPECT_NE(refused[i].message().find(tag), std::string::npos) << refused[i].message();
  }
  EXPECT_EQ(world.machine(world.east).tags, (std::vector<std::string>{"east", "shared"}));
  // Other tags are anybody's, and what is so already moves nothing.
  EXPECT_EQ(patch("east", R"({"machineTags":["x","east"]})").status, 200);
  EXPECT_EQ(world.post(machine + "/tags", "east", R"({"Value":"east","Action":"Add"})").status,
            200);
  // Who sees every machine may.
  EXPECT_EQ(world.post(machine + "/tags", "all", R"({"Value":"west","Action":"Add"})").status, 200);
  EXPECT_EQ(world.get(machine, "west").status, 200);
}

TEST(Scope, TheGroupOfAMachineIsTheFirstByIdWhoseTagItHas) {
  ScopedWorld world;
  world.set_tags(world.alone.machine, {"west", "east"});
  struct Case {
    Place place;
    const char* text;
  };
  for (const Case& c : {Case{world.east, R"("rbacGroupId":1,"rbacGroupName":"East")"},
                        Case{world.west, R"("rbacGroupId":2,"rbacGroupName":"West")"},
                        Case{world.alone, R"("rbacGroupId":1,"rbacGroupName":"East")"}}) {
    auto reply = world.get("/api/machines/" + c.place.machine.text(), "all");
    EXPECT_NE(reply.body.find(c.text), std::string::npos) << reply.body;
  }
  EXPECT_EQ(ids_of(world.get("/api/machines?$filter=rbacGroupId+eq+1", "all")),
            sorted({world.east.machine.text(), world.alone.machine.text()}));
  EXPECT_EQ(ids_of(world.get("/api/machines?$filter=rbacGroupName+eq+'West'", "all")),
            std::vector<std::string>{world.west.machine.text()});
  world.groups.set(kTenant, {});
  auto reply = world.get("/api/machines/" + world.east.machine.text(), "all");
  EXPECT_NE(reply.body.find(R"("rbacGroupId":0,"rbacGroupName":null)"), std::string::npos);
}

TEST(Scope, ARepeatIsNotAnsweredWhenItsMachineHasLeft) {
  ScopedWorld world;
  const Place fresh = [&] {
    Place out = world.place("new", {"east"});
    auto cancelled = world.post("/api/machineactions/" + out.pending.text() + "/cancel", "east",
                                R"({"Comment":"c"})");
    EXPECT_EQ(cancelled.status, 200) << cancelled.body;
    return out;
  }();
  const std::string body =
      R"({"Commands":[{"type":"RunScript","params":[{"key":"ScriptName","value":"s.sh"}]}]})";
  auto run = [&](const std::string& machine) {
    return world.post("/api/machines/" + machine + "/runliveresponse", "east", body,
                      {{"Idempotency-Key", "once"}});
  };
  const std::string id = fresh.machine.text();
  auto first = run(id);
  EXPECT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(run(id).body, first.body);
  world.set_tags(fresh.machine, {"west"});
  EXPECT_EQ(shape_of_reply(run(id), id),
            shape_of_reply(world.post("/api/machines/" + std::string(kNobody) + "/runliveresponse",
                                      "east", body),
                           kNobody));
}

TEST(Scope, WhoWaitsForAnActionThatLeavesLearnsNothingOfItsEnd) {
  ScopedWorld world;
  net::Request request;
  request.method = "GET";
  request.target =
      "/api/machineactions/" + world.east.pending.text() + "?waitFor=final&timeout=30s";
  request.headers.add("Host", "api.security.microsoft.com");
  request.headers.add("Authorization", "Bearer east");
  auto exchange = std::make_shared<testing::FakeExchange>(std::move(request), "");
  world.api->handle(exchange);
  world.set_tags(world.east.machine, {"west"});
  auto cancelled = world.post("/api/machineactions/" + world.east.pending.text() + "/cancel",
                              "west", R"({"Comment":"c"})");
  EXPECT_EQ(cancelled.status, 200) << cancelled.body;
  auto response = exchange->wait();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 404);
}

}  // namespace
}  // namespace reachback::server::rest
