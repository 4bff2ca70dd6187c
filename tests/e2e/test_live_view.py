"""Live view (docs/live-view.md): a script's output is there while it runs, each byte once and in order,
whatever is cut, killed or slow."""

import http.client
import json
import os
import signal
import threading
import time

import harness
from harness import Api
from test_agent_hardening import network_process

# Says each line of a file as it appears there, and ends with the line "end".
FOLLOW = """#!/bin/bash
exec 3< <(tail -n +1 -f "$1" --pid=$$)
while read -r line <&3; do
  echo "$line"; echo "about $line" >&2
  [ "$line" = end ] && exit 3
done
"""


class Watcher:
    """Reads a stream in a thread of its own, and goes on with another one when it is cut."""

    def __init__(self, api, action_id, resume=True):
        self.api, self.action_id, self.resume = api, action_id, resume
        self.events, self.text, self.cursor, self.connections = [], {}, None, 0
        self.stop = False
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.stop and not self.ended():
                try:
                    self._stream()
                except (OSError, http.client.HTTPException):
                    pass
                if not self.resume:
                    return
                time.sleep(0.1)
        except AssertionError as error:
            self.error = error

    def _stream(self):
        headers = {"Authorization": "Bearer " + self.api.token()}
        if self.cursor:
            headers["Last-Event-ID"] = self.cursor
        connection = http.client.HTTPSConnection(self.api.address, timeout=40, context=self.api.context)
        try:
            connection.request("GET", f"/api/machineactions/{self.action_id}/events", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise OSError(f"{answer.status}")
            self.connections += 1
            fields = {}
            while line := answer.readline():
                line = line.decode("utf-8").rstrip("\n")
                if not line:
                    if "event" in fields:
                        self._take(fields["event"], json.loads(fields["data"]), fields["id"])
                    fields = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
        finally:
            connection.close()

    def _take(self, name, data, cursor):
        if name == "output":
            key = (data["index"], data["stream"])
            seen = self.text.setdefault(key, b"")
            assert data["offset"] == len(seen), f"{key}: at {data['offset']}, {len(seen)} were seen"
            self.text[key] = seen + data["text"].encode()
            assert len(self.text[key]) - len(seen) == data["length"], "these tests write UTF-8"
        self.cursor = cursor
        self.events.append((name, data))

    def ended(self):
        return bool(self.events) and self.events[-1][0] == "end"

    def seen(self, text, index=0, stream="stdout"):
        assert self.error is None, self.error
        return text.encode() in self.text.get((index, stream), b"")

    def finish(self, timeout_s=60):
        harness.eventually(self.ended, timeout_s, f"the end is told; until now: {self.events[-3:]}")
        assert self.error is None, self.error
        return [name for name, _ in self.events]


class Script:
    """FOLLOW on a machine, and the file that it follows."""

    def __init__(self, world, name="follow"):
        self.path = world.path(name + ".txt")
        open(self.path, "w").close()
        api = world.server.api()
        api.upload("follow.sh", FOLLOW)
        self.action = api.submit(world.agents[0].machine_id, Api.script("follow.sh", self.path))["id"]

    def say(self, line):
        with open(self.path, "a") as file:
            file.write(line + "\n")


def wait_seen(watcher, text, **where):
    harness.eventually(lambda: watcher.seen(text, **where), 30, f"{text!r} is seen live")


def test_output_is_there_before_the_script_ends_and_its_end_behind_it(make_world):
    world = make_world().up(agent=True)
    script = Script(world)
    watcher = Watcher(world.server.api(), script.action, resume=False)
    script.say("first")
    wait_seen(watcher, "first\n")
    wait_seen(watcher, "about first\n", stream="stderr")
    assert world.server.api().action(script.action)["status"] == "InProgress"
    script.say("grün 漢字")
    wait_seen(watcher, "grün 漢字\n")
    script.say("end")
    names = watcher.finish()
    assert [n for n in names if n != "output"][-3:] == ["command", "status", "end"]
    assert watcher.text[(0, "stdout")].decode() == "first\ngrün 漢字\nend\n"
    commands = [data for name, data in watcher.events if name == "command"]
    assert [c["commandStatus"] for c in commands] == ["Started", "Completed"]
    assert commands[1]["exitCode"] == 3
    result = world.server.api().result(script.action, 0)
    assert result["script_output"].encode() == watcher.text[(0, "stdout")]
    assert result["script_errors"].encode() == watcher.text[(0, "stderr")]


def test_each_command_is_told_with_its_own_output(make_world):
    world = make_world().up(agent=True)
    api = world.server.api()
    api.upload("echo.sh", "echo \"$1\"; sleep 0.2\n")
    action = api.submit(world.agents[0].machine_id, *[Api.script("echo.sh", f"number{i}") for i in range(3)])
    watcher = Watcher(api, action["id"])
    watcher.finish()
    commands = [(d["index"], d["commandStatus"]) for n, d in watcher.events if n == "command"]
    assert [c for c in commands if c[1] == "Completed"] == [(i, "Completed") for i in range(3)]
    for i in range(1, 3):  # the first may have been over before the watcher came
        assert watcher.text[(i, "stdout")].decode() == f"number{i}\n"


def test_a_watcher_goes_on_after_a_restart_and_a_kill_of_the_server(make_world):
    world = make_world().up(agent=True)
    script = Script(world)
    watcher = Watcher(world.server.api(), script.action)
    script.say("one")
    wait_seen(watcher, "one\n")
    world.server.process.kill9()
    script.say("two")
    world.server.serve()
    rejoin(world, watcher)
    wait_seen(watcher, "two\n")
    world.server.stop()
    script.say("three")
    world.server.serve()
    rejoin(world, watcher)
    wait_seen(watcher, "three\n")
    script.say("end")
    watcher.finish()
    assert watcher.text[(0, "stdout")].decode() == "one\ntwo\nthree\nend\n"
    assert watcher.connections >= 3


def rejoin(world, watcher):
    """The server may stand at another address now."""
    watcher.api = world.server.api()


def test_a_watcher_goes_on_after_the_agents_connection_was_cut(make_world):
    world = make_world().up(agent=True)
    script = Script(world)
    watcher = Watcher(world.server.api(), script.action, resume=False)
    script.say("one")
    wait_seen(watcher, "one\n")
    os.kill(network_process(world.agents[0]), signal.SIGKILL)
    script.say("two")
    wait_seen(watcher, "two\n")
    script.say("end")
    watcher.finish()
    assert watcher.text[(0, "stdout")].decode() == "one\ntwo\nend\n"
    assert watcher.connections == 1


def test_a_watcher_that_reads_nothing_slows_nobody(make_world):
    world = make_world("[limits]\nenabled = false\n").up(agent=True)
    api = world.server.api()
    api.upload("much.sh", "yes 0123456789abcdef | head -c 30000000; touch \"$1\"\n")
    done = world.path("done")
    action = api.submit(world.agents[0].machine_id, Api.script("much.sh", done))["id"]
    sock = api.raw_socket(60)
    sock.sendall(f"GET /api/machineactions/{action}/events HTTP/1.1\r\nHost: x\r\n"
                 f"Authorization: Bearer {api.token()}\r\n\r\n".encode())
    other = Watcher(world.server.api(), action)
    harness.eventually(lambda: os.path.exists(done), 60, "the script ends although nobody reads")
    assert api.wait_final(action)["status"] == "Succeeded"
    other.finish()
    sock.close()
    seen = other.text.get((0, "stdout"), b"")
    assert (b"0123456789abcdef\n" * 2000000)[:len(seen)] == seen
    assert any(name == "gap" for name, _ in other.events) or len(seen) == 30000000


def test_who_may_not_read_results_sees_what_happens_but_no_output(make_world):
    world = make_world().up(agent=True)
    made = world.server.admin("app", "create", "--name", "reader", "--role", "Machine.Read.All", "--json")
    script = Script(world)
    reader = world.server.api(client_id=made["clientId"], secret=made["clientSecret"])
    watcher = Watcher(reader, script.action)
    script.say("secret")
    script.say("end")
    names = watcher.finish()
    assert "output" not in names and "gap" not in names
    assert names[-1] == "end"
    with open(world.path("server/audit/access.log")) as log:
        assert '"watch"' not in log.read()


def test_watching_is_on_record_and_counts_as_one_call(make_world):
    world = make_world().up(agent=True)
    script = Script(world)
    watcher = Watcher(world.server.api(), script.action, resume=False)
    script.say("end")
    watcher.finish()
    world.server.stop()
    with open(world.path("server/audit/access.log")) as log:
        records = [json.loads(line) for line in log.read().splitlines() if '"watch"' in line]
    assert len(records) == 1
    assert script.action in json.dumps(records[0])


def test_a_server_that_stops_ends_its_streams(make_world):
    world = make_world().up(agent=True)
    script = Script(world)
    watcher = Watcher(world.server.api(), script.action, resume=False)
    script.say("one")
    wait_seen(watcher, "one\n")
    began = time.monotonic()
    world.server.stop()
    watcher.thread.join(10)
    assert not watcher.thread.is_alive()
    assert time.monotonic() - began < 10, "the stream did not hold the server up"
    world.server.serve()
    script.say("end")
    assert world.server.api().wait_final(script.action)["status"] == "Succeeded"
