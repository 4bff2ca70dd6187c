// The MDE-compatible REST surface: takes every request of the public listener that is not a result
// link.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.h"
#include "server/ports/audit_log.h"
#include "server/ports/tokens.h"
#include "server/rest/limits.h"
#include "server/service/activity.h"
#include "server/service/app_rates.h"
#include "server/service/background.h"
#include "server/service/interactive.h"
#include "server/service/library.h"
#include "server/service/live_response.h"
#include "server/service/machines.h"
#include "server/service/refusal_tally.h"
#include "server/service/settings.h"
#include "server/service/sign_in.h"
#include "server/service/user_access.h"

namespace reachback::server::rest {

struct RestDeps {
  LiveResponse& live_response;
  Interactive& interactive;
  Library& library;
  Machines& machines;
  SignIn& sign_in;
  TokenVerifier& verifier;
  TokenIssuer& issuer;
  const Audiences& audiences;
  AuditLog& audit;  // of sign-ins and library calls
  RefusalTally& refusals;
  Clock& clock;
  Random& random;
  const AppRates& app_rates;
  UserAccess& user_access;
  // Of the extension API for people.
  Background& background;
  Settings& settings;
  Activity& activity;
};

struct RestOptions {
  std::string public_url;         // "https://host[:port]"; may come later by set_public_url()
  std::vector<TenantId> tenants;  // whose token endpoints are served
  std::vector<std::string> alias_hosts;  // "api.example" or "api.example:8443": named in contexts
                                         // and discovery documents when a client called them
  Profile profile = Profile::y2026;
  bool limits_enabled = true;     // false: no call rates. Sizes and wrong secrets stay limited.
  std::uint64_t rate_factor = 1;  // call rates are so many times the profile's
  bool strict = false;            // permissions are exactly those of MDE's documents of the profile
  // An application's Machine.Read.All reads results. Default: in profile 2025, unless strict
  // (decisions.md 14).
  std::optional<bool> read_all_results;
  // What a new enrolment token is told with: where agents come to, and whom they trust.
  std::string agents_url, ca_pem;
};

class Core;

// Everything it borrows outlives it, and it outlives every request handed to it. handle() and
// render_error(): any loop thread.
class RestApi {
 public:
  // Errors: corrupt (api/errors.json, limits.json, permissions.json or openapi.json), internal (a
  // route without a row of permissions or with an ambiguous address, a row without its route, a
  // property that $metadata has no type for),
  // invalid_input (public_url).
  static Result<std::unique_ptr<RestApi>> create(RestDeps deps, RestOptions options);
  ~RestApi();

  // Before the first request. Errors: invalid_input (not https://host or http://host).
  Result<void> set_public_url(std::string_view url);
  // The "data" of an event of a webhook (ports/webhook_store.h): {"machineAction":{...}} or
  // {"machine":{...}}, as GET shows it, named under the public URL. Errors: not_found, unavailable.
  void describe_event(const TenantId& tenant, const std::string& type, const std::string& object,
                      Done<std::string> done);
  // Answers exactly once, now or later, on any thread.
  void handle(std::shared_ptr<net::Exchange> exchange);
  // The address of ours under which a client called: the public one, or an alias.
  std::string base_for(const net::Request& request) const;
  // The envelope for what the connection refuses by itself; for HttpServerOptions.
  net::Response render_error(int status, std::string_view message);

 private:
  explicit RestApi(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace reachback::server::rest
