"""Draws faults from a seed, does them, and takes each back after a while. Several stand at a time,
but no two of one kind on one target. Every fault that was done is counted by its kind.

The same seed gives the same faults at the same times since the start; what the programs do in
between is theirs.
"""

import heapq
import itertools
import os
import random
import signal
import threading
import time

from programs import LocalError, network_pid_of

INTERVAL_S = 1.2  # between two faults, on average
LASTS_S = (0.3, 6.0)
LASTS_LONG_S = (12.0, 20.0)  # longer than an action waits for its machine
LONG = 0.06
# How far a running server's clock is set off; it never starts with more than the small one, which
# is from end to end less than the margin of 60 s.
SMALL_CLOCK_S, LARGE_CLOCK_S = 25, 86400
AGENT_CLOCKS_S = (-10 * 365 * 86400, -3600, -30, 5, 600, 86400, 10 * 365 * 86400)
LEAVE_BYTES = (0, 0, 0, 16 << 10, 256 << 10, 2 << 20)  # free on a "full" disk

# kind: weight. The target is drawn with the kind.
KINDS = {
    "kill server": 6, "kill agent": 10, "kill network process": 5,
    "stop server": 3, "stop agent": 5, "stop network process": 3,
    "cut agent": 6, "cut clients": 4, "refuse agent": 4, "refuse clients": 3,
    "hold agent": 4, "hold clients": 3, "one direction agent": 4, "one direction clients": 2,
    "half-open agent": 4, "slow agent": 4, "slow clients": 2, "throttle agent": 3,
    "lose answer to client": 8, "lose answer to agent": 6,
    "disk full server": 3, "disk full agent": 5,
    "clock server": 3, "clock agent": 4,
}


class Nemesis:
    """server: Kept; agents: Kept, each with .program.gate; clients: the gate of the API's clients."""

    def __init__(self, seed, server, agents, clients, log, not_run=()):
        self.chance = random.Random(seed)
        self.server, self.agents, self.clients = server, agents, clients
        self.log = log
        self.kinds = {k: w for k, w in KINDS.items() if k not in not_run}
        self.counts = {}
        self.errors = []
        self._offset_s = self._clock_moves = 0
        self._standing = {}  # (kind, target) -> how to take it back
        self._heals = []
        self._number = itertools.count()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self):
        self._thread.start()

    def end(self):
        """No further fault; what stands, stays."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def stop(self):
        """Ends the faults and takes back what stands. Then nothing is wrong with the world any more."""
        self.end()
        for key in list(self._standing):
            self._take_back(key)
        self._set_server_clock(0)
        for agent in self.agents:
            if agent.environment.pop("REACHBACK_CLOCK_OFFSET_MS", None):
                agent.kill()
        for gate in [self.clients] + [a.program.gate for a in self.agents]:
            gate.heal()

    def clock_moves(self):
        return self._clock_moves

    # ---- when
    def _work(self):
        try:
            due = time.monotonic()
            while True:
                due += self.chance.expovariate(1 / INTERVAL_S)
                if self._wait_until(due):
                    return
                self._one_fault()
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(f"the nemesis ended: {error!r}")
            raise

    def _wait_until(self, due):
        """Heals what is due meanwhile. True: the end."""
        while True:
            until = min(due, self._heals[0][0]) if self._heals else due
            if self._end.wait(max(0.0, until - time.monotonic())):
                return True
            while self._heals and self._heals[0][0] <= time.monotonic():
                self._take_back(heapq.heappop(self._heals)[2])
            if time.monotonic() >= due:
                return False

    def _one_fault(self):
        # Everything is drawn before anything is looked at, so that a seed is one plan.
        kind = self.chance.choices(list(self.kinds), list(self.kinds.values()))[0]
        agent = self.chance.choice(self.agents)
        is_long = self.chance.random() < LONG
        lasts = self.chance.uniform(*(LASTS_LONG_S if is_long else LASTS_S))
        draw = random.Random(self.chance.random())
        target = agent if "agent" in kind or "network" in kind else self.server
        key = (kind.rsplit(" ", 1)[0], target.name if "client" not in kind else "clients")
        if key in self._standing:
            return
        back = self._do(kind, target, draw, lasts)
        if back is False:
            return
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.log(f"fault {kind}, {key[1]}" + (f", {lasts:.1f} s" if back else ""))
        if back:
            self._standing[key] = back
            heapq.heappush(self._heals, (time.monotonic() + lasts, next(self._number), key))

    def _take_back(self, key):
        back = self._standing.pop(key, None)
        if back:
            back()
            self.log(f"healed {key[0]}, {key[1]}")

    # ---- what. Each gives how to take it back, None (nothing to take back) or False (not done)
    def _do(self, kind, target, draw, lasts):
        what = kind.split(" ")[0]
        if what == "kill":
            return self._kill(kind, target, draw)
        if what == "stop":
            return self._pause(kind, target)
        if what == "disk":
            return self._fill(target, draw)
        if kind == "clock server":
            far_s = draw.choice((SMALL_CLOCK_S, 3600, LARGE_CLOCK_S))
            self._set_server_clock(draw.randint(-far_s, far_s))
            return None
        if kind == "clock agent":
            offset_s = draw.choice(AGENT_CLOCKS_S)
            target.environment["REACHBACK_CLOCK_OFFSET_MS"] = str(offset_s * 1000)
            return None if target.kill() else False
        gate = self.clients if "client" in kind else target.program.gate
        return self._trouble(what, gate, draw)

    def _kill(self, kind, target, draw):
        if "network" in kind:
            return self._signal_network(target, signal.SIGKILL)
        return None if target.kill(draw.choice((0, 0, 0.5, draw.uniform(0, 5)))) else False

    def _pause(self, kind, target):
        if "network" in kind:
            pid = network_pid_of(target.pid() or 0)
            if pid is None or _send(pid, signal.SIGSTOP) is False:
                return False
            return lambda: _send(pid, signal.SIGCONT, b"reachback-agent")
        process = target.program.process
        if not process.alive():
            return False
        process.signal(signal.SIGSTOP)
        return lambda: process.signal(signal.SIGCONT)

    def _signal_network(self, target, number):
        pid = network_pid_of(target.pid() or 0)
        return False if pid is None else _send(pid, number)

    def _fill(self, target, draw):
        if target.disk is None or target.disk.is_full:
            return False
        target.disk.fill(draw.choice(LEAVE_BYTES))

        def empty():
            target.excuse()
            target.disk.empty()
        return empty

    def _set_server_clock(self, offset_s):
        """Sure to be done, or to be so after a restart. What starts, starts with a clock that is
        right within the margin (docs/reliability.md, A5)."""
        if offset_s == self._offset_s:
            return
        self._offset_s = offset_s
        self._clock_moves += 1
        with self.server.held():
            try:
                self.server.program.set_clock(offset_s)
            except (OSError, ValueError, LocalError):
                self.server.kill()
            at_start_s = max(-SMALL_CLOCK_S, min(offset_s, SMALL_CLOCK_S))
            self.server.environment["REACHBACK_CLOCK_OFFSET_MS"] = str(at_start_s * 1000)
        self._clock_moves += 1

    def _trouble(self, what, gate, draw):
        if what == "cut":
            gate.cut()
            return None
        if what == "lose":
            gate.lose_answers(draw.randint(1, 3))
            return None
        if gate.mode != "pass" or gate.delay_s or gate.bytes_per_s:
            return False
        if what == "one":
            gate.set(draw.choice(("hold_up", "hold_down")))
        elif what == "slow":
            gate.set(delay_s=draw.uniform(0.02, 0.6))
        elif what == "throttle":
            gate.set(bytes_per_s=draw.choice((4 << 10, 32 << 10, 256 << 10)))
        else:
            gate.set({"refuse": "refuse", "hold": "hold", "half-open": "half_open"}[what])
        return gate.heal


def _send(pid, number, name=None):
    """False: it is not there any more (name: or another has its number)."""
    try:
        if name is not None:
            with open(f"/proc/{pid}/cmdline", "rb") as text:
                if not text.read().startswith(name):
                    return False

        os.kill(pid, number)
        return None
    except OSError:
        return False
