#include "agent/session/session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <map>
#include <set>

#include "agent/ports/memory_file.h"
#include "agent/session/backoff.h"
#include "agent/session/block_upload.h"
#include "base/mutex.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "crypto/x509.h"
#include "net/http_server.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::agent {
namespace {

const crypto::PemPair& test_ca() {
  static const crypto::PemPair ca = crypto::make_ca("test", SystemClock().now()).value();
  return ca;
}

// The server's end: sessions whose frames the test scripts, and a blob store with faults.
class FakeServer {
 public:
  explicit FakeServer(
      std::function<void(FakeServer&, net::WebSocket&, const pb::ToServer&)> on_message)
      : on_message_(std::move(on_message)), loops_(1) {
    auto pair =
        crypto::issue_server_certificate(test_ca(), {"127.0.0.1"}, 2, SystemClock().now()).value();
    auto tls = net::TlsServerContext::create(pair.certificate, pair.private_key,
                                             net::TlsVersions::tls13_only)
                   .value();
    server_ = net::HttpServer::listen(loops_, "127.0.0.1:0", tls, {}, [this](auto exchange) {
                handle(std::move(exchange));
              }).value();
  }
  ~FakeServer() { server_->drain(Duration(0)); }
  net::Origin origin() const {
    const auto address = server_->address();
    return {"https", "127.0.0.1", address.substr(address.find(':') + 1)};
  }

  struct Put {
    std::string target;
    net::Headers headers;
    std::string body;
  };
  std::vector<Put> puts() {
    MutexLock lock(mutex_);
    return puts_;
  }
  struct Fault {
    Fault(int s, std::string c = "") : status(s), code(std::move(c)) {}  // NOLINT: a plain status
    int status;                                                          // 0: the connection is cut
    std::string code;                                                    // x-ms-error-code
  };
  // The next PUTs are answered with these instead of 201.
  void fail_puts(std::deque<Fault> faults) {
    MutexLock lock(mutex_);
    put_faults_ = std::move(faults);
  }
  void serve_file(const std::string& target, int status, std::string body) {
    MutexLock lock(mutex_);
    files_[target] = {status, std::move(body)};
  }
  std::string nonce() {
    MutexLock lock(mutex_);
    return nonce_;
  }

 private:
  void handle(std::shared_ptr<net::Exchange> exchange) {
    const auto& request = exchange->request();
    if (request.path() == "/agent/v1/session") {
      MutexLock lock(mutex_);
      nonce_ = crypto::SystemRandom().bytes(32);
      net::Headers extra;
      extra.add("Reachback-Challenge", to_base64url(nonce_));
      std::shared_ptr<net::WebSocket> socket = exchange->upgrade(std::move(extra)).value();
      auto* raw = socket.get();
      socket->start(
          [this, socket, raw](std::string_view frame) {
            auto m = protocol::decode_to_server(frame);
            ASSERT_TRUE(m.ok()) << m.error().message;
            if (m->has_hello()) {
              EXPECT_TRUE(protocol::verify_hello(m->hello(), nonce(), raw->tls_exporter()).ok());
              EXPECT_EQ(raw->tls_exporter().size(), 32u);
            }
            on_message_(*this, *raw, *m);
          },
          [](std::string_view) {});
      return;
    }
    if (request.method != "PUT") {
      MutexLock lock(mutex_);
      net::Response response;
      auto file = files_.find(request.target);
      response.status = file == files_.end() ? 404 : file->second.first;
      response.body = file == files_.end() ? "" : file->second.second;
      response.head_only = request.method == "HEAD";
      exchange->respond(std::move(response));
      return;
    }
    exchange->read_body(64 << 20, [this, exchange](std::shared_ptr<const net::Body> body) {
      MutexLock lock(mutex_);
      puts_.push_back(
          {exchange->request().target, exchange->request().headers, std::string(body->view())});
      net::Response response;
      response.status = 201;
      if (!put_faults_.empty()) {
        response.status = put_faults_.front().status;
        if (!put_faults_.front().code.empty()) {
          response.headers.add("x-ms-error-code", put_faults_.front().code);
        }
        put_faults_.pop_front();
        if (response.status == 0) {
          response.status = 500;  // An exchange that is dropped closes the connection.
          return;
        }
      }
      exchange->respond(std::move(response));
    });
  }

  std::function<void(FakeServer&, net::WebSocket&, const pb::ToServer&)> on_message_;
  Mutex mutex_;
  std::string nonce_ RB_GUARDED_BY(mutex_);
  std::vector<Put> puts_ RB_GUARDED_BY(mutex_);
  std::deque<Fault> put_faults_ RB_GUARDED_BY(mutex_);
  std::map<std::string, std::pair<int, std::string>> files_ RB_GUARDED_BY(mutex_);
  net::LoopPool loops_;
  std::unique_ptr<net::HttpServer> server_;
};

class FakeSupervisor : public Supervisor {
 public:
  pb::Hello begin_session(const Challenge& challenge,
                          std::function<void(pb::ToServer)> sink) override {
    ++sessions;
    send = std::move(sink);
    heartbeats = 0;
    pb::Hello::Body body;
    body.set_public_key(key.public_key().spki());
    body.set_generation(std::string(16, 'g'));
    body.set_boot(std::string(16, 'b'));
    body.set_nonce(std::string(16, 'n'));
    return protocol::sign_hello(body, challenge.server_nonce, challenge.exporter, key);
  }
  std::uint64_t next_heartbeat() override { return ++heartbeats; }
  void end_session() override { send = nullptr; }
  void deliver(const pb::ToAgent& message, std::vector<Fd> files) override {
    delivered.push_back(message);
    delivered_files.push_back(std::move(files));
    if (on_deliver) {
      on_deliver(message);
    }
  }
  Result<Fd> open_spool(const pb::UploadRequest&) override { return sealed_memory_file(spool); }
  void uploaded(const pb::UploadRequest& request, const std::string& name) override {
    uploads.emplace_back(request.index(), name);
    if (on_uploaded) {
      on_uploaded();
    }
  }
  void request_upload(std::uint32_t index = 0) {
    pb::ToServer m;
    auto* r = m.mutable_upload_request();
    r->set_action(std::string(16, 'a'));
    r->set_epoch(1);
    r->set_index(index);
    r->set_kind(pb::RESULT);
    r->set_bytes(spool.size());
    r->set_sha256(std::string(as_bytes(crypto::sha256(spool))));
    r->set_file_name(file_name);
    send(m);
  }

  crypto::Ed25519PrivateKey key = crypto::Ed25519PrivateKey::generate();
  std::function<void(pb::ToServer)> send;
  std::function<void(const pb::ToAgent&)> on_deliver;
  std::function<void()> on_uploaded;
  std::string file_name;  // of the uploads
  std::string spool;
  int sessions = 0;
  std::uint64_t heartbeats = 0;
  std::vector<pb::ToAgent> delivered;
  std::vector<std::vector<Fd>> delivered_files;
  std::vector<std::pair<std::uint32_t, std::string>> uploads;
};

pb::ToAgent welcome(std::uint64_t heartbeat_ms = 60000) {
  pb::ToAgent m;
  m.mutable_welcome()->set_machine(std::string(20, 'm'));
  m.mutable_welcome()->set_contact(std::string(16, 'c'));
  m.mutable_welcome()->set_heartbeat_ms(heartbeat_ms);
  return m;
}

// The link names a host that the agent cannot reach, as a server does that listens on every
// address.
pb::ToAgent grant(const pb::UploadRequest& r, const std::string& query) {
  pb::ToAgent m;
  auto* g = m.mutable_upload_grant();
  g->set_action(r.action());
  g->set_epoch(r.epoch());
  g->set_index(r.index());
  g->set_kind(r.kind());
  g->set_url("https://0.0.0.0:1/account/data/" + std::string(32, 'b') + query);
  return m;
}

class SessionTest : public testing::Test {
 protected:
  void SetUp() override { ::alarm(120); }
  void TearDown() override { ::alarm(0); }
  void run(FakeServer& server, Random* random = nullptr) {
    const auto network = net::make_tls_dialer(
        loop_,
        net::TlsClientContext::create(test_ca().certificate, net::TlsVersions::tls13_only).value());
    Session session(
        SessionDeps{*network, supervisor_, server.origin(), random == nullptr ? random_ : *random,
                    [this](const MachineId& id) { connected_.push_back(id.text()); }, [] {},
                    [this](const std::string& why) {
                      dismissed_ = why;
                      loop_.stop();
                    }});
    session.start();
    loop_.run();
  }

  net::Loop loop_;
  crypto::SystemRandom random_;
  FakeSupervisor supervisor_;
  std::vector<std::string> connected_;
  std::string dismissed_;
};

TEST_F(SessionTest, SaysHelloIsWelcomedAndBeats) {
  std::vector<std::uint64_t> beats;
  FakeServer server([&](FakeServer&, net::WebSocket& socket, const pb::ToServer& m) {
    if (m.has_hello()) {
      socket.send(protocol::encode(welcome(10)));
    } else if (m.has_heartbeat()) {
      beats.push_back(m.heartbeat().seq());
      if (beats.size() == 3) {
        pb::ToAgent bye;
        bye.mutable_goodbye()->set_permanent(true);
        bye.mutable_goodbye()->set_reason("enough");
        socket.send(protocol::encode(bye));
      }
    }
  });
  run(server);
  EXPECT_EQ(connected_, std::vector<std::string>{to_hex(std::string(20, 'm'))});
  EXPECT_EQ(beats, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(dismissed_, "enough");
  ASSERT_EQ(supervisor_.delivered.size(), 1u);
  EXPECT_TRUE(supervisor_.delivered[0].has_welcome());
}

TEST_F(SessionTest, ConnectsAgainAfterACut) {
  int hellos = 0;
  FakeServer server([&](FakeServer&, net::WebSocket& socket, const pb::ToServer& m) {
    if (!m.has_hello()) {
      return;
    }
    socket.send(protocol::encode(welcome()));
    if (++hellos < 3) {
      socket.close(1001, "restart");
    } else {
      pb::ToAgent bye;
      bye.mutable_goodbye()->set_permanent(true);
      socket.send(protocol::encode(bye));
    }
  });
  run(server);
  EXPECT_EQ(supervisor_.sessions, 3);
}

TEST_F(SessionTest, ABadMessageIsDroppedAndTheSessionGoesOn) {
  FakeServer server([&](FakeServer&, net::WebSocket& socket, const pb::ToServer& m) {
    if (m.has_hello()) {
      socket.send("not a message");
      socket.send(protocol::encode(welcome()));
      pb::ToAgent cancel;
      cancel.mutable_cancel_action()->set_action(std::string(16, 'a'));
      cancel.mutable_cancel_action()->set_epoch(1);
      socket.send(protocol::encode(cancel));
    }
  });
  supervisor_.on_deliver = [&](const pb::ToAgent& m) {
    if (m.has_cancel_action()) {
      loop_.stop();
    }
  };
  run(server);
  EXPECT_EQ(supervisor_.sessions, 1);
}

// Runs one upload of supervisor_.spool to its end.
class UploadTest : public SessionTest {
 protected:
  std::vector<FakeServer::Put> upload(std::deque<FakeServer::Fault> faults) {
    int grants = 0;
    FakeServer server([&](FakeServer&, net::WebSocket& socket, const pb::ToServer& m) {
      if (m.has_hello()) {
        socket.send(protocol::encode(welcome()));
      } else if (m.has_upload_request()) {
        ++grants;
        socket.send(
            protocol::encode(grant(m.upload_request(), "?sp=cw&n=" + std::to_string(grants))));
      }
    });
    server.fail_puts(std::move(faults));
    for (const auto& [query, blocks] : standing_) {
      server.serve_file("/account/data/" + std::string(32, 'b') + query +
                            "&comp=blocklist&blocklisttype=uncommitted",
                        200, blocks);
    }
    supervisor_.on_deliver = [&](const pb::ToAgent& m) {
      if (m.has_welcome()) {
        supervisor_.request_upload();
      }
    };
    supervisor_.on_uploaded = [&] { loop_.stop(); };
    run(server);
    EXPECT_EQ(supervisor_.uploads.size(), 1u);
    EXPECT_EQ(supervisor_.uploads[0].second, std::string(32, 'b'));
    grants_ = grants;
    return server.puts();
  }
  int grants_ = 0;
  std::map<std::string, std::string> standing_;  // the blocks that the store has, by link
};

TEST_F(UploadTest, AScriptsResultIsNamedByItsAction) {
  supervisor_.spool = "{}";
  auto puts = upload({});
  ASSERT_EQ(puts.size(), 1u);
  EXPECT_EQ(puts[0].headers.get("x-ms-blob-content-type"), "application/json");
  EXPECT_EQ(puts[0].headers.get("x-ms-blob-content-disposition"),
            "attachment; filename=\"output_61616161-6161-6161-6161-616161616161_0.json\"");
}

TEST_F(UploadTest, AFetchedFileIsNamedByItsOwnName) {
  supervisor_.spool = "x";
  supervisor_.file_name = "ü.gz";
  auto puts = upload({});
  ASSERT_EQ(puts.size(), 1u);
  EXPECT_EQ(puts[0].headers.get("x-ms-blob-content-type"), "application/octet-stream");
  EXPECT_EQ(puts[0].headers.get("x-ms-blob-content-disposition"),
            "attachment; filename=\"__.gz\"; filename*=UTF-8''%C3%BC.gz");
}

TEST_F(UploadTest, ASmallResultIsOnePut) {
  supervisor_.spool = "{\"a\":1}";
  auto puts = upload({});
  ASSERT_EQ(puts.size(), 1u);
  EXPECT_EQ(puts[0].target, "/account/data/" + std::string(32, 'b') + "?sp=cw&n=1");
  EXPECT_EQ(puts[0].headers.get("x-ms-blob-type"), "BlockBlob");
  EXPECT_EQ(puts[0].headers.get("x-ms-version"), "2019-07-07");
  EXPECT_EQ(puts[0].body, supervisor_.spool);
}

TEST_F(UploadTest, AnEmptyResultIsOnePut) {
  auto puts = upload({});
  ASSERT_EQ(puts.size(), 1u);
  EXPECT_EQ(puts[0].body, "");
}

TEST_F(UploadTest, ALargeResultGoesInBlocks) {
  supervisor_.spool = random_.bytes((9 << 20) + 5);
  auto puts = upload({});
  ASSERT_EQ(puts.size(), 4u);
  std::string joined;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(puts[i].target, "/account/data/" + std::string(32, 'b') +
                                  "?sp=cw&n=1&comp=block&blockid=MDAwMDAwMD" +
                                  (i == 0   ? "A"
                                   : i == 1 ? "E"
                                            : "I") +
                                  "%3D");
    joined += puts[i].body;
  }
  EXPECT_TRUE(joined == supervisor_.spool);
  EXPECT_TRUE(puts[3].target.ends_with("&comp=blocklist"));
  EXPECT_EQ(puts[3].body,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList><Latest>MDAwMDAwMDA=</Latest>"
            "<Latest>MDAwMDAwMDE=</Latest><Latest>MDAwMDAwMDI=</Latest></BlockList>");
}

TEST_F(UploadTest, ACutInABlockCostsThatBlockOnly) {
  supervisor_.spool = random_.bytes(9 << 20);
  auto puts = upload({201, 0, 503});
  std::map<std::string, int> times;
  for (const auto& put : puts) {
    ++times[put.target.substr(put.target.find("comp="))];
  }
  EXPECT_EQ(times["comp=block&blockid=MDAwMDAwMDA%3D"], 1);
  EXPECT_GE(times["comp=block&blockid=MDAwMDAwMDE%3D"], 2);
  EXPECT_EQ(times["comp=blocklist"], 1);
}

TEST_F(UploadTest, AnExpiredLinkIsAskedForAgain) {
  supervisor_.spool = "x";
  auto puts = upload({403});
  EXPECT_EQ(grants_, 2);
  ASSERT_EQ(puts.size(), 2u);
  EXPECT_TRUE(puts[1].target.ends_with("n=2"));
}

std::string uncommitted(std::vector<std::pair<int, std::uint64_t>> blocks) {
  std::string out = "<BlockList><CommittedBlocks /><UncommittedBlocks>";
  for (auto [index, bytes] : blocks) {
    out += "<Block><Name>" + block_id(static_cast<std::uint64_t>(index)) + "</Name><Size>" +
           std::to_string(bytes) + "</Size></Block>";
  }
  return out + "</UncommittedBlocks></BlockList>";
}

TEST_F(UploadTest, AnUploadThatTakesLongerThanItsLinkGoesOnWithTheNextOne) {
  supervisor_.spool = random_.bytes(13 << 20);
  standing_["?sp=cw&n=2"] = uncommitted({{0, kBlockBytes}, {1, kBlockBytes}});
  auto puts = upload({201, 201, 403});
  std::vector<std::string> targets;
  for (const auto& put : puts) {
    targets.push_back(put.target.substr(put.target.find("n=")));
  }
  EXPECT_EQ(targets,
            (std::vector<std::string>{
                "n=1&comp=block&blockid=MDAwMDAwMDA%3D", "n=1&comp=block&blockid=MDAwMDAwMDE%3D",
                "n=1&comp=block&blockid=MDAwMDAwMDI%3D", "n=2&comp=block&blockid=MDAwMDAwMDI%3D",
                "n=2&comp=block&blockid=MDAwMDAwMDM%3D", "n=2&comp=blocklist"}));
}

TEST_F(UploadTest, ARestartedAgentSendsOnlyWhatTheStoreDoesNotHave) {
  supervisor_.spool = random_.bytes(9 << 20);
  standing_["?sp=cw&n=1"] = uncommitted({{0, kBlockBytes}, {1, kBlockBytes}, {2, 1 << 20}});
  auto puts = upload({});
  ASSERT_EQ(puts.size(), 2u);
  EXPECT_TRUE(puts[0].target.ends_with("blockid=MDAwMDAwMDI%3D"));
  EXPECT_TRUE(puts[1].target.ends_with("comp=blocklist"));
}

TEST(BlocksStanding, AreCountedUpToTheFirstThatIsMissingOrNotWhole) {
  EXPECT_EQ(blocks_standing(""), 0u);
  EXPECT_EQ(blocks_standing(uncommitted({})), 0u);
  EXPECT_EQ(blocks_standing(uncommitted({{1, kBlockBytes}})), 0u);
  EXPECT_EQ(blocks_standing(uncommitted({{0, kBlockBytes}, {1, kBlockBytes}, {3, 1}})), 2u);
  EXPECT_EQ(blocks_standing(uncommitted({{0, kBlockBytes}, {1, 5}, {2, kBlockBytes}})), 1u);
}

TEST(BlockUpload, AListOfBlocksMayTakeMinutes) {
  struct Client : net::HttpClient {
    void send(net::ClientRequest request, Done<net::ClientResponse> done) override {
      const bool is_list = request.method == "PUT" && request.target.ends_with("comp=blocklist");
      (is_list ? list : other) = request.timeout;
      net::ClientResponse answer;
      answer.status = request.method == "GET" ? 404 : 201;
      loop->post([done, answer] { done(answer); });
    }
    net::Loop* loop = nullptr;
    Duration list{}, other{};
  };
  net::Loop loop;
  Client client;
  client.loop = &loop;
  crypto::SystemRandom random;
  UploadSource source;
  source.bytes = 5 << 20;
  BlockUpload upload(loop, client, random, std::move(source), "/x?sp=cw",
                     [&](UploadResult, const std::string&) { loop.stop(); });
  loop.run();
  EXPECT_EQ(client.other, std::chrono::seconds(30));
  EXPECT_GE(client.list, std::chrono::minutes(10));
}

TEST_F(UploadTest, AFullStoreIsTriedLater) {
  supervisor_.spool = "x";
  EXPECT_EQ(upload({507, 503}).size(), 3u);
  EXPECT_EQ(grants_, 1);
}

TEST_F(UploadTest, WhatStandsAlreadyIsStored) {
  supervisor_.spool = "x";
  EXPECT_EQ(upload({{409, "BlobAlreadyExists"}}).size(), 1u);
}

TEST_F(UploadTest, AFailedConditionMeansThatItStands) {
  supervisor_.spool = "x";
  EXPECT_EQ(upload({412}).size(), 1u);
}

TEST_F(UploadTest, AnotherWriterOfASmallResultIsWaitedFor) {
  supervisor_.spool = "x";
  EXPECT_EQ(upload({{409, "BlobBeingWritten"}, 409}).size(), 3u);
  EXPECT_EQ(grants_, 1);
}

TEST_F(UploadTest, AnotherWriterOfABlockOrOfTheListIsWaitedFor) {
  supervisor_.spool = random_.bytes(5 << 20);
  const FakeServer::Fault busy(409, "BlobBeingWritten");
  auto puts = upload({busy, 201, 201, busy});
  ASSERT_EQ(puts.size(), 5u);
  EXPECT_EQ(puts[0].target, puts[1].target);
  EXPECT_TRUE(puts[3].target.ends_with("&comp=blocklist"));
  EXPECT_EQ(puts[4].target, puts[3].target);
}

// Below a second of microseconds it draws 0.1 s, below two seconds 1.1 s.
class FixedRandom : public Random {
 public:
  void fill(std::uint8_t* out, std::size_t size) override {
    const std::uint64_t drawn = 1'100'001;
    std::memset(out, 0, size);
    std::memcpy(out, &drawn, std::min(size, sizeof drawn));
  }
};

TEST_F(SessionTest, UploadsThatTheServerWantsAgainWaitLongerEachTime) {
  pb::ToAgent again;
  again.mutable_upload_again()->set_action(std::string(16, 'a'));
  again.mutable_upload_again()->set_epoch(1);
  FakeServer server([&](FakeServer&, net::WebSocket& socket, const pb::ToServer& m) {
    if (m.has_hello()) {
      socket.send(protocol::encode(welcome()));
    }
    // The agent's answer to each is a report, which the server does not believe either.
    socket.send(protocol::encode(again));
    socket.send(protocol::encode(again));  // One wait for both.
  });
  std::vector<std::chrono::steady_clock::time_point> at = {std::chrono::steady_clock::now()};
  supervisor_.on_deliver = [&](const pb::ToAgent& m) {
    if (m.has_upload_again()) {
      at.push_back(std::chrono::steady_clock::now());
      if (at.size() == 3) {
        loop_.stop();
        return;
      }
      pb::ToServer received;
      received.mutable_order_received()->set_action(std::string(16, 'a'));
      received.mutable_order_received()->set_epoch(1);
      supervisor_.send(received);
    }
  };
  FixedRandom fixed;
  run(server, &fixed);
  ASSERT_EQ(at.size(), 3u);
  EXPECT_GE(at[1] - at[0], std::chrono::milliseconds(100));
  EXPECT_GE(at[2] - at[1], std::chrono::milliseconds(1100));
}

TEST_F(UploadTest, DroppedBlocksAreSentAgain) {
  supervisor_.spool = random_.bytes(5 << 20);
  auto puts = upload({201, 201, 400});
  EXPECT_EQ(puts.size(), 6u);
}

TEST_F(SessionTest, ScriptsThatDoNotComeWithTheOrderAreFetchedWithACap) {
  const std::string script(300000, 's');
  FakeServer server([&](FakeServer&, net::WebSocket& socket, const pb::ToServer& m) {
    if (!m.has_hello()) {
      return;
    }
    socket.send(protocol::encode(welcome()));
    pb::Order order;
    order.set_tenant(std::string(16, 't'));
    order.set_machine(std::string(20, 'm'));
    order.set_action(std::string(16, 'a'));
    order.set_epoch(1);
    order.set_generation(std::string(16, 'g'));
    order.set_window_ms(1);
    order.set_session(std::string(16, 's'));
    pb::ToAgent out;
    for (const char* target : {"", "/good?sp=r", "/long?sp=r", "/gone?sp=r"}) {
      auto* c = order.add_commands();
      c->set_type(pb::RUN_SCRIPT);
      c->set_file_name("a.sh");
      c->set_file_sha256(std::string(32, 'h'));
      c->set_file_bytes(script.size());
      c->set_timeout_ms(1);
      auto* f = out.mutable_execute_order()->add_files();
      if (*target == '\0') {
        f->set_inlined(true);
        f->set_content("inline");
      } else {
        f->set_url(std::string("https://0.0.0.0:1") + target);  // only its path counts
      }
    }
    *out.mutable_execute_order()->mutable_order() =
        protocol::sign_order(order, crypto::Ed25519PrivateKey::generate());
    socket.send(protocol::encode(out));
    socket.send(protocol::encode(out));  // again, while it is being fetched
  });
  server.serve_file("/good?sp=r", 200, script);
  server.serve_file("/long?sp=r", 200, script + "x");
  server.serve_file("/gone?sp=r", 404, "");
  supervisor_.on_deliver = [&](const pb::ToAgent& m) {
    if (m.has_execute_order()) {
      loop_.stop();
    }
  };
  run(server);
  ASSERT_EQ(supervisor_.delivered.size(), 2u);
  auto& files = supervisor_.delivered_files[1];
  ASSERT_EQ(files.size(), 4u);
  EXPECT_FALSE(files[0].valid());
  ASSERT_TRUE(files[1].valid());
  std::string got(script.size() + 1, '\0');
  EXPECT_EQ(read_at(files[1].get(), got.data(), got.size(), 0).value(), script.size());
  got.pop_back();
  EXPECT_EQ(got, script);
  EXPECT_FALSE(files[2].valid());
  EXPECT_FALSE(files[3].valid());
}

TEST(Backoff, IsFullJitterThatDoublesToItsCap) {
  crypto::SystemRandom random;
  Backoff backoff(random);
  for (int round = 0; round < 100; ++round) {
    Duration range = kBackoffFirst;
    backoff.reset();
    for (int i = 0; i < 8; ++i) {
      EXPECT_LE(backoff.next(), range);
      range = std::min(range * 2, kBackoffMax);
    }
  }
  Duration longest{};
  for (int i = 0; i < 200; ++i) {
    backoff.reset();
    longest = std::max(longest, backoff.next(std::chrono::hours(1)));
  }
  EXPECT_GT(longest, std::chrono::minutes(10));
}

}  // namespace
}  // namespace reachback::agent
