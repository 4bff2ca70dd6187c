#include "agent/os_linux/machine.h"
#include "agent/os_linux/state_folder.h"
#include "agent/wire/commands.h"
#include "agent/wire/connect_error.h"
#include "agent/wire/enrollment_files.h"
#include "json/json.h"
#include "net/http_client.h"
#include "protocol/signing.h"

namespace reachback::agent {
namespace {

constexpr const char* kPath = "/agent/v1/enroll";

// Sends one request and waits for its answer.
Result<net::ClientResponse> ask(const net::Origin& origin,
                                std::shared_ptr<net::TlsClientContext> tls,
                                net::ClientRequest request) {
  net::Loop loop;
  Result<net::ClientResponse> out = Error{Errc::unavailable, "no answer"};
  auto client = net::HttpClient::create(loop, origin, std::move(tls));
  client->send(std::move(request), [&](Result<net::ClientResponse> answer) {
    out = std::move(answer);
    loop.stop();
  });
  loop.run();
  return out;
}

Error explain(const net::ClientResponse& answer, const EnrollOptions& options) {
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
      return Error{Errc::not_found, options.server + " is not the agents' listener" + said};
    case 409:
      return Error{Errc::conflict, "the server refuses this machine" + said};
    default:
      return Error{Errc::protocol, "the server answered " + std::to_string(answer.status) + said};
  }
}

Result<Enrollment> read_answer(const std::string& body, Enrollment enrollment) {
  const Error broken{Errc::protocol, "the server's answer cannot be read"};
  auto value = json::parse(body);
  const json::Object* object = value.ok() ? value->if_object() : nullptr;
  if (object == nullptr) {
    return broken;
  }
  auto text = [&](std::string_view key) {
    const auto* field = object->if_contains(key);
    return field != nullptr && field->is_string() ? std::string(field->as_string()) : std::string();
  };
  auto machine = MachineId::parse(text("machineId"));
  auto tenant = TenantId::parse(text("tenantId"));
  const auto* keys = object->if_contains("orderKeys");
  if (!machine || !tenant || keys == nullptr || !keys->is_array() || keys->as_array().empty()) {
    return broken;
  }
  if (*machine != protocol::machine_id_of(enrollment.identity.key.public_key().spki())) {
    return Error{Errc::protocol, "the server's answer names another machine"};
  }
  enrollment.identity.machine = *machine;
  enrollment.identity.tenant = *tenant;
  if (const auto* version = object->if_contains("orderKeysVersion");
      version != nullptr && version->is_int64() && version->as_int64() > 0) {
    enrollment.identity.order_keys_version = static_cast<std::uint64_t>(version->as_int64());
  }
  for (const auto& key : keys->as_array()) {
    auto der = key.is_string() ? from_base64(std::string(key.as_string())) : std::nullopt;
    if (!der) {
      return broken;
    }
    RB_TRY_ASSIGN(auto parsed, crypto::Ed25519PublicKey::from_spki(*der));
    enrollment.identity.order_keys.push_back(std::move(parsed));
  }
  return enrollment;
}

}  // namespace

Result<std::string> enroll(const EnrollOptions& options) {
  RB_TRY(make_state_folder(options.state_folder));
  if (is_enrolled(options.state_folder)) {
    return Error{Errc::already_exists,
                 "state folder " + options.state_folder + ": already enrolled"};
  }
  RB_TRY_ASSIGN(Fd lock, lock_state_folder(options.state_folder));
  auto url = net::parse_url(options.server);
  if (!url.ok() || url->origin.scheme != "https") {
    return Error{Errc::invalid_input, "--server " + options.server + ": not an https:// address"};
  }
  Enrollment enrollment;
  RB_TRY_ASSIGN(enrollment.ca_pem, read_file(options.ca_file, 1 << 20));
  auto tls = net::TlsClientContext::create(enrollment.ca_pem, net::TlsVersions::tls13_only);
  if (!tls.ok()) {
    return tls.error().in("--ca " + options.ca_file);
  }
  auto facts = read_machine_facts();
  enrollment.server = options.server;
  enrollment.host_name = options.host_name.empty() ? facts.host_name() : options.host_name;
  RB_TRY_ASSIGN(enrollment.identity.key, make_key(options.state_folder));
  const std::string spki = enrollment.identity.key.public_key().spki();
  json::Object body;
  body["token"] = options.token;
  body["publicKey"] = to_base64(spki);
  body["hostName"] = enrollment.host_name;
  body["osPlatform"] = facts.os_platform();
  body["osVersion"] = facts.os_version();
  body["osArchitecture"] = facts.os_architecture();
  body["agentVersion"] = REACHBACK_VERSION;
  body["signature"] = to_base64(enrollment.identity.key.sign(
      protocol::enrollment_statement(options.token, spki, enrollment.host_name)));
  net::ClientRequest request;
  request.method = "POST";
  request.target = kPath;
  request.headers.add("Content-Type", "application/json");
  request.body = json::write(body);
  request.body_bytes_max = 1 << 20;
  auto answer = ask(url->origin, std::move(*tls), std::move(request));
  if (!answer.ok()) {
    return explain_connect_error(answer.error(), options.server, options.ca_file);
  }
  if (answer->status != 200 && answer->status != 201) {
    return explain(*answer, options);
  }
  RB_TRY_ASSIGN(enrollment, read_answer(answer->body, std::move(enrollment)));
  RB_TRY(save_enrollment(options.state_folder, enrollment));
  return enrollment.identity.machine.text();
}

}  // namespace reachback::agent
