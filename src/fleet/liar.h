// An agent that lies: beside what its honest part says, and does, it sends what a server must
// refuse. Each lie is told so that the refusal can be told from every answer to the truth; what a
// server does with the truth stays as it is. Loop thread only.
//
// The lies, and the refusal that each of them must get:
//   at its first connection, a hello that another key has signed   the session ends, no Welcome
//   the end of an action that nobody granted                       ForgetAction
//   start, end, cancellation of another machine's action           ForgetAction, each
//   an upload for another machine's action                         no link (not seen here)
//   the end of its own action under an epoch to come               ForgetAction with that epoch
//   success with a result that stands nowhere                      UploadAgain
//   its own report with a receipt that another key has signed      the receipt is dropped (not seen
//   here)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "agent/ports/supervisor.h"
#include "crypto/ed25519.h"
#include "fleet/rumours.h"
#include "fleet/stats.h"

namespace reachback::fleet {

class Liar : public agent::Supervisor {
 public:
  // All outlive it. stranger: a key that is not the machine's.
  Liar(agent::Supervisor& honest, const MachineId& machine, Stats& stats, Rumours& rumours,
       const Clock& clock, Random& random, const crypto::Ed25519PrivateKey& stranger);

  pb::Hello begin_session(const agent::Challenge& challenge,
                          std::function<void(pb::ToServer)> send) override;
  std::uint64_t next_heartbeat() override { return honest_.next_heartbeat(); }
  void end_session() override;
  void deliver(const pb::ToAgent& message, std::vector<Fd> files) override;
  Result<Fd> open_spool(const pb::UploadRequest& request) override;
  void uploaded(const pb::UploadRequest& request, const std::string& blob_name) override {
    honest_.uploaded(request, blob_name);
  }

 private:
  using Claim = std::pair<std::string, std::uint64_t>;  // action, epoch

  void say_the_truth(pb::ToServer message);
  void lie(pb::ToServer message, const Claim& claim);
  void lie_about_nothing();
  void lie_about_others();
  void lie_about(const pb::Order& order);
  bool is_about_lie(const Claim& claim, std::atomic<std::uint64_t>& counter);
  pb::ToServer ended(const Claim& claim, pb::Outcome outcome);

  agent::Supervisor& honest_;
  const MachineId machine_;
  Stats& stats_;
  Rumours& rumours_;
  const Clock& clock_;
  Random& random_;
  const crypto::Ed25519PrivateKey& stranger_;
  std::function<void(pb::ToServer)> send_;
  std::map<Claim, unsigned> told_;  // how many answers are due to each
  std::map<Claim, bool>
      no_result_;                  // whose UploadAgain is due; true: the honest report has followed
  std::set<std::string> uploads_;  // actions of others that a link was asked for
  bool forged_once_ = false;
  bool forged_ = false;  // the hello of this connection
};

}  // namespace reachback::fleet
