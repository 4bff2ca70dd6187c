#include "server/wire/admin_token_keys.h"

#include "server/wire/admin_request.h"
#include "server/wire/token_keyring.h"

namespace reachback::server {
namespace {

json::Object shown(const TokenKeyInfo& key) {
  json::Object out{{"id", key.id},
                   {"kid", key.kid},
                   {"alg", std::string(to_string(key.algorithm))},
                   {"signs", !key.until.has_value()}};
  out["since"] = key.since ? json::Value(format_time(*key.since)) : json::Value(nullptr);
  out["until"] = key.until ? json::Value(format_time(*key.until)) : json::Value(nullptr);
  return out;
}

// What has happened to the keys is in effect whatever becomes of its record.
Result<void> take_effect(const AdminDeps& deps, const Tenant& tenant, const char* kind,
                         std::string object) {
  deps.on_token_keys_changed();
  if (deps.audit == nullptr) {
    return {};
  }
  AccessRecord record;
  record.at = deps.clock.now();
  record.tenant = tenant.id;
  record.kind = kind;
  record.principal = "administrator";
  record.object = std::move(object);
  record.result = "done";
  auto written = wait<void>([&](const auto& done) { deps.audit->append(std::move(record), done); });
  return written ? written
                 : written.error().in("the keys were changed, the record was not written");
}

Result<json::Object> add(const AdminDeps& deps, const Tenant& tenant, const json::Object& request) {
  const std::string name = request.contains("alg") ? string_of(request, "alg") : "ES256";
  auto algorithm = parse_algorithm(name);
  if (!algorithm) {
    return Error{Errc::invalid_input, "--alg '" + name + "' is neither ES256 nor RS256"};
  }
  RB_TRY_ASSIGN(std::string id, deps.token_keys->add(*algorithm, deps.clock.now()));
  RB_TRY(take_effect(deps, tenant, "token_key_added", id + " " + name));
  return json::Object{{"id", id}};
}

Result<json::Object> retire(const AdminDeps& deps, const Tenant& tenant,
                            const json::Object& request) {
  const std::string id = string_of(request, "id");
  const auto* force = request.if_contains("force");
  const bool forced = force != nullptr && force->is_bool() && force->get_bool();
  RB_TRY(deps.token_keys->retire(id, deps.clock.now(), forced));
  RB_TRY(take_effect(deps, tenant, "token_key_retired", id + (forced ? ", by force" : "")));
  return json::Object{{"id", id}};
}

}  // namespace

Result<json::Object> administer_token_keys(const AdminDeps& deps, const Tenant& tenant,
                                           const std::string& command,
                                           const json::Object& request) {
  if (command == "token_key_add") {
    return add(deps, tenant, request);
  }
  if (command == "token_key_retire") {
    return retire(deps, tenant, request);
  }
  if (command != "token_key_list") {
    return Error{Errc::invalid_input, "unknown command '" + command + "'"};
  }
  json::Array keys;
  for (const TokenKeyInfo& key : deps.token_keys->keys()) {
    keys.push_back(shown(key));
  }
  return json::Object{{"keys", std::move(keys)}};
}

}  // namespace reachback::server
