// The server's side of the signer's socket. Requests wait while the signer is away, for a while;
// all that wait are asked at once, and asked again after a broken connection (to sign twice is
// harmless). A thread of its own; `done` is called on it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "crypto/ed25519.h"
#include "server/ports/links.h"
#include "server/signer/signer_frames.h"

namespace reachback::server {

struct SocketSignerOptions {
  std::string socket;
  Duration wait_max = std::chrono::seconds(20);  // of one request; then unavailable
  std::size_t waiting_max = 4096;
  Duration retry = std::chrono::milliseconds(200);  // between attempts to connect
  Duration ask_keys = std::chrono::seconds(10);     // for a changed list of keys
  std::function<void()> on_keys_changed = [] {};    // on the signer's thread
};

class SocketSigner : public OrderSigner, public OrderKeys {
 public:
  explicit SocketSigner(SocketSignerOptions options);
  ~SocketSigner() override;

  // Answers what waits, and refuses what comes; before what `done` uses goes. Not on its thread.
  void stop();

  void sign(pb::Order order, std::uint64_t order_keys_version, Done<pb::SignedOrder> done) override;
  std::uint64_t version() const override;
  std::vector<std::string> public_keys() const override;
  pb::SignedOrderKeys announcement() const override;

 private:
  using SteadyClock = std::chrono::steady_clock;
  struct Request {
    std::string frame;
    Done<pb::SignedOrder> done;
    SteadyClock::time_point until;
  };
  struct Keys {
    std::uint64_t version = 0;
    std::vector<std::string> keys;
    pb::SignedOrderKeys announcement;
  };

  void run();
  void wake();
  void connect();
  void lose(const std::string& why);
  void take_new();  // of sign(), into the connection
  void write_some();
  void read_some();
  void on_frame(SignerFrame frame);
  void on_keys(std::string_view payload);
  void expire();
  void ask_keys_if_due();
  Result<pb::SignedOrder> checked(const SignerFrame& frame) const;

  const SocketSignerOptions options_;
  mutable Mutex mutex_;
  std::map<std::uint64_t, Request> waiting_ RB_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::string> fresh_ RB_GUARDED_BY(mutex_);  // not written yet
  std::uint64_t next_id_ RB_GUARDED_BY(mutex_) = 1;
  Keys keys_ RB_GUARDED_BY(mutex_);
  bool stopping_ RB_GUARDED_BY(mutex_) = false;

  // The thread's own.
  Fd wake_;
  Fd socket_;
  std::string in_, out_;
  bool said_down_ = false;
  SteadyClock::time_point next_connect_{}, next_keys_{};
  std::thread thread_;
};

}  // namespace reachback::server
