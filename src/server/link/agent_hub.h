// The agents connected to this process: who they are, and how to reach them. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "net/executor.h"
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
  virtual void send(const std::string& frame) = 0;
  virtual void end(std::string_view reason, bool permanent) = 0;
};

class AgentHub : public AgentLinks {
 public:
  std::optional<Claim> claim(const MachineId& machine) const override;
  bool push(const MachineId& machine, const pb::ToAgent& message) override;

  // The newer session of a machine wins, the older one is told to end. Source: trust.md §5.9.19.
  void add(Claim claim, std::shared_ptr<SessionEnd> session);
  // Takes it out unless a newer session has taken its place.
  void remove(const MachineId& machine, const SessionEnd* session);
  void heartbeat(const MachineId& machine, const SessionEnd* session, std::uint64_t seq);
  // The agent says that it has journalled an order. Believed as "needs no further push" only when
  // this very session has pushed it: after a restart the agent holds the journal but no longer the
  // scripts.
  void holds(const MachineId& machine, const SessionEnd* session, const ActionId& action,
             std::uint64_t epoch);
  std::size_t size() const;
  void end_all(std::string_view reason);

 private:
  struct Entry {
    Claim claim;
    std::shared_ptr<SessionEnd> session;
    ActionId pushed_action;  // the newest order that went over this session
    std::uint64_t pushed_epoch = 0;
  };
  static void note_pushed(Entry& entry, const pb::ExecuteOrder& message);
  mutable SharedMutex mutex_;
  std::unordered_map<MachineId, Entry> entries_ RB_GUARDED_BY(mutex_);
};

}  // namespace reachback::server
