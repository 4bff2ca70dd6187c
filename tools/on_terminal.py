"""A program on a terminal of its own, and somebody who types and reads there."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time


class OnTerminal:
    def __init__(self, argv, env, folder):
        self.leader, self.follower = pty.openpty()
        self.before = termios.tcgetattr(self.follower)
        self.process = subprocess.Popen(argv, stdin=self.follower, stdout=self.follower, stderr=self.follower, env=env,
                                        cwd=folder, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.screen = b""  # what was not waited for yet

    def type(self, text):
        os.write(self.leader, text.encode())

    def resize(self, rows, columns):
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, text, timeout_s=30):
        """What was shown before it."""
        end = time.monotonic() + timeout_s
        while text.encode() not in self.screen:
            assert time.monotonic() < end, f"no {text!r} in {self.screen!r}"
            if select.select([self.leader], [], [], 0.2)[0]:
                self.screen += os.read(self.leader, 65536)
        before, _, self.screen = self.screen.partition(text.encode())
        return before

    def is_as_before(self):
        return termios.tcgetattr(self.follower)[:4] == self.before[:4]

    def ended(self):
        return self.process.wait(60)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.leader)
        os.close(self.follower)
