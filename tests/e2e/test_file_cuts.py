"""PutFile and GetFile that are cut in the middle: cancelled, killed, uploaded in parts; and their memory."""

import gzip
import os
import signal

import pytest

import harness
from harness import Api
from test_agent_hardening import network_process
from test_files import LIFTED, get, noise, put, run_commands, sha256, states, write


def reader_of(agent):
    """The pid of the process that reads a file, while there is one."""
    pid = agent.process.pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            for child in children.read().split():
                with open(f"/proc/{child}/cmdline", "rb") as words:
                    if words.read().split(b"\0")[1:2] == [b"fetch-file"]:
                        return int(child)
    except OSError:
        pass
    return None


def slow_file(world):
    """A file that is not read in an instant."""
    path = world.path("slow.bin")
    with open(path, "wb") as out:
        out.truncate(3 << 30)
    return path


def test_a_cancel_ends_the_reading(make_world):
    world = make_world(LIFTED).up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    action = api.submit(agent.machine_id, get(slow_file(world)), get("/etc/hostname"))
    reader = harness.eventually(lambda: reader_of(agent), 20, "the file is being read")
    assert api.cancel(action["id"]).status == 200
    action = api.wait_final(action["id"])
    assert action["status"] == "Cancelled"
    assert states(action) == ["Failed", "Created"]
    assert "Cancelled" in action["commands"][0]["errors"][0]
    harness.eventually(lambda: not harness.process_exists(reader), 5, "the reader is gone")
    harness.eventually(lambda: os.listdir(os.path.join(agent.state, "spool")) == [], 10,
                       "the half result is gone")


def test_an_agent_that_is_killed_while_it_reads_tells_the_truth_and_reads_no_more(make_world):
    world = make_world(LIFTED).up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    action = api.submit(agent.machine_id, get(slow_file(world)))
    reader = harness.eventually(lambda: reader_of(agent), 20, "the file is being read")
    agent.process.kill9()
    harness.eventually(lambda: not harness.process_exists(reader), 5, "the reader goes with it")
    agent.run()
    action = api.wait_final(action["id"])
    assert action["status"] == "Failed"
    assert action["commands"][0]["errors"] == ["Interrupted: outcome unknown, not re-run"]
    assert reader_of(agent) is None
    assert api.mint(action["id"]).status == 404


# The nth time that an action of PutFile, RunScript and GetFile comes by.
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("name", ["agent.command.after_intent", "agent.command.after_spawn",
                                  "agent.command.before_ended", "agent.command.after_ended"])
def test_an_agent_that_is_killed_around_a_file_does_nothing_twice(make_world, name, nth):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    agent.run(env=harness.failpoint_env(name, nth))
    api = world.server.api()
    content = noise(100_000)
    api.upload("data.bin", content)
    api.upload("use.sh", '#!/bin/bash\necho x >>"$1"\ncp data.bin "$2"\n')
    ran, copied = world.path("use.ran"), world.path("copied.bin")
    action = api.submit(agent.machine_id, put("data.bin"), Api.script("use.sh", f"{ran} {copied}"),
                        get(copied))
    harness.eventually(lambda: not agent.process.alive(), 20, f"{name} is reached {nth} times")
    agent.run()
    action = api.wait_final(action["id"])
    done = states(action)
    assert len(harness.starts(ran)) in {"Created": [0], "Completed": [1], "Failed": [0, 1]}[done[1]]
    if "after_ended" in name and nth == 3:
        assert action["status"] == "Succeeded", "all had ended by then"
        assert gzip.decompress(api.download(api.link(action["id"], 2)).body) == content
        return
    assert action["status"] == "Failed"
    # What had ended keeps its end; what was under way may have happened, and is not done again.
    first = nth - 1 if "after_ended" not in name else nth
    assert done == ["Completed"] * first + ["Failed"] + ["Created"] * (2 - first)
    assert action["commands"][first]["errors"] == ["Interrupted: outcome unknown, not re-run"]
    assert api.mint(action["id"], 2).status == 404
    work = os.path.join(agent.state, "work")
    harness.eventually(lambda: os.listdir(work) == [], 10, "the working folder is gone")


def blocks(world):
    """The blocks of uploads that are under way: name -> where it is in the file of them."""
    out = {}
    for folder, _, names in os.walk(os.path.join(world.server.data, "blobs", "staging")):
        for name in names:
            try:
                out[name] = os.readlink(os.path.join(folder, name))
            except OSError:
                pass  # a file of bytes, or gone meanwhile
    return out


def interrupted_upload(world, break_it):
    """Gets a file of 50 blocks, breaks the upload in the middle; what was there stays as it is."""
    api, agent = world.server.api(), world.agents[0]
    content = noise(200 << 20)
    path = write(world.path("upload.bin"), content)
    action = api.submit(agent.machine_id, get(path))
    harness.eventually(lambda: len(blocks(world)) >= 5, 60, "blocks are coming in")
    os.kill(network_process(agent), signal.SIGSTOP)
    before = blocks(world)
    assert 5 <= len(before) < 45, "in the middle"
    break_it()
    harness.eventually(lambda: len(blocks(world)) >= len(before) + 3, 60, "it goes on")
    now = blocks(world)
    # The last one that was there may have been on its way when all was stopped.
    kept = [name for name in before if now.get(name) == before[name]]
    assert len(kept) >= len(before) - 1, "no block is sent again"
    final = world.server.api().wait_final(action["id"], 120)
    assert final["status"] == "Succeeded", final["commands"]
    api = world.server.api()
    answer = api.download(api.link(action["id"]))
    assert gzip.decompress(answer.body) == content
    assert final["commands"][0]["file"]["sha256"] == sha256(content)


def test_an_upload_goes_on_after_the_server_was_killed(make_world):
    world = make_world(LIFTED).up(agent=True)

    def break_it():
        world.server.process.kill9()
        os.kill(network_process(world.agents[0]), signal.SIGCONT)
        world.server.serve()
    interrupted_upload(world, break_it)


def test_an_upload_goes_on_after_the_agent_was_killed(make_world):
    world = make_world(LIFTED).up(agent=True)

    def break_it():
        world.agents[0].process.kill9()
        world.agents[0].run()
    interrupted_upload(world, break_it)


# ---- memory

@pytest.mark.release
def test_three_hundred_megabytes_pass_in_constant_memory(make_world, release_bin):
    world = make_world(LIFTED, bin_dir=release_bin).up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    run_commands(world, get("/etc/hostname"), api=api)
    pids = {"server": world.server.process.pid, "supervisor": agent.process.pid,
            "network": network_process(agent)}
    before = {name: harness.memory_peak_kib(pid) for name, pid in pids.items()}
    size = 300 << 20
    path = write(world.path("large.bin"), noise(1 << 20) * 300)
    readers = []

    def watch():
        reader = reader_of(agent)
        if reader:
            try:
                readers.append(harness.memory_peak_kib(reader))
            except (OSError, AttributeError):
                pass
        return api.action(action["id"])["status"] in harness.FINAL
    action = api.submit(agent.machine_id, get(path))
    harness.eventually(watch, 180, "the file is here")
    action = api.action(action["id"])
    assert action["status"] == "Succeeded", action["commands"]
    api.download(api.link(action["id"]), headers={"Range": f"bytes={size // 2}-"})
    grown = {name: (harness.memory_peak_kib(pid) - before[name]) >> 10
             for name, pid in pids.items()}
    peaks = {name: harness.memory_peak_kib(pid) >> 10 for name, pid in pids.items()}
    print(f"peaks in MiB: {peaks}, grown by {grown}; the reader's: {max(readers) >> 10}")
    assert all(mib < 64 for mib in grown.values()), grown
    assert max(readers) >> 10 < 64
