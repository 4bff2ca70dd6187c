#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "agent/journal/file_layer.h"
#include "agent/os_linux/cgroup.h"
#include "agent/os_linux/machine.h"
#include "agent/os_linux/network_launcher.h"
#include "agent/os_linux/processes.h"
#include "agent/os_linux/state_folder.h"
#include "agent/seam/keeper.h"
#include "agent/wire/commands.h"
#include "agent/wire/enrollment_files.h"
#include "agent/wire/loop_events.h"
#include "agent/wire/policy_file.h"
#include "agent/wire/running_file.h"
#include "base/log.h"
#include "crypto/random.h"

namespace reachback::agent {
namespace {

// For the network process to close its connection.
constexpr Duration kFarewell = std::chrono::seconds(2);

// Sets whom the network process becomes; for a person, who that is.
Result<std::string> choose_network_user(const std::string& wanted, pb::SeamSetup& setup) {
  if (::geteuid() != 0) {
    log_warning("not started as root: the network process keeps the user of the supervisor");
    return std::string("the supervisor's own user, as the agent was not started by root");
  }
  RB_TRY_ASSIGN(const NetworkUser user, find_network_user(wanted));
  setup.set_switch_user(true);
  setup.set_uid(user.uid);
  setup.set_gid(user.gid);
  return "user " + user.name;
}

std::string describe(const pb::SeamReady& level, const std::string& user) {
  return user + (level.no_new_privileges() ? ", no new privileges" : ", NEW PRIVILEGES POSSIBLE") +
         (level.system_calls_filtered() ? ", system calls filtered"
                                        : ", SYSTEM CALLS NOT FILTERED") +
         (level.landlock() > 0 ? ", Landlock " + std::to_string(level.landlock())
                               : ", no Landlock");
}

}  // namespace

Result<void> run(const std::string& state_folder) {
  harden_process();
  RB_TRY(check_state_folder(state_folder));
  RB_TRY_ASSIGN(PolicyFile policy, load_policy(state_folder));
  RB_TRY_ASSIGN(Enrollment enrollment, load_enrollment(state_folder));
  RB_TRY_ASSIGN(Fd lock, lock_state_folder(state_folder));
  RB_TRY_ASSIGN(const BootId boot, read_boot_id());
  pb::SeamSetup setup;
  RB_TRY_ASSIGN(std::string network_user, choose_network_user(policy.network_user, setup));
  setup.set_server(enrollment.server);
  setup.set_ca_pem(std::exchange(enrollment.ca_pem, {}));
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
  RB_TRY_ASSIGN(const auto spool, make_folder_spool(state_folder));
  const MachineId machine = enrollment.identity.machine;
  const CgroupParent cgroup = prepare_cgroup(own_cgroup_folder());
  policy.limits.memory_by_cgroup = cgroup.memory;
  RunningFacts said;
  said.policy = policy.policy.source.empty() ? "none: everything is allowed" : policy.policy.source;
  said.limits = describe(cgroup);
  log_info("started", {field("policy", said.policy), field("script_limits", said.limits)});
  const auto bystander = std::make_shared<Bystander>();
  const auto processes =
      make_linux_processes(events, ProcessesOptions{"reachback-" + machine.text().substr(0, 16),
                                                    cgroup, policy.limits, bystander});

  const auto facts = [host_name = enrollment.host_name] {
    pb::Hello::Body now = read_machine_facts();
    now.set_agent_version(REACHBACK_VERSION);
    if (!host_name.empty()) {
      now.set_host_name(host_name);
    }
    return now;
  };
  AgentSupervisor supervisor(std::move(enrollment.identity),
                             SupervisorDeps{events, *processes, *journal, *spool, clock, random,
                                            boot, facts, load_contact(state_folder),
                                            [&](const std::string& contact) {
                                              // Once in each session, when the server has welcomed
                                              // this very machine.
                                              std::printf("connected %s\n", machine.text().c_str());
                                              std::fflush(stdout);
                                              return save_contact(state_folder, contact);
                                            },
                                            [&](const Identity& identity) {
                                              return save_order_keys(state_folder, identity);
                                            },
                                            std::move(policy.policy)});
  RB_TRY(supervisor.recover());

  Result<void> outcome;
  const auto launcher = make_network_launcher(bystander);
  NetworkKeeper keeper(
      KeeperDeps{events, random, clock, supervisor, *launcher, std::move(setup),
                 [&](const pb::SeamReady& level) {
                   said.network = describe(level, network_user);
                   log_info("the network process is ready", {field("protection", said.network)});
                   save_running(state_folder, said);
                 },
                 [&](const std::string& why) {
                   outcome = Error{Errc::forbidden, "the server dismissed this machine: " + why};
                   loop.stop();
                 },
                 release_unused_memory});
  loop.on_signals({SIGTERM, SIGINT}, [&](int) { loop.stop(); });
  keeper.start();
  loop.run();
  supervisor.shut_down();
  keeper.stop(kFarewell);
  return outcome;
}

}  // namespace reachback::agent
