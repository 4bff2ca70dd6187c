#include "server/service/interactive.h"

#include "server/service/audit_of.h"
#include "server/service/scope.h"
#include "server/service/texts.h"

namespace reachback::server {
namespace {

Error not_yours(const InteractiveSession& session) {
  return Error{Errc::forbidden, "the session is " + session.creator + "'s"};
}

}  // namespace

void Interactive::open(const Principal& by, MachineId machine, std::string comment,
                       const Done<InteractiveSession>& done) {
  deps_.machines.get(
      by.tenant, machine,
      [this, by, machine, comment = std::move(comment), done](const Result<Machine>& found) {
        if (!found || found->revoked || !is_in_scope(by, found->tags)) {
          const bool unknown = found.ok() || found.error().code == Errc::not_found;
          done(unknown ? machine_not_found(machine.text()) : found.error());
          return;
        }
        InteractiveSession session;
        session.tenant = by.tenant;
        session.id = SessionId::make(deps_.random);
        session.machine = machine;
        session.machine_name = found->name;
        session.caller = by.caller;
        session.creator = by.requestor;
        session.comment = comment;
        session.created = deps_.clock.now();
        AuditEntry audit = audit_of(by, session.created, "session_opened", comment);
        deps_.store.open(std::move(session), limits_.open, std::move(audit), done);
      });
}

void Interactive::open_ones(const Principal& by, Done<std::vector<InteractiveSession>> done) {
  deps_.store.open_ones(scope_of(by), std::move(done));
}

void Interactive::get(const Principal& by, SessionId id, const Done<InteractiveSession>& done) {
  deps_.store.get(by.tenant, id, [this, by, id, done](Result<InteractiveSession> session) {
    if (!session || !by.machine_tags) {
      done(std::move(session));
      return;
    }
    deps_.machines.get(by.tenant, session->machine,
                       [by, id, session, done](const Result<Machine>& machine) {
                         const bool gone = !machine && machine.error().code == Errc::not_found;
                         if (gone || (machine && !is_in_scope(by, machine->tags))) {
                           done(session_not_found(id.text()));
                           return;
                         }
                         done(machine ? session : machine.error());
                       });
  });
}

void Interactive::open_to(const Principal& by, SessionId id, const Done<InteractiveSession>& done) {
  get(by, id, [by, done](Result<InteractiveSession> session) {
    if (session && session->caller != by.caller) {
      done(not_yours(*session));
    } else if (session && session->ended) {
      done(session_has_ended(session->end_reason));
    } else {
      done(std::move(session));
    }
  });
}

void Interactive::commands(const Principal& by, SessionId id,
                           const Done<std::vector<SessionCommand>>& done) {
  get(by, id, [this, by, id, done](const Result<InteractiveSession>& session) {
    if (!session) {
      done(session.error());
      return;
    }
    deps_.store.commands(by.tenant, id, limits_.commands_shown, done);
  });
}

void Interactive::run(const Principal& by, SessionId id, const CommandLine& line, TypedLine typed,
                      const Done<SessionCommand>& done) {
  if (typed.command.type == action::CommandType::terminal) {
    // Nobody types for as long as a session may be idle: it ends.
    *typed.command.args +=
        " idle=" +
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limits_.open.idle).count());
  }
  if (line.command->long_running || typed.command.type == action::CommandType::run_script) {
    typed.command.timeout = limits_.long_command;
  }
  get(by, id,
      [this, by, typed = std::move(typed), done](const Result<InteractiveSession>& session) {
        if (!session) {
          done(session.error());
        } else if (session->caller != by.caller) {
          done(not_yours(*session));
        } else if (session->ended && !typed.key) {
          done(session_has_ended(session->end_reason));
        } else {
          submit(by, *session, typed, done);
        }
      });
}

// Of a session that has ended, too: a repeat is answered all the same, and the store refuses what
// is new.
void Interactive::submit(const Principal& by, const InteractiveSession& session,
                         const TypedLine& typed, const Done<SessionCommand>& done) {
  SubmitRequest request;
  request.machine = session.machine;
  request.commands.push_back(typed.command);
  request.comment = typed.text;
  request.external_id = session.id.text();
  request.request_source = "Portal";
  request.idempotency_key = typed.key;
  request.session_line =
      SessionLine{session.id, typed.text, typed.folder, deps_.clock.now() - limits_.open.idle};
  deps_.live_response.submit(by, std::move(request),
                             [this, tenant = by.tenant, text = typed.text, folder = typed.folder,
                              done](Result<action::Action> action) {
                               if (!action) {
                                 done(action.error());
                                 return;
                               }
                               auto out = std::make_shared<SessionCommand>();
                               out->line = text;
                               out->folder = folder;
                               out->action = std::move(*action);
                               deps_.store.number_of(
                                   tenant, out->action.id,
                                   [out, done](const Result<std::uint64_t>& number) {
                                     if (!number) {
                                       done(number.error());
                                       return;
                                     }
                                     out->number = *number;
                                     done(std::move(*out));
                                   });
                             });
}

void Interactive::end(const Principal& by, SessionId id, const Done<InteractiveSession>& done) {
  get(by, id, [this, by, id, done](Result<InteractiveSession> session) {
    if (!session || session->ended) {
      done(std::move(session));
      return;
    }
    const std::string reason = "closed by " + by.requestor;
    deps_.store.end(by.tenant, id, reason, audit_of(by, deps_.clock.now(), "session_ended", reason),
                    done);
  });
}

void Interactive::end_idle(Done<std::size_t> done) {
  deps_.store.end_idle(deps_.clock.now(), limits_.open.idle, std::move(done));
}

}  // namespace reachback::server
