// The part of a test that changes what a process may do or see: in a child, with which it goes.
#pragma once

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace reachback::agent::builtin {

enum class Child { held, did_not_hold, may_not };

// prepare: false: this machine does not let it. holds: what the test is about.
inline Child in_child(const std::function<bool()>& prepare, const std::function<bool()>& holds) {
  constexpr int kDidNotHold = 1, kMayNot = 2;
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(!prepare() ? kMayNot : holds() ? 0 : kDidNotHold);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return !WIFEXITED(status) || WEXITSTATUS(status) == kDidNotHold ? Child::did_not_hold
         : WEXITSTATUS(status) == kMayNot                         ? Child::may_not
                                                                  : Child::held;
}

// What is mounted from here on is seen by this process only.
inline bool leave_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// Root becomes somebody whom nothing belongs to.
inline bool become_nobody() {
  constexpr unsigned kNobody = 65534;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
         ::setresuid(kNobody, kNobody, kNobody) == 0;
}

}  // namespace reachback::agent::builtin
