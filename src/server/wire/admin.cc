#include "server/wire/admin.h"

#include "json/json.h"
#include "server/service/enrollment_settings.h"
#include "server/wire/admin_apps.h"
#include "server/wire/admin_request.h"
#include "server/wire/admin_token_keys.h"
#include "server/wire/admin_users.h"

namespace reachback::server {
namespace {

class Administration {
 public:
  explicit Administration(const AdminDeps& deps) : deps_(deps) {}

  Result<json::Object> run(std::string_view text) {
    RB_TRY_ASSIGN(json::Value value, json::parse(text));
    if (!value.is_object()) {
      return Error{Errc::invalid_body, "an object is expected"};
    }
    const json::Object& o = value.get_object();
    auto tenants = wait<std::vector<Tenant>>([&](const auto& done) { deps_.apps.tenants(done); });
    if (!tenants || tenants->empty()) {
      return tenants ? Error{Errc::corrupt, "the database holds no tenant"} : tenants.error();
    }
    tenant_ = tenants->front();
    std::string command = string_of(o, "command");
    if (command.starts_with("app_")) {
      return administer_apps(deps_, tenant_, command, o);
    }
    if (command.starts_with("user_") || command.starts_with("group_")) {
      return administer_users(deps_, tenant_, command, o);
    }
    if (command.starts_with("token_key_") && deps_.token_keys != nullptr) {
      return administer_token_keys(deps_, tenant_, command, o);
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
  Result<json::Object> token_create(const json::Object& o) {
    EnrollmentSettings settings(deps_.apps, deps_.clock, deps_.random, tenant_.id);
    RB_TRY_ASSIGN(
        MadeEnrollmentToken made,
        settings.create(SettingsCaller::local(), {number_of(o, "ttlSeconds", 3600),
                                                  number_of(o, "uses", 1), strings_of(o, "tags")}));
    json::Object out;
    out["enrollmentToken"] = made.secret;
    out["expires"] = format_time(made.token.expires);
    out["uses"] = made.token.uses_left;
    return out;
  }

  // Ends quarantines: the next agent that comes with the machine's key is taken for the machine.
  Result<json::Object> machine_clear(const json::Object& o) {
    std::vector<Machine> cleared;
    if (const auto* all = o.if_contains("all");
        all != nullptr && all->is_bool() && all->get_bool()) {
      constexpr std::uint64_t kPage = 1000;
      for (std::uint64_t skip = 0;; skip += kPage) {
        auto page = wait<Page<Machine>>([&](const auto& done) {
          deps_.machines->list(MachineScope{tenant_.id, {}},
                               odata::everything(machine_entity(), skip, kPage),
                               MachineContext{[](const MachineId&, Timestamp) { return false; }},
                               ListBounds{}, done);
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
      auto machine =
          wait<Machine>([&](const auto& done) { deps_.machines->get(tenant_.id, *id, done); });
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
      RB_TRY(wait<void>([&](const auto& done) {
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
    return wait<void>([&](const auto& done) { deps_.audit->append(std::move(record), done); });
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
        [&](const auto& done) { deps_.machines->count_with_older_order_keys(version, done); });
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
