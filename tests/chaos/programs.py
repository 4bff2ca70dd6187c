"""The server and the agents of a run: each behind its gates, on its disk, with its clock, and kept
alive: whatever was killed is started again after a while, as a service manager would.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "e2e")]
import localrun  # noqa: E402
from localrun import LocalError  # noqa: E402

HOOKS = ("REACHBACK_FAILPOINT", "REACHBACK_KILL_STEP", "REACHBACK_VARIANT", "REACHBACK_STEP_LOG",
         "REACHBACK_CLOCK_OFFSET_MS", "LD_PRELOAD")
COMES_BACK_S = 60  # a program that cannot be started for so long, with nothing in its way, is a finding


class Server(localrun.Server):
    """Reached through gates only: its links lead through the clients' gate."""

    def __init__(self, folder, bin_dir, config, data, gate):
        super().__init__(folder, bin_dir, config, public_url="https://" + gate.address)
        self.data = data
        self.gate = gate
        self.agent_gates = []

    def wait_ready(self, timeout_s=localrun.START_TIMEOUT_S):
        self.process.wait_line("ready ", timeout_s)
        with open(os.path.join(self.data, "run", "addresses.json")) as text:
            addresses = json.load(text)
        own = addresses["listen"]
        agents = urllib.parse.urlsplit(addresses["agentUrl"]).netloc
        self._listen = [own, agents]
        self.url, self.agents_url = self.public_url, "https://" + agents
        self.gate.target = _pair(own)
        for gate in self.agent_gates:
            gate.target = _pair(agents)
        return self

    def ask(self, **request):
        """The admin socket, without the program that usually speaks to it."""
        with socket.socket(socket.AF_UNIX) as plain:
            plain.settimeout(10)
            plain.connect(os.path.join(self.data, "run", "admin.sock"))
            plain.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(plain.makefile().readline())
        if "error" in answer:
            raise LocalError(answer["error"])
        return answer["ok"]


    def set_clock(self, seconds):
        """Sets the running server's wall clock so far ahead of the truth, or behind it."""
        self.ask(command="clock_set", seconds=seconds)


class Agent(localrun.Agent):
    """Enrolled through its own gate, so that it knows no other way to the server."""

    def __init__(self, folder, server, bin_dir, label, state, gate):
        super().__init__(folder, server, bin_dir, name=label, label=label)
        self.state = state
        self.gate = gate
        self.label = label

    def enroll_argv(self, token, ca_file=None):
        argv = super().enroll_argv(token, ca_file)
        argv[argv.index("--server") + 1] = "https://" + self.gate.address
        return argv


def _pair(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def network_pid_of(agent_pid):
    """The network process of a running agent; None while there is none."""
    try:
        with open(f"/proc/{agent_pid}/task/{agent_pid}/children") as text:
            children = text.read().split()
        for pid in children:
            with open(f"/proc/{pid}/cmdline", "rb") as text:
                words = text.read().split(b"\0")
            if words[0] == b"reachback-agent" and len(words) > 1 and words[1] != b"run":
                return int(pid)
    except (OSError, IndexError):
        pass
    return None


def kill_scripts(effects):
    """Ends what still runs of the scripts that were given this file of effects."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as text:
                words = text.read().split(b"\0")
            if effects.encode() in words:
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass


class Kept:
    """One program that is started again whenever it has ended. Its faults are told to it, so that an
    end that nothing of ours explains is seen."""

    def __init__(self, name, program, environment=None, disk=None):
        self.name, self.program, self.disk = name, program, disk
        self.environment = dict(environment or {})
        self.restart_after_s = 0.0
        self.kills = self.own_kills = self.starts = self.restarts = self.own_ends = self.failed_starts = 0
        self.finding = None
        self._expected = False  # the last end was ours
        self._excused_until = 0.0
        self._lock = threading.RLock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def environ(self):
        made = {k: v for k, v in os.environ.items() if k not in HOOKS}
        made.update(self.environment)
        return made

    def start(self):
        self.program.start(env=self.environ())
        if isinstance(self.program, localrun.Server):
            self.program.wait_ready()
        self._thread.start()
        return self

    def excuse(self, seconds=5.0):
        """A full disk may end a program, and some seconds later still."""
        self._excused_until = max(self._excused_until, time.monotonic() + seconds)

    def _is_excused(self):
        return (self.disk is not None and self.disk.is_full) or time.monotonic() < self._excused_until

    def _keep(self):
        while not self._end.wait(0.005):
            with self._lock:
                process = self.program.process
                if process.alive():
                    continue
            code = process.wait(10)
            if self._expected and code == -9:
                self._expected = False
            elif self._is_excused() and code > 0:
                self.own_ends += 1
            elif not self._is_own_kill(code):
                self.finding = f"{self.name} ended with {code}: {process.last_words()}"
                return
            if self._end.wait(self.restart_after_s):
                return
            if not self._start_again():
                return

    def _is_own_kill(self, code):
        """It killed itself at the step that its environment named."""
        is_own = code == -9 and self.environment.pop("REACHBACK_KILL_STEP", None) is not None
        self.own_kills += is_own
        return is_own

    def _start_again(self):
        since = time.monotonic()
        while not self._end.is_set():
            with self._lock:
                self.program.start(env=self.environ())
                self.starts += 1
            try:
                if isinstance(self.program, localrun.Server):
                    self.program.wait_ready(20)
                self.restarts += 1
                return True
            except (LocalError, OSError, ValueError) as error:
                process = self.program.process
                if not process.alive() and self._expected:  # killed while it started
                    self._expected = False
                    continue
                if not process.alive() and self._is_own_kill(process.wait(10)):
                    continue
                self.failed_starts += 1
                if process.alive():
                    process.kill9()
                if self._is_excused():
                    since = time.monotonic()
                elif time.monotonic() - since > COMES_BACK_S:
                    self.finding = f"{self.name} does not come back: {error}"
                    return False
                self._end.wait(0.3)
        return False

    def kill(self, restart_after_s=0.0):
        """kill -9 now. False: it was not running."""
        with self._lock:
            process = self.program.process
            if not process.alive():
                return False
            self.restart_after_s = restart_after_s
            self._expected = True
            self.kills += 1
            process.child.kill()
            return True

    def kill_and_wait(self, timeout_s=30):
        """Until it was started again; it may have died of its environment by then."""
        before, until = self.starts, time.monotonic() + timeout_s
        killed = self.kill()
        while self.starts == before or not killed:
            if self.finding or time.monotonic() > until:
                raise LocalError(self.finding or f"{self.name} was not started again")
            time.sleep(0.005)
            if not killed:  # it was on its way back
                before, killed = self.starts, self.kill()

    def held(self):
        """While it is held, the program is not started again."""
        return self._lock

    def pid(self):
        with self._lock:
            process = self.program.process
            return process.pid if process.alive() else None

    def stop(self):
        """Ends it for good, by SIGTERM. Gives the exit status."""
        self._end.set()
        self._thread.join(30)
        return self.program.stop() if self.program.process.alive() else 0

    def end(self):
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(30)
        if self.program.process and self.program.process.alive():
            self.program.process.kill9()
