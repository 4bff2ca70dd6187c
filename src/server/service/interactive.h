// The use cases of interactive sessions: a responder at work on one machine, line by line. Each
// line that concerns the machine is an action of its own (live_response.h); a session says who
// works where. docs/interactive-sessions.md. Threads as in live_response.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/ports/directory.h"
#include "server/ports/interactive_sessions.h"
#include "server/service/command_line.h"
#include "server/service/live_response.h"

namespace reachback::server {

struct InteractiveLimits {
  OpenSessionLimits open;
  Duration long_command = std::chrono::minutes(30);
  std::uint64_t commands_shown = 1000;  // the newest of a session
};

// A line that concerns the machine.
struct TypedLine {
  std::string text;    // as it was typed
  std::string folder;  // the current one
  std::optional<IdempotencyKey> key;
  SubmitCommand command;
};

// What somebody types into a terminal (api/agent.proto, TerminalInput).
struct TypedInput {
  std::uint64_t from = 0;  // so many bytes were typed before
  std::string bytes;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::string signature;  // by the key that the terminal was opened with
};

class Interactive {
 public:
  struct Deps {
    InteractiveSessionStore& store;
    MachineStore& machines;
    LiveResponse& live_response;
    AgentLinks& links;
    Scheduler& scheduler;
    const Clock& clock;
    Random& random;
  };
  // An agent that has not said so long how much it took has not taken it.
  static constexpr Duration kTypingPatience = std::chrono::seconds(10);
  Interactive(Deps deps, InteractiveLimits limits) : deps_(deps), limits_(limits) {}

  // Errors: not_found (the machine, for this caller), conflict (it has a session),
  // too_many_requests (the tenant or the caller has as many as they may), unavailable,
  // storage_full.
  void open(const Principal& by, MachineId machine, std::string comment,
            const Done<InteractiveSession>& done);
  // The open ones of the caller's machines, newest first.
  void open_ones(const Principal& by, Done<std::vector<InteractiveSession>> done);
  // Errors of these: not_found (the session, or its machine for this caller), unavailable.
  void get(const Principal& by, SessionId id, const Done<InteractiveSession>& done);
  // The session, if it takes lines from this caller. Errors: also forbidden (it is somebody
  // else's), conflict (it has ended).
  void open_to(const Principal& by, SessionId id, const Done<InteractiveSession>& done);
  void commands(const Principal& by, SessionId id, const Done<std::vector<SessionCommand>>& done);
  // The line as an action; a repeat with the same key is answered with the same. Errors: also
  // forbidden (the session is somebody else's), conflict (it has ended), and those of
  // LiveResponse::submit().
  void run(const Principal& by, SessionId id, const CommandLine& line, TypedLine typed,
           const Done<SessionCommand>& done);
  // Types into a terminal; how many bytes have been typed into it since it began. Errors: not_found
  // (the action, for this caller), conflict (it is no terminal, has not begun, has ended),
  // forbidden (not signed by its key, or the agent says so), unavailable (the agent is not
  // connected or does not answer: asking again is harmless).
  void type(const Principal& by, ActionId id, const TypedInput& input,
            const Done<std::uint64_t>& done);
  // Whoever may run live response on the machine may. Ended already: ok.
  void end(const Principal& by, SessionId id, const Done<InteractiveSession>& done);

  // For the server: ends idle ones. Call every few seconds or minutes.
  void end_idle(Done<std::size_t> done);

  Duration idle_timeout() const { return limits_.open.idle; }

 private:
  void submit(const Principal& by, const InteractiveSession& session, const TypedLine& typed,
              const Done<SessionCommand>& done);

  Deps deps_;
  InteractiveLimits limits_;
};

}  // namespace reachback::server
