// Client credentials: an application's secret, or what it signed, for a token. Threads as in
// live_response.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "server/ports/client_assertions.h"
#include "server/ports/directory.h"
#include "server/ports/tokens.h"

namespace reachback::server {

struct AssertionLimits {
  Duration lifetime{};                 // how far ahead one may expire
  std::size_t remembered_per_app = 0;  // until they expire
  bool once = true;                    // false: one may be used again until it expires
};

struct AssertionSignIn {
  std::string tenant;
  std::string client_id;
  Secret assertion;
  std::vector<std::string> token_urls;  // lower case: one of them is whom it is for
  std::string audience;                 // of the token
  TokenVersion version = TokenVersion::v2;
};

// How an application that acts for users shows who it is. A public client, one without secret and
// certificates, has nothing to show.
struct ClientCredentials {
  std::string tenant;
  std::string client_id;
  Secret secret;  // at most one of these two
  Secret assertion;
  std::vector<std::string> token_urls;  // as in AssertionSignIn
};

struct AuthenticatedClient {
  App app;
  ClientProof proof = ClientProof::none;
  std::string certificate{};  // as IssuedToken::certificate
};

class SignIn {
 public:
  virtual ~SignIn() = default;
  static std::unique_ptr<SignIn> create(AppStore& store, const ClientAssertions& assertions,
                                        TokenIssuer& issuer, Clock& clock, AssertionLimits limits);
  // Errors: invalid_client (unknown tenant, application or wrong secret, or it has none: one
  // answer, same work).
  virtual void client_credentials(std::string tenant, std::string client_id, Secret client_secret,
                                  std::string audience, TokenVersion version,
                                  Done<IssuedToken> done) = 0;
  // Errors: invalid_assertion (as ClientAssertions says; unknown tenant or application: as a bad
  // signature, same work; used before), too_many_requests (too many to remember).
  virtual void client_assertion(AssertionSignIn request, Done<IssuedToken> done) = 0;
  // Errors: as the two above; invalid_client too for one that has something to show and shows
  // nothing.
  virtual void client(ClientCredentials credentials, Done<AuthenticatedClient> done) = 0;
};

}  // namespace reachback::server
