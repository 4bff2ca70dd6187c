#include "server/service/app_settings.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "server/ports/console_app.h"
#include "server/service/blocking.h"

namespace reachback::server {
namespace {

constexpr std::size_t kNameBytesMax = 200;
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

// Each known and named once; `bits` of all of them.
Result<void> check_names(std::string_view field, const std::vector<std::string>& names,
                         Permissions (*bits_of)(std::string_view),
                         const std::vector<std::string>& known, Permissions& bits) {
  for (const std::string& name : names) {
    const Permissions of = bits_of(name);
    if (of == 0) {
      return wrong_field(field, "'" + name + "' is not known; there are " + listed(known));
    }
    bits |= of;
  }
  return {};
}

Result<void> check_redirects(const NewApp& app) {
  if (app.redirect_uris.size() > kRedirectUrisMax) {
    return wrong_field("redirectUris", "20 at most");
  }
  for (const std::string& uri : app.redirect_uris) {
    if (!is_redirect_uri(uri)) {
      return wrong_field("redirectUris",
                         "'" + uri +
                             "' is not https://…, http://localhost… or an address whose scheme has "
                             "a dot; no '#'");
    }
  }
  if (!app.redirect_uris.empty() && app.scopes.empty()) {
    return Error{Errc::missing_parameter, "scopes: redirectUris need at least one scope"};
  }
  return {};
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && is_valid_utf8(name) &&
         name.find('\0') == std::string_view::npos;
}

std::vector<std::string> each_once(std::vector<std::string> names) {
  std::vector<std::string> out;
  for (std::string& name : names) {
    if (std::find(out.begin(), out.end(), name) == out.end()) {
      out.push_back(std::move(name));
    }
  }
  return out;
}

}  // namespace

Error no_such_app(const AppId& id) {
  return Error{Errc::not_found, "no application has the client id " + id.text()};
}

Result<AppCredentials> AppSettings::create(const SettingsCaller& by, NewApp wanted) {
  if (!is_name(wanted.name)) {
    return wrong_field("name", "1 to 200 bytes of UTF-8");
  }
  if (wanted.roles.empty() && wanted.scopes.empty()) {
    return Error{Errc::missing_parameter,
                 "roles, scopes: name at least one permission; of roles there are " +
                     listed(all_roles()) + "; of scopes " + listed(all_scopes())};
  }
  Permissions bits = 0;
  RB_TRY(check_names("roles", wanted.roles, permission_of_role, all_roles(), bits));
  RB_TRY(check_names("scopes", wanted.scopes, permission_of_scope, all_scopes(), bits));
  RB_TRY(check_redirects(wanted));
  RB_TRY(by.check_gives(bits));
  AppCredentials out;
  out.app.tenant = tenant_;
  out.app.id = AppId::make(deps_.random);
  out.app.name = std::move(wanted.name);
  out.app.roles = each_once(std::move(wanted.roles));
  out.app.scopes = each_once(std::move(wanted.scopes));
  out.app.redirect_uris = each_once(std::move(wanted.redirect_uris));
  out.app.created = deps_.clock.now();
  if (wanted.has_secret) {
    out.secret = to_base64url(deps_.random.bytes(32));
    out.app.secret = crypto::sha256(out.secret);
  }
  auto added = wait<void>([&](const auto& done) { deps_.apps.add_app(out.app, by.audit, done); });
  if (!added) {
    return added.error().code == Errc::already_exists
               ? Error{Errc::already_exists,
                       "name: an application named '" + out.app.name + "' already exists"}
               : added.error();
  }
  return out;
}

Result<App> AppSettings::create_console(const SettingsCaller& by) {
  App app = console_app(tenant_, deps_.clock.now());
  auto added = wait<void>([&](const auto& done) { deps_.apps.add_app(app, by.audit, done); });
  if (!added) {
    return added.error().code == Errc::already_exists
               ? Error{Errc::already_exists,
                       "the console has its application, or another one has "
                       "its name, '" +
                           app.name + "'"}
               : added.error();
  }
  return app;
}

Result<std::vector<App>> AppSettings::list() {
  return wait<std::vector<App>>([&](const auto& done) { deps_.apps.apps(tenant_, done); });
}

Result<AppCredentials> AppSettings::rotate(const SettingsCaller& by, const AppId& id) {
  RB_TRY_ASSIGN(App app, stored(id));
  if (app.id == console_app_id()) {
    return Error{Errc::conflict, "the console's application is a public client: it has no secret"};
  }
  // Whoever has its secret may what it may.
  Permissions bits = 0;
  for (const std::string& role : app.roles) {
    bits |= permission_of_role(role);
  }
  for (const std::string& scope : app.scopes) {
    bits |= permission_of_scope(scope);
  }
  RB_TRY(by.check_gives(bits));
  RB_TRY(deps_.remember(id));
  AppCredentials out;
  out.secret = to_base64url(deps_.random.bytes(32));
  auto set = wait<void>([&](const auto& done) {
    deps_.apps.set_secret(tenant_, id, crypto::sha256(out.secret), by.audit, done);
  });
  if (!set) {
    return set.error().code == Errc::not_found ? no_such_app(id) : set.error();
  }
  deps_.revoke(id);
  out.app = std::move(app);
  return out;
}

Result<void> AppSettings::remove(const SettingsCaller& by, const AppId& id) {
  if (by.application == id.text()) {
    return Error{Errc::conflict,
                 "you call through this application; on the server's own machine, "
                 "'reachback-server app delete' deletes it"};
  }
  RB_TRY(stored(id));
  RB_TRY(deps_.remember(id));
  auto removed =
      wait<void>([&](const auto& done) { deps_.apps.remove_app(tenant_, id, by.audit, done); });
  if (!removed) {
    return removed.error().code == Errc::not_found ? no_such_app(id) : removed.error();
  }
  deps_.revoke(id);
  deps_.removed(id);
  return {};
}

Result<App> AppSettings::stored(const AppId& id) {
  auto app = wait<App>([&](const auto& done) { deps_.apps.app(tenant_, id, done); });
  return app || app.error().code != Errc::not_found ? app : no_such_app(id);
}

}  // namespace reachback::server
