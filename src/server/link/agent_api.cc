#include "server/link/agent_api.h"

#include "base/log.h"
#include "json/json.h"
#include "server/link/enrollment.h"

namespace reachback::server {
namespace {

constexpr std::uint64_t kEnrollBodyBytesMax = 64 << 10;  // Source: trust.md §5.8.14
constexpr std::size_t kAddressesMax = 10000;             // remembered for the failure count

}  // namespace

AgentApi::AgentApi(SessionDeps deps, Machines& machines, AgentApiOptions options)
    : deps_(deps), machines_(machines), options_(options) {}

struct AgentApi::Route {
  std::string_view method, path, credential;
  std::uint64_t body_bytes_max;
  std::string_view rate;
  void (AgentApi::*handler)(const std::shared_ptr<net::Exchange>& exchange);
};

const std::vector<AgentApi::Route>& AgentApi::routes() {
  static const std::vector<Route> kRoutes = {
      {"POST", "/agent/v1/enroll", "enrolment token and proof of the key", kEnrollBodyBytesMax,
       "failed_enrollments", &AgentApi::enroll},
      {"GET", "/agent/v1/session", "challenge signed with the machine's key", 0, "session_frames",
       &AgentApi::open_session},
  };
  return kRoutes;
}

std::vector<RouteRow> AgentApi::route_rows() {
  std::vector<RouteRow> rows;
  for (const Route& r : routes()) {
    rows.push_back({RouteRow::Listener::agents, std::string(r.method), std::string(r.path), "agent",
                    std::string(r.credential), r.body_bytes_max, std::string(r.rate)});
  }
  return rows;
}

// Paths of this listener have one spelling: agents are ours.
void AgentApi::handle(const std::shared_ptr<net::Exchange>& exchange) {
  const net::Request& request = exchange->request();
  for (const Route& route : routes()) {
    if (request.path() != route.path) {
      continue;
    }
    if (request.method != route.method) {
      net::Response r = error(405, "MethodNotAllowed", "Use " + std::string(route.method));
      r.headers.add("Allow", std::string(route.method));
      exchange->respond(std::move(r));
      return;
    }
    (this->*route.handler)(exchange);
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

void AgentApi::enroll(const std::shared_ptr<net::Exchange>& exchange) {
  if (too_many_failures(exchange->request().peer_ip)) {
    net::Response r = error(429, "TooManyRequests", "Too many failed enrolments from this address");
    r.headers.add("Retry-After", "60");
    exchange->respond(std::move(r));
    return;
  }
  exchange->read_body(kEnrollBodyBytesMax,
                      [this, exchange](const std::shared_ptr<const net::Body>& body) {
                        enroll_with(exchange, body->view());
                      });
}

void AgentApi::enroll_with(const std::shared_ptr<net::Exchange>& exchange, std::string_view body) {
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
  const std::uint64_t keys_version = deps_.order_keys.version();
  if (keys_version == 0) {
    log_warning("enrolment postponed: the order signer has not been reached yet", {});
    exchange->respond(error(503, "ServiceUnavailable", "Try again later"));
    return;
  }
  request->peer_ip = peer;
  request->order_keys_version = keys_version;
  machines_.enroll(
      std::move(*request), [this, exchange, peer, keys_version](const Result<Machine>& machine) {
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
        for (const std::string& key : deps_.order_keys.public_keys()) {
          keys.emplace_back(to_base64(key));
        }
        json::Object o;
        o["machineId"] = machine->id.text();
        o["tenantId"] = machine->tenant.text();
        o["orderKeys"] = std::move(keys);
        o["orderKeysVersion"] = keys_version;
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

void AgentApi::open_session(const std::shared_ptr<net::Exchange>& exchange) {
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
  if (options_.refusals != nullptr) {
    options_.refusals->note(TenantId(), "enrollment_refused", peer);
  }
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
