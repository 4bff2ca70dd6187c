"""(c) Memory and processor of an idle server and an idle, connected agent: RSS and PSS summed over
their processes, and processor time over a minute or more."""

import os
import re
import time

from common import LIFTED, localrun, note


def family(pid):
    """A process and all below it."""
    pids = [pid]
    for one in pids:
        for task in os.listdir(f"/proc/{one}/task"):
            with open(f"/proc/{one}/task/{task}/children") as children:
                pids += [int(word) for word in children.read().split()]
    return pids


def memory_kib(pid):
    rss = pss = 0
    for one in family(pid):
        with open(f"/proc/{one}/smaps_rollup") as rollup:
            text = rollup.read()
        rss += int(re.search(r"^Rss:\s+(\d+)", text, re.M).group(1))
        pss += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
    return rss, pss


AGENT_CPU_AIM_MS_PER_S = 0.1  # "no measurable CPU": a hundredth of a percent of a core


def cpu_ms(pid):
    """Time on a processor, by the scheduler's own clock: ticks of 10 ms are too coarse here."""
    ns = 0
    for one in family(pid):
        for task in os.listdir(f"/proc/{one}/task"):
            with open(f"/proc/{one}/task/{task}/schedstat") as stat:
                ns += int(stat.read().split()[0])
    return ns / 1e6


def measure(folder, bin_dir, seconds):
    with localrun.World(os.path.join(folder, "idle"), bin_dir, LIFTED) as world:
        world.up()
        agent = world.agent()
        api = world.server.api()
        api.upload("true.sh", "#!/bin/bash\ntrue\n")
        api.run_script(agent.machine_id, "true.sh")  # as after some work, not as just started
        api.close()
        time.sleep(2)
        results = {}
        watched = {"server": world.server.process.pid, "agent": agent.process.pid}
        before = {name: cpu_ms(pid) for name, pid in watched.items()}
        time.sleep(seconds)
        for name, pid in watched.items():
            rss, pss = memory_kib(pid)
            results[name] = {"rss_kib": rss, "pss_kib": pss, "processes": len(family(pid)),
                             "cpu_ms_per_s": (cpu_ms(pid) - before[name]) / seconds}
            note(f"{name}: PSS {pss / 1024:.1f} MiB, RSS {rss / 1024:.1f} MiB, "
                 f"{results[name]['cpu_ms_per_s']:.3f} ms processor a second over {seconds} s")
    return results
