#include "server/wire/admin.h"

#include <future>

#include "crypto/digest.h"
#include "json/json.h"
#include "server/wire/revocations.h"

namespace reachback::server {
namespace {

constexpr std::int64_t kTokenTtlMax_s = 366 * 24 * 3600;
constexpr std::int64_t kTokenUsesMax = 1'000'000;

// Waits for an asynchronous store call.
template <typename T, typename Call>
Result<T> wait(Call call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto result = promise->get_future();
  call(Done<T>([promise](Result<T> r) { promise->set_value(std::move(r)); }));
  return result.get();
}

class Administration {
 public:
  explicit Administration(const AdminDeps& deps) : deps_(deps) {}

  Result<json::Object> run(std::string_view text) {
    RB_TRY_ASSIGN(json::Value value, json::parse(text));
    if (!value.is_object()) {
      return Error{Errc::invalid_body, "an object is expected"};
    }
    const json::Object& o = value.get_object();
    auto tenants = wait<std::vector<Tenant>>([&](auto done) { deps_.apps.tenants(done); });
    if (!tenants || tenants->empty()) {
      return tenants ? Error{Errc::corrupt, "the database holds no tenant"} : tenants.error();
    }
    tenant_ = tenants->front();
    std::string command = string_of(o, "command");
    if (command == "app_create") {
      return app_create(o);
    }
    if (command == "app_list") {
      return app_list();
    }
    if (command == "app_rotate") {
      return app_rotate(o);
    }
    if (command == "app_delete") {
      return app_delete(o);
    }
    if (command == "enrollment_token_create") {
      return token_create(o);
    }
    if (command == "machine_clear" && deps_.machines != nullptr) {
      return machine_clear(o);
    }
    if (command.starts_with("signing_key_") && deps_.machines != nullptr) {
      return signing_key(command, o);
    }
    if (command == "clock_advance" && deps_.movable_clock != nullptr) {
      deps_.movable_clock->advance(std::chrono::seconds(number_of(o, "seconds", 0)));
      return json::Object();
    }
    if (command == "clock_set" && deps_.movable_clock != nullptr) {
      deps_.movable_clock->set_off(std::chrono::seconds(number_of(o, "seconds", 0)));
      return json::Object();
    }
    return Error{Errc::invalid_input, "unknown command '" + command + "'"};
  }

 private:
  static std::string string_of(const json::Object& o, std::string_view key) {
    const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
    return v != nullptr && v->is_string()
               ? std::string(v->get_string().data(), v->get_string().size())
               : std::string();
  }
  static std::int64_t number_of(const json::Object& o, std::string_view key,
                                std::int64_t otherwise) {
    const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
    return v != nullptr && v->is_int64() ? v->get_int64() : otherwise;
  }
  static std::vector<std::string> strings_of(const json::Object& o, std::string_view key) {
    std::vector<std::string> out;
    const auto* v = o.if_contains(boost::json::string_view(key.data(), key.size()));
    if (v != nullptr && v->is_array()) {
      for (const auto& element : v->get_array()) {
        if (element.is_string()) {
          out.emplace_back(element.get_string().data(), element.get_string().size());
        }
      }
    }
    return out;
  }

  Result<json::Object> app_create(const json::Object& o) {
    App app;
    app.tenant = tenant_.id;
    app.id = AppId::make(deps_.random);
    app.name = string_of(o, "name");
    app.roles = strings_of(o, "roles");
    app.created = deps_.clock.now();
    if (app.name.empty() || app.name.size() > 200 || !is_valid_utf8(app.name)) {
      return Error{Errc::invalid_input, "--name: 1 to 200 bytes of UTF-8"};
    }
    if (app.roles.empty()) {
      return Error{Errc::missing_parameter, "--role: name at least one of " + known_roles()};
    }
    for (const std::string& role : app.roles) {
      if (permission_of_role(role) == 0) {
        return Error{Errc::invalid_input,
                     "--role '" + role + "' is not known; there are " + known_roles()};
      }
    }
    std::string secret = to_base64url(deps_.random.bytes(32));
    app.secret = crypto::sha256(secret);
    std::string client_id = app.id.text();
    std::string name = app.name;
    auto added = wait<void>([&](auto done) { deps_.apps.add_app(std::move(app), done); });
    if (!added) {
      return added.error().code == Errc::already_exists
                 ? Error{Errc::already_exists, "an application named '" + name + "' already exists"}
                 : added.error();
    }
    return credentials(client_id, secret);
  }

  Result<json::Object> app_list() {
    auto apps = wait<std::vector<App>>([&](auto done) { deps_.apps.apps(tenant_.id, done); });
    if (!apps) {
      return apps.error();
    }
    json::Array list;
    for (const App& app : *apps) {
      json::Object entry;
      entry["clientId"] = app.id.text();
      entry["name"] = app.name;
      entry["roles"] = json::Array(app.roles.begin(), app.roles.end());
      entry["created"] = format_time(app.created);
      list.push_back(std::move(entry));
    }
    json::Object out;
    out["apps"] = std::move(list);
    return out;
  }

  Result<AppId> app_of(const json::Object& o) {
    auto id = AppId::parse(string_of(o, "clientId"));
    if (!id) {
      return Error{Errc::invalid_input,
                   "'" + string_of(o, "clientId") + "' is not a client id (a GUID)"};
    }
    return *id;
  }

  Result<json::Object> app_rotate(const json::Object& o) {
    RB_TRY_ASSIGN(AppId id, app_of(o));
    RB_TRY(remember(id));
    std::string secret = to_base64url(deps_.random.bytes(32));
    auto set = wait<void>(
        [&](auto done) { deps_.apps.set_secret(tenant_.id, id, crypto::sha256(secret), done); });
    if (!set) {
      return no_such_app(set.error(), id);
    }
    revoke(id);
    return credentials(id.text(), secret);
  }

  Result<json::Object> app_delete(const json::Object& o) {
    RB_TRY_ASSIGN(AppId id, app_of(o));
    RB_TRY(remember(id));
    auto removed = wait<void>([&](auto done) { deps_.apps.remove_app(tenant_.id, id, done); });
    if (!removed) {
      return no_such_app(removed.error(), id);
    }
    revoke(id);
    return json::Object();
  }

  Result<json::Object> token_create(const json::Object& o) {
    std::int64_t ttl = number_of(o, "ttlSeconds", 3600);
    std::int64_t uses = number_of(o, "uses", 1);
    if (ttl < 1 || ttl > kTokenTtlMax_s) {
      return Error{Errc::invalid_input, "--ttl: from 1s to 366d"};
    }
    if (uses < 1 || uses > kTokenUsesMax) {
      return Error{Errc::invalid_input, "--uses: from 1 to 1000000"};
    }
    std::string secret = to_base64url(deps_.random.bytes(32));
    EnrollmentToken token;
    token.tenant = tenant_.id;
    token.token = crypto::sha256(secret);
    token.created = deps_.clock.now();
    token.expires = token.created + std::chrono::seconds(ttl);
    token.uses_left = static_cast<std::uint32_t>(uses);
    token.tags = strings_of(o, "tags");
    auto expires = token.expires;
    auto added = wait<void>([&](auto done) { deps_.apps.add_token(std::move(token), done); });
    if (!added) {
      return added.error();
    }
    json::Object out;
    out["enrollmentToken"] = secret;
    out["expires"] = format_time(expires);
    out["uses"] = uses;
    return out;
  }

  // Ends quarantines: the next agent that comes with the machine's key is taken for the machine.
  Result<json::Object> machine_clear(const json::Object& o) {
    std::vector<Machine> cleared;
    if (const auto* all = o.if_contains("all");
        all != nullptr && all->is_bool() && all->get_bool()) {
      constexpr std::uint64_t kPage = 1000;
      for (std::uint64_t skip = 0;; skip += kPage) {
        auto page = wait<Page<Machine>>([&](auto done) {
          deps_.machines->list(
              tenant_.id, odata::everything(machine_entity(), skip, kPage),
              [](const MachineId&, Timestamp) { return false; }, ListBounds{}, done);
        });
        if (!page) {
          return page.error();
        }
        for (Machine& m : page->items) {
          if (m.quarantine) {
            cleared.push_back(std::move(m));
          }
        }
        if (!page->more) {
          break;
        }
      }
    } else {
      auto id = MachineId::parse(string_of(o, "machine"));
      if (!id) {
        return Error{Errc::invalid_input,
                     "'" + string_of(o, "machine") + "' is not a machine id (40 hex digits)"};
      }
      auto machine = wait<Machine>([&](auto done) { deps_.machines->get(tenant_.id, *id, done); });
      if (!machine) {
        return machine.error().code == Errc::not_found
                   ? Error{Errc::not_found, "no machine has the id " + id->text()}
                   : machine.error();
      }
      cleared.push_back(std::move(*machine));
    }
    json::Array ids;
    for (const Machine& m : cleared) {
      RB_TRY(
          note("machine_cleared", m.id.text() + (m.quarantine ? ": " + m.quarantine->reason : "")));
      RB_TRY(wait<void>([&](auto done) {
        deps_.machines->set_quarantine(tenant_.id, m.id, std::nullopt, done);
      }));
      deps_.on_machine_cleared(m.id);
      ids.emplace_back(m.id.text());
    }
    json::Object out;
    out["cleared"] = std::move(ids);
    return out;
  }

  // On disk before it is done, where there is an audit file.
  Result<void> note(std::string kind, std::string object) {
    if (deps_.audit == nullptr) {
      return {};
    }
    AccessRecord record;
    record.at = deps_.clock.now();
    record.tenant = tenant_.id;
    record.kind = std::move(kind);
    record.principal = "administrator";
    record.object = std::move(object);
    record.result = "done";
    return wait<void>([&](auto done) { deps_.audit->append(std::move(record), done); });
  }

  Result<json::Object> signing_key(const std::string& command, const json::Object& o) {
    if (deps_.keyring == nullptr) {
      return Error{Errc::invalid_input,
                   "the order keys are in another process: use --keys with the signer's folder"};
    }
    json::Object out;
    if (command == "signing_key_add") {
      RB_TRY_ASSIGN(std::string id, deps_.keyring->add());
      RB_TRY(note("signing_key_added", id));
      deps_.on_order_keys_changed();
      out["id"] = id;
      return out;
    }
    if (command == "signing_key_retire") {
      const std::string id = string_of(o, "id");
      RB_TRY_ASSIGN(std::uint64_t list, deps_.keyring->oldest_list_without(id));
      RB_TRY_ASSIGN(std::uint64_t behind, machines_behind(list));
      const auto* force = o.if_contains("force");
      if (behind > 0 && !(force != nullptr && force->is_bool() && force->get_bool())) {
        return Error{Errc::conflict,
                     std::to_string(behind) +
                         " machines are known to hold this key and no other: wait until they have "
                         "connected, or use --force and enrol them again"};
      }
      RB_TRY(deps_.keyring->retire(id));
      RB_TRY(
          note("signing_key_retired", id + ", " + std::to_string(behind) + " machines left out"));
      deps_.on_order_keys_changed();
      out["leftOut"] = behind;
      return out;
    }
    if (command != "signing_key_list") {
      return Error{Errc::invalid_input, "unknown command '" + command + "'"};
    }
    out["version"] = deps_.keyring->version();
    json::Array keys;
    for (const auto& key : deps_.keyring->keys()) {
      RB_TRY_ASSIGN(std::uint64_t without, machines_behind(key.since));
      keys.push_back(
          json::Object{{"id", key.id}, {"since", key.since}, {"machinesWithoutIt", without}});
    }
    out["keys"] = std::move(keys);
    return out;
  }

  Result<std::uint64_t> machines_behind(std::uint64_t version) {
    return wait<std::uint64_t>(
        [&](auto done) { deps_.machines->count_with_older_order_keys(version, done); });
  }

  json::Object credentials(const std::string& client_id, const std::string& secret) {
    json::Object out;
    out["tenantId"] = tenant_.id.text();
    out["clientId"] = client_id;
    out["clientSecret"] = secret;
    return out;
  }
  static Error no_such_app(const Error& e, const AppId& id) {
    return e.code == Errc::not_found
               ? Error{Errc::not_found, "no application has the client id " + id.text()}
               : e;
  }
  static std::string known_roles() {
    std::string out;
    for (const std::string& role : all_roles()) {
      out += (out.empty() ? "" : ", ") + role;
    }
    return out;
  }
  // Ends the application's tokens: on disk first, so that no restart brings them back.
  Result<void> remember(const AppId& id) {
    if (deps_.revocations.empty()) {
      return {};
    }
    return remember_revocation(deps_.revocations, id, deps_.clock.now());
  }
  void revoke(const AppId& id) {
    if (deps_.verifier != nullptr) {
      deps_.verifier->revoke_app(id, deps_.clock.now());
    }
  }

  const AdminDeps& deps_;
  Tenant tenant_;
};

}  // namespace

std::string administer(const AdminDeps& deps, std::string_view request) {
  auto result = Administration(deps).run(request);
  json::Object out;
  if (result) {
    out["ok"] = std::move(*result);
  } else {
    out["error"] = result.error().message;
  }
  return json::write(out);
}

}  // namespace reachback::server
