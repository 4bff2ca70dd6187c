// Preloaded into a program (LD_PRELOAD): counts the calls that make something durable or visible on
// disk, and ends the process with SIGKILL at the one that REACHBACK_KILL_STEP names, "k:before" or
// "k:after". REACHBACK_STEP_LOG=FILE: each step is noted, a line each, before it is done. Children
// are given a clean environment by the programs, so that they do not count.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

struct Plan {
  long step = 0;
  bool after = false;
  int log = -1;

  Plan() {
    if (const char* text = std::getenv("REACHBACK_KILL_STEP")) {
      step = std::strtol(text, nullptr, 10);
      after = std::strstr(text, ":after") != nullptr;
    }
    if (const char* path = std::getenv("REACHBACK_STEP_LOG")) {
      log = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
  }
};

const Plan& the_plan() {
  static const Plan plan;
  return plan;
}

std::atomic<long> steps{0};

// One step: counted, noted, and perhaps the last thing that this process does.
template <typename Call>
int step(const char* name, const char* what, Call call) {
  const Plan& plan = the_plan();
  const long number = ++steps;
  if (plan.log >= 0) {
    char line[512];
    const int size = ::snprintf(line, sizeof line, "%ld %s %s\n", number, name, what);
    [[maybe_unused]] const auto written =
        ::write(plan.log, line, static_cast<size_t>(size) < sizeof line ? size : sizeof line - 1);
  }
  if (number == plan.step && !plan.after) {
    ::kill(::getpid(), SIGKILL);
  }
  const int result = call();
  if (number == plan.step && plan.after) {
    ::kill(::getpid(), SIGKILL);
  }
  return result;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Each is the C library's own, after it was counted.
#define CHAOS_STEP(name, parameters, arguments, what)         \
  extern "C" int name parameters {                            \
    static const auto real = next<int(*) parameters>(#name);  \
    return step(#name, what, [&] { return real arguments; }); \
  }

CHAOS_STEP(fsync, (int fd), (fd), "")
CHAOS_STEP(fdatasync, (int fd), (fd), "")
CHAOS_STEP(rename, (const char* from, const char* to) noexcept, (from, to), to)
CHAOS_STEP(renameat, (int a, const char* from, int b, const char* to) noexcept, (a, from, b, to),
           to)
CHAOS_STEP(renameat2, (int a, const char* from, int b, const char* to, unsigned flags) noexcept,
           (a, from, b, to, flags), to)
CHAOS_STEP(link, (const char* from, const char* to) noexcept, (from, to), to)
CHAOS_STEP(linkat, (int a, const char* from, int b, const char* to, int flags) noexcept,
           (a, from, b, to, flags), to)
CHAOS_STEP(unlink, (const char* path) noexcept, (path), path)
CHAOS_STEP(unlinkat, (int a, const char* path, int flags) noexcept, (a, path, flags), path)
