#include "agent/journal/state.h"
#include "agent/os_linux/state_folder.h"
#include "agent/wire/commands.h"
#include "agent/wire/enrollment_files.h"

namespace reachback::agent {

Result<Status> read_status(const std::string& state_folder) {
  RB_TRY(check_state_folder(state_folder));
  RB_TRY_ASSIGN(const Enrollment enrollment, load_enrollment(state_folder));
  Status out;
  out.machine = enrollment.identity.machine.text();
  out.tenant = enrollment.identity.tenant.text();
  out.server = enrollment.server;
  out.host_name = enrollment.host_name;
  out.is_running = !lock_state_folder(state_folder).ok();
  if (out.is_running) {
    out.facts = load_running(state_folder);
  }
  auto bytes = read_file(state_folder + "/journal");
  if (!bytes.ok()) {
    out.journal = "none";
    return out;
  }
  // Read beside a running agent: a record that is being written looks torn and is left out.
  const Scan scan = scan_records(*bytes);
  JournalState state;
  bool good = scan.tail != Tail::damaged;
  for (const Entry& entry : scan.entries) {
    good = state.apply(entry).ok() && good;
  }
  out.journal = good ? "ok" : "damaged";
  out.generation = state.generation.text();
  for (const auto& [id, action] : state.actions) {
    out.unfinished += action.received && !action.is_finished() ? 1 : 0;
  }
  return out;
}

}  // namespace reachback::agent
