#include "agent/os_linux/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

namespace reachback::agent {

Result<Terminal> open_terminal(const TerminalWindow& window) {
  Terminal out;
  out.keyboard = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  int unlocked = 0;
  if (!out.keyboard.valid() || ::ioctl(out.keyboard.get(), TIOCSPTLCK, &unlocked) != 0) {
    return errno_error("open a terminal");
  }
  resize_terminal(out.keyboard.get(), window);
  // Its other side by descriptor: no path that somebody could have put something else at.
  out.screen = Fd(::ioctl(out.keyboard.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!out.screen.valid()) {
    return errno_error("open a terminal");
  }
  return out;
}

void resize_terminal(int keyboard_fd, const TerminalWindow& window) {
  winsize size{};
  size.ws_row = static_cast<unsigned short>(window.rows);
  size.ws_col = static_cast<unsigned short>(window.columns);
  // A window of the wrong size is seen, and no reason to end anything.
  static_cast<void>(::ioctl(keyboard_fd, TIOCSWINSZ, &size));
}

}  // namespace reachback::agent
