// Client credentials: an application's secret for a token. Threads as in live_response.h.
#pragma once

#include <memory>

#include "base/secret.h"
#include "server/ports/directory.h"
#include "server/ports/tokens.h"

namespace reachback::server {

class SignIn {
 public:
  virtual ~SignIn() = default;
  static std::unique_ptr<SignIn> create(AppStore& store, TokenIssuer& issuer, Clock& clock);
  // Errors: invalid_client (unknown tenant, application or wrong secret: one answer, same work).
  virtual void client_credentials(std::string tenant, std::string client_id, Secret client_secret,
                                  std::string audience, Done<IssuedToken> done) = 0;
};

}  // namespace reachback::server
