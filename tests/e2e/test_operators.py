"""What operators meet: bad set-up, admin commands, enrolment, drain, the CLI."""

import json
import os
import re
import shutil
import signal
import socket
import threading
import time

import pytest

import harness
from harness import Api

LIFTED = "[limits]\nenabled = false\n"


def one_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, f"one line, not {len(lines)}:\n{text}"
    return lines[0]


def serve_fails(world, *extra):
    """Runs `serve` where it must refuse; its standard error."""
    done = harness.run([*world.server.serve_argv(), *extra])
    assert done.returncode not in (0, -6, -11), done.stderr
    assert "ready" not in done.stdout
    return done.stderr


# ---- the data directory and the address

def test_a_port_in_use_is_named(make_world):
    world = make_world()
    world.server.init()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        world.server._listen[0] = address
        said = serve_fails(world)
    assert address in said and "in use" in said


def test_init_refuses_a_folder_that_holds_data(make_world):
    world = make_world()
    world.server.init()
    again = harness.run([world.server.bin, "init", "--data", world.server.data, "--json"])
    assert again.returncode != 0
    assert world.server.data in one_line(again.stderr)
    # and leaves it usable
    world.server.serve()


def test_a_half_made_data_directory_is_refused(make_world):
    world = make_world()
    world.server.init()
    os.unlink(os.path.join(world.server.data, "format"))
    assert world.server.data in serve_fails(world)


def test_no_data_directory_and_a_file_in_its_place(make_world):
    world = make_world()
    assert world.server.data in serve_fails(world)
    with open(world.server.data, "w") as out:
        out.write("a file")
    done = harness.run([world.server.bin, "init", "--data", world.server.data, "--json"])
    assert done.returncode != 0 and world.server.data in one_line(done.stderr)


def test_a_second_server_on_one_data_directory_is_refused_and_the_first_goes_on(make_world):
    world = make_world().up()
    world.server._listen = ["127.0.0.1:0", "127.0.0.1:0"]
    said = serve_fails(world)
    assert world.server.data in said and re.search("in use|another|running|lock", said)
    assert world.server.api().machines() == []


@pytest.mark.parametrize("config, named", [
    ("profil = '2026'\n", "profil"),
    ("profile = '1999'\n", "1999"),
    ("[limits]\nenabled = 'yes'\n", "enabled"),
    ("this is no toml\n", "server.toml:1:"),
])
def test_a_wrong_configuration_is_refused_with_its_key_or_line(make_world, config, named):
    world = make_world(config)
    world.server.init()
    assert named in serve_fails(world)


def test_the_data_directory_is_closed_to_others(make_world):
    world = make_world().up(agent=True)
    for folder in (world.server.data, world.agents[0].state):
        assert os.stat(folder).st_mode & 0o077 == 0, folder


# ---- admin commands beside a running server

def test_applications_and_tokens_are_made_beside_a_running_server(make_world):
    world = make_world().up()
    app = world.server.admin("app", "create", "--name", "soar", "--role", "Machine.LiveResponse")
    token = world.server.api(client_id=app["clientId"], secret=app["clientSecret"]).token()
    assert token.startswith("eyJ")
    agent = world.agent()
    assert [m["id"] for m in world.server.api().machines()] == [agent.machine_id]
    wrong = harness.run([world.server.bin, "app", "create", "--data", world.server.data, "--name",
                         "x", "--role", "Machine.Everything", "--json"])
    assert wrong.returncode != 0 and "Machine.Everything" in one_line(wrong.stderr)
    # and without it
    world.server.stop()
    world.server.admin("app", "create", "--name", "later", "--role", "Machine.LiveResponse")


def test_sigterm_drains_and_ends_with_0(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    action = api.submit(agent.machine_id, Api.script("effect.sh", "x"))
    answers = []

    def wait():
        other = world.server.api()
        try:
            answers.append(other.call("GET", f"/api/machineactions/{action['id']}"
                                             "?waitFor=final&timeout=30s"))
        except OSError as error:
            answers.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.3)
    began = time.monotonic()
    world.server.process.signal(signal.SIGTERM)
    assert world.server.process.wait(15) == 0
    assert time.monotonic() - began < 12
    waiting.join(5)
    assert not isinstance(answers[0], Exception), "the open call got its answer"
    assert answers[0].status in (200, 503)
    world.server.serve()
    assert api.action(action["id"])["status"] == "Pending"


# ---- enrolment

def enroll_fails(world, agent, token, ca_file=None):
    done = harness.run(agent.enroll_argv(token, ca_file))
    assert done.returncode not in (0, -6, -11)
    return one_line(done.stderr)


def test_a_wrong_ca_is_said_and_spends_no_token(make_world):
    world, other = make_world().up(), make_world()
    other.server.init()
    agent = harness.localrun.Agent(world.folder, world.server, world.bin_dir)
    token = world.server.enrollment_token("--uses", "1")
    said = enroll_fails(world, agent, token, other.server.ca_file)
    assert re.search("certificate|CA", said), said
    agent.enroll(token)


def test_an_enrolment_token_that_is_used_up_expired_or_unknown(make_world):
    world = make_world().up()
    used = world.server.enrollment_token("--uses", "1")
    world.agent(token=used, run=False)
    second = harness.localrun.Agent(world.folder, world.server, world.bin_dir, label="second")
    assert "token" in enroll_fails(world, second, used)
    short = world.server.enrollment_token("--ttl", "60s")
    world.advance("61s")
    assert "token" in enroll_fails(world, second, short)
    assert "token" in enroll_fails(world, second, "nonsense")
    assert len(world.server.api().machines()) == 1


def test_two_enrolments_with_one_one_time_token_at_once(make_world):
    world = make_world().up()
    token = world.server.enrollment_token("--uses", "1")
    agents = [harness.localrun.Agent(world.folder, world.server, world.bin_dir, label=f"race{n}")
              for n in range(6)]
    codes = []
    threads = [threading.Thread(target=lambda a=a: codes.append(
        harness.run(a.enroll_argv(token)).returncode)) for a in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes)[0] == 0 and sum(code == 0 for code in codes) == 1, codes
    assert len(world.server.api().machines()) == 1


def test_an_agent_whose_server_is_away_keeps_trying(make_world):
    world = make_world(LIFTED).up(agent=True)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    world.server.stop()
    time.sleep(1.5)
    world.server.serve()
    action, _ = api.run_script(world.agents[0].machine_id, "effect.sh", f"{world.path('x')} x")
    assert action["status"] == "Succeeded"


HOSTILE = "<b onmouseover=alert(1)>\"'; rm -rf ~ $(id) \x1b[31mred\u202e"


def test_a_hostile_machine_name_is_stored_or_refused_and_never_raw(make_world):
    world = make_world(LIFTED).up()
    agent = harness.localrun.Agent(world.folder, world.server, world.bin_dir, name=HOSTILE)
    done = harness.run(agent.enroll_argv(world.server.credentials["enrollmentToken"]))
    assert done.returncode in (0, 1, 2), done
    assert "\x1b" not in done.stdout + done.stderr
    if done.returncode == 0:
        agent.machine_id = json.loads(done.stdout)["machineId"]
        world.agents.append(agent)
        agent.run()
        assert len(world.server.api().machines()) == 1  # valid JSON
        listed = world.cli("machines")
        assert listed.returncode == 0
        assert "\x1b" not in listed.stdout and "\u202e" not in listed.stdout
    assert "\x1b" not in world.server.process.log_text()
    long = harness.localrun.Agent(world.folder, world.server, world.bin_dir, name="n" * 300,
                                  label="long")
    enroll_fails(world, long, world.server.enrollment_token("--uses", "1"))


def test_no_secret_stands_in_a_log(make_world):
    world = make_world(LIFTED).up(agent=True)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    action, _ = api.run_script(world.agents[0].machine_id, "effect.sh", f"{world.path('x')} x")
    link = api.link(action["id"])
    api.download(link)
    secrets = [world.server.credentials["clientSecret"], world.server.credentials["enrollmentToken"],
               api.token(), harness.LINK.match(link)["sig"]]
    for name in os.listdir(world.folder):
        if name.endswith(".log"):
            text = open(world.path(name), errors="replace").read()
            assert [s for s in secrets if s in text] == [], name


# ---- the CLI

@pytest.fixture
def cli(shared):
    return shared


def test_run_prints_the_output_and_ends_with_the_scripts_code(cli):
    machine = cli.agents[0].machine_id
    done = cli.cli("run", machine, "exit.sh", "--", "7")
    assert done.returncode == 7, done
    assert "going to end with 7" in done.stdout
    ok = cli.cli("run", machine, "effect.sh", "--", cli.path("cli.ran"), "two words", "it's", "$x")
    assert ok.returncode == 0 and "did two words it's $x" in ok.stdout
    assert "noise" in ok.stderr
    assert harness.read_lines(cli.path("cli.ran")) == ["two words it's $x"]


def test_run_takes_a_machine_name_and_a_file_from_here(cli):
    name = cli.shared_api.machines()[0]["computerDnsName"]
    script = cli.path("from-here.sh")
    with open(script, "w") as out:
        out.write("#!/bin/bash\necho from here\n")
    done = cli.cli("run", name, "--file", script)
    assert done.returncode == 0 and "from here" in done.stdout, done


def test_the_other_commands_and_their_json(cli):
    machine = cli.agents[0].machine_id
    assert machine in cli.cli("machines").stdout
    action, result = cli.shared_api.run_script(machine, "exit.sh", "0")
    shown = cli.cli("show", action["id"], "--json")
    assert json.loads(shown.stdout)["id"] == action["id"]
    assert action["id"] in cli.cli("actions").stdout
    assert json.loads(cli.cli("result", action["id"], "0", "-o", "-").stdout) == result
    assert "going to end with 0" in cli.cli("result", action["id"]).stdout
    saved = cli.path("saved.json")
    assert cli.cli("result", action["id"], "-o", saved).returncode == 0
    assert json.load(open(saved)) == result
    script = cli.path("lib.sh")
    with open(script, "w") as out:
        out.write("#!/bin/bash\n")
    assert cli.cli("library", "upload", script).returncode == 0
    twice = cli.cli("library", "upload", script)
    assert twice.returncode >= 125 and "already exists" in one_line(twice.stderr)
    assert cli.cli("library", "upload", script, "--override").returncode == 0
    assert "lib.sh" in cli.cli("library", "list").stdout
    assert cli.cli("library", "delete", "lib.sh").returncode == 0
    assert "lib.sh" not in cli.cli("library", "list").stdout


def test_cancel_ends_a_run_that_waits(cli):
    machine = cli.agents[0].machine_id
    cli.shared_api.upload("sleeper.sh", harness.SLEEPER)
    slept = cli.path("cli.slept")
    codes = []
    waiting = threading.Thread(target=lambda: codes.append(
        cli.cli("run", machine, "sleeper.sh", "--", slept, "60").returncode))
    waiting.start()
    harness.eventually(lambda: harness.starts(slept), 20, "it runs")
    listed = cli.shared_api.expect(200, "GET", "/api/machineactions?$top=1").json()["value"]
    assert cli.cli("cancel", listed[0]["id"]).returncode == 0
    waiting.join(30)
    assert codes == [126], "an action that ended without an exit code"


@pytest.mark.parametrize("words, named", [
    (("run", "f" * 40, "exit.sh"), "f" * 40),
    (("show", "12345678-1234-1234-1234-123456789abc"), "12345678-1234-1234-1234-123456789abc"),
    (("result", "12345678-1234-1234-1234-123456789abc"), "12345678-1234-1234-1234-123456789abc"),
    (("library", "delete", "not-there.sh"), "not-there.sh"),
])
def test_an_error_is_one_line_that_names_the_input_and_a_code_of_125_or_more(cli, words, named):
    done = cli.cli(*words)
    assert done.returncode >= 125, done
    assert done.stdout == ""
    assert named in one_line(done.stderr)


def test_an_unknown_script_is_named(cli):
    done = cli.cli("run", cli.agents[0].machine_id, "missing.sh")
    assert done.returncode >= 125 and "missing.sh" in one_line(done.stderr)


@pytest.mark.parametrize("change, named", [
    ({"REACHBACK_URL": "https://127.0.0.1:1"}, "127.0.0.1:1"),
    ({"REACHBACK_CLIENT_SECRET": "wrong"}, "REACHBACK_CLIENT_SECRET|secret|invalid_client"),
    ({"REACHBACK_CA": "/nonexistent.pem"}, "/nonexistent.pem"),
])
def test_a_wrong_setting_is_said_in_one_line(cli, change, named):
    done = cli.cli("machines", env=change)
    assert done.returncode >= 125, done
    assert re.search(named, one_line(done.stderr))


def test_the_cli_speaks_to_a_server_of_its_own_ca_only(cli, make_world):
    other = make_world()
    other.server.init()
    copy = cli.path("other-ca.pem")
    shutil.copy(other.server.ca_file, copy)
    done = cli.cli("machines", env={"REACHBACK_CA": copy})
    assert done.returncode >= 125
    assert re.search("certificate|CA", one_line(done.stderr))
