// Actions for tests of stores and services, made from a seeded source.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "server/action/step.h"
#include "server/ports/action_store.h"

namespace reachback::testing {

inline Timestamp sample_time(int second) {
  return from_micros(1'767'225'600'000'000) + std::chrono::seconds(second);
}

inline MachineId sample_machine_id(Random& random) {
  return *MachineId::from_bytes(random.bytes(MachineId::kBytes));
}

inline Sha256 sample_digest(Random& random) {
  return *sha256_from_bytes(random.bytes(32));
}

// Pending, with a GetFile and a RunScript, every optional field set; waits two hours from
// `created`.
inline action::Action sample_action(Random& random, TenantId tenant, MachineId machine,
                                    Timestamp created = sample_time(0)) {
  action::Action a;
  a.tenant = tenant;
  a.id = ActionId::make(random);
  a.machine = machine;
  a.machine_name = "host-1.example.com";
  a.requestor = "ann@example.com";
  a.comment = "look at it";
  a.title = "title";
  a.external_id = "case 7";
  a.request_source = "PublicApi";
  a.created = a.updated = created;
  a.queue_deadline = created + std::chrono::hours(2);
  a.window = std::chrono::minutes(25);
  action::Command get;
  get.type = action::CommandType::get_file;
  get.params = {{"Path", "/etc/hosts"}};
  get.path = "/etc/hosts";
  get.timeout = std::chrono::minutes(10);
  action::Command run;
  run.type = action::CommandType::run_script;
  run.params = {{"ScriptName", "s.sh"}, {"Args", "-a 'b c'"}};
  run.file_name = "s.sh";
  run.file_sha256 = sample_digest(random);
  run.file_bytes = 1234;
  run.args = "-a 'b c'";
  run.timeout = std::chrono::minutes(10);
  a.commands = {get, run};
  return a;
}

inline server::AuditEntry sample_audit(std::string kind, Timestamp at = sample_time(0)) {
  return server::AuditEntry{at, std::move(kind), "ann@example.com", "detail"};
}

inline action::StoredBlob sample_blob(Random& random) {
  return {to_hex(random.bytes(16)), 10, sample_digest(random)};
}

// The event that ends command `index` of the current grant with a result.
inline action::CommandEnded sample_end(Random& random, const action::Action& a, std::uint32_t index,
                                       Timestamp at) {
  action::CommandEnded e;
  e.epoch = a.epoch;
  e.index = index;
  e.completed = true;
  e.started = at;
  e.ended = at + std::chrono::seconds(1);
  e.exit_code = 0;
  e.result = sample_blob(random);
  return e;
}

// One legal step on the way to Succeeded: the grant, then each command.
inline action::Action sample_step(Random& random, const action::Action& a) {
  Timestamp at = a.updated + std::chrono::seconds(1);
  if (a.status == action::Status::pending) {
    return step(a, action::Claimed{JournalGeneration::make(random)}, at).next;
  }
  for (std::uint32_t i = 0; i < a.commands.size(); ++i) {
    if (a.commands[i].status == action::CommandStatus::created) {
      return step(a, sample_end(random, a, i, at), at).next;
    }
  }
  return a;
}

// Cancelled before any grant: the shortest way to an end.
inline action::Action sample_cancelled(const action::Action& a) {
  Timestamp at = a.updated + std::chrono::seconds(1);
  return step(a, action::CancelRequested{{"bob", "stop", at}}, at).next;
}

}  // namespace reachback::testing
