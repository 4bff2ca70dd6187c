// All uploads of this agent, one after another: asks for a write link, uploads, tells the
// supervisor. An upload outlives the session that asked for it. Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <tuple>

#include "agent/ports/supervisor.h"
#include "agent/session/block_upload.h"
#include "net/dialer.h"

namespace reachback::agent {

class Uploads {
 public:
  // server: where links are used, whatever host they name: the one that this agent can reach.
  // ask: sends the request on the session that stands, if one does.
  Uploads(net::Dialer& network, net::Origin server, Random& random, Supervisor& supervisor,
          std::function<void(const pb::UploadRequest&)> ask, std::function<void()> on_idle);

  // The supervisor has bytes to store (again, after a reconnect).
  void requested(const pb::UploadRequest& request);
  void granted(const pb::UploadGrant& grant);
  // The server wants a command's uploads once more: `ask` is called after a wait that grows while
  // this goes on, so that a store which never keeps them is not asked in a loop.
  void wanted_again(const pb::UploadAgain& message, std::function<void()> ask);
  // A report was believed: the next wait is a short one.
  void acknowledged() { again_.reset(); }
  // A command runs, so an upload is near: has the connection made meanwhile.
  void expect_upload();
  // What was asked on the lost session is asked again by the supervisor on the next.
  void session_lost();

 private:
  using Key = std::tuple<std::string, std::uint32_t, int>;  // action, index, kind
  struct Item {
    pb::UploadRequest request;
    std::string url;  // granted
  };
  template <typename Message>
  static Key key_of(const Message& m) {
    return {m.action(), m.index(), m.kind()};
  }
  void start_next();
  void go_idle();
  void on_done(UploadResult result, const std::string& why);
  net::HttpClient& client();

  net::Dialer& network_;
  net::Origin server_;
  Random& random_;
  Supervisor& supervisor_;
  std::function<void(const pb::UploadRequest&)> ask_;
  std::function<void()> on_idle_;
  Backoff asking_;
  Backoff again_;
  std::map<Key, Item> items_;
  std::deque<Key> queue_;  // granted, in order; the first is under way if upload_ is set
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<BlockUpload> upload_;
  std::string blob_name_;
  std::unique_ptr<net::Timer> idle_;
  std::map<Key, std::unique_ptr<net::Timer>> pauses_;
  std::map<std::pair<std::string, std::uint32_t>, std::unique_ptr<net::Timer>> agains_;
};

}  // namespace reachback::agent
