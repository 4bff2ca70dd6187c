"""The responder's program against a real server and real agents: live output, several machines, sign-in of a
user, completion, the man page."""

import json
import os
import pty
import re
import select
import shutil
import socket
import stat
import subprocess
import threading
import time
import urllib.parse

import harness
import pytest
from people import Person

LIFTED = "[limits]\nenabled = false\n"
SLOW = """#!/bin/bash
echo first
echo complaint >&2
while [ ! -e "$1" ]; do sleep 0.05; done
echo last
exit 4
"""
SAYS = "#!/bin/bash\necho \"$(basename \"$PWD\" | wc -c) $*\"\nexit ${1:-0}\n"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, bin_dir):
    """A server and three machines: web-1 and web-2 with the tag web, and db."""
    world = harness.World(str(tmp_path_factory.mktemp("fleet")), bin_dir, LIFTED)
    world.up()
    for name, tags in (("web-1", ["--tag", "web"]), ("web-2", ["--tag", "web"]), ("db", [])):
        world.agent(label=name, name=name, token=world.server.enrollment_token(*tags))
    world.rest = world.server.api()
    world.rest.upload("says.sh", SAYS)
    yield world
    world.close()


def program(world):
    return os.path.join(world.bin_dir, "reachback")


def start(world, *words, env=None, **options):
    return subprocess.Popen([program(world), *words], env=dict(world.server.cli_env(), **(env or {})), cwd=world.folder,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def has_events(world):
    """Whether this server shows what a script writes while it runs."""
    action, _ = world.rest.run_script(world.agents[2].machine_id, "says.sh")
    return world.rest.call("GET", f"/api/machineactions/{action['id']}/events").status == 200


def test_output_is_there_before_the_script_ends(fleet):
    if not has_events(fleet):
        pytest.skip("this server has no live events")
    fleet.rest.upload("slow.sh", SLOW)
    go = fleet.path("go")
    child = start(fleet, "run", "db", "slow.sh", "--", go)
    assert select.select([child.stdout], [], [], 30)[0], "nothing came while the script ran"
    assert child.stdout.readline() == "first\n"
    assert child.poll() is None
    open(go, "w").close()
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (4, "last\n", "complaint\n")


def test_with_and_without_live_the_output_is_the_same(fleet):
    fleet.rest.upload("bytes.sh", "#!/bin/bash\nprintf 'a\\xffb\\xc3\\xa9\\xe2\\x82X\\n'; printf 'e\\x1b[2J' >&2; exit 9\n")
    answers = [fleet.cli("run", "db", "bytes.sh", *words) for words in ([], ["--no-live"])]
    assert [(a.returncode, a.stdout, a.stderr) for a in answers] \
        == [(9, "a\ufffdb\u00e9\ufffdX\n", "e\x1b[2J")] * 2


def test_several_machines_by_name_tag_filter_and_file(fleet):
    named = fleet.cli("run", "web-1", "db", "says.sh", "--", "0", "x")
    assert named.returncode == 0, named.stderr
    assert sorted(line.split(": ")[0] for line in named.stdout.splitlines()) == ["db", "web-1"]
    assert "2 machines: 2 with exit code 0" in named.stderr
    tagged = fleet.cli("run", "--tag", "web", "says.sh", "--", "3")
    assert tagged.returncode == 1, tagged.stderr
    assert sorted(line.split(": ")[0] for line in tagged.stdout.splitlines()) == ["web-1", "web-2"]
    both = fleet.cli("run", "--tag", "web", "--filter", "computerDnsName eq 'web-2'", "says.sh", "--json")
    document = json.loads(both.stdout)
    assert [m["machine"]["name"] for m in document["machines"]] == ["web-2"]
    assert document["machines"][0]["result"]["exit_code"] == 0
    assert document["summary"] == {"machines": 1, "exitCodeZero": 1, "exitCodeOther": 0, "notEnded": 0}
    with open(fleet.path("names"), "w") as names:
        names.write("web-1  # the first\n\ndb\n")
    listed = fleet.cli("run", "--machines-from", fleet.path("names"), "says.sh", "-o", fleet.path("out"), "--parallel", "1")
    assert (listed.returncode, listed.stdout) == (0, ""), listed.stderr
    for name in ("web-1", "db"):
        folder = os.path.join(fleet.path("out"), name)
        assert sorted(os.listdir(folder)) == ["action.json", "result.json", "stderr", "stdout"]
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        with open(os.path.join(folder, "result.json")) as result, open(os.path.join(folder, "stdout")) as out:
            assert json.load(result)["script_output"] == out.read() != ""
    nobody = fleet.cli("run", "--tag", "nobody", "says.sh")
    assert nobody.returncode == 125 and "reachback machines" in nobody.stderr


def test_a_machine_that_is_away_does_not_keep_the_others(fleet):
    away = fleet.agent(label="away", name="away")
    away.stop()
    done = fleet.cli("run", "away", "db", "says.sh", "--timeout", "5s")
    assert done.returncode == 126
    assert done.stdout.startswith("db: ")
    assert re.search(r"away: action \S+ did not end in time", done.stderr), done.stderr
    for action in fleet.rest.call("GET", "/api/machineactions?$top=5").json()["value"]:
        if action["status"] == "Pending":
            fleet.cli("cancel", action["id"])


def test_get_and_put_on_several(fleet):
    path = fleet.path("on_machines.bin")
    with open(path, "wb") as file:
        file.write(os.urandom(1 << 20))
    got = fleet.cli("get", "--tag", "web", path, "-o", fleet.path("got"), "--json")
    assert got.returncode == 0, got.stderr
    for machine in json.loads(got.stdout)["machines"]:
        with open(machine["file"]["saved"], "rb") as file, open(path, "rb") as wanted:
            assert file.read() == wanted.read()
    put = fleet.cli("put", "web-1", "web-2", path)
    assert put.returncode == 0, put.stderr
    one = fleet.cli("put", "db", path, "--name", "other.bin")
    assert (one.returncode, one.stdout) == (0, "other.bin is on db\n"), one.stderr


class Relay:
    """Passes connections on, and cuts one of them, once, when it has brought so many bytes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.to, self.cut_after, self.cuts = None, None, 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.to)
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source, target, is_answer):
        count = 0
        try:
            while piece := source.recv(65536):
                count += len(piece)
                if is_answer and self.cut_after and count > self.cut_after:
                    self.cut_after, self.cuts = None, self.cuts + 1
                    break
                target.sendall(piece)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_a_cut_download_goes_on_and_the_hash_is_checked(make_world):
    relay = Relay()
    world = make_world(LIFTED)
    world.server.public_url = relay.url
    world.up()
    with open(os.path.join(world.server.data, "run", "addresses.json")) as file:
        addresses = json.load(file)
    host, port = addresses["listen"].rsplit(":", 1)
    relay.to = (host, int(port))
    world.agent()
    content = os.urandom(8 << 20)
    path = world.path("large.bin")
    with open(path, "wb") as file:
        file.write(content)
    relay.cut_after = 3 << 20
    done = world.cli("get", world.agents[0].machine_id, path, "-o", world.path("got.bin"))
    assert done.returncode == 0, done.stderr
    assert relay.cuts == 1
    with open(world.path("got.bin"), "rb") as file:
        assert file.read() == content
    ranges = [line for line in harness.read_lines(os.path.join(world.server.data, "audit", "access.log"))
              if "download" in line]
    assert len(ranges) >= 2, "the rest came by a second request"


def test_json_and_a_file_on_everything(fleet):
    for words in (["machines"], ["actions", "--top", "3"], ["library", "list"], ["whoami"]):
        target = fleet.path("answer.json")
        done = fleet.cli(*words, "--json", "-o", target)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), words
        with open(target) as answer:
            json.load(answer)
        assert stat.S_IMODE(os.stat(target).st_mode) == 0o600
        os.remove(target)
    failed = fleet.cli("show", "11111111-2222-4333-8444-555555555555", "-o", fleet.path("none"))
    assert failed.returncode == 125
    assert not os.path.exists(fleet.path("none")) and not os.path.exists(fleet.path("none.part"))
    nowhere = fleet.cli("machines", "-o", "/nowhere/file")
    assert nowhere.returncode == 125 and len(nowhere.stderr.splitlines()) == 1


def on_terminal(world, *words, env=None):
    """What a terminal of 100 columns gets to see, and the exit status."""
    leader, follower = pty.openpty()
    child = subprocess.Popen([program(world), *words], env=dict(world.server.cli_env(), TERM="xterm", **(env or {})),
                             stdin=follower, stdout=follower, stderr=follower, cwd=world.folder)
    os.close(follower)
    seen = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    return child.wait(60), seen.decode(errors="replace")


def test_colours_and_moving_lines_are_for_terminals(fleet):
    code, seen = on_terminal(fleet, "run", "web-1", "db", "says.sh")
    assert code == 0
    assert "\x1b[2K" in seen or "\x1b[J" in seen, "the lines move"
    assert "\x1b[32m" in seen
    code, plain = on_terminal(fleet, "run", "web-1", "db", "says.sh", env={"NO_COLOR": "1"})
    assert code == 0 and "\x1b[32m" not in plain
    fleet.rest.upload("evil.sh", "#!/bin/bash\nprintf '\\033]0;owned\\007\\342\\200\\256x\\n'\n")
    code, seen = on_terminal(fleet, "run", "db", "evil.sh")
    assert code == 0
    assert "\x1b]0;owned" not in seen and "\\x1b]0;owned\\x07\\u{202e}x" in seen
    quiet = fleet.cli("run", "db", "says.sh")
    assert quiet.stderr == "" and "\x1b" not in quiet.stdout


# ---- users
def sign_in(world, person, code):
    answer = person.form("/devicelogin", dict(user_code=code, username=person.name, password=person.password,
                                              otp=person.code(), answer="yes"))
    assert "You are signed in" in answer.text, answer.text


def user_env(world, home, **more):
    os.makedirs(home, exist_ok=True)
    env = dict(world.server.cli_env(), HOME=home, REACHBACK_CLIENT_ID="", REACHBACK_CLIENT_SECRET="", **more)
    return env


def log_in(world, person, env, *words):
    child = subprocess.Popen([program(world), "login", "--client-id", person.client, *words], env=env, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = child.stderr.readline()
    found = re.search(r"open (\S+) in any browser and enter the code (\S+)", said)
    assert found, said + child.stderr.read()
    assert urllib.parse.urlsplit(found.group(1)).path == "/devicelogin"
    sign_in(world, person, found.group(2))
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    return out


def test_a_user_signs_in_by_device_code_and_out_again(make_world):
    world = make_world(LIFTED).up(agent=True)
    ann = Person(world, "ann@corp.example", "live-response-advanced", scopes=("Machine.Read", "Machine.LiveResponse"))
    env = user_env(world, world.path("home"))
    before = world.cli("machines", env=env)
    assert before.returncode == 125 and "reachback login" in before.stderr
    assert log_in(world, ann, env).startswith("signed in as ann@corp.example at https://")
    file = os.path.join(env["HOME"], ".config/reachback/logins.json")
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600

    # The login is all that it takes.
    bare = dict(env, REACHBACK_URL="", REACHBACK_TENANT="")
    listed = world.cli("machines", "--json", env=bare)
    assert listed.returncode == 0, listed.stderr
    assert len(json.loads(listed.stdout)) == 1
    who = json.loads(world.cli("whoami", "--json", env=env).stdout)
    assert who["name"] == "ann@corp.example"

    os.chmod(file, 0o644)
    refused = world.cli("machines", env=env)
    assert refused.returncode == 125 and "chmod 600" in refused.stderr and len(refused.stderr.splitlines()) == 1
    os.chmod(file, 0o600)

    # The access token is over: ten programs at once renew it, and the refresh token is shown once.
    world.advance("7200s")
    children = [subprocess.Popen([program(world), "machines", "--json"], env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(5)]
    for child in children:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        assert len(json.loads(out)) == 1

    with open(file) as kept:
        tokens = json.load(kept)["logins"][0]
    out = world.cli("logout", env=env)
    assert (out.returncode, out.stdout) == (0, "ann@corp.example is signed out\n"), out.stderr
    ann.access = tokens["access_token"]
    assert ann.refreshed(tokens["refresh_token"]).status == 400, "the server heard of it"
    after = world.cli("machines", env=env)
    assert after.returncode == 125 and "reachback login" in after.stderr


def test_a_login_that_the_server_ended_says_what_to_do(make_world):
    world = make_world(LIFTED).up()
    ann = Person(world, "ann@corp.example", "viewer")
    env = user_env(world, world.path("home"))
    log_in(world, ann, env)
    world.server.admin("user", "end-tokens", "ann@corp.example")
    ended = world.cli("machines", env=env)
    assert ended.returncode == 125
    assert ended.stderr == "reachback: the sign-in of ann@corp.example is over: reachback login\n"


# ---- completion and the man page
def completed_by_bash(world, line):
    """What bash offers for the words of `line`, the last one unfinished."""
    words = line.split(" ")
    script = ("source <(reachback completion bash)\n"
              f"COMP_WORDS=({' '.join(repr(word) for word in words)})\nCOMP_CWORD={len(words) - 1}\n"
              "_reachback 2>/dev/null\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
    env = dict(world.server.cli_env(), PATH=world.bin_dir + ":" + os.environ["PATH"])
    done = subprocess.run(["bash", "-c", script], env=env, text=True, capture_output=True, timeout=60, cwd=world.folder,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.split())


def test_bash_completes_commands_machines_scripts_and_files(fleet):
    assert completed_by_bash(fleet, "reachback log") == ["login", "logout"]
    assert completed_by_bash(fleet, "reachback run --no-l") == ["--no-live"]
    assert completed_by_bash(fleet, "reachback run web") == ["web-1", "web-2"]
    assert "says.sh" in completed_by_bash(fleet, "reachback run web-1 s")
    assert completed_by_bash(fleet, "reachback run --tag w") == ["web"]
    open(fleet.path("upload-me.sh"), "w").close()
    assert completed_by_bash(fleet, "reachback library upload upload-m") == ["upload-me.sh"]


def test_completion_without_a_server_is_quick_and_quiet(fleet):
    env = dict(fleet.server.cli_env(), REACHBACK_URL="https://127.0.0.1:1")
    begun = time.monotonic()
    done = subprocess.run([program(fleet), "__complete", "run", "w"], env=env, text=True, capture_output=True,
                          timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("", "")
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_scripts(fleet, shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    script = fleet.cli("completion", shell).stdout
    done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_man_page_is_rendered(fleet):
    page = os.path.join(harness.ROOT, "docs", "man", "reachback.1")
    with open(page) as text:
        assert text.read() == fleet.cli("__man").stdout
    reader = [["mandoc", "-Tutf8", "-Wwarning"], ["man", "-l", "--warnings"]][shutil.which("mandoc") is None]
    if not shutil.which(reader[0]):
        pytest.skip("neither mandoc nor man")
    done = subprocess.run([*reader, page], text=True, capture_output=True, timeout=60, check=False,
                          env=dict(os.environ, MANPAGER="cat", PAGER="cat", MANWIDTH="100"))
    assert done.returncode == 0, done.stderr
    if not done.stdout.strip():
        pytest.skip("man has no formatter here")
    assert done.stderr == ""
    assert "--no-live" in re.sub(r"\x08.|.\x08|\x1b\[[0-9;]*m", "", done.stdout)


def test_usage_errors_are_one_line_with_the_next_step(fleet):
    for words in (["run"], ["run", "a"], ["get", "a", "b", "/x"], ["nonsense"], ["show", "x"], ["completion", "tcsh"],
                  ["run", "a", "b.sh", "--parallel", "0"]):
        done = fleet.cli(*words)
        assert done.returncode == 125, words
        assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("reachback: "), done.stderr
        assert done.stdout == ""
