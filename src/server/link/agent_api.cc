#include "server/link/agent_api.h"

#include <algorithm>

#include "base/log.h"
#include "crypto/ed25519.h"
#include "json/json.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::server {
namespace {

constexpr std::uint64_t kEnrollBodyBytesMax = 64 << 10;  // Source: trust.md §5.8.14
constexpr std::size_t kAddressesMax = 10000;             // remembered for the failure count
constexpr std::size_t kTextBytesMax = 253;  // host name and OS texts; Source: trust.md §5.8.11

// A required or optional string member, bounded and without NUL.
Result<std::string> text_of(const json::Object& o, std::string_view key, bool required,
                            std::size_t bytes_max) {
  const auto* value = o.if_contains(boost::json::string_view(key.data(), key.size()));
  if (value == nullptr) {
    if (required) {
      return Error{Errc::missing_parameter, std::string(key) + " is required"};
    }
    return std::string();
  }
  if (!value->is_string()) {
    return Error{Errc::invalid_input, std::string(key) + " is not a string"};
  }
  std::string text(value->get_string().data(), value->get_string().size());
  if (text.size() > bytes_max || text.find('\0') != std::string::npos ||
      (required && text.empty())) {
    return Error{Errc::invalid_input, std::string(key) + " is empty, too long or holds a NUL"};
  }
  return text;
}

Result<Enrollment> parse_enrollment(std::string_view body) {
  RB_TRY_ASSIGN(json::Value value, json::parse(body));
  const auto* o = value.if_object();
  if (o == nullptr) {
    return Error{Errc::invalid_body, "the body is not an object"};
  }
  Enrollment e;
  RB_TRY_ASSIGN(e.token, text_of(*o, "token", false, 512));
  if (std::all_of(e.token.begin(), e.token.end(), [](char c) { return c == ' ' || c == '\t'; })) {
    return Error{Errc::unauthenticated, "a blank token, or none"};
  }
  RB_TRY_ASSIGN(std::string key64, text_of(*o, "publicKey", true, 512));
  RB_TRY_ASSIGN(std::string signature64, text_of(*o, "signature", true, 512));
  RB_TRY_ASSIGN(e.host_name, text_of(*o, "hostName", true, protocol::kHostNameBytesMax));
  RB_TRY_ASSIGN(e.os_platform, text_of(*o, "osPlatform", false, kTextBytesMax));
  RB_TRY_ASSIGN(e.os_version, text_of(*o, "osVersion", false, kTextBytesMax));
  RB_TRY_ASSIGN(e.os_architecture, text_of(*o, "osArchitecture", false, kTextBytesMax));
  RB_TRY_ASSIGN(e.agent_version, text_of(*o, "agentVersion", false, kTextBytesMax));
  auto key = from_base64(key64);
  auto signature = from_base64(signature64);
  if (!key || !signature) {
    return Error{Errc::invalid_input, "publicKey or signature is not base64"};
  }
  RB_TRY_ASSIGN(auto public_key, crypto::Ed25519PublicKey::from_spki(*key));
  if (!public_key.verify(protocol::enrollment_statement(e.token, *key, e.host_name), *signature)) {
    return Error{Errc::invalid_input, "the signature does not prove possession of the key"};
  }
  e.public_key = std::move(*key);
  return e;
}

bool is_path(const net::Request& request, std::string_view path) {
  return request.path() == path;
}

}  // namespace

AgentApi::AgentApi(SessionDeps deps, Machines& machines, AgentApiOptions options)
    : deps_(deps), machines_(machines), options_(std::move(options)) {}

void AgentApi::handle(std::shared_ptr<net::Exchange> exchange) {
  const net::Request& request = exchange->request();
  if (is_path(request, "/agent/v1/enroll")) {
    if (request.method != "POST") {
      net::Response r = error(405, "MethodNotAllowed", "Use POST");
      r.headers.add("Allow", "POST");
      exchange->respond(std::move(r));
      return;
    }
    enroll(std::move(exchange));
    return;
  }
  if (is_path(request, "/agent/v1/session")) {
    if (request.method != "GET") {
      net::Response r = error(405, "MethodNotAllowed", "Use GET");
      r.headers.add("Allow", "GET");
      exchange->respond(std::move(r));
      return;
    }
    open_session(std::move(exchange));
    return;
  }
  if (request.method == "CONNECT") {
    net::Response r = error(405, "MethodNotAllowed", "This is no proxy");
    r.headers.add("Allow", "GET, POST, PUT");
    exchange->respond(std::move(r));
    return;
  }
  exchange->respond(error(404, "NotFound", "No such resource on the agents' listener"));
}

void AgentApi::enroll(std::shared_ptr<net::Exchange> exchange) {
  if (too_many_failures(exchange->request().peer_ip)) {
    net::Response r = error(429, "TooManyRequests", "Too many failed enrolments from this address");
    r.headers.add("Retry-After", "60");
    exchange->respond(std::move(r));
    return;
  }
  auto* raw = exchange.get();
  raw->read_body(kEnrollBodyBytesMax,
                 [this, exchange = std::move(exchange)](std::shared_ptr<const net::Body> body) {
                   enroll_with(exchange, body->view());
                 });
}

void AgentApi::enroll_with(std::shared_ptr<net::Exchange> exchange, std::string_view body) {
  auto request = parse_enrollment(body);
  std::string peer = exchange->request().peer_ip;
  if (!request && request.error().code == Errc::unauthenticated) {
    refuse_token(*exchange, request.error());
    return;
  }
  if (!request) {
    exchange->respond(error(400, "InvalidRequestBody", request.error().message));
    return;
  }
  request->peer_ip = peer;
  machines_.enroll(std::move(*request), [this, exchange, peer](Result<Machine> machine) {
    if (!machine) {
      switch (machine.error().code) {
        case Errc::unauthenticated:
          refuse_token(*exchange, machine.error());
          return;
        case Errc::conflict:
          // Somebody has another tenant's machine, or its disk. Source: trust.md §5.8.10.
          log_warning("enrolment refused",
                      {field("alarm", "key_of_another_tenant"), field("peer", peer),
                       field("why", machine.error().message)});
          exchange->respond(error(409, "Conflict", "This key is already enrolled elsewhere"));
          return;
        default:
          exchange->respond(error(503, "ServiceUnavailable", "Try again later"));
          return;
      }
    }
    log_info("machine enrolled", {field("machine", machine->id.text()),
                                  field("name", machine->name), field("peer", peer)});
    json::Array keys;
    for (const std::string& key : options_.order_keys) {
      keys.emplace_back(to_base64(key));
    }
    json::Object o;
    o["machineId"] = machine->id.text();
    o["tenantId"] = machine->tenant.text();
    o["orderKeys"] = std::move(keys);
    net::Response r;
    r.headers.add("Content-Type", "application/json");
    r.headers.add("Cache-Control", "no-store");
    r.body = json::write(o);
    exchange->respond(std::move(r));
  });
}

// One answer for a token that is blank, unknown, expired or used up.
void AgentApi::refuse_token(net::Exchange& exchange, const Error& why) {
  const std::string peer = exchange.request().peer_ip;
  count_failure(peer);
  log_warning("enrolment refused",
              {field("alarm", "enrolment_token"), field("peer", peer), field("why", why.message)});
  exchange.respond(error(401, "Unauthorized",
                         "The enrolment token is unknown, expired or used up: ask for a new one"));
}

void AgentApi::open_session(std::shared_ptr<net::Exchange> exchange) {
  std::string nonce = deps_.random.bytes(32);
  net::Headers extra;
  extra.add("Reachback-Challenge", to_base64url(nonce));
  auto socket = exchange->upgrade(std::move(extra));
  if (!socket) {
    net::Response r = error(426, "UpgradeRequired", socket.error().message);
    r.headers.add("Upgrade", "websocket");
    exchange->respond(std::move(r));
    return;
  }
  std::make_shared<AgentSession>(deps_, options_.session, std::move(*socket), std::move(nonce))
      ->start();
}

void AgentApi::count_failure(const std::string& peer) {
  MutexLock lock(mutex_);
  if (failures_.size() >= kAddressesMax) {
    failures_.clear();
  }
  Duration now = deps_.clock.since_boot();
  Failures& f = failures_[peer];
  if (f.count == 0 || now - f.since > std::chrono::minutes(1)) {
    f = Failures{now, 0};
  }
  ++f.count;
}

bool AgentApi::too_many_failures(const std::string& peer) {
  MutexLock lock(mutex_);
  auto found = failures_.find(peer);
  return found != failures_.end() &&
         found->second.count >= options_.failed_enrollments_per_minute &&
         deps_.clock.since_boot() - found->second.since <= std::chrono::minutes(1);
}

net::Response AgentApi::error(int status, std::string_view code, std::string_view message) {
  net::Response r;
  r.status = status;
  r.headers.add("Content-Type", "application/json");
  r.headers.add("Cache-Control", "no-store");
  // The same envelope as the API's, so that one reader serves both.
  std::string target = to_hex(deps_.random.bytes(16));
  r.body = R"({"error":{"code":")" + std::string(code) + R"(","message":)" + json::quote(message) +
           R"(,"target":")" + target + "\"}}";
  return r;
}

}  // namespace reachback::server
