// The signer apart from the server: over its real socket, in a real folder.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <thread>

#include "base/log.h"
#include "protocol/codec.h"
#include "protocol/signing.h"
#include "server/signer/order_keyring.h"
#include "server/signer/signer_frames.h"
#include "server/signer/signer_server.h"
#include "server/signer/socket_signer.h"
#include "testing/temporary_folder.h"

namespace reachback::server {
namespace {

using namespace std::chrono_literals;

pb::Order order(std::uint64_t epoch = 1) {
  pb::Order o;
  o.set_tenant(std::string(16, 't'));
  o.set_machine(std::string(20, 'm'));
  o.set_action(std::string(16, 'a'));
  o.set_epoch(epoch);
  o.set_generation(std::string(16, 'g'));
  auto* c = o.add_commands();
  c->set_type(pb::RUN_SCRIPT);
  c->set_file_name("a.sh");
  c->set_file_sha256(std::string(32, 'h'));
  c->set_timeout_ms(1000);
  c->set_file_bytes(10);  // every field is set, so that none is forgotten when the signer copies
  c->set_args("a b");
  c->set_has_args(true);
  c->set_path("/x");
  c->set_output_bytes_max(7);
  c->set_raw(true);
  c->set_keep(true);
  o.set_window_ms(1000);
  o.set_session(std::string(16, 's'));
  o.set_heartbeat(3);
  o.set_not_after_us(5);
  o.set_requestor("app");
  return o;
}

class SignerTest : public ::testing::Test {
 protected:
  SignerTest() {
    EXPECT_TRUE(make_folder(folder_ / "keys").ok());
    EXPECT_TRUE(write_file_durably(folder_ / "keys/order-signing.pem",
                                   crypto::Ed25519PrivateKey::generate().pem())
                    .ok());
    keyring_ = std::move(*OrderKeyring::open(folder_ / "keys"));
  }
  void start() {
    log_ = std::move(*SignerLog::open(folder_ / "signed.log"));
    auto started = SignerServer::start(SignerServerOptions{socket_path(), {}}, *keyring_, *log_,
                                       clock_, [this] { broken_ = true; });
    ASSERT_TRUE(started.ok()) << started.error().message;
    server_ = std::move(*started);
  }
  void stop() {
    server_.reset();
    log_.reset();
  }
  std::string socket_path() { return folder_ / "signer.sock"; }
  std::unique_ptr<SocketSigner> client(Duration wait = 20s) {
    SocketSignerOptions options;
    options.socket = socket_path();
    options.wait_max = wait;
    options.retry = 5ms;
    options.ask_keys = 20ms;
    options.on_keys_changed = [this] { ++key_changes_; };
    auto out = std::make_unique<SocketSigner>(std::move(options));
    return out;
  }
  static std::future<Result<pb::SignedOrder>> ask(SocketSigner& signer, pb::Order o,
                                                  std::uint64_t version = 1) {
    auto promise = std::make_shared<std::promise<Result<pb::SignedOrder>>>();
    signer.sign(std::move(o), version,
                [promise](Result<pb::SignedOrder> r) { promise->set_value(std::move(r)); });
    return promise->get_future();
  }
  // A plain connection, for what no client of ours sends.
  std::string raw(const std::string& bytes) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path().data(), socket_path().size());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_TRUE(write_all(fd.get(), bytes).ok());
    ::shutdown(fd.get(), SHUT_WR);
    std::string out;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }
  bool verifies(const pb::SignedOrder& s, std::size_t key) {
    return protocol::verify_order(
               s, *crypto::Ed25519PublicKey::from_spki(keyring_->public_keys().at(key)))
        .ok();
  }

  testing::TemporaryFolder folder_;
  SystemClock clock_;
  std::unique_ptr<OrderKeyring> keyring_;
  std::unique_ptr<SignerLog> log_;
  std::unique_ptr<SignerServer> server_;
  std::atomic<bool> broken_{false};
  std::atomic<int> key_changes_{0};
};

TEST_F(SignerTest, an_order_is_signed_and_logged_before_it_is_given_out) {
  start();
  auto signer = client();
  auto signed_order = ask(*signer, order()).get();
  ASSERT_TRUE(signed_order.ok()) << signed_order.error().message;
  EXPECT_TRUE(verifies(*signed_order, 0));
  EXPECT_EQ(*verify_signer_log(folder_ / "signed.log"), 1u);
  struct stat s{};
  ASSERT_EQ(::stat(socket_path().c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
}

TEST_F(SignerTest, many_orders_are_under_way_at_once) {
  start();
  auto signer = client();
  std::vector<std::future<Result<pb::SignedOrder>>> all;
  for (std::uint64_t i = 1; i <= 500; ++i) {
    all.push_back(ask(*signer, order(i)));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto r = all[i].get();
    ASSERT_TRUE(r.ok()) << r.error().message;
    EXPECT_EQ(protocol::decode_order(r->order())->epoch(), i + 1) << "each gets its own";
  }
  EXPECT_EQ(*verify_signer_log(folder_ / "signed.log"), 500u);
}

TEST_F(SignerTest, nothing_but_an_order_is_signed) {
  start();
  auto asked = [&](const std::string& payload) {
    std::string answer =
        raw(encode_frame(SignerFrame{FrameKind::sign, 7, encode_number(1, 8) + payload}));
    auto frame = take_frame(answer);
    return frame.ok() && *frame ? (*frame)->kind : FrameKind::sign;
  };
  EXPECT_EQ(asked(order().SerializeAsString()), FrameKind::signed_order);
  EXPECT_EQ(asked(""), FrameKind::refused);
  EXPECT_EQ(asked("reachback hello v1"), FrameKind::refused);
  pb::OrderKeys keys;
  keys.set_version(9);
  keys.add_keys("k");
  EXPECT_EQ(asked(keys.SerializeAsString()), FrameKind::refused);
  auto o = order();
  o.mutable_commands(0)->set_file_name("../../etc/passwd");
  EXPECT_EQ(asked(o.SerializeAsString()), FrameKind::refused);
  EXPECT_EQ(asked(order().SerializeAsString() + std::string("\xfa\x3f\x01x")), FrameKind::refused)
      << "an unknown field";
  EXPECT_EQ(asked(order().SerializeAsString() + order().SerializeAsString()), FrameKind::refused)
      << "said twice";
  EXPECT_EQ(*verify_signer_log(folder_ / "signed.log"), 1u);
}

TEST_F(SignerTest, frames_out_of_bounds_end_the_connection_only) {
  start();
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff"), encode_number(3, 4) + "abc",
        encode_number(9, 4) + '\x63' + std::string(8, 'x'), std::string(5000, 'z')}) {
    EXPECT_EQ(raw(bytes), "");
  }
  EXPECT_TRUE(ask(*client(), order()).get().ok());
}

TEST_F(SignerTest, requests_wait_for_a_signer_that_is_away_and_none_is_lost) {
  auto signer = client();
  EXPECT_EQ(signer->version(), 0u);
  std::vector<std::future<Result<pb::SignedOrder>>> all;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    all.push_back(ask(*signer, order(i)));
  }
  start();
  for (auto& r : all) {
    EXPECT_TRUE(r.get().ok());
  }
  for (int round = 0; round < 5; ++round) {
    auto before = ask(*signer, order(100));
    stop();
    auto during = ask(*signer, order(101));
    start();
    EXPECT_TRUE(before.get().ok());
    EXPECT_TRUE(during.get().ok());
  }
  EXPECT_TRUE(verify_signer_log(folder_ / "signed.log").ok());
}

TEST_F(SignerTest, a_request_does_not_wait_for_ever) {
  auto signer = client(50ms);
  auto r = ask(*signer, order()).get();
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.error().code, Errc::unavailable);
}

TEST_F(SignerTest, the_log_shows_what_was_changed_in_it) {
  start();
  auto signer = client();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(ask(*signer, order(i)).get().ok());
  }
  signer.reset();
  stop();
  const std::string path = folder_ / "signed.log";
  std::string text = *read_file(path);
  std::string changed = text;
  changed[text.find('\n') + 3] ^= 1;
  EXPECT_TRUE(write_file_durably(path, changed).ok());
  auto broken = verify_signer_log(path);
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.error().message.find("line 2"), std::string::npos);
  // A line that a crash cut short is dropped, and the chain goes on.
  EXPECT_TRUE(write_file_durably(path, text.substr(0, text.size() - 10)).ok());
  start();
  signer = client();
  EXPECT_TRUE(ask(*signer, order(4)).get().ok());
  EXPECT_EQ(*verify_signer_log(path), 3u);
}

TEST_F(SignerTest, a_second_signer_does_not_take_the_socket_over) {
  start();
  auto other = SignerLog::open(folder_ / "other.log");
  auto second = SignerServer::start(SignerServerOptions{socket_path(), {}}, *keyring_, **other,
                                    clock_, [] {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_TRUE(ask(*client(), order()).get().ok());
}

TEST_F(SignerTest, the_added_latency_is_printed) {
  start();
  auto signer = client();
  EXPECT_TRUE(ask(*signer, order()).get().ok());
  std::vector<double> us;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto before = std::chrono::steady_clock::now();
    EXPECT_TRUE(ask(*signer, order(i + 1)).get().ok());
    us.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - before)
            .count());
  }
  std::sort(us.begin(), us.end());
  std::printf("signer over its socket, with its log synced: p50 %.0f us, p99 %.0f us\n", us[100],
              us[198]);
}

// ---- keys

TEST_F(SignerTest, an_agent_gets_orders_by_the_newest_key_that_it_knows) {
  EXPECT_EQ(keyring_->version(), 1u);
  EXPECT_EQ(keyring_->announcement().signatures_size(), 0);
  const std::string bytes = order().SerializeAsString();
  auto added = keyring_->add();
  ASSERT_TRUE(added.ok()) << added.error().message;
  EXPECT_EQ(keyring_->version(), 2u);
  EXPECT_TRUE(verifies(*keyring_->sign(bytes, 1), 0));
  EXPECT_TRUE(verifies(*keyring_->sign(bytes, 2), 1));
  const auto old_key = *crypto::Ed25519PublicKey::from_spki(keyring_->public_keys()[0]);
  auto list = protocol::verify_order_keys(keyring_->announcement(), {old_key});
  ASSERT_TRUE(list.ok()) << list.error().message;
  EXPECT_EQ(list->version(), 2u);
  EXPECT_EQ(list->keys_size(), 2);
  // The same after a restart.
  keyring_ = std::move(*OrderKeyring::open(folder_ / "keys"));
  EXPECT_EQ(keyring_->keys().at(1).id, *added);
  EXPECT_TRUE(verifies(*keyring_->sign(bytes, 2), 1));
  // Retired: who knows only the old one is out, and is said to be.
  const std::string first = keyring_->keys()[0].id;
  EXPECT_EQ(*keyring_->oldest_list_without(first), 2u);
  EXPECT_EQ(*keyring_->oldest_list_without(*added), 1u);
  ASSERT_TRUE(keyring_->retire(first).ok());
  EXPECT_FALSE(path_exists(folder_ / "keys/order-signing.pem"));
  EXPECT_EQ(keyring_->version(), 3u);
  EXPECT_TRUE(verifies(*keyring_->sign(bytes, 2), 0));
  EXPECT_EQ(keyring_->sign(bytes, 1).error().code, Errc::forbidden);
  EXPECT_EQ(keyring_->retire(*added).error().code, Errc::conflict) << "the only one";
  EXPECT_EQ(keyring_->retire("0000000000000000").error().code, Errc::not_found);
  keyring_ = std::move(*OrderKeyring::open(folder_ / "keys"));
  EXPECT_EQ(keyring_->version(), 3u);
}

TEST_F(SignerTest, keys_are_bounded) {
  for (int i = 0; i < 7; ++i) {
    EXPECT_TRUE(keyring_->add().ok());
  }
  EXPECT_EQ(keyring_->add().error().code, Errc::conflict);
}

TEST_F(SignerTest, a_key_added_in_the_folder_reaches_the_server_of_a_running_signer) {
  start();
  auto signer = client();
  EXPECT_TRUE(ask(*signer, order()).get().ok());
  EXPECT_EQ(signer->version(), 1u);
  auto tool = std::move(*OrderKeyring::open(folder_ / "keys"));
  ASSERT_TRUE(tool->add().ok());
  for (int i = 0; i < 500 && signer->version() < 2; ++i) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(signer->version(), 2u);
  EXPECT_EQ(key_changes_, 2);
  EXPECT_EQ(signer->public_keys().size(), 2u);
  auto r = ask(*signer, order(), 2).get();
  ASSERT_TRUE(r.ok()) << r.error().message;
  EXPECT_TRUE(verifies(*r, 1));
}

TEST_F(SignerTest, a_folder_that_went_back_to_an_older_list_is_not_taken) {
  ASSERT_TRUE(keyring_->add().ok());
  const std::string list = *read_file(folder_ / "keys/order-keys.json");
  ASSERT_TRUE(keyring_->add().ok());
  EXPECT_TRUE(write_file_durably(folder_ / "keys/order-keys.json", list).ok());
  EXPECT_EQ(keyring_->reload().error().code, Errc::mismatch);
  EXPECT_EQ(keyring_->version(), 3u);
}

TEST_F(SignerTest, a_damaged_folder_is_said) {
  for (const char* text :
       {"", "[]", "{\"version\":1,\"keys\":[]}",
        "{\"version\":1,\"keys\":[{\"file\":\"../x.pem\",\"since\":1}]}",
        "{\"version\":1,\"keys\":[{\"file\":\"order-signing.pem\",\"since\":2}]}"}) {
    EXPECT_TRUE(write_file_durably(folder_ / "keys/order-keys.json", text).ok());
    EXPECT_FALSE(OrderKeyring::open(folder_ / "keys").ok()) << text;
  }
}

}  // namespace
}  // namespace reachback::server
