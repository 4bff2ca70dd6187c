// Applications, as administrators make and end them: by the API and by the server's own commands.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "server/ports/directory.h"
#include "server/service/settings_caller.h"

namespace reachback::server {

struct NewApp {
  std::string name;
  std::vector<std::string> roles;   // of its own
  std::vector<std::string> scopes;  // for users who sign in through it
  std::vector<std::string> redirect_uris;
  bool has_secret = true;  // without secret and certificates: a public client
};

struct AppCredentials {
  App app;
  std::string secret;  // shown this once; empty: it has none
};

// Blocks on the stores: any thread but a loop's. What it borrows outlives it.
class AppSettings {
 public:
  struct Deps {
    AppStore& apps;
    Clock& clock;
    Random& random;
    // Ends the application's tokens: remember() on disk, before the change, so that no restart
    // brings them back; revoke() after it.
    std::function<Result<void>(const AppId&)> remember;
    std::function<void(const AppId&)> revoke;
    std::function<void(const AppId&)> removed = [](const AppId&) {};
  };
  AppSettings(Deps deps, const TenantId& tenant) : deps_(std::move(deps)), tenant_(tenant) {}

  // Errors of all: unavailable, storage_full, disallowed (SettingsCaller::check_gives()).
  // Errors: invalid_input, missing_parameter (the field stands first), already_exists (the name).
  Result<AppCredentials> create(const SettingsCaller& by, NewApp wanted);
  // The console's, after it was deleted. Errors: already_exists.
  Result<App> create_console(const SettingsCaller& by);
  Result<std::vector<App>> list();
  // A new secret; the application's tokens end. Errors: not_found, conflict (the console's has
  // none).
  Result<AppCredentials> rotate(const SettingsCaller& by, const AppId& id);
  // Its tokens end. Errors: not_found, conflict (the caller calls through it).
  Result<void> remove(const SettingsCaller& by, const AppId& id);

 private:
  Result<App> stored(const AppId& id);
  Deps deps_;
  const TenantId tenant_;
};

Error no_such_app(const AppId& id);

}  // namespace reachback::server
