// The options of the three lists and their /$count. Numbers are the cases of trust.md §5.3.
#include <gtest/gtest.h>

#include <chrono>

#include "base/bytes.h"
#include "server/rest/list_options.h"
#include "server/rest/names.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

using test::World;

const std::string kActions = "/api/machineactions";
const std::string kMachines = "/api/machines";
const std::string kLibrary = "/api/libraryfiles";
const std::string kRead = "Machine.Read.All";
const std::string kManage = "Library.Manage";

// "pending succeeded": which actions a list holds, by their ids.
std::string listed(World& world, const std::string& options) {
  auto reply = world.get(kActions + "?" + options, kRead);
  EXPECT_EQ(reply.status, 200) << options << reply.body;
  std::string out;
  const json::Object object = reply.object();
  for (const json::Value& item : object.at("value").as_array()) {
    const auto id = item.as_object().at("id").as_string();
    out += (out.empty() ? "" : " ") + std::string(id == test::kPending ? "pending" : "succeeded");
  }
  return out;
}

TEST(Lists, AreFilteredByEveryPropertyAsClientsWriteIt) {
  World world(World::without_rates());
  const std::string machine = "4899036531e374137f63289c3267bad772c13fef";
  struct Case {
    std::string filter;
    const char* actions;
  };
  for (const Case& c : std::vector<Case>{
           {"status eq 'Pending'", "pending"},
           {"status+eq+'Pending'+or+status+eq+'InProgress'", "pending"},
           {"machineId%20eq%20'" + machine +
                "'%20and%20(status%20eq%20'Pending'%20or%20status"
                "%20eq%20'InProgress')&$orderby=creationDateTimeUtc%20desc&$top=1",
            "pending"},
           {"MachineId eq '" + machine + "' AND Status ne 'Pending'", "succeeded"},
           {"id eq '" + test::kSucceeded + "'", "succeeded"},
           {"id in (" + test::kSucceeded + ",'" + test::kPending + "')", "pending succeeded"},
           {"type eq 'LiveResponse'", "pending succeeded"},
           {"type eq 'Isolate'", ""},
           {"title eq 'triage'", "succeeded"},
           {"title eq null", "pending"},
           {"requestor eq 'analyst@microsoft.com'", "succeeded"},
           {"startswith(requestor,'analyst')", "succeeded"},
           {"requestorComment eq 'testing'", "pending"},
           {"contains(requestorComment,'esting')", "pending succeeded"},
           {"computerDnsName eq 'DESKTOP-S2455R8'", "pending succeeded"},
           {"endsWith(computerDnsName,'s2455r8')", "pending succeeded"},
           {"creationDateTimeUtc ge 2022-01-01T00:00:00Z", "pending"},
           {"creationDateTimeUtc lt '2022-01-01T01:00:00%2B01:00'", "succeeded"},
           {"lastUpdateDateTimeUtc gt 2021-09-01T09:20:39.9Z", "pending succeeded"},
           {"cancellationRequestor eq null", "pending succeeded"},
           {"cancellationComment ne null", ""},
           {"cancellationDateTimeUtc gt 2021-01-01Z", ""},
           {"errorHResult eq 0", "pending succeeded"},
           {"scope eq null", "pending succeeded"},
           {"externalId eq 'INC-7'", "succeeded"},
           {"requestSource eq 'PublicApi'", "pending succeeded"},
           {"requestor eq 'x'' or ''1''=''1'", ""},  // 7
           {"requestor eq 'x%2527 or 1 eq 1'", ""},  // 17: decoded once
       }) {
    std::string encoded;
    for (char ch : c.filter) {
      encoded += ch == ' ' ? std::string("%20") : std::string(1, ch);
    }
    EXPECT_EQ(listed(world, "$filter=" + encoded), c.actions) << c.filter;
  }
}

TEST(Lists, AreOrderedAndCutAsAsked) {
  World world(World::without_rates());
  EXPECT_EQ(listed(world, ""), "pending succeeded") << "newest first";
  EXPECT_EQ(listed(world, "$orderby=creationDateTimeUtc"), "succeeded pending");
  EXPECT_EQ(listed(world, "$orderby=status+desc,id"), "succeeded pending");
  EXPECT_EQ(listed(world, "$orderby=TITLE"), "pending succeeded") << "null first";
  EXPECT_EQ(listed(world, "$orderby=title%20desc"), "succeeded pending");
  EXPECT_EQ(listed(world, "$top=1"), "pending");
  EXPECT_EQ(listed(world, "$top=1&$skip=1"), "succeeded");
  EXPECT_EQ(listed(world, "$skip=2"), "");  // 12
  EXPECT_EQ(listed(world, "$top=0"), "");
}

TEST(Lists, ShowTheSelectedPropertiesInTheirOrder) {
  World world(World::without_rates());
  auto reply = world.get(kActions + "?$select=STATUS,id&$top=1", kRead);
  EXPECT_EQ(reply.body,
            R"({"@odata.context":"https://api.security.microsoft.com/api/$metadata#MachineActions)"
            R"x((status,id)","value":[{"id":"20d1de3f-acef-4715-8bed-a92223c5553c",)x"
            R"("status":"Pending"}]})");
  reply = world.get(kActions + "?$select=commands&$skip=1", kRead);
  EXPECT_NE(reply.body.find(R"("value":[{"commands":[{"index":0,)"), std::string::npos)
      << reply.body;
  EXPECT_EQ(world.get(kActions + "?$select=*", kRead).body, world.get(kActions, kRead).body);
  reply = world.get(kMachines + "?$select=id,computerDnsName,ipAddresses", kRead);
  EXPECT_EQ(reply.object()["value"].as_array().at(0).as_object().size(), 3u) << reply.body;
  reply = world.get(kLibrary + "?$select=fileName", kManage);
  EXPECT_NE(reply.body.find(R"("value":[{"fileName":"present.sh"}])"), std::string::npos);
}

TEST(Lists, TellHowManyFitTheFilter) {
  World world(World::without_rates());
  auto reply = world.get(kActions + "?$count=true&$top=1&$filter=title+ne+'x'", kRead);
  EXPECT_NE(reply.body.find(R"(#MachineActions","@odata.count":2,"value":[{)"), std::string::npos)
      << reply.body;
  reply = world.get(kActions + "?$count=TRUE&$filter=title+eq+'x'", kRead);
  EXPECT_NE(reply.body.find(R"("@odata.count":0,"value":[]})"), std::string::npos) << reply.body;
  EXPECT_EQ(world.get(kActions + "?$count=false", kRead).body.find("odata.count"),
            std::string::npos);
}

TEST(Lists, CountAlone) {
  World world(World::without_rates());
  auto reply = world.get(kActions + "/$count", kRead);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "2");
  EXPECT_EQ(reply.header("Content-Type"), "text/plain");
  EXPECT_EQ(world.get(kActions + "/%24count?$filter=status+eq+'Pending'", kRead).body, "1");
  EXPECT_EQ(world.get("/api/v1.0/machineactions/$COUNT?$top=1&$skip=1&$orderby=id", kRead).body,
            "2")
      << "no page is counted";
  EXPECT_EQ(world.get(kMachines + "/$count?$filter=osPlatform+eq+'Linux'", kRead).body, "1");
  EXPECT_EQ(world.get(kLibrary + "/$count?$filter=hasParameters", kManage).body, "1");
  EXPECT_EQ(world.get(kLibrary + "/$count?$filter=not+hasParameters", kManage).body, "0");
  EXPECT_EQ(world.get(kActions + "/$count?$filter=x", kRead).code(), "ODataError");
  EXPECT_EQ(world.get(kActions + "/$count?$expand=x", kRead).code(), "ODataError");
  EXPECT_EQ(world.get(kActions + "/$count", kManage).status, 403);
}

TEST(Lists, MachinesAndLibraryFilesAreFilteredToo) {
  World world(World::without_rates());
  auto count = [&](const std::string& list, const std::string& filter, const std::string& role) {
    auto reply = world.get(list + "/$count?$filter=" + filter, role);
    EXPECT_EQ(reply.status, 200) << filter << reply.body;
    return reply.body;
  };
  for (const char* yes :
       {"computerDnsName+eq+'HostName'", "id+eq+'1E5bc9d7e413ddd7902c2932e418702b84d0cc07'",
        "version+eq+'12'", "deviceValue+eq+'Normal'", "aadDeviceId+eq+null",
        "machineTags/any(t:+t+eq+'triage')", "lastSeen+gt+2018-08-01Z", "exposureLevel+eq+'None'",
        "onboardingStatus+eq+'Onboarded'", "lastIpAddress+eq+'10.0.0.7'",
        "healthStatus+eq+'Active'", "osPlatform+ne+'Windows10'", "riskScore+in+('None','Low')",
        "rbacGroupId+eq+0", "startswith(computerDnsName,'host')", "not+isAadJoined",
        "osBuild+lt+22621", "managedBy+eq+'Unknown'"}) {
    EXPECT_EQ(count(kMachines, yes, kRead), "1") << yes;
  }
  for (const char* no : {"rbacGroupId+eq+140", "healthStatus+eq+'Inactive'", "riskScore+eq+'High'",
                         "machineTags/any(t:+t+eq+'Triage')", "computerDnsName+eq+'host'"}) {
    EXPECT_EQ(count(kMachines, no, kRead), "0") << no;
  }
  for (const char* yes : {"fileName+eq+'present.sh'", "createdBy+ne+'x'", "description+ne+null",
                          "creationTime+ge+2021-02-04T15:36:52Z", "parametersDescription+eq+null",
                          "startswith(sha256,'0000')", "lastUpdatedTime+lt+2022-01-01Z"}) {
    EXPECT_EQ(count(kLibrary, yes, kManage), "1") << yes;
  }
}

TEST(Lists, RefuseWhatIsNotServedByName) {  // 6 to 11, 13 to 18
  World world(World::without_rates());
  const auto begun = std::chrono::steady_clock::now();
  struct Bad {
    std::string query;
    std::string message;
  };
  std::string terms = "errorHResult+eq+0";
  for (int i = 0; i < 10'000; ++i) {
    terms += "+or+errorHResult+eq+0";
  }
  const std::string whole = "' must be a whole number from 0 to ";
  for (const Bad& bad : std::vector<Bad>{
           {"$filter=status%20eq%20'Pending'%20or%201%20eq%201",
            "$filter, character 29: '1' stands where a property is expected"},
           {"$filter=status+eq+'x''+or+''1''=''1'",
            "$filter, character 11: 'x' or '1'='1' is no value of status: 'Pending', "
            "'Cancelled', "
            "'TimeOut', 'Failed', 'InProgress', 'Succeeded'"},
           {"$filter=status+eq+'Canceled'",
            "$filter, character 11: 'Canceled' is no value of status: 'Pending', 'Cancelled', "
            "'TimeOut', 'Failed', 'InProgress', 'Succeeded'"},
           {"$filter=colour+eq+'x'",
            "$filter, character 1: 'colour' is no property of MachineAction"},
           {"$filter=status+like+'x'",
            "$filter, character 8: 'like' stands where eq, ne, gt, ge, lt, le or in is expected"},
           {"$filter=length(title)+eq+1",
            "$filter, character 1: the function 'length' is not served: startswith, endswith and "
            "contains are"},
           {"$filter=" + std::string(1000, '('),
            "$filter, character 9: more than 8 parentheses stand within one another"},
           {"$filter=" + terms, "$filter is longer than 8192 bytes"},
           {"$filter=commands+ne+null", "$filter, character 1: commands cannot be filtered by"},
           {"$filter=creationDateTimeUtc+gt+2021-13-45T25:61Z",
            "$filter, character 24: '2021-13-45T25:61Z' is not a date and time, as "
            "creationDateTimeUtc is"},
           {"$filter=creationDateTimeUtc+gt+0000-01-01T00:00:00Z",
            "$filter, character 24: '0000-01-01T00:00:00Z' is not a date and time, as "
            "creationDateTimeUtc is"},
           {"$filter=creationDateTimeUtc+gt+2021-01-01T00:00:00%2B99:99",
            "$filter, character 24: '2021-01-01T00:00:00+99:99' is not a date and time, as "
            "creationDateTimeUtc is"},
           {"$filter=title+eq+%2527x%2527", "$filter, character 10: '%' is not expected here"},
           {"$filter=",
            "$filter, character 1: the filter ends where a property, a function or a value is "
            "expected"},
           {"$top=-1", "The query option '$top" + whole + "10000"},
           {"$top=abc", "The query option '$top" + whole + "10000"},
           {"$top=", "The query option '$top" + whole + "10000"},
           {"$top", "The query option '$top" + whole + "10000"},
           {"$top=10e9", "The query option '$top" + whole + "10000"},
           {"$top=1.0", "The query option '$top" + whole + "10000"},
           {"$top=%2b1", "The query option '$top" + whole + "10000"},
           {"$top=10001", "The query option '$top" + whole + "10000"},
           {"$top=99999999999999999999", "The query option '$top" + whole + "10000"},
           {"$skip=-1", "The query option '$skip" + whole + "2147483647"},
           {"$skip=99999999999999999999", "The query option '$skip" + whole + "2147483647"},
           {"$top=1&$top=1", "The query option '$top' is there twice"},
           {"$top=1&$TOP=1", "The query option '$TOP' is there twice"},
           {"$filter=title+eq+'a'&$filter=title+eq+'b'",
            "The query option '$filter' is there twice"},
           {"$orderby=requestor;drop", "$orderby, character 10: ';' is not expected here"},
           {"$orderby=commands", "$orderby, character 1: commands cannot be ordered by"},
           {"$select=nothing", "$select, character 1: 'nothing' is no property of MachineAction"},
           {"$select=", "$select, character 1: a property is missing"},
           {"$count=maybe", "The query option '$count' must be true or false"},
           {"$expand=evidence", "The query option '$expand' is not supported"},
           {"$apply=x", "The query option '$apply' is not supported"},
           {"$search=x", "The query option '$search' is not supported"},
           {"$skiptoken=forged", "The query option '$skiptoken' is not supported"},
           {"$=1", "The query option '$' is not supported"},
           {"filter=title+eq+'a'", "The query option 'filter' is not supported"},
           {"%2524top=1&$x=%2527", "The query option '$x' is not supported"},
           {"a=%zz", "A parameter is not percent-encoded UTF-8"},
           {"$filter=title+eq+'%00'", "A parameter is not percent-encoded UTF-8"},
           {"$filter=title+eq+'%ff'", "A parameter is not percent-encoded UTF-8"}}) {
    auto reply = world.get(kActions + "?" + bad.query, kRead);
    EXPECT_EQ(reply.status, 400) << bad.query;
    EXPECT_EQ(reply.code(), "ODataError") << bad.query;
    EXPECT_EQ(reply.message(), bad.message);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  for (std::string path : {kActions + "/" + test::kPending, kMachines + "/hostname"}) {
    EXPECT_EQ(world.get(path + "?$select=id", "Machine.ReadWrite.All").code(), "ODataError");
  }
  EXPECT_EQ(world.get("/api/alerts?$filter=x", kRead).code(), "ODataError");
  EXPECT_EQ(world.get(kMachines + "?$filter=ipAddresses+eq+null", kRead).message(),
            "$filter, character 1: ipAddresses cannot be filtered by");
  EXPECT_EQ(world.get(kMachines + "?$filter=machineTags+eq+'x'", kRead).message(),
            "$filter, character 13: machineTags holds several texts: use machineTags/any(x: x eq "
            "'...')");
}

TEST(Lists, GoOnAtTheirNextLinkWithEveryOption) {
  World world(World::without_rates());
  auto next = [&world](const std::string& options) {
    auto object = world.get(kActions + "?" + options, kRead).object();
    const json::Value* link = object.if_contains("@odata.nextLink");
    return link == nullptr ? std::string("none") : std::string(link->get_string());
  };
  const std::string start = "https://api.security.microsoft.com/api/machineactions?";
  EXPECT_EQ(next("$top=1"), "none") << "what was asked for is there";
  EXPECT_EQ(next(""), "none");
  world.live.page_ends_after = 1;  // as where the text is too much, or there are more than 10,000
  EXPECT_EQ(next(""), start + "$skip=1");
  EXPECT_EQ(world.live.last_bounds.bytes_max, 16u << 20);
  EXPECT_EQ(next("$skip=1"), "none");
  EXPECT_EQ(next("$top=2&$skip=0"), start + "$top=1&$skip=1");
  EXPECT_EQ(next("$SELECT=id,title&$count=true&$filter=title+ne+'a%26b'&x=y&$orderby=id+desc"),
            start +
                "$select=id,title&$count=true&$filter=title%20ne%20'a%26b'&$orderby=id%20desc&"
                "$skip=1");
}

TEST(Lists, APageLinksToTheRestUntilThereIsNone) {
  World world(World::without_rates());
  world.live.page_ends_after = 1;
  std::string address = kActions + "?$filter=contains(requestorComment,'t')&$select=id";
  std::string ids;
  int pages = 0;
  for (; pages < 5 && !address.empty(); ++pages) {
    auto object = world.get(address, kRead).object();
    for (const json::Value& item : object["value"].as_array()) {
      ids += std::string(item.as_object().at("id").as_string()) + " ";
    }
    const json::Value* link = object.if_contains("@odata.nextLink");
    address = link == nullptr ? "" : std::string(link->get_string());
    address = address.substr(std::min(address.size(), address.find("/api/")));
  }
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(ids, test::kPending + " " + test::kSucceeded + " ");
}

TEST(Lists, ADearQueryIsRefusedByName) {
  World world(World::without_rates());
  EXPECT_EQ(world.get(kActions, kRead).status, 200);
  EXPECT_EQ(world.live.last_bounds.work_max, 10'000'000u);
}

// What is filtered by is what is shown.
TEST(Lists, NamesOfChoicesAreThoseThatAreShown) {
  const odata::Property& status = *action_entity().find("status");
  ASSERT_EQ(status.choices.size(), 6u);
  for (const odata::Choice& choice : status.choices) {
    EXPECT_EQ(status_name(static_cast<action::Status>(choice.number)), choice.name);
  }
  for (const odata::Choice& choice : action_entity().find("requestSource")->choices) {
    EXPECT_TRUE(is_request_source(choice.name)) << choice.name;
  }
}

TEST(Lists, EveryPropertyThatIsShownIsDescribedInItsOrder) {
  World world(World::without_rates());
  auto shown = [&world](const std::string& path, const std::string& role) {
    std::vector<std::string> names;
    const json::Object object = world.get(path, role).object();
    for (const auto& member : object.at("value").as_array().at(0).as_object()) {
      names.emplace_back(member.key());
    }
    return names;
  };
  auto described = [](const odata::Entity& entity, bool all) {
    std::vector<std::string> names;
    for (const odata::Property& property : entity.properties) {
      if (all || property.name != "quarantine") {  // which is shown while there is one
        names.emplace_back(property.name);
      }
    }
    return names;
  };
  EXPECT_EQ(shown(kActions, kRead), described(action_entity(), true));
  EXPECT_EQ(shown(kMachines, kRead), described(machine_entity(), false));
  EXPECT_EQ(shown(kLibrary, kManage), described(library_entity(), true));
}

// A constant is what is shown, in every row.
TEST(Lists, WhatIsConstantIsShownAsItIsAnswered) {
  World world(World::without_rates());
  struct List {
    const odata::Entity& entity;
    std::string path, role;
  };
  for (const List& list :
       {List{action_entity(), kActions, kRead}, List{machine_entity(), kMachines, kRead}}) {
    auto row = world.get(list.path, list.role).object()["value"].as_array().at(0).as_object();
    for (const odata::Property& property : list.entity.properties) {
      if (!property.constant) {
        continue;
      }
      const json::Value& value = row.at(property.name);
      std::string text = value.is_string() ? "'" + std::string(value.get_string()) + "'"
                         : value.is_null() ? "null"
                         : value.is_bool() ? (value.get_bool() ? "true" : "false")
                                           : std::to_string(value.as_int64());
      auto filter = odata::parse_filter(list.entity, std::string(property.name) + " eq " + text,
                                        {1000, 8, 8, 8, 8});
      ASSERT_TRUE(filter.ok()) << property.name << ": " << filter.error().message;
      EXPECT_TRUE(filter->is_always()) << property.name << " eq " << text;
    }
  }
}

TEST(Lists, OfOneMachineIsTheListWithThatMachineInItsFilter) {
  World world(World::without_rates());
  const std::string of = "/4899036531e374137f63289c3267bad772c13fef/machineActions";
  auto ids = [&](const std::string& path) {
    auto reply = world.get(kMachines + path, kRead);
    EXPECT_EQ(reply.status, 200) << path << reply.body;
    std::size_t n = 0;
    const json::Object object = reply.object();
    for (const json::Value& item : object.at("value").as_array()) {
      EXPECT_EQ(item.as_object().at("machineId").as_string(),
                "4899036531e374137f63289c3267bad772c13fef");
      ++n;
    }
    return n;
  };
  EXPECT_EQ(ids(of), 2u);
  EXPECT_EQ(ids(of + "?$filter=status eq 'Pending'"), 1u);
  EXPECT_EQ(ids(of + "?$filter=status eq 'Pending' or status eq 'Succeeded'&$top=1"), 1u);
  EXPECT_EQ(ids(of + "?$filter=machineId eq '" + test::kMachine + "'"), 0u);
  EXPECT_EQ(ids("/" + test::kMachine + "/machineActions"), 0u);
  EXPECT_EQ(world.get(kMachines + "/hostname/machineActions", kRead).status, 404);
  EXPECT_EQ(world.get(kMachines + of + "?$filter=x", kRead).code(), "ODataError");
}

}  // namespace
}  // namespace reachback::server::rest
