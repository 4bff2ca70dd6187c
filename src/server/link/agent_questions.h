// What was asked of agents and is not answered yet, of one kind of question: what a command has
// written, what was typed into a terminal. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/result.h"

namespace reachback::server {

// Answer: a message with number().
template <typename Answer>
class AgentQuestions {
 public:
  // That one session is asked at once; one more, and the oldest fails: an agent that never answers
  // costs no more. As many as an agent keeps.
  static constexpr std::size_t kOfSessionMax = 64;

  // The number to ask under. `session`: any address that is the session's alone while it lives.
  std::uint64_t add(const void* session, Done<Answer> done) {
    Done<Answer> oldest;
    std::uint64_t number = 0;
    {
      MutexLock lock(mutex_);
      Questions& questions = waiting_[session];
      if (questions.size() >= kOfSessionMax) {
        oldest = std::move(questions.begin()->second);
        questions.erase(questions.begin());
      }
      number = next_++;
      questions.emplace(number, std::move(done));
    }
    if (oldest) {
      oldest(Error{Errc::unavailable, "the agent does not answer"});
    }
    return number;
  }

  // False: this session was not asked that.
  bool answered(const void* session, const Answer& answer) {
    const Done<Answer> done = take(session, answer.number());
    if (!done) {
      return false;
    }
    done(answer);
    return true;
  }

  // Never asked after all: `done` is called with the error, if it still waits.
  void fail(const void* session, std::uint64_t number, const Error& why) {
    if (const Done<Answer> done = take(session, number)) {
      done(why);
    }
  }

  // The session is over. Errors for `done`: unavailable.
  void lost(const void* session) {
    Questions over;
    {
      MutexLock lock(mutex_);
      if (auto of = waiting_.extract(session)) {
        over = std::move(of.mapped());
      }
    }
    for (const auto& [number, done] : over) {
      done(Error{Errc::unavailable, "the agent is not connected any more"});
    }
  }

 private:
  using Questions = std::map<std::uint64_t, Done<Answer>>;  // by number: the oldest first

  // Takes one out; empty: it does not wait.
  Done<Answer> take(const void* session, std::uint64_t number) {
    MutexLock lock(mutex_);
    auto of = waiting_.find(session);
    if (of == waiting_.end()) {
      return {};
    }
    auto taken = of->second.extract(number);
    if (of->second.empty()) {
      waiting_.erase(of);
    }
    return taken ? std::move(taken.mapped()) : Done<Answer>();
  }

  Mutex mutex_;
  std::map<const void*, Questions> waiting_ RB_GUARDED_BY(mutex_);  // of sessions that are asked
  std::uint64_t next_ RB_GUARDED_BY(mutex_) = 1;
};

}  // namespace reachback::server
