// Named places where a test can kill the process, so that every durable step is shown to survive
// it. Compiled out unless REACHBACK_TEST_HOOKS. Names: "<program>.<path>.<step>", listed in
// tests/e2e/failpoints.txt.
//
// REACHBACK_FAILPOINT=name[:n] in the environment: the n-th time (default 1) that point is reached,
// the process sends itself SIGKILL. REACHBACK_FAILPOINT_LOG=FILE: every point reached is appended
// to FILE, a line each, before it acts.
//
// The simulator sets a handler instead, which may throw through the code that reached the point:
// the process is gone there.
#pragma once

namespace reachback {
#ifdef REACHBACK_TEST_HOOKS
void reach_failpoint(const char* name);
void set_failpoint_handler(void (*handler)(const char* name));  // null: none. Before any thread.
void arm_failpoints();
#define RB_FAILPOINT(name) ::reachback::reach_failpoint(name)
// Reads the environment and opens the log now: for a process that cannot do so later.
#define RB_ARM_FAILPOINTS() ::reachback::arm_failpoints()
#else
#define RB_FAILPOINT(name) ((void)0)
#define RB_ARM_FAILPOINTS() ((void)0)
#endif
}  // namespace reachback
