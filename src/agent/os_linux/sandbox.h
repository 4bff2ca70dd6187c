// What a process does to itself before it reads the first byte from the network. Nothing of it can
// be undone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace reachback::agent {

struct Sandbox {
  bool switch_user = false;  // to uid and gid, without other groups
  uid_t uid = 0;
  gid_t gid = 0;
  bool resolves_names = false;       // may read the name service's files
  std::vector<std::uint16_t> ports;  // TCP ports it may connect to, where the kernel can tell
  pid_t parent = 0;                  // dies with its main thread
};

// What the kernel granted.
struct SandboxLevel {
  uid_t uid = 0;
  bool no_new_privileges = false;
  bool system_calls_filtered = false;
  std::uint32_t landlock = 0;  // the version of the kernel's interface; 0: none
};

// The user, no capability, no new privilege, no core dump, no file, no process, Landlock and the
// system calls of api/network-syscalls.txt, in this order. Where the kernel lacks a part, the level
// says so. Errors: forbidden (the user cannot be switched to), unavailable (the parent has ended).
Result<SandboxLevel> enter_sandbox(const Sandbox& sandbox);

// The names of api/network-syscalls.txt with their conditions, for tests.
struct AllowedCall {
  std::string name;
  std::string condition;
};
std::vector<AllowedCall> allowed_calls();

}  // namespace reachback::agent
