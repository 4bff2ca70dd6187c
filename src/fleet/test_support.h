// For tests: a loop whose timers fire when the test says so, and both sides of a supervisor.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "agent/ports/events.h"
#include "agent/ports/supervisor.h"
#include "protocol/codec.h"
#include "protocol/signing.h"

namespace reachback::fleet {

class FakeEvents : public agent::Events {
 public:
  std::unique_ptr<Handle> after(Duration delay, std::function<void()> work) override {
    auto handle = std::make_unique<FakeHandle>(*this);
    timers_[handle.get()] = {delay, std::move(work)};
    return handle;
  }
  std::unique_ptr<Handle> watch_readable(int, std::function<void()>) override {
    return std::make_unique<FakeHandle>(*this);
  }
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }

  // The one timer there is; how long it would have taken. None: a failure.
  Duration fire() {
    if (timers_.size() != 1) {
      ADD_FAILURE() << timers_.size() << " timers";
      return Duration(-1);
    }
    auto timer = timers_.extract(timers_.begin());
    timer.mapped().work();
    return timer.mapped().delay;
  }
  std::size_t timers() const { return timers_.size(); }

 private:
  struct FakeHandle : Handle {
    explicit FakeHandle(FakeEvents& o) : owner(o) {}
    ~FakeHandle() override { owner.timers_.erase(this); }
    FakeEvents& owner;
  };
  struct Waiting {
    Duration delay{};
    std::function<void()> work;
  };
  std::map<Handle*, Waiting> timers_;
  std::deque<std::function<void()>> posted_;
};

// Notes what it is given, and says what the test wants.
class FakeSupervisor : public agent::Supervisor {
 public:
  pb::Hello begin_session(const agent::Challenge& challenge,
                          std::function<void(pb::ToServer)> send) override {
    say = std::move(send);
    pb::Hello::Body body;
    body.set_public_key(key.public_key().spki());
    body.set_generation(std::string(16, 'g'));
    body.set_boot(std::string(16, 'b'));
    body.set_nonce(std::string(16, 'n'));
    return protocol::sign_hello(body, challenge.server_nonce, challenge.exporter, key);
  }
  std::uint64_t next_heartbeat() override { return ++heartbeats; }
  void end_session() override { ++ended_sessions; }
  void deliver(const pb::ToAgent& message, std::vector<Fd>) override {
    delivered.push_back(message);
  }
  Result<Fd> open_spool(const pb::UploadRequest&) override {
    return Error{Errc::unavailable, "the honest one was asked"};
  }
  void uploaded(const pb::UploadRequest&, const std::string&) override {}

  std::size_t count(pb::ToAgent::MessageCase kind) const {
    std::size_t out = 0;
    for (const auto& message : delivered) {
      out += message.message_case() == kind ? 1 : 0;
    }
    return out;
  }

  crypto::Ed25519PrivateKey key = crypto::Ed25519PrivateKey::generate();
  std::function<void(pb::ToServer)> say;
  std::vector<pb::ToAgent> delivered;
  std::uint64_t heartbeats = 0;
  int ended_sessions = 0;
};

inline agent::Challenge challenge() {
  return {std::string(32, 'c'), std::string(32, 'e'), std::nullopt};
}

// ---- what a server says
inline pb::ToAgent welcome() {
  pb::ToAgent m;
  m.mutable_welcome()->set_machine(std::string(20, 'm'));
  return m;
}
inline pb::ToAgent order(const std::string& action, std::uint64_t epoch = 1, int commands = 1) {
  pb::Order o;
  o.set_tenant(std::string(16, 't'));
  o.set_machine(std::string(20, 'm'));
  o.set_action(action);
  o.set_epoch(epoch);
  o.set_generation(std::string(16, 'g'));
  for (int i = 0; i < commands; ++i) {
    auto* c = o.add_commands();
    c->set_type(pb::RUN_SCRIPT);
    c->set_file_name("a.sh");
    c->set_file_sha256(std::string(32, 's'));
    c->set_timeout_ms(60000);
    c->set_output_bytes_max(1 << 20);
  }
  o.set_window_ms(600000);
  o.set_session(std::string(16, 'n'));
  pb::ToAgent m;
  *m.mutable_execute_order()->mutable_order() =
      protocol::sign_order(o, crypto::Ed25519PrivateKey::generate());
  return m;
}
inline pb::ToAgent acknowledged(const std::string& action, std::uint64_t epoch = 1,
                                std::uint32_t index = 0) {
  pb::ToAgent m;
  m.mutable_report_acknowledged()->set_action(action);
  m.mutable_report_acknowledged()->set_epoch(epoch);
  m.mutable_report_acknowledged()->set_index(index);
  return m;
}
inline pb::ToAgent forget(const std::string& action, std::uint64_t epoch = 1) {
  pb::ToAgent m;
  m.mutable_forget_action()->set_action(action);
  m.mutable_forget_action()->set_epoch(epoch);
  return m;
}

// ---- what an agent says
inline pb::ToServer ended(const std::string& action, pb::Outcome outcome = pb::COMPLETED,
                          std::uint32_t index = 0) {
  pb::ToServer m;
  m.mutable_command_ended()->set_action(action);
  m.mutable_command_ended()->set_epoch(1);
  m.mutable_command_ended()->set_index(index);
  m.mutable_command_ended()->set_outcome(outcome);
  return m;
}

}  // namespace reachback::fleet
