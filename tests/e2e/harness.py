"""What the end-to-end tests need beyond tools/localrun.py: failpoints, the moved clock, scripts whose
starts can be counted, processes that can be found again. See README.md of this folder."""

import json
import os
import re
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import localrun  # noqa: E402
from localrun import LINK, Api, LocalError, run, run_json  # noqa: E402,F401

SANITIZER_ENV = {
    # A finding ends the program with a report in its log; close() of the world looks for it.
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}
os.environ.update({key: os.environ.get(key, value) for key, value in SANITIZER_ENV.items()})

FINAL = ("Succeeded", "Failed", "TimeOut", "Cancelled")
FINDING = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer"
                     r"|terminate called|Assertion .* failed")


def failpoint_env(name=None, nth=1, log=None):
    """An environment in which the program kills itself at the nth reach of a failpoint."""
    env = dict(os.environ)
    env.pop("REACHBACK_FAILPOINT", None)
    if name:
        env["REACHBACK_FAILPOINT"] = f"{name}:{nth}"
    if log:
        env["REACHBACK_FAILPOINT_LOG"] = log
    return env


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, errors="replace") as text:
        return text.read().splitlines()


def eventually(condition, timeout_s, what):
    """Waits until condition() is true; its value. For what no API call can wait for."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.02)


def process_exists(pid):
    """Running, and not a zombie that waits for its parent."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def memory_peak_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"^VmHWM:\s+(\d+)", status.read(), re.M).group(1))


class World(localrun.World):
    """Adds failpoints, the clock, and a check at the end that no sanitizer had a finding."""

    scripts_started = 0

    def up(self, env=None, agent=False, **agent_options):
        super().up(env)
        if agent:
            self.agent(**agent_options)
        return self

    def path(self, name):
        return os.path.join(self.folder, name)

    def advance(self, amount):
        """Time passes for the server (test builds only): "1801s"."""
        self._move_clock("clock-advance", "--by", amount)

    def set_clock(self, amount, back=False):
        """Somebody sets the server's wall clock to be this far ahead of the truth, or behind it."""
        self._move_clock("clock-set", "--off", amount, *(["--back"] if back else []))

    def _move_clock(self, command, *options):
        done = run([self.server.bin, command, "--data", self.server.data, *options])
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def cli(self, *words, env=None, timeout_s=60, stdin=None):
        environment = self.server.cli_env()
        environment.update(env or {})
        options = {} if stdin is None else {"stdin": stdin}
        return run([os.path.join(self.bin_dir, "reachback"), *words], env=environment,
                   timeout_s=timeout_s, cwd=self.folder, **options)

    def kill_leftovers(self):
        """Scripts that note their pids in *.pids outlive an agent that was killed; end them."""
        for name in os.listdir(self.folder):
            if name.endswith(".pids"):
                for line in read_lines(self.path(name)):
                    if line.isdigit() and process_exists(line):
                        try:
                            os.kill(int(line), signal.SIGKILL)
                        except ProcessLookupError:
                            pass

    def close(self, remove=False):
        super().close(remove=False)
        self.kill_leftovers()
        findings = [f"{name}: {line}" for name in sorted(os.listdir(self.folder))
                    if name.endswith(".log") for line in read_lines(self.path(name))
                    if FINDING.search(line)]
        assert findings == []


# ---- scripts for the library. Each notes its start in a file, so that starts can be counted.

# args: FILE WORD...: a line for each start.
EFFECT = """#!/bin/bash
file=$1
shift
echo "$*" >>"$file"
echo "did $*"
echo "noise $*" >&2
"""

# args: FILE SECONDS: notes its own pid and those of children that try to get away, then sleeps.
SLEEPER = """#!/bin/bash
echo $$ >>"$1.pids"
echo started >>"$1"
sleep "$2" &
echo $! >>"$1.pids"
setsid bash -c 'echo $$ >>"$1.pids"; exec sleep "$2"' - "$1" "$2" &
(nohup bash -c 'echo $$ >>"$1.pids"; exec sleep "$2"' - "$1" "$2" >/dev/null 2>&1 &)
trap '' TERM
echo "sleeping $2"
sleep "$2"
sleep "$2"
"""

# args: CODE [FILE]: ends with that code.
EXIT_WITH = """#!/bin/bash
[ -z "${2:-}" ] || echo "exit $1" >>"$2"
echo "going to end with $1"
exit "$1"
"""


def starts(path, word=None):
    """How often a script with that word was started."""
    return [line for line in read_lines(path) if word is None or line == word]


def assert_truthful(action, results, effects):
    """What is true of a final action whatever was killed on the way: every command started at most
    once, a completed command exactly once and with its result, an interrupted one says so.

    results: index -> RunScript result or None. effects: index -> number of starts seen outside.
    """
    context = f"{action['status']} {action['commands']} effects {effects}"
    assert action["status"] in FINAL, context
    for index, command in enumerate(action["commands"]):
        assert effects[index] <= 1, f"index {index} started {effects[index]} times: {context}"
        state = command["commandStatus"]
        assert state in ("Created", "Completed", "Failed"), context
        if state == "Completed":
            assert effects[index] == 1, context
            assert results[index] is not None and results[index]["exit_code"] == 0, context
        if state == "Failed":
            assert command["errors"], f"a failed command says why: {context}"
        if state == "Created":
            assert effects[index] == 0, f"a command not run had effects: {context}"
    all_done = all(c["commandStatus"] == "Completed" for c in action["commands"])
    assert (action["status"] == "Succeeded") == all_done, context


def json_of(text):
    return json.loads(text)
