"""reachback-fleet (docs/fleet.md): simulated agents of every behaviour against a real server. What they do
ends truthfully, what they lie about changes nothing, and a second run is the same machines."""

import json
import os
import re
import resource

import pytest
from harness import Api, LocalError, run
from localrun import Fleet
from test_live_view import Watcher, wait_seen

UNLIMITED = "[limits]\nenabled = false\n"
EVERYTHING = "instant,slow,chatty,big,flapping,lying"
QUICK = ("--slow-min-ms", 200, "--slow-max-ms", 1500, "--chatty-ms", 1500, "--flap-ms", 400,
         "--big-bytes", 5 << 20)
SCRIPT = "#!/bin/bash\necho never run by a simulated agent\n"


def machines_of(api):
    """behaviour -> machine ids, in the fleet's order."""
    out = {}
    listed = api.expect(200, "GET", "/api/machines?$top=1000").json()["value"]
    for machine in sorted(listed, key=lambda m: m["computerDnsName"]):
        found = re.fullmatch(r"fleet-\d+-(\w+)", machine["computerDnsName"])
        if found:
            out.setdefault(found.group(1), []).append(machine["id"])
    return out


def receipts_of(world, action, name):
    """How many receipts the CLI finds good for this action."""
    done = world.cli("result", action, "-o", world.path(name), "--receipts", world.path(name + ".receipts"))
    return done, os.path.exists(world.path(name + ".receipts")) and \
        world.cli("verify", world.path(name)).returncode == 0


@pytest.fixture
def fleet_world(make_world):
    world = make_world(UNLIMITED).up()
    world.main = world.server.api()
    world.main.upload("any.sh", SCRIPT)
    return world


def test_every_action_of_every_behaviour_ends_truthfully_and_lies_change_nothing(fleet_world):
    world, api = fleet_world, fleet_world.main
    fleet = world.fleet(50, "--behave", EVERYTHING, *QUICK, wait=False)
    fleet.wait(lambda newest: newest["connected"] >= 42, "all but some that flap")
    machines = machines_of(api)
    assert sorted(machines) == sorted(EVERYTHING.split(","))
    assert sum(len(ids) for ids in machines.values()) == 50
    flapping = set(machines["flapping"])
    rounds = 0
    # Again for those that flap, until a cut has met some action.
    while rounds < 2 or (fleet.lines()[-1]["reconnects"] < 20 and rounds < 10):
        chosen = [m for ids in machines.values() for m in ids] if rounds == 0 else sorted(flapping)
        actions = {m: api.submit(m, Api.script("any.sh"), Api.script("any.sh"))["id"] for m in chosen}
        for machine, action_id in actions.items():
            action = api.wait_final(action_id, 90)
            assert action["status"] == "Succeeded", (machine, action)
            for index in (0, 1):
                said = api.result(action_id, index)
                assert said["exit_code"] == 0
                assert f" ran {action_id}/{index}\n" in said["script_output"], said["script_output"][:200]
                is_big = len(said["script_output"]) > 5 << 20
                assert is_big == (machine in machines["big"])
        rounds += 1
    line = fleet.wait(lambda newest: newest["running"] == 0, "every action ended")
    assert line["finished"] == line["orders"] == 50 + (rounds - 1) * len(flapping)
    assert line["reconnects"] >= 20, "flapping agents came back"
    assert (line["refused"], line["forgotten"], line["cancelled"]) == (0, 0, 0), line
    assert fleet.stop() == 0, "no lie was believed"
    lies = fleet.lines()[-1]["lies"]
    assert lies["believed"] == 0
    assert lies["told"] == lies["refused"] + lies["unanswered"], lies
    # A hello, an action that nobody granted, an epoch to come, a result that stands nowhere, of each.
    assert lies["refused"] >= 4 * len(machines["lying"]), lies
    log = world.server.process.log_text()
    for refusal in ("hello refused", "alarm=report_refused", "alarm=foreign_action",
                    "report without its result", "a receipt that is not the machine's word"):
        assert refusal in log, refusal
    verified = run([world.server.bin, "verify-audit", "--data", world.server.data])
    assert verified.returncode == 0, verified.stderr
    assert "quarantine" not in json.dumps(api.machines())


def test_receipts_are_signed_by_each_agents_key_and_those_of_liars_are_dropped(fleet_world):
    world, api = fleet_world, fleet_world.main
    world.fleet(4, "--behave", "instant=1,lying=1")
    for behaviour, ids in machines_of(api).items():
        for machine in ids:
            action, _ = api.run_script(machine, "any.sh")
            done, good = receipts_of(world, action["id"], behaviour + machine[:8])
            assert good == (behaviour == "instant"), (behaviour, done.stdout, done.stderr)


def test_what_a_chatty_agent_writes_is_seen_while_it_writes(fleet_world):
    world, api = fleet_world, fleet_world.main
    world.fleet(1, "--behave", "chatty", "--chatty-ms", 3000)
    machine = machines_of(api)["chatty"][0]
    action = api.submit(machine, Api.script("any.sh"))
    watcher = Watcher(world.server.api(), action["id"])
    wait_seen(watcher, "line 3\n")
    assert api.action(action["id"])["status"] == "InProgress"
    watcher.finish()
    whole = api.result(action["id"])
    assert whole["script_output"].count("line ") == 30
    assert watcher.text[(0, "stdout")].decode() == whole["script_output"]
    assert watcher.text[(0, "stderr")].decode() == whole["script_errors"]


def test_files_are_placed_and_fetched_and_a_terminal_command_says_that_nothing_is_there(fleet_world):
    world, api = fleet_world, fleet_world.main
    world.fleet(1)
    machine = machines_of(api)["instant"][0]
    action = api.submit(machine, {"type": "PutFile", "params": [{"key": "FileName", "value": "any.sh"}]},
                        {"type": "GetFile", "params": [{"key": "Path", "value": "/etc/hostname"}]})
    action = api.wait_final(action["id"])
    assert action["status"] == "Succeeded", action
    done = world.cli("get", machine, "/etc/hostname", "-o", world.path("got"))
    assert done.returncode == 0, done.stderr
    with open(world.path("got")) as got:
        assert got.read() == "/etc/hostname of fleet-00000-instant\n"


def test_a_second_run_is_the_same_machines_and_needs_no_enrolment(fleet_world):
    world, api = fleet_world, fleet_world.main
    fleet = world.fleet(5)
    before = machines_of(api)["instant"]
    assert fleet.lines()[0]["enrolled"] == 5
    assert fleet.stop() == 0
    for end in (fleet.stop, lambda: fleet.process.kill9()):
        fleet.start().wait_connected()
        assert "enrolled" not in fleet.lines()[0]
        action, _ = api.run_script(before[0], "any.sh")
        assert action["status"] == "Succeeded"
        end()
    fleet.start().wait_connected()  # after kill -9: its contacts are as new as the server's
    assert machines_of(api)["instant"] == before
    assert "quarantine" not in world.server.process.log_text().replace("quarantine=false", "")
    assert fleet.stop() == 0


def test_a_fleet_that_grows_enrols_only_the_new_ones(fleet_world):
    world, api = fleet_world, fleet_world.main
    world.fleet(3).stop()
    token = world.server.enrollment_token("--uses", "2", "--ttl", "1h")
    grown = Fleet(world.folder, world.server, 6, bin_dir=world.bin_dir, label="fleet0")
    short = run(grown.argv(token))
    assert short.returncode == 1
    assert "the enrollment token is not valid" in short.stderr and short.stderr.count("\n") == 1
    assert len(machines_of(api)["instant"]) == 5, "what the token was good for is enrolled"
    world.fleets.append(grown.start(world.server.enrollment_token("--uses", "1", "--ttl", "1h")))
    grown.wait_connected()
    assert grown.lines()[0]["enrolled"] == 1
    assert len(machines_of(api)["instant"]) == 6


def test_what_runs_when_the_fleet_is_told_to_end_is_reported_as_interrupted(fleet_world):
    world, api = fleet_world, fleet_world.main
    fleet = world.fleet(1, "--behave", "slow", "--slow-min-ms", 60000, "--slow-max-ms", 60000)
    action = api.submit(machines_of(api)["slow"][0], Api.script("any.sh"))
    fleet.wait(lambda line: line["running"] == 1, "the order came")
    assert fleet.stop() == 0
    fleet.start().wait_connected()
    action = api.wait_final(action["id"])
    assert action["status"] == "Failed"
    assert "Interrupted" in json.dumps(action["commands"]), action["commands"]


def test_after_a_restart_of_the_server_everybody_is_back_and_nothing_is_lost(fleet_world):
    world, api = fleet_world, fleet_world.main
    fleet = world.fleet(30, "--behave", "slow", "--slow-min-ms", 1000, "--slow-max-ms", 4000, "--threads", 2)
    actions = [api.submit(m, Api.script("any.sh"))["id"] for m in machines_of(api)["slow"]]
    fleet.wait(lambda line: line["running"] >= 20, "they run")
    world.server.process.kill9()
    fleet.wait(lambda line: line["connected"] == 0, "they notice")
    world.server.serve()
    fleet.wait_connected(60)
    api = world.server.api()
    for action_id in actions:
        assert api.wait_final(action_id)["status"] == "Succeeded"
    assert fleet.wait(lambda line: line["running"] == 0, "all ended")["reconnects"] == 30


def test_agents_come_from_addresses_of_their_own(fleet_world):
    world, api = fleet_world, fleet_world.main
    world.fleet(300, "--connecting", 300)  # more at once than one address may have strangers
    found = api.expect(200, "GET", "/api/machines?$top=1000").json()["value"]
    seen = {m["lastExternalIpAddress"] for m in found}
    assert len(seen) == 300
    assert all(ip.startswith("127.16.") for ip in seen)


def test_a_server_holds_more_agents_than_strangers_of_one_address_and_of_all(make_world):
    world = make_world(UNLIMITED + "[server]\nthreads = 1\nstrangers = 12\nstrangers_per_address = 6\n").up()
    # Enrolled and connected four at a time, from one address as behind a router.
    fleet = world.fleet(60, "--sources", 1, "--connecting", 4)
    then = fleet.lines()[-1]["second"]
    line = fleet.wait(lambda newest: newest["second"] > then + 2, "two seconds later")
    assert (line["connected"], line["reconnects"]) == (60, 0)


def test_errors_are_one_line_that_says_what_to_do(world):
    def refused(*words, agents=1, token=None):
        fleet = Fleet(world.folder, world.server, agents, *words, bin_dir=world.bin_dir, label="refused")
        done = run(fleet.argv(token))
        assert done.returncode != 0
        assert done.stderr.count("\n") <= 2, done.stderr
        return done.stderr

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = refused(agents=hard)
    assert str(hard) in said and "RLIMIT_NOFILE" in said and f"enough for {hard - 320} agents" in said
    assert "--server, --ca and --token" in refused()
    assert "'quick' is none of instant, slow" in refused("--behave", "quick")
    assert "--slow-max-ms is less" in refused("--slow-min-ms", 5, "--slow-max-ms", 2)
    assert "--agents" in refused(agents=0)
    assert "the enrollment token is not valid" in refused(token="wrong")
    # The folder remembers the server now, and nobody is enrolled.
    assert "the enrollment token is not valid" in refused()
    assert "not an https:// address" in refused("--server", "http://127.0.0.1:1")
    assert "another fleet runs on it" not in refused("--server", "https://127.0.0.1:1")
    with open(world.path("nonsense.pem"), "w") as out:
        out.write("nonsense")
    assert "unreadable CA certificate" in refused("--ca", world.path("nonsense.pem"))


def test_help_names_every_option_and_the_page_describes_it():
    from harness import ROOT
    from localrun import find_bin
    done = run([os.path.join(find_bin(("asan", "debug", "tsan", "release")), "reachback-fleet"), "--help"])
    assert done.returncode == 0
    options = set(re.findall(r"--[a-z][a-z-]+", done.stdout))
    assert {"--agents", "--behave", "--json"} <= options
    with open(os.path.join(ROOT, "docs", "fleet.md")) as page:
        described = set(re.findall(r"`(--[a-z][a-z-]+)", page.read()))
    assert options - {"--help", "--version"} == described
