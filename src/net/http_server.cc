#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <charconv>

#include "base/log.h"
#include "net/http_connection.h"
#include "net/liveness.h"

namespace reachback::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

using asio::ip::tcp;

// "127.0.0.1:8443", "[::1]:8443".
Result<tcp::endpoint> parse_address(const std::string& text) {
  Error bad{Errc::invalid_input, "not an IP address and port: " + text};
  auto colon = text.rfind(':');
  if (colon == std::string::npos) {
    return bad;
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  ErrorCode error;
  auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error || parsed.ec != std::errc() || parsed.ptr != end) {
    return bad;
  }
  return tcp::endpoint(address, port);
}

std::string endpoint_text(const tcp::endpoint& endpoint) {
  std::string host = endpoint.address().to_string();
  if (endpoint.address().is_v6()) {
    host = "[" + host + "]";
  }
  return host + ":" + std::to_string(endpoint.port());
}

std::string address_text(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, text, sizeof text);
  } else {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(from).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
      inet_ntop(AF_INET, &address.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &address, text, sizeof text);
    }
  }
  return text;
}

// Accepts on the first loop and hands the connections to all of them in turn: they spread evenly,
// and binding a port twice fails as it should, which it would not with a listener for each loop.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  struct Place {
    Loop* loop;
    std::shared_ptr<OpenConnections> connections;
  };

  Listener(Loop& loop, std::shared_ptr<const ServerContext> server, std::vector<Place> places,
           tcp protocol)
      : server_(std::move(server)),
        places_(std::move(places)),
        protocol_(protocol),
        addresses_(std::make_shared<AddressCounts>(server_->options.strangers_per_address_max)),
        strangers_max_(share(server_->options.strangers_max, places_.size())),
        acceptor_(loop.impl().io.get_executor()),
        pause_(loop.impl().io.get_executor()) {}

  void start(Fd socket) {
    ErrorCode error;
    acceptor_.assign(protocol_, socket.get(), error);
    if (error) {
      log_error("cannot listen", {field("reason", error.message())});
      return;
    }
    socket.release();
    wait();
  }
  void stop() {
    ErrorCode ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

 private:
  void wait() {
    acceptor_.async_wait(Acceptor::wait_read, [self = shared_from_this()](ErrorCode error) {
      if (!error && self->acceptor_.is_open()) {
        self->accept();
      }
    });
  }

  void accept() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      Fd socket(::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.valid()) {
        hand_over(std::move(socket), from);
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The listener stays readable, so waiting for it would spin.
        log_warning("cannot accept connections, pausing",
                    {field("reason", strerrordesc_np(errno))});
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([self = shared_from_this()](ErrorCode error) {
          if (!error && self->acceptor_.is_open()) {
            self->wait();
          }
        });
        return;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      }
      // Anything else concerns the one connection that has gone already.
    }
    wait();
  }

  void hand_over(Fd socket, const sockaddr_storage& from) {
    std::string ip = address_text(from);
    auto counted = addresses_->take(ip);
    if (!counted) {
      return;  // Too many strangers from there: closed before it costs a handshake.
    }
    Place& place = places_[next_++ % places_.size()];
    auto begin = [loop = place.loop, connections = place.connections, server = server_,
                  protocol = protocol_, socket = std::move(socket), ip = std::move(ip),
                  counted = std::move(counted), strangers_max = strangers_max_]() mutable {
      connections->make_room(strangers_max);
      begin_connection(*loop, std::move(connections), std::move(server), protocol,
                       std::move(socket), std::move(ip), std::move(counted));
    };
    if (place.loop->on_thread()) {
      begin();
    } else {
      asio::post(place.loop->impl().io, std::move(begin));
    }
  }

  static void begin_connection(Loop& loop, std::shared_ptr<OpenConnections> connections,
                               std::shared_ptr<const ServerContext> server, tcp protocol, Fd socket,
                               std::string ip, std::shared_ptr<void> counted) {
    int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    notice_a_lost_peer(socket.get());
    SslPtr ssl;
    if (server->tls) {
      ssl = make_server_ssl(*server->tls, socket.get());
      if (!ssl) {
        return;
      }
    }
    TcpSocket owned(loop.impl().io.get_executor());
    ErrorCode error;
    owned.assign(protocol, socket.get(), error);
    if (error) {
      return;
    }
    socket.release();
    auto connection = std::make_shared<HttpConnection>(
        loop, std::move(server), Stream(std::move(owned), std::move(ssl)), std::move(ip));
    connection->start(std::move(connections), std::move(counted));
  }

  // Of one loop; 0 stays "no limit".
  static std::size_t share(std::size_t all, std::size_t loops) {
    return all == 0 ? 0 : std::max<std::size_t>(all / loops, 1);
  }

  using Acceptor = asio::basic_socket_acceptor<tcp, IoExecutor>;
  std::shared_ptr<const ServerContext> server_;
  std::vector<Place> places_;
  tcp protocol_;
  std::shared_ptr<AddressCounts> addresses_;
  const std::size_t strangers_max_;  // on one loop
  Acceptor acceptor_;
  SteadyTimer pause_;
  std::size_t next_ = 0;
};

class Server final : public HttpServer {
 public:
  Server(std::shared_ptr<OpenCount> count, std::vector<Listener::Place> places,
         std::shared_ptr<Listener> listener, std::string address)
      : count_(std::move(count)),
        places_(std::move(places)),
        listener_(std::move(listener)),
        address_(std::move(address)) {}

  ~Server() override {
    stop_accepting();
    cut_all();
  }

  std::string address() const override { return address_; }

  void drain(Duration grace) override {
    stop_accepting();
    for (auto& place : places_) {
      run_and_wait(*place.loop, [&] { place.connections->drain_all(); });
    }
    {
      MutexLock lock(count_->mutex);
      const auto end = std::chrono::steady_clock::now() + grace;
      while (count_->open != 0 && count_->none_left.wait_until(lock, end)) {
      }
    }
    cut_all();
  }

 private:
  void stop_accepting() {
    count_->draining = true;
    if (listener_) {
      run_and_wait(*places_.front().loop, [&] {
        listener_->stop();
        listener_.reset();
      });
    }
  }
  void cut_all() {
    for (auto& place : places_) {
      run_and_wait(*place.loop, [&] { place.connections->cut_all(); });
    }
  }

  std::shared_ptr<OpenCount> count_;
  std::vector<Listener::Place> places_;
  std::shared_ptr<Listener> listener_;
  std::string address_;
};

Result<Fd> bind_and_listen(const tcp::endpoint& endpoint) {
  Error in_vain{Errc::unavailable, "cannot listen on " + endpoint_text(endpoint) + ": "};
  Fd socket(::socket(endpoint.address().is_v6() ? AF_INET6 : AF_INET,
                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int on = 1;
  if (!socket.valid() ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    in_vain.message += errno == EADDRINUSE ? "address in use" : strerrordesc_np(errno);
    return in_vain;
  }
  return socket;
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(LoopPool& loops, const std::string& address,
                                                       std::shared_ptr<TlsServerContext> tls,
                                                       HttpServerOptions options,
                                                       HttpHandler handler) {
  RB_TRY_ASSIGN(tcp::endpoint endpoint, parse_address(address));
  RB_TRY_ASSIGN(Fd socket, bind_and_listen(endpoint));
  socklen_t size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(socket.get(), endpoint.data(), &size) != 0) {
    return errno_error("name of the listening socket");
  }
  endpoint.resize(size);

  auto server = std::make_shared<ServerContext>();
  server->limits = {options.head_bytes_max, options.request_line_bytes_max, options.fields_max};
  server->options = std::move(options);
  server->handler = std::move(handler);
  server->tls = std::move(tls);
  auto count = std::make_shared<OpenCount>();
  std::vector<Listener::Place> places;
  places.reserve(loops.size());
  for (std::size_t i = 0; i < loops.size(); ++i) {
    places.push_back({&loops.at(i), std::make_shared<OpenConnections>(count)});
  }
  auto listener = std::make_shared<Listener>(loops.at(0), server, places, endpoint.protocol());
  run_and_wait(loops.at(0), [&] { listener->start(std::move(socket)); });
  return std::unique_ptr<HttpServer>(std::make_unique<Server>(
      std::move(count), std::move(places), std::move(listener), endpoint_text(endpoint)));
}

}  // namespace reachback::net
