// One server node's way to the shared stores: every call takes time, may fail, may be done without
// the answer coming back, and outlives the node that made it. The database itself is linearizable
// and durable, as SQLite and PostgreSQL promise (assumption A2).
#pragma once

#include "engine.h"
#include "testing/fake_blob_store.h"
#include "testing/fake_stores.h"

namespace reachback::sim {

struct StoreFaults {
  double fail = 0;        // unavailable, nothing done
  double full = 0;        // storage_full, nothing done (writes)
  double lose_reply = 0;  // done, and answered unavailable
  Duration latency_max = std::chrono::milliseconds(3);
};

// The pause between a call and its effect, and between the effect and its answer. Writes of one
// node keep their order.
class StoreRoad {
 public:
  StoreRoad(Engine& engine, LifePtr life, const StoreFaults& faults)
      : engine_(engine), life_(std::move(life)), faults_(faults) {}

  template <typename T>
  void read(std::function<void(Done<T>)> call, Done<T> done) {
    if (engine_.chance(faults_.fail)) {
      answer<T>(Error{Errc::unavailable, "the store does not answer (simulated)"}, done);
      return;
    }
    engine_.after(pause(), life_, [call = std::move(call), done = std::move(done)] { call(done); });
  }

  template <typename T>
  void write(std::function<void(Done<T>)> call, Done<T> done) {
    if (engine_.chance(faults_.fail) || engine_.chance(faults_.full)) {
      const bool full = engine_.chance(0.5);
      answer<T>(full ? Error{Errc::storage_full, "the disk is full (simulated)"}
                     : Error{Errc::unavailable, "the store does not answer (simulated)"},
                done);
      return;
    }
    next_write_ = std::max(next_write_, engine_.now() + pause());
    // No owner: what has left the node happens, whether or not the node still lives.
    engine_.at(next_write_, nullptr,
               [this_engine = &engine_, life = life_, call = std::move(call),
                done = std::move(done), lose = engine_.chance(faults_.lose_reply), back = pause()] {
                 call([this_engine, life, done, lose, back](Result<T> result) {
                   if (lose) {
                     result = Error{Errc::unavailable, "the answer was lost (simulated)"};
                   }
                   this_engine->after(back, life,
                                      [done, result = std::move(result)] { done(result); });
                 });
               });
  }

 private:
  template <typename T>
  void answer(Error error, Done<T> done) {
    engine_.after(pause(), life_,
                  [done = std::move(done), error = std::move(error)] { done(error); });
  }
  Duration pause() { return engine_.between(Duration(20), faults_.latency_max); }

  Engine& engine_;
  const LifePtr life_;
  const StoreFaults& faults_;
  Duration next_write_{};
};

class NodeActions : public server::ActionStore {
 public:
  NodeActions(StoreRoad& road, testing::FakeActionStore& shared) : road_(road), shared_(shared) {}
  void insert(action::Action action, std::optional<server::IdempotencyKey> key,
              server::InsertLimits limits, server::AuditEntry audit,
              Done<server::Inserted> done) override {
    road_.write<server::Inserted>(
        [this_shared = &shared_, action = std::move(action), key = std::move(key), limits,
         audit = std::move(audit)](auto reply) {
          this_shared->insert(action, key, limits, audit, std::move(reply));
        },
        std::move(done));
  }
  void find_key(TenantId tenant, server::IdempotencyKey key,
                Done<std::optional<action::Action>> done) override {
    road_.read<std::optional<action::Action>>(
        [s = &shared_, tenant, key = std::move(key)](auto reply) {
          s->find_key(tenant, key, std::move(reply));
        },
        std::move(done));
  }
  void get(TenantId tenant, ActionId id, Done<action::Action> done) override {
    road_.read<action::Action>(
        [s = &shared_, tenant, id](auto reply) { s->get(tenant, id, std::move(reply)); },
        std::move(done));
  }
  void replace(action::Action next, server::AuditEntry audit, Done<action::Action> done) override {
    road_.write<action::Action>([s = &shared_, next = std::move(next), audit = std::move(audit)](
                                    auto reply) { s->replace(next, audit, std::move(reply)); },
                                std::move(done));
  }
  void active_of(TenantId tenant, MachineId machine,
                 Done<std::optional<action::Action>> done) override {
    road_.read<std::optional<action::Action>>(
        [s = &shared_, tenant, machine](auto reply) {
          s->active_of(tenant, machine, std::move(reply));
        },
        std::move(done));
  }
  void list(server::MachineScope scope, server::odata::Query query, server::ListBounds bounds,
            Done<server::ActionPage> done) override {
    road_.read<server::ActionPage>(
        [s = &shared_, scope = std::move(scope), query = std::move(query), bounds](auto reply) {
          s->list(scope, query, bounds, std::move(reply));
        },
        std::move(done));
  }
  void due(Timestamp now, std::size_t limit, Done<std::vector<action::Action>> done) override {
    road_.read<std::vector<action::Action>>(
        [s = &shared_, now, limit](auto reply) { s->due(now, limit, std::move(reply)); },
        std::move(done));
  }

 private:
  StoreRoad& road_;
  testing::FakeActionStore& shared_;
};

class NodeMachines : public server::MachineStore {
 public:
  NodeMachines(StoreRoad& road, server::MachineStore& shared) : road_(road), shared_(shared) {}
  void enroll(Sha256 token, server::Machine machine, Timestamp now,
              Done<server::Machine> done) override {
    shared_.enroll(token, std::move(machine), now, std::move(done));
  }
  void get(TenantId tenant, MachineId id, Done<server::Machine> done) override {
    road_.read<server::Machine>(
        [s = &shared_, tenant, id](auto reply) { s->get(tenant, id, std::move(reply)); },
        std::move(done));
  }
  void find(MachineId id, Done<server::Machine> done) override {
    road_.read<server::Machine>([s = &shared_, id](auto reply) { s->find(id, std::move(reply)); },
                                std::move(done));
  }
  void list(server::MachineScope scope, server::odata::Query query, server::MachineContext context,
            server::ListBounds bounds, Done<server::Page<server::Machine>> done) override {
    shared_.list(std::move(scope), std::move(query), std::move(context), bounds, std::move(done));
  }
  void by_name(TenantId tenant, std::string name,
               Done<std::vector<server::Machine>> done) override {
    shared_.by_name(tenant, std::move(name), std::move(done));
  }
  void with_address(server::MachineScope scope, std::string ip, Timestamp from, Timestamp to,
                    std::uint64_t top, Done<std::vector<server::Machine>> done) override {
    shared_.with_address(std::move(scope), std::move(ip), from, to, top, std::move(done));
  }
  void ids(server::MachineScope scope, Done<std::vector<MachineId>> done) override {
    shared_.ids(std::move(scope), std::move(done));
  }
  void change(server::MachineScope scope, std::vector<MachineId> ids, server::MachineChange change,
              server::AuditEntry audit, Done<std::vector<server::Machine>> done) override {
    shared_.change(std::move(scope), std::move(ids), std::move(change), std::move(audit),
                   std::move(done));
  }
  void connected(TenantId tenant, MachineId id, server::MachineContact contact, Timestamp now,
                 Done<void> done) override {
    road_.write<void>([s = &shared_, tenant, id, contact = std::move(contact), now](
                          auto reply) { s->connected(tenant, id, contact, now, std::move(reply)); },
                      std::move(done));
  }
  void contact_kept(TenantId tenant, MachineId id, std::string contact, Done<void> done) override {
    road_.write<void>([s = &shared_, tenant, id, contact = std::move(contact)](
                          auto reply) { s->contact_kept(tenant, id, contact, std::move(reply)); },
                      std::move(done));
  }
  void order_keys_kept(TenantId tenant, MachineId id, std::uint64_t version,
                       Done<void> done) override {
    road_.write<void>(
        [s = &shared_, tenant, id, version](auto reply) {
          s->order_keys_kept(tenant, id, version, std::move(reply));
        },
        std::move(done));
  }
  void set_quarantine(TenantId tenant, MachineId id, std::optional<server::Quarantine> quarantine,
                      Done<void> done) override {
    road_.write<void>(
        [s = &shared_, tenant, id, quarantine = std::move(quarantine)](auto reply) {
          s->set_quarantine(tenant, id, quarantine, std::move(reply));
        },
        std::move(done));
  }
  void count_with_older_order_keys(std::uint64_t version, Done<std::uint64_t> done) override {
    shared_.count_with_older_order_keys(version, std::move(done));
  }
  void seen(TenantId tenant, MachineId id, Timestamp at, Done<void> done) override {
    road_.write<void>(
        [s = &shared_, tenant, id, at](auto reply) { s->seen(tenant, id, at, std::move(reply)); },
        std::move(done));
  }

 private:
  StoreRoad& road_;
  server::MachineStore& shared_;
};

class NodeBlobs : public server::BlobStore {
 public:
  NodeBlobs(StoreRoad& road, testing::FakeBlobStore& shared) : road_(road), shared_(shared) {}
  Result<std::string> read_link(const TenantId& tenant, const std::string& name, Timestamp expires,
                                server::LinkHost host) override {
    return shared_.read_link(tenant, name, expires, host);
  }
  Result<std::string> write_link(const TenantId& tenant, const std::string& name,
                                 Timestamp expires) override {
    return shared_.write_link(tenant, name, expires);
  }
  void stat(TenantId tenant, std::string name, Done<server::BlobInfo> done) override {
    road_.read<server::BlobInfo>([s = &shared_, tenant, name = std::move(name)](
                                     auto reply) { s->stat(tenant, name, std::move(reply)); },
                                 std::move(done));
  }
  void put(TenantId tenant, std::string name, std::string bytes,
           Done<server::BlobInfo> done) override {
    shared_.put(tenant, std::move(name), std::move(bytes), std::move(done));
  }
  void read(TenantId tenant, std::string name, std::uint64_t max_bytes,
            Done<std::string> done) override {
    road_.read<std::string>([s = &shared_, tenant, name = std::move(name), max_bytes](
                                auto reply) { s->read(tenant, name, max_bytes, std::move(reply)); },
                            std::move(done));
  }
  void remove(TenantId tenant, std::string name, Done<void> done) override {
    shared_.remove(tenant, std::move(name), std::move(done));
  }

 private:
  StoreRoad& road_;
  testing::FakeBlobStore& shared_;
};

}  // namespace reachback::sim
