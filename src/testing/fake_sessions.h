// Interactive sessions in memory. Lines are not kept: the stores' own tests have them.
#pragma once

#include <map>

#include "base/mutex.h"
#include "server/ports/interactive_sessions.h"

namespace reachback::testing {

class FakeSessions : public server::InteractiveSessionStore {
 public:
  using Session = server::InteractiveSession;

  // `done` is called without the lock: it may ask again.
  void open(Session session, server::OpenSessionLimits limits, server::AuditEntry,
            Done<Session> done) override {
    done(opened(std::move(session), limits));
  }
  void get(TenantId tenant, SessionId id, Done<Session> done) override { done(find(tenant, id)); }
  void open_ones(server::MachineScope scope, Done<std::vector<Session>> done) override {
    done(open_of(scope.tenant));
  }
  void commands(TenantId tenant, SessionId id, std::size_t,
                Done<std::vector<server::SessionCommand>> done) override {
    auto session = find(tenant, id);
    done(session ? Result<std::vector<server::SessionCommand>>(lines_of(id)) : session.error());
  }
  void number_of(TenantId, ActionId, Done<std::uint64_t> done) override { done(next_number()); }
  void end(TenantId tenant, SessionId id, std::string reason, server::AuditEntry audit,
           Done<Session> done) override {
    auto session = find(tenant, id);
    if (session && !session->ended) {
      session->ended = audit.at;
      session->end_reason = std::move(reason);
      MutexLock lock(mutex_);
      sessions_[id] = *session;
    }
    done(std::move(session));
  }
  void end_idle(Timestamp, Duration, Done<std::size_t> done) override { done(std::size_t{0}); }

  // What commands() gives of the session.
  void set_lines(SessionId id, std::vector<server::SessionCommand> lines) {
    MutexLock lock(mutex_);
    lines_[id] = std::move(lines);
  }

 private:
  Result<Session> opened(Session session, const server::OpenSessionLimits& limits) {
    MutexLock lock(mutex_);
    std::uint64_t on_machine = 0;
    for (const auto& [id, other] : sessions_) {
      on_machine += other.machine == session.machine && !other.ended ? 1 : 0;
    }
    if (limits.of_machine != 0 && on_machine >= limits.of_machine) {
      return Error{Errc::conflict, session.machine_name + " has an open session"};
    }
    sessions_[session.id] = session;
    return session;
  }
  Result<Session> find(const TenantId& tenant, const SessionId& id) {
    MutexLock lock(mutex_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.tenant != tenant) {
      return Error{Errc::not_found, "Session " + id.text() + " was not found"};
    }
    return found->second;
  }
  std::vector<Session> open_of(const TenantId& tenant) {
    MutexLock lock(mutex_);
    std::vector<Session> out;
    for (const auto& [id, session] : sessions_) {
      if (session.tenant == tenant && !session.ended) {
        out.push_back(session);
      }
    }
    return out;
  }
  std::vector<server::SessionCommand> lines_of(const SessionId& id) {
    MutexLock lock(mutex_);
    return lines_[id];
  }
  std::uint64_t next_number() {
    MutexLock lock(mutex_);
    return ++numbers_;
  }

  Mutex mutex_;
  std::map<SessionId, Session> sessions_ RB_GUARDED_BY(mutex_);
  std::map<SessionId, std::vector<server::SessionCommand>> lines_ RB_GUARDED_BY(mutex_);
  std::uint64_t numbers_ RB_GUARDED_BY(mutex_) = 0;  // so many lines so far
};

}  // namespace reachback::testing
