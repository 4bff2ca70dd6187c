// One simulated agent: the production agent's session, supervisor and journal, on a machine that is
// not there. Made, used and destroyed on its loop's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/session/session.h"
#include "agent/supervisor/agent_supervisor.h"
#include "agent/wire/loop_events.h"
#include "fleet/behaviour.h"
#include "fleet/descriptors.h"
#include "fleet/fleet_state.h"
#include "fleet/liar.h"
#include "fleet/memory_journal.h"
#include "fleet/memory_spool.h"
#include "fleet/observed_supervisor.h"
#include "fleet/scripted_processes.h"

namespace reachback::fleet {

// What all agents of one loop share; outlives them.
struct LoopWorld {
  net::Loop& loop;
  agent::LoopEvents events;
  FleetState& state;
  Stats& stats;
  Rumours& rumours;
  Random& random;
  const Clock& clock;
  std::shared_ptr<net::TlsClientContext> tls;
  net::Origin server;
  std::size_t sources = 0;  // see addresses.h; 0: the system chooses where they come from
  Pace pace;
  BootId boot;
  pb::Hello::Body facts;  // of every machine, but for its name and address
  crypto::Ed25519PrivateKey stranger;
  DescriptorBudget budget;
};

// "fleet-00042-slow".
std::string host_name(std::size_t index, Behaviour behaviour);

class SimAgent {
 public:
  // settled: each time a connection has come to its welcome, or to its end without.
  SimAgent(LoopWorld& world, std::size_t index, Behaviour behaviour, std::function<void()> settled);
  ~SimAgent();
  SimAgent(const SimAgent&) = delete;
  SimAgent& operator=(const SimAgent&) = delete;

  // Once. journal: of stop(), or empty. Errors: the journal's.
  Result<void> start(std::string journal);
  // As an agent is told to end: what runs is ended and journalled as interrupted. Then the journal,
  // for the next run; empty where it never started.
  std::string stop();

  std::size_t index() const { return index_; }

 private:
  class CountedDialer;
  pb::Hello::Body facts() const;
  void connect();
  void flap();

  LoopWorld& world_;
  const std::size_t index_;
  const Behaviour behaviour_;
  const std::string from_;
  std::function<void()> settled_;
  std::unique_ptr<net::Dialer> dialer_;
  MemorySpool spool_;
  ScriptedProcesses processes_;
  std::optional<MemoryJournal> journal_;
  std::unique_ptr<agent::AgentSupervisor> supervisor_;
  std::unique_ptr<ObservedSupervisor> observed_;
  std::unique_ptr<Liar> liar_;              // of those that lie
  agent::Supervisor* spoken_to_ = nullptr;  // by the session: the outermost of these
  std::unique_ptr<agent::Session> session_;
  std::unique_ptr<net::Timer> flap_;
};

}  // namespace reachback::fleet
