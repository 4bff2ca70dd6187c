#include <signal.h>

#include <cstdio>

#include "agent/journal/file_layer.h"
#include "agent/os_linux/machine.h"
#include "agent/os_linux/processes.h"
#include "agent/os_linux/state_folder.h"
#include "agent/session/session.h"
#include "agent/wire/commands.h"
#include "agent/wire/enrollment_files.h"
#include "agent/wire/loop_events.h"
#include "base/log.h"
#include "crypto/random.h"

namespace reachback::agent {

Result<void> run(const std::string& state_folder) {
  harden_process();
  RB_TRY(check_state_folder(state_folder));
  RB_TRY_ASSIGN(Enrollment enrollment, load_enrollment(state_folder));
  RB_TRY_ASSIGN(Fd lock, lock_state_folder(state_folder));
  RB_TRY_ASSIGN(const BootId boot, read_boot_id());
  RB_TRY_ASSIGN(const net::Url url, net::parse_url(enrollment.server));
  RB_TRY_ASSIGN(auto tls,
                net::TlsClientContext::create(enrollment.ca_pem, net::TlsVersions::tls13_only));
  ::signal(SIGPIPE, SIG_IGN);

  SystemClock clock;
  crypto::SystemRandom random;
  net::Loop loop;
  LoopEvents events(loop);
  const auto files = make_file_layer(state_folder);
  RB_TRY_ASSIGN(auto journal, Journal::open(*files, clock, random));
  if (!journal->quarantine().empty()) {
    log_error("the journal was damaged; it was put aside and a new one begun",
              {field("file", journal->quarantine())});
  }
  RB_TRY_ASSIGN(Spool spool, Spool::create(state_folder));
  const MachineId machine = enrollment.identity.machine;
  const auto processes = make_linux_processes(events, "reachback-" + machine.text().substr(0, 16));

  pb::Hello::Body facts = read_machine_facts();
  facts.set_agent_version(REACHBACK_VERSION);
  if (!enrollment.host_name.empty()) {
    facts.set_host_name(enrollment.host_name);
  }
  AgentSupervisor supervisor(
      std::move(enrollment.identity),
      SupervisorDeps{
          events, *processes, *journal, spool, clock, random, boot, facts,
          load_contact(state_folder),
          [&](const std::string& contact) { return save_contact(state_folder, contact); },
          [&](const Identity& identity) { return save_order_keys(state_folder, identity); }});
  RB_TRY(supervisor.recover());

  Result<void> outcome;
  Session session(SessionDeps{loop, supervisor, std::move(tls), url.origin, random,
                              [](const MachineId& id) {
                                std::printf("connected %s\n", id.text().c_str());
                                std::fflush(stdout);
                              },
                              release_unused_memory,
                              [&](const std::string& why) {
                                outcome = Error{Errc::forbidden,
                                                "the server dismissed this machine: " + why};
                                loop.stop();
                              }});
  loop.on_signals({SIGTERM, SIGINT}, [&](int) { loop.stop(); });
  session.start();
  loop.run();
  supervisor.shut_down();
  session.stop();
  return outcome;
}

}  // namespace reachback::agent
