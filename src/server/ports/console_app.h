// The application that people sign in through in the web console. It is made with a data directory
// (or when an older one is brought up to date) and is an application like any other from then on:
// listed, and deleted when an administrator wants no console.
#pragma once

#include "server/ports/directory.h"
#include "server/ports/tokens.h"

namespace reachback::server {

// The same in every installation; in the database its rows are those of any application.
inline AppId console_app_id() {
  return *AppId::parse("329572bb-4442-4f5a-81e1-ed8c605648a0");
}
inline constexpr std::string_view kConsoleAppName = "Reachback console";
// Begins with '/': an address of this server's own, under whatever public URL it has.
inline constexpr std::string_view kConsoleRedirect = "/console/signed-in";

// A public client that may ask for everything: what a user may is for the user's roles to say.
inline App console_app(const TenantId& tenant, Timestamp now) {
  App app;
  app.tenant = tenant;
  app.id = console_app_id();
  app.name = kConsoleAppName;
  app.created = now;
  app.redirect_uris = {std::string(kConsoleRedirect)};
  app.scopes = all_scopes();
  return app;
}

}  // namespace reachback::server
