// FakeDirectory's machines.
#pragma once

#include <algorithm>

#include "testing/fake_table.h"
#include "testing/list_in_memory.h"
#include "testing/machine_extras.h"

namespace reachback::testing {

class FakeDirectory::Machines : public Table, public server::MachineStore {
  using Machine = server::Machine;
  using MachineContact = server::MachineContact;

 public:
  explicit Machines(Tokens& tokens) : tokens_(tokens) {}

  std::vector<std::string> tags_of(const MachineId& id) {
    return look<std::vector<std::string>>([&] {
      auto found = machines_.find(id);
      return found != machines_.end() ? found->second.tags : std::vector<std::string>();
    });
  }

  void enroll(Sha256 token, Machine machine, Timestamp now, Done<Machine> done) override {
    write<Machine>(std::move(done), [&] { return enroll_now(token, std::move(machine), now); });
  }
  void get(TenantId tenant, MachineId id, Done<Machine> done) override {
    read<Machine>(std::move(done), [&]() -> Result<Machine> {
      auto found = machines_.find(id);
      return found != machines_.end() && found->second.tenant == tenant
                 ? Result<Machine>(found->second)
                 : no_such(id);
    });
  }
  void find(MachineId id, Done<Machine> done) override {
    read<Machine>(std::move(done), [&]() -> Result<Machine> {
      auto found = machines_.find(id);
      return found != machines_.end() ? Result<Machine>(found->second) : no_such(id);
    });
  }
  void list(server::MachineScope scope, server::odata::Query query, server::MachineContext context,
            server::ListBounds bounds, Done<server::Page<Machine>> done) override {
    read<server::Page<Machine>>(std::move(done), [&] {
      return list_in_memory(in(scope), query, bounds,
                            [&context](const Machine& m) { return server::getter(m, context); });
    });
  }
  void by_name(TenantId tenant, std::string name, Done<std::vector<Machine>> done) override {
    read<std::vector<Machine>>(std::move(done), [&]() -> Result<std::vector<Machine>> {
      auto all = in({tenant, {}});
      all.erase(std::remove_if(all.begin(), all.end(),
                               [&name](const Machine& m) { return m.name != name; }),
                all.end());
      std::sort(all.begin(), all.end(), [](const Machine& a, const Machine& b) {
        return std::tie(b.last_seen, a.id) < std::tie(a.last_seen, b.id);
      });
      return all;
    });
  }
  void with_address(server::MachineScope scope, std::string ip, Timestamp from, Timestamp to,
                    std::uint64_t top, Done<std::vector<Machine>> done) override {
    where(scope, top, std::move(done),
          [&](const Machine& m) { return addresses_.had(m.id, ip, from, to); });
  }
  void ids(server::MachineScope scope, Done<std::vector<MachineId>> done) override {
    read<std::vector<MachineId>>(std::move(done), [&]() -> Result<std::vector<MachineId>> {
      std::vector<MachineId> out;
      for (const auto& [id, m] : machines_) {
        if (m.tenant == scope.tenant && scope.has(m.tags)) {
          out.push_back(id);
        }
      }
      return out;
    });
  }
  void change(server::MachineScope scope, std::vector<MachineId> ids, server::MachineChange change,
              server::AuditEntry, Done<std::vector<Machine>> done) override {
    write<std::vector<Machine>>(std::move(done), [&]() -> Result<std::vector<Machine>> {
      std::map<MachineId, Machine> after;
      std::vector<Machine> out;
      for (const MachineId& id : ids) {
        const Machine* before = mine(scope.tenant, id);
        if (before == nullptr || !scope.has(before->tags)) {
          return no_such(id);
        }
        RB_TRY_ASSIGN(Machine m, changed(machines_[id], change));
        out.push_back(after[id] = std::move(m));
      }
      for (auto& [id, m] : after) {
        machines_[id] = std::move(m);
      }
      return out;
    });
  }
  void connected(TenantId tenant, MachineId id, MachineContact contact, Timestamp now,
                 Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      if (m->contact != contact.replaces || m->quarantine.has_value() != contact.in_quarantine) {
        return Error{Errc::conflict, "another contact was sent, or the quarantine changed"};
      }
      addresses_.follow(id, contact.addresses, m->last_seen, now);
      static_cast<server::MachineFacts&>(*m) = contact;
      m->generation = contact.generation;
      m->contact = contact.contact;
      m->confirmed_contact = contact.last_contact;
      m->life = contact.life;
      m->attempt = contact.attempt;
      m->order_keys_version = contact.order_keys_version;
      m->last_seen = std::max(m->last_seen, now);
      return {};
    });
  }
  void contact_kept(TenantId tenant, MachineId id, std::string contact, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      if (m->contact != contact) {
        return Error{Errc::conflict, "a newer contact was sent"};
      }
      m->confirmed_contact = contact;
      return {};
    });
  }
  void order_keys_kept(TenantId tenant, MachineId id, std::uint64_t version,
                       Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      m->order_keys_version = version;
      return {};
    });
  }
  void set_quarantine(TenantId tenant, MachineId id, std::optional<server::Quarantine> quarantine,
                      Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      if (!quarantine) {
        m->confirmed_contact.reset();
        m->contact.clear();
      }
      m->quarantine = std::move(quarantine);
      return {};
    });
  }
  void count_with_older_order_keys(std::uint64_t version, Done<std::uint64_t> done) override {
    read<std::uint64_t>(std::move(done), [&]() -> Result<std::uint64_t> {
      return static_cast<std::uint64_t>(
          std::count_if(machines_.begin(), machines_.end(), [version](const auto& entry) {
            return !entry.second.revoked && entry.second.order_keys_version < version;
          }));
    });
  }
  void seen(TenantId tenant, MachineId id, Timestamp at, Done<void> done) override {
    write<void>(std::move(done), [&]() -> Result<void> {
      Machine* m = mine(tenant, id);
      if (m == nullptr) {
        return no_such(id);
      }
      m->last_seen = std::max(m->last_seen, at);
      return {};
    });
  }

 private:
  static Error no_such(const MachineId& id) {
    return Error{Errc::not_found, "no machine " + id.text()};
  }
  Machine* mine(const TenantId& tenant, const MachineId& id) {
    auto found = machines_.find(id);
    return found != machines_.end() && found->second.tenant == tenant ? &found->second : nullptr;
  }
  template <typename Test>
  void where(const server::MachineScope& scope, std::uint64_t top, Done<std::vector<Machine>> done,
             Test test) {
    read<std::vector<Machine>>(std::move(done), [&]() -> Result<std::vector<Machine>> {
      auto all = in(scope);
      std::erase_if(all, [&](const Machine& m) { return !test(m); });
      std::sort(all.begin(), all.end(), [](const Machine& a, const Machine& b) {
        return std::tie(a.first_seen, a.id) < std::tie(b.first_seen, b.id);
      });
      all.resize(std::min<std::uint64_t>(top, all.size()));
      return all;
    });
  }
  std::vector<Machine> in(const server::MachineScope& scope) {
    std::vector<Machine> all;
    for (const auto& [id, m] : machines_) {
      if (m.tenant == scope.tenant && scope.has(m.tags)) {
        all.push_back(m);
      }
    }
    return all;
  }
  Result<Machine> enroll_now(const Sha256& digest, Machine m, Timestamp now) {
    if (m.id == MachineId() || m.public_key.empty()) {
      return Error{Errc::internal, "misuse of the machine store: a machine has an id and a key"};
    }
    MutexLock lock(tokens_.mutex);
    const Error no_token{Errc::unauthenticated, "the enrolment token is not valid"};
    auto token = tokens_.all.find(digest);
    if (token == tokens_.all.end()) {
      return no_token;
    }
    auto known = machines_.find(m.id);
    bool same_token = known != machines_.end() && came_with_[m.id] == digest;
    if (!same_token && (now >= token->second.expires || token->second.uses_left == 0)) {
      return no_token;
    }
    if (known != machines_.end()) {
      if (known->second.tenant != token->second.tenant ||
          known->second.public_key != m.public_key) {
        return Error{Errc::conflict, "machine " + m.id.text() + " is enrolled elsewhere"};
      }
      return known->second;
    }
    token->second.uses_left -= 1;
    m.tenant = token->second.tenant;
    m.tags = token->second.tags;
    machines_[m.id] = m;
    addresses_.follow(m.id, m.addresses, m.last_seen, m.first_seen);
    came_with_[m.id] = digest;
    return m;
  }

  Tokens& tokens_;
  std::map<MachineId, Machine> machines_;
  std::map<MachineId, Sha256> came_with_;
  AddressHistory addresses_;
};

}  // namespace reachback::testing
