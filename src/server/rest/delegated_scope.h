// What an application asks for in a user's name.
#pragma once

#include <string>
#include <string_view>

#include "server/ports/directory.h"
#include "server/service/authorization_codes.h"

namespace reachback::server::rest {

struct AskText {
  std::string_view scope;     // words
  std::string_view resource;  // instead of a scope, at the v1 addresses
  std::string_view nonce;
  TokenVersion version = TokenVersion::v2;
};

// A scope is "<audience>/<permission>", "<audience>/.default" for all that the application may ask
// for, or one of OpenID Connect's: openid, profile, email, offline_access. With these alone, or a
// resource, all that the application may ask for is asked for. At the v1 addresses there is always
// an id token and a refresh token. Errors: missing_parameter, invalid_scope (unknown, not granted
// to the application, of two audiences, more than 16 words or 2 KiB). Source: Microsoft identity
// platform, "Scopes and permissions"; trust.md §5.1 10, 11.
Result<DelegatedAsk> read_ask(const App& app, const AskText& text, const Audiences& audiences);

// The `scope` of the answer: as clients ask, so that they find the token again.
std::string granted_scope(const DelegatedAsk& ask);

}  // namespace reachback::server::rest
