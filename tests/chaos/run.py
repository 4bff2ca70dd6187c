"""./dev chaos: real processes under a nemesis, then every history through the simulator's checker.

Ends with 0 only when nothing is broken. On failure the folder with all logs is kept, and its name and
the seed are printed.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import ROOT, LocalError  # noqa: E402
from localrun import find_bin  # noqa: E402
from nemesis import Nemesis  # noqa: E402
from records import Tally  # noqa: E402
from sweep import run_sweeps  # noqa: E402
from workload import Workload  # noqa: E402
from world import World  # noqa: E402

SAYS_EVERY_S = 30
BACK_S = 60
FOLDER_NAME_MAX = 55  # the server's admin socket lies below it, and its name may have 107 bytes


def say(text):
    print(f"chaos: {text}", flush=True)


def listed(counts):
    return ", ".join(f"{what} {n}" for what, n in sorted(counts.items())) or "none"


class Outcome:
    """Of everything that one call did."""

    def __init__(self):
        self.findings, self.faults, self.counts = [], {}, {}
        self.tallies, self.not_run, self.looked_at = [], [], {}
        self.kill_points = []

    def add_checked(self, said):
        for line in said.splitlines():
            if "looked at: " in line:
                for part in line.split("looked at: ")[1].split(", "):
                    name, _, n = part.partition(" ")
                    self.looked_at[name] = self.looked_at.get(name, 0) + int(n or 0)

    def add_counts(self, counts):
        for what, n in counts.items():
            self.counts[what] = self.counts.get(what, 0) + n


def wait_back(world):
    """Until every program runs and every agent is connected, now that nothing is in the way."""
    until = time.monotonic() + BACK_S
    for kept in [world.kept_server, *world.kept_agents]:
        while kept.pid() is None and not kept.finding:
            if time.monotonic() > until:
                raise LocalError(f"{kept.name} is not back after {BACK_S} s")
            time.sleep(0.05)


def run_nemesis(outcome, folder, options):
    world = World(folder, options.bin, agents=options.agents, minutes=options.minutes,
                  variant=options.variant)
    log = open(world.path("nemesis"), "w", encoding="utf-8")
    began, nemesis = time.monotonic(), None

    def note(text):
        log.write(f"{time.time_ns() // 1000} {text}\n")
        log.flush()
    try:
        not_run = []
        if world.no_disks:
            outcome.not_run.append(f"full disks: no loop file systems here ({world.no_disks})")
            not_run = ["disk full server", "disk full agent"]
        nemesis = Nemesis(options.seed, world.kept_server, world.kept_agents, world.clients, note,
                          not_run)
        workload = Workload(options.seed, world.server, world.agents, world.effects, world.history,
                            nemesis.clock_moves)
        workload.start()
        nemesis.start()
        until, says = began + options.minutes * 60, began + SAYS_EVERY_S
        while time.monotonic() < until and not workload.findings and not nemesis.errors:
            time.sleep(0.2)
            if time.monotonic() > says:
                says += SAYS_EVERY_S
                say(f"{time.monotonic() - began:.0f} s, {sum(nemesis.counts.values())} faults")
        workload.over()
        nemesis.stop()
        wait_back(world)
        workload.healed()
        workload.wait()
        outcome.faults = nemesis.counts
        if not options.variant and options.minutes >= 10:
            missing = [k for k in nemesis.kinds if k not in nemesis.counts]
            outcome.findings += [f"fault never done: {kind}" for kind in missing]
        outcome.add_counts(workload.counts)
        outcome.add_counts({"restarts": sum(k.restarts for k in [world.kept_server, *world.kept_agents]),
                            "ends by a full disk": sum(
                                k.own_ends for k in [world.kept_server, *world.kept_agents])})
        world.findings += workload.findings + nemesis.errors
        said, tally = world.finish()
        outcome.add_checked(said)
        outcome.tallies.append(tally)
        if tally.unfinished:
            world.findings.append(f"{tally.unfinished} actions are not final although all had healed")
        outcome.findings += world.findings
    finally:
        if nemesis:
            nemesis.end()
        log.close()
        world.close()


def sweep(outcome, folder, options):
    began = time.monotonic()
    for done in run_sweeps(folder, options.bin, options.seed, options.stride,
                           [options.side] if options.side else ("server", "agent"),
                           options.variant):
        outcome.findings += done.findings
        outcome.add_counts(done.counts)
        outcome.add_checked(done.said)
        if done.tally:
            outcome.tallies.append(done.tally)
        outcome.kill_points.append((f"{done.side} {done.when}", len(done.killed_at), done.steps))
    say("sweep: " + ", ".join(f"{where}: {n} kills (undisturbed, {steps} steps)"
                              for where, n, steps in outcome.kill_points)
        + f", in {time.monotonic() - began:.0f} s")


def summary(outcome, minutes):
    total = Tally()
    for tally in outcome.tallies:
        for name, value in vars(tally).items():
            if isinstance(value, dict):
                for end, n in value.items():
                    total.ends[end] = total.ends.get(end, 0) + n
            else:
                setattr(total, name, getattr(total, name) + value)
    compared = {k: n for k, n in outcome.counts.items() if k.startswith("results")}
    lost = sum(1 for f in outcome.findings if "is lost" in f)
    say(f"{minutes:.1f} minutes, {sum(outcome.faults.values())} faults of {len(outcome.faults)} kinds, "
        f"{sum(n for _, n, _ in outcome.kill_points)} kills at durable steps, {total.actions} actions, "
        f"{total.starts} starts of commands")
    say(f"faults: {listed(outcome.faults)}")
    say(f"ends: {listed(total.ends)}")
    say(f"clients: {listed(outcome.counts)}")
    say(f"looked at: {listed(outcome.looked_at)}")
    for what in outcome.not_run:
        say(f"not run: {what}")
    say(f"double starts {total.double_starts} of {total.starts}, lost results {lost} of "
        f"{total.completed} ({sum(compared.values())} compared), actions past their deadline "
        f"{total.late + total.unfinished} of {total.actions}, false Cancelled "
        f"{total.false_cancelled} of {total.cancelled}")
    if total.double_starts or total.late or total.unfinished or total.false_cancelled:
        outcome.findings.append("a figure above is not 0")
    if not total.actions or not total.starts or not compared:
        outcome.findings.append("nothing was done, so nothing was shown")


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0, help="so long under the nemesis")
    parser.add_argument("--seed", type=int, help="draws the faults and the work; default: a new one")
    parser.add_argument("--agents", type=int, default=4)
    parser.add_argument("--sweep", action="store_true", help="only the kills at every durable step")
    parser.add_argument("--no-sweep", action="store_true", help="only the nemesis")
    parser.add_argument("--side", choices=("server", "agent"), help="sweep this side only")
    parser.add_argument("--stride", type=int, default=1, help="sweep every so many-th step")
    parser.add_argument("--variant", help="with a shortcut that is wrong on purpose")
    parser.add_argument("--folder", help="where worlds are made (build/chaos)")
    options = parser.parse_args(argv)
    options.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    if options.minutes <= 0 and not options.sweep:
        options.minutes = 2
    return options


def main(argv):
    options = parse(argv)
    options.bin = find_bin(("sim", "asan", "debug"))
    parent = options.folder or os.path.join(ROOT, "build", "chaos")
    folder = os.path.join(parent, f"{time.strftime('%H%M%S')}-{options.seed}")
    if len(folder) > FOLDER_NAME_MAX:
        folder = tempfile.mkdtemp(prefix="chaos-")
    os.makedirs(folder, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    say(f"seed {options.seed}, in {folder}, programs of {options.bin}")
    outcome, began = Outcome(), time.monotonic()
    try:
        if not options.no_sweep:
            sweep(outcome, folder, options)
        if options.minutes > 0 and not outcome.findings:
            run_nemesis(outcome, os.path.join(folder, "world"), options)
    except LocalError as error:
        outcome.findings.append(str(error))
    summary(outcome, (time.monotonic() - began) / 60)
    for finding in outcome.findings[:20]:
        say(f"BROKEN: {finding}")
    if outcome.findings:
        again = argv if "--seed" in argv else [*argv, "--seed", str(options.seed)]
        say(f"{len(outcome.findings)} findings; all logs are in {folder}; "
            f"again: ./dev chaos {' '.join(again)}")
        return 1
    shutil.rmtree(folder)
    say("0 violations")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
