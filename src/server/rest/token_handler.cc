// POST /{tenant}/oauth2/v2.0/token and /{tenant}/oauth2/token.
#include <algorithm>

#include "base/log.h"
#include "server/rest/call.h"
#include "server/rest/handlers.h"
#include "server/rest/json_text.h"
#include "server/rest/sign_in_plane.h"
#include "server/rest/token_request.h"

namespace reachback::server::rest {
namespace {

using Version = TokenVersion;

// v1 sends its numbers as strings, v2 as numbers. Source: clients.md 6.
std::string render_token(const IssuedToken& token, std::string_view asked, Version version,
                         Timestamp now) {
  std::string out;
  ObjectText object(out);
  object.text("token_type", "Bearer");
  if (version == Version::v2) {
    object.number("expires_in", token.expires_in_s).number("ext_expires_in", token.expires_in_s);
  } else {
    auto now_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    std::string lifetime = std::to_string(token.expires_in_s);
    object.text("expires_in", lifetime).text("ext_expires_in", lifetime);
    object.text("expires_on", std::to_string(now_s + token.expires_in_s));
    object.text("not_before", std::to_string(now_s)).text("resource", asked);
  }
  object.text("access_token", token.access_token).close();
  return out;
}

bool uses_basic(const Call& call) {
  return call.request().headers.get("Authorization").has_value();
}

void refuse(Core& core, const Call& call, Refusal refusal) {
  if (uses_basic(call) && refusal.error.code == Errc::invalid_client) {
    refusal.header("WWW-Authenticate", "Basic realm=\"reachback\"");
  }
  core.refuse(call, refusal);
}

Refusal too_many_wrong_secrets(Duration wait) {
  Refusal refusal(Error{Errc::too_many_requests,
                        "Too many wrong client secrets or assertions, try again later."});
  return refusal.retry_after(wait);
}

bool is_wrong_credential(Errc code) {
  return code == Errc::invalid_client || code == Errc::invalid_assertion;
}

// Whom an assertion may be for: the token addresses and the issuers of a tenant, on the hosts that
// are ours by configuration. What host was called does not count: whoever calls chooses that.
std::vector<std::string> token_urls(const Core& core, const TenantId& tenant) {
  std::vector<std::string> bases{core.options.public_url};
  for (const std::string& alias : core.options.alias_hosts) {
    bases.push_back("https://" + alias);
  }
  std::vector<std::string> out;
  for (const std::string& base : bases) {
    for (const char* path : {"/oauth2/v2.0/token", "/oauth2/token", "/v2.0", ""}) {
      out.push_back(to_lower(base + "/" + tenant.text() + path));
    }
  }
  return out;
}

// A token is on disk, as given, before it leaves.
void give(Core& core, const CallPtr& call, Version version, const TenantId& tenant,
          const std::string& client, const std::string& asked, const IssuedToken& issued) {
  AccessRecord record;
  record.tenant = tenant;
  record.kind = "sign_in";
  record.principal = client;
  record.object = issued.certificate.empty() ? "" : "certificate " + issued.certificate;
  record.token_id = issued.token_id;
  record.result = "200";
  core.record(call, std::move(record), [&core, call, version, asked, issued] {
    auto response = json_response(200, render_token(issued, asked, version, core.deps.clock.now()));
    response.headers.add("Pragma", "no-cache");
    core.answer(*call, std::move(response));
  });
}

void post_token(Core& core, CallPtr call, Version version) {
  auto tenant = served_tenant(core, call->params.front());
  if (!tenant) {
    core.refuse(*call, unknown_tenant(call->params.front()));
    return;
  }
  auto request = parse_token_request(call->request(), call->content(), core.deps.audiences,
                                     core.bounds.token_parameters);
  if (!request) {
    Refusal refusal(request.error());
    if (request.error().code == Errc::invalid_client) {
      refusal.aadsts = 7000218;  // neither of the two credentials is there
    }
    refuse(core, *call, refusal);
    return;
  }
  // Wrong secrets and assertions are counted per application and address; while too many are, a
  // right one does not pass either, or guessing would still pay. Source: trust.md §5.1 7.
  std::string key = to_lower(request->client_id) + '\n' + call->request().peer_ip;
  const auto& windows = core.bounds.wrong_secrets;
  if (auto wait = core.wrong_secrets.peek(key, windows, core.deps.clock.since_boot())) {
    core.deps.refusals.note(*tenant, "sign_in_refused", call->request().peer_ip);
    core.refuse(*call, too_many_wrong_secrets(*wait));
    return;
  }
  std::string asked = std::move(request->asked);
  std::string client = to_lower(request->client_id);
  Done<IssuedToken> done = [&core, call, version, key, asked, client,
                            tenant = *tenant](Result<IssuedToken> token) {
    if (token) {
      give(core, call, version, tenant, client, asked, *token);
      return;
    }
    if (is_wrong_credential(token.error().code)) {
      core.deps.refusals.note(tenant, "sign_in_refused", call->request().peer_ip);
      Duration now = core.deps.clock.since_boot();
      core.wrong_secrets.record(key, core.bounds.wrong_secrets, now);
      if (auto wait = core.wrong_secrets.peek(key, core.bounds.wrong_secrets, now)) {
        log_warning("many wrong client secrets", {field("peer", call->request().peer_ip)});
        core.refuse(*call, too_many_wrong_secrets(*wait));
        return;
      }
    }
    refuse(core, *call, token.error());
  };
  if (request->client_assertion.empty()) {
    core.deps.sign_in.client_credentials(tenant->text(), request->client_id,
                                         std::move(request->client_secret),
                                         std::move(request->audience), version, std::move(done));
    return;
  }
  core.deps.sign_in.client_assertion(
      AssertionSignIn{tenant->text(), request->client_id, std::move(request->client_assertion),
                      token_urls(core, *tenant), std::move(request->audience), version},
      std::move(done));
}

}  // namespace

void post_token_v1(Core& core, CallPtr call) {
  post_token(core, std::move(call), Version::v1);
}

void post_token_v2(Core& core, CallPtr call) {
  post_token(core, std::move(call), Version::v2);
}

std::optional<TenantId> served_tenant(const Core& core, std::string_view text) {
  auto id = TenantId::parse(text);
  const auto& served = core.options.tenants;
  bool known = id && std::find(served.begin(), served.end(), *id) != served.end();
  return known ? id : std::nullopt;
}

Refusal unknown_tenant(std::string_view text) {
  Refusal refusal(Error{Errc::invalid_request,
                        "Tenant '" + std::string(text) +
                            "' not found. Use the tenant id that the server printed at init."});
  refusal.aadsts = 90002;
  return refusal;
}

}  // namespace reachback::server::rest
