#include <algorithm>

#include "base/bytes.h"
#include "testing/fake_machines.h"

namespace reachback::testing {

using server::App;
using server::AppCertificate;
using server::EnrollmentToken;
using server::LibraryFile;
using server::Tenant;

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
  void add_app(App app, server::ChangedBy, Done<void> done) override {
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
  void set_secret(TenantId tenant, AppId id, Sha256 secret, server::ChangedBy,
                  Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      auto found = apps_.find({tenant, id});
      if (found == apps_.end()) {
        return no_such(id);
      }
      found->second.secret = secret;
      return {};
    });
  }
  void remove_app(TenantId tenant, AppId id, server::ChangedBy, Done<void> done) override {
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
  void add_token(EnrollmentToken token, server::ChangedBy, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      MutexLock lock(tokens_.mutex);
      return tokens_.all.emplace(token.token, token).second
                 ? Result<void>()
                 : Error{Errc::already_exists, "there is such an enrolment token"};
    });
  }
  void live_tokens(TenantId tenant, Timestamp now, std::size_t most,
                   Done<std::vector<EnrollmentToken>> done) override {
    read<std::vector<EnrollmentToken>>(
        std::move(done), [&]() -> Result<std::vector<EnrollmentToken>> {
          MutexLock lock(tokens_.mutex);
          std::vector<EnrollmentToken> all;
          for (const auto& [digest, token] : tokens_.all) {
            if (token.tenant == tenant && token.expires > now && token.uses_left > 0) {
              all.push_back(token);
            }
          }
          std::sort(all.begin(), all.end(),
                    [](const auto& a, const auto& b) { return a.created > b.created; });
          all.resize(std::min(all.size(), most));
          return all;
        });
  }
  void remove_token(TenantId tenant, Sha256 token, server::ChangedBy, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      MutexLock lock(tokens_.mutex);
      auto found = tokens_.all.find(token);
      if (found == tokens_.all.end() || found->second.tenant != tenant) {
        return Error{Errc::not_found, "there is no such enrolment token"};
      }
      tokens_.all.erase(found);
      return {};
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

std::vector<std::string> FakeDirectory::tags_of(const MachineId& machine) {
  return machines_->tags_of(machine);
}

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
