"""Clones, order keys, the signer in a process of its own, receipts: what must hold when somebody
copies, captures or changes things. Real processes."""

import json
import os
import random
import shutil
import time

import harness
from harness import run
from localrun import Agent, Process

LIFTED = "[limits]\nenabled = false\n"
CLONE_RUNS = 20


def quarantine_of(api, machine):
    return api.expect(200, "GET", f"/api/machines/{machine}").json().get("quarantine")


def clone_of(world, agent, label):
    """Another agent with a copy of the state folder."""
    twin = Agent(world.folder, world.server, world.bin_dir, label=label)
    shutil.copytree(agent.state, twin.state)
    twin.machine_id = agent.machine_id
    world.agents.append(twin)
    return twin


def test_T39_a_cloned_state_folder_is_found_within_two_contacts_and_starts_nothing_twice(make_world):
    world = make_world(LIFTED).up()
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    seed = int(os.environ.get("REACHBACK_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    dice = random.Random(seed)
    found, contacts_most, ran = 0, 0, 0
    token = world.server.enrollment_token("--uses", str(CLONE_RUNS))
    for number in range(CLONE_RUNS):
        original = world.agent(label=f"a{number}", token=token)
        effects = world.path(f"effects{number}")
        original.stop()
        twin = clone_of(world, original, f"b{number}")
        log_from = len(harness.read_lines(world.path("server.log")))
        first, second = dice.sample([original, twin], 2)
        action = api.submit(original.machine_id, api.script("effect.sh", f"{effects} x")) \
            if dice.random() < 0.5 else None
        first.start()
        time.sleep(dice.choice([0, 0, 0.02, 0.1, 0.3]))  # the race that is tested
        second.start()
        if action is None:
            time.sleep(dice.choice([0, 0.05, 0.2]))
            action = api.submit(original.machine_id, api.script("effect.sh", f"{effects} x"))
        harness.eventually(lambda: quarantine_of(api, original.machine_id), 30,
                           f"run {number}: the clone is found")
        found += 1
        contacts = [line for line in harness.read_lines(world.path("server.log"))[log_from:]
                    if "agent connected" in line and original.machine_id in line]
        contacts_most = max(contacts_most, len(contacts))
        time.sleep(0.1)
        count = len(harness.starts(effects))
        assert count <= 1, f"run {number}: started {count} times"
        ran += count
        for agent in (original, twin):
            agent.process.kill9()
    print(f"{CLONE_RUNS} clones: found {found}, at most {contacts_most} contacts before, "
          f"{ran} scripts started, 0 twice")
    assert found == CLONE_RUNS
    assert contacts_most <= 4  # two of each


def test_T39_a_machine_in_quarantine_gets_nothing_until_it_is_cleared(make_world):
    world = make_world(LIFTED).up(agent=True)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    agent = world.agents[0]
    agent.stop()
    twin = clone_of(world, agent, "twin")
    agent.run()
    twin.start()
    harness.eventually(lambda: quarantine_of(api, agent.machine_id), 20, "quarantine")
    shown = api.expect(200, "GET", f"/api/machines/{agent.machine_id}").json()
    assert shown["healthStatus"] == "ImpairedCommunication"
    twin.process.kill9()
    effects = world.path("effects")
    action = api.submit(agent.machine_id, api.script("effect.sh", f"{effects} x"))
    world.server.stop()
    world.server.serve()  # a restart changes nothing
    api = world.server.api()
    time.sleep(1.5)  # the agent is back by then
    assert api.action(action["id"])["status"] == "Pending"
    assert world.server.admin("machine", "clear", agent.machine_id)["cleared"] == [agent.machine_id]
    agent.stop()  # it may have been told to come back in a minute
    agent.run()
    assert api.wait_final(action["id"], 30)["status"] == "Succeeded"
    assert len(harness.starts(effects)) == 1
    assert quarantine_of(api, agent.machine_id) is None
    audit = "\n".join(harness.read_lines(os.path.join(world.server.data, "audit", "access.log")))
    assert "machine_quarantined" in audit and "machine_cleared" in audit


def test_order_keys_are_changed_without_losing_a_queued_action(make_world):
    world = make_world(LIFTED).up(agent=True)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    agent = world.agents[0]
    agent.stop()
    action = api.submit(agent.machine_id, api.script("effect.sh", "effects x"))
    old = world.server.admin("signing-key", "list")["keys"][0]["id"]
    new = world.server.admin("signing-key", "add")["id"]
    # The agent has not heard of the new key: the old one cannot go.
    refused = run([world.server.bin, "signing-key", "retire", old, "--data", world.server.data])
    assert refused.returncode != 0 and "1 machines" in refused.stderr, refused.stderr
    agent.run()
    assert api.wait_final(action["id"])["status"] == "Succeeded"

    def behind():
        keys = world.server.admin("signing-key", "list")["keys"]
        return {key["id"]: key["machinesWithoutIt"] for key in keys}
    harness.eventually(lambda: behind() == {old: 0, new: 0}, 10, "the agent keeps the new list")
    # The old key signs no more; what is queued for an absent agent still runs.
    agent.stop()
    action = api.submit(agent.machine_id, api.script("effect.sh", "effects y"))
    world.server.admin("signing-key", "retire", old)
    world.server.stop()
    world.server.serve()
    api = world.server.api()
    agent.run()
    assert api.wait_final(action["id"])["status"] == "Succeeded"
    # And while it is connected, without a new session.
    newest = world.server.admin("signing-key", "add")["id"]
    harness.eventually(lambda: behind() == {new: 0, newest: 0}, 10, "told at once")
    world.server.admin("signing-key", "retire", new)
    assert api.run_script(agent.machine_id, "effect.sh", "effects z")[0]["status"] == "Succeeded"
    with open(os.path.join(agent.state, "agent.json")) as kept:
        assert len(json.load(kept)["orderKeys"]) == 1


def test_an_action_waits_for_a_signer_that_is_away(make_world, tmp_path):
    keys, socket = str(tmp_path / "keys"), str(tmp_path / "signer.sock")
    world = make_world(f'{LIFTED}[signing]\nsocket = "{socket}"\n')
    world.server.init()
    os.mkdir(keys, 0o700)
    shutil.move(os.path.join(world.server.data, "keys", "order-signing.pem"), keys)

    def signer():
        made = Process([world.server.bin, "signer", "--keys", keys, "--socket", socket],
                       world.path("signer.log"))
        made.wait_line("signing ", 20)
        return made
    signing = signer()
    try:
        world.server.serve()
        api = world.server.api()
        api.upload("effect.sh", harness.EFFECT)
        agent = world.agent()
        assert api.run_script(agent.machine_id, "effect.sh", "effects x")[0]["status"] == "Succeeded"
        signing.kill9()
        action = api.submit(agent.machine_id, api.script("effect.sh", "effects y"))
        harness.eventually(lambda: "the order signer is not there" in
                           "\n".join(harness.read_lines(world.path("server.log"))), 10, "it is said")
        time.sleep(0.3)
        assert api.action(action["id"])["status"] == "InProgress"  # granted, and unsent
        signing = signer()
        assert api.wait_final(action["id"])["status"] == "Succeeded"
        assert len(harness.read_lines(os.path.join(keys, "signed.log"))) >= 2
    finally:
        if signing.alive():
            signing.kill9()


def test_a_receipt_proves_a_result_and_not_a_changed_one(world):
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    machine = world.agents[0].machine_id
    action, _ = api.run_script(machine, "effect.sh", "effects x")
    file = world.path("result")
    fetched = world.cli("result", action["id"], "-o", file, "--receipts", file + ".receipts")
    assert fetched.returncode == 0, fetched.stderr
    good = world.cli("verify", file, "--machine", machine)
    assert good.returncode == 0, good.stderr
    assert machine in good.stdout and "effect.sh" in good.stdout and "exit code 0" in good.stdout
    second, _ = api.run_script(machine, "effect.sh", "effects y")
    more = world.path("second.receipts")
    with open(more, "w") as out:
        out.write(world.cli("show", second["id"], "--receipts").stdout)
    chained = world.cli("verify", file, "--receipt", file + ".receipts", "--receipt", more)
    assert chained.returncode == 0 and "receipts 1 to 2 of its chain" in chained.stdout, chained
    with open(file, "r+b") as changed:
        text = changed.read().replace(b"did x", b"did z")
        changed.seek(0)
        changed.write(text)
    bad = world.cli("verify", file)
    assert bad.returncode == 1 and "NOT proven" in bad.stderr


def test_a_script_changed_in_the_store_after_it_was_accepted_is_not_run(make_world):
    world = make_world(LIFTED).up(agent=True)
    api = world.server.api()
    for name, padding in (("small.sh", 0), ("large.sh", 300 * 1024)):  # inlined; by its link
        api.upload(name, harness.EFFECT + "#" * padding)
        agent = world.agents[0]
        agent.stop()
        effects = world.path("effects-" + name)
        log_from = len(harness.read_lines(world.path("server.log")))
        action = api.submit(agent.machine_id, api.script(name, f"{effects} x"))
        changed = 0
        for folder, _, files in os.walk(os.path.join(world.server.data, "blobs")):
            for file in files:
                path = os.path.join(folder, file)
                with open(path, "rb") as blob:
                    data = blob.read()
                if b"noise $*" in data and len(data) > padding:
                    os.chmod(path, 0o600)
                    with open(path, "r+b") as blob:
                        blob.write(data.replace(b"noise $*", b"NOISE $*"))
                    changed += 1
        assert changed >= 1
        agent.run()
        harness.eventually(
            lambda: api.action(action["id"])["status"] == "Failed" or "not readable" in
            "\n".join(harness.read_lines(world.path("server.log"))[log_from:]), 20,
            "refused by one of the two")
        assert harness.starts(effects) == []
        api.cancel(action["id"])
