// The API over its fakes: what the tests of this folder and the golden pairs run against.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/json.h"
#include "server/rest/rest_api.h"
#include "server/rest/test_fakes.h"
#include "testing/fake_clock.h"
#include "testing/fake_exchange.h"
#include "testing/fake_links.h"
#include "testing/fake_sessions.h"
#include "testing/fake_stores.h"
#include "testing/fake_webhooks.h"
#include "testing/seeded_random.h"

namespace reachback::server::rest::test {

struct Reply {
  int status = 0;
  net::Headers headers;
  std::string body;
  bool by_connection = false;

  std::string header(std::string_view name) const {
    return std::string(headers.get(name).value_or(""));
  }
  json::Object object() const {
    auto value = json::parse(body);
    return value && value->is_object() ? value->get_object() : json::Object();
  }
  // Of the envelope; "" when the body is none.
  std::string code() const { return member("code"); }
  std::string message() const { return member("message"); }
  std::string target() const { return member("target"); }
  // Of an OAuth body.
  std::string oauth() const {
    json::Object o = object();
    const json::Value* v = o.if_contains("error");
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : "";
  }

 private:
  std::string member(std::string_view name) const {
    json::Object o = object();
    const json::Value* error = o.if_contains("error");
    const json::Value* v =
        error != nullptr && error->is_object() ? error->get_object().if_contains(name) : nullptr;
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : "";
  }
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class World {
 public:
  explicit World(RestOptions options = default_options()) {
    auto made = RestApi::create(
        RestDeps{live, interactive, library, machines, sign_in, verifier, issuer, audiences, audit,
                 refusals, clock, random, app_rates, user_access, background, settings, activity},
        std::move(options));
    if (!made) {
      std::abort();
    }
    api = std::move(*made);
  }
  static RestOptions default_options() {
    RestOptions o;
    o.public_url = "https://api.security.microsoft.com";
    o.tenants = {kTenant};
    o.agents_url = "https://agents.example:8444";
    o.ca_pem = "-----BEGIN CERTIFICATE-----\n";
    o.alias_hosts = {"api.securitycenter.microsoft.com", "login.microsoftonline.com"};
    return o;
  }
  // With the limits off, for tests that call a lot.
  static RestOptions without_rates() {
    RestOptions o = default_options();
    o.limits_enabled = false;
    return o;
  }

  Reply send(std::string method, std::string target, HeaderList headers = {},
             std::string body = "") {
    auto exchange =
        begin(std::move(method), std::move(target), std::move(headers), std::move(body));
    auto response = exchange->wait();
    Reply reply;
    if (response) {
      reply.status = response->status;
      reply.headers = response->headers;
      reply.body = response->head_only ? "" : response->body;
      if (response->source && !response->head_only) {
        read_some(*response->source, reply.body);
      }
      reply.by_connection = exchange->answered_by_connection();
    }
    return reply;
  }
  // What the source has without waiting.
  static void read_some(net::BodySource& source, std::string& to) {
    bool more = true;
    while (more) {
      more = false;
      source.next([&more, &to](std::optional<std::string> piece) {
        more = piece.has_value();
        to += piece.value_or("");
      });
    }
  }
  // Hands a request over and does not wait for its answer.
  std::shared_ptr<testing::FakeExchange> begin(std::string method, std::string target,
                                               HeaderList headers, std::string body) {
    net::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    bool host = false;
    for (auto& [name, value] : headers) {
      host = host || name == "Host";
      request.headers.add(name, value);
    }
    if (!host) {
      request.headers.add("Host", "api.security.microsoft.com");
    }
    request.peer_ip = peer;
    auto exchange = std::make_shared<testing::FakeExchange>(std::move(request), std::move(body));
    api->handle(exchange);
    return exchange;
  }
  Reply get(std::string target, std::string token) {
    return send("GET", std::move(target), {{"Authorization", "Bearer " + token}});
  }
  Reply post(std::string target, std::string token, std::string body, HeaderList more = {}) {
    more.emplace_back("Authorization", "Bearer " + token);
    return send("POST", std::move(target), std::move(more), std::move(body));
  }
  Reply run(std::string body, HeaderList more = {}) {
    return post("/api/machines/" + kMachine + "/runliveresponse", "Machine.LiveResponse",
                std::move(body), std::move(more));
  }

  testing::FakeClock clock{*parse_time("2021-02-04T15:36:52.778884Z")};
  testing::SeededRandom random{1};
  testing::FakeAudit audit;
  testing::FakeScheduler scheduler;
  RefusalTally refusals{audit, scheduler, clock};
  FakeVerifier verifier;
  AppRates app_rates;
  testing::FakeStores stores;  // of users, and of the applications that they sign in through
  FakePasswords passwords;
  DeviceGroups device_groups;
  UserRights user_rights{device_groups};
  FakeIssuer issuer;
  FakeAudiences audiences;
  UserAccess user_access{
      {stores.apps(), stores.users(), passwords, user_rights, issuer, clock, random},
      {std::chrono::minutes(2),
       100,
       {std::chrono::minutes(15), std::chrono::seconds(5), 100, 3},
       {std::chrono::hours(24 * 14), std::chrono::hours(24 * 90)}}};
  FakeSignIn sign_in;
  FakeBackground background;
  testing::FakeWebhookStore webhook_store;
  testing::FakeHookSender webhook_sender;
  std::vector<AppId> revoked;
  Settings settings{
      kTenant,
      AppSettings({stores.apps(), clock, random, [](const AppId&) { return Result<void>(); },
                   [this](const AppId& id) { revoked.push_back(id); }},
                  kTenant),
      UserSettings({stores.users(), passwords, clock, random, &user_rights, &device_groups},
                   kTenant),
      EnrollmentSettings(stores.apps(), clock, random, kTenant),
      Webhooks::create({webhook_store, webhook_sender, scheduler, clock, random, {}}, kTenant,
                       {{"soar", "https://soar.example", {"action.completed"}, Secret("secret")}})};
  FakeAuditChain database_records, access_records;
  Activity activity{{database_records, access_records, stores.actions(), stores.machines()}, 1000};
  FakeMachines machines;
  FakeLibrary library;
  FakeLiveResponse live;
  testing::FakeSessions session_store;
  testing::FakeAgentLinks links;
  Interactive interactive{{session_store, stores.machines(), live, links, scheduler, clock, random},
                          {}};
  std::string peer = "198.51.100.9";
  std::unique_ptr<RestApi> api;
};

inline const std::string kRunBody =
    R"({"Commands":[{"type":"RunScript","params":[{"key":"ScriptName","value":"minidump.ps1"},)"
    R"({"key":"Args","value":"OfficeClickToRun"}]}],"Comment":"Testing Live Response API"})";

}  // namespace reachback::server::rest::test
