"""The triage script on this machine: fast, bounded, readable, and not to be fooled by names."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "triage.sh")
HEADINGS = ["HOST", "PROCESSES", "LISTENING SOCKETS", "USERS", "PERSISTENCE POINTS",
            "EXECUTABLES AND RECENT FILES", "KERNEL MODULES"]


def triage(*words, env=None):
    return subprocess.run(["bash", SCRIPT, *words], capture_output=True, text=True, errors="replace",
                          timeout=60, env=env, check=False)


def section(text, title):
    return text.split(f"== {title} ==")[1].split("\n== ")[0]


def test_it_says_everything_ends_with_0_and_writes_nothing_to_standard_error():
    done = triage()
    assert done.returncode == 0
    assert done.stderr == ""
    assert [h for h in HEADINGS if f"== {h} ==" not in done.stdout] == []
    assert len(done.stdout) < 300_000
    assert "== END after" in done.stdout


def test_a_section_alone():
    done = triage("--section", "host")
    assert "== HOST ==" in done.stdout and "== USERS ==" not in done.stdout


@pytest.mark.parametrize("words", [["--days", "x"], ["--days"], ["--section", "nope"], ["--section"],
                                   ["--what"]])
def test_wrong_arguments_are_named(words):
    done = triage(*words)
    assert done.returncode == 2
    assert "usage:" in done.stdout


def test_this_process_is_listed_below_its_parent():
    text = section(triage("--section", "processes").stdout, "PROCESSES")
    assert re.search(rf"^ +{os.getpid()} ", text, re.M), text


def test_a_deleted_executable_in_a_temporary_folder_is_flagged(tmp_path_factory):
    folder = subprocess.run(["mktemp", "-d", "/tmp/rb-triage.XXXXXX"], capture_output=True,
                            text=True, check=True).stdout.strip()
    try:
        program = os.path.join(folder, "sleeper")
        shutil.copy("/bin/sleep", program)
        child = subprocess.Popen([program, "30"])
        try:
            time.sleep(0.1)
            os.unlink(program)
            text = section(triage("--section", "processes").stdout, "PROCESSES")
            assert re.search(rf"DELETED,TMP +pid {child.pid} ", text), text
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    finally:
        shutil.rmtree(folder)


def listener():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    return sock, sock.getsockname()[1]


def test_listening_sockets_with_their_process():
    sock, port = listener()
    with sock:
        text = section(triage("--section", "sockets").stdout, "LISTENING SOCKETS")
    line = next(line for line in text.splitlines() if f"127.0.0.1:{port} " in line)
    assert str(os.getpid()) in line


def test_without_ss_the_sockets_come_from_proc(tmp_path):
    """The script fixes its PATH, so hide ss by a copy of the script that looks in our folder."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/bin", "/usr/sbin"):
        for name in os.listdir(folder):
            if name not in ("ss", "ps", "ip", "last", "lastlog", "who"):
                link = tools / name
                if not link.exists():
                    link.symlink_to(os.path.join(folder, name))
    copy = tmp_path / "triage.sh"
    copy.write_text(open(SCRIPT).read().replace("PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                f"PATH={tools}"))
    sock, port = listener()
    with sock:
        done = subprocess.run(["bash", str(copy)], capture_output=True, text=True, timeout=60,
                              errors="replace", check=False)
    assert done.returncode == 0 and done.stderr == ""
    text = section(done.stdout, "LISTENING SOCKETS")
    assert "ss is not there" in text
    line = next(line for line in text.splitlines() if f"127.0.0.1:{port} " in line)
    assert f"({os.getpid()})" in line


def test_names_with_control_characters_cannot_forge_lines_or_steer_a_terminal():
    folder = subprocess.run(["mktemp", "-d", "/tmp/rb-triage.XXXXXX"], capture_output=True,
                            text=True, check=True).stdout.strip()
    try:
        hostile = os.path.join(folder, "a\n== FORGED ==\n\x1b[31mred\r\x07.sh")
        with open(hostile, "w") as out:
            out.write("#!/bin/sh\n")
        done = triage("--section", "files")
        assert done.returncode == 0
        assert not re.search(r"^== FORGED ==", done.stdout, re.M)
        assert "\x1b" not in done.stdout and "\x07" not in done.stdout and "\r" not in done.stdout
        assert "\\033[31mred" in done.stdout
    finally:
        shutil.rmtree(folder)


def test_it_runs_as_an_ordinary_user():
    if os.getuid() != 0:
        pytest.skip("this test drops from root")
    with open(SCRIPT) as script:
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               "bash", "-s"], stdin=script, capture_output=True, text=True,
                              errors="replace", timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "== END after" in done.stdout
