// The signer's side of the socket: owns the keys, signs orders and nothing else, and has on disk
// what it signed before anybody gets it. One thread.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/time.h"
#include "server/signer/order_keyring.h"
#include "server/signer/signer_log.h"

namespace reachback::server {

struct SignerServerOptions {
  std::string socket;       // its path; made with mode 0600
  std::set<unsigned> uids;  // who may connect beside root and the signer's own user
};

class SignerServer {
 public:
  // Serves until it is destroyed, or its log cannot be written. Errors: io, forbidden, unavailable
  // (another signer serves this socket).
  static Result<std::unique_ptr<SignerServer>> start(SignerServerOptions options,
                                                     OrderKeyring& keyring, SignerLog& log,
                                                     const Clock& clock,
                                                     std::function<void()> on_broken);
  ~SignerServer();

 private:
  struct Peer;
  SignerServer(SignerServerOptions options, OrderKeyring& keyring, SignerLog& log,
               const Clock& clock, std::function<void()> on_broken);
  void serve();
  void accept_one(std::vector<std::unique_ptr<Peer>>& peers);
  bool is_allowed(int fd) const;
  void read_from(Peer& peer);
  // Answers what is whole in the peer's buffer, into its output; nothing leaves before sync().
  void answer(Peer& peer);

  const SignerServerOptions options_;
  OrderKeyring& keyring_;
  SignerLog& log_;
  const Clock& clock_;
  std::function<void()> on_broken_;
  Fd listener_, stop_;
  std::thread thread_;
};

}  // namespace reachback::server
