// The ports over one Writer and one Readers, which they borrow.
#pragma once

#include <set>

#include "base/mutex.h"
#include "server/ports/action_store.h"
#include "server/ports/audit_reader.h"
#include "server/ports/directory.h"
#include "server/ports/interactive_sessions.h"
#include "server/ports/users.h"
#include "server/ports/webhook_store.h"
#include "server/store_sqlite/action_cache.h"
#include "server/store_sqlite/readers.h"
#include "server/store_sqlite/writer.h"

namespace reachback::server {

// Rows that cannot be read, each told once in the log. Thread-safe.
class DamagedRows {
 public:
  void report(std::int64_t key, const Error& why);

 private:
  Mutex mutex_;
  std::set<std::int64_t> reported_ RB_GUARDED_BY(mutex_);
};

class SqliteActions : public ActionStore {
 public:
  SqliteActions(Writer& writer, Readers& readers, std::size_t cached)
      : writer_(writer), readers_(readers), cache_(cached) {}
  void insert(action::Action action, std::optional<IdempotencyKey> key, InsertLimits limits,
              AuditEntry audit, Done<Inserted> done) override;
  void find_key(TenantId tenant, IdempotencyKey key,
                Done<std::optional<action::Action>> done) override;
  void get(TenantId tenant, ActionId id, Done<action::Action> done) override;
  void replace(action::Action next, AuditEntry audit, Done<action::Action> done) override;
  void active_of(TenantId tenant, MachineId machine,
                 Done<std::optional<action::Action>> done) override;
  void list(MachineScope scope, odata::Query query, ListBounds bounds,
            Done<ActionPage> done) override;
  void due(Timestamp now, std::size_t limit, Done<std::vector<action::Action>> done) override;

 private:
  Writer& writer_;
  Readers& readers_;
  ActionCache cache_;
  DamagedRows damaged_;
};

class SqliteMachines : public MachineStore {
 public:
  SqliteMachines(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}
  void enroll(Sha256 token, Machine machine, Timestamp now, Done<Machine> done) override;
  void get(TenantId tenant, MachineId id, Done<Machine> done) override;
  void find(MachineId id, Done<Machine> done) override;
  void list(MachineScope scope, odata::Query query, MachineContext context, ListBounds bounds,
            Done<Page<Machine>> done) override;
  void by_name(TenantId tenant, std::string name, Done<std::vector<Machine>> done) override;
  void with_address(MachineScope scope, std::string ip, Timestamp from, Timestamp to,
                    std::uint64_t top, Done<std::vector<Machine>> done) override;
  void ids(MachineScope scope, Done<std::vector<MachineId>> done) override;
  void change(MachineScope scope, std::vector<MachineId> ids, MachineChange change,
              AuditEntry audit, Done<std::vector<Machine>> done) override;
  void connected(TenantId tenant, MachineId id, MachineContact contact, Timestamp now,
                 Done<void> done) override;
  void contact_kept(TenantId tenant, MachineId id, std::string contact, Done<void> done) override;
  void order_keys_kept(TenantId tenant, MachineId id, std::uint64_t version,
                       Done<void> done) override;
  void set_quarantine(TenantId tenant, MachineId id, std::optional<Quarantine> quarantine,
                      Done<void> done) override;
  void count_with_older_order_keys(std::uint64_t version, Done<std::uint64_t> done) override;
  void seen(TenantId tenant, MachineId id, Timestamp at, Done<void> done) override;

 private:
  Writer& writer_;
  Readers& readers_;
};

class SqliteLibrary : public LibraryStore {
 public:
  SqliteLibrary(Writer& writer, Readers& readers, std::function<Timestamp()> now)
      : writer_(writer), readers_(readers), now_(std::move(now)) {}
  void put(LibraryFile file, bool replace, Done<LibraryFile> done) override;
  void get(TenantId tenant, std::string name, Done<LibraryFile> done) override;
  void version(TenantId tenant, Sha256 sha256, Done<LibraryFile> done) override;
  void list(TenantId tenant, odata::Query query, ListBounds bounds,
            Done<Page<LibraryFile>> done) override;
  void remove(TenantId tenant, std::string name, Done<void> done) override;

 private:
  Writer& writer_;
  Readers& readers_;
  std::function<Timestamp()> now_;  // for audit rows
};

class SqliteApps : public AppStore {
 public:
  SqliteApps(Writer& writer, Readers& readers, std::function<Timestamp()> now)
      : writer_(writer), readers_(readers), now_(std::move(now)) {}
  void add_tenant(Tenant tenant, Done<void> done) override;
  void tenants(Done<std::vector<Tenant>> done) override;
  void add_app(App app, ChangedBy by, Done<void> done) override;
  void app(TenantId tenant, AppId id, Done<App> done) override;
  void apps(TenantId tenant, Done<std::vector<App>> done) override;
  void set_secret(TenantId tenant, AppId id, Sha256 secret, ChangedBy by, Done<void> done) override;
  void remove_app(TenantId tenant, AppId id, ChangedBy by, Done<void> done) override;
  void add_certificate(TenantId tenant, AppId id, AppCertificate certificate,
                       std::size_t certificates_max, Done<void> done) override;
  void remove_certificate(TenantId tenant, AppId id, Sha256 thumbprint, Done<void> done) override;
  void set_rate_factor(TenantId tenant, AppId id, std::uint32_t factor, Done<void> done) override;
  void add_token(EnrollmentToken token, ChangedBy by, Done<void> done) override;
  void live_tokens(TenantId tenant, Timestamp now, std::size_t most,
                   Done<std::vector<EnrollmentToken>> done) override;
  void remove_token(TenantId tenant, Sha256 token, ChangedBy by, Done<void> done) override;

 private:
  Writer& writer_;
  Readers& readers_;
  std::function<Timestamp()> now_;  // for audit rows
};

class SqliteUsers : public UserStore {
 public:
  SqliteUsers(Writer& writer, Readers& readers, std::function<Timestamp()> now)
      : writer_(writer), readers_(readers), now_(std::move(now)) {}
  void add_user(User user, ChangedBy by, Done<void> done) override;
  void user(TenantId tenant, UserId id, Done<User> done) override;
  void user_by_name(TenantId tenant, std::string name, Done<User> done) override;
  void users(TenantId tenant, Done<std::vector<User>> done) override;
  void change_user(TenantId tenant, UserId id, UserChange change, ChangedBy by,
                   Done<User> done) override;
  void remove_user(TenantId tenant, UserId id, ChangedBy by, Done<void> done) override;
  void use_code(TenantId tenant, UserId id, std::uint64_t step, Done<void> done) override;
  void add_group(DeviceGroup group, ChangedBy by, Done<DeviceGroup> done) override;
  void groups(TenantId tenant, Done<std::vector<DeviceGroup>> done) override;
  void remove_group(TenantId tenant, std::int32_t id, ChangedBy by, Done<void> done) override;
  void add_grant(UserGrant grant, Done<void> done) override;
  void grant(TenantId tenant, GrantId id, Done<UserGrant> done) override;
  void refresh_grant(TenantId tenant, GrantId id, Sha256 old, Sha256 fresh, Timestamp now,
                     Timestamp expires, Done<UserGrant> done) override;
  void end_grant(TenantId tenant, GrantId id, Timestamp now, Done<void> done) override;
  void ended_grants(Timestamp since, Done<std::vector<UserGrant>> done) override;
  void forget_grants(Timestamp before, Done<void> done) override;

 private:
  Writer& writer_;
  Readers& readers_;
  std::function<Timestamp()> now_;  // for audit rows
};

class SqliteWebhooks : public WebhookStore {
 public:
  SqliteWebhooks(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}
  void set_hooks(TenantId tenant, std::vector<std::string> hooks, Done<void> done) override;
  void collect(TenantId tenant, std::string hook, std::vector<std::string> types, std::size_t most,
               Timestamp now, Done<bool> done) override;
  void add(TenantId tenant, WebhookDelivery delivery, ChangedBy by,
           Done<WebhookDelivery> done) override;
  void due(TenantId tenant, std::string hook, Timestamp now,
           Done<std::optional<WebhookDelivery>> done) override;
  void tried(TenantId tenant, WebhookDelivery delivery, Done<void> done) override;
  void deliveries(TenantId tenant, std::string hook, std::uint64_t before, std::size_t most,
                  Done<std::vector<WebhookDelivery>> done) override;
  void counts(TenantId tenant, Done<std::vector<WebhookCounts>> done) override;

 private:
  Writer& writer_;
  Readers& readers_;
};

class SqliteSessions : public InteractiveSessionStore {
 public:
  SqliteSessions(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}
  void open(InteractiveSession session, OpenSessionLimits limits, AuditEntry audit,
            Done<InteractiveSession> done) override;
  void get(TenantId tenant, SessionId id, Done<InteractiveSession> done) override;
  void open_ones(MachineScope scope, Done<std::vector<InteractiveSession>> done) override;
  void commands(TenantId tenant, SessionId id, std::size_t most,
                Done<std::vector<SessionCommand>> done) override;
  void number_of(TenantId tenant, ActionId action, Done<std::uint64_t> done) override;
  void end(TenantId tenant, SessionId id, std::string reason, AuditEntry audit,
           Done<InteractiveSession> done) override;
  void end_idle(Timestamp now, Duration idle, Done<std::size_t> done) override;

 private:
  Writer& writer_;
  Readers& readers_;
};

// The rows of the audit's table. A position is a row's number.
class SqliteAuditRows : public AuditChain {
 public:
  explicit SqliteAuditRows(Readers& readers) : readers_(readers) {}
  Result<std::uint64_t> end() override;
  Result<AuditPiece> before(std::uint64_t position, std::size_t most) override;

 private:
  Readers& readers_;
};

}  // namespace reachback::server
