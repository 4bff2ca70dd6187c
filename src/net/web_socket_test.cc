#include "net/web_socket.h"

#include <deque>

#include "base/mutex.h"
#include "net/test_support.h"
#include "net/ws_frame.h"
#include "net/ws_handshake.h"

namespace reachback::net {
namespace {

// What other threads tell the test, in order.
class Inbox {
 public:
  void put(std::string_view text) {
    MutexLock lock(mutex_);
    texts_.emplace_back(text);
    changed_.notify_one();
  }
  std::string take() {
    MutexLock lock(mutex_);
    const auto end = std::chrono::steady_clock::now() + kTestPatience;
    while (texts_.empty() && changed_.wait_until(lock, end)) {
    }
    if (texts_.empty()) {
      ADD_FAILURE() << "nothing came in time";
      return {};
    }
    std::string text = std::move(texts_.front());
    texts_.pop_front();
    return text;
  }
  bool empty() {
    MutexLock lock(mutex_);
    return texts_.empty();
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::deque<std::string> texts_ RB_GUARDED_BY(mutex_);
};

class WebSocketTest : public NetTest {
 protected:
  // Serves WebSockets that send everything back.
  void serve(bool tls = true) {
    server_ = HttpServer::listen(pool_, "127.0.0.1:0", tls ? server_tls() : nullptr, {},
                                 [this](std::shared_ptr<Exchange> exchange) { accept(exchange); })
                  .value();
    scheme_ = tls ? "wss://" : "ws://";
  }
  void accept(const std::shared_ptr<Exchange>& exchange) {
    const std::string& target = exchange->request().target;
    if (target == "/forbidden" || target == "/broken") {
      exchange->respond(text_response(target == "/broken" ? 503 : 403, ""));
      return;
    }
    Headers extra;
    extra.add("X-Extra", "yes");
    auto made = exchange->upgrade(std::move(extra));
    if (!made.ok()) {
      exchange->respond(text_response(400, made.error().message));
      return;
    }
    auto socket = *made;
    server_peer_.put(socket->peer_ip());
    server_exporter_.put(socket->tls_exporter());
    std::weak_ptr<WebSocket> weak = socket;
    socket->start(
        [weak, target](std::string_view message) {
          if (auto self = weak.lock()) {
            if (message == "close me") {
              self->close(4001, "as you wish");
            } else if (target != "/silent") {
              self->send(std::string(message));
            }
          }
        },
        [this, socket](std::string_view why) { server_closed_.put(why); });
  }

  Result<WebSocketAnswer> connect(const std::string& path, Headers headers = {}) {
    auto done = std::make_shared<std::promise<Result<WebSocketAnswer>>>();
    on_loop(loop(), [&] {
      connect_web_socket(loop(), scheme_ + server_->address() + path, client_tls(),
                         std::move(headers), std::chrono::seconds(20),
                         [this, done](Result<WebSocketAnswer> answer) {
                           if (answer.ok()) {
                             listen_to(answer->socket);
                           }
                           done->set_value(std::move(answer));
                         });
    });
    return await(done->get_future());
  }
  void listen_to(const std::shared_ptr<WebSocket>& socket) {
    socket->start([this](std::string_view message) { messages_.put(message); },
                  [this](std::string_view why) { client_closed_.put(why); });
  }
  std::string next_message() { return messages_.take(); }
  Loop& loop() { return client_pool_.at(0); }

  std::string scheme_;
  Inbox server_exporter_;
  Inbox server_peer_;
  Inbox server_closed_;
  Inbox client_closed_;
  Inbox messages_;
  LoopPool pool_{2};
  LoopPool client_pool_{1};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(WebSocketTest, Messages_of_all_sizes_go_round_over_TLS) {
  serve();
  auto answer = connect("/");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->headers.get("x-extra"), "yes");
  EXPECT_EQ(answer->socket->peer_ip(), "127.0.0.1");
  EXPECT_EQ(server_peer_.take(), "127.0.0.1");
  std::vector<std::string> sent;
  for (std::size_t size : {0, 1, 125, 126, 16384, 16385, 65536, 1 << 20}) {
    sent.push_back(std::string(size, static_cast<char>('a' + sent.size())));
  }
  on_loop(loop(), [&] {
    for (const auto& message : sent) {
      answer->socket->send(message);
    }
  });
  for (const auto& message : sent) {
    EXPECT_TRUE(next_message() == message) << message.size();
  }
  on_loop(loop(), [&] { answer->socket->close(1000, "done"); });
  EXPECT_EQ(server_closed_.take(), "closed by the peer: 1000 done");
  EXPECT_EQ(client_closed_.take(), "closed by us: 1000 done");
}

TEST_F(WebSocketTest, Both_ends_derive_the_same_bytes_from_the_TLS_session) {
  serve();
  auto first = connect("/");
  ASSERT_TRUE(first.ok()) << first.error().message;
  std::string exporter;
  on_loop(loop(), [&] { exporter = first->socket->tls_exporter(); });
  EXPECT_EQ(exporter.size(), 32u);
  EXPECT_EQ(exporter, server_exporter_.take());
  on_loop(loop(), [&] { first->socket->close(1000, ""); });
  client_closed_.take();
  server_closed_.take();
  auto second = connect("/");
  ASSERT_TRUE(second.ok());
  EXPECT_NE(server_exporter_.take(), exporter);
}

TEST_F(WebSocketTest, Without_TLS_there_is_no_exporter) {
  serve(false);
  auto answer = connect("/");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(server_exporter_.take(), "");
  on_loop(loop(), [&] {
    EXPECT_EQ(answer->socket->tls_exporter(), "");
    answer->socket->send("plain");
  });
  EXPECT_EQ(next_message(), "plain");
}

TEST_F(WebSocketTest, The_server_may_close_and_says_why) {
  serve();
  auto answer = connect("/");
  ASSERT_TRUE(answer.ok());
  on_loop(loop(), [&] { answer->socket->send("close me"); });
  EXPECT_EQ(client_closed_.take(), "closed by the peer: 4001 as you wish");
  EXPECT_EQ(server_closed_.take(), "closed by us: 4001 as you wish");
}

TEST_F(WebSocketTest, Refusals_have_their_code) {
  serve();
  auto forbidden = connect("/forbidden");
  ASSERT_FALSE(forbidden.ok());
  EXPECT_EQ(forbidden.error().code, Errc::forbidden);
  auto broken = connect("/broken");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, Errc::protocol);
  EXPECT_NE(broken.error().message.find("answered 503"), std::string::npos);
  scheme_ = "nonsense";
  EXPECT_EQ(connect("").error().code, Errc::invalid_input);
}

TEST_F(WebSocketTest, Drain_tells_1001) {
  serve();
  auto answer = connect("/");
  ASSERT_TRUE(answer.ok());
  server_->drain(std::chrono::seconds(20));
  EXPECT_EQ(client_closed_.take(), "closed by the peer: 1001 the server is going away");
}

TEST_F(WebSocketTest, A_vanished_server_closes_the_client) {
  serve();
  auto answer = connect("/");
  ASSERT_TRUE(answer.ok());
  server_.reset();
  EXPECT_NE(client_closed_.take(), "");
  on_loop(loop(), [&] {
    answer->socket->send("ignored");
    answer->socket->close(1000, "");
    EXPECT_EQ(answer->socket->tls_exporter(), "");
  });
}

TEST_F(WebSocketTest, A_paused_socket_reads_nothing_until_it_is_resumed) {
  serve();
  auto answer = connect("/");
  ASSERT_TRUE(answer.ok());
  on_loop(loop(), [&] { answer->socket->send("one"); });
  EXPECT_EQ(next_message(), "one");
  on_loop(loop(), [&] {
    answer->socket->pause();
    for (int i = 0; i < 100; ++i) {
      answer->socket->send("m" + std::to_string(i));
    }
  });
  // Another connection goes round on the same loops meanwhile.
  {
    RawClient other(server_->address(), true);
    other.send("GET /broken HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    other.receive_until_close();
  }
  EXPECT_TRUE(messages_.empty());
  on_loop(loop(), [&] { answer->socket->resume(); });
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(next_message(), "m" + std::to_string(i));
  }
}

TEST_F(WebSocketTest, Queued_bytes_grow_while_the_peer_does_not_read_and_fall_after) {
  serve();
  auto answer = connect("/silent");
  ASSERT_TRUE(answer.ok());
  std::size_t queued = 0;
  on_loop(loop(), [&] {
    for (int i = 0; i < 64; ++i) {
      answer->socket->send(std::string(1 << 20, 'x'));
    }
    queued = answer->socket->queued_bytes();
    answer->socket->send("close me");
  });
  EXPECT_GT(queued, 1u << 20);
  EXPECT_EQ(client_closed_.take(), "closed by the peer: 4001 as you wish");
}

// ---- The server against raw bytes

const char kHandshake[] =
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

std::string masked(WsOpcode opcode, std::string_view payload) {
  std::string out;
  append_ws_frame(out, opcode, payload, 0x01020304u);
  return out;
}

TEST_F(WebSocketTest, The_accept_key_is_the_one_of_RFC_6455) {
  EXPECT_EQ(web_socket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_F(WebSocketTest, Frames_right_behind_the_handshake_are_read_and_pings_answered) {
  serve();
  RawClient client(server_->address(), true);
  client.send(kHandshake + masked(WsOpcode::ping, "p") + masked(WsOpcode::binary, "m"));
  std::string head = client.receive_until("\r\n\r\n");
  EXPECT_EQ(head.substr(0, 13), "HTTP/1.1 101 ");
  EXPECT_NE(head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
  EXPECT_EQ(client.receive_until("m"), "\x8a\x01p\x82\x01m");
}

TEST_F(WebSocketTest, Violations_are_answered_with_their_code_even_under_a_flood) {
  serve();
  struct Case {
    std::string frame;
    std::uint16_t code;
  };
  std::string unmasked;
  append_ws_frame(unmasked, WsOpcode::binary, "x", std::nullopt);
  for (const auto& c : {Case{unmasked, 1002}, Case{masked(WsOpcode::text, "x"), 1003},
                        Case{masked(WsOpcode::binary, std::string((1 << 20) + 1, 'x')), 1009}}) {
    RawClient client(server_->address(), true);
    client.send(kHandshake);
    client.receive_until("\r\n\r\n");
    client.send(c.frame);
    std::string frame = client.receive_until_close();
    ASSERT_GE(frame.size(), 4u) << c.code;
    EXPECT_EQ(frame[0], '\x88');
    EXPECT_EQ(static_cast<unsigned char>(frame[2]) << 8 | static_cast<unsigned char>(frame[3]),
              c.code);
  }
}

TEST_F(WebSocketTest, What_is_no_handshake_can_still_be_answered) {
  serve();
  for (std::string_view without :
       {"Upgrade: WebSocket\r\n", "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "keep-alive, Upgrade"}) {
    std::string request = kHandshake;
    request.erase(request.find(without), without.size());
    RawClient client(server_->address(), true);
    client.send(request);
    EXPECT_NE(client.receive_until("handshake").find("HTTP/1.1 400 "), std::string::npos);
  }
}

}  // namespace
}  // namespace reachback::net
