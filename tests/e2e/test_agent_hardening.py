"""The agent's two processes, and the policy file that the server cannot change."""

import base64
import os
import re
import signal
import subprocess
import time

import harness
from harness import Api

LIFTED = "[limits]\nenabled = false\n"


def network_process(agent):
    """The pid of the agent's network process, once there is one."""
    def find():
        pid = agent.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            for child in children.read().split():
                with open(f"/proc/{child}/cmdline", "rb") as words:
                    if words.read().split(b"\0")[1:2] == [b"network"]:
                        return int(child)
        return None
    return harness.eventually(find, 20, "a network process")


def status_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return dict(line.split(":\t", 1) for line in status.read().splitlines() if ":\t" in line)


def status(agent):
    return harness.run_json([agent.bin, "status", "--state", agent.state, "--json"])


def test_the_network_process_has_no_privilege_and_nothing_of_the_supervisors(world):
    agent = world.agents[0]
    pid = network_process(agent)
    seen = status_of(pid)
    assert set(seen["Uid"].split()) != {"0"} or os.geteuid() != 0
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(seen[name], 16) == 0, name
    assert seen["NoNewPrivs"].strip() == "1"
    assert seen["Seccomp"].strip() == "2"
    assert seen["Groups"].split() == [] or os.geteuid() != 0
    with open(f"/proc/{pid}/environ", "rb") as environ:
        names = {item.split(b"=")[0] for item in environ.read().split(b"\0") if item}
    assert names <= {b"ASAN_OPTIONS", b"UBSAN_OPTIONS", b"TSAN_OPTIONS"}, names
    held = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert all(re.match(r"/dev/null$|socket:|pipe:|anon_inode:", name) for name in held), held
    said = status(agent)
    assert "no new privileges, system calls filtered" in said["networkProcess"]
    assert said["policy"].startswith("none")
    assert said["scriptLimits"].startswith(("cgroup v2", "process by process"))
    for line in ("the network process is ready protection=", "started policy="):
        assert line in agent.process.log_text()


def test_the_key_is_in_the_memory_of_the_supervisor_only(make_world, release_bin):
    world = make_world(bin_dir=release_bin).up(agent=True)
    agent = world.agents[0]
    with open(os.path.join(agent.state, "key.pem")) as pem:
        body = "".join(line for line in pem.read().splitlines() if not line.startswith("-"))
    seed = base64.b64decode(body)[-32:]

    def holds(pid):
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                bounds, rights = line.split()[:2]
                start, end = (int(word, 16) for word in bounds.split("-"))
                if not rights.startswith("rw"):
                    continue
                memory.seek(start)
                try:
                    if seed in memory.read(end - start):
                        return True
                except OSError:
                    pass
        return False

    assert holds(agent.process.pid), "the search finds it where it is"
    assert not holds(network_process(agent))


def test_a_network_process_that_dies_is_replaced_and_scripts_run_on(make_world):
    world = make_world(LIFTED).up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    gone_on = world.path("go")
    ran = world.path("ran")
    api.upload("waits.sh", '#!/bin/bash\necho $$ >>"$1"\nwhile [ ! -e "$2" ]; do sleep 0.05; done\necho over\n')
    action = api.submit(agent.machine_id, Api.script("waits.sh", f"{ran} {gone_on}"))
    harness.eventually(lambda: harness.starts(ran), 20, "it runs")
    supervisor = agent.process.pid
    deaths = 0
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGKILL):
        pid = network_process(agent)
        os.kill(pid, number)
        harness.eventually(lambda: not harness.process_exists(pid), 10, "it is gone")
        deaths += 1
        assert network_process(agent) != pid
    open(gone_on, "w").close()
    final = api.wait_final(action["id"])
    assert final["status"] == "Succeeded", final
    assert api.result(action["id"])["script_output"] == "over\n"
    assert len(harness.starts(ran)) == 1
    assert agent.process.alive() and agent.process.pid == supervisor
    assert agent.process.log_text().count("the network process has ended") >= deaths


def test_signals_end_both_processes_and_neither_outlives_the_supervisor(make_world):
    world = make_world().up(agent=True)
    agent = world.agents[0]
    for end in (lambda: agent.stop(), lambda: agent.process.kill9()):
        pid = network_process(agent)
        os.kill(pid, signal.SIGTERM)  # as systemd or a terminal signals the whole group
        assert harness.process_exists(pid)
        end()
        harness.eventually(lambda: not harness.process_exists(pid), 5, "no process is left")
        agent.run()
    assert agent.stop() == 0


def write_policy(agent, text, mode=0o644):
    path = os.path.join(agent.state, "policy.toml")
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, mode)


def refused(world, *commands):
    api, agent = world.server.api(), world.agents[0]
    action = api.submit(agent.machine_id, *commands)
    return api.wait_final(action["id"])


def test_what_the_policy_refuses_fails_with_the_reason(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    ran = world.path("ran")
    api.upload("effect.sh", harness.EFFECT)
    command = Api.script("effect.sh", f"{ran} x")
    minute = time.localtime().tm_hour * 60 + time.localtime().tm_min

    def clock(add):
        at = (minute + add) % 1440
        return f"{at // 60:02}:{at % 60:02}"

    key = os.path.join(world.folder, "signing.pem")
    public = harness.run([agent.bin, "sign", "--key", key, "--new-key"]).stdout.strip()
    signing = f'[scripts]\nrequire_signature = true\nsigning_keys = ["{public}"]\n'
    for policy, reason in (
            ('commands = ["GetFile"]\n', "Policy: RunScript is not allowed on this machine"),
            (f'quiet_hours = ["{clock(-60)}-{clock(60)}"]\n', "Policy: nothing starts"),
            (f'[scripts]\nallow_sha256 = ["{"a" * 64}"]\n', "Policy: effect.sh is not among"),
            (signing, "SignatureRequired: effect.sh")):
        write_policy(agent, policy)
        agent.run()
        final = refused(world, command)
        assert final["status"] == "Failed", final
        assert any(reason in e for c in final["commands"] for e in c["errors"]), (reason, final)
        assert status(agent)["policy"].endswith("policy.toml")
        agent.stop()
    assert harness.starts(ran) == []
    # A signed one runs, whoever brought it.
    script = world.path("signed.sh")
    with open(script, "w") as out:
        out.write(harness.EFFECT)
    assert harness.run([agent.bin, "sign", "--key", key, script]).returncode == 0
    with open(script) as text:
        api.upload("effect.sh", text.read())
    agent.run()
    assert refused(world, command)["status"] == "Succeeded"
    assert harness.starts(ran) == ["x"]


def test_a_policy_that_cannot_be_believed_keeps_the_agent_from_starting(make_world):
    world = make_world().up()
    agent = world.agent(run=False)
    for text, mode, says in (("commands = []\n", 0o666, "others may write it"),
                             ("\nallowed = []\n", 0o644, "policy.toml:2: unknown key 'allowed'")):
        write_policy(agent, text, mode)
        done = harness.run([agent.bin, "run", "--state", agent.state])
        assert done.returncode == 1 and says in done.stderr, done


def test_the_network_process_of_an_agent_without_root_keeps_its_user(make_world, tmp_path):
    if os.geteuid() != 0:
        return  # every other test here shows it
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    os.chmod(world.folder, 0o755)
    folder = os.path.dirname(world.folder)
    while folder != "/":
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
        folder = os.path.dirname(folder)
    subprocess.run(["chown", "-R", "nobody", agent.state], check=True)
    log = open(world.path("plain.log"), "ab")
    child = subprocess.Popen(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                              agent.bin, "run", "--state", agent.state],
                             stdout=subprocess.PIPE, stderr=log)
    try:
        assert child.stdout.readline().decode().startswith("connected "), \
            open(world.path("plain.log")).read()
        api = world.server.api()
        api.upload("effect.sh", "#!/bin/bash\nid -un\n")
        assert api.run_script(agent.machine_id, "effect.sh")[1]["script_output"] == "nobody\n"
        with open(world.path("plain.log")) as text:
            assert "keeps the user of the supervisor" in text.read()
    finally:
        child.terminate()
        assert child.wait(15) == 0
        log.close()
