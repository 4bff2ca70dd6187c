"""Interactive sessions: lines that a real agent answers, and that are actions like any other: journalled,
audited, with a receipt. The program `reachback shell`: test_shell.py."""

import json
import os

import harness
import pytest
from people import Person

LIFTED = "[limits]\nenabled = false\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory, bin_dir):
    world = harness.World(str(tmp_path_factory.mktemp("interactive")), bin_dir, LIFTED)
    world.up(agent=True, name="web-01")
    world.rest = world.server.api()
    world.rest.upload("say.sh", "#!/bin/sh\necho \"$# $1\"\n")
    yield world
    world.close()


def get(world, path):
    return world.rest.expect(200, "GET", path).json()


class Session:
    """One on the world's first machine, of the world's application or of a person."""

    def __init__(self, world, person=None, comment="case 7"):
        self.rest, self.api = world.rest, person or world.rest
        self.folder = "/"
        machine = world.agents[0].machine_id
        made = self.api.call("POST", f"/api/reachback/machines/{machine}/sessions", {"comment": comment})
        assert made.status == 201, made.text
        self.id = made.json()["id"]

    def send(self, line):
        return self.api.call("POST", f"/api/reachback/sessions/{self.id}/commands",
                             {"commandLine": line, "currentDirectory": self.folder})

    def run(self, line):
        """The action, final, and its result."""
        sent = self.send(line)
        assert sent.status == 201, sent.text
        action = self.rest.wait_final(sent.json()["action"]["id"], 60)
        return action, self.rest.result(action["id"], 0)

    def rows(self, line):
        action, result = self.run(line)
        assert action["status"] == "Succeeded", action
        assert result["exit_code"] == 0, result
        return [json.loads(row) for row in result["script_output"].splitlines()]

    def close(self):
        closed = self.api.call("POST", f"/api/reachback/sessions/{self.id}/close")
        assert closed.status == 200, closed.text
        return closed.json()


@pytest.fixture
def session(world):
    session = Session(world)
    yield session
    session.close()


def test_built_in_commands_answer_in_rows(world, session, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a b.txt").write_text("hello")
    (tmp_path / "näme\n.txt").write_text("")
    session.folder = session.rows(f"cd '{tmp_path}'")[0]["path"]
    assert session.folder == str(tmp_path)
    names = {row["name"]: row for row in session.rows("dir")}
    assert set(names) == {"sub", "a b.txt", "näme\n.txt"}
    assert names["sub"]["type"] == "folder" and names["a b.txt"]["size"] == 5
    info = session.rows("fileinfo 'a b.txt'")[0]
    assert info["sha256"] == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert [row["path"] for row in session.rows(f"findfile *.txt -path {tmp_path}")].count(f"{tmp_path}/a b.txt") == 1
    agent = [row for row in session.rows("processes") if "reachback-agent" in (row["command_line"] or "")]
    assert agent, "the agent sees itself"
    for line in ("connections", "services", "scheduledtasks", "persistence", "users"):
        rows = session.rows(line)
        assert line not in ("connections", "users") or rows, line
    assert any(row["name"] == "root" and row["uid"] == 0 for row in session.rows("users"))


def test_what_goes_wrong_is_a_line_and_an_exit_code(session):
    action, result = session.run("dir /no/such/folder")
    assert action["status"] == "Succeeded", "the command ran to its end"
    assert result["exit_code"] == 1
    assert "NotFound" in result["script_errors"] and "/no/such/folder" in result["script_errors"]
    assert result["script_output"] == ""
    action, result = session.run("cd /etc/hostname")
    assert result["exit_code"] == 1 and "NotAFolder" in result["script_errors"]


def test_files_and_scripts_are_those_of_live_response(world, session, tmp_path):
    (tmp_path / "evidence").write_bytes(b"\x00\x01" * 10)
    session.folder = str(tmp_path)
    sent = session.send("getfile evidence").json()
    action = world.rest.wait_final(sent["action"]["id"], 60)
    assert action["commands"][0]["command"]["params"] == [{"key": "Path", "value": f"{tmp_path}/evidence"}]
    assert action["commands"][0]["file"]["size"] == 20
    action, result = session.run("run say.sh -parameters 'one two'")
    assert result["script_output"] == "2 one\n"
    sent = session.send("putfile say.sh").json()
    action = world.rest.wait_final(sent["action"]["id"], 60)
    placed = action["commands"][0]["file"]
    assert os.path.basename(placed["path"]) == "say.sh"
    assert open(placed["path"]).read().startswith("#!/bin/sh"), "it stays until the machine restarts"


def test_a_line_is_audited_and_has_a_receipt(world, session):
    action, _ = session.run("users")
    assert action["externalId"] == session.id and action["requestorComment"] == "users"
    receipts = get(world, f"/api/machineactions/{action['id']}/receipts")
    assert receipts["value"], receipts
    audit = get(world, f"/api/reachback/audit?actionId={action['id']}")["value"]
    assert {"accepted", "granted"} <= {record["what"] for record in audit}
    machine = world.agents[0].machine_id
    kinds = [r["what"] for r in get(world, f"/api/reachback/audit?machineId={machine}")["value"]]
    assert "session_opened" in kinds


def test_one_session_a_machine_and_who_may_end_it(world, session):
    machine = world.agents[0].machine_id
    second = world.rest.call("POST", f"/api/reachback/machines/{machine}/sessions", {})
    assert second.status == 409 and session.id in second.text
    ann = Person(world, "ann@corp.example", "live-response-basic")
    ann.sign_in()
    refused = ann.call("POST", f"/api/reachback/sessions/{session.id}/commands", {"commandLine": "dir"})
    assert refused.status == 403 and "the session is" in refused.text
    assert ann.call("POST", f"/api/reachback/sessions/{session.id}/close").json()["status"] == "Ended"
    assert session.send("dir").status == 409
    own = Session(world, ann)
    assert own.rows("cd /")[0]["path"] == "/"
    for line in ("run say.sh", "putfile say.sh"):
        refused = own.send(line)
        assert refused.status == 403 and "live response advanced" in refused.text
    sent = own.send("getfile /etc/hostname")
    assert sent.status == 201, sent.text
    assert world.rest.wait_final(sent.json()["action"]["id"], 60)["status"] == "Succeeded"
    own.close()


def test_a_line_that_is_sent_again_with_its_key_runs_once(world, session):
    path = f"/api/reachback/sessions/{session.id}/commands"
    body = {"commandLine": "cd /etc", "currentDirectory": "/"}
    key = {"Idempotency-Key": "line-1"}
    first = world.rest.call("POST", path, body, key).json()
    assert world.rest.wait_final(first["action"]["id"], 60)["status"] == "Succeeded"
    again = world.rest.call("POST", path, body, key)
    assert again.status == 201 and again.json()["number"] == first["number"]
    assert again.json()["action"]["id"] == first["action"]["id"]
    assert world.rest.call("POST", path, dict(body, commandLine="dir"), key).status == 422
    assert len(get(world, path)["value"]) == 1


def test_an_idle_session_ends_and_one_at_work_does_not(world):
    session = Session(world)
    session.rows("cd /")
    world.advance("1740s")
    assert get(world, f"/api/reachback/sessions/{session.id}")["status"] == "Open"
    world.advance("120s")
    ended = harness.eventually(
        lambda: (s := get(world, f"/api/reachback/sessions/{session.id}"))["status"] == "Ended" and s, 30,
        "the session ends")
    assert ended["endReason"] == "idle"
    late = session.send("dir")
    assert late.status == 409 and "idle" in late.text


def test_a_restart_of_the_server_keeps_the_session(world, session):
    session.rows("cd /")
    world.server.process.kill9()
    world.server.serve()
    assert [row["commandLine"] for row in
            get(world, f"/api/reachback/sessions/{session.id}/commands")["value"]] == ["cd /"]
    harness.eventually(lambda: get(world, f"/api/reachback/machines/{world.agents[0].machine_id}/state")["online"],
                       30, "the agent is back")
    assert session.rows("cd /etc")[0]["path"] == "/etc"


def test_the_owner_of_the_machine_may_forbid(world):
    agent = world.agents[0]
    agent.stop()
    policy = os.path.join(agent.state, "policy.toml")
    with open(policy, "w") as out:
        out.write('[get_file]\nread_roots = ["/etc"]\n')
    agent.run()
    session = Session(world)
    assert session.rows("dir /etc")
    _, result = session.run("dir /root")
    assert result["exit_code"] == 1 and "NotAllowed" in result["script_errors"]
    agent.stop()
    with open(policy, "w") as out:
        out.write('commands = ["RunScript"]\n')
    agent.run()
    sent = session.send("users").json()
    action = world.rest.wait_final(sent["action"]["id"], 60)
    assert action["status"] == "Failed"
    assert "BuiltIn is not allowed on this machine" in action["commands"][0]["errors"][0]
    os.remove(policy)
    session.close()
