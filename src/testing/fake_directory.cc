#include <algorithm>

#include "base/bytes.h"
#include "base/mutex.h"
#include "testing/fake_stores.h"
#include "testing/list_in_memory.h"
#include "testing/machine_extras.h"

namespace reachback::testing {

using server::App;
using server::AppCertificate;
using server::EnrollmentToken;
using server::LibraryFile;
using server::Machine;
using server::MachineContact;
using server::Tenant;

struct FakeDirectory::Tokens {
  Mutex mutex;
  std::map<Sha256, EnrollmentToken> all RB_GUARDED_BY(mutex);
};

namespace {

// What the three have in common: one mutex, one set of faults. Their own members are touched in the
// work they give to read() and write(), which hold the mutex; the analysis does not see so far.
class Table {
 public:
  Faults faults;

 protected:
  template <typename T, typename Work>
  void read(Done<T> done, Work work) {
    faults.answer_read<T>(std::move(done), result_of<T>(work));
  }
  template <typename T, typename Work>
  void write(Done<T> done, Work work) {
    if (auto refused = faults.refusal()) {
      faults.answer_read<T>(std::move(done), *refused);
      return;
    }
    MutexLock lock(mutex_);
    Result<T> result = work();
    lock.unlock();
    faults.answer_write<T>(std::move(done), std::move(result));
  }

 private:
  template <typename T, typename Work>
  Result<T> result_of(Work& work) {
    if (auto refused = faults.refusal()) {
      return *refused;
    }
    MutexLock lock(mutex_);
    return work();
  }
  Mutex mutex_;
};

}  // namespace

// ---- machines
class FakeDirectory::Machines : public Table, public server::MachineStore {
 public:
  explicit Machines(Tokens& tokens) : tokens_(tokens) {}

  void enroll(Sha256 token, Machine machine, Timestamp now, Done<Machine> done) override {
    write<Machine>(std::move(done), [&] { return enroll_now(token, std::move(machine), now); });
  }
  void get(TenantId tenant, MachineId id, Done<Machine> done) override {
    read<Machine>(std::move(done), [&]() -> Result<Machine> {
      auto found = machines_.find(id);
      return found != machines_.end() && found->second.tenant == tenant
                 ? Result<Machine>(found->second)
                 : no_such(id);
    });
  }
  void find(MachineId id, Done<Machine> done) override {
    read<Machine>(std::move(done), [&]() -> Result<Machine> {
      auto found = machines_.find(id);
      return found != machines_.end() ? Result<Machine>(found->second) : no_such(id);
    });
  }
  void list(TenantId tenant, server::odata::Query query, server::IsActive active,
            server::ListBounds bounds, Done<server::Page<Machine>> done) override {
    read<server::Page<Machine>>(std::move(done), [&] {
      return list_in_memory(of_tenant(tenant), query, bounds,
                            [&active](const Machine& m) { return server::getter(m, active); });
    });
  }
  void by_name(TenantId tenant, std::string name, Done<std::vector<Machine>> done) override {
    read<std::vector<Machine>>(std::move(done), [&]() -> Result<std::vector<Machine>> {
      auto all = of_tenant(tenant);
      all.erase(std::remove_if(all.begin(), all.end(),
                               [&name](const Machine& m) { return m.name != name; }),
                all.end());
      std::sort(all.begin(), all.end(), [](const Machine& a, const Machine& b) {
        return std::tie(b.last_seen, a.id) < std::tie(a.last_seen, b.id);
      });
      return all;
    });
  }
  void with_address(TenantId tenant, std::string ip, Timestamp from, Timestamp to,
                    std::uint64_t top, Done<std::vector<Machine>> done) override {
    where(tenant, top, std::move(done),
          [&](const Machine& m) { return addresses_.had(m.id, ip, from, to); });
  }
  void with_tag(TenantId tenant, std::string tag, bool prefix, std::uint64_t top,
                Done<std::vector<Machine>> done) override {
    where(tenant, top, std::move(done), [&](const Machine& m) {
      return std::any_of(m.tags.begin(), m.tags.end(), [&](const std::string& t) {
        return prefix ? t.starts_with(tag) : t == tag;
      });
    });
  }
  void change(TenantId tenant, std::vector<MachineId> ids, server::MachineChange change,
              server::AuditEntry, Done<std::vector<Machine>> done) override {
    write<std::vector<Machine>>(std::move(done), [&]() -> Result<std::vector<Machine>> {
      std::map<MachineId, Machine> after;
      std::vector<Machine> out;
      for (const MachineId& id : ids) {
        if (mine(tenant, id) == nullptr) {
          return no_such(id);
        }
        RB_TRY_ASSIGN(Machine m, changed(machines_[id], change));
        out.push_back(after[id] = std::move(m));
      }
      for (auto& [id, m] : after) {
        machines_[id] = std::move(m);
      }
      return out;
    });
  }
  void connected(TenantId tenant, MachineId id, MachineContact contact, Timestamp now,
                 Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      if (m->contact != contact.replaces || m->quarantine.has_value() != contact.in_quarantine) {
        return Error{Errc::conflict, "another contact was sent, or the quarantine changed"};
      }
      addresses_.follow(id, contact.addresses, m->last_seen, now);
      static_cast<server::MachineFacts&>(*m) = contact;
      m->generation = contact.generation;
      m->contact = contact.contact;
      m->confirmed_contact = contact.last_contact;
      m->life = contact.life;
      m->attempt = contact.attempt;
      m->order_keys_version = contact.order_keys_version;
      m->last_seen = std::max(m->last_seen, now);
      return {};
    });
  }
  void contact_kept(TenantId tenant, MachineId id, std::string contact, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      if (m->contact != contact) {
        return Error{Errc::conflict, "a newer contact was sent"};
      }
      m->confirmed_contact = contact;
      return {};
    });
  }
  void order_keys_kept(TenantId tenant, MachineId id, std::uint64_t version,
                       Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      m->order_keys_version = version;
      return {};
    });
  }
  void set_quarantine(TenantId tenant, MachineId id, std::optional<server::Quarantine> quarantine,
                      Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      if (!quarantine) {
        m->confirmed_contact.reset();
        m->contact.clear();
      }
      m->quarantine = std::move(quarantine);
      return {};
    });
  }
  void count_with_older_order_keys(std::uint64_t version, Done<std::uint64_t> done) override {
    read<std::uint64_t>(std::move(done), [&]() -> Result<std::uint64_t> {
      return static_cast<std::uint64_t>(
          std::count_if(machines_.begin(), machines_.end(), [version](const auto& entry) {
            return !entry.second.revoked && entry.second.order_keys_version < version;
          }));
    });
  }
  void seen(TenantId tenant, MachineId id, Timestamp at, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      m->last_seen = std::max(m->last_seen, at);
      return {};
    });
  }

 private:
  static Error no_such(const MachineId& id) {
    return Error{Errc::not_found, "no machine " + id.text()};
  }
  Machine* mine(const TenantId& tenant, const MachineId& id) {
    auto found = machines_.find(id);
    return found != machines_.end() && found->second.tenant == tenant ? &found->second : nullptr;
  }
  template <typename Test>
  void where(const TenantId& tenant, std::uint64_t top, Done<std::vector<Machine>> done,
             Test test) {
    read<std::vector<Machine>>(std::move(done), [&]() -> Result<std::vector<Machine>> {
      auto all = of_tenant(tenant);
      std::erase_if(all, [&](const Machine& m) { return !test(m); });
      std::sort(all.begin(), all.end(), [](const Machine& a, const Machine& b) {
        return std::tie(a.first_seen, a.id) < std::tie(b.first_seen, b.id);
      });
      all.resize(std::min<std::uint64_t>(top, all.size()));
      return all;
    });
  }
  std::vector<Machine> of_tenant(const TenantId& tenant) {
    std::vector<Machine> all;
    for (const auto& [id, m] : machines_) {
      if (m.tenant == tenant) {
        all.push_back(m);
      }
    }
    return all;
  }
  Result<Machine> enroll_now(const Sha256& digest, Machine m, Timestamp now) {
    if (m.id == MachineId() || m.public_key.empty()) {
      return Error{Errc::internal, "misuse of the machine store: a machine has an id and a key"};
    }
    MutexLock lock(tokens_.mutex);
    const Error no_token{Errc::unauthenticated, "the enrolment token is not valid"};
    auto token = tokens_.all.find(digest);
    if (token == tokens_.all.end()) {
      return no_token;
    }
    auto known = machines_.find(m.id);
    bool same_token = known != machines_.end() && came_with_[m.id] == digest;
    if (!same_token && (now >= token->second.expires || token->second.uses_left == 0)) {
      return no_token;
    }
    if (known != machines_.end()) {
      if (known->second.tenant != token->second.tenant ||
          known->second.public_key != m.public_key) {
        return Error{Errc::conflict, "machine " + m.id.text() + " is enrolled elsewhere"};
      }
      return known->second;
    }
    token->second.uses_left -= 1;
    m.tenant = token->second.tenant;
    m.tags = token->second.tags;
    machines_[m.id] = m;
    addresses_.follow(m.id, m.addresses, m.last_seen, m.first_seen);
    came_with_[m.id] = digest;
    return m;
  }

  Tokens& tokens_;
  std::map<MachineId, Machine> machines_;
  std::map<MachineId, Sha256> came_with_;
  AddressHistory addresses_;
};

// ---- library
class FakeDirectory::Library : public Table, public server::LibraryStore {
 public:
  void put(LibraryFile file, bool replace, Done<LibraryFile> done) override {
    write<LibraryFile>(std::move(done), [&] { return put_now(std::move(file), replace); });
  }
  void get(TenantId tenant, std::string name, Done<LibraryFile> done) override {
    read<LibraryFile>(std::move(done), [&]() -> Result<LibraryFile> {
      auto found = find(tenant, name);
      return found != names_.end() ? Result<LibraryFile>(found->second) : no_such(name);
    });
  }
  void version(TenantId tenant, Sha256 sha256, Done<LibraryFile> done) override {
    read<LibraryFile>(std::move(done), [&]() -> Result<LibraryFile> {
      auto found = versions_.find({tenant, sha256});
      return found != versions_.end() ? Result<LibraryFile>(found->second)
                                      : no_such(to_hex(as_bytes(sha256)));
    });
  }
  void list(TenantId tenant, server::odata::Query query, server::ListBounds bounds,
            Done<server::Page<LibraryFile>> done) override {
    read<server::Page<LibraryFile>>(std::move(done), [&] {
      std::vector<LibraryFile> all;
      for (const auto& [key, file] : names_) {
        if (key.first == tenant) {
          all.push_back(file);
        }
      }
      return list_in_memory(std::move(all), query, bounds,
                            [](const LibraryFile& f) { return server::getter(f); });
    });
  }
  void remove(TenantId tenant, std::string name, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      auto found = find(tenant, name);
      if (found == names_.end()) {
        return no_such(name);
      }
      names_.erase(found);
      return {};
    });
  }

 private:
  using Names = std::map<std::pair<TenantId, std::string>, LibraryFile>;

  static Error no_such(const std::string& name) {
    return Error{Errc::not_found, "no library file '" + name + "'"};
  }
  Names::iterator find(const TenantId& tenant, const std::string& name) {
    auto found = names_.find({tenant, to_lower(name)});
    return found != names_.end() && found->second.name == name ? found : names_.end();
  }
  Result<LibraryFile> put_now(LibraryFile file, bool replace) {
    if (file.name.empty() || file.blob.empty()) {
      return Error{Errc::internal, "misuse of the library store: a file has a name and a blob"};
    }
    auto present = names_.find({file.tenant, to_lower(file.name)});
    if (present != names_.end()) {
      if (!replace || present->second.name != file.name) {
        return Error{Errc::already_exists, "there is such a library file"};
      }
      file.created = present->second.created;
    }
    versions_.emplace(std::pair(file.tenant, file.sha256), file);
    names_[{file.tenant, to_lower(file.name)}] = file;
    return file;
  }

  Names names_;
  std::map<std::pair<TenantId, Sha256>, LibraryFile> versions_;
};

// ---- applications
class FakeDirectory::Apps : public Table, public server::AppStore {
 public:
  explicit Apps(Tokens& tokens) : tokens_(tokens) {}

  void add_tenant(Tenant tenant, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      for (const Tenant& other : tenants_) {
        if (other.id == tenant.id) {
          return Error{Errc::already_exists, "there is such a tenant"};
        }
      }
      tenants_.push_back(tenant);
      return {};
    });
  }
  void tenants(Done<std::vector<Tenant>> done) override {
    read<std::vector<Tenant>>(std::move(done),
                              [&]() -> Result<std::vector<Tenant>> { return tenants_; });
  }
  void add_app(App app, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      if (!app.certificates.empty()) {
        return Error{Errc::internal,
                     "misuse of the application store: certificates are added one by one"};
      }
      for (const auto& [key, other] : apps_) {
        if (other.tenant == app.tenant && (other.id == app.id || other.name == app.name)) {
          return Error{Errc::already_exists, "there is such an application"};
        }
      }
      apps_[{app.tenant, app.id}] = app;
      return {};
    });
  }
  void app(TenantId tenant, AppId id, Done<App> done) override {
    read<App>(std::move(done), [&]() -> Result<App> {
      auto found = apps_.find({tenant, id});
      return found != apps_.end() ? Result<App>(found->second) : no_such(id);
    });
  }
  void apps(TenantId tenant, Done<std::vector<App>> done) override {
    read<std::vector<App>>(std::move(done), [&]() -> Result<std::vector<App>> {
      std::vector<App> all;
      for (const auto& [key, app] : apps_) {
        if (key.first == tenant) {
          all.push_back(app);
        }
      }
      std::sort(all.begin(), all.end(), [](const App& a, const App& b) { return a.name < b.name; });
      return all;
    });
  }
  void set_secret(TenantId tenant, AppId id, Sha256 secret, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      auto found = apps_.find({tenant, id});
      if (found == apps_.end()) {
        return no_such(id);
      }
      found->second.secret = secret;
      return {};
    });
  }
  void remove_app(TenantId tenant, AppId id, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      return apps_.erase({tenant, id}) == 1 ? Result<void>() : no_such(id);
    });
  }
  void add_certificate(TenantId tenant, AppId id, AppCertificate certificate,
                       std::size_t certificates_max, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      auto found = apps_.find({tenant, id});
      if (found == apps_.end()) {
        return no_such(id);
      }
      if (certificate.sha1.size() != 20 || certificate.public_key.empty()) {
        return Error{Errc::internal,
                     "misuse of the application store: a certificate has a SHA-1 and a key"};
      }
      auto& all = found->second.certificates;
      if (std::any_of(all.begin(), all.end(), [&](const AppCertificate& other) {
            return other.thumbprint == certificate.thumbprint;
          })) {
        return Error{Errc::already_exists, "the application has this certificate"};
      }
      if (all.size() >= certificates_max) {
        return Error{Errc::invalid_input, "the application has " +
                                              std::to_string(certificates_max) +
                                              " certificates, no more fit"};
      }
      all.push_back(certificate);
      return {};
    });
  }
  void remove_certificate(TenantId tenant, AppId id, Sha256 thumbprint, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      auto found = apps_.find({tenant, id});
      if (found == apps_.end()) {
        return no_such(id);
      }
      return std::erase_if(found->second.certificates,
                           [&](const AppCertificate& c) { return c.thumbprint == thumbprint; }) == 1
                 ? Result<void>()
                 : Error{Errc::not_found, "no such certificate"};
    });
  }
  void set_rate_factor(TenantId tenant, AppId id, std::uint32_t factor, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      auto found = apps_.find({tenant, id});
      if (found == apps_.end()) {
        return no_such(id);
      }
      found->second.rate_factor = factor;
      return {};
    });
  }
  void add_token(EnrollmentToken token, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      MutexLock lock(tokens_.mutex);
      return tokens_.all.emplace(token.token, token).second
                 ? Result<void>()
                 : Error{Errc::already_exists, "there is such an enrolment token"};
    });
  }

 private:
  static Error no_such(const AppId& id) {
    return Error{Errc::not_found, "no application " + id.text()};
  }

  Tokens& tokens_;
  std::vector<Tenant> tenants_;
  std::map<std::pair<TenantId, AppId>, App> apps_;
};

FakeDirectory::FakeDirectory()
    : tokens_(std::make_unique<Tokens>()),
      machines_(std::make_unique<Machines>(*tokens_)),
      library_(std::make_unique<Library>()),
      apps_(std::make_unique<Apps>(*tokens_)) {}
FakeDirectory::~FakeDirectory() = default;

server::MachineStore& FakeDirectory::machines() {
  return *machines_;
}
server::LibraryStore& FakeDirectory::library() {
  return *library_;
}
server::AppStore& FakeDirectory::apps() {
  return *apps_;
}
Faults& FakeDirectory::machine_faults() {
  return machines_->faults;
}
Faults& FakeDirectory::library_faults() {
  return library_->faults;
}
Faults& FakeDirectory::app_faults() {
  return apps_->faults;
}

}  // namespace reachback::testing
