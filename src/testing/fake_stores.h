// The stores' ports in memory. They keep the promises of the real ones (the conformance suites run
// on both) and are stricter with their callers: an audit entry without kind, principal or time, a
// blank id or a missing `done` is an internal error here. Any thread; `done` inline unless held.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/ports/action_store.h"
#include "server/ports/directory.h"
#include "testing/fake_users.h"
#include "testing/faults.h"

namespace reachback::testing {

class FakeActionStore : public server::ActionStore {
 public:
  struct Audited {
    TenantId tenant;
    ActionId action;
    server::AuditEntry entry;
  };

  void insert(action::Action action, std::optional<server::IdempotencyKey> key,
              server::InsertLimits limits, server::AuditEntry audit,
              Done<server::Inserted> done) override;
  void find_key(TenantId tenant, server::IdempotencyKey key,
                Done<std::optional<action::Action>> done) override;
  void get(TenantId tenant, ActionId id, Done<action::Action> done) override;
  void replace(action::Action next, server::AuditEntry audit, Done<action::Action> done) override;
  void active_of(TenantId tenant, MachineId machine,
                 Done<std::optional<action::Action>> done) override;
  void list(server::MachineScope scope, server::odata::Query query, server::ListBounds bounds,
            Done<server::ActionPage> done) override;
  void due(Timestamp now, std::size_t limit, Done<std::vector<action::Action>> done) override;

  Faults& faults() { return faults_; }
  // Everything written to the audit, in order.
  std::vector<Audited> audit() const;
  // Sees each write when it is durable; before: null for an insert. Set before use.
  std::function<void(const action::Action* before, const action::Action& after)> on_write;
  // The tags of a machine, for lists with a scope that has some. Set before use.
  std::function<std::vector<std::string>(const MachineId&)> tags_of;
  // The mistakes that the simulator must find: the version is not compared; what the transition
  // table forbids is stored.
  bool ignores_version = false;
  bool ignores_table = false;

 private:
  using Key = std::pair<TenantId, ActionId>;
  struct Known {
    Sha256 body{};
    ActionId action;
  };
  Result<server::Inserted> insert_now(action::Action a,
                                      const std::optional<server::IdempotencyKey>& key,
                                      const server::InsertLimits& limits,
                                      const server::AuditEntry& audit);
  Result<action::Action> replace_now(action::Action next, const server::AuditEntry& audit);

  mutable Mutex mutex_;
  std::map<Key, action::Action> actions_ RB_GUARDED_BY(mutex_);
  std::map<std::tuple<TenantId, std::string, std::string>, Known> keys_ RB_GUARDED_BY(mutex_);
  std::vector<Audited> audit_ RB_GUARDED_BY(mutex_);
  Faults faults_;
};

// Machines, library and applications share the enrolment tokens, hence one object.
class FakeDirectory {
 public:
  FakeDirectory();
  ~FakeDirectory();
  server::MachineStore& machines();
  server::LibraryStore& library();
  server::AppStore& apps();
  std::vector<std::string> tags_of(const MachineId& machine);
  Faults& machine_faults();
  Faults& library_faults();
  Faults& app_faults();

 private:
  struct Tokens;
  class Machines;
  class Library;
  class Apps;
  std::unique_ptr<Tokens> tokens_;
  std::unique_ptr<Machines> machines_;
  std::unique_ptr<Library> library_;
  std::unique_ptr<Apps> apps_;
};

// All five, with the accessors of SqliteStore. Stays where it is.
class FakeStores {
 public:
  FakeStores() {
    actions_.tags_of = [this](const MachineId& id) { return directory_.tags_of(id); };
  }
  FakeActionStore& actions() { return actions_; }
  server::MachineStore& machines() { return directory_.machines(); }
  server::LibraryStore& library() { return directory_.library(); }
  server::AppStore& apps() { return directory_.apps(); }
  FakeUsers& users() { return users_; }
  FakeDirectory& directory() { return directory_; }

 private:
  FakeActionStore actions_;
  FakeDirectory directory_;
  FakeUsers users_;
};

}  // namespace reachback::testing
