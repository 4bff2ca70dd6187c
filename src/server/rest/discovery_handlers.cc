// The documents by which sign-in libraries find the token endpoint. Source: clients.md 9.
#include "server/rest/handlers.h"
#include "server/rest/json_text.h"
#include "server/rest/sign_in_plane.h"

namespace reachback::server::rest {
namespace {

// endpoints: what stands between the tenant and the endpoint's name.
void answer_configuration(Core& core, const CallPtr& call, std::string_view issuer_path,
                          const std::string& endpoints) {
  auto tenant = served_tenant(core, call->params.front());
  if (!tenant) {
    core.refuse(*call, unknown_tenant(call->params.front()));
    return;
  }
  std::string root = call->base + '/' + tenant->text();
  std::string out;
  ObjectText object(out);
  object.text("issuer", root + std::string(issuer_path));
  object.text("token_endpoint", root + endpoints + "token");
  object.text("authorization_endpoint", root + endpoints + "authorize");
  object.text("device_authorization_endpoint", root + endpoints + "devicecode");
  object.text("revocation_endpoint", root + "/oauth2/v2.0/revoke");
  object.text("jwks_uri", root + "/discovery/v2.0/keys");
  object.value("token_endpoint_auth_methods_supported") +=
      R"(["client_secret_post","private_key_jwt","client_secret_basic","none"])";
  object.value("token_endpoint_auth_signing_alg_values_supported") +=
      R"(["RS256","PS256","ES256"])";
  object.value("grant_types_supported") +=
      R"(["client_credentials","authorization_code",)"
      R"("refresh_token","urn:ietf:params:oauth:grant-type:device_code"])";
  object.value("response_types_supported") += R"(["code"])";
  object.value("response_modes_supported") += R"(["query","fragment","form_post"])";
  object.value("code_challenge_methods_supported") += R"(["S256"])";
  object.value("scopes_supported") += R"(["openid","profile","email","offline_access"])";
  object.value("subject_types_supported") += R"(["pairwise"])";
  std::string& algorithms = object.value("id_token_signing_alg_values_supported");
  std::string_view before = "[";
  for (const std::string& name : core.deps.issuer.algorithms()) {
    algorithms += before;
    append_json_string(algorithms, name);
    before = ",";
  }
  algorithms += "]";
  object.close();
  core.answer(*call, json_response(200, std::move(out)));
}

std::string_view host_of(std::string_view base) {
  return base.substr(base.find("://") + 3);
}

// The tenant that MSAL asks about: the first segment of authorization_endpoint's path. Nothing of
// its host is looked at.
std::string_view tenant_asked_for(std::string_view endpoint) {
  auto host = endpoint.find("://");
  if (host == std::string_view::npos) {
    return "";
  }
  auto slash = endpoint.find('/', host + 3);
  if (slash == std::string_view::npos) {
    return "";
  }
  std::string_view path = endpoint.substr(slash + 1);
  return path.substr(0, path.find('/'));
}

}  // namespace

void get_configuration_v1(Core& core, const CallPtr& call) {
  answer_configuration(core, call, "/", "/oauth2/");
}

void get_configuration_v2(Core& core, const CallPtr& call) {
  answer_configuration(core, call, "/v2.0", "/oauth2/v2.0/");
}

void get_keys(Core& core, const CallPtr& call) {
  if (!served_tenant(core, call->params.front())) {
    core.refuse(*call, unknown_tenant(call->params.front()));
    return;
  }
  core.answer(*call, json_response(200, core.deps.issuer.jwks()));
}

void get_instance(Core& core, const CallPtr& call) {
  auto asked = values_of(call->query, "authorization_endpoint");
  std::string_view name = asked.empty() ? "" : tenant_asked_for(asked.front());
  auto tenant = served_tenant(core, name);
  // MSAL also asks with "common", for the list of hosts only.
  bool any = name.empty() || name == "common" || name == "organizations";
  if (!tenant && any && core.options.tenants.size() == 1) {
    tenant = core.options.tenants.front();
  }
  if (!tenant) {
    core.refuse(*call, unknown_tenant(name));
    return;
  }
  std::string host;
  append_json_string(host, host_of(call->base));
  std::string aliases = host;
  for (const std::string& alias : core.options.alias_hosts) {
    if (alias != host_of(call->base)) {
      aliases += ',';
      append_json_string(aliases, alias);
    }
  }
  std::string out;
  ObjectText object(out);
  object.text("tenant_discovery_endpoint",
              call->base + '/' + tenant->text() + "/v2.0/.well-known/openid-configuration");
  object.text("api-version", "1.1");
  object.value("metadata") += "[{\"preferred_network\":" + host + ",\"preferred_cache\":" + host +
                              ",\"aliases\":[" + aliases + "]}]";
  object.close();
  core.answer(*call, json_response(200, std::move(out)));
}

}  // namespace reachback::server::rest
