#include "server/rest/render.h"

#include <gtest/gtest.h>

#include "server/rest/json_text.h"
#include "server/rest/test_world.h"

namespace reachback::server::rest {
namespace {

// Source: mde-spec.md §7, the observed wire order.
constexpr std::string_view kActionKeys[] = {"@odata.context",
                                            "id",
                                            "type",
                                            "title",
                                            "requestor",
                                            "requestorComment",
                                            "status",
                                            "machineId",
                                            "computerDnsName",
                                            "creationDateTimeUtc",
                                            "lastUpdateDateTimeUtc",
                                            "cancellationRequestor",
                                            "cancellationComment",
                                            "cancellationDateTimeUtc",
                                            "errorHResult",
                                            "scope",
                                            "externalId",
                                            "requestSource",
                                            "relatedFileInfo",
                                            "commands",
                                            "troubleshootInfo"};

json::Object parsed(const std::string& text) {
  auto value = json::parse(text);
  return value && value->is_object() ? value->get_object() : json::Object();
}

TEST(RenderAction, HasEveryPropertyInWireOrder) {
  test::FakeLiveResponse live;
  for (const action::Action& a : live.actions) {
    json::Object object = parsed(render_action("c", a));
    ASSERT_EQ(object.size(), std::size(kActionKeys));
    std::size_t i = 0;
    for (const auto& [key, value] : object) {
      EXPECT_EQ(std::string_view(key), kActionKeys[i++]);
    }
    EXPECT_FALSE(object.contains("error"));  // clients.md 24
  }
}

TEST(RenderAction, SpellsEveryStatus) {
  test::FakeLiveResponse live;
  action::Action a = live.actions.front();
  using action::Status;
  for (auto [status, name] : {std::pair{Status::pending, "Pending"},
                              {Status::cancelled, "Cancelled"},
                              {Status::timed_out, "TimeOut"},
                              {Status::failed, "Failed"},
                              {Status::in_progress, "InProgress"},
                              {Status::succeeded, "Succeeded"}}) {
    a.status = status;
    EXPECT_EQ(parsed(render_action("c", a))["status"], json::Value(name));
  }
  using action::CommandStatus;
  for (auto [status, name] : {std::pair{CommandStatus::created, "Created"},
                              {CommandStatus::completed, "Completed"},
                              {CommandStatus::failed, "Failed"}}) {
    a.commands[0].status = status;
    json::Object object = parsed(render_action("c", a));
    EXPECT_EQ(object["commands"].as_array()[0].as_object()["commandStatus"], json::Value(name));
  }
}

TEST(RenderAction, ShowsACancellationThatWasAskedForAndNotYetConfirmed) {
  test::FakeLiveResponse live;
  action::Action a = live.actions.front();
  a.status = action::Status::in_progress;
  a.cancellation = action::Cancellation{"me", "stop", *parse_time("2021-02-04T15:36:52Z")};
  json::Object object = parsed(render_action("c", a));
  EXPECT_EQ(object["status"], json::Value("InProgress"));
  EXPECT_EQ(object["cancellationRequestor"], json::Value("me"));
  EXPECT_EQ(object["cancellationComment"], json::Value("stop"));
  EXPECT_EQ(object["cancellationDateTimeUtc"], json::Value("2021-02-04T15:36:52Z"));
}

TEST(RenderAction, ShowsErrorsAndTimesOfCommands) {
  test::FakeLiveResponse live;
  action::Action a = live.actions.back();
  a.commands[0].errors = {"outcome \"unknown\"", "two"};
  json::Object object = parsed(render_action("c", a));
  const json::Object& command = object["commands"].as_array()[0].as_object();
  EXPECT_EQ(json::write(command.at("errors")), R"(["outcome \"unknown\"","two"])");
  EXPECT_EQ(command.at("startTime"), json::Value("2021-09-01T09:20:33.353Z"));
  EXPECT_EQ(command.at("endTime"), json::Value("2021-09-01T09:20:39.42Z"));
}

TEST(RenderAction, ShowsWhatAGetFileRead) {
  test::FakeLiveResponse live;
  action::Action a = live.actions.back();
  auto command = [&] {
    return parsed(render_action("c", a))["commands"].as_array()[0].as_object();
  };
  EXPECT_FALSE(command().contains("file"));
  a.commands[0].file = action::FetchedFile{"/run/\"x\"", 3221225472, Sha256{}};
  EXPECT_EQ(json::write(command()["file"]),
            R"({"path":"/run/\"x\"","size":3221225472,"sha256":")" + std::string(64, '0') + "\"}");
}

TEST(RenderMachine, OneInQuarantineSaysSoAndIsNotActive) {
  Freshness fresh{*parse_time("2021-02-04T15:36:52Z"), std::chrono::hours(24 * 7)};
  MachineView view = test::hostname();
  EXPECT_FALSE(parsed(render_machine("c", view, fresh)).contains("quarantine"));
  view.machine.quarantine = Quarantine{*parse_time("2021-02-04T15:00:00Z"), "two of them"};
  json::Object object = parsed(render_machine("c", view, fresh));
  EXPECT_EQ(object["healthStatus"], json::Value("ImpairedCommunication"));
  EXPECT_EQ(json::write(object["quarantine"]),
            R"({"since":"2021-02-04T15:00:00Z","reason":"two of them"})");
}

TEST(RenderMachine, HasWhatClientsLookFor) {  // clients.md 35, mde-spec.md §10
  Freshness fresh{*parse_time("2021-02-04T15:36:52Z"), std::chrono::hours(24 * 7)};
  test::FakeMachines machines;
  auto view = test::hostname();
  json::Object m = parsed(render_machine("c", view, fresh));
  EXPECT_EQ(m["healthStatus"], json::Value("Active"));
  EXPECT_EQ(m["onboardingStatus"], json::Value("Onboarded"));
  EXPECT_TRUE(m["osBuild"].is_int64());
  EXPECT_TRUE(m.contains("aadDeviceId") && m["aadDeviceId"].is_null());
  EXPECT_EQ(json::write(m["machineTags"]), R"(["triage"])");
  EXPECT_EQ(m["osArchitecture"], json::Value("64-bit"));
  EXPECT_EQ(m["lastIpAddress"], json::Value("10.0.0.7"));
  EXPECT_EQ(m["lastExternalIpAddress"], json::Value("203.0.113.7"));
  EXPECT_EQ(m["ipAddresses"].as_array()[0].as_object()["ipAddress"], json::Value("10.0.0.7"));
  EXPECT_EQ(m.size(), 32u);

  view.connected = false;
  EXPECT_EQ(parsed(render_machine("c", view, fresh))["healthStatus"], json::Value("Active"));
  fresh.now += std::chrono::hours(24 * 7);
  EXPECT_EQ(parsed(render_machine("c", view, fresh))["healthStatus"], json::Value("Inactive"));
  view.connected = true;
  EXPECT_EQ(parsed(render_machine("c", view, fresh))["healthStatus"], json::Value("Active"));
}

TEST(RenderLibraryFile, HasEveryProperty) {
  LibraryFile file;
  file.name = "a.sh";
  file.sha256.fill(0xAB);
  file.created_by = "me";
  std::string text = render_library_file("c", file);
  std::string digest(64, 'a');
  for (std::size_t i = 1; i < digest.size(); i += 2) {
    digest[i] = 'b';
  }
  EXPECT_EQ(text, R"({"@odata.context":"c","fileName":"a.sh","sha256":")" + digest +
                      R"(","description":null,"creationTime":"1970-01-01T00:00:00Z",)"
                      R"("lastUpdatedTime":"1970-01-01T00:00:00Z","createdBy":"me",)"
                      R"("hasParameters":false,"parametersDescription":null})");
}

TEST(JsonText, EscapesWhatMustBeEscaped) {
  std::string hostile;
  for (int c = 0; c < 256; ++c) {
    hostile += static_cast<char>(c);
  }
  std::string out;
  append_json_string(out, hostile);
  auto value = json::parse(out);
  ASSERT_TRUE(value.ok());
  EXPECT_TRUE(value->is_string());
  std::string plain;
  append_json_string(plain, "abc /()$");
  EXPECT_EQ(plain, "\"abc /()$\"");
}

TEST(RenderLists, AreCommaSeparated) {
  test::FakeLiveResponse live;
  json::Object object = parsed(render_actions("c", live.actions));
  EXPECT_EQ(object["value"].as_array().size(), 2u);
  EXPECT_EQ(render_empty_list("c"), R"({"@odata.context":"c","value":[]})");
  EXPECT_EQ(render_string("c", "u"), R"({"@odata.context":"c","value":"u"})");
}

}  // namespace
}  // namespace reachback::server::rest
