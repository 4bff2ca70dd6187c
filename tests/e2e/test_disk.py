"""The server on a disk that fails or is full (trust.md F14, F16), and the agent on a full one (F15). A
failed sync ends the server, and what it had acknowledged is there when it starts again; a full disk
refuses new work, lets accepted work end, and is over when there is room, without a restart."""

import os
import shutil
import subprocess
import time

import pytest

import harness

# ---- F14


@pytest.fixture(scope="module")
def fail_sync(tmp_path_factory):
    """The shim, compiled."""
    library = str(tmp_path_factory.mktemp("shim") / "fail_sync.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fail_sync.c")
    done = subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library


@pytest.mark.parametrize("path, act", [
    ("/db/reachback.db-wal", "run"), ("/audit/access.log", "mint"), ("/blobs/", "library")])
def test_F14_a_failed_sync_ends_the_server_and_it_starts_clean(make_world, fail_sync, path, act):
    world = make_world("[limits]\nenabled = false\n")
    control = world.path("fail-sync")
    world.server.init()
    env = dict(os.environ, LD_PRELOAD=fail_sync, FAIL_SYNC_FILE=control)
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    server = world.server
    server.serve(env=env)
    agent = world.agent()
    api = server.api()
    api.upload("effect.sh", harness.EFFECT)
    action, _ = api.run_script(agent.machine_id, "effect.sh", "/dev/null before")
    with open(control, "w") as out:
        out.write(path)
    try:
        if act == "run":
            answer = api.post_run(agent.machine_id, api.script("effect.sh", "/dev/null during"))
        elif act == "mint":
            answer = api.mint(action["id"])
        else:
            answer = api.call("POST", "/api/libraryfiles", raw=(
                b'--b\r\nContent-Disposition: form-data; name="file"; filename="new.sh"\r\n\r\nx\r\n--b--\r\n'),
                headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.status >= 500, answer  # never a success that is not on disk
    except OSError:
        pass  # the server was gone first
    assert server.process.wait(20) == 1
    log = server.process.log_text()
    assert "ending after an I/O error" in log and "start the server again" in log, log[-2000:]
    os.remove(control)
    server.serve()
    agent_again = server.api()
    assert agent_again.action(action["id"])["status"] == "Succeeded"
    assert agent_again.result(action["id"])["exit_code"] == 0
    harness.eventually(lambda: agent_again.call("GET", f"/api/machines/{agent.machine_id}").json().get(
        "healthStatus") == "Active", 40, "the agent is back")
    for listed in agent_again.expect(200, "GET", "/api/machineactions").json()["value"]:
        agent_again.wait_final(listed["id"])
    after, _ = agent_again.run_script(agent.machine_id, "effect.sh", "/dev/null after")
    assert after["status"] == "Succeeded"
    told = harness.run([server.bin, "verify-audit", "--data", server.data])
    assert told.returncode == 0, told.stderr


# ---- F16

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 MiB of its own."""
    image, mount = str(tmp_path / "image"), str(tmp_path / "disk")
    os.mkdir(mount)
    with open(image, "wb") as out:
        out.truncate(200 * MIB)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs to make and mount a loop file system: {error}")
    yield mount
    for _ in range(50):
        if subprocess.run(["umount", mount], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "-l", mount], check=False)


def free_bytes(path):
    info = os.statvfs(path)
    return info.f_bavail * info.f_frsize


class Filler:
    def __init__(self, folder):
        self.path = os.path.join(folder, "filler")
        self.folder = folder

    def leave(self, bytes_left):
        self.remove()
        size = free_bytes(self.folder) - bytes_left
        with open(self.path, "wb") as out:
            try:
                os.posix_fallocate(out.fileno(), 0, size)
            except OSError:  # the file system's own blocks: fill what is left by writing
                pass
        if bytes_left == 0:
            with open(self.path, "ab") as out:
                try:
                    while True:
                        out.write(b"x" * 4096)
                        out.flush()
                except OSError:
                    pass

    def remove(self):
        if os.path.exists(self.path):
            os.remove(self.path)


WAIT_FOR = """#!/bin/bash
until [ -e "$1" ]; do sleep 0.05; done
head -c 100000 /dev/zero | tr '\\0' x
echo "did it" >>"$1"
"""


def test_F16_a_full_disk_refuses_new_work_ends_the_old_and_is_over_when_there_is_room(make_world, small_disk):
    world = make_world("[limits]\nenabled = false\n")
    world.server.data = os.path.join(small_disk, "server")
    filler = Filler(small_disk)
    world.up()
    busy, idle = world.agent(name="busy"), world.agent(name="idle")
    offline = world.agent(name="offline", run=False)
    server, api = world.server, world.server.api()
    api.upload("wait.sh", WAIT_FOR)
    api.upload("effect.sh", harness.EFFECT)
    earlier, _ = api.run_script(idle.machine_id, "effect.sh", "/dev/null earlier")
    go = world.path("go")
    running = api.submit(busy.machine_id, api.script("wait.sh", go))
    queued = api.submit(offline.machine_id, api.script("effect.sh", "/dev/null never"))

    # Nearly full: what is left is kept for accepted work.
    filler.leave(40 * MIB)
    refused = api.post_run(idle.machine_id, api.script("effect.sh", "/dev/null no"))
    assert refused.status in (503, 507), refused
    form = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="new.sh"\r\n\r\nx\r\n--b--\r\n')
    uploaded = api.call("POST", "/api/libraryfiles", raw=form,
                        headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert uploaded.status in (503, 507), uploaded
    assert api.cancel(queued["id"]).json()["status"] == "Cancelled"
    assert api.action(queued["id"])["status"] == "Cancelled"
    assert api.mint(earlier["id"]).status == 200
    # The script ends; its result has no room and stays on the agent.
    open(go, "w").close()
    harness.eventually(lambda: harness.read_lines(go), 20, "the script's end")
    time.sleep(1)
    assert api.action(running["id"])["status"] == "InProgress"
    assert server.process.alive() and busy.process.alive()

    # Full to the last block: refused, not broken.
    filler.leave(0)
    answer = api.post_run(idle.machine_id, api.script("effect.sh", "/dev/null no"))
    assert answer.status in (503, 507), answer
    assert api.action(earlier["id"])["status"] == "Succeeded"
    assert server.process.alive()

    # Room again.
    filler.remove()
    done = api.wait_final(running["id"], timeout_s=90)
    assert done["status"] == "Succeeded", done
    assert len(api.result(running["id"])["script_output"]) == 100000
    assert harness.read_lines(go) == ["did it"]
    after, _ = api.run_script(idle.machine_id, "effect.sh", "/dev/null after")
    assert after["status"] == "Succeeded"
    assert api.upload("new.sh", "x")["fileName"] == "new.sh"
    for agent in (busy, idle):
        agent.stop()
    assert server.stop() == 0
    told = harness.run([server.bin, "verify-audit", "--data", server.data])
    assert told.returncode == 0, told.stderr
    shutil.rmtree(server.data)


# ---- F15

def test_F15_an_agent_on_a_full_disk_starts_nothing_says_so_and_goes_on_when_there_is_room(make_world, small_disk):
    world = make_world("[limits]\nenabled = false\n").up()
    agent = world.agent(run=False)
    agent.state = shutil.move(agent.state, os.path.join(small_disk, "agent"))
    agent.run()
    api, effects = world.server.api(), world.path("effects")
    api.upload("effect.sh", harness.EFFECT)
    earlier, _ = api.run_script(agent.machine_id, "effect.sh", f"{effects} earlier")
    filler = Filler(small_disk)
    filler.leave(0)
    refused = api.submit(agent.machine_id, api.script("effect.sh", f"{effects} refused"))
    ended = api.wait_final(refused["id"])
    assert ended["status"] == "Failed" and "DiskFull" in ended["commands"][0]["errors"][0], ended
    assert agent.process.alive()
    filler.remove()
    after, _ = api.run_script(agent.machine_id, "effect.sh", f"{effects} after")
    assert (earlier["status"], after["status"]) == ("Succeeded", "Succeeded")
    assert harness.read_lines(effects) == ["earlier", "after"]
    assert agent.stop() == 0
