// Accepting an action (A0).
#include <atomic>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "protocol/codec.h"
#include "protocol/words.h"
#include "server/service/audit_of.h"
#include "server/service/live_response_service.h"
#include "server/service/scope.h"

namespace reachback::server {

// One submit on its way: idempotency key, machine, each library file, then the store.
struct Submission {
  Principal by;
  SubmitRequest request;
  Machine machine;
  std::vector<action::Command> commands;
  Done<action::Action> done;
};

// An insert and the grant queued behind it, whose answers come in any order and on any thread.
struct Accepting {
  static constexpr int kInserted = 1, kNotGranted = 2;
  action::Step grant;
  std::atomic<int> known{0};
  // True, once: a new action stands there and was not granted, so its machine needs a hint.
  bool is(int fact) { return (known.fetch_or(fact) | fact) == (kInserted | kNotGranted); }
};

namespace {

static_assert(kRequestorBytesMax == protocol::kRequestorBytesMax,
              "whoever may submit has a name that fits into an order");

// Linux agents name their distribution, of which there are many; the others are known. A machine
// that has not said yet what it runs gets its order, and answers for itself.
// Source: trust.md §5.2.20, §5.8.19.
bool is_served(std::string_view os_platform) {
  const std::string name = to_lower(os_platform);
  for (std::string_view other : {"windows", "macos", "mac os", "darwin", "ios", "android",
                                 "freebsd", "openbsd", "netbsd", "solaris", "sunos", "aix"}) {
    if (name.starts_with(other)) {
      return false;
    }
  }
  return true;
}

Result<void> check(const SubmitRequest& request) {
  if (request.commands.empty()) {
    return Error{Errc::missing_parameter, "Commands: at least one command is required"};
  }
  if (request.commands.size() > protocol::kCommandsMax) {
    return Error{Errc::batch_too_large, "Received: " + std::to_string(request.commands.size()) +
                                            ", allowed: " + std::to_string(protocol::kCommandsMax)};
  }
  for (std::size_t i = 0; i < request.commands.size(); ++i) {
    if (request.commands[i].args) {
      if (auto words = protocol::split_words(*request.commands[i].args); !words) {
        return Error{Errc::invalid_input,
                     "Commands[" + std::to_string(i) + "]: Args: " + words.error().message};
      }
    }
  }
  return {};
}

Duration timeout_of(action::CommandType type, const LiveResponseLimits& limits) {
  switch (type) {
    case action::CommandType::put_file:
      return limits.put_file_timeout;
    case action::CommandType::get_file:
    case action::CommandType::collect:
      return limits.get_file_timeout;
    case action::CommandType::run_script:
      return limits.script_timeout;
    case action::CommandType::built_in:
    case action::CommandType::terminal:
      return limits.built_in_timeout;
  }
  return limits.script_timeout;
}

}  // namespace

void LiveResponseService::submit(const Principal& by, SubmitRequest request,
                                 Done<action::Action> done) {
  if (auto ok = check(request); !ok) {
    done(ok.error());
    return;
  }
  auto s = std::make_shared<Submission>();
  s->by = by;
  s->request = std::move(request);
  s->done = std::move(done);
  if (!s->request.idempotency_key) {
    find_machine(s);
    return;
  }
  // First of all: a repeat gets its action, though the machine or a script went away meanwhile.
  deps_.actions.find_key(by.tenant, *s->request.idempotency_key,
                         [this, s](Result<std::optional<action::Action>> earlier) {
                           if (!earlier) {
                             s->done(earlier.error());
                           } else if (*earlier) {
                             answer_replay(s, std::move(**earlier));
                           } else {
                             find_machine(s);
                           }
                         });
}

// The repeat of a call, if its machine still exists for the caller.
void LiveResponseService::answer_replay(const std::shared_ptr<Submission>& s,
                                        action::Action earlier) {
  if (!s->by.machine_tags) {
    s->done(std::move(earlier));
    return;
  }
  find_action(s->by, earlier.id, [s](Result<action::Action> a) {
    const bool hidden = !a && a.error().code == Errc::not_found;
    s->done(hidden ? machine_not_found(s->request.machine.text()) : std::move(a));
  });
}

void LiveResponseService::find_machine(const std::shared_ptr<Submission>& s) {
  deps_.machines.get(s->by.tenant, s->request.machine, [this, s](Result<Machine> machine) {
    if (!machine || machine->revoked || !is_in_scope(s->by, machine->tags)) {
      bool unknown = machine.ok() || machine.error().code == Errc::not_found;
      s->done(unknown ? machine_not_found(s->request.machine.text()) : machine.error());
      return;
    }
    if (!is_served(machine->os_platform)) {
      s->done(Error{Errc::os_not_supported,
                    "Live response is not supported on " + machine->os_platform});
      return;
    }
    s->machine = std::move(*machine);
    pin_next_file(s, 0);
  });
}

// Pins the library version of each command that names one: the action runs the bytes it was
// accepted with.
void LiveResponseService::pin_next_file(std::shared_ptr<Submission> s, std::size_t index) {
  if (index == s->request.commands.size()) {
    store_submission(s);
    return;
  }
  const SubmitCommand& wanted = s->request.commands[index];
  action::Command command;
  command.type = wanted.type;
  command.params = wanted.params;
  command.file_name = wanted.file_name;
  command.args = wanted.args;
  command.path = wanted.path;
  command.keep = wanted.keep;
  command.timeout = wanted.timeout.value_or(timeout_of(wanted.type, limits_));
  if (!takes_library_file(wanted.type)) {
    s->commands.push_back(std::move(command));
    pin_next_file(std::move(s), index + 1);
    return;
  }
  deps_.library.get(
      s->by.tenant, wanted.file_name, [this, s, index, command](Result<LibraryFile> file) mutable {
        if (!file) {
          s->done(file.error().code == Errc::not_found
                      ? Error{Errc::invalid_input, "Commands[" + std::to_string(index) + "]: '" +
                                                       command.file_name +
                                                       "' is not in the library"}
                      : file.error());
          return;
        }
        command.file_sha256 = file->sha256;
        command.file_bytes = file->bytes;
        s->commands.push_back(std::move(command));
        pin_next_file(s, index + 1);
      });
}

void LiveResponseService::store_submission(const std::shared_ptr<Submission>& s) {
  action::Action a;
  a.tenant = s->by.tenant;
  a.id = ActionId::make(deps_.random);
  a.machine = s->machine.id;
  a.machine_name = s->machine.name;
  a.commands = std::move(s->commands);
  a.requestor = s->by.requestor;
  a.comment = s->request.comment;
  a.title = s->request.title;
  a.external_id = s->request.external_id;
  a.request_source = s->request.request_source;
  a.created = a.updated = deps_.clock.now();
  a.queue_deadline = a.created + limits_.queue;
  a.window = limits_.window_slack;
  for (const action::Command& c : a.commands) {
    a.window += c.timeout;
  }
  AuditEntry audit = audit_of(s->by, a.created, "accepted", a.comment);
  auto accepting = std::make_shared<Accepting>();
  if (auto claim = deps_.links.claim(a.machine); claim && claim->tenant == a.tenant) {
    accepting->grant = action::step(a, action::Claimed{claim->generation}, a.created);
  }
  const bool granted = accepting->grant.verdict == action::Verdict::applied;
  if (!granted) {
    accepting->is(Accepting::kNotGranted);
  }
  deps_.actions.insert(std::move(a), s->request.idempotency_key,
                       InsertLimits{limits_.active_max, s->request.session_line}, std::move(audit),
                       [this, s, accepting](Result<Inserted> inserted) {
                         if (!inserted) {
                           s->done(inserted.error());
                           return;
                         }
                         RB_FAILPOINT("server.accept.after_commit");
                         action::Action accepted = std::move(inserted->action);
                         if (!inserted->replayed && accepting->is(Accepting::kInserted)) {
                           deps_.notify.machine_hint(accepted.tenant, accepted.machine);
                         }
                         s->done(std::move(accepted));
                       });
  if (granted) {
    grant_at_once(accepting);
  }
}

// The machine is connected: the grant (A1) is queued right behind the insert, so that one commit
// carries both. It changes nothing when the insert failed or was a replay: its row is not there.
// That costs such a request one write that finds no row.
void LiveResponseService::grant_at_once(const std::shared_ptr<Accepting>& accepting) {
  action::Action& next = accepting->grant.next;
  next.version = 1;  // what insert() gives
  AuditEntry audit{*next.granted, "granted", next.machine.text(), ""};
  deps_.actions.replace(next, std::move(audit),
                        [this, accepting, tenant = next.tenant,
                         machine = next.machine](Result<action::Action> stored) {
                          if (stored) {
                            accepting->grant.next = std::move(*stored);
                            act(accepting->grant);
                          } else if (accepting->is(Accepting::kNotGranted)) {
                            deps_.notify.machine_hint(tenant, machine);
                          }
                        });
}

}  // namespace reachback::server
