#include "base/failpoint.h"

#ifdef REACHBACK_TEST_HOOKS
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>

namespace reachback {
namespace {

struct Plan {
  std::string name;
  int nth = 1;
  int log = -1;

  Plan() {
    if (const char* text = std::getenv("REACHBACK_FAILPOINT")) {
      name = text;
      if (auto colon = name.find(':'); colon != std::string::npos) {
        std::from_chars(name.data() + colon + 1, name.data() + name.size(), nth);
        name.resize(colon);
      }
    }
    if (const char* path = std::getenv("REACHBACK_FAILPOINT_LOG")) {
      log = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
  }
};

void (*set_handler)(const char*) = nullptr;

const Plan& the_plan() {
  static const Plan plan;
  return plan;
}

}  // namespace

void set_failpoint_handler(void (*handler)(const char*)) {
  set_handler = handler;
}

void arm_failpoints() {
  the_plan();
}

void reach_failpoint(const char* name) {
  if (set_handler != nullptr) {
    set_handler(name);
    return;
  }
  const Plan& plan = the_plan();
  static std::atomic<int> hits{0};
  if (plan.log >= 0) {
    std::string line = std::string(name) + "\n";
    [[maybe_unused]] auto written = ::write(plan.log, line.data(), line.size());
  }
  if (plan.name == name && ++hits == plan.nth) {
    ::kill(::getpid(), SIGKILL);
  }
}

}  // namespace reachback
#endif
