// Request bodies and file answers, large and small.
#include <fcntl.h>
#include <sys/resource.h>

#include <fstream>
#include <random>

#include "net/body_store.h"
#include "net/test_support.h"

namespace reachback::net {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeepsFreedMemory = true;  // A sanitizer does, so the resident size says nothing.
#else
constexpr bool kKeepsFreedMemory = false;
#endif

std::string random_bytes(std::size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (auto& c : bytes) {
    c = static_cast<char>(random());
  }
  return bytes;
}

std::shared_ptr<Fd> temporary_file(std::string_view bytes) {
  auto file = std::make_shared<Fd>(open_file("/tmp", O_TMPFILE | O_RDWR).value());
  EXPECT_TRUE(write_all(file->get(), bytes).ok());
  return file;
}

std::uint64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::stoull(line.substr(6));
    }
  }
  return 0;
}

TEST(BodyStore, Holds_any_size_the_same_way) {
  for (std::size_t size : {0, 1, 65536, 65537, 1000000}) {
    std::string bytes = random_bytes(size);
    BodyStore store;
    for (std::size_t at = 0; at < size; at += 10000) {
      ASSERT_TRUE(store.append(std::string_view(bytes).substr(at, 10000)).ok());
    }
    auto body = store.finish();
    ASSERT_TRUE(body.ok());
    EXPECT_TRUE((*body)->view() == bytes) << size;
  }
}

class BodyTest : public NetTest {
 protected:
  void serve(HttpHandler handler, HttpServerOptions options = {}) {
    server_ =
        HttpServer::listen(pool_, "127.0.0.1:0", server_tls(), options, std::move(handler)).value();
  }
  LoopPool pool_{1};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(BodyTest, Bodies_of_every_size_arrive_whole_and_the_connection_lives_on) {
  serve([](std::shared_ptr<Exchange> exchange) {
    exchange->read_body(64 << 20, [exchange](std::shared_ptr<const Body> body) {
      exchange->respond(text_response(200, std::string(body->view())));
    });
  });
  BlockingClient client(origin_of(*server_, "https"), client_tls());
  for (std::size_t size : {0, 1, 16384, 65535, 65536, 65537, 3 << 20}) {
    ClientRequest request;
    request.method = "POST";
    request.body = random_bytes(size);
    std::string sent = request.body;
    auto answer = client.send(std::move(request));
    ASSERT_TRUE(answer.ok()) << size << ": " << answer.error().message;
    EXPECT_TRUE(answer->body == sent) << size;
  }
}

TEST_F(BodyTest, A_streamed_body_comes_in_pieces_and_ends_once) {
  std::string received;
  serve([&received](std::shared_ptr<Exchange> exchange) {
    received.clear();
    exchange->stream_body(
        64 << 20,
        [&received](std::string_view piece) {
          EXPECT_LE(piece.size(), 64u << 10);
          received += piece;
          return true;
        },
        [exchange, &received](bool complete) {
          exchange->respond(text_response(complete ? 200 : 500, std::to_string(received.size())));
        });
  });
  BlockingClient client(origin_of(*server_, "https"), client_tls());
  for (std::size_t size : {0, 5, 5 << 20}) {
    ClientRequest request;
    request.method = "PUT";
    request.file = FileBody{temporary_file("skip" + random_bytes(size)), 4, size};
    auto answer = client.send(std::move(request));
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->body, std::to_string(size));
    EXPECT_TRUE(received == random_bytes(size));
  }
}

TEST_F(BodyTest, A_handler_that_stops_a_body_can_still_answer) {
  serve([](std::shared_ptr<Exchange> exchange) {
    exchange->stream_body(
        64 << 20,
        [exchange](std::string_view) {
          exchange->loop().post([exchange] { exchange->respond(text_response(409, "enough")); });
          return false;
        },
        [](bool) { FAIL() << "stopped, so nothing ends"; });
  });
  BlockingClient client(origin_of(*server_, "https"), client_tls());
  ClientRequest request;
  request.method = "PUT";
  request.body = random_bytes(4 << 20);
  auto answer = client.send(std::move(request));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 409);
}

TEST_F(BodyTest, An_answer_from_inside_a_streamed_body_is_sent) {
  serve([](std::shared_ptr<Exchange> exchange) {
    exchange->stream_body(
        64 << 20,
        [exchange](std::string_view) {
          exchange->respond(text_response(409, "enough"));
          return true;
        },
        [](bool) {});
  });
  BlockingClient client(origin_of(*server_, "https"), client_tls());
  for (std::size_t size : {5, 4 << 20}) {
    ClientRequest request;
    request.method = "PUT";
    request.body = random_bytes(size);
    auto answer = client.send(std::move(request));
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->body, "enough");
  }
}

TEST_F(BodyTest, A_streamed_body_that_is_cut_short_ends_incomplete) {
  auto ended = std::make_shared<std::promise<bool>>();
  serve([ended](std::shared_ptr<Exchange> exchange) {
    exchange->stream_body(
        1000, [](std::string_view) { return true; },
        [exchange, ended](bool complete) { ended->set_value(complete); });
  });
  {
    RawClient client(server_->address(), true);
    client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  }
  EXPECT_FALSE(await(ended->get_future()));
}

TEST_F(BodyTest, A_small_unread_body_is_drained_and_a_large_one_closes) {
  serve([](std::shared_ptr<Exchange> exchange) {
    exchange->respond(text_response(200, exchange->request().target));
  });
  RawClient client(server_->address(), true);
  client.send("PUT /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n");
  client.receive_until("/1");
  client.send(std::string(60000, 'x') +
              "PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n");
  std::string answer = client.receive_until_close();
  EXPECT_NE(answer.find("/2"), std::string::npos);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(BodyTest, Files_are_sent_whole_in_part_and_only_by_length_to_HEAD) {
  std::string bytes = random_bytes(5 << 20);
  auto file = temporary_file(bytes);
  serve([file, &bytes](std::shared_ptr<Exchange> exchange) {
    Response response;
    bool part = exchange->request().target == "/part";
    response.file = part ? FileBody{file, 100, 1 << 20} : FileBody{file, 0, bytes.size()};
    exchange->respond(std::move(response));
  });
  BlockingClient client(origin_of(*server_, "https"), client_tls());
  auto whole = client.get("/");
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_TRUE(whole->body == bytes);
  auto part = client.get("/part");
  ASSERT_TRUE(part.ok()) << part.error().message;
  EXPECT_TRUE(part->body == bytes.substr(100, 1 << 20));
  ClientRequest head;
  head.method = "HEAD";
  auto length = client.send(std::move(head));
  ASSERT_TRUE(length.ok()) << length.error().message;
  EXPECT_EQ(length->headers.get("content-length"), std::to_string(bytes.size()));
  EXPECT_EQ(length->body, "");
  EXPECT_TRUE(client.get("/part").ok());
}

TEST_F(BodyTest, A_file_that_is_shorter_than_told_breaks_the_connection) {
  auto file = temporary_file("short");
  serve([file](std::shared_ptr<Exchange> exchange) {
    Response response;
    response.file = FileBody{file, 0, 1000};
    exchange->respond(std::move(response));
  });
  BlockingClient client(origin_of(*server_, "https"), client_tls());
  auto answer = client.get("/");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Errc::unavailable);
}

TEST_F(BodyTest, Sending_a_large_file_takes_constant_memory) {
  auto file = temporary_file("");
  constexpr std::uint64_t kBytes = 256 << 20;
  ASSERT_EQ(::ftruncate(file->get(), kBytes), 0);
  serve([file](std::shared_ptr<Exchange> exchange) {
    Response response;
    response.file = FileBody{file, 0, kBytes};
    exchange->respond(std::move(response));
  });
  BlockingClient client(origin_of(*server_, "https"), client_tls());
  std::uint64_t received = 0;
  std::uint64_t before = resident_kib();
  std::uint64_t most = 0;
  ClientRequest request;
  request.on_body = [&](std::string_view piece) {
    received += piece.size();
    if ((received >> 20) != ((received - piece.size()) >> 20)) {
      most = std::max(most, resident_kib());
    }
    return true;
  };
  auto answer = client.send(std::move(request));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(received, kBytes);
  EXPECT_EQ(answer->body, "");
  if (!kKeepsFreedMemory) {
    EXPECT_LT(most, before + (32 << 10));
  }
}

TEST_F(BodyTest, A_reader_that_stops_reading_is_cut) {
  HttpServerOptions options;
  options.body_grace = std::chrono::milliseconds(200);
  auto file = temporary_file("");
  ASSERT_EQ(::ftruncate(file->get(), 64 << 20), 0);
  auto let_go = std::make_shared<std::promise<void>>();
  auto guard = std::shared_ptr<void>(nullptr, [let_go](void*) { let_go->set_value(); });
  auto shared = std::shared_ptr<Fd>(file.get(), [guard, file](Fd*) {});
  guard.reset();
  file.reset();
  serve(
      [shared](std::shared_ptr<Exchange> exchange) mutable {
        Response response;
        response.file = FileBody{std::exchange(shared, nullptr), 0, 64 << 20};
        exchange->respond(std::move(response));
      },
      options);
  shared.reset();
  RawClient client(server_->address());
  RawClient reader(server_->address(), true);
  reader.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await(let_go->get_future());  // The answer is given up while nobody reads.
}

}  // namespace
}  // namespace reachback::net
