// What the claims of a foreign issuer mean here: who calls, as a user or for itself, and what it
// may do.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/auth_jwt/token_text.h"
#include "server/ports/tokens.h"
#include "server/ports/users.h"

namespace reachback::server {

// The names of a member, of the object in it, and so on: {"realm_access", "roles"}.
using ClaimPath = std::vector<std::string>;

// With a map, only the values that stand in it count; without one, a value is a name of ours.
struct ClaimMapping {
  ClaimPath roles{"roles"};  // of applications
  ClaimPath scopes{};        // of users; empty: `scp`, and where that is not there, `scope`
  ClaimPath user{};        // who it is; empty: the first that is there of preferred_username, upn,
                           // email, unique_name and sub
  ClaimPath user_roles{};  // set: a user may do what these roles and the scopes both allow
  std::optional<std::map<std::string, Permissions, std::less<>>> role_map{}, scope_map{};
  std::optional<std::map<std::string, UserRoles, std::less<>>> user_role_map{};
};

struct MappedCaller {
  bool delegated = false;  // a user, by the application
  std::string requestor;   // may be empty: nobody is named
  Permissions permissions = 0;
};

// claims: as read from `payload`, which is JSON. A token with scopes is a user's, unless it also
// has roles and says that it is an application's: `idtyp` "app" (Entra ID); the client as its
// subject (RFC 9068 §2.2); or Keycloak's name for the user that stands for a client. nullopt:
// malformed (a claim that is read is of another type, or has more than 500 words).
std::optional<MappedCaller> map_claims(const ClaimMapping& mapping, const TokenClaims& claims,
                                       std::string_view payload);

}  // namespace reachback::server
