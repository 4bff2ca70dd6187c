"""(h) One key typed into a terminal of a machine, from the key to its echo on this screen: `terminal`
in `reachback shell` beside `ssh -tt`. Both take turns, key by key."""

import os
import time

from common import LIFTED, localrun, note, percentile
from on_terminal import OnTerminal
from round_trip import Ssh

PROMPT = "# " if os.geteuid() == 0 else "$ "


class Screen(OnTerminal):
    """A program that echoes each key as it comes."""

    def begin(self):
        # Without canonical input the kernel echoes each key when it comes; it shows the first as ^A.
        self.type("stty -icanon -isig; echo rea''dy; exec cat >/dev/null\r")
        self.wait_for("ready\r\n")
        self.type("\x01")
        self.wait_for("^A")

    def key(self, key):
        began = time.perf_counter()
        self.type(key)
        self.wait_for(key)
        return (time.perf_counter() - began) * 1000


def measure(folder, bin_dir, keys):
    folder = os.path.join(folder, "terminal")
    taken = {"reachback": [], "ssh": []}
    with localrun.World(folder, bin_dir, LIFTED.replace("threads = 1\n", "")) as world:
        world.up()
        agent = world.agent(run=False, name="web-01")
        with open(os.open(os.path.join(agent.state, "policy.toml"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as policy:
            policy.write('commands = ["Terminal"]\n')
        agent.run()
        ssh = Ssh(os.path.join(folder, "ssh"))
        screens = {}
        try:
            env = dict(world.server.cli_env(), TERM="xterm", LC_ALL="C")
            screens["reachback"] = Screen([os.path.join(bin_dir, "reachback"), "shell", "web-01"], env, folder)
            screens["reachback"].wait_for("web-01 / > ")
            screens["reachback"].type("terminal\r")
            screens["ssh"] = Screen([*ssh.prefix, "-tt", "bash --norc --noprofile -i"], env, folder)
            for screen in screens.values():
                screen.wait_for(PROMPT)
                screen.begin()
            for number in range(keys + 10):
                for name, screen in screens.items():
                    ms = screen.key(chr(ord("a") + number % 26))
                    if number >= 10:  # the first ones warm up
                        taken[name].append(ms)
        finally:
            for screen in screens.values():
                screen.end()
            ssh.stop()
    results = {name: {"p50_ms": percentile(ms, 0.5), "p99_ms": percentile(ms, 0.99), "keys": len(ms)}
               for name, ms in taken.items()}
    for name, figures in results.items():
        note(f"{name:9} p50 {figures['p50_ms']:7.2f} ms   p99 {figures['p99_ms']:7.2f} ms")
    return results
