"""A terminal on a machine: `terminal` in `reachback shell`, its recording, who may type into it."""

import base64
import os
import re

import harness
import pytest
from on_terminal import OnTerminal

LIFTED = "[limits]\nenabled = false\n"
PROMPT = "web-01 / > "
SHELL = " # " if os.geteuid() == 0 else " $ "  # behind user, host and folder


def write_policy(agent, text):
    path = os.path.join(agent.state, "policy.toml")
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, 0o600)


@pytest.fixture(scope="module")
def world(tmp_path_factory, bin_dir):
    world = harness.World(str(tmp_path_factory.mktemp("terminal")), bin_dir, LIFTED)
    world.up()
    agent = world.agent(run=False, name="web-01")
    write_policy(agent, 'commands = ["RunScript", "BuiltIn", "Terminal"]\n')
    agent.run()
    world.rest = world.server.api()
    yield world
    world.close()


@pytest.fixture
def desk(world):
    env = dict(world.server.cli_env(), TERM="xterm", LC_ALL="C.UTF-8")
    out = OnTerminal([os.path.join(world.bin_dir, "reachback"), "shell", "web-01"], env, world.folder)
    out.resize(30, 90)
    out.wait_for(PROMPT)
    yield out
    out.end()
    for action in world.rest.expect(200, "GET", "/api/machineactions").json()["value"]:
        if action["status"] not in harness.FINAL:
            world.rest.cancel(action["id"])
            world.rest.wait_final(action["id"])
    for session in world.rest.expect(200, "GET", "/api/reachback/sessions").json()["value"]:
        world.rest.expect(200, "POST", f"/api/reachback/sessions/{session['id']}/close")


def newest(world):
    return world.rest.expect(200, "GET", "/api/machineactions?$top=1").json()["value"][0]


def result_of(world, action):
    return world.rest.download(world.rest.link(action["id"])).json()


def begin(desk):
    desk.type("terminal\r")
    desk.wait_for("is recorded")
    desk.wait_for(SHELL)


def test_what_is_typed_is_done_what_is_shown_is_recorded(world, desk):
    begin(desk)
    desk.type("echo $((6*7))e; stty size; echo ~/x\r")
    desk.wait_for("42e\r\n")
    desk.wait_for("30 90\r\n")
    desk.wait_for("/root/x\r\n" if os.geteuid() == 0 else "/x\r\n")
    desk.resize(41, 101)
    desk.type("echo rea''dy && read -r first && stty size && cat -v\r")
    desk.wait_for("ready\r\n")  # what is typed before is the prompt's
    desk.type("\r")
    desk.wait_for("41 101\r\n")
    desk.type("é\x03")  # Ctrl-C is the machine's
    desk.wait_for("^C")
    desk.wait_for(SHELL)
    desk.type("exit 3\r")
    desk.wait_for(PROMPT)
    desk.type("\x04")
    assert desk.ended() == 0
    assert desk.is_as_before()

    action = newest(world)
    assert action["status"] == "Succeeded"
    command = action["commands"][0]
    assert command["command"]["type"] == "Terminal"
    result = result_of(world, action)
    assert result["script_name"] == "terminal" and result["exit_code"] == 3
    recording = result["script_output"]
    assert "42e\r\n" in recording and "41 101\r\n" in recording
    # The timing adds up to it: scriptreplay plays the two.
    lines = [line.split() for line in result["script_errors"].splitlines()]
    assert sum(int(size) for _, size in lines) == len(recording.encode())
    assert all(float(wait) >= 0 for wait, _ in lines)
    records = world.rest.expect(200, "GET", f"/api/reachback/audit?object={action['id']}").json()["value"]
    assert records, "its acceptance is in the audit"


def test_much_is_typed_at_once_and_nothing_is_lost(world, desk, tmp_path):
    begin(desk)
    file = tmp_path / "pasted"
    desk.type(f"stty -echo; echo rea''dy; cat > {file}; echo do''ne\r")
    desk.wait_for("ready\r\n")
    text = "".join(f"line {i} of what was pasted\r" for i in range(4000))
    for at in range(0, len(text), 1000):
        desk.type(text[at:at + 1000])
    desk.type("\x04")
    desk.wait_for("done\r\n")
    assert file.read_text() == text.replace("\r", "\n")
    desk.type("exit\r")
    desk.wait_for(PROMPT)


def test_what_a_hostile_machine_shows_stays_on_the_screen(world, desk):
    begin(desk)
    desk.type(r"printf 'a\033]52;c;ZXZpbA==\007b\033[6nc\033[31mred\033[0m\033[?1049hq\n'" + "\r")
    shown = desk.wait_for("q\r\n")
    assert b"abc\x1b[31mred\x1b[0m\x1b[?1049h" in shown
    assert b"\x1b]" not in shown and b"\x1b[6n" not in shown
    desk.type("exit\r")
    desk.wait_for("\x1b[?1049l")
    desk.wait_for(PROMPT)


def test_enter_tilde_dot_ends_it_and_so_does_the_end_of_the_program(world, desk):
    begin(desk)
    desk.type("sleep 600\r~.")
    desk.wait_for("Cancelled")
    desk.wait_for(PROMPT)
    assert newest(world)["status"] == "Cancelled"
    begin(desk)
    desk.process.terminate()
    assert desk.ended() == 130
    assert desk.is_as_before()
    harness.eventually(lambda: newest(world)["status"] == "Cancelled", 20, "it has ended")


def test_a_server_that_comes_back_loses_no_key(world, desk):
    begin(desk)
    desk.type("echo one\r")
    desk.wait_for("one\r\n")
    world.server.process.kill9()
    desk.type("echo tw''o\r")
    world.server.serve()
    desk.wait_for("two\r\n")
    desk.type("exit\r")
    desk.wait_for(PROMPT)
    assert result_of(world, newest(world))["script_output"].count("two\r\n") == 1


def test_only_the_key_that_opened_it_types(world, desk):
    begin(desk)
    action = newest(world)
    body = {"from": 0, "typed": base64.b64encode(b"echo evil\r").decode(), "rows": 24, "columns": 80,
            "signature": base64.b64encode(bytes(64)).decode()}
    answer = world.rest.call("POST", f"/api/reachback/terminals/{action['id']}/input", body)
    assert answer.status == 403, answer
    desk.type("exit\r")
    desk.wait_for(PROMPT)
    assert "evil" not in result_of(world, newest(world))["script_output"]


def test_without_a_word_of_the_owner_there_is_none(world, desk):
    agent = world.agents[0]
    agent.stop()
    os.remove(os.path.join(agent.state, "policy.toml"))
    agent.run()
    desk.type("terminal\r")
    desk.wait_for("Terminal is not allowed on this machine")
    desk.wait_for(PROMPT)
    assert newest(world)["status"] == "Failed"
    agent.stop()
    write_policy(agent, 'commands = ["RunScript", "BuiltIn", "Terminal"]\n')
    agent.run()


def test_where_nobody_can_see_it_it_is_refused(world):
    done = harness.run([os.path.join(world.bin_dir, "reachback"), "shell", "web-01", "-c", "terminal"],
                       env=world.server.cli_env())
    assert done.returncode != 0
    assert re.search("terminal needs a terminal", done.stderr)
