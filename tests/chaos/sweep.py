"""kill -9 at every durable step: fail at step k, for k = 1, 2, … until a run comes that never gets to
it. A step is a call that syncs, renames, links or removes a file (steps.cc). One side is killed,
before or after the step, and started again; the other side and the world live on.
"""

import os
import random
import threading
import time

from programs import LocalError
from workload import Client, Command, Finding, SCRIPT, AuditTail, CALL_TIMEOUT_S, IN_BLOCKS_BYTES
from localrun import Api
from world import World

SIDES = [(side, when) for side in ("server", "agent") for when in ("before", "after")]
SCENARIO_S = 90
SHORTCUT_S = 15  # with a shortcut, what is not there within this never comes
SETTLED_S = 0.3  # no further step for so long: the scenario has had its last one
STEPS_MAX = 2000


class Sweep:
    """One side, killed before or after each step, in one world."""

    def __init__(self, folder, bin_dir, side, when, seed, stride=1, first=1,
                 variant=None, stop=None):
        self.folder, self.bin_dir, self.side, self.when = folder, bin_dir, side, when
        self.chance = random.Random(f"{seed} {side} {when}")
        self.stride = stride
        self.variant = variant
        self.stop = stop or threading.Event()  # set: end early, the user has had enough
        self.k = first
        self.killed_at = []
        self.steps = 0  # of the run that was not killed
        self.findings = []
        self.said, self.tally = "", None
        self.counts = {}
        self._began = 0.0

    def run(self):
        try:
            world = World(self.folder, self.bin_dir, agents=1, disks=False, variant=self.variant)
        except (LocalError, OSError) as error:
            self.findings.append(f"{self.side} {self.when}: no world: {error}")
            return
        try:
            try:
                self._sweep(world)
            except Finding as finding:
                world.findings.append(f"step {self.k}: {finding}")
            self.said, self.tally = world.finish()
        except (LocalError, OSError) as error:
            self.findings.append(f"kill {self.side} {self.when} step {self.k}: {error}")
        finally:
            self.findings += [f"{self.side} {self.when}: {f}" for f in world.findings]
            world.close()

    def _sweep(self, world):
        kept = world.kept_server if self.side == "server" else world.kept_agents[0]
        log = world.path("steps")
        audit = AuditTail(os.path.join(world.server.data, "audit", "access.log"))
        client = Client(world.server.api(timeout_s=CALL_TIMEOUT_S), world.history, audit,
                        self.counts, self._gave_up)
        while self.k <= STEPS_MAX:
            self._began = time.monotonic()
            if os.path.exists(log):
                os.unlink(log)
            kept.environment.update(
                REACHBACK_KILL_STEP=f"{self.k}:{self.when}", REACHBACK_STEP_LOG=log,
                LD_PRELOAD=os.path.join(self.bin_dir, "libchaos_steps.so"),
                ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")
            before = kept.own_kills
            kept.kill_and_wait()
            self._scenario(world, client)
            self._settle(log, kept, before)
            if kept.finding:
                raise Finding(kept.finding)
            if kept.own_kills == before:
                with open(log, encoding="utf-8") as text:
                    self.steps = sum(1 for _ in text)
                if self.steps >= self.k:
                    raise Finding(f"step {self.k} was reached and did not kill")
                if not self.killed_at:
                    raise Finding("nothing was ever killed")
                for name in ("REACHBACK_KILL_STEP", "REACHBACK_STEP_LOG", "LD_PRELOAD"):
                    kept.environment.pop(name)
                kept.kill_and_wait()
                world.findings += [f"V15: no record of a link to {x}" for x in audit.missing()]
                return
            self.killed_at.append(self.k)
            self.k += self.stride
        raise Finding(f"more than {STEPS_MAX} steps")

    def _gave_up(self):
        return self.stop.is_set() or time.monotonic() - self._began > (
            SHORTCUT_S if self.variant else SCENARIO_S)

    def _settle(self, log, kept, before):
        """Steps that follow the last answer are steps, too."""
        size = -1
        while kept.own_kills == before:
            now = os.path.getsize(log) if os.path.exists(log) else 0
            if now == size:
                return
            size = now
            time.sleep(SETTLED_S)

    def _scenario(self, world, client):
        """Two commands, their links and bytes; another action that is cancelled while it runs."""
        agent = world.agents[0]
        journal = os.path.join(agent.state, "journal")
        first, second, long = (Command(self.chance, plain=True) for _ in range(3))
        first.bytes, second.bytes, long.seconds = 2000, IN_BLOCKS_BYTES, 600
        bodies = [Api.script(SCRIPT, c.args(world.effects, journal)) for c in (first, second)]
        action = client.wait_final(client.submit(agent.machine_id, bodies))
        allowed = ("Succeeded",) if self.side == "server" else ("Succeeded", "Failed")
        self._expect(action, allowed)
        for i, command in enumerate((first, second)):
            client.fetch(action["id"], i, command, action["commands"][i])
        other = client.submit(agent.machine_id,
                              [Api.script(SCRIPT, long.args(world.effects, journal))])
        while not self._has_started(world, other):
            if client.gave_up():
                raise Finding(f"{other} does not start")
            state = client.insist(lambda: client.api.call(
                "GET", f"/api/machineactions/{other}"), "GET", (200,)).json()
            if state["status"] in ("Failed", "Cancelled"):
                break
            time.sleep(0.02)
        client.cancel(other)
        ended = client.wait_final(other)
        self._expect(ended, ("Cancelled",) if self.side == "server" else ("Cancelled", "Failed"))
        client.fetch(other, 0, long, ended["commands"][0])

    @staticmethod
    def _has_started(world, action_id):
        with open(world.effects, encoding="utf-8") as text:
            return any(action_id in line for line in text)

    def _expect(self, action, allowed):
        if action["status"] not in allowed:
            raise Finding(f"{action['id']} ended {action['status']}: {action['commands']}")
        if action["status"] == "Failed" and self.side == "agent":
            said = [e for c in action["commands"] for e in c["errors"]]
            if not any("outcome unknown" in e for e in said):
                raise Finding(f"{action['id']} failed for another reason: {said}")


def run_sweeps(folder, bin_dir, seed, stride=1, sides=("server", "agent"), variant=None):
    """Each side, before and after, in a world of its own, beside each other. Gives the sweeps."""
    chance, stop = random.Random(seed), threading.Event()
    sweeps = [Sweep(os.path.join(folder, f"{side}-{when}"), bin_dir, side, when, seed, stride,
                    chance.randint(1, stride), variant, stop) for side, when in SIDES if side in sides]
    threads = [threading.Thread(target=s.run) for s in sweeps]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:  # the worlds are closed by their threads, whatever ends this one
        stop.set()
        for thread in threads:
            thread.join()
        raise
    return sweeps
