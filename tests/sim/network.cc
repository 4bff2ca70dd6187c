#include "network.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>

#include "protocol/codec.h"

namespace reachback::sim {
namespace {

constexpr Duration kCloseTimeout = std::chrono::seconds(5);
constexpr std::size_t kSeenMax = 4000;

// TLS keeps a session's frames whole and in order, so what is repeated was captured elsewhere: a
// welcome or a heartbeat of another session would only hurt the session that it is put into.
bool is_worth_repeating(int from, const std::string& frame) {
  if (from == 1) {
    auto message = protocol::decode_to_agent(frame);
    return message.ok() && !message->has_welcome();
  }
  auto message = protocol::decode_to_server(frame);
  return message.ok() && !message->has_heartbeat();
}

}  // namespace

// Two ends; frames go from one to the other. `broken`: nothing passes, nobody knows.
struct Network::Connection : std::enable_shared_from_this<Network::Connection> {
  struct End {
    std::shared_ptr<SimExecutor> executor;
    std::function<void(std::string_view)> on_message;
    std::function<void(std::string_view)> on_close;
    std::deque<std::string> waiting;  // before start(), or while reading is paused
    Duration last_arrival{};
    std::size_t stuck_bytes = 0;
    bool started = false, paused = false, closed = false;
  };
  Connection(Network& n, std::string m, const Acceptor* a)
      : network(n), machine(std::move(m)), node(a) {}

  Network& network;
  const std::string machine;
  const Acceptor* const node;
  std::string exporter;
  End ends[2];  // 0: the agent's, 1: the server's
  bool broken = false;
  bool spoke[2] = {false, false};

  void send(int from, std::string frame, bool remember = true) {
    End& to = ends[1 - from];
    if (ends[from].closed) {
      return;
    }
    spoke[from] = true;
    if (broken) {
      ends[from].stuck_bytes += frame.size();
      return;
    }
    if (remember && is_worth_repeating(from, frame)) {
      auto& seen = from == 1 ? network.to_agents : network.to_servers;
      if (seen.size() < kSeenMax) {
        seen.push_back(Seen{machine, frame});
      }
    }
    to.last_arrival = std::max(to.last_arrival, network.engine_.now() + network.latency());
    network.engine_.at(to.last_arrival, to.executor->life(),
                       [self = shared_from_this(), from, frame = std::move(frame)] {
                         if (!self->broken) {
                           self->arrived(1 - from, frame);
                         }
                       });
  }

  void arrived(int at, const std::string& frame) {
    End& end = ends[at];
    if (end.closed) {
      return;
    }
    if (!end.started || end.paused) {
      end.waiting.push_back(frame);
      return;
    }
    auto call = end.on_message;  // on_close may drop it meanwhile
    call(frame);
  }

  void flow(int at) {
    End& end = ends[at];
    while (end.started && !end.paused && !end.closed && !end.waiting.empty()) {
      std::string frame = std::move(end.waiting.front());
      end.waiting.pop_front();
      arrived(at, frame);
    }
  }

  // The end `at` hears that the connection is gone, after a while.
  void tell_closed(int at, Duration delay, const std::string& why) {
    network.engine_.after(delay, ends[at].executor->life(), [self = shared_from_this(), at, why] {
      End& end = self->ends[at];
      if (end.closed && !end.on_close) {
        return;
      }
      end.closed = true;
      end.on_message = nullptr;
      if (auto call = std::exchange(end.on_close, nullptr)) {
        call(why);
      }
    });
  }

  void close(int from) {
    End& mine = ends[from];
    if (mine.closed) {
      return;
    }
    mine.closed = true;
    mine.waiting.clear();
    tell_closed(from, broken ? kCloseTimeout : network.latency(), "closed here");
    if (!broken) {
      // Behind what is under way.
      End& theirs = ends[1 - from];
      theirs.last_arrival =
          std::max(theirs.last_arrival, network.engine_.now() + network.latency());
      tell_closed(1 - from, theirs.last_arrival - network.engine_.now(), "closed there");
    }
  }
};

class Network::Socket : public net::WebSocket {
 public:
  Socket(std::shared_ptr<Connection> c, int end) : c_(std::move(c)), end_(end) {}
  void start(std::function<void(std::string_view)> on_message,
             std::function<void(std::string_view)> on_close) override {
    auto& mine = c_->ends[end_];
    mine.on_message = std::move(on_message);
    mine.on_close = std::move(on_close);
    mine.started = true;
    c_->network.engine_.after(Duration(0), mine.executor->life(),
                              [c = c_, end = end_] { c->flow(end); });
  }
  void send(std::string message) override { c_->send(end_, std::move(message)); }
  std::size_t queued_bytes() const override { return c_->ends[end_].stuck_bytes; }
  void close(std::uint16_t, std::string_view) override { c_->close(end_); }
  void pause() override { c_->ends[end_].paused = true; }
  void resume() override {
    auto& mine = c_->ends[end_];
    mine.paused = false;
    c_->network.engine_.after(Duration(0), mine.executor->life(),
                              [c = c_, end = end_] { c->flow(end); });
  }
  net::Executor& loop() override { return *c_->ends[end_].executor; }
  std::string peer_ip() const override { return "127.0.0.1"; }
  std::string tls_exporter() const override { return c_->exporter; }

 private:
  const std::shared_ptr<Connection> c_;
  const int end_;
};

// One agent's client to the blob store.
class Network::Client : public net::HttpClient {
 public:
  Client(Network& network, std::string machine, std::shared_ptr<SimExecutor> executor,
         net::Origin origin)
      : network_(network),
        machine_(std::move(machine)),
        executor_(std::move(executor)),
        origin_(std::move(origin)) {}
  ~Client() override { *open_ = false; }

  void send(net::ClientRequest request, Done<net::ClientResponse> done) override {
    Engine& engine = network_.engine_;
    auto answer = [open = open_, done](Result<net::ClientResponse> result) {
      if (*open) {
        done(std::move(result));
      }
    };
    bool any = false;
    for (const Acceptor* node : network_.acceptors) {
      any = any || network_.reachable(machine_, node);
    }
    if (!any || engine.chance(network_.faults.refuse)) {
      engine.after(std::chrono::seconds(5), executor_->life(), [answer] {
        answer(Error{Errc::unavailable, "no connection to the blob store"});
      });
      return;
    }
    std::string body = request.body;
    if (request.file) {
      body.resize(request.file->bytes);
      const auto got = ::pread(request.file->file->get(), body.data(), body.size(),
                               static_cast<off_t>(request.file->offset));
      body.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    }
    // Arrives, whether or not the sender still lives then.
    engine.after(network_.latency(), nullptr,
                 [this_network = &network_, life = executor_->life(),
                  url = origin_.scheme + "://" + origin_.host + request.target,
                  request = std::move(request), body, answer] {
                   Network& n = *this_network;
                   net::ClientResponse response;
                   std::string content;
                   response.status = n.serve(request.method, url, body, content);
                   if (n.engine_.chance(n.faults.lose_http)) {
                     n.engine_.after(std::chrono::seconds(30), life,
                                     [answer] { answer(Error{Errc::timed_out, "no answer"}); });
                     return;
                   }
                   n.engine_.after(n.latency(), life, [response, content, request, answer] {
                     if (request.on_head) {
                       request.on_head(response.status, response.headers);
                     }
                     if (request.on_body && !content.empty()) {
                       request.on_body(content);
                     }
                     answer(response);
                   });
                 });
  }

 private:
  Network& network_;
  const std::string machine_;
  const std::shared_ptr<SimExecutor> executor_;
  const net::Origin origin_;
  const std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
};

class Network::SimDialer : public net::Dialer {
 public:
  SimDialer(Network& network, std::string machine, std::shared_ptr<SimExecutor> executor)
      : network_(network), machine_(std::move(machine)), executor_(std::move(executor)) {}
  net::Executor& loop() override { return *executor_; }
  void web_socket(const std::string&, net::Headers, Duration,
                  Done<net::WebSocketAnswer> done) override {
    network_.connect(machine_, executor_, std::move(done));
  }
  std::unique_ptr<net::HttpClient> http(const net::Origin& origin) override {
    return std::make_unique<Client>(network_, machine_, executor_, origin);
  }

 private:
  Network& network_;
  const std::string machine_;
  const std::shared_ptr<SimExecutor> executor_;
};

std::unique_ptr<net::Dialer> Network::dialer(std::string machine,
                                             std::shared_ptr<SimExecutor> executor) {
  return std::make_unique<SimDialer>(*this, std::move(machine), std::move(executor));
}

int Network::serve(const std::string& method, const std::string& url, const std::string& body,
                   std::string& content) {
  if (method == "HEAD") {
    return 404;
  }
  if (engine_.chance(faults.fail_http)) {
    return 503;
  }
  if (method == "GET") {
    auto bytes = blobs_.read_by_link(url, true_now(engine_));
    if (!bytes.ok()) {
      return bytes.error().code == Errc::not_found ? 404 : 403;
    }
    content = *bytes;
    return 200;
  }
  if (faults.blobs_full) {
    return 507;
  }
  auto stored = blobs_.put_by_link(url, body, true_now(engine_));
  if (!stored.ok()) {
    return stored.error().code == Errc::already_exists ? 409 : 403;
  }
  const auto mark = url.find('?');
  on_stored(url.substr(mark - 32, 32));
  return 201;
}

void Network::connect(const std::string& machine, std::shared_ptr<SimExecutor> from,
                      Done<net::WebSocketAnswer> done) {
  Acceptor* node = acceptors[engine_.below(acceptors.size())];
  const LifePtr life = from->life();
  if (!reachable(machine, node)) {
    engine_.after(std::chrono::seconds(15), life,
                  [done] { done(Error{Errc::timed_out, "no answer"}); });
    return;
  }
  engine_.after(latency(), nullptr, [this, machine, from, done, node, life] {
    auto executor = node->executor();
    if (executor == nullptr || engine_.chance(faults.refuse)) {
      engine_.after(latency(), life,
                    [done] { done(Error{Errc::unavailable, "connection refused"}); });
      return;
    }
    auto c = std::make_shared<Connection>(*this, machine, node);
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t word = engine_.fork_seed();
      c->exporter.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    std::string nonce = c->exporter;
    std::reverse(nonce.begin(), nonce.end());
    c->ends[0].executor = from;
    c->ends[1].executor = executor;
    std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
    connections_.push_back(c);
    engine_.after(Duration(0), executor->life(),
                  [node, c, nonce] { node->accept(std::make_shared<Socket>(c, 1), nonce); });
    engine_.after(latency(), life, [node, c, nonce, done] {
      net::WebSocketAnswer answer;
      answer.socket = std::make_shared<Socket>(c, 0);
      answer.headers.add("Reachback-Challenge", to_base64url(nonce));
      answer.headers.add("Date",
                         fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                                     std::chrono::floor<std::chrono::seconds>(node->wall())));
      done(std::move(answer));
    });
  });
}

void Network::partition(const std::string& machine, const Acceptor* node, bool on) {
  if (!on) {
    partitions_.erase({machine, node});
    return;
  }
  partitions_.insert({machine, node});
  for (const auto& weak : connections_) {
    if (auto c = weak.lock(); c && c->machine == machine && c->node == node) {
      c->broken = true;
    }
  }
}

Network::Connection* Network::newest(const std::string& machine) {
  for (auto it = connections_.rbegin(); it != connections_.rend(); ++it) {
    if (auto c = it->lock();
        c && c->machine == machine && !c->ends[0].closed && !c->ends[1].closed && !c->broken) {
      return c.get();
    }
  }
  return nullptr;
}

void Network::replay_to_agent(const std::string& machine, const std::string& frame) {
  if (auto* c = newest(machine)) {
    c->send(1, frame, /*remember=*/false);
  }
}

void Network::replay_to_server(const std::string& machine, const std::string& frame) {
  if (auto* c = newest(machine)) {
    c->send(0, frame, /*remember=*/false);
  }
}

void Network::cut(const std::string& machine) {
  for (const auto& weak : connections_) {
    if (auto c = weak.lock(); c && c->machine == machine) {
      const bool was_broken = std::exchange(c->broken, true);
      for (int end : {0, 1}) {
        if (!was_broken && c->ends[end].executor->life()->alive) {
          c->tell_closed(end, latency(), "the connection was reset");
        }
      }
    }
  }
}

void Network::silence(const std::string& machine) {
  for (const auto& weak : connections_) {
    if (auto c = weak.lock(); c && c->machine == machine) {
      c->broken = true;
    }
  }
}

void Network::drop(const LifePtr& life, bool power_lost) {
  for (const auto& weak : connections_) {
    auto c = weak.lock();
    for (int end : {0, 1}) {
      if (!c || c->ends[end].executor->life() != life) {
        continue;
      }
      if (end == 0 && c->spoke[0] && !c->spoke[1]) {
        late_hellos.insert(c->machine);
      }
      auto& mine = c->ends[end];
      mine.closed = true;
      mine.on_message = nullptr;
      mine.on_close = nullptr;
      mine.waiting.clear();
      if (!c->broken && !power_lost) {
        c->tell_closed(1 - end, latency(), "the connection was reset");
      }
      c->broken = true;
    }
  }
}

}  // namespace reachback::sim
