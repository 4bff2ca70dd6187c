// Pseudo-terminals. Linux only.
#pragma once

#include "agent/ports/process.h"
#include "base/file.h"
#include "base/result.h"

namespace reachback::agent {

struct Terminal {
  Fd keyboard;  // ours: what is typed goes in, what is shown comes out; does not block
  Fd screen;  // the program's: its 0, 1 and 2. Once no copy of it is open, reading `keyboard` ends
};

// Errors: io, unavailable (no more of them).
Result<Terminal> open_terminal(const TerminalWindow& window);
void resize_terminal(int keyboard_fd, const TerminalWindow& window);

}  // namespace reachback::agent
