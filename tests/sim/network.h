// The simulated network between agents and server nodes: connections that carry frames in order
// until they are cut, stop carrying without anybody noticing, or are refused; and the blob store's
// HTTP surface. Everything is plain function calls on the engine's clock.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine.h"
#include "net/dialer.h"
#include "testing/fake_blob_store.h"

namespace reachback::sim {

// Who accepts connections: a server node.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual std::shared_ptr<SimExecutor> executor() = 0;  // null: down
  virtual Timestamp wall() const = 0;                   // the Date of its answers
  virtual void accept(std::shared_ptr<net::WebSocket> socket, std::string nonce) = 0;
};

struct NetworkFaults {
  double refuse = 0;        // a connection is refused
  double lose_http = 0;     // the answer of a blob request is lost
  double fail_http = 0;     // a blob request is answered 503
  bool blobs_full = false;  // 507
  Duration latency_max = std::chrono::milliseconds(2);
};

class Network {
 public:
  Network(Engine& engine, testing::FakeBlobStore& blobs) : engine_(engine), blobs_(blobs) {}

  std::vector<Acceptor*> acceptors;
  NetworkFaults faults;
  // Between machine and node: nothing passes; what is connected stays so in name only.
  void partition(const std::string& machine, const Acceptor* node, bool on);
  // What the network has seen pass, newest last: an attacker's recording. frame: ToAgent bytes.
  struct Seen {
    std::string machine;
    std::string frame;
  };
  std::vector<Seen> to_agents, to_servers;
  // A recorded frame comes out of the newest connection of `machine` once more.
  void replay_to_agent(const std::string& machine, const std::string& frame);
  void replay_to_server(const std::string& machine, const std::string& frame);

  // Machines with a hello on its way whose agent has ended: read after the next run of the agent
  // has kept a newer contact through another node, it looks like a clone's.
  std::set<std::string> late_hellos;

  // The connections of a machine are cut: both ends hear of it.
  void cut(const std::string& machine);
  // They carry nothing any more, and nobody hears of it.
  void silence(const std::string& machine);
  // A process is gone. Power lost: the other end hears nothing.
  void drop(const LifePtr& life, bool power_lost);

  std::unique_ptr<net::Dialer> dialer(std::string machine, std::shared_ptr<SimExecutor> executor);
  // The result of a PUT or GET at the blob store, now. Called by the dialer's clients.
  std::function<void(const std::string& name)> on_stored;

  struct Connection;
  class Socket;
  class Client;
  class SimDialer;

 private:
  // Status of a request at the blob store; `content`: the body of the answer.
  int serve(const std::string& method, const std::string& url, const std::string& body,
            std::string& content);
  void connect(const std::string& machine, std::shared_ptr<SimExecutor> from,
               Done<net::WebSocketAnswer> done);
  bool reachable(const std::string& machine, const Acceptor* node) const {
    return !partitions_.contains({machine, node});
  }
  Duration latency() { return engine_.between(Duration(50), faults.latency_max); }
  Connection* newest(const std::string& machine);

  Engine& engine_;
  testing::FakeBlobStore& blobs_;
  std::list<std::weak_ptr<Connection>> connections_;
  std::set<std::pair<std::string, const Acceptor*>> partitions_;
};

}  // namespace reachback::sim
