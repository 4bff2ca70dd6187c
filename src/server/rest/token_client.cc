#include "server/rest/token_client.h"

#include "base/log.h"

namespace reachback::server::rest {
namespace {

std::string key_of(const Call& call, const std::string& client_id) {
  return to_lower(client_id) + '\n' + call.request().peer_ip;
}

void refuse_too_many(Core& core, const Call& call, Duration wait) {
  Refusal refusal(Error{Errc::too_many_requests,
                        "Too many wrong client secrets or assertions, try again later."});
  core.refuse(call, refusal.retry_after(wait));
}

}  // namespace

std::vector<std::string> token_urls(const Core& core, const TenantId& tenant) {
  std::vector<std::string> out;
  for (const std::string& base : core.own_addresses()) {
    for (const char* path : {"/oauth2/v2.0/token", "/oauth2/token", "/v2.0", ""}) {
      out.push_back(to_lower(base + "/" + tenant.text() + path));
    }
  }
  return out;
}

bool is_locked_out(Core& core, const CallPtr& call, const TenantId& tenant,
                   const std::string& client_id) {
  auto wait = core.wrong_secrets.peek(key_of(*call, client_id), core.bounds.wrong_secrets,
                                      core.deps.clock.since_boot());
  if (!wait) {
    return false;
  }
  core.deps.refusals.note(tenant, "sign_in_refused", call->request().peer_ip);
  refuse_too_many(core, *call, *wait);
  return true;
}

void refuse_client(Core& core, const CallPtr& call, const TenantId& tenant,
                   const std::string& client_id, const Error& error) {
  if (error.code == Errc::invalid_client || error.code == Errc::invalid_assertion) {
    core.deps.refusals.note(tenant, "sign_in_refused", call->request().peer_ip);
    const Duration now = core.deps.clock.since_boot();
    const std::string key = key_of(*call, client_id);
    core.wrong_secrets.record(key, core.bounds.wrong_secrets, now);
    if (auto wait = core.wrong_secrets.peek(key, core.bounds.wrong_secrets, now)) {
      log_warning("many wrong client secrets", {field("peer", call->request().peer_ip)});
      refuse_too_many(core, *call, *wait);
      return;
    }
  }
  Refusal refusal(error);
  if (call->request().headers.get("Authorization") && error.code == Errc::invalid_client) {
    refusal.header("WWW-Authenticate", "Basic realm=\"reachback\"");
  }
  core.refuse(*call, refusal);
}

void authenticate_client(Core& core, const CallPtr& call, const TenantId& tenant,
                         const ClientText& client,
                         std::function<void(const AuthenticatedClient&)> then) {
  if (is_locked_out(core, call, tenant, client.client_id)) {
    return;
  }
  core.deps.sign_in.client(
      ClientCredentials{tenant.text(), client.client_id, client.client_secret,
                        client.client_assertion, token_urls(core, tenant)},
      [&core, call, tenant, client_id = client.client_id,
       then = std::move(then)](const Result<AuthenticatedClient>& known) {
        if (!known) {
          refuse_client(core, call, tenant, client_id, known.error());
        } else if (known->app.scopes.empty()) {
          core.refuse(*call, Error{Errc::forbidden,
                                   "Users cannot sign in through the application: it has no "
                                   "delegated permissions."});
        } else {
          then(*known);
        }
      });
}

}  // namespace reachback::server::rest
