"""`reachback shell` against a real server and a real agent: lines from standard input and from -c, what is
printed, kept and waited for. Typing at a terminal: test_shell_typing.py."""

import hashlib
import json
import os
import stat
import subprocess
import zipfile

import harness
import pytest

LIFTED = "[limits]\nenabled = false\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory, bin_dir):
    world = harness.World(str(tmp_path_factory.mktemp("shell")), bin_dir, LIFTED)
    world.up(agent=True, name="web-01")
    world.rest = world.server.api()
    world.rest.upload("slow.sh", "#!/bin/bash\necho begun\nwhile [ ! -e \"$1\" ]; do sleep 0.05; done\necho done\nexit 3\n")
    yield world
    world.close()


def shell(world, *lines, options=()):
    """Lines by standard input."""
    done = subprocess.run([os.path.join(world.bin_dir, "reachback"), "shell", "web-01", *options],
                          input="".join(line + "\n" for line in lines), env=world.server.cli_env(), cwd=world.folder,
                          capture_output=True, text=True, timeout=120, check=False)
    return done


def open_sessions(world):
    return world.rest.expect(200, "GET", "/api/reachback/sessions").json()["value"]


@pytest.fixture(autouse=True)
def no_session_is_left(world):
    yield
    assert open_sessions(world) == []


def test_lines_are_done_in_order_in_the_folder_that_cd_led_to(world, tmp_path):
    (tmp_path / "one").write_text("1")
    (tmp_path / "sub").mkdir()
    done = shell(world, f"cd '{tmp_path}'", "# a remark", "", "dir", "cd sub", "cd ..", "dir -full_path")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("PERMISSIONS")[1:]
    assert [line.split()[-1] for line in first.splitlines()[1:]] == ["one", "sub"]
    assert [line.split()[-1] for line in second.splitlines()[1:]] == [f"{tmp_path}/one", f"{tmp_path}/sub"]


def test_json_is_an_array_of_whole_rows(world):
    done = shell(world, "users -output json")
    assert done.returncode == 0, done.stderr
    root = [row for row in json.loads(done.stdout) if row["name"] == "root"]
    assert root[0]["uid"] == 0 and root[0]["home"] == "/root"


def test_output_and_files_are_kept_where_the_line_says(world, tmp_path):
    evidence = tmp_path / "evidence"
    evidence.write_bytes(os.urandom(300_000))
    done = shell(world, f"cd {tmp_path}", "dir -output json > listing.json", "getfile evidence", "getfile evidence > other")
    assert done.returncode == 0, done.stderr
    kept = world.path("listing.json")
    assert [row["name"] for row in json.load(open(kept))] == ["evidence"]
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600
    for name in ("evidence", "other"):
        assert open(world.path(name), "rb").read() == evidence.read_bytes()
    assert done.stdout == "", "without a terminal it is quiet"
    again = shell(world, f"cd {tmp_path}", "getfile evidence")
    assert again.returncode == 125 and "evidence" in again.stderr, "an existing file is not replaced"


def test_the_first_line_that_fails_ends_it_and_its_status_is_told(world):
    done = shell(world, "dir /no/such/folder", "users")
    assert done.returncode == 1
    assert "NotFound" in done.stderr and "root" not in done.stdout
    done = shell(world, "frobnicate")
    assert done.returncode == 125
    assert done.stderr.splitlines()[-1].startswith("reachback: ") and "'frobnicate' is no command" in done.stderr
    done = shell(world, "dir /no/such/folder", "users", options=["--keep-going"])
    assert done.returncode == 1 and "root" in done.stdout


def test_a_job_in_the_background_is_waited_for_and_told(world, tmp_path):
    flag = tmp_path / "flag"
    process = subprocess.Popen([os.path.join(world.bin_dir, "reachback"), "shell", "web-01"], env=world.server.cli_env(),
                               cwd=world.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    process.stdin.write(f"run slow.sh -parameters '{flag}' &\njobs\nusers\nfg 1\n")
    process.stdin.close()
    harness.eventually(lambda: any(a["status"] == "InProgress" for a in world.rest.expect(
        200, "GET", "/api/machineactions?$top=1").json()["value"]), 30, "the script runs")
    flag.write_text("")
    out, err = process.stdout.read(), process.stderr.read()
    assert process.wait(60) == 3, err
    assert "[1] run slow.sh" in err and "waiting until [1] run slow.sh" in err
    assert "InProgress" in out or "Pending" in out, "jobs says how it stands"
    assert "root" in out and out.rstrip().endswith("done"), "fg shows the whole output"


def test_the_machine_has_one_session_and_another_can_be_taken_over(world):
    machine = world.agents[0].machine_id
    assert world.rest.call("POST", f"/api/reachback/machines/{machine}/sessions", {}).status == 201
    done = shell(world, "users")
    assert done.returncode == 125 and "--take-over" in done.stderr
    done = shell(world, "users", options=["--take-over"])
    assert done.returncode == 0 and "root" in done.stdout, done.stderr


def test_what_the_program_does_itself(world):
    done = shell(world, "help", "help dir", "library", "status", "users > kept", "jobs", "status 1")
    assert done.returncode == 0, done.stderr
    for word in ("findfile", "full_path", "slow.sh", "Open", "Succeeded"):
        assert word in done.stdout, word


def test_a_hostile_name_is_escaped_in_a_table_and_exact_in_json(world, tmp_path):
    (tmp_path / "a\x1b[31mred\u202e").write_text("")
    done = shell(world, f"dir {tmp_path}")
    assert done.returncode == 0
    assert "\\x1b[31mred\\u{202e}" in done.stdout
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout
    done = shell(world, f"dir {tmp_path} json", options=["--json"])
    row = json.loads(done.stdout.splitlines()[-1])["rows"][0]
    assert row["name"] == "a\x1b[31mred\u202e", "JSON is exact"


def test_an_old_result_is_shown_as_text(world):
    shell(world, "users")
    newest = world.rest.expect(200, "GET", "/api/machineactions?$top=1").json()["value"][0]
    assert newest["commands"][0]["command"]["type"] == "BuiltIn"
    done = world.cli("result", newest["id"])
    assert done.returncode == 0 and json.loads(done.stdout.splitlines()[0])["name"]


def test_the_forensic_package_is_one_file_with_what_it_lists(world, tmp_path):
    done = shell(world, "collect", "collect > again.zip")
    assert done.returncode == 0, done.stderr
    name = f"collect-{open('/etc/hostname').read().strip()}.zip" if os.path.exists("/etc/hostname") else "collect-machine.zip"
    for path in (world.path(name), world.path("again.zip")):
        with zipfile.ZipFile(path) as package:
            assert package.testzip() is None
            listed = [json.loads(line) for line in package.read("contents.jsonl").splitlines()]
            names = {entry["name"] for entry in listed[1:]}
            assert names | {"contents.jsonl"} == set(package.namelist())
            for entry in listed[1:]:
                assert hashlib.sha256(package.read(entry["name"])).hexdigest() == entry["sha256"]
            assert b'"name":"reachback-agent"' in package.read("processes.jsonl")
            assert "files/etc/passwd" in names and "files/proc/version" in names
            assert not any("shadow" in entry for entry in names)
    action = world.rest.expect(200, "GET", "/api/machineactions?$top=1").json()["value"][0]
    command = action["commands"][0]
    assert command["command"]["type"] == "Collect"
    assert command["file"]["path"] == name
    link = world.rest.link(action["id"])
    assert hashlib.sha256(world.rest.download(link).body).hexdigest() == command["file"]["sha256"]
