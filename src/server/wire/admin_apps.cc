#include "server/wire/admin_apps.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "server/rest/limits.h"
#include "server/wire/admin_request.h"
#include "server/wire/revocations.h"

namespace reachback::server {
namespace {

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

// On disk first, so that no restart brings the tokens back.
Result<void> remember_app(const AdminDeps& deps, const AppId& id) {
  return deps.revocations.empty() ? Result<void>()
                                  : remember_revocation(deps.revocations, id, deps.clock.now());
}
void revoke_app(const AdminDeps& deps, const AppId& id) {
  if (deps.verifier != nullptr) {
    deps.verifier->revoke_app(id, deps.clock.now());
  }
}

class AppAdministration {
 public:
  AppAdministration(const AdminDeps& deps, const Tenant& tenant, const json::Object& request)
      : deps_(deps), tenant_(tenant), request_(request), settings_(app_settings(deps, tenant.id)) {}

  Result<json::Object> create() {
    NewApp wanted{string_of(request_, "name"), strings_of(request_, "roles"),
                  strings_of(request_, "scopes"), strings_of(request_, "redirectUris")};
    wanted.has_secret = !is_true(request_, "noSecret");
    RB_TRY_ASSIGN(AppCredentials made, settings_.create(SettingsCaller::local(), wanted));
    return credentials(made.app.id.text(), made.secret);
  }

  // The console's, after it was deleted.
  Result<json::Object> create_console() {
    RB_TRY_ASSIGN(App app, settings_.create_console(SettingsCaller::local()));
    return credentials(app.id.text(), "");
  }

  Result<json::Object> list() {
    RB_TRY_ASSIGN(auto apps, settings_.list());
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
    RB_TRY_ASSIGN(AppCredentials made, settings_.rotate(SettingsCaller::local(), id));
    return credentials(id.text(), made.secret);
  }

  Result<json::Object> remove() {
    RB_TRY_ASSIGN(AppId id, client_id());
    RB_TRY(settings_.remove(SettingsCaller::local(), id));
    return json::Object();
  }

  Result<json::Object> set_limits() {
    RB_TRY_ASSIGN(AppId id, client_id());
    const std::int64_t factor = number_of(request_, "rateFactor", -1);
    if (factor < 0 || factor > kAppRateFactorMax) {
      return Error{Errc::invalid_input, "--rate-factor: from 1 to 1000000"};
    }
    const auto kept = static_cast<std::uint32_t>(factor);
    auto set = wait<void>(
        [&](const auto& done) { deps_.apps.set_rate_factor(tenant_.id, id, kept, done); });
    if (!set) {
      return set.error().code == Errc::not_found ? no_such_app(id) : set.error();
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
        [&](const auto& done) { deps_.apps.add_certificate(tenant_.id, app.id, c, max, done); }));
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
    RB_TRY(remember_app(deps_, app.id));
    RB_TRY(wait<void>([&](const auto& done) {
      deps_.apps.remove_certificate(tenant_.id, app.id, found->thumbprint, done);
    }));
    revoke_app(deps_, app.id);
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
    auto app = wait<App>([&](const auto& done) { deps_.apps.app(tenant_.id, id, done); });
    return app || app.error().code != Errc::not_found ? app : no_such_app(id);
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
  const AdminDeps& deps_;
  const Tenant& tenant_;
  const json::Object& request_;
  AppSettings settings_;
};

}  // namespace

AppSettings app_settings(const AdminDeps& deps, const TenantId& tenant) {
  return AppSettings({deps.apps, deps.clock, deps.random,
                      [&deps](const AppId& id) { return remember_app(deps, id); },
                      [&deps](const AppId& id) { revoke_app(deps, id); },
                      [&deps, tenant](const AppId& id) { deps.on_app_limits(tenant, id, 1); }},
                     tenant);
}

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
