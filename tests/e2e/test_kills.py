"""kill -9 at every named failpoint and at random moments. Whatever dies: an accepted action reaches
a final state that is true, no command starts twice, nothing accepted is lost."""

import os
import random
import sys
import threading
import time
import uuid

import pytest

import harness
from harness import Api, LocalError

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
import check_failpoints  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
POINTS = check_failpoints.read_list(os.path.join(HERE, "failpoints.txt"))
LIFTED = "[limits]\nenabled = false\n"
# What no first run of the program reaches: it takes an enrolment, or data left by an earlier death.
NETWORK_PROCESS = "agent.upload."  # such points end the agent's network process; the agent lives on
RESULT_KIB = 400  # more than fits into an order or one upload block of small size


class Keeper:
    """Starts a program again as soon as it is dead, without the failpoint, and counts."""

    def __init__(self, world, side):
        self.world, self.side = world, side
        self.deaths = 0
        self._end = threading.Event()
        self._lock = threading.Lock()
        self.error = None
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def program(self):
        return self.world.server if self.side == "server" else self.world.agents[0]

    def _start_again(self):
        env = harness.failpoint_env()
        if self.side == "server":
            self.world.server.serve(env=env)
        else:
            self.world.agents[0].run(env=env)

    def _keep(self):
        while not self._end.wait(0.01):
            with self._lock:
                process = self.program().process
                if process.alive():
                    continue
                code = process.wait(5)
                if code != -9:
                    self.error = f"{self.side} ended with {code}: {process.last_words()}"
                    return
                self.deaths += 1
                try:
                    self._start_again()
                except LocalError as error:
                    self.error = f"{self.side} does not come back: {error}"
                    return

    def kill(self):
        """kill -9 now, whatever it does."""
        with self._lock:
            process = self.program().process
            if process.alive():
                process.kill9()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(60)

    def check(self):
        assert self.error is None, self.error


def insist(keeper, call, timeout_s=60):
    """Repeats a call until the server has answered it; it may die meanwhile."""
    deadline = time.monotonic() + timeout_s
    while True:
        keeper.check()
        try:
            answer = call()
            if answer.status not in (409, 500, 503):
                return answer
        except OSError:
            pass
        assert time.monotonic() < deadline, "the server does not answer any more"
        time.sleep(0.05)


def wait_final(keeper, api, action_id, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while True:
        answer = insist(keeper, lambda: api.call(
            "GET", f"/api/machineactions/{action_id}?waitFor=final&timeout=2s"))
        assert answer.status == 200, answer
        action = answer.json()
        if action["status"] in harness.FINAL:
            return action
        assert time.monotonic() < deadline, f"never final: {action}"


def submit(keeper, api, machine, *commands):
    """Submits with an idempotency key, so that repeating it is safe. Exactly one action follows."""
    key = str(uuid.uuid4())
    deadline = time.monotonic() + 30
    while True:
        answer = insist(keeper, lambda: api.post_run(machine, *commands, key=key))
        if answer.status == 201:
            return answer.json()
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)  # ActiveRequestAlreadyExists while the last one is being closed


def result_of(keeper, api, action_id, index):
    answer = insist(keeper, lambda: api.mint(action_id, index))
    if answer.status != 200:
        return None
    link = answer.json()["value"]
    got = insist(keeper, lambda: api.download(link))
    assert got.status == 200, got
    return got.json()


def prepared_world(make_world):
    world = make_world(LIFTED).up(env=harness.failpoint_env())
    world.agent(run=False)
    world.agents[0].run(env=harness.failpoint_env())
    return world


BIG = f"""#!/bin/bash
echo "$2" >>"$1"
head -c {RESULT_KIB * 1024} /dev/zero | tr '\\0' x
"""


def drive(world, keeper, api):
    """The whole main job: library, a run of three commands, links, a cancelled run."""
    machine = world.agents[0].machine_id
    for name, text in (("effect.sh", harness.EFFECT), ("big.sh", BIG),
                       ("sleeper.sh", harness.SLEEPER)):
        def upload(name=name, text=text):
            try:
                api.upload(name, text)
            except harness.localrun.ApiError as error:
                return error.response
            return harness.localrun.Response(200, {}, b"")
        assert insist(keeper, upload).status == 200

    ran = world.path("drive.ran")
    action = submit(keeper, api, machine, Api.script("effect.sh", f"{ran} a"),
                    Api.script("big.sh", f"{ran} b"), Api.script("effect.sh", f"{ran} c"))
    final = wait_final(keeper, api, action["id"])
    results = [result_of(keeper, api, action["id"], i) for i in range(3)]
    effects = [len(harness.starts(ran, word)) for word in "abc"]
    harness.assert_truthful(final, results, effects)
    if results[1] and final["commands"][1]["commandStatus"] == "Completed":
        assert results[1]["script_output"] == "x" * (RESULT_KIB * 1024)

    slept = world.path("drive.slept")
    second = submit(keeper, api, machine, Api.script("sleeper.sh", f"{slept} 45"))
    deadline = time.monotonic() + 30
    while not harness.starts(slept):
        state = insist(keeper, lambda: api.call("GET", f"/api/machineactions/{second['id']}")).json()
        if state["status"] in harness.FINAL or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    cancelled = insist(keeper, lambda: api.cancel(second["id"]))
    assert cancelled.status in (200, 400), cancelled
    second = wait_final(keeper, api, second["id"])
    assert second["status"] in ("Cancelled", "Failed"), second
    assert len(harness.starts(slept)) <= 1
    pids = harness.read_lines(slept + ".pids")
    if second["status"] == "Cancelled":
        harness.eventually(lambda: not any(harness.process_exists(p) for p in pids), 10,
                           f"cancelled, so nothing of it runs: {pids}")

    listed = insist(keeper, lambda: api.call("GET", "/api/machineactions")).json()["value"]
    assert {a["id"] for a in listed} == {action["id"], second["id"]}, "one action for one POST"
    # And the machine is as good as new.
    third = submit(keeper, api, machine, Api.script("effect.sh", f"{ran} after"))
    return final, second, wait_final(keeper, api, third["id"])


def reach_by_restart(world, side, name, log, nth=1):
    """Restarts one side with the failpoint armed; it may die before it is ready."""
    env = harness.failpoint_env(name, nth, log=log)
    program = world.server if side == "server" else world.agents[0]
    program.stop()
    program.start(env)
    try:
        program.wait_ready() if side == "server" else program.wait_connected()
    except LocalError:
        # Its output ends a moment before it does.
        harness.eventually(lambda: not program.process.alive(), 20, "it got ready or died")


def reach_by_enrolment(world, name, log):
    """For points on the way of `enroll` (agent) and of answering it (server)."""
    agent = harness.localrun.Agent(world.folder, world.server, world.bin_dir, label="second")
    token = world.server.enrollment_token("--uses", "1", "--ttl", "1h")
    env = harness.failpoint_env(name if name.startswith("agent.") else None, log=log)
    done = harness.run(agent.enroll_argv(token), env=env)
    return agent, token, done


# Reached first by the audit's own record at the start, then by a sign-in, uploads, and the mint.
LATER = ["server.audit.before_sync:2", "server.audit.before_sync:6", "server.audit.after_sync:6"]


@pytest.mark.parametrize("name", [n for n in POINTS if "." in n] + LATER)
def test_killed_at(name, make_world, record_property):
    name, _, nth = name.partition(":")
    side = name.split(".")[0]
    world = prepared_world(make_world)
    log = world.path("failpoints")
    if ".enroll." in name:
        killed_in_enrolment(world, name, side, log)
        record_property("hits", len(harness.starts(log, name)))
        return
    reach_by_restart(world, side, name, log, int(nth or 1))
    api = world.server.api()
    with Keeper(world, side) as keeper:
        final, second, third = drive(world, keeper, api)
        keeper.check()
    hits = len(harness.starts(log, name))
    print(f"\n{name}: reached {hits}, died {keeper.deaths}; run {final['status']}, "
          f"cancelled run {second['status']}")
    record_property("hits", hits)
    assert hits >= 1, f"{name} was never reached"
    in_network_process = name.startswith(NETWORK_PROCESS)
    assert keeper.deaths == (0 if in_network_process else 1), f"{name}: {keeper.deaths} deaths"
    assert third["status"] == "Succeeded"
    if in_network_process:
        # It may not send a signal, not even to itself: the kernel ends it at that very place, SIGSYS.
        assert 'the network process has ended how="signal 31' in world.agents[0].process.log_text()
    if side == "server" or in_network_process:
        # The agent lived, so nothing was interrupted.
        assert final["status"] == "Succeeded", final
        assert second["status"] == "Cancelled", second
    elif final["status"] != "Succeeded":
        said = [e for c in final["commands"] for e in c["errors"]]
        assert any("outcome unknown" in e for e in said), said


def killed_in_enrolment(world, name, side, log):
    if side == "server":
        reach_by_restart(world, side, name, log)
    with Keeper(world, "server") as keeper:
        agent, token, done = reach_by_enrolment(world, name, log)
        if done.returncode != 0:
            harness.eventually(lambda: world.server.process.alive(), 20, "the server is back")
            world.server.process.wait_line("ready ")
            # The same folder, the same token: the key is the same, so no second use is spent.
            done = harness.run(agent.enroll_argv(token))
        keeper.check()
    assert done.returncode == 0, done.stderr
    assert len(harness.starts(log, name)) >= 1, f"{name} was never reached"
    agent.machine_id = harness.json_of(done.stdout)["machineId"]
    world.agents.append(agent)
    agent.run()
    ids = [m["id"] for m in world.server.api().machines()]
    assert sorted(ids) == sorted({world.agents[0].machine_id, agent.machine_id})


@pytest.mark.parametrize("side", ["server", "agent"])
def test_killed_at_random_moments(side, make_world, record_property):
    seed = int(os.environ.get("REACHBACK_SEED", random.SystemRandom().randrange(1 << 32)))
    rounds = int(os.environ.get("REACHBACK_KILLS", "12"))
    print(f"\nREACHBACK_SEED={seed}")
    chance = random.Random(seed)
    world = prepared_world(make_world)
    api = world.server.api()
    api.upload("steps.sh", '#!/bin/bash\necho "$2" >>"$1"\nsleep "$3"\necho done "$2"\n')
    ran = world.path("random.ran")
    machine = world.agents[0].machine_id
    outcomes = {}
    with Keeper(world, side) as keeper:
        for number in range(rounds):
            delay = chance.uniform(0, 0.5)
            timer = threading.Timer(delay, keeper.kill)
            timer.start()
            words = [f"{number}.{i}" for i in range(3)]
            action = submit(keeper, api, machine, *[
                Api.script("steps.sh", f"{ran} {word} {chance.uniform(0, 0.15):.3f}")
                for word in words])
            final = wait_final(keeper, api, action["id"])
            timer.join()
            results = [result_of(keeper, api, action["id"], i) for i in range(3)]
            harness.assert_truthful(final, results,
                                    [len(harness.starts(ran, word)) for word in words])
            outcomes[final["status"]] = outcomes.get(final["status"], 0) + 1
            if side == "server":
                assert final["status"] == "Succeeded", f"seed {seed}, round {number}: {final}"
        keeper.check()
        listed = insist(keeper, lambda: api.call("GET", "/api/machineactions?$top=1000"))
        assert len(listed.json()["value"]) == rounds
    print(f"{side}: {keeper.deaths} deaths, {outcomes}")
    record_property("deaths", keeper.deaths)
    assert keeper.deaths >= rounds // 2


def test_an_interrupted_command_says_that_its_outcome_is_unknown_and_is_not_run_again(make_world):
    world = prepared_world(make_world)
    api, agent = world.server.api(), world.agents[0]
    api.upload("sleeper.sh", harness.SLEEPER)
    api.upload("effect.sh", harness.EFFECT)
    slept, after = world.path("mid.slept"), world.path("mid.after")
    action = api.submit(agent.machine_id, Api.script("sleeper.sh", f"{slept} 30"),
                        Api.script("effect.sh", f"{after} x"))
    harness.eventually(lambda: harness.starts(slept), 20, "it runs")
    agent.process.kill9()
    agent.run()
    final = api.wait_final(action["id"])
    assert final["status"] == "Failed"
    assert final["commands"][0]["commandStatus"] == "Failed"
    assert any("outcome unknown" in e for e in final["commands"][0]["errors"])
    assert final["commands"][1]["commandStatus"] == "Created"
    assert len(harness.starts(slept)) == 1 and harness.starts(after) == []


def test_what_was_accepted_survives_the_server_and_is_not_run_again(make_world):
    world = prepared_world(make_world)
    api, agent = world.server.api(), world.agents[0]
    api.upload("effect.sh", harness.EFFECT)
    ran = world.path("kept.ran")
    done, result = api.run_script(agent.machine_id, "effect.sh", f"{ran} x")
    link = api.link(done["id"])
    token = api.token()
    world.server.process.kill9()
    world.server.serve()
    assert api.action(done["id"]) == done
    assert api.token() == token, "tokens outlive a restart"
    assert api.download(link).json() == result, "and so do links"
    assert harness.starts(ran) == ["x"]
