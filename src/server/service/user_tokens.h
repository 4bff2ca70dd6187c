// Tokens that act for a user: made from a sign-in, refreshed, revoked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/secret.h"
#include "server/ports/directory.h"
#include "server/ports/users.h"
#include "server/service/authorization_codes.h"
#include "server/service/user_rights.h"

namespace reachback::server {

struct UserTokenLimits {
  Duration idle{};   // a refresh token that is not used so long is over
  Duration total{};  // and so is a sign-in, however often it was refreshed
};

struct UserTokens {
  IssuedToken access;
  std::string refresh_token;  // empty: none was asked for
  std::string id_token;       // likewise
  std::vector<std::string> scopes;
  std::string audience;
  SignedInUser user;
};

// Any thread; `done` on a thread of the store's. Must outlive its calls.
class UserTokensService {
 public:
  struct Deps {
    UserStore& users;
    UserRights& rights;
    TokenIssuer& issuer;
    Clock& clock;
    Random& random;
  };
  UserTokensService(Deps deps, UserTokenLimits limits) : deps_(deps), limits_(limits) {}

  // The grant is on disk before its tokens exist. Errors: as of the store.
  void issue(const App& app, DelegatedAsk ask, SignedInUser user, GrantId grant,
             Done<UserTokens> done);
  // Spends a refresh token and gives the next. One that was spent before ends the grant and all
  // that came from it (trust.md §5.1 18). Errors: invalid_grant (unknown, spent, over, revoked, of
  // another application, or its user may not sign in any more).
  void refresh(const App& app, const Secret& refresh_token, TokenVersion version,
               bool wants_id_token, Done<UserTokens> done);
  // Ends a grant: its refresh token and the access tokens that came from it. Once is enough; again
  // changes nothing. Errors: as of the store; not_found (no such grant).
  void end(TenantId tenant, GrantId grant, Done<void> done);
  // The grant of a refresh token of this application, for end(). nullopt: the text is none.
  static std::optional<GrantId> grant_of(std::string_view refresh_token);

 private:
  struct Refreshing;
  void refresh_of(const std::shared_ptr<Refreshing>& r);
  UserTokens make(const App& app, const DelegatedAsk& ask, const SignedInUser& user,
                  const GrantId& grant, std::string refresh_token);
  std::string new_refresh_token(const GrantId& grant);

  Deps deps_;
  const UserTokenLimits limits_;
};

}  // namespace reachback::server
