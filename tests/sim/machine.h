// A machine of the simulated world: a disk that loses what was not synced, scripts that run for a
// while, clocks that are off, and the production agent on top of them.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "agent/journal/journal.h"
#include "agent/journal/test_support.h"
#include "agent/session/session.h"
#include "agent/supervisor/agent_supervisor.h"
#include "history.h"
#include "network.h"

namespace reachback::sim {

// Files in memory; those that were not synced go with the power.
class SimSpool : public agent::Spool {
 public:
  bool full = false;
  std::function<void(const ActionId&, std::uint32_t)> on_placed;
  void lose_power() {
    std::erase_if(files_, [](const auto& file) { return !file.second.synced; });
  }
  Result<agent::StreamFiles> make_streams(const ActionId& action, std::uint32_t index) override;
  Result<Fd> make_result(const ActionId& action, std::uint32_t index) override;
  Result<Fd> open(const ActionId& action, std::uint32_t index, pb::UploadKind kind) override;
  Result<void> sync(const Fd& file) override;
  void remove(const ActionId& action, std::uint32_t index, pb::UploadKind kind) override;
  Result<std::string> work_folder(const ActionId&) override { return std::string("/"); }
  Result<Fd> make_work_file(const ActionId& action, std::uint32_t index) override;
  Result<void> place_file(const ActionId& action, std::uint32_t index,
                          const std::string& name) override;
  Result<void> keep_work_folder(const ActionId&, const BootId&) override { return {}; }
  void remove_work_folder(const ActionId&) override {}
  void remove_others(const std::set<ActionId>& keep, const BootId& boot) override;

 private:
  using Key = std::tuple<ActionId, std::uint32_t, int>;
  struct File {
    Fd file;
    bool synced = false;
  };
  Result<Fd> make(const Key& key);
  std::map<Key, File> files_;
};

// The same key for the same name.
crypto::Ed25519PrivateKey make_key(const std::string& name);

struct MachineWorld {
  Engine& engine;
  Network& network;
  std::function<void(Event)> record;
  TenantId tenant;
  crypto::Ed25519PublicKey order_key;
  // How long a script runs, at most.
  Duration script_max = std::chrono::seconds(40);
  double start_fails = 0;
};

class Machine {
 public:
  Machine(MachineWorld& world, std::string name, ClockFault clock);
  ~Machine();

  const MachineId& id() const { return id_; }
  const std::string& name() const { return name_; }
  std::string spki() const { return key_.public_key().spki(); }
  bool is_up() const { return running_ != nullptr; }
  const LifePtr& life() const;
  SimClock& clock() { return clock_; }
  agent::LossyDisk& disk() { return *disk_; }
  SimSpool& spool() { return spool_; }

  void start_agent();
  // The agent's process dies; scripts may go on without it.
  void kill_agent(bool scripts_survive);
  // The power goes: the agent, the scripts, and what was not synced.
  void lose_power();
  // The journal and the spool are gone: a new journal, the same key.
  void lose_journal();
  // Reinstalled: of the state folder the key alone is left.
  void reinstall();
  // Since the last call, something happened for which the server may put it in quarantine.
  bool gave_cause_for_quarantine() { return std::exchange(gave_cause_, false); }
  void stop_for(Duration d);
  void bury() { dead_.clear(); }
  // The disk was told to lose power in the middle of an operation, and has.
  bool power_has_gone() const { return disk_->operations_left == 0; }

 private:
  class SimEvents;
  class SimProcesses;
  struct Running;
  struct Script {
    std::string action;
    std::uint32_t index = 0;
    Duration ends{};
    int exit_code = 0;
  };
  void end_life(bool power_lost);
  void tell_start(const std::string& action, std::uint32_t index);
  void told_exit(const Script& script, bool seen);
  bool has_intent_on_disk(const std::string& action, std::uint32_t index) const;

  MachineWorld& world_;
  const std::string name_;
  SimClock clock_;
  crypto::Ed25519PrivateKey key_;
  MachineId id_;
  std::unique_ptr<agent::LossyDisk> disk_;
  std::vector<std::unique_ptr<agent::LossyDisk>> old_disks_;  // an agent may still hold files of it
  SimSpool spool_;
  BootId boot_;
  std::string contact_;
  bool gave_cause_ = false;
  std::uint64_t boots_ = 0;
  std::shared_ptr<Running> running_;
  std::vector<std::shared_ptr<Running>> dead_;
  // The script that runs, whether or not an agent watches it.
  std::shared_ptr<Script> script_;
};

}  // namespace reachback::sim
