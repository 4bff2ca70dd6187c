// POST /{tenant}/oauth2/v2.0/token and /{tenant}/oauth2/token.
#include <algorithm>

#include "server/rest/call.h"
#include "server/rest/delegated_scope.h"
#include "server/rest/handlers.h"
#include "server/rest/json_text.h"
#include "server/rest/sign_in_plane.h"
#include "server/rest/token_client.h"
#include "server/rest/token_request.h"

namespace reachback::server::rest {
namespace {

using Version = TokenVersion;

// v1 sends its numbers as strings, v2 as numbers. Source: clients.md 6.
void render_token(ObjectText& object, const IssuedToken& token, std::string_view resource,
                  Version version, Timestamp now) {
  object.text("token_type", "Bearer");
  if (version == Version::v2) {
    object.number("expires_in", token.expires_in_s).number("ext_expires_in", token.expires_in_s);
  } else {
    auto now_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    std::string lifetime = std::to_string(token.expires_in_s);
    object.text("expires_in", lifetime).text("ext_expires_in", lifetime);
    object.text("expires_on", std::to_string(now_s + token.expires_in_s));
    object.text("not_before", std::to_string(now_s)).text("resource", resource);
  }
  object.text("access_token", token.access_token);
}

// A token is on disk, as given, before it leaves.
void give(Core& core, const CallPtr& call, const TenantId& tenant, const std::string& who,
          std::string object, const IssuedToken& issued, std::string body) {
  AccessRecord record;
  record.tenant = tenant;
  record.kind = "sign_in";
  record.principal = who;
  record.object = std::move(object);
  record.token_id = issued.token_id;
  record.result = "200";
  core.record(call, std::move(record), [&core, call, body = std::move(body)] {
    auto response = json_response(200, body);
    response.headers.add("Pragma", "no-cache");
    core.answer(*call, std::move(response));
  });
}

void give_to_client(Core& core, const CallPtr& call, Version version, const TenantId& tenant,
                    const std::string& client, const std::string& asked,
                    const IssuedToken& issued) {
  std::string body;
  ObjectText object(body);
  render_token(object, issued, asked, version, core.deps.clock.now());
  object.close();
  give(core, call, tenant, client,
       issued.certificate.empty() ? "" : "certificate " + issued.certificate, issued,
       std::move(body));
}

// Tokens that act for a user. client_info tells MSAL whose they are.
void give_for_user(Core& core, const CallPtr& call, Version version, const TenantId& tenant,
                   const AuthenticatedClient& client, const UserTokens& tokens) {
  std::string body;
  ObjectText object(body);
  render_token(object, tokens.access, tokens.audience, version, core.deps.clock.now());
  DelegatedAsk granted;
  granted.audience = tokens.audience;
  granted.scopes = tokens.scopes;
  granted.wants_id_token = !tokens.id_token.empty();
  granted.wants_refresh = !tokens.refresh_token.empty();
  object.text("scope", granted_scope(granted));
  if (!tokens.refresh_token.empty()) {
    object.text("refresh_token", tokens.refresh_token);
  }
  if (!tokens.id_token.empty()) {
    object.text("id_token", tokens.id_token);
    object.text("client_info", to_base64url(R"({"uid":")" + tokens.user.id.text() +
                                            R"(","utid":")" + tenant.text() + "\"}"));
  }
  object.close();
  give(core, call, tenant, tokens.user.name, "application " + client.app.id.text(), tokens.access,
       std::move(body));
}

Done<UserTokens> answer_with(Core& core, const CallPtr& call, Version version,
                             const TenantId& tenant, AuthenticatedClient client) {
  return
      [&core, call, version, tenant, client = std::move(client)](const Result<UserTokens>& tokens) {
        if (tokens) {
          give_for_user(core, call, version, tenant, client, *tokens);
        } else {
          core.refuse(*call, tokens.error());
        }
      };
}

Error code_not_taken() {
  return Error{Errc::invalid_grant, "The authorization code is not known, was used, or is over"};
}

// A code that comes again is in somebody else's hands, too: all that came from it ends.
// Source: RFC 6749 §4.1.2.
void redeem(Core& core, const CallPtr& call, Version version, const TokenRequest& request,
            const AuthenticatedClient& client) {
  auto taken = core.deps.user_access.codes.take(request.code.reveal(), core.deps.clock.now());
  if (!taken || taken->code.ask.app != client.app.id ||
      taken->code.ask.tenant != client.app.tenant) {
    core.refuse(*call, code_not_taken());
    return;
  }
  const AuthorizationCode& code = taken->code;
  if (taken->again) {
    core.deps.user_access.tokens.end(
        code.ask.tenant, code.grant, [&core, call](const Result<void>& ended) {
          const bool never_was = !ended && ended.error().code == Errc::not_found;
          core.refuse(*call, ended || never_was ? code_not_taken() : ended.error());
        });
    return;
  }
  if (code.redirect_uri != request.redirect_uri ||
      !fits_challenge(request.verifier.reveal(), code.challenge)) {
    core.refuse(*call, Error{Errc::invalid_grant,
                             "The redirect_uri or the code_verifier is not that of the code"});
    return;
  }
  DelegatedAsk ask = code.ask;
  ask.version = version;
  core.deps.user_access.tokens.issue(client.app, std::move(ask), code.user, code.grant,
                                     answer_with(core, call, version, client.app.tenant, client));
}

void poll_device(Core& core, const CallPtr& call, Version version, const TokenRequest& request,
                 const AuthenticatedClient& client) {
  auto done = core.deps.user_access.devices.poll(request.device_code.reveal(), client.app.tenant,
                                                 client.app.id, core.deps.clock.now());
  if (!done) {
    core.refuse(*call, done.error());
    return;
  }
  DelegatedAsk ask = std::move(done->ask);
  ask.version = version;
  core.deps.user_access.tokens.issue(client.app, std::move(ask), std::move(done->user), done->grant,
                                     answer_with(core, call, version, client.app.tenant, client));
}

bool asks_for_id_token(const TokenRequest& request, Version version) {
  return version == Version::v1 ||
         (" " + request.scope + " ").find(" openid ") != std::string::npos;
}

void serve_user_grant(Core& core, const CallPtr& call, Version version, const TokenRequest& request,
                      const AuthenticatedClient& client) {
  switch (request.grant) {
    case Grant::authorization_code:
      redeem(core, call, version, request, client);
      return;
    case Grant::device_code:
      poll_device(core, call, version, request, client);
      return;
    default:
      core.deps.user_access.tokens.refresh(
          client.app, request.refresh_token, version, asks_for_id_token(request, version),
          answer_with(core, call, version, client.app.tenant, client));
  }
}

void serve_client_credentials(Core& core, const CallPtr& call, Version version,
                              const TenantId& tenant, TokenRequest request) {
  const std::string client_id = request.client.client_id;
  if (is_locked_out(core, call, tenant, client_id)) {
    return;
  }
  std::string asked = request.scope.empty() ? request.resource : request.scope;
  Done<IssuedToken> done = [&core, call, version, asked, client_id,
                            tenant](const Result<IssuedToken>& token) {
    if (token) {
      give_to_client(core, call, version, tenant, to_lower(client_id), asked, *token);
    } else {
      refuse_client(core, call, tenant, client_id, token.error());
    }
  };
  if (request.client.client_assertion.empty()) {
    core.deps.sign_in.client_credentials(tenant.text(), client_id,
                                         std::move(request.client.client_secret),
                                         std::move(request.audience), version, std::move(done));
    return;
  }
  core.deps.sign_in.client_assertion(
      AssertionSignIn{tenant.text(), client_id, std::move(request.client.client_assertion),
                      token_urls(core, tenant), std::move(request.audience), version},
      std::move(done));
}

void post_token(Core& core, const CallPtr& call, Version version) {
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
      if (call->request().headers.get("Authorization")) {
        refusal.header("WWW-Authenticate", "Basic realm=\"reachback\"");
      }
    }
    core.refuse(*call, refusal);
    return;
  }
  if (request->grant == Grant::client_credentials) {
    serve_client_credentials(core, call, version, *tenant, std::move(*request));
    return;
  }
  const ClientText client = request->client;
  authenticate_client(
      core, call, *tenant, client,
      [&core, call, version, request = std::move(*request)](const AuthenticatedClient& known) {
        serve_user_grant(core, call, version, request, known);
      });
}

}  // namespace

// RFC 7009: 200 whatever the token was, if the client is who it says.
void post_revoke(Core& core, const CallPtr& call) {
  auto tenant = served_tenant(core, call->params.front());
  if (!tenant) {
    core.refuse(*call, unknown_tenant(call->params.front()));
    return;
  }
  auto request =
      parse_revocation_request(call->request(), call->content(), core.bounds.token_parameters);
  if (!request) {
    core.refuse(*call, request.error());
    return;
  }
  const ClientText client = request->client;
  authenticate_client(
      core, call, *tenant, client,
      [&core, call, token = request->token](const AuthenticatedClient& known) {
        auto grant = UserTokensService::grant_of(token.reveal());
        if (!grant) {
          auto principal = core.deps.verifier.verify(token.reveal(), core.deps.clock.now());
          if (principal && principal->user && principal->tenant == known.app.tenant) {
            grant = principal->user->grant;
          }
        }
        core.deps.user_access.revoke(known.app, grant, [&core, call](const Result<void>& done) {
          if (done) {
            core.answer(*call, 200, "{}");
          } else {
            core.refuse(*call, done.error());
          }
        });
      });
}

void post_token_v1(Core& core, const CallPtr& call) {
  post_token(core, call, Version::v1);
}

void post_token_v2(Core& core, const CallPtr& call) {
  post_token(core, call, Version::v2);
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
