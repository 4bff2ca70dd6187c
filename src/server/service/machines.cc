#include "server/service/machines.h"

#include <algorithm>
#include <iterator>

#include "crypto/digest.h"
#include "protocol/signing.h"
#include "server/service/audit_of.h"
#include "server/service/scope.h"
#include "server/service/texts.h"

namespace reachback::server {
namespace {

constexpr Duration kAround = std::chrono::minutes(15);  // Source: MDE, findbyip

class MachinesService : public Machines {
 public:
  MachinesService(MachineStore& store, AgentLinks& links, Clock& clock, const DeviceGroups& groups)
      : store_(store), links_(links), clock_(clock), groups_(groups) {}

  void list(const Principal& by, odata::Query query, Duration inactive_after, ListBounds bounds,
            Done<Page<MachineView>> done) override {
    const DeviceGroupList groups = groups_.all(by.tenant);
    MachineContext context;
    context.groups = groups;
    context.active = [this, now = clock_.now(), inactive_after](const MachineId& id,
                                                                Timestamp last_seen) {
      return now - last_seen < inactive_after || links_.claim(id).has_value();
    };
    store_.list(scope_of(by), std::move(query), std::move(context), bounds,
                [this, groups, done](Result<Page<Machine>> machines) {
                  if (!machines) {
                    done(machines.error());
                    return;
                  }
                  Page<MachineView> views{{}, machines->more, machines->passed, machines->count};
                  views.items.reserve(machines->items.size());
                  for (Machine& m : machines->items) {
                    views.items.push_back(view(std::move(m), groups));
                  }
                  done(std::move(views));
                });
  }

  void find_by_ip(const Principal& by, std::string ip, Timestamp at, std::uint64_t top,
                  Done<std::vector<MachineView>> done) override {
    const Timestamp from = at - kAround;
    store_.with_address(scope_of(by), std::move(ip), from, at + kAround, top,
                        views(by, [from, done](Result<std::vector<MachineView>> found) {
                          if (found) {
                            // Has it still, as far as is known, but was not here then.
                            std::erase_if(*found, [from](const MachineView& view) {
                              return !view.connected && view.machine.last_seen < from;
                            });
                          }
                          done(std::move(found));
                        }));
  }

  void change(const Principal& by, std::vector<MachineId> ids, MachineChange change,
              std::string kind, Done<std::vector<MachineView>> done) override {
    AuditEntry audit = audit_of(by, clock_.now(), std::move(kind), "");
    const std::string only = ids.size() == 1 ? ids.front().text() : std::string();
    if (by.machine_tags) {
      for (const DeviceGroup& group : *groups_.all(by.tenant)) {
        change.fixed_tags.push_back(group.tag);
      }
    }
    store_.change(scope_of(by), std::move(ids), std::move(change), std::move(audit),
                  views(by, [only, done](Result<std::vector<MachineView>> changed) {
                    if (!changed && changed.error().code == Errc::not_found && !only.empty()) {
                      done(machine_not_found(only));
                    } else {
                      done(std::move(changed));
                    }
                  }));
  }

  void get(const Principal& by, std::string id_or_name, Done<MachineView> done) override {
    auto not_found = [id_or_name] { return machine_not_found(id_or_name); };
    if (auto id = MachineId::parse(id_or_name)) {
      store_.get(by.tenant, *id, [this, by, not_found, done](Result<Machine> machine) {
        if (machine && !is_in_scope(by, machine->tags)) {
          machine = not_found();
        }
        if (!machine) {
          done(machine.error().code == Errc::not_found ? not_found() : machine.error());
          return;
        }
        done(view(std::move(*machine), groups_.all(by.tenant)));
      });
      return;
    }
    store_.by_name(by.tenant, id_or_name,
                   [this, by, id_or_name, not_found, done](Result<std::vector<Machine>> machines) {
                     if (machines) {
                       std::erase_if(*machines,
                                     [&by](const Machine& m) { return !is_in_scope(by, m.tags); });
                     }
                     if (!machines) {
                       done(machines.error());
                     } else if (machines->empty()) {
                       done(not_found());
                     } else if (machines->size() > 1) {
                       done(Error{Errc::invalid_input, std::to_string(machines->size()) +
                                                           " machines are named " + id_or_name +
                                                           ": use the machine id"});
                     } else {
                       done(view(std::move(machines->front()), groups_.all(by.tenant)));
                     }
                   });
  }

  void online(const Principal& by, Done<std::vector<MachineId>> done) override {
    std::vector<MachineId> connected = links_.online(by.tenant);
    std::sort(connected.begin(), connected.end());
    if (!by.machine_tags) {
      done(std::move(connected));
      return;
    }
    store_.ids(scope_of(by),
               [connected = std::move(connected), done](Result<std::vector<MachineId>> mine) {
                 if (!mine) {
                   done(mine.error());
                   return;
                 }
                 std::sort(mine->begin(), mine->end());
                 std::vector<MachineId> both;
                 std::set_intersection(connected.begin(), connected.end(), mine->begin(),
                                       mine->end(), std::back_inserter(both));
                 done(std::move(both));
               });
  }

  std::vector<DeviceGroup> groups(const Principal& by) const override {
    std::vector<DeviceGroup> out = *groups_.all(by.tenant);
    std::erase_if(out, [&by](const DeviceGroup& group) { return !is_in_scope(by, {group.tag}); });
    return out;
  }

  void enroll(Enrollment request, Done<Machine> done) override {
    Machine m;
    m.id = protocol::machine_id_of(request.public_key);
    m.public_key = std::move(request.public_key);
    m.name = std::move(request.host_name);
    m.os_platform = std::move(request.os_platform);
    m.os_version = std::move(request.os_version);
    m.os_architecture = std::move(request.os_architecture);
    m.agent_version = std::move(request.agent_version);
    m.last_ip = request.peer_ip;
    m.last_external_ip = std::move(request.peer_ip);
    m.order_keys_version = request.order_keys_version;
    m.first_seen = m.last_seen = clock_.now();
    store_.enroll(crypto::sha256(request.token), std::move(m), clock_.now(), std::move(done));
  }

 private:
  Done<std::vector<Machine>> views(const Principal& by, Done<std::vector<MachineView>> done) {
    return [this, groups = groups_.all(by.tenant),
            done = std::move(done)](Result<std::vector<Machine>> machines) {
      if (!machines) {
        done(machines.error());
        return;
      }
      std::vector<MachineView> out;
      out.reserve(machines->size());
      for (Machine& m : *machines) {
        out.push_back(view(std::move(m), groups));
      }
      done(std::move(out));
    };
  }
  MachineView view(Machine m, const DeviceGroupList& groups) {
    MachineView out;
    if (const auto claim = links_.claim(m.id)) {
      out.connected = true;
      out.connected_since = claim->since;
    }
    if (const DeviceGroup* group = group_of(groups, m.tags)) {
      out.group = *group;
    }
    out.machine = std::move(m);
    return out;
  }

  MachineStore& store_;
  AgentLinks& links_;
  Clock& clock_;
  const DeviceGroups& groups_;
};

}  // namespace

std::unique_ptr<Machines> Machines::create(MachineStore& store, AgentLinks& links, Clock& clock,
                                           const DeviceGroups& groups) {
  return std::make_unique<MachinesService>(store, links, clock, groups);
}

}  // namespace reachback::server
