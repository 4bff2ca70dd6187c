// The API over the real services and the stores in memory, with users who have device groups.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "server/rest/test_world.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_stores.h"
#include "testing/sample_action.h"
#include "testing/wait_for.h"

namespace reachback::server::rest::test {

using testing::wait_for;

// "east", "west", "both", "none": users with every permission and these device groups; "all": one
// without.
class ScopedVerifier : public TokenVerifier {
 public:
  Result<Principal> verify(std::string_view token, Timestamp) override {
    Principal p;
    p.tenant = kTenant;
    p.caller = p.requestor = std::string(token) + "@example.com";
    p.delegated = true;
    p.permissions = ~Permissions{0};
    if (token == "both") {
      p.machine_tags = {"east", "west"};
    } else if (token == "none") {
      p.machine_tags = std::vector<std::string>();
    } else if (token != "all") {
      p.machine_tags = {std::string(token)};
    }
    return p;
  }
  void revoke_app(const AppId&, Timestamp) override {}
};

// A machine with a name, an address and a tag of its own or shared, and its actions.
struct Place {
  MachineId machine;
  ActionId finished, pending;
};

class ScopedWorld : public World {
 public:
  ScopedWorld() : World(without_rates()) {
    EXPECT_TRUE(
        wait_for([&](auto d) { stores.apps().add_tenant(Tenant{kTenant, "default"}, d); }).ok());
    groups.set(kTenant, {{kTenant, 1, "East", "east", {}}, {kTenant, 2, "West", "west", {}}});
    LibraryFile script;
    script.tenant = kTenant;
    script.name = "s.sh";
    script.sha256 = crypto::sha256("echo");
    script.bytes = 4;
    script.blob = std::string(32, 'b');
    script.created = script.updated = clock.now();
    EXPECT_TRUE(
        wait_for<LibraryFile>([&](auto d) { stores.library().put(script, false, d); }).ok());
    east = place("web", {"east", "shared"});
    west = place("web", {"west", "shared"});
    alone = place("db", {});
    auto made =
        RestApi::create(RestDeps{*live_response, real_interactive, library, *real_machines, sign_in,
                                 scoped, issuer, audiences, audit, refusals, clock, random,
                                 app_rates, user_access, background, settings, activity},
                        without_rates());
    EXPECT_TRUE(made.ok());
    api = std::move(*made);
  }
  ~ScopedWorld() { api.reset(); }

  MachineId enrolled(const std::string& name, const std::vector<std::string>& tags) {
    const Sha256 token = testing::sample_digest(random);
    EXPECT_TRUE(wait_for([&](auto d) {
                  stores.apps().add_token(
                      {kTenant, token, clock.now() + std::chrono::hours(1), 1, tags, clock.now()},
                      d);
                }).ok());
    Machine m;
    m.id = testing::sample_machine_id(random);
    m.public_key = "key of " + m.id.text();
    m.name = name;
    m.os_platform = "Linux";
    m.addresses = {{"10.0.0.7", "", {}, {}}};
    m.first_seen = m.last_seen = clock.now();
    EXPECT_TRUE(wait_for<Machine>([&](auto d) {
                  stores.machines().enroll(token, m, clock.now(), d);
                }).ok());
    return m.id;
  }
  Place place(const std::string& name, const std::vector<std::string>& tags) {
    Place out;
    out.machine = enrolled(name, tags);
    out.finished = finished(out.machine);
    out.pending = inserted(out.machine).id;
    return out;
  }
  action::Action inserted(const MachineId& machine) {
    auto a = testing::sample_action(random, kTenant, machine, clock.now());
    auto done = wait_for<Inserted>(
        [&](auto d) { stores.actions().insert(a, {}, {}, testing::sample_audit("accepted"), d); });
    EXPECT_TRUE(done.ok());
    return done->action;
  }
  ActionId finished(const MachineId& machine) {
    action::Action a = inserted(machine);
    step(a, action::Claimed{JournalGeneration::make(random)});
    for (std::uint32_t i = 0; i < a.commands.size(); ++i) {
      auto end = testing::sample_end(random, a, i, clock.now());
      const std::string content = "result " + std::to_string(i);
      end.result = {to_hex(random.bytes(16)), content.size(), crypto::sha256(content)};
      EXPECT_TRUE(wait_for<BlobInfo>([&](auto d) {
                    blobs.put(kTenant, end.result->name, content, d);
                  }).ok());
      step(a, end);
    }
    EXPECT_EQ(a.status, action::Status::succeeded);
    return a.id;
  }
  void step(action::Action& a, action::Event event) {
    auto next = action::step(a, event, clock.now()).next;
    auto stored = wait_for<action::Action>(
        [&](auto d) { stores.actions().replace(next, testing::sample_audit("step"), d); });
    ASSERT_TRUE(stored.ok()) << stored.error().message;
    a = *stored;
  }
  void set_tags(const MachineId& machine, std::vector<std::string> tags) {
    MachineChange change;
    change.tags = std::move(tags);
    change.tags_max = 9;
    ASSERT_TRUE(wait_for<std::vector<Machine>>([&](auto d) {
                  stores.machines().change({kTenant, {}}, {machine}, change,
                                           testing::sample_audit("changed"), d);
                }).ok());
  }
  Machine machine(const Place& of) {
    return *wait_for<Machine>([&](auto d) { stores.machines().get(kTenant, of.machine, d); });
  }
  std::vector<action::Action> actions(const Place& of) {
    std::vector<action::Action> out;
    for (const ActionId& id : {of.finished, of.pending}) {
      out.push_back(
          *wait_for<action::Action>([&](auto d) { stores.actions().get(kTenant, id, d); }));
    }
    return out;
  }

  testing::FakeBlobStore blobs;
  testing::FakeNotifier notify;
  testing::FakeSigner signer;
  DeviceGroups groups;
  ScopedVerifier scoped;
  std::unique_ptr<Machines> real_machines =
      Machines::create(stores.machines(), links, clock, groups);
  std::unique_ptr<LiveResponse> live_response = LiveResponse::create(
      LiveResponseDeps{stores.actions(), stores.machines(), stores.library(), blobs, notify, links,
                       signer, audit, scheduler, clock, clock, random},
      LiveResponseLimits{}, std::string(32, 'k'));
  Interactive real_interactive{
      {session_store, stores.machines(), *live_response, links, scheduler, clock, random},
      InteractiveLimits{{0, 0, 1, std::chrono::minutes(30)}, std::chrono::minutes(30), 1000}};
  Place east, west, alone;
};

}  // namespace reachback::server::rest::test
