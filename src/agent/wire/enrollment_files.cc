#include "agent/wire/enrollment_files.h"

#include "base/file.h"
#include "json/json.h"

namespace reachback::agent {
namespace {

constexpr std::int64_t kFormat = 1;

Error broken(const std::string& state_folder, std::string_view what) {
  return Error{Errc::corrupt, state_folder + "/agent.json: " + std::string(what)};
}

std::string text_of(const json::Object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::uint64_t value_to_version(const json::Value& value) {
  if (value.is_uint64()) {
    return value.as_uint64();
  }
  return value.is_int64() && value.as_int64() > 0 ? static_cast<std::uint64_t>(value.as_int64())
                                                  : 1;
}

}  // namespace

bool is_enrolled(const std::string& state_folder) {
  return path_exists(state_folder + "/agent.json");
}

Result<Enrollment> load_enrollment(const std::string& state_folder) {
  if (!is_enrolled(state_folder)) {
    return Error{Errc::not_found, "state folder " + state_folder +
                                      ": not enrolled (run `reachback-agent enroll` first)"};
  }
  RB_TRY_ASSIGN(std::string text, read_file(state_folder + "/agent.json", 1 << 20));
  RB_TRY_ASSIGN(json::Value value, json::parse(text));
  if (!value.is_object()) {
    return broken(state_folder, "not an object");
  }
  const json::Object& object = value.as_object();
  const auto* format = object.if_contains("format");
  if (format == nullptr || !format->is_int64() || format->as_int64() != kFormat) {
    return broken(state_folder, "written by another version");
  }
  Enrollment out;
  out.server = text_of(object, "server");
  out.host_name = text_of(object, "hostName");
  auto machine = MachineId::parse(text_of(object, "machineId"));
  auto tenant = TenantId::parse(text_of(object, "tenantId"));
  if (!machine || !tenant || out.server.empty()) {
    return broken(state_folder, "machineId, tenantId or server is missing");
  }
  out.identity.machine = *machine;
  out.identity.tenant = *tenant;
  if (const auto* version = object.if_contains("orderKeysVersion")) {
    out.identity.order_keys_version = value_to_version(*version);
  }
  const auto* keys = object.if_contains("orderKeys");
  if (keys == nullptr || !keys->is_array() || keys->as_array().empty()) {
    return broken(state_folder, "orderKeys is missing");
  }
  for (const auto& key : keys->as_array()) {
    auto der = key.is_string() ? from_base64(std::string(key.as_string())) : std::nullopt;
    auto parsed = der ? crypto::Ed25519PublicKey::from_spki(*der)
                      : Result<crypto::Ed25519PublicKey>(broken(state_folder, "orderKeys"));
    if (!parsed.ok()) {
      return broken(state_folder, "orderKeys holds something that is no key");
    }
    out.identity.order_keys.push_back(std::move(*parsed));
  }
  RB_TRY_ASSIGN(out.ca_pem, read_file(state_folder + "/ca.pem", 1 << 20));
  RB_TRY_ASSIGN(std::string pem, read_file(state_folder + "/key.pem", 1 << 16));
  RB_TRY_ASSIGN(out.identity.key, crypto::Ed25519PrivateKey::from_pem(pem));
  return out;
}

namespace {
Result<void> write_agent_json(const std::string& state_folder, const Enrollment& enrollment) {
  json::Array keys;
  for (const auto& key : enrollment.identity.order_keys) {
    keys.emplace_back(to_base64(key.spki()));
  }
  json::Object object;
  object["format"] = kFormat;
  object["server"] = enrollment.server;
  object["machineId"] = enrollment.identity.machine.text();
  object["tenantId"] = enrollment.identity.tenant.text();
  object["hostName"] = enrollment.host_name;
  object["orderKeys"] = std::move(keys);
  object["orderKeysVersion"] = enrollment.identity.order_keys_version;
  return write_file_durably(state_folder + "/agent.json", json::write(object) + "\n");
}
}  // namespace

Result<void> save_enrollment(const std::string& state_folder, const Enrollment& enrollment) {
  RB_TRY(write_file_durably(state_folder + "/ca.pem", enrollment.ca_pem));
  return write_agent_json(state_folder, enrollment);
}

Result<crypto::Ed25519PrivateKey> make_key(const std::string& state_folder) {
  const std::string path = state_folder + "/key.pem";
  if (path_exists(path)) {
    RB_TRY_ASSIGN(std::string pem, read_file(path, 1 << 16));
    return crypto::Ed25519PrivateKey::from_pem(pem);
  }
  auto key = crypto::Ed25519PrivateKey::generate();
  RB_TRY(write_file_durably(path, key.pem()));
  return key;
}

std::string load_contact(const std::string& state_folder) {
  auto text = read_file(state_folder + "/contact", 64);
  auto contact = text.ok() ? from_hex(*text) : std::nullopt;
  return contact && contact->size() == 16 ? *contact : std::string();
}

Result<void> save_contact(const std::string& state_folder, const std::string& contact) {
  return write_file_durably(state_folder + "/contact", to_hex(contact));
}

Result<void> save_order_keys(const std::string& state_folder, const Identity& identity) {
  RB_TRY_ASSIGN(Enrollment enrollment, load_enrollment(state_folder));
  enrollment.identity.order_keys = identity.order_keys;
  enrollment.identity.order_keys_version = identity.order_keys_version;
  return write_agent_json(state_folder, enrollment);
}

}  // namespace reachback::agent
