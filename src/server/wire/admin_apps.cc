#include "server/wire/admin_apps.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "server/ports/console_app.h"
#include "server/rest/limits.h"
#include "server/wire/admin_request.h"
#include "server/wire/revocations.h"

namespace reachback::server {
namespace {

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

constexpr std::size_t kRedirectUrisMax = 20;
constexpr std::size_t kRedirectUriBytesMax = 1000;

// Over the network with TLS; on the loopback, or by a scheme of the program's own, without.
// Source: RFC 8252 §7, RFC 6749 §3.1.2.
bool is_redirect_uri(std::string_view uri) {
  const auto colon = uri.find(':');
  if (colon == std::string_view::npos || uri.size() > kRedirectUriBytesMax ||
      !std::all_of(uri.begin(), uri.end(), [](char c) { return c > 0x20 && c < 0x7f; }) ||
      uri.find_first_of("#\"'<>\\;,") != std::string_view::npos) {
    return false;
  }
  const std::string_view scheme = uri.substr(0, colon);
  if (scheme == "https") {
    return uri.size() > 8 && uri.substr(colon, 3) == "://";
  }
  if (scheme == "http") {
    for (std::string_view host : {"http://localhost", "http://127.0.0.1", "http://[::1]"}) {
      if (uri.starts_with(host)) {
        const char after = uri.size() > host.size() ? uri[host.size()] : '/';
        return after == '/' || after == ':' || after == '?';
      }
    }
    return false;
  }
  return scheme.find('.') != std::string_view::npos;  // "com.example.app:/back"
}

Result<void> check_delegated(const App& app) {
  for (const std::string& scope : app.scopes) {
    if (permission_of_scope(scope) == 0) {
      return Error{Errc::invalid_input,
                   "--scope '" + scope + "' is not known; there are " + listed(all_scopes())};
    }
  }
  if (app.redirect_uris.size() > kRedirectUrisMax) {
    return Error{Errc::invalid_input, "--redirect-uri: 20 at most"};
  }
  for (const std::string& uri : app.redirect_uris) {
    if (!is_redirect_uri(uri)) {
      return Error{Errc::invalid_input,
                   "--redirect-uri '" + uri +
                       "': https://…, http://localhost…, or a scheme with a dot; no '#'"};
    }
  }
  if (!app.redirect_uris.empty() && app.scopes.empty()) {
    return Error{Errc::missing_parameter, "--redirect-uri needs --scope"};
  }
  return {};
}

// Hex as people copy it: upper case, with colons between the bytes.
std::string plain_hex(std::string text) {
  std::erase(text, ':');
  return to_lower(text);
}

json::Object shown(const AppCertificate& c) {
  return json::Object{{"thumbprint", to_hex(as_bytes(c.thumbprint))},
                      {"sha1", to_hex(c.sha1)},
                      {"subject", c.subject},
                      {"notBefore", format_time(c.not_before)},
                      {"notAfter", format_time(c.not_after)},
                      {"added", format_time(c.added)}};
}

class AppAdministration {
 public:
  AppAdministration(const AdminDeps& deps, const Tenant& tenant, const json::Object& request)
      : deps_(deps), tenant_(tenant), request_(request) {}

  Result<json::Object> create() {
    App app;
    app.tenant = tenant_.id;
    app.id = AppId::make(deps_.random);
    app.name = string_of(request_, "name");
    app.roles = strings_of(request_, "roles");
    app.created = deps_.clock.now();
    if (app.name.empty() || app.name.size() > 200 || !is_valid_utf8(app.name)) {
      return Error{Errc::invalid_input, "--name: 1 to 200 bytes of UTF-8"};
    }
    app.scopes = strings_of(request_, "scopes");
    app.redirect_uris = strings_of(request_, "redirectUris");
    if (app.roles.empty() && app.scopes.empty()) {
      return Error{Errc::missing_parameter,
                   "--role or --scope: name at least one permission; for --role there are " +
                       listed(all_roles()) + "; for --scope " + listed(all_scopes())};
    }
    RB_TRY(check_delegated(app));
    for (const std::string& role : app.roles) {
      if (permission_of_role(role) == 0) {
        return Error{Errc::invalid_input,
                     "--role '" + role + "' is not known; there are " + listed(all_roles())};
      }
    }
    std::string secret;
    if (const auto* none = request_.if_contains("noSecret");
        none == nullptr || !none->is_bool() || !none->get_bool()) {
      secret = to_base64url(deps_.random.bytes(32));
      app.secret = crypto::sha256(secret);
    }
    std::string client_id = app.id.text();
    std::string name = app.name;
    auto added = wait<void>([&](auto done) { deps_.apps.add_app(std::move(app), done); });
    if (!added) {
      return added.error().code == Errc::already_exists
                 ? Error{Errc::already_exists, "an application named '" + name + "' already exists"}
                 : added.error();
    }
    return credentials(client_id, secret);
  }

  // The console's, after it was deleted.
  Result<json::Object> create_console() {
    const App app = console_app(tenant_.id, deps_.clock.now());
    auto added = wait<void>([&](auto done) { deps_.apps.add_app(app, done); });
    if (!added) {
      return added.error().code == Errc::already_exists
                 ? Error{Errc::already_exists, "the console has its application already"}
                 : added.error();
    }
    return credentials(app.id.text(), "");
  }

  Result<json::Object> list() {
    RB_TRY_ASSIGN(auto apps,
                  wait<std::vector<App>>([&](auto done) { deps_.apps.apps(tenant_.id, done); }));
    json::Array list;
    for (const App& app : apps) {
      json::Object entry;
      entry["clientId"] = app.id.text();
      entry["name"] = app.name;
      entry["roles"] = json::Array(app.roles.begin(), app.roles.end());
      entry["scopes"] = json::Array(app.scopes.begin(), app.scopes.end());
      entry["redirectUris"] = json::Array(app.redirect_uris.begin(), app.redirect_uris.end());
      entry["created"] = format_time(app.created);
      entry["hasSecret"] = app.secret.has_value();
      entry["certificates"] = app.certificates.size();
      entry["rateFactor"] = app.rate_factor;
      list.push_back(std::move(entry));
    }
    json::Object out;
    out["apps"] = std::move(list);
    return out;
  }

  Result<json::Object> rotate() {
    RB_TRY_ASSIGN(AppId id, client_id());
    RB_TRY(remember(id));
    std::string secret = to_base64url(deps_.random.bytes(32));
    auto set = wait<void>(
        [&](auto done) { deps_.apps.set_secret(tenant_.id, id, crypto::sha256(secret), done); });
    if (!set) {
      return no_such_app(set.error(), id);
    }
    revoke(id);
    return credentials(id.text(), secret);
  }

  Result<json::Object> remove() {
    RB_TRY_ASSIGN(AppId id, client_id());
    RB_TRY(remember(id));
    auto removed = wait<void>([&](auto done) { deps_.apps.remove_app(tenant_.id, id, done); });
    if (!removed) {
      return no_such_app(removed.error(), id);
    }
    revoke(id);
    deps_.on_app_limits(tenant_.id, id, 1);
    return json::Object();
  }

  Result<json::Object> set_limits() {
    RB_TRY_ASSIGN(AppId id, client_id());
    const std::int64_t factor = number_of(request_, "rateFactor", -1);
    if (factor < 0 || factor > kAppRateFactorMax) {
      return Error{Errc::invalid_input, "--rate-factor: from 1 to 1000000"};
    }
    const auto kept = static_cast<std::uint32_t>(factor);
    auto set =
        wait<void>([&](auto done) { deps_.apps.set_rate_factor(tenant_.id, id, kept, done); });
    if (!set) {
      return no_such_app(set.error(), id);
    }
    deps_.on_app_limits(tenant_.id, id, kept);
    return json::Object{{"clientId", id.text()}, {"rateFactor", factor}};
  }

  Result<json::Object> add_certificate() {
    RB_TRY_ASSIGN(App app, stored_app());
    RB_TRY_ASSIGN(auto read, crypto::read_certificate(string_of(request_, "pem")));
    const Timestamp now = deps_.clock.now();
    if (now > read.not_after) {
      return Error{Errc::invalid_input,
                   "certificate: it expired at " + format_time(read.not_after)};
    }
    RB_TRY_ASSIGN(auto limits, rest::Limits::load());
    const std::size_t max = limits.value(rest::Profile::y2026, "app_certificates");
    AppCertificate c{read.sha256,    read.sha1, read.public_key, read.subject, read.not_before,
                     read.not_after, now};
    RB_TRY(wait<void>(
        [&](auto done) { deps_.apps.add_certificate(tenant_.id, app.id, c, max, done); }));
    return shown(c);
  }

  Result<json::Object> list_certificates() {
    RB_TRY_ASSIGN(App app, stored_app());
    json::Array list;
    for (const AppCertificate& c : app.certificates) {
      list.push_back(shown(c));
    }
    json::Object out;
    out["certificates"] = std::move(list);
    return out;
  }

  Result<json::Object> remove_certificate() {
    RB_TRY_ASSIGN(App app, stored_app());
    const std::string asked = plain_hex(string_of(request_, "thumbprint"));
    auto found = std::find_if(
        app.certificates.begin(), app.certificates.end(), [&asked](const AppCertificate& c) {
          return asked == to_hex(as_bytes(c.thumbprint)) || asked == to_hex(c.sha1);
        });
    if (found == app.certificates.end()) {
      return Error{Errc::not_found, "application " + app.id.text() + " has no certificate '" +
                                        string_of(request_, "thumbprint") + "'"};
    }
    RB_TRY(remember(app.id));
    RB_TRY(wait<void>([&](auto done) {
      deps_.apps.remove_certificate(tenant_.id, app.id, found->thumbprint, done);
    }));
    revoke(app.id);
    return shown(*found);
  }

 private:
  Result<AppId> client_id() {
    auto id = AppId::parse(string_of(request_, "clientId"));
    if (!id) {
      return Error{Errc::invalid_input,
                   "'" + string_of(request_, "clientId") + "' is not a client id (a GUID)"};
    }
    return *id;
  }
  Result<App> stored_app() {
    RB_TRY_ASSIGN(AppId id, client_id());
    auto app = wait<App>([&](auto done) { deps_.apps.app(tenant_.id, id, done); });
    return app ? app : no_such_app(app.error(), id);
  }
  json::Object credentials(const std::string& client_id, const std::string& secret) {
    json::Object out;
    out["tenantId"] = tenant_.id.text();
    out["clientId"] = client_id;
    if (!secret.empty()) {
      out["clientSecret"] = secret;
    }
    return out;
  }
  static Error no_such_app(const Error& e, const AppId& id) {
    return e.code == Errc::not_found
               ? Error{Errc::not_found, "no application has the client id " + id.text()}
               : e;
  }
  // Ends the application's tokens: on disk first, so that no restart brings them back.
  Result<void> remember(const AppId& id) {
    if (deps_.revocations.empty()) {
      return {};
    }
    return remember_revocation(deps_.revocations, id, deps_.clock.now());
  }
  void revoke(const AppId& id) {
    if (deps_.verifier != nullptr) {
      deps_.verifier->revoke_app(id, deps_.clock.now());
    }
  }

  const AdminDeps& deps_;
  const Tenant& tenant_;
  const json::Object& request_;
};

}  // namespace

Result<json::Object> administer_apps(const AdminDeps& deps, const Tenant& tenant,
                                     const std::string& command, const json::Object& request) {
  using Command = Result<json::Object> (AppAdministration::*)();
  constexpr std::pair<std::string_view, Command> kCommands[] = {
      {"app_create", &AppAdministration::create},
      {"app_console", &AppAdministration::create_console},
      {"app_list", &AppAdministration::list},
      {"app_rotate", &AppAdministration::rotate},
      {"app_delete", &AppAdministration::remove},
      {"app_limits", &AppAdministration::set_limits},
      {"app_certificate_add", &AppAdministration::add_certificate},
      {"app_certificate_list", &AppAdministration::list_certificates},
      {"app_certificate_remove", &AppAdministration::remove_certificate},
  };
  for (const auto& [name, run] : kCommands) {
    if (name == command) {
      return (AppAdministration(deps, tenant, request).*run)();
    }
  }
  return Error{Errc::invalid_input, "unknown command '" + command + "'"};
}

}  // namespace reachback::server
