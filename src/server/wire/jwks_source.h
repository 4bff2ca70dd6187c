// Keeps the keys of trusted external issuers fresh: from a file, an address, or the issuer's
// discovery document. The last good set is kept when a fetch fails.
#pragma once

#include <memory>
#include <vector>

#include "net/http_client.h"
#include "net/loop.h"
#include "server/auth_jwt/verifier.h"
#include "server/wire/config.h"

namespace reachback::server {

class JwksSource {
 public:
  // Reads files now; addresses are fetched on `loop`, now and every day, after a failure every
  // minute. Errors: invalid_input (a file that is not a key set, an address that is neither https
  // nor http on this machine).
  static Result<std::unique_ptr<JwksSource>> start(std::vector<IssuerConfig> issuers,
                                                   JwtVerifier& verifier, net::Loop& loop);

 private:
  struct Fetch {
    IssuerConfig config;
    std::shared_ptr<net::TlsClientContext> tls;
    std::unique_ptr<net::HttpClient> client;
    std::unique_ptr<net::Timer> timer;
  };
  JwksSource(JwtVerifier& verifier, net::Loop& loop) : verifier_(verifier), loop_(loop) {}
  void get(Fetch& f, const std::string& url, std::function<void(Result<std::string>)> done);
  void refresh(Fetch& f);
  void take(Fetch& f, Result<std::string> jwks);

  JwtVerifier& verifier_;
  net::Loop& loop_;
  std::vector<std::unique_ptr<Fetch>> fetches_;
};

}  // namespace reachback::server
