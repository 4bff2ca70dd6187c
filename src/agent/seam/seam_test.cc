// The supervisor behind the seam, and a network process that was replaced by a hostile one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/ports/memory_file.h"
#include "agent/seam/keeper.h"
#include "agent/seam/proxy.h"
#include "agent/supervisor/test_world.h"
#include "protocol/seam_codec.h"

namespace reachback::agent {
namespace {

// Processes that do nothing; the test speaks for them.
class StubLauncher : public NetworkLauncher {
 public:
  Result<NetworkProcess> launch() override {
    int seam[2], log[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, seam), 0);
    EXPECT_EQ(::pipe2(log, O_CLOEXEC | O_NONBLOCK), 0);
    NetworkProcess out;
    out.pid = ::fork();
    if (out.pid == 0) {
      ::pause();
      ::_exit(0);
    }
    out.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, out.pid, 0)));
    out.socket = Fd(seam[0]);
    out.log = Fd(log[0]);
    stub = std::make_unique<Channel>(Fd(seam[1]), nullptr);
    log_end = Fd(log[1]);
    pid = out.pid;
    ++launched;
    return out;
  }
  void kill(const NetworkProcess& process) override {
    ++killed;
    ::kill(process.pid, SIGKILL);
  }
  std::string bury(const NetworkProcess& process) override {
    int status = 0;
    ::waitpid(process.pid, &status, 0);
    return "buried";
  }

  std::unique_ptr<Channel> stub;
  Fd log_end;
  pid_t pid = 0;
  int launched = 0;
  int killed = 0;
};

class SeamTest : public World {
 protected:
  void SetUp() override {
    World::SetUp();
    keeper_ = std::make_unique<NetworkKeeper>(
        KeeperDeps{poll_, random_, clock_, *supervisor_, launcher_, setup(),
                   [this](const pb::SeamReady& level) { level_ = level; },
                   [this](const std::string& why) { dismissed_ = why; }, [this] { ++idle_; }});
    keeper_->start();
  }
  void TearDown() override {
    keeper_.reset();
    World::TearDown();
  }
  static pb::SeamSetup setup() {
    pb::SeamSetup m;
    m.set_server("https://127.0.0.1:1");
    return m;
  }

  // ---- the network process's side
  void say(const pb::SeamToSupervisor& m, std::vector<Fd> files = {}) {
    static_cast<void>(launcher_.stub->send(m.SerializeAsString(), std::move(files)));
  }
  void ready() {
    pb::SeamToSupervisor m;
    m.mutable_ready();
    say(m);
  }
  void begin() {
    pb::SeamToSupervisor m;
    m.mutable_begin_session()->set_server_nonce(std::string(32, 'n'));
    m.mutable_begin_session()->set_exporter(std::string(32, 'e'));
    say(m);
  }
  void pass_on(const pb::ToAgent& message, std::vector<Fd> files = {}) {
    pb::SeamToSupervisor m;
    m.mutable_deliver()->set_message(protocol::encode(message));
    for (std::size_t i = 0; i < files.size(); ++i) {
      m.mutable_deliver()->add_has_file(true);
    }
    say(m, std::move(files));
  }
  // The next frame of the supervisor.
  pb::SeamToNetwork heard(std::vector<Fd>* files = nullptr) {
    std::optional<Frame> got;
    EXPECT_TRUE(poll_.run_until(
        [&] {
          events_.run_posted();
          auto frame = launcher_.stub->read();
          if (frame.ok() && *frame) {
            got = std::move(**frame);
          }
          return got.has_value();
        },
        std::chrono::seconds(5)));
    auto decoded = got ? protocol::decode_seam_to_network(got->payload)
                       : Result<pb::SeamToNetwork>(Error{Errc::protocol, "nothing"});
    EXPECT_TRUE(decoded.ok()) << decoded.error().message;
    if (files != nullptr && got) {
      *files = std::move(got->files);
    }
    return decoded.ok() ? *decoded : pb::SeamToNetwork();
  }
  pb::ToServer said_to_server() {
    events_.run_posted();
    auto m = heard();
    EXPECT_TRUE(m.has_send());
    auto decoded = protocol::decode_to_server(m.send());
    return decoded.ok() ? *decoded : pb::ToServer();
  }
  // A process in a session, welcomed.
  void connect_through_seam() {
    EXPECT_TRUE(heard().has_setup());
    ready();
    begin();
    const auto answer = heard();
    pb::Hello hello;
    ASSERT_TRUE(hello.ParseFromString(answer.hello()));
    auto body = protocol::verify_hello(hello, std::string(32, 'n'), std::string(32, 'e'));
    ASSERT_TRUE(body.ok());
    hello_ = *body;
    pb::ToAgent welcome;
    welcome.mutable_welcome()->set_machine(std::string(machine_.bytes()));
    welcome.mutable_welcome()->set_contact(random_.bytes(16));
    welcome.mutable_welcome()->set_heartbeat_ms(1000);
    pass_on(welcome);
    EXPECT_EQ(said_to_server().contact_kept().contact(), contact_);
  }
  bool is_ended() {
    const int before = launcher_.launched;
    return poll_.run_until([&] { return launcher_.launched > before; }, std::chrono::seconds(5));
  }

  PollEvents poll_;
  StubLauncher launcher_;
  std::unique_ptr<NetworkKeeper> keeper_;
  std::optional<pb::SeamReady> level_;
  std::optional<std::string> dismissed_;
  int idle_ = 0;
};

TEST_F(SeamTest, CarriesASessionFromHelloToTheLastReport) {
  connect_through_seam();
  pass_on(execute(order()));
  EXPECT_TRUE(said_to_server().has_order_received());
  EXPECT_TRUE(said_to_server().has_command_started());
  processes_.end(0);
  const auto request = said_to_server();
  ASSERT_TRUE(request.has_upload_request());
  pb::SeamToSupervisor m;
  m.set_open_spool(protocol::encode(request.upload_request()));
  say(m);
  std::vector<Fd> files;
  EXPECT_TRUE(heard(&files).has_spool());
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(::fcntl(files[0].get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(file_bytes(files[0].get()).value(), request.upload_request().bytes());
  m.Clear();
  m.mutable_uploaded()->set_request(protocol::encode(request.upload_request()));
  m.mutable_uploaded()->set_blob(std::string(32, 'b'));
  say(m);
  EXPECT_EQ(said_to_server().command_ended().result().name(), std::string(32, 'b'));
  m.Clear();
  m.mutable_next_heartbeat();
  say(m);
  EXPECT_EQ(heard().heartbeat(), 1u);
  m.Clear();
  m.mutable_idle();
  say(m);
  EXPECT_TRUE(poll_.run_until([&] { return idle_ == 1; }));
  EXPECT_TRUE(level_.has_value());
  EXPECT_EQ(launcher_.killed, 0);
}

TEST_F(SeamTest, AHostileProcessCannotHaveAnOrderExecutedThatTheServerDidNotSign) {
  connect_through_seam();
  const auto other_key = crypto::Ed25519PrivateKey::generate();
  const auto hostile = [&](const std::function<void(pb::ExecuteOrder&)>& change) {
    auto m = execute(order());
    change(*m.mutable_execute_order());
    return m;
  };
  auto another_machine = order();
  another_machine.set_machine(std::string(20, 'x'));
  const pb::ToAgent orders[] = {
      hostile([](auto& o) { o.mutable_order()->set_signature(std::string(64, '\0')); }),
      hostile([&](auto& o) { *o.mutable_order() = protocol::sign_order(order(), other_key); }),
      hostile([&](auto& o) {
        auto key_id = o.order().key_id();
        *o.mutable_order() = protocol::sign_order(order(), other_key);
        o.mutable_order()->set_key_id(key_id);
      }),
      hostile([&](auto& o) {  // signed, and then changed
        auto changed = order({"rm -rf /\n"});
        o.mutable_order()->set_order(changed.SerializeAsString());
      }),
      execute(another_machine)};
  for (const auto& m : orders) {
    pass_on(m);
    const auto refused = said_to_server();
    EXPECT_TRUE(refused.has_order_refused());
  }
  EXPECT_TRUE(processes_.starts.empty());
  EXPECT_TRUE(journal_->state().actions.empty());
}

TEST_F(SeamTest, AHostileProcessCannotReplaceTheScriptOfASignedOrder) {
  connect_through_seam();
  auto map = [](const Fd& fd) {
    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  };
  void* held = MAP_FAILED;
  const std::pair<const char*, std::function<Fd()>> files[] = {
      {"other bytes", [] { return std::move(*sealed_memory_file("rm -rf /\n")); }},
      {"a pipe that never answers",
       [] {
         int ends[2];
         EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
         return Fd(ends[0]);  // The write end stays open.
       }},
      {"a device without end", [] { return std::move(*open_file("/dev/zero", O_RDONLY)); }},
      {"a plain file that its owner can change",
       [&] {
         EXPECT_TRUE(write_file_durably(folder_.file("plain"), "echo hi\n").ok());
         return std::move(*open_file(folder_.file("plain"), O_RDWR));
       }},
      {"memory that it still writes to",
       [&] {
         Fd fd = std::move(*make_memory_file());
         EXPECT_TRUE(write_all(fd.get(), "echo hi\n").ok());
         held = map(fd);
         return fd;
       }},
      {"a file of a terabyte",
       [] {
         Fd fd = std::move(*make_memory_file());
         EXPECT_EQ(::ftruncate(fd.get(), 1ll << 40), 0);
         return fd;
       }},
  };
  for (const auto& [what, make] : files) {
    action_ = random_.bytes(16);
    auto m = execute(order());
    m.mutable_execute_order()->mutable_files(0)->Clear();
    std::vector<Fd> sent;
    sent.push_back(make());
    pass_on(m, std::move(sent));
    EXPECT_TRUE(said_to_server().has_order_received()) << what;
    const auto ended = said_to_server();
    ASSERT_TRUE(ended.has_command_ended()) << what;
    EXPECT_EQ(ended.command_ended().outcome(), pb::FAILED) << what;
  }
  ::munmap(held, 4096);
  EXPECT_TRUE(processes_.starts.empty());
}

TEST_F(SeamTest, WhateverIsNoFrameEndsTheProcessAndAnotherIsStarted) {
  const auto raw = [this](std::string_view bytes) {
    EXPECT_GT(::send(launcher_.stub->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  };
  const auto message = [this](const std::function<void(pb::SeamToSupervisor&)>& set,
                              std::vector<Fd> files = {}) {
    pb::SeamToSupervisor m;
    set(m);
    say(m, std::move(files));
  };
  const auto one_file = [] {
    std::vector<Fd> out;
    out.push_back(std::move(*sealed_memory_file("x")));
    return out;
  };
  pb::ToAgent cancel;
  cancel.mutable_cancel_action()->set_action(std::string(16, 'a'));
  cancel.mutable_cancel_action()->set_epoch(1);
  const std::pair<const char*, std::function<void()>> rows[] = {
      {"a frame of four gigabytes", [&] { raw({"\xff\xff\xff\xff\0\0\0\0", 8}); }},
      {"a frame of a thousand files", [&] { raw({"\1\0\0\0\xe8\3\0\0x", 9}); }},
      {"a frame without its files", [&] { raw({"\1\0\0\0\1\0\0\0x", 9}); }},
      {"no message", [&] { raw({"\2\0\0\0\0\0\0\0\xff\xff", 10}); }},
      {"an empty message", [&] { raw({"\0\0\0\0\0\0\0\0", 8}); }},
      {"a question before it is ready",
       [&] { message([](auto& m) { m.mutable_next_heartbeat(); }); }},
      {"ready twice", [&] { ready(), ready(); }},
      {"files that nobody wants",
       [&] {
         ready();
         message([](auto& m) { m.mutable_idle(); }, one_file());
       }},
      {"an order without a session",
       [&] {
         ready();
         pass_on(cancel);
       }},
      {"more files than announced",
       [&] {
         ready();
         begin();
         message([&](auto& m) { m.mutable_deliver()->set_message(protocol::encode(cancel)); },
                 one_file());
       }},
      {"fewer files than announced",
       [&] {
         ready();
         begin();
         message([&](auto& m) {
           m.mutable_deliver()->set_message(protocol::encode(execute(order())));
           m.mutable_deliver()->add_has_file(true);
         });
       }},
      {"three hundred files in no frame",
       [&] {
         ready();
         for (int i = 0; i < 30; ++i) {
           std::vector<Fd> files;
           for (int k = 0; k < 10; ++k) {
             files.push_back(std::move(*open_file("/dev/null", O_RDONLY)));
           }
           // A frame that says it has none, with ten.
           alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 10)] = {};
           char byte[] = "\0\0\0\0";
           iovec piece{byte, 1};
           msghdr m{};
           m.msg_iov = &piece;
           m.msg_iovlen = 1;
           m.msg_control = control;
           m.msg_controllen = sizeof control;
           cmsghdr* header = CMSG_FIRSTHDR(&m);
           header->cmsg_level = SOL_SOCKET;
           header->cmsg_type = SCM_RIGHTS;
           header->cmsg_len = CMSG_LEN(sizeof(int) * 10);
           int numbers[10];
           for (int k = 0; k < 10; ++k) {
             numbers[k] = files[static_cast<std::size_t>(k)].get();
           }
           std::memcpy(CMSG_DATA(header), numbers, sizeof numbers);
           static_cast<void>(::sendmsg(launcher_.stub->fd(), &m, MSG_NOSIGNAL));
         }
       }},
      {"questions whose answers it does not read",
       [&] {
         ready();
         for (int i = 0; i < 20000; ++i) {
           pb::SeamToSupervisor m;
           m.mutable_next_heartbeat();
           const std::string payload = m.SerializeAsString();
           std::string frame{static_cast<char>(payload.size()), 0, 0, 0, 0, 0, 0, 0};
           frame += payload;
           while (::send(launcher_.stub->fd(), frame.data(), frame.size(),
                         MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
                  errno == EAGAIN && launcher_.killed < 100) {
             const int killed = launcher_.killed;
             poll_.run_until([&] { return launcher_.killed != killed; },
                             std::chrono::milliseconds(5));
             if (launcher_.killed != killed) {
               return;
             }
           }
         }
       }},
      {"its end", [&] { ::kill(launcher_.pid, SIGKILL); }},
  };
  for (const auto& [what, misbehave] : rows) {
    const int before = launcher_.launched;
    misbehave();
    EXPECT_TRUE(
        poll_.run_until([&] { return launcher_.launched > before; }, std::chrono::seconds(40)))
        << what;
    clock_.pass(kLivedWell);  // Which keeps the waits of this test short.
  }
  EXPECT_TRUE(processes_.starts.empty());
  EXPECT_FALSE(dismissed_.has_value());
}

TEST_F(SeamTest, AProcessThatEndsLeavesTheScriptRunningAndTheNextOneReportsIt) {
  connect_through_seam();
  pass_on(execute(order()));
  EXPECT_TRUE(said_to_server().has_order_received());
  EXPECT_TRUE(said_to_server().has_command_started());
  ::kill(launcher_.pid, SIGKILL);
  ASSERT_TRUE(is_ended());
  EXPECT_TRUE(processes_.running());
  processes_.end(0);
  events_.run_posted();
  connect_through_seam();
  bool asks_for_upload = false;
  for (int i = 0; i < 4 && !asks_for_upload; ++i) {
    asks_for_upload = said_to_server().has_upload_request();
  }
  EXPECT_TRUE(asks_for_upload);
  EXPECT_EQ(processes_.starts.size(), 1u);
}

// The server takes an order that is not named before the first heartbeat for unknown to the agent.
TEST(SeamProxyTest, WhatTheSupervisorSaidBeforeAHeartbeatLeavesBeforeIt) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Channel supervisor(Fd(ends[0]), nullptr), network(Fd(ends[1]), nullptr);
  PollEvents events;
  SeamProxy proxy(network, events, [](const std::string& why) { FAIL() << why; });
  const auto say = [&](const std::function<void(pb::SeamToNetwork&)>& fill) {
    pb::SeamToNetwork m;
    fill(m);
    ASSERT_TRUE(supervisor.send(m.SerializeAsString(), {}).ok());
  };
  pb::Hello hello;
  hello.set_body("b");
  hello.set_signature(std::string(64, 's'));
  say([&](auto& m) { m.set_hello(hello.SerializeAsString()); });
  std::vector<pb::ToServer> left;
  proxy.begin_session(Challenge{std::string(32, 'n'), std::string(32, 'e'), std::nullopt},
                      [&](const pb::ToServer& m) { left.push_back(m); });
  pb::ToServer kept;
  kept.mutable_contact_kept()->set_contact(std::string(16, 'c'));
  say([&](auto& m) { m.set_send(protocol::encode(kept)); });
  say([](auto& m) { m.set_heartbeat(1); });
  EXPECT_EQ(proxy.next_heartbeat(), 1u);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_TRUE(left[0].has_contact_kept());
}

}  // namespace
}  // namespace reachback::agent
