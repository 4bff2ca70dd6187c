"""The part of ./dev demo after the build: one server, one agent, one action, one result.

Ends with 0 only if every step worked; the programs it starts end with it, by pid, however it ends.
"""

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import localrun  # noqa: E402

STEPS = 12
STARTED = float(os.environ.get("REACHBACK_DEV_STARTED", time.time()))
SHOWN_LINES = 9  # of each section
SHOWN_WIDTH = 110


class Steps:
    """The progress lines."""

    def __init__(self, first):
        self.number = first - 1

    def begin(self, text):
        self.number += 1
        print(f"[{time.time() - STARTED:6.1f} s] {self.number}/{STEPS} {text}", flush=True)

    @staticmethod
    def detail(text):
        print(f"             {text}", flush=True)


def in_use(data):
    """Whether a server runs on this data directory: its admin socket answers."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.path.join(data, "run", "admin.sock"))
            return True
        except OSError:
            return False


def demo_folder():
    folder = os.path.join(localrun.ROOT, ".demo")
    if in_use(os.path.join(folder, "server")):
        return tempfile.mkdtemp(prefix="reachback-demo-"), True
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder, False


def printable(text):
    """A script's output must not steer the terminal of who looks at it."""
    return "".join(c if c == "\n" or c == "\t" or c.isprintable() else f"\\x{ord(c):02x}"
                   for c in text)


def run_cli(world, *words):
    done = localrun.run([os.path.join(world.bin_dir, "reachback"), *words],
                        env=world.server.cli_env(), timeout_s=60)
    return done


def check(condition, message):
    if not condition:
        raise localrun.LocalError(message)


def show(result):
    """The beginning of each section of the script's output."""
    print("             " + "-" * SHOWN_WIDTH)
    for part in printable(result["script_output"]).split("\n== "):
        lines = [line for line in part.splitlines() if line.strip()]
        for number, line in enumerate(lines[:SHOWN_LINES]):
            print(f"             | {'== ' if number == 0 and ' ==' in line else ''}{line}"
                  [:SHOWN_WIDTH + 13])
        if len(lines) > SHOWN_LINES:
            print(f"             |   … {len(lines) - SHOWN_LINES} more lines of this section")
    print("             " + "-" * SHOWN_WIDTH, flush=True)


def demo(world, temporary, step):
    server = world.server
    step.begin("make a server: keys, certificate authority, database, tenant, application")
    credentials = server.init()
    step.detail(f"tenant {credentials['tenantId']}, application {credentials['clientId']}")

    step.begin("start it, on loopback ports that the kernel chooses")
    server.serve()
    step.detail(f"API {server.url}   agents {server.agents_url}")

    step.begin("enrol this machine with the enrolment token of init")
    agent = world.agent(token=credentials["enrollmentToken"], run=False)
    step.detail(f"machine {agent.machine_id} ({socket.gethostname()})")

    step.begin("start the agent and wait until it is connected")
    agent.run()

    step.begin("upload scripts/triage.sh to the library (reachback library upload)")
    done = run_cli(world, "library", "upload", os.path.join(localrun.ROOT, "scripts", "triage.sh"),
                   "--override")
    check(done.returncode == 0, f"reachback library upload: {done.stderr.strip()}")

    step.begin("run it through the API (POST …/runliveresponse)")
    api = server.api()
    began = time.monotonic()
    action = api.submit(agent.machine_id, api.script("triage.sh", "--days 7"),
                        comment="./dev demo")
    step.detail(f"201, action {action['id']} is {action['status']}")

    step.begin("wait for its end (GET …/machineactions/{id}?waitFor=final)")
    action = api.wait_final(action["id"])
    took = time.monotonic() - began
    step.detail(f"{action['status']} after {took:.2f} s; "
                f"command 0 is {action['commands'][0]['commandStatus']}")
    check(action["status"] == "Succeeded",
          f"the action ended as {action['status']}: {action['commands'][0]['errors']}")

    step.begin("mint the link to result 0, valid 30 minutes, and fetch it with a plain GET")
    link = api.link(action["id"], 0)
    step.detail(link)
    check(localrun.LINK.match(link), "the link does not have the form of an Azure blob SAS")
    answer = api.download(link)
    check(answer.status == 200, f"the link answered {answer.status}: {answer.text[:200]}")
    result = answer.json()
    check(result["script_name"] == "triage.sh" and result["exit_code"] == 0,
          f"{result['script_name']} ended with {result['exit_code']}: {result['script_errors']}")
    saved = os.path.join(world.folder, "result.json")
    with open(saved, "wb") as out:
        out.write(answer.body)
    step.detail(f"{len(answer.body)} bytes, script_name {result['script_name']}, "
                f"exit_code {result['exit_code']}; the script's output:")
    show(result)
    again = run_cli(world, "result", action["id"], "0")
    check(again.returncode == 0 and again.stdout.strip(),
          f"reachback result: {again.stderr.strip()}")

    step.begin("stop both; SIGTERM lets the server finish what it has begun")
    api.close()
    agent.stop()
    code = server.stop()
    check(code == 0, f"the server ended with {code} on SIGTERM")
    return action, saved


def say_what_next(world, action, saved, temporary):
    server, agent = world.server, world.agents[0]
    listen, agents = server.serve_argv()[5], server.serve_argv()[7]
    shown = os.path.relpath(world.bin_dir)
    data = os.path.relpath(server.data) if not temporary else server.data
    state = os.path.relpath(agent.state) if not temporary else agent.state
    made = server.credentials
    env_file = os.path.join(world.folder, "env")
    with open(os.open(env_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        for key, value in (("URL", server.url), ("TENANT", made["tenantId"]),
                           ("CLIENT_ID", made["clientId"]), ("CA", made["caFile"]),
                           ("CLIENT_SECRET", made["clientSecret"])):
            print(f"export REACHBACK_{key}='{value}'", file=out)
    print(f"""
It works. The result is in {os.path.relpath(saved)}.

To keep this server up, with this machine enrolled (two terminals):
  {shown}/reachback-server serve --data {data} --listen {listen} --agent-listen {agents}
  {shown}/reachback-agent run --state {state}

To speak to it, in a third one (the file holds the application's secret, readable by you only):
  . {os.path.relpath(env_file)}
  {shown}/reachback machines
  {shown}/reachback run {agent.machine_id} triage.sh -- --section processes
  {shown}/reachback result {action['id']} 0

The web console is built by ./dev console build (it needs Node, which that brings) and then stands at /console/ of the server's
address; it is for users: {shown}/reachback-server user create --data .demo/server NAME --role admin. To look at it with a
user and machines that are made for it: ./dev console try.

The next ./dev demo starts over in .demo, unless a server is running on it.
Where to go next: README.md (the API in five curl calls), docs/, ARCHITECTURE.md, ./dev test.""")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder, temporary = demo_folder()
    world = localrun.World(folder)
    step = Steps(first=3)
    try:
        action, saved = demo(world, temporary, step)
        step.begin("done")
        say_what_next(world, action, saved, temporary)
        return 0
    except (localrun.LocalError, OSError, KeyError, json.JSONDecodeError) as error:
        print(f"\n./dev demo failed at step {step.number}: {error}", file=sys.stderr)
        for name in ("server.log", "agent0.log"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                with open(path, errors="replace") as log:
                    print(f"---- the end of {path}\n" + "".join(log.readlines()[-15:]),
                          file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main())
