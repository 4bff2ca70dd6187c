// What was asked of the agents' live output and is not answered yet. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"
#include "protocol/agent_messages.h"

namespace reachback::server {

class OutputReads {
 public:
  // That one session is asked at once; one more, and the oldest fails: an agent that never answers
  // costs no more. As many as an agent keeps.
  static constexpr std::size_t kOfSessionMax = 64;

  // The number to ask under. `session`: any address that is the session's alone while it lives.
  std::uint64_t add(const void* session, Done<pb::OutputPiece> done);
  // False: this session was not asked that.
  bool answered(const void* session, const pb::OutputPiece& piece);
  // Never asked after all: `done` is called with the error, if it still waits.
  void fail(const void* session, std::uint64_t number, const Error& why);
  // The session is over. Errors for `done`: unavailable.
  void lost(const void* session);

 private:
  using Reads = std::map<std::uint64_t, Done<pb::OutputPiece>>;  // by number: the oldest first
  // Takes one out; empty: it does not wait.
  Done<pb::OutputPiece> take(const void* session, std::uint64_t number);

  Mutex mutex_;
  std::map<const void*, Reads> waiting_ RB_GUARDED_BY(mutex_);  // of sessions that are asked
  std::uint64_t next_ RB_GUARDED_BY(mutex_) = 1;
};

}  // namespace reachback::server
