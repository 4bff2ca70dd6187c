"""A short run of ./dev chaos on the sanitizers' build, and shortcuts that it must notice."""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

import disks

HERE = os.path.dirname(os.path.abspath(__file__))
RUN_S = 600  # a run that hangs is a failure


@pytest.fixture
def folder():
    """Short: sockets lie below it, whose names may not be long."""
    made = tempfile.mkdtemp(prefix="rb-")
    yield made
    shutil.rmtree(made, ignore_errors=True)


def chaos(bin_dir, folder, *words):
    seed = os.environ.get("REACHBACK_SEED", str(random.SystemRandom().randrange(1 << 32)))
    env = dict(os.environ, REACHBACK_BIN=bin_dir)
    done = subprocess.run([sys.executable, os.path.join(HERE, "run.py"), "--folder", str(folder),
                           "--seed", seed, *words], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=RUN_S, check=False)
    print(done.stdout)
    return done


def test_nothing_breaks_in_half_a_minute(bin_dir, folder, record_property):
    done = chaos(bin_dir, folder, "--minutes", "0.3", "--agents", "3", "--stride", "11")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "double starts 0 of" in done.stdout and "0 violations" in done.stdout
    faults = int(re.search(r"(\d+) faults of", done.stdout).group(1))
    kills = int(re.search(r"(\d+) kills at durable steps", done.stdout).group(1))
    record_property("step_kills", kills)
    record_property("faults", faults)
    assert faults >= 4 and kills >= 8
    assert os.listdir(folder) == [], "a run without findings leaves nothing behind"


@pytest.mark.parametrize("variant, invariant, how", [
    ("resume", "V01", ("--side", "agent", "--stride", "2")),
    ("early_report", "V10", ("--side", "server", "--stride", "20"))])
def test_a_shortcut_is_noticed(bin_dir, folder, variant, invariant, how):
    done = chaos(bin_dir, folder, "--sweep", "--variant", variant, *how)
    assert done.returncode == 1, done.stdout[-3000:]
    assert re.search(rf"BROKEN: .*{invariant} at event", done.stdout), done.stdout[-3000:]


def test_a_full_disk_is_full_and_an_emptied_one_is_not(tmp_path):
    try:
        disk = disks.Disk(str(tmp_path / "disk"), 16)
    except disks.Unavailable as why:
        pytest.skip(f"no loop file systems here: {why}")
    try:
        disk.fill()
        with pytest.raises(OSError), open(os.path.join(disk.folder, "more"), "wb", buffering=0) as more:
            for _ in range(64):
                assert more.write(b"x" * 4096) == 4096
        disk.empty()
        assert disk.free_bytes() > 4 << 20
        with open(os.path.join(disk.folder, "more"), "wb", buffering=0) as more:
            assert more.write(b"x" * (1 << 20)) == 1 << 20
    finally:
        disk.close()
    assert not os.path.ismount(disk.folder) and not os.path.exists(disk.image)
