// The one function that decides: what an event does to an action. Pure and total: defined for every
// state and every event, no clock, no I/O. Row ids (A0..A11) are those of docs/state-machine.md.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "server/action/action.h"

namespace reachback::action {

// ---- events: what happened (past participles) ----
// generation: of the journal that says so. Only the journal that a grant is bound to knows what was
// started under it: from another one "nothing will start" is no answer, and changes nothing.
struct Claimed {
  JournalGeneration generation;
};  // a connected agent can take it (hello + hint)
struct CancelRequested {
  Cancellation by;
};
struct CancelConfirmed {
  std::uint64_t epoch = 0;
  JournalGeneration generation;
};  // the agent closed it by cancel: nothing more will start
struct NotStarted {
  std::uint64_t epoch = 0;
  JournalGeneration generation;
};  // received, no INTENT, anchor lost
struct OrderRefused {
  std::uint64_t epoch = 0;
  JournalGeneration generation;
  std::string reason;
};  // the agent will never run it
struct CommandStarted {
  std::uint64_t epoch = 0;
  std::uint32_t index = 0;
  Timestamp at{};
};
struct CommandEnded {
  std::uint64_t epoch = 0;
  std::uint32_t index = 0;
  bool completed = false;
  std::optional<Timestamp> started;
  Timestamp ended{};
  std::optional<std::int32_t> exit_code;
  std::vector<std::string> errors;
  std::optional<StoredBlob> result, raw_stdout,
      raw_stderr;  // committed in the blob store, checked by the caller
  std::optional<FetchedFile> file;
  std::string receipt;  // checked by the caller; empty: none
};
struct MachineGone {
  std::string reason;
};  // offboarded, revoked, or the library file is no longer there
struct DeadlinePassed {};  // the reaper looked; step() compares with now itself

using Event = std::variant<Claimed, CancelRequested, CancelConfirmed, NotStarted, OrderRefused,
                           CommandStarted, CommandEnded, MachineGone, DeadlinePassed>;

// ---- what follows ----
enum class Verdict {
  applied,    // next differs: store it
  duplicate,  // harmless repeat: nothing to store, acknowledge as if applied
  late,  // evidence after the end: next keeps the status, may hold a result; store it if it differs
  refused,    // not legal now: nothing to store; `why` says it
  premature,  // a report that may be legal once an earlier one has come: nothing to store
};
enum class Effect {
  send_order,   // push the order of next.epoch to the agent (also on duplicate claims of the same
                // generation)
  send_cancel,  // push the cancel of next.epoch
  machine_released,  // the machine may take its next action
  finished,          // wake who waits for the end
};

struct Step {
  Verdict verdict = Verdict::refused;
  Action next;
  std::vector<Effect> effects;
  std::string why;  // for people, when refused
};

// Never changes id, tenant, machine, version; sets `updated` = now when applied.
[[nodiscard]] Step step(const Action& current, const Event& event, Timestamp now);

// What every reachable action satisfies; empty = holds, else which invariant (V..) is broken. Kept
// on in release: a store refuses to write an action that breaks one.
std::string broken_invariant(const Action& a);
// Whether before -> after is an edge of the transition table; empty = legal, else what is wrong.
std::string illegal_transition(const Action& before, const Action& after);

}  // namespace reachback::action
