"""PutFile and GetFile: files that go to a machine and come back, and everything that is no file. What
is cut in the middle: test_file_cuts.py."""

import gzip
import hashlib
import os
import random
import shutil
import socket
import stat
import time
import urllib.parse

import pytest

import harness
from harness import Api

LIFTED = "[limits]\nenabled = false\n"
RAW = LIFTED + '[get_file]\nwire_form = "raw"\n'


def put(name):
    return {"type": "PutFile", "params": [{"key": "FileName", "value": name}]}


def get(path):
    return {"type": "GetFile", "params": [{"key": "Path", "value": path}]}


def states(action):
    return [command["commandStatus"] for command in action["commands"]]


def run_commands(world, *commands, api=None, timeout_s=60):
    api = api or world.server.api()
    action = api.submit(world.agents[0].machine_id, *commands)
    return api.wait_final(action["id"], timeout_s)


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def write(path, content):
    with open(path, "wb") as out:
        out.write(content)
    return path


def name_of(answer):
    """The file name that a download tells, as RFC 6266 wants it read."""
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    if "filename*=UTF-8''" in disposition:
        return urllib.parse.unquote(disposition.split("filename*=UTF-8''")[1])
    return disposition.split('filename="')[1].split('"')[0]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_put_used_by_a_script_and_got_back(shared):
    api = shared.shared_api
    tool = noise((20 << 20) - 3) + b"\0\r\n"  # as large as the API takes, and no text
    api.upload("tool.bin", tool)
    api.upload("say.sh", "#!/bin/bash\necho it ran\n")
    api.upload("use.sh", '#!/bin/bash\nset -e\n./say.sh\ncp tool.bin "$1"\nls -l tool.bin; pwd\n')
    copied = shared.path("copied.bin")
    action = run_commands(shared, put("tool.bin"), put("say.sh"), Api.script("use.sh", copied),
                          get(copied), api=api)
    assert action["status"] == "Succeeded", action["commands"]
    assert states(action) == ["Completed"] * 4
    for command in action["commands"]:
        assert command["errors"] == []
        assert action["creationDateTimeUtc"] <= command["startTime"] <= command["endTime"]
    times = [command["startTime"] for command in action["commands"]]
    assert times == sorted(times)

    for index in (0, 1):
        answer = api.mint(action["id"], index)
        assert answer.status == 404
        assert "PutFile, which has no result" in answer.json()["error"]["message"]
    said = api.result(action["id"], 2)["script_output"].splitlines()
    assert said[0] == "it ran"
    assert said[1].startswith("-rwx------")
    harness.eventually(lambda: not os.path.exists(said[2]), 5, "its folder goes with the action")

    answer = api.download(api.link(action["id"], 3))
    assert answer.status == 200
    assert gzip.decompress(answer.body) == tool
    assert name_of(answer) == "copied.bin.gz"
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert action["commands"][3]["file"] == {"path": os.path.realpath(copied), "size": len(tool),
                                             "sha256": sha256(tool)}
    assert "file" not in action["commands"][2]


@pytest.mark.parametrize("content", [b"", b"x", b"text\r\n" * 1000, noise(100_000)])
def test_a_file_of_any_kind_comes_back_byte_by_byte(shared, content):
    path = write(shared.path("kind.bin"), content)
    action = run_commands(shared, get(path), api=shared.shared_api)
    assert action["status"] == "Succeeded", action["commands"]
    answer = shared.shared_api.download(shared.shared_api.link(action["id"]))
    assert gzip.decompress(answer.body) == content


def test_raw_by_setting_and_names_of_any_script(make_world):
    world = make_world(RAW).up(agent=True)
    api = world.server.api()
    content = noise(5 << 20)
    for name in ("plain.log", "日本 ü.log", 'q"uo;te%.gz'):
        path = write(world.path(name), content)
        action = run_commands(world, get(path), api=api)
        assert action["status"] == "Succeeded", action["commands"]
        answer = api.download(api.link(action["id"]))
        assert answer.body == content
        assert name_of(answer) == name
        assert "Content-Encoding" not in answer.headers
        assert action["commands"][0]["file"]["sha256"] == sha256(content)


def test_what_is_no_file_fails_with_its_reason_and_stops_the_rest(shared):
    api = shared.shared_api
    fifo, sock, link, big = (shared.path(n) for n in ("fifo", "sock", "dangling", "big.bin"))
    os.mkfifo(fifo)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sock)
    os.symlink("nowhere", link)
    with open(big, "wb") as sparse:
        sparse.truncate((3 << 30) + 1)
    cases = {
        shared.folder: "NotARegularFile: ",
        fifo: "NotARegularFile: ",
        sock: "NotARegularFile: ",
        "/dev/zero": "NotARegularFile: ",
        "/proc/self/exe": "NotARegularFile: ",
        "/proc/self/fd/0": "NotARegularFile: ",
        "/proc/self/mem": "ReadFailed: ",
        "/proc/kmsg": "",  # by the kernel: not permitted, or a read that has to wait
        link: "NotFound: ",
        shared.path("missing"): "NotFound: ",
        big: "TooLarge: ",
        "relative/path": "InvalidPath: ",
        "~/x": "InvalidPath: ",
        "$HOME/x": "InvalidPath: ",
        "C:\\windows\\TEMP\\x": "InvalidPath: ",
    }
    for path, reason in cases.items():
        begun = time.monotonic()
        action = run_commands(shared, get(path), get("/etc/hostname"), api=api)
        assert time.monotonic() - begun < 20, path
        assert action["status"] == "Failed", path
        first, second = action["commands"]
        assert first["commandStatus"] == "Failed" and second["commandStatus"] == "Created"
        assert len(first["errors"]) == 1, first
        assert first["errors"][0].startswith(reason), (path, first["errors"])
        assert path[:300] in first["errors"][0] or reason == ""
        assert second["errors"][0].startswith("NotRun: ")
        assert second["startTime"] is None and second["endTime"] is None
        assert api.mint(action["id"]).status == 404
    listener.close()
    harness.eventually(lambda: os.listdir(os.path.join(shared.agents[0].state, "spool")) == [], 5,
                       "nothing is left in the spool")


def test_links_are_followed_and_the_files_own_path_is_told(shared):
    content = b"behind a link"
    real = write(shared.path("real.txt"), content)
    os.symlink("real.txt", shared.path("link.txt"))
    action = run_commands(shared, get(shared.path("link.txt")), api=shared.shared_api)
    assert action["status"] == "Succeeded", action["commands"]
    assert action["commands"][0]["file"]["path"] == os.path.realpath(real)
    answer = shared.shared_api.download(shared.shared_api.link(action["id"]))
    assert gzip.decompress(answer.body) == content
    assert name_of(answer) == "link.txt.gz"


def test_a_file_of_proc_is_read_to_its_end(shared):
    action = run_commands(shared, get("/proc/cpuinfo"), api=shared.shared_api)
    assert action["status"] == "Succeeded", action["commands"]
    answer = shared.shared_api.download(shared.shared_api.link(action["id"]))
    assert b"processor" in gzip.decompress(answer.body)


def test_the_policys_folders_count_where_the_path_led(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    inside, outside = world.path("inside"), world.path("outside")
    os.mkdir(inside)
    os.mkdir(outside)
    write(os.path.join(inside, "a"), b"allowed")
    write(os.path.join(outside, "b"), b"secret")
    os.symlink(os.path.join(outside, "b"), os.path.join(inside, "to_b"))
    policy = os.path.join(agent.state, "policy.toml")
    with open(policy, "w") as out:
        out.write(f'[get_file]\nread_roots = ["{os.path.realpath(inside)}"]\n')
    os.chmod(policy, 0o600)
    agent.run()
    api = world.server.api()
    for path, allowed in ((f"{inside}/a", True), (f"{inside}/to_b", False), (f"{outside}/b", False),
                          (f"{inside}/../outside/b", False)):
        action = run_commands(world, get(path), api=api)
        assert (action["status"] == "Succeeded") == allowed, (path, action["commands"])
        if not allowed:
            assert "Policy: " in action["commands"][0]["errors"][0]
            assert api.mint(action["id"]).status == 404


def test_a_library_file_that_is_replaced_is_put_as_it_was_accepted(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("data.txt", "first")
    api.upload("show.sh", "#!/bin/bash\ncat data.txt\n")
    action = api.submit(agent.machine_id, put("data.txt"), Api.script("show.sh"))
    api.upload("data.txt", "second", override=True)
    agent.run()
    assert api.wait_final(action["id"])["status"] == "Succeeded"
    assert api.result(action["id"], 1)["script_output"] == "first"
    missing = api.post_run(agent.machine_id, put("missing.bin"))
    assert missing.status == 400
    assert "missing.bin" in missing.json()["error"]["message"]


def test_a_file_that_is_kept_is_there_for_the_next_action(make_world):
    world = make_world(LIFTED + '[put_file]\nkept_until = "restart"\n').up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    api.upload("data.txt", "kept")
    action = run_commands(world, put("data.txt"), api=api)
    assert action["status"] == "Succeeded"
    kept = os.path.join(agent.state, "work", action["id"].replace("-", ""), "data.txt")
    assert harness.read_lines(kept) == ["kept"]
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o700
    agent.stop()
    agent.run()
    assert harness.read_lines(kept) == ["kept"]


def test_a_script_without_its_interpreter_fails_with_its_name(shared):
    api = shared.shared_api
    for name, script, missing in (("none.sh", "#!/nowhere/zsh\necho\n", "/nowhere/zsh"),
                                  ("power.ps1", "Write-Output 1\n", "pwsh")):
        if missing == "pwsh" and shutil.which("pwsh"):
            continue
        api.upload(name, script)
        action = run_commands(shared, Api.script(name), api=api)
        assert states(action) == ["Failed"]
        assert action["commands"][0]["errors"] == [
            f"InterpreterNotFound: {missing} is not on this machine"]


def test_the_cli_gets_a_file_and_runs_with_files(make_world):
    world = make_world(LIFTED).up(agent=True)
    api, machine = world.server.api(), world.agents[0].machine_id
    content = noise(3 << 20)
    path = write(world.path("on_machine.bin"), content)
    got = world.path("got.bin")
    done = world.cli("get", machine, path, "-o", got)
    assert done.returncode == 0, done.stderr
    with open(got, "rb") as file:
        assert file.read() == content
    missing = world.cli("get", machine, "/nowhere", "-o", got + "2")
    assert missing.returncode == 126
    assert "NotFound: /nowhere" in missing.stderr
    assert not os.path.exists(got + "2")

    api.upload("data.txt", "data of a file")
    api.upload("show.sh", "#!/bin/bash\ncat data.txt\n")
    ran = world.cli("run", machine, "show.sh", "--put", "data.txt")
    assert (ran.returncode, ran.stdout) == (0, "data of a file"), ran.stderr

    # The machine's word covers what it read, packed or not.
    action = api.call("GET", "/api/machineactions").json()["value"]
    ids = [a["id"] for a in action if a["commands"][0]["command"]["type"] == "GetFile"
           and a["status"] == "Succeeded"]
    fetched = world.cli("result", ids[0], "-o", world.path("got.gz"), "--receipts",
                        world.path("got.receipts"))
    assert fetched.returncode == 0, fetched.stderr
    for file in ("got.gz", "got.bin"):
        proof = world.cli("verify", world.path(file), "--receipt", world.path("got.receipts"),
                          "--machine", machine)
        assert proof.returncode == 0, proof.stderr
        assert "read " + os.path.realpath(path) in proof.stdout
