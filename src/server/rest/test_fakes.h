// Fakes of every service and port that the API needs, with fixed content, so that expected answers
// can be written by hand.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "server/ports/console_app.h"
#include "server/rest/rest_api.h"
#include "server/service/texts.h"
#include "testing/fake_links.h"
#include "testing/list_in_memory.h"

namespace reachback::server::rest::test {

inline const TenantId kTenant = *TenantId::parse("72f988bf-86f1-41af-91ab-2d7cd011db47");
inline const TenantId kOtherTenant = *TenantId::parse("11111111-2222-4333-8444-555555555555");
inline const std::string kMachine = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
inline const std::string kUnknownMachine = "ffffffffffffffffffffffffffffffffffffffff";
inline const std::string kPending = "20d1de3f-acef-4715-8bed-a92223c5553c";
inline const std::string kSucceeded = "5382f7ea-7557-4ab7-9782-d50480024a4e";
inline const std::string kUnknownAction = "99999999-aaaa-4bbb-8ccc-dddddddddddd";
inline const UserId kAnn = *UserId::parse("bbbbbbbb-0000-4000-8000-000000000001");
inline const GrantId kAnnsGrant = *GrantId::parse("cccccccc-0000-4000-8000-000000000001");
inline const std::string kApp = "2f48b784-5da5-4e61-9957-012d2630f1e4";
inline const std::string kSecret = "right-secret";
inline const std::string kAssertion = "right.signed.assertion";
inline const std::string kLink =
    "https://core.windows.net/investigation-actions-data/ID/CustomPlaybookCommandOutput/"
    "4ed5e7807ad1fe59b00b664fe06a0f07?se=2021-02-04T16%3A13%3A50Z&sp=r&sv=2019-07-07&sr=b&sig="
    "1dYGe9rPvUlXBPvYSmr6/OLXPY98m8qWqfIQCBbyZTY%3D";

// Tokens are "<roles with '+' between>", "other:<roles>" for the other tenant, "user:<scopes>" for
// a delegated one of elsewhere, "ann:<scopes>" for one of our user kAnn, "basic:<scopes>" for one
// of a user with live response basic; "expired" and "elsewhere" (another audience) are refused.
class FakeVerifier : public TokenVerifier {
 public:
  Result<Principal> verify(std::string_view token, Timestamp now) override {
    ++calls;
    if (token == "elsewhere") {
      return Error{Errc::forbidden, "The token is for another audience"};
    }
    Principal p;
    p.tenant = kTenant;
    p.caller = p.requestor = p.application = kApp;
    p.expires = now + std::chrono::minutes(59);
    if (token.starts_with("other:")) {
      token.remove_prefix(6);
      p.tenant = kOtherTenant;
      p.caller = p.requestor = "8f3b7c55-0000-4000-8000-000000000001";
    } else if (token.starts_with("ann:")) {
      token.remove_prefix(4);
      p.delegated = true;
      p.caller = p.requestor = "ann@corp.example";
      p.application = console_app_id().text();
      p.user = UserToken{kAnn, kAnnsGrant, now};
    } else if (token.starts_with("user:")) {
      token.remove_prefix(5);
      p.delegated = true;
      p.caller = p.requestor = "analyst@microsoft.com";
    }
    const bool basic = token.starts_with("basic:");
    if (basic) {
      token.remove_prefix(6);
      p.delegated = true;
      p.caller = p.requestor = "helper@microsoft.com";
    }
    bool known = false;
    while (!token.empty()) {
      auto end = std::min(token.find('+'), token.size());
      std::string_view role = token.substr(0, end);
      Permissions got = p.delegated ? permission_of_scope(role) : permission_of_role(role);
      known = known || got != 0 || role == "Nothing.At.All";
      p.permissions |= got;
      token.remove_prefix(std::min(end + 1, token.size()));
    }
    if (basic) {
      p.permissions &= ~bit(Permission::live_response_advanced);
    }
    if (!known) {
      return Error{Errc::unauthenticated, "The token is expired or not valid"};
    }
    return p;
  }
  void revoke_app(const AppId&, Timestamp) override {}
  int calls = 0;
};

class FakeIssuer : public TokenIssuer {
 public:
  // Tells what it was asked for: "token of ann: Machine.Read @ https://..".
  IssuedToken issue(const TokenSpec& spec, Timestamp) override {
    std::string text = "token of " + (spec.user ? spec.user->name : spec.app.text()) + ":";
    for (const std::string& scope : spec.user ? spec.user->scopes : spec.roles) {
      text += " " + scope;
    }
    return IssuedToken{text + " @ " + spec.audience, 3599, "jti"};
  }
  std::string id_token(const IdTokenSpec& spec, Timestamp) override {
    return "id of " + spec.user_name + " nonce " + spec.nonce;
  }
  std::string jwks() const override { return R"({"keys":[]})"; }
  std::vector<std::string> algorithms() const override { return names; }
  std::vector<std::string> names{"ES256"};
};

class FakeAudiences : public Audiences {
 public:
  std::string own() const override { return "https://api.security.microsoft.com"; }
  Result<std::string> of_resource(std::string_view resource) const override {
    if (resource.find("securitycenter") == std::string_view::npos) {
      return Error{Errc::invalid_scope, "The resource is not known."};
    }
    return std::string(resource);
  }
  Result<std::string> of_scope(std::string_view scope) const override {
    constexpr std::string_view kDefault = "/.default";
    if (!scope.ends_with(kDefault) || scope.find(' ') != std::string_view::npos) {
      return Error{Errc::invalid_scope, "The scope is not known."};
    }
    return of_resource(scope.substr(0, scope.size() - kDefault.size()));
  }
};

// The password of a user is its hash with "hash of " before.
class FakePasswords : public Passwords {
 public:
  Result<std::string> hash(const Secret& password) override {
    return "hash of " + std::string(password.reveal());
  }
  void verify(std::string stored, Secret password, Done<bool> done) override {
    if (failure) {
      done(*failure);
      return;
    }
    auto answer = [=] { done(stored == "hash of " + std::string(password.reveal())); };
    if (held) {
      held->push_back(std::move(answer));
      return;
    }
    answer();
  }
  std::optional<Error> failure;
  std::optional<std::vector<std::function<void()>>> held;  // set: checks that go on
};

// Runs work at once, or says that too much waits.
class FakeBackground : public Background {
 public:
  bool post(std::function<void()> work) override {
    if (full) {
      return false;
    }
    work();
    return true;
  }
  bool full = false;
};

// A position is the number of a record.
class FakeAuditChain : public AuditChain {
 public:
  Result<std::uint64_t> end() override { return items.size() + 1; }
  Result<AuditPiece> before(std::uint64_t position, std::size_t most) override {
    AuditPiece out;
    for (std::uint64_t n = position; n > 1 && out.items.size() < most; --n) {
      out.items.push_back(items[n - 2]);
      out.items.back().position = out.items.back().record = n - 1;
    }
    out.begin = out.items.empty() || out.items.back().record == 1;
    return out;
  }
  std::vector<AuditItem> items;  // the oldest first
};

class FakeSignIn : public SignIn {
 public:
  void client_credentials(std::string tenant, std::string client_id, Secret secret,
                          std::string audience, TokenVersion version,
                          Done<IssuedToken> done) override {
    last_audience = audience;
    last_version = version;
    ++calls;
    if (failure) {
      done(*failure);
    } else if (tenant == kTenant.text() && client_id == kApp && secret.reveal() == kSecret) {
      done(IssuedToken{"eyJ0eXAiOiJhdCtqd3QifQ.e30.AAAA", 3599});
    } else {
      done(unknown_client());
    }
  }
  // Takes kAssertion of kApp, for those who ask for it at the right address.
  void client_assertion(AssertionSignIn request, Done<IssuedToken> done) override {
    last_audience = request.audience;
    last_version = request.version;
    last_token_urls = request.token_urls;
    ++calls;
    if (failure) {
      done(*failure);
    } else if (request.tenant == kTenant.text() && request.client_id == kApp &&
               request.assertion.reveal() == kAssertion) {
      IssuedToken token{"eyJ0eXAiOiJhdCtqd3QifQ.e30.AAAA", 3599};
      token.certificate = "c0ffee";
      done(token);
    } else {
      done(Error{Errc::invalid_assertion, "Client assertion failed signature validation."});
    }
  }
  // Public clients, and kApp with its secret.
  void client(ClientCredentials credentials, Done<AuthenticatedClient> done) override {
    for (const App& app : apps) {
      const bool is_public = !app.secret;
      if (credentials.client_id == app.id.text() &&
          (is_public ? credentials.secret.empty() : credentials.secret.reveal() == kSecret)) {
        done(AuthenticatedClient{app, is_public ? ClientProof::none : ClientProof::secret});
        return;
      }
    }
    done(unknown_client());
  }
  std::vector<App> apps;
  std::optional<Error> failure;
  std::string last_audience;
  std::optional<TokenVersion> last_version;
  std::vector<std::string> last_token_urls;
  int calls = 0;
};

inline MachineView hostname() {
  MachineView v;
  v.machine.tenant = kTenant;
  v.machine.id = *MachineId::parse(kMachine);
  v.machine.name = "hostname";
  v.machine.public_key = "key";
  v.machine.os_platform = "Linux";
  v.machine.os_version = "12";
  v.machine.os_architecture = "64-bit";
  v.machine.agent_version = "0.1.0";
  v.machine.last_ip = "10.0.0.7";
  v.machine.last_external_ip = "203.0.113.7";
  v.machine.os_distribution = "Debian GNU/Linux";
  v.machine.os_processor = "x64";
  v.machine.os_build = 18;
  v.machine.addresses = {
      {"10.0.0.7", "\x8c\xec\x4b\x89\x7e\x73", InterfaceType::ethernet, OperationalStatus::up}};
  v.machine.tags = {"triage"};
  v.machine.first_seen = *parse_time("2021-01-01T00:00:00Z");
  v.machine.last_seen = *parse_time("2021-02-04T15:00:00.5Z");
  v.connected = true;
  v.connected_since = *parse_time("2021-02-04T14:00:00Z");
  return v;
}

class FakeMachines : public Machines {
 public:
  void list(const Principal& by, odata::Query query, Duration, ListBounds bounds,
            Done<Page<MachineView>> done) override {
    last_page = {query.skip, query.top};
    std::vector<Machine> all;
    if (by.tenant == kTenant && !empty) {
      all.push_back(hostname().machine);
    }
    const MachineContext connected{[](const MachineId&, Timestamp) { return true; },
                                   device_groups.all(by.tenant)};
    auto page = testing::list_in_memory(
        all, query, bounds, [&connected](const Machine& m) { return getter(m, connected); });
    if (!page) {
      done(page.error());
      return;
    }
    Page<MachineView> views{{}, page->more, page->passed, page->count};
    for (Machine& m : page->items) {
      auto group = device_groups.group_of(by.tenant, m.tags);
      views.items.push_back({std::move(m), true, {}, std::move(group)});
    }
    done(std::move(views));
  }
  void get(const Principal& by, std::string id_or_name, Done<MachineView> done) override {
    if (by.tenant == kTenant && (id_or_name == kMachine || id_or_name == "hostname" ||
                                 id_or_name == "4899036531e374137f63289c3267bad772c13fef")) {
      MachineView view = hostname();
      view.group = device_groups.group_of(by.tenant, view.machine.tags);
      done(view);
    } else {
      done(machine_not_found(id_or_name));
    }
  }
  void online(const Principal& by, Done<std::vector<MachineId>> done) override {
    done(by.tenant == kTenant ? online_now : std::vector<MachineId>());
  }
  std::vector<MachineId> online_now{*MachineId::parse(kMachine)};
  std::vector<DeviceGroup> groups(const Principal& by) const override {
    return *device_groups.all(by.tenant);
  }
  void find_by_ip(const Principal& by, std::string ip, Timestamp at, std::uint64_t top,
                  Done<std::vector<MachineView>> done) override {
    found_by = ip + " " + format_time(at) + " " + std::to_string(top);
    done(by.tenant == kTenant ? std::vector{hostname()} : std::vector<MachineView>());
  }
  void change(const Principal& by, std::vector<MachineId> ids, MachineChange change,
              std::string kind, Done<std::vector<MachineView>> done) override {
    std::vector<MachineView> out;
    for (const MachineId& id : ids) {
      if (id.text() != kMachine) {
        done(machine_not_found(id.text()));
        return;
      }
      MachineView view = hostname();
      view.machine.tags = change.tags.value_or(view.machine.tags);
      view.machine.tags.insert(view.machine.tags.end(), change.add_tags.begin(),
                               change.add_tags.end());
      view.machine.device_value = change.device_value.value_or(DeviceValue::normal);
      out.push_back(view);
    }
    changed = change;
    changed_by = by;
    changed_kind = kind;
    done(std::move(out));
  }
  void enroll(Enrollment, Done<Machine> done) override {
    done(Error{Errc::internal, "not served here"});
  }
  DeviceGroups device_groups;
  std::string found_by;
  std::optional<MachineChange> changed;
  Principal changed_by;
  std::string changed_kind;
  bool empty = false;
  std::pair<std::uint64_t, std::uint64_t> last_page;
};

class FakeLibrary : public Library {
 public:
  void upload(const Principal& by, LibraryUpload upload, Done<LibraryFile> done) override {
    last = upload;
    if (failure) {
      done(*failure);
      return;
    }
    if (upload.file_name == "present.sh" && !upload.override_if_exists) {
      done(library_file_exists("present.sh"));
      return;
    }
    LibraryFile file;
    file.name = upload.file_name;
    file.description = upload.description;
    file.parameters_description = upload.parameters_description;
    file.has_parameters = upload.has_parameters;
    file.created_by = by.requestor;
    file.created = file.updated = *parse_time("2021-02-04T15:36:52Z");
    done(file);
  }
  void list(const Principal& by, odata::Query query, ListBounds bounds,
            Done<Page<LibraryFile>> done) override {
    std::vector<LibraryFile> out;
    if (by.tenant == kTenant) {
      LibraryFile file;
      file.name = "present.sh";
      file.description = "what is running";
      file.has_parameters = true;
      file.created_by = kApp;
      file.created = file.updated = *parse_time("2021-02-04T15:36:52Z");
      out.push_back(file);
    }
    done(testing::list_in_memory(out, query, bounds,
                                 [](const LibraryFile& f) { return getter(f); }));
  }
  void remove(const Principal& by, std::string name, Done<void> done) override {
    ++removals;
    if (by.tenant == kTenant && name == "present.sh") {
      done({});
    } else {
      done(library_file_not_found(name));
    }
  }
  std::optional<LibraryUpload> last;
  std::optional<Error> failure;
  int removals = 0;
};

class FakeLiveResponse : public LiveResponse {
 public:
  FakeLiveResponse() {
    action::Action pending;
    pending.tenant = kTenant;
    pending.id = *ActionId::parse(kPending);
    pending.machine = *MachineId::parse("4899036531e374137f63289c3267bad772c13fef");
    pending.machine_name = "desktop-s2455r8";
    pending.requestor = kApp;
    pending.comment = "testing";
    pending.request_source = "PublicApi";
    pending.created = pending.updated = *parse_time("2022-02-07T10:32:14.1704612Z");
    action::Command put;
    put.type = action::CommandType::put_file;
    put.params = {{"FileName", "C:\\Users\\demisto\\Desktop\\test.txt"}};
    pending.commands = {put};
    actions.push_back(pending);

    action::Action done = pending;
    done.id = *ActionId::parse(kSucceeded);
    done.status = action::Status::succeeded;
    done.requestor = "analyst@microsoft.com";
    done.comment = "Testing Live Response API";
    done.title = "triage";
    done.external_id = "INC-7";
    done.created = *parse_time("2021-09-01T09:20:00Z");
    done.updated = *parse_time("2021-09-01T09:20:40Z");
    action::Command run;
    run.params = {{"ScriptName", "minidump.ps1"}, {"Args", "OfficeClickToRun"}};
    run.status = action::CommandStatus::completed;
    run.started = *parse_time("2021-09-01T09:20:33.353Z");
    run.ended = *parse_time("2021-09-01T09:20:39.42Z");
    run.receipt = std::string(64, 's') + "what it did";
    done.commands = {run};
    actions.push_back(done);
  }

  void submit(const Principal& by, SubmitRequest request, Done<action::Action> done) override {
    ++submits;
    last_submit = request;
    if (failure) {
      done(*failure);
      return;
    }
    if (by.tenant != kTenant || request.machine.text() != kMachine) {
      done(machine_not_found(request.machine.text()));
      return;
    }
    action::Action a;
    a.tenant = by.tenant;
    a.id = *ActionId::parse("c9042f9b-8483-4526-87b5-35e4c2532223");
    a.machine = request.machine;
    a.machine_name = "hostname";
    a.requestor = by.requestor;
    a.comment = request.comment;
    a.title = request.title;
    a.external_id = request.external_id;
    a.request_source = request.request_source;
    a.created = a.updated = *parse_time("2021-02-04T15:36:52.778884Z");
    for (const SubmitCommand& c : request.commands) {
      action::Command command;
      command.type = c.type;
      command.params = c.params;
      a.commands.push_back(command);
    }
    done(a);
  }
  void get(const Principal& by, ActionId id, Done<action::Action> done) override {
    ++gets;
    for (const action::Action& a : actions) {
      if (!failure && a.id == id && a.tenant == by.tenant) {
        done(a);
        return;
      }
    }
    done(failure.value_or(unknown(id)));
  }
  void wait_final(const Principal& by, ActionId id, Duration timeout,
                  Done<action::Action> done) override {
    last_wait = timeout;
    get(by, id, std::move(done));
  }
  std::shared_ptr<LiveView> watch(ActionId id, bool with_output,
                                  std::optional<ViewPosition> from) override {
    last_with_output = with_output;
    return LiveView::create({[this](const Principal& by, ActionId of, Done<action::Action> done) {
                               get(by, of, std::move(done));
                             },
                             links, changes, scheduler},
                            id, with_output, from);
  }
  bool last_with_output = false;
  testing::FakeAgentLinks links;  // no machine is connected
  Waiters changes;
  testing::FakeScheduler scheduler;
  void list(const Principal& by, odata::Query query, ListBounds bounds,
            Done<ActionPage> done) override {
    last_page = {query.skip, query.top};
    last_bounds = bounds;
    std::vector<action::Action> mine;
    for (const action::Action& a : actions) {
      if (a.tenant == by.tenant) {
        mine.push_back(a);
      }
    }
    query.top = std::min(query.top, page_ends_after);
    done(testing::list_in_memory(mine, query, bounds,
                                 [](const action::Action& a) { return getter(a); }));
  }
  void cancel(const Principal& by, ActionId id, std::string comment,
              Done<action::Action> done) override {
    ++cancels;
    get(by, id, [&](Result<action::Action> a) {
      if (!a) {
        done(a.error());
        return;
      }
      if (action::is_final(a->status)) {
        done(action_has_ended(id));
        return;
      }
      action::Action next = *a;
      next.status = action::Status::cancelled;
      next.cancellation =
          action::Cancellation{by.requestor, comment, *parse_time("2022-02-07T10:33:00Z")};
      done(next);
    });
  }
  void mint_link(const Principal& by, ActionId id, std::uint32_t index, std::string peer_ip,
                 Done<ResultLink> done) override {
    ++mints;
    last_peer = peer_ip;
    get(by, id, [&](Result<action::Action> a) {
      if (!a) {
        done(a.error());
      } else if (index >= a->commands.size() || !action::is_final(a->status)) {
        done(command_not_found(id, index));
      } else {
        done(ResultLink{kLink, {}});
      }
    });
  }
  void dispatch(TenantId, MachineId) override {}
  void agent_event(TenantId, MachineId, ActionId, action::Event,
                   Done<action::Verdict> done) override {
    done(Error{Errc::internal, "not served here"});
  }
  void upload_link(TenantId, MachineId, ActionId, Upload, Done<std::string> done) override {
    done(Error{Errc::internal, "not served here"});
  }
  void reap(Done<std::size_t> done) override { done(std::size_t{0}); }
  void finish_waiting() override {}

  std::vector<action::Action> actions;
  std::optional<Error> failure;
  std::optional<SubmitRequest> last_submit;
  std::optional<Duration> last_wait;
  std::pair<std::uint64_t, std::uint64_t> last_page;
  ListBounds last_bounds;
  std::uint64_t page_ends_after = UINT64_MAX;  // as if its text were too much
  std::string last_peer;
  int submits = 0, gets = 0, cancels = 0, mints = 0;
  // Calls that reached the service at all.
  int touched() const { return submits + gets + cancels + mints; }

 private:
  static Error unknown(const ActionId& id) { return action_not_found(id); }
};

}  // namespace reachback::server::rest::test
