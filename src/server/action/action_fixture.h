// Actions and events for the tests of this folder.
#pragma once

#include "server/action/step.h"

namespace reachback::action {

inline Timestamp at_minute(int minute) {
  return Timestamp(std::chrono::hours(24 * 20000) + std::chrono::minutes(minute));
}

template <typename T>
T id_of(char c) {
  return *T::from_bytes(std::string(T::kBytes, c));
}

inline StoredBlob blob_named(char c) {
  return StoredBlob{std::string(32, c), 10, Sha256{}};
}

// Pending, `commands` RunScripts, created at minute 0, may wait until minute 120, window 25
// minutes.
inline Action pending_action(std::size_t commands = 2) {
  Action a;
  a.tenant = id_of<TenantId>(1);
  a.id = id_of<ActionId>(2);
  a.machine = id_of<MachineId>(3);
  a.created = a.updated = at_minute(0);
  a.queue_deadline = at_minute(120);
  a.window = std::chrono::minutes(25);
  a.requestor = "app";
  for (std::size_t i = 0; i < commands; ++i) {
    Command c;
    c.file_name = "s.sh";
    c.timeout = std::chrono::minutes(10);
    a.commands.push_back(c);
  }
  return a;
}

inline JournalGeneration generation_of(char c) {
  return id_of<JournalGeneration>(c);
}
inline Cancellation cancellation_by(const char* who) {
  return Cancellation{who, "stop", at_minute(5)};
}

inline CommandEnded ended_event(std::uint64_t epoch, std::uint32_t index, bool completed) {
  CommandEnded e;
  e.epoch = epoch;
  e.index = index;
  e.completed = completed;
  e.started = at_minute(6);
  e.ended = at_minute(7);
  e.exit_code = completed ? 0 : 137;
  e.result = blob_named(static_cast<char>('a' + index));
  if (!completed) {
    e.errors = {"TimedOut: over 10 minutes"};
  }
  return e;
}

}  // namespace reachback::action
