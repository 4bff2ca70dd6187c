"""The units' exposure scores, and that the network process's system calls are one list."""

import os
import re
import shutil
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SERVER = "reachback-server.service"
AGENT = "reachback-agent.service"
NETWORK = "sandbox/reachback-agent-network.service"


def exposure(path):
    if shutil.which("systemd-analyze") is None:
        pytest.fail("systemd-analyze is not there: ./dev setup --tests installs it")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path],
                          capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found.group(1))


def lines(path):
    with open(path, encoding="utf-8") as text:
        return [line.strip() for line in text if line.strip() and not line.startswith("#")]


# The agent's unit cannot score lower without denying its scripts what responders need; SECURITY.md
# names each exception.
@pytest.mark.parametrize("unit, most", [(SERVER, 1.5), (NETWORK, 1.5), (AGENT, 6.5)])
def test_a_unit_is_exposed_no_more_than(unit, most):
    measured = exposure(os.path.join(HERE, unit))
    print(f"{unit}: {measured}")
    assert measured <= most


def test_the_score_notices_what_is_taken_away(tmp_path):
    with open(os.path.join(HERE, SERVER), encoding="utf-8") as text:
        weak = re.sub(r"(?m)^(NoNewPrivileges|SystemCallFilter|ProtectSystem)=.*\n", "", text.read())
    path = tmp_path / SERVER
    path.write_text(weak)
    assert exposure(str(path)) > 1.5


def test_the_network_processs_system_calls_are_one_list():
    ours = {line.split()[0] for line in lines(os.path.join(ROOT, "api", "network-syscalls.txt"))
            if "sanitizer" not in line.split()}
    units = set()
    for line in lines(os.path.join(HERE, NETWORK)):
        if line.startswith("SystemCallFilter="):
            units |= set(line.split("=", 1)[1].split())
    assert units == ours
    assert not units & {"execve", "execveat", "ptrace", "fork", "vfork", "kill", "unlink", "bind"}


def test_units_start_programs_with_the_options_that_they_have():
    for unit in (SERVER, AGENT):
        starts = [line for line in lines(os.path.join(HERE, unit)) if line.startswith("ExecStart=")]
        assert len(starts) == 1
        assert re.match(r"ExecStart=/usr/bin/reachback-(server serve --data|agent run --state) /",
                        starts[0])
