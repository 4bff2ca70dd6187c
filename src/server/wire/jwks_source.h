// Keeps the keys of trusted external issuers fresh: from a file, an address, or the issuer's
// discovery document. The last good set is kept when a fetch fails.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "server/auth_jwt/verifier.h"
#include "server/wire/config.h"

namespace reachback::server {

// Carries "a token names a key that this issuer is not known to have" from the verifier to whoever
// fetches keys, while there is somebody. Thread-safe.
class KeyRequests {
 public:
  void ask(const std::string& issuer) const {
    ReadLock lock(mutex_);
    if (listener_) {
      listener_(issuer);
    }
  }
  // Returns when no call to the one before runs any more. It must not block. Empty: nobody listens.
  void listen(std::function<void(const std::string& issuer)> listener) {
    WriteLock lock(mutex_);
    listener_ = std::move(listener);
  }

 private:
  mutable SharedMutex mutex_;
  std::function<void(const std::string&)> listener_ RB_GUARDED_BY(mutex_);
};

struct JwksTimes {
  Duration fresh = std::chrono::hours(24);   // a good set is fetched again after that
  Duration retry = std::chrono::minutes(1);  // after a failure
  // Between two fetches because of unknown keys: anybody can make up tokens with such. What is
  // asked for meanwhile is fetched at its end.
  Duration floor = std::chrono::seconds(30);
};

// An issuer that changes its keys signs with one that is not known here: its first token is
// refused, and makes us fetch the keys at once.
class JwksSource {
 public:
  // Reads files now, and never again; addresses are fetched on `loop`, now and then as `times` has
  // it. requests: borrowed, as are verifier and loop. Errors: invalid_input (a file that is not a
  // key set, an address that is neither https nor http on this machine).
  static Result<std::unique_ptr<JwksSource>> start(std::vector<IssuerConfig> issuers,
                                                   JwtVerifier& verifier, KeyRequests& requests,
                                                   net::Loop& loop, JwksTimes times = {});
  ~JwksSource();  // on the loop's thread

 private:
  struct Fetch {
    IssuerConfig config;
    std::shared_ptr<net::TlsClientContext> tls;
    std::atomic<bool> asked{false};  // for a key that is not known
    // Of the loop's thread.
    std::unique_ptr<net::HttpClient> client;
    std::unique_ptr<net::Timer> timer, floor_timer;
    bool busy = false, resting = false;
  };
  JwksSource(JwtVerifier& verifier, KeyRequests& requests, net::Loop& loop, JwksTimes times)
      : verifier_(verifier), requests_(requests), loop_(loop), times_(times) {}
  // On the loop's thread, unless this is gone by then.
  void post(std::function<void()> work);
  void want(const std::string& issuer);  // any thread
  void fetch_if_asked(Fetch& f);
  void refresh_if_idle(Fetch& f);
  void get(Fetch& f, const std::string& url, std::function<void(Result<std::string>)> done);
  void refresh(Fetch& f);
  void take(Fetch& f, Result<std::string> jwks);

  JwtVerifier& verifier_;
  KeyRequests& requests_;
  net::Loop& loop_;
  const JwksTimes times_;
  std::vector<std::unique_ptr<Fetch>> fetches_;  // stays as start() made it
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace reachback::server
