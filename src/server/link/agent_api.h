// The HTTP surface of the agents' listener but for blobs: enrolment and the upgrade to a session.
//   POST /agent/v1/enroll   JSON as documented in protocol/signing.h -> 200
//   {"machineId","tenantId","orderKeys","orderKeysVersion"} GET  /agent/v1/session  WebSocket; the
//   101 carries Reachback-Challenge
// Everything else is 404. A bearer token is never looked at here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "net/http_server.h"
#include "server/link/agent_session.h"
#include "server/ports/route_row.h"
#include "server/service/machines.h"
#include "server/service/refusal_tally.h"

namespace reachback::server {

struct AgentApiOptions {
  SessionLimits session;
  std::uint32_t failed_enrollments_per_minute = 60;  // of one address; beyond: 429
  RefusalTally* refusals = nullptr;                  // counts refused enrolments for the audit
};

class AgentApi {
 public:
  AgentApi(SessionDeps deps, Machines& machines, AgentApiOptions options);
  void handle(const std::shared_ptr<net::Exchange>& exchange);
  static std::vector<RouteRow> route_rows();

 private:
  struct Route;
  static const std::vector<Route>& routes();

  void enroll(const std::shared_ptr<net::Exchange>& exchange);
  void enroll_with(const std::shared_ptr<net::Exchange>& exchange, std::string_view body);
  void refuse_token(net::Exchange& exchange, const Error& why);
  void open_session(const std::shared_ptr<net::Exchange>& exchange);
  // Counts a failed enrolment of this address.
  void count_failure(const std::string& peer);
  bool too_many_failures(const std::string& peer);
  net::Response error(int status, std::string_view code, std::string_view message);

  SessionDeps deps_;
  Machines& machines_;
  AgentApiOptions options_;
  struct Failures {
    Duration since{};
    std::uint32_t count = 0;
  };
  Mutex mutex_;
  std::map<std::string, Failures> failures_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
