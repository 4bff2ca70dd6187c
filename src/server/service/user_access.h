// All by which users get tokens, put together.
#pragma once

#include <string>

#include "server/ports/directory.h"
#include "server/service/authorization_codes.h"
#include "server/service/device_codes.h"
#include "server/service/user_rights.h"
#include "server/service/user_sign_in.h"
#include "server/service/user_tokens.h"

namespace reachback::server {

struct UserAccessLimits {
  Duration code_lifetime{};
  std::size_t codes = 0;
  DeviceCodeLimits device;
  UserTokenLimits tokens;
};

// Thread-safe. Outlives its calls; what it is made of outlives it.
class UserAccess {
 public:
  struct Deps {
    AppStore& apps;
    UserStore& users;
    Passwords& passwords;
    UserRights& rights;
    TokenIssuer& issuer;
    Clock& clock;
    Random& random;
  };
  UserAccess(const Deps& deps, const UserAccessLimits& limits);

  // An application that users may sign in through. Errors: invalid_client (unknown, or it has no
  // delegated permissions).
  void app(const TenantId& tenant, const std::string& client_id, Done<App> done);
  // Ends the grant of a refresh token, or the one that an access token came from, if the
  // application is the one that it was given to. A token that is none of ours changes nothing.
  // Source: RFC 7009 §2.
  void revoke(const App& app, const std::optional<GrantId>& grant, Done<void> done);

  UserSignIn sign_in;
  AuthorizationCodes codes;
  DeviceCodes devices;
  UserTokensService tokens;
  const UserRights& rights;

 private:
  AppStore& apps_;
  UserStore& users_;
};

}  // namespace reachback::server
