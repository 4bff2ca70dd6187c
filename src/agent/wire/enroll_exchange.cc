#include "agent/wire/enroll_exchange.h"

#include "json/json.h"
#include "protocol/signing.h"

namespace reachback::agent {
namespace {

constexpr const char* kPath = "/agent/v1/enroll";

Error explain(const net::ClientResponse& answer, const std::string& server) {
  std::string said;
  auto body = json::parse(answer.body);
  if (body.ok() && body->is_object()) {
    const auto* error = body->as_object().if_contains("error");
    const auto* object = error != nullptr ? error->if_object() : nullptr;
    const auto* message = object != nullptr ? object->if_contains("message") : nullptr;
    if (message != nullptr && message->is_string()) {
      said = ": " + std::string(message->as_string());
    }
  }
  switch (answer.status) {
    case 401:
    case 403:
      return Error{Errc::unauthenticated,
                   "the enrollment token is not valid: expired, used up or mistyped" + said};
    case 404:
      return Error{Errc::not_found, server + " is not the agents' listener" + said};
    case 409:
      return Error{Errc::conflict, "the server refuses this machine" + said};
    case 429:
    case 503:
      return Error{Errc::unavailable, "the server is too busy to enrol" + said};
    default:
      return Error{Errc::protocol, "the server answered " + std::to_string(answer.status) + said};
  }
}

Result<Identity> read_identity(const std::string& body, const crypto::Ed25519PrivateKey& key) {
  const Error broken{Errc::protocol, "the server's answer cannot be read"};
  auto value = json::parse(body);
  const json::Object* object = value.ok() ? value->if_object() : nullptr;
  if (object == nullptr) {
    return broken;
  }
  auto text = [&](std::string_view name) {
    const auto* field = object->if_contains(name);
    return field != nullptr && field->is_string() ? std::string(field->as_string()) : std::string();
  };
  auto machine = MachineId::parse(text("machineId"));
  auto tenant = TenantId::parse(text("tenantId"));
  const auto* keys = object->if_contains("orderKeys");
  if (!machine || !tenant || keys == nullptr || !keys->is_array() || keys->as_array().empty()) {
    return broken;
  }
  if (*machine != protocol::machine_id_of(key.public_key().spki())) {
    return Error{Errc::protocol, "the server's answer names another machine"};
  }
  Identity identity;
  identity.key = key;
  identity.machine = *machine;
  identity.tenant = *tenant;
  if (const auto* version = object->if_contains("orderKeysVersion");
      version != nullptr && version->is_int64() && version->as_int64() > 0) {
    identity.order_keys_version = static_cast<std::uint64_t>(version->as_int64());
  }
  for (const auto& order_key : keys->as_array()) {
    auto der =
        order_key.is_string() ? from_base64(std::string(order_key.as_string())) : std::nullopt;
    if (!der) {
      return broken;
    }
    RB_TRY_ASSIGN(auto parsed, crypto::Ed25519PublicKey::from_spki(*der));
    identity.order_keys.push_back(std::move(parsed));
  }
  return identity;
}

}  // namespace

net::ClientRequest enroll_request(const EnrollRequest& request,
                                  const crypto::Ed25519PrivateKey& key) {
  const std::string spki = key.public_key().spki();
  json::Object body;
  body["token"] = request.token;
  body["publicKey"] = to_base64(spki);
  body["hostName"] = request.host_name;
  body["osPlatform"] = request.facts.os_platform();
  body["osVersion"] = request.facts.os_version();
  body["osArchitecture"] = request.facts.os_architecture();
  body["agentVersion"] = REACHBACK_VERSION;
  body["signature"] =
      to_base64(key.sign(protocol::enrollment_statement(request.token, spki, request.host_name)));
  net::ClientRequest out;
  out.method = "POST";
  out.target = kPath;
  out.headers.add("Content-Type", "application/json");
  out.body = json::write(body);
  out.body_bytes_max = 1 << 20;
  return out;
}

Result<Identity> read_enroll_answer(const net::ClientResponse& answer, const std::string& server,
                                    const crypto::Ed25519PrivateKey& key) {
  if (answer.status != 200 && answer.status != 201) {
    return explain(answer, server);
  }
  return read_identity(answer.body, key);
}

}  // namespace reachback::agent
