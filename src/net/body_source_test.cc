// Answers whose body comes piece by piece.
#include <atomic>
#include <deque>

#include "base/mutex.h"
#include "net/http_server.h"
#include "net/test_support.h"

namespace reachback::net {
namespace {

// What a test gives, when it gives it; counts what it was asked for.
class ManualSource : public BodySource {
 public:
  explicit ManualSource(std::atomic<int>& alive) : alive_(alive) { ++alive_; }
  ~ManualSource() override { --alive_; }
  void next(std::function<void(std::optional<std::string>)> piece) override {
    std::optional<std::optional<std::string>> ready;
    {
      MutexLock lock(mutex_);
      ++asked_;
      if (given_.empty()) {
        waiting_ = std::move(piece);
      } else {
        ready = std::move(given_.front());
        given_.pop_front();
      }
    }
    if (ready) {
      piece(std::move(*ready));
    }
  }
  void give(std::optional<std::string> piece) {
    std::function<void(std::optional<std::string>)> waiting;
    {
      MutexLock lock(mutex_);
      if (!waiting_) {
        given_.push_back(std::move(piece));
        return;
      }
      waiting = std::exchange(waiting_, nullptr);
    }
    waiting(std::move(piece));
  }
  int asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }

 private:
  std::atomic<int>& alive_;
  mutable Mutex mutex_;
  std::deque<std::optional<std::string>> given_ RB_GUARDED_BY(mutex_);
  std::function<void(std::optional<std::string>)> waiting_ RB_GUARDED_BY(mutex_);
  int asked_ RB_GUARDED_BY(mutex_) = 0;
};

class BodySourceTest : public NetTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    NetTest::SetUp();
    options_.body_grace = std::chrono::milliseconds(300);
    options_.head_timeout = std::chrono::milliseconds(300);
    server_ =
        HttpServer::listen(pool_, "127.0.0.1:0", GetParam() ? server_tls() : nullptr, options_,
                           [this](const std::shared_ptr<Exchange>& exchange) {
                             Response response;
                             response.headers.add("Content-Type", "text/event-stream");
                             response.source = source_;
                             exchange->respond(std::move(response));
                             source_.reset();
                           })
            .value();
  }
  RawClient connect() { return RawClient(server_->address(), GetParam()); }

  std::atomic<int> alive_{0};
  std::shared_ptr<ManualSource> source_ = std::make_shared<ManualSource>(alive_);
  HttpServerOptions options_;
  LoopPool pool_{1};
  std::unique_ptr<HttpServer> server_;
};

INSTANTIATE_TEST_SUITE_P(PlainAndTls, BodySourceTest, testing::Bool(),
                         [](const auto& p) { return p.param ? "Tls" : "Plain"; });

TEST_P(BodySourceTest, Pieces_arrive_when_they_are_given_and_the_connection_goes_on) {
  auto source = source_;
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string head = client.receive_until("\r\n\r\n");
  EXPECT_NE(head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
  source->give("one");
  EXPECT_EQ(client.receive_until("one\r\n"), "3\r\none\r\n");
  source->give("");   // nothing: no chunk, which would be the last
  ::usleep(500'000);  // longer than body_grace: who waits for the source is not slow
  source->give("two!");
  EXPECT_EQ(client.receive_until("two!\r\n"), "4\r\ntwo!\r\n");
  source->give(std::nullopt);
  EXPECT_EQ(client.receive_until("0\r\n\r\n"), "0\r\n\r\n");
  source.reset();
  source_ = std::make_shared<ManualSource>(alive_);
  source_->give(std::nullopt);
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.receive_until_close().find("0\r\n\r\n"), std::string::npos);
}

TEST_P(BodySourceTest, The_next_piece_is_asked_for_when_the_one_before_has_been_sent) {
  auto source = source_;
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.receive_until("\r\n\r\n");
  // More than the sockets hold, and nobody reads.
  source->give(std::string(32 << 20, 'x'));
  ::usleep(100'000);
  EXPECT_EQ(source->asked(), 1);
}

TEST_P(BodySourceTest, A_reader_that_takes_nothing_is_cut_and_the_source_let_go) {
  source_->give(std::string(32 << 20, 'x'));
  auto client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.receive_until("\r\n\r\n");
  while (alive_ > 0) {  // or the test's time is over
    ::usleep(1000);
  }
}

TEST_P(BodySourceTest, A_peer_that_has_gone_is_noticed_by_the_next_piece) {
  auto source = source_;
  {
    auto client = connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.receive_until("\r\n\r\n");
  }
  for (int i = 0; source.use_count() > 1; ++i) {
    source->give("anybody?");
    ::usleep(10'000);
  }
}

TEST_P(BodySourceTest, HTTP_1_0_gets_it_without_chunks_until_the_end_and_HEAD_nothing) {
  auto source = source_;
  source->give("all");
  source->give(std::nullopt);
  auto client = connect();
  client.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  const std::string answer = client.receive_until_close();
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n")), "\r\n\r\nall");
  EXPECT_EQ(answer.find("chunked"), std::string::npos);

  source = source_ = std::make_shared<ManualSource>(alive_);
  auto other = connect();
  other.send("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string head = other.receive_until_close();
  EXPECT_EQ(head.substr(head.size() - 4), "\r\n\r\n");
  EXPECT_EQ(source->asked(), 0);
}

}  // namespace
}  // namespace reachback::net
