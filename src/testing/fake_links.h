// The ports of links.h for tests: everything that leaves is kept, nothing happens by itself.
#pragma once

#include <map>
#include <vector>

#include "crypto/ed25519.h"
#include "protocol/signing.h"
#include "server/ports/links.h"
#include "testing/faults.h"

namespace reachback::testing {

class FakeAgentLinks : public server::AgentLinks {
 public:
  std::optional<server::Claim> claim(const MachineId& machine) const override {
    auto found = claims_.find(machine);
    return found == claims_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<MachineId> online(const TenantId& tenant) const override {
    std::vector<MachineId> out;
    for (const auto& [id, claim] : claims_) {
      if (claim.tenant == tenant) {
        out.push_back(id);
      }
    }
    return out;
  }
  bool push(const MachineId& machine, const pb::ToAgent& message) override {
    if (!claims_.contains(machine)) {
      return false;
    }
    pushed.emplace_back(machine, message);
    return true;
  }
  void read_output(const MachineId& machine, pb::ReadOutput question,
                   Done<pb::OutputPiece> done) override {
    if (!claims_.contains(machine)) {
      done(Error{Errc::unavailable, "the machine is not connected"});
      return;
    }
    reads.emplace_back(std::move(question), std::move(done));
  }
  void type_input(const MachineId& machine, pb::TerminalInput input,
                  Done<pb::TerminalTaken> done) override {
    if (!claims_.contains(machine)) {
      done(Error{Errc::unavailable, "the machine is not connected"});
      return;
    }
    typed.emplace_back(std::move(input), std::move(done));
  }
  // Asked and not answered yet.
  std::vector<std::pair<pb::TerminalInput, Done<pb::TerminalTaken>>> typed;
  std::vector<std::pair<pb::ReadOutput, Done<pb::OutputPiece>>> reads;
  void suspect(const MachineId& machine, const std::string&, std::string why) override {
    suspected.emplace_back(machine, std::move(why));
  }
  std::vector<std::pair<MachineId, std::string>> suspected;
  void connect(server::Claim claim) { claims_[claim.machine] = std::move(claim); }
  void disconnect(const MachineId& machine) { claims_.erase(machine); }

  std::vector<std::pair<MachineId, pb::ToAgent>> pushed;

 private:
  std::map<MachineId, server::Claim> claims_;
};

// Delivers hints at once, or drops them all: losing hints may cost time only.
class FakeNotifier : public server::Notifier {
 public:
  void machine_hint(const TenantId& tenant, const MachineId& machine) override {
    if (deliver && on_machine_) {
      on_machine_(tenant, machine);
    }
  }
  void action_hint(const TenantId& tenant, const ActionId& action) override {
    if (deliver && on_action_) {
      on_action_(tenant, action);
    }
  }
  void listen(std::function<void(TenantId, MachineId)> on_machine,
              std::function<void(TenantId, ActionId)> on_action) override {
    on_machine_ = std::move(on_machine);
    on_action_ = std::move(on_action);
  }
  bool deliver = true;

 private:
  std::function<void(TenantId, MachineId)> on_machine_;
  std::function<void(TenantId, ActionId)> on_action_;
};

class FakeSigner : public server::OrderSigner, public server::OrderKeys {
 public:
  void sign(pb::Order order, std::uint64_t, Done<pb::SignedOrder> done) override {
    if (down) {
      done(Error{Errc::unavailable, "the signer is not there"});
      return;
    }
    done(protocol::sign_order(order, key_));
  }
  std::uint64_t version() const override { return keys_version; }
  std::vector<std::string> public_keys() const override {
    return keys_version == 0 ? std::vector<std::string>() : std::vector{public_key().spki()};
  }
  pb::SignedOrderKeys announcement() const override {
    pb::OrderKeys keys;
    keys.set_version(keys_version);
    keys.add_keys(public_key().spki());
    return protocol::sign_order_keys(keys, {key_});
  }
  std::uint64_t keys_version = 1;
  bool down = false;
  crypto::Ed25519PublicKey public_key() const { return key_.public_key(); }

 private:
  crypto::Ed25519PrivateKey key_ = crypto::Ed25519PrivateKey::generate();
};

class FakeAudit : public server::AuditLog {
 public:
  void append(server::AccessRecord record, Done<void> done) override {
    if (fails) {
      done(Error{Errc::io, "the audit file is broken"});
      return;
    }
    records.push_back(std::move(record));
    done({});
  }
  std::vector<server::AccessRecord> records;
  bool fails = false;
};

// Runs work when the test says that time has passed.
class FakeScheduler : public server::Scheduler {
 public:
  void after(Duration delay, std::function<void()> work) override {
    waiting_.emplace(now_ + delay, std::move(work));
  }
  void pass(Duration by) {
    now_ += by;
    while (!waiting_.empty() && waiting_.begin()->first <= now_) {
      auto work = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      work();
    }
  }

 private:
  Duration now_{};
  std::multimap<Duration, std::function<void()>> waiting_;
};

}  // namespace reachback::testing
