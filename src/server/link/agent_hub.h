// The agents connected to this process: who they are, and how to reach them. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "net/executor.h"
#include "server/link/agent_questions.h"
#include "server/ports/links.h"

namespace reachback::server {

// One live session as the hub sees it. Calls on the session's loop thread only, but for loop() and
// is_fresh(), which any thread may call.
class SessionEnd {
 public:
  virtual ~SessionEnd() = default;
  virtual net::Executor& loop() = 0;
  // The agent was heard of so lately that it is believed to be there: its claim stands.
  virtual bool is_fresh() const = 0;
  virtual bool is_over() const = 0;  // what is sent goes nowhere
  virtual void send(const std::string& frame) = 0;
  virtual void end(std::string_view reason, bool permanent) = 0;
  // Puts the machine in quarantine and ends.
  virtual void suspect(std::string why) = 0;
};

class AgentHub : public AgentLinks {
 public:
  std::optional<Claim> claim(const MachineId& machine) const override;
  std::vector<MachineId> online(const TenantId& tenant) const override;
  bool push(const MachineId& machine, const pb::ToAgent& message) override;
  void read_output(const MachineId& machine, pb::ReadOutput question,
                   Done<pb::OutputPiece> done) override;
  void type_input(const MachineId& machine, pb::TerminalInput input,
                  Done<pb::TerminalTaken> done) override;
  void suspect(const MachineId& machine, const std::string& session, std::string why) override;

  // An agent's answer to read_output() or type_input(). False: this message is none, or this
  // session was not asked.
  bool answered(const SessionEnd* session, const pb::ToServer& message) {
    return (message.has_output_piece() && reads_.answered(session, message.output_piece())) ||
           (message.has_terminal_taken() && typed_.answered(session, message.terminal_taken()));
  }

  // The newer session of a machine wins, the older one is told to end; of two sessions of one run
  // of an agent the later connection is the newer. Source: trust.md §5.9.19. It gets nothing before
  // confirm(), and nothing at all when it is in quarantine.
  void add(Claim claim, bool in_quarantine, std::shared_ptr<SessionEnd> session);
  // Takes it out unless a newer session has taken its place.
  void remove(const MachineId& machine, const SessionEnd* session);
  // The session keeps its contact.
  void confirm(const MachineId& machine, const SessionEnd* session);
  // Nothing more is granted or pushed to it.
  void quarantine(const MachineId& machine);
  void heartbeat(const MachineId& machine, const SessionEnd* session, std::uint64_t seq);
  void order_keys(const MachineId& machine, const SessionEnd* session, std::uint64_t version);
  // The agent says that it has journalled an order. True: it still needs the push, for this session
  // has not pushed it: after a restart the agent holds the journal but no longer the scripts.
  bool received(const MachineId& machine, const SessionEnd* session, const ActionId& action,
                std::uint64_t epoch);
  // The agent refuses the order whose bytes have this digest. True: it is the newest one that this
  // session has pushed, and it is not pushed again.
  bool refused(const MachineId& machine, const SessionEnd* session, const ActionId& action,
               std::uint64_t epoch, std::string_view order_sha256);
  std::size_t size() const;
  // Sends it to every session.
  void send_all(const pb::ToAgent& message);
  void end_all(std::string_view reason);
  void end_one(const MachineId& machine, std::string_view reason);

 private:
  struct Entry {
    Claim claim;
    std::shared_ptr<SessionEnd> session;
    Claim::Grant pushed;  // the newest order that went over this session
    std::string pushed_sha256;
    bool confirmed = false;
    bool in_quarantine = false;
  };
  static bool has_claim(const Entry& entry);
  static bool note_pushed(Entry& entry, const pb::ExecuteOrder& message);
  Entry* find(const MachineId& machine, const SessionEnd* session) RB_REQUIRES(mutex_);

  // The session that a question goes to; nullptr: there is none.
  std::shared_ptr<SessionEnd> asked_of(const MachineId& machine) const;
  template <typename Answer>
  void ask(std::shared_ptr<SessionEnd> session, AgentQuestions<Answer>& questions,
           std::uint64_t number, const pb::ToAgent& message);

  AgentQuestions<pb::OutputPiece> reads_;
  AgentQuestions<pb::TerminalTaken> typed_;
  mutable SharedMutex mutex_;
  std::unordered_map<MachineId, Entry> entries_ RB_GUARDED_BY(mutex_);
  // What any session of a machine has said to hold, kept after its end: who comes next is measured
  // by it.
  std::unordered_map<MachineId, Claim::Grants> taken_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
