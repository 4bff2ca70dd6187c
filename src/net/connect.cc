#include "net/connect.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <charconv>
#include <vector>

#include "net/liveness.h"

namespace reachback::net {
namespace {

using asio::ip::tcp;
using Resolver = asio::ip::basic_resolver<tcp, IoExecutor>;

bool is_secure(const Origin& origin) {
  return origin.scheme == "https" || origin.scheme == "wss";
}

std::string reason_of(const ErrorCode& error) {
  std::string text = error.message();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

// The connection comes from this address; its port is chosen when it connects, so that one port
// serves as many connections as there are addresses to come from.
ErrorCode bind_to(TcpSocket& socket, const std::string& from) {
  ErrorCode error;
  const auto address = asio::ip::make_address(from, error);
  if (error) {
    return error;
  }
  const int on = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  socket.bind(tcp::endpoint(address, 0), error);
  return error;
}

class Connector final : public Connecting, public std::enable_shared_from_this<Connector> {
 public:
  Connector(Loop& loop, const Origin& origin, std::shared_ptr<TlsClientContext> tls,
            AddressRule may_connect, std::string from, std::function<void(Result<Stream>)> done)
      : loop_(loop),
        origin_(origin),
        tls_(std::move(tls)),
        may_connect_(std::move(may_connect)),
        from_(std::move(from)),
        done_(std::move(done)),
        resolver_(loop.impl().io.get_executor()),
        socket_(loop.impl().io.get_executor()),
        deadline_(loop, [this] {
          auto self = shared_from_this();
          fail(Errc::timed_out, "timed out");
        }) {}

  void begin(Duration timeout) {
    deadline_.set(timeout);
    asio::post(loop_.impl().io, [self = shared_from_this()] {
      if (self->done_) {
        self->resolve();
      }
    });
  }

  void cancel() override {
    done_ = nullptr;
    release();
  }

 private:
  void resolve() {
    if (is_secure(origin_) && !tls_) {
      fail(Errc::invalid_input, "no TLS context for " + origin_.scheme);
      return;
    }
    ErrorCode error;
    auto address = asio::ip::make_address(origin_.host, error);
    if (!error) {  // Needs no resolver, which is a thread of its own.
      std::uint16_t port = 0;
      std::from_chars(origin_.port.data(), origin_.port.data() + origin_.port.size(), port);
      add(tcp::endpoint(address, port));
      connect_next();
      return;
    }
    try {
      resolver_.async_resolve(
          origin_.host, origin_.port,
          [self = shared_from_this()](ErrorCode failed, const Resolver::results_type& results) {
            self->resolved(failed, results);
          });
    } catch (const std::exception& exception) {  // The resolver's thread could not be started.
      fail(Errc::unavailable, exception.what());
    }
  }

  void resolved(ErrorCode failed, const Resolver::results_type& results) {
    if (!done_) {
      return;
    }
    if (failed) {
      fail(Errc::unavailable, reason_of(failed));
      return;
    }
    for (const auto& result : results) {
      add(result.endpoint());
    }
    connect_next();
  }

  void add(const tcp::endpoint& endpoint) {
    if (!may_connect_ || may_connect_(endpoint.address().to_string())) {
      endpoints_.push_back(endpoint);
    } else {
      refused_ = true;
    }
  }

  void connect_next() {
    if (endpoints_.empty() && refused_) {
      fail(Errc::forbidden, "no address of it may be called");
      return;
    }
    if (next_ == endpoints_.size()) {
      fail(Errc::unavailable, last_reason_);
      return;
    }
    const tcp::endpoint& endpoint = endpoints_[next_++];
    ErrorCode error;
    socket_.close(error);
    socket_.open(endpoint.protocol(), error);
    if (!error) {
      socket_.native_non_blocking(true, error);
    }
    if (!error) {
      socket_.set_option(tcp::no_delay(true), error);
    }
    if (!error && !from_.empty()) {
      error = bind_to(socket_, from_);
    }
    if (error) {
      last_reason_ = reason_of(error);
      connect_next();
      return;
    }
    notice_a_lost_peer(socket_.native_handle());
    socket_.async_connect(endpoint, [self = shared_from_this()](ErrorCode failed) {
      if (!self->done_) {
        return;
      }
      if (failed) {
        self->last_reason_ = reason_of(failed);
        self->connect_next();
        return;
      }
      self->connected();
    });
  }

  void connected() {
    SslPtr ssl;
    if (is_secure(origin_)) {
      ssl = make_client_ssl(*tls_, socket_.native_handle(), origin_.host);
      if (!ssl) {
        fail(Errc::unavailable, "no TLS session");
        return;
      }
    }
    stream_.emplace(std::move(socket_), std::move(ssl));
    handshake();
  }

  void handshake() {
    Stream::Io io = stream_->handshake();
    switch (io.status) {
      case Stream::Status::ok: {
        deadline_.clear();
        auto done = std::move(done_);
        done_ = nullptr;
        Stream ready = std::move(*stream_);
        stream_.reset();
        done(std::move(ready));
        return;
      }
      case Stream::Status::want_read:
      case Stream::Status::want_write:
        stream_->wait(io.status, [self = shared_from_this()](ErrorCode) {
          if (self->done_) {
            self->handshake();
          }
        });
        return;
      case Stream::Status::closed:
      case Stream::Status::failed:
        fail(Errc::unavailable, "TLS: " + stream_->handshake_reason());
        return;
    }
  }

  void fail(Errc code, const std::string& why) {
    auto done = std::move(done_);
    done_ = nullptr;
    release();
    if (done) {
      done(Error{code, "connect to " + origin_text(origin_) + ": " + why});
    }
  }

  void release() {
    deadline_.clear();
    resolver_.cancel();
    ErrorCode ignored;
    socket_.close(ignored);
    if (stream_) {
      stream_->close();
    }
  }

  Loop& loop_;
  Origin origin_;
  std::shared_ptr<TlsClientContext> tls_;
  AddressRule may_connect_;
  std::string from_;
  std::function<void(Result<Stream>)> done_;  // Empty: over.
  Resolver resolver_;
  TcpSocket socket_;
  std::optional<Stream> stream_;
  Deadline deadline_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t next_ = 0;
  bool refused_ = false;
  std::string last_reason_ = "no address";
};

}  // namespace

std::shared_ptr<Connecting> connect_stream(Loop& loop, const Origin& origin,
                                           std::shared_ptr<TlsClientContext> tls,
                                           AddressRule may_connect, const std::string& from,
                                           Duration timeout,
                                           std::function<void(Result<Stream>)> done) {
  auto connector = std::make_shared<Connector>(loop, origin, std::move(tls), std::move(may_connect),
                                               from, std::move(done));
  connector->begin(timeout);
  return connector;
}

std::string origin_text(const Origin& origin) {
  bool v6 = origin.host.find(':') != std::string::npos;
  return (v6 ? "[" + origin.host + "]" : origin.host) + ":" + origin.port;
}

std::string host_field(const Origin& origin) {
  std::string text = origin_text(origin);
  if (origin.port == (is_secure(origin) ? "443" : "80")) {
    text.resize(text.size() - origin.port.size() - 1);
  }
  return text;
}

}  // namespace reachback::net
