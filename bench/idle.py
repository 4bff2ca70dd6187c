"""(c) Memory and processor of an idle server and an idle, connected agent: RSS and PSS summed over
their processes, and processor ticks over some seconds."""

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


def cpu_ms(pid):
    ticks = 0
    for one in family(pid):
        with open(f"/proc/{one}/stat") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


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
                 f"{results[name]['cpu_ms_per_s']:.2f} ms processor a second")
    return results
