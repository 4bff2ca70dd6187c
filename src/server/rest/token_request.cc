#include "server/rest/token_request.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "server/rest/query.h"

namespace reachback::server::rest {
namespace {

constexpr std::size_t kClientIdCharsMax = 255;

Error bad(std::string message) {
  return Error{Errc::invalid_request, std::move(message)};
}

// What must never stand in an address: it ends in logs and histories.
Result<void> check_query(std::string_view query) {
  constexpr std::string_view kSecrets[] = {"client_secret", "client_assertion", "password",
                                           "refresh_token", "access_token",     "code",
                                           "code_verifier", "device_code"};
  auto pairs = parse_pairs(query, /*pairs_max=*/1000);
  if (!pairs) {
    return bad("The query string is malformed");
  }
  for (std::string_view secret : kSecrets) {
    if (!values_of(*pairs, secret).empty()) {
      return bad("'" + std::string(secret) +
                 "' must not be in the query string: it is known to every log on the way, change "
                 "it");
    }
  }
  return {};
}

Result<Pairs> parse_form(const net::Request& request, std::string_view body, std::size_t max) {
  std::string type = to_lower(request.headers.get("Content-Type").value_or(""));
  auto first = body.find_first_not_of(" \t\r\n");
  bool json = type.find("json") != std::string::npos ||
              (first != std::string_view::npos && (body[first] == '{' || body[first] == '['));
  if (json) {
    return bad("The request body must be a form (application/x-www-form-urlencoded), not JSON");
  }
  auto form = parse_pairs(body, max);
  if (!form) {
    return bad("The request body is malformed: " + form.error().message);
  }
  std::set<std::string_view> names;
  for (const auto& [name, value] : *form) {
    if (!names.insert(name).second) {
      return bad("The request body has a parameter twice");
    }
  }
  return form;
}

// A form parameter's value; names here are case-sensitive. Empty counts as absent (RFC 6749 §3.2).
std::string_view value_of(const Pairs& form, std::string_view name) {
  for (const auto& [key, value] : form) {
    if (key == name) {
      return value;
    }
  }
  return "";
}

Error missing(std::string_view names) {
  return Error{Errc::missing_parameter, "The request body must contain the following parameter: " +
                                            std::string(names) + "."};
}

// From "Basic base64(id:secret)", both percent-encoded (RFC 6749 §2.3.1); what does not decode is
// taken as it is, as many clients send it.
Result<ClientText> parse_basic(std::string_view header) {
  constexpr std::string_view kScheme = "Basic ";
  if (!equals_ignore_case(header.substr(0, kScheme.size()), kScheme)) {
    return Error{Errc::invalid_client, "The Authorization header must be Basic here"};
  }
  auto text = from_base64(header.substr(kScheme.size()));
  auto colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) {
    return bad("The Authorization header is malformed");
  }
  auto decoded = [](const std::string& part) {
    return percent_decode(part, /*plus_is_space=*/false).value_or(part);
  };
  return ClientText{decoded(text->substr(0, colon)), Secret(decoded(text->substr(colon + 1))), {}};
}

// An assertion comes with its type and without a secret.
Result<void> check_assertion_type(const Pairs& form, const ClientText& given) {
  constexpr std::string_view kJwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
  std::string_view type = value_of(form, "client_assertion_type");
  if (given.client_assertion.empty()) {
    return type.empty() || !given.client_secret.empty() ? Result<void>()
                                                        : missing("'client_assertion'");
  }
  if (!given.client_secret.empty()) {
    return bad("There are a client secret and a client assertion: send one of them");
  }
  if (type.empty()) {
    return missing("'client_assertion_type'");
  }
  if (type != kJwt) {
    return bad("'client_assertion_type' must be " + std::string(kJwt));
  }
  return {};
}

Result<ClientText> take_client(const net::Request& request, const Pairs& form) {
  ClientText out{std::string(value_of(form, "client_id")),
                 Secret(std::string(value_of(form, "client_secret"))),
                 Secret(std::string(value_of(form, "client_assertion")))};
  if (request.headers.count("Authorization") > 1) {
    return bad("There are two Authorization headers");
  }
  if (auto header = request.headers.get("Authorization")) {
    RB_TRY_ASSIGN(ClientText basic, parse_basic(*header));
    if (!out.client_secret.empty()) {
      return bad("The client secret is in the header and in the body");
    }
    if (!out.client_id.empty() && !equals_ignore_case(out.client_id, basic.client_id)) {
      return bad("client_id is not the one of the Authorization header");
    }
    basic.client_assertion = std::move(out.client_assertion);
    out = std::move(basic);
  }
  if (out.client_id.empty()) {
    return missing("'client_id'");
  }
  RB_TRY(check_assertion_type(form, out));
  if (out.client_id.size() > kClientIdCharsMax) {
    return Error{Errc::invalid_client, "The client_id is too long."};
  }
  return out;
}

std::optional<Grant> parse_grant(std::string_view grant) {
  if (grant == "client_credentials") {
    return Grant::client_credentials;
  }
  if (grant == "authorization_code") {
    return Grant::authorization_code;
  }
  if (grant == "refresh_token") {
    return Grant::refresh_token;
  }
  // The second is how the v1 address's clients call it.
  const bool device =
      grant == "urn:ietf:params:oauth:grant-type:device_code" || grant == "device_code";
  return device ? std::optional(Grant::device_code) : std::nullopt;
}

Result<void> take_client_credentials(const Audiences& audiences, TokenRequest& out) {
  if (out.client.client_secret.empty() && out.client.client_assertion.empty()) {
    return Error{Errc::invalid_client,
                 "The request body must contain the following parameter: 'client_assertion' or "
                 "'client_secret'."};
  }
  if (out.scope.empty() && out.resource.empty()) {
    return missing("'scope' or 'resource'");
  }
  RB_TRY_ASSIGN(out.audience, out.scope.empty() ? audiences.of_resource(out.resource)
                                                : audiences.of_scope(out.scope));
  return {};
}

Result<void> take(const Pairs& form, std::string_view name, Secret& into) {
  into = Secret(std::string(value_of(form, name)));
  return into.empty() ? missing("'" + std::string(name) + "'") : Result<void>();
}

Result<void> take_grant(const Pairs& form, TokenRequest& out) {
  switch (out.grant) {
    case Grant::authorization_code:
      RB_TRY(take(form, "code", out.code));
      RB_TRY(take(form, "code_verifier", out.verifier));
      out.redirect_uri = value_of(form, "redirect_uri");
      return out.redirect_uri.empty() ? missing("'redirect_uri'") : Result<void>();
    case Grant::refresh_token:
      return take(form, "refresh_token", out.refresh_token);
    case Grant::device_code:
      if (!value_of(form, "code").empty() && value_of(form, "device_code").empty()) {
        return take(form, "code", out.device_code);  // v1
      }
      return take(form, "device_code", out.device_code);
    case Grant::client_credentials:
      return {};
  }
  return {};
}

}  // namespace

Result<TokenRequest> parse_token_request(const net::Request& request, std::string_view body,
                                         const Audiences& audiences, std::size_t parameters_max) {
  RB_TRY(check_query(request.query()));
  RB_TRY_ASSIGN(Pairs form, parse_form(request, body, parameters_max));
  const std::string_view name = value_of(form, "grant_type");
  if (name.empty()) {
    return missing("'grant_type'");
  }
  auto grant = parse_grant(name);
  if (!grant) {
    return Error{Errc::unsupported_grant,
                 "The grant type is not supported, only client_credentials, authorization_code, "
                 "refresh_token and urn:ietf:params:oauth:grant-type:device_code are."};
  }
  TokenRequest out;
  out.grant = *grant;
  RB_TRY_ASSIGN(out.client, take_client(request, form));
  out.scope = value_of(form, "scope");
  out.resource = value_of(form, "resource");
  RB_TRY(*grant == Grant::client_credentials ? take_client_credentials(audiences, out)
                                             : take_grant(form, out));
  return out;
}

Result<DeviceCodeRequest> parse_device_request(const net::Request& request, std::string_view body,
                                               std::size_t parameters_max) {
  RB_TRY(check_query(request.query()));
  RB_TRY_ASSIGN(Pairs form, parse_form(request, body, parameters_max));
  DeviceCodeRequest out;
  RB_TRY_ASSIGN(out.client, take_client(request, form));
  out.scope = value_of(form, "scope");
  out.resource = value_of(form, "resource");
  return out;
}

Result<RevocationRequest> parse_revocation_request(const net::Request& request,
                                                   std::string_view body,
                                                   std::size_t parameters_max) {
  RB_TRY(check_query(request.query()));
  RB_TRY_ASSIGN(Pairs form, parse_form(request, body, parameters_max));
  RevocationRequest out;
  RB_TRY_ASSIGN(out.client, take_client(request, form));
  RB_TRY(take(form, "token", out.token));
  return out;
}

}  // namespace reachback::server::rest
