"""Users at a running server: what they may, and what of it a restart and a kill -9 keep."""

import sqlite3

import harness
from people import Person, shown_error


def test_a_user_runs_a_script_and_stands_as_its_requestor(shared):
    ann = Person(shared, "ann@corp.example", "live-response-advanced", one_time_codes=True)
    ann.sign_in()
    shared.shared_api.upload("whoami.sh", "#!/bin/sh\nid -u\n", override=True)
    made = ann.call("POST", f"/api/machines/{shared.agents[0].machine_id}/runliveresponse", {
        "Commands": [{"type": "RunScript", "params": [{"key": "ScriptName", "value": "whoami.sh"}]}], "Comment": "as ann"})
    assert made.status == 201, made.text
    action = made.json()
    assert action["requestor"] == "ann@corp.example"
    ended = ann.call("GET", f"/api/machineactions/{action['id']}?waitFor=final&timeout=30s").json()
    assert ended["status"] == "Succeeded", ended
    assert shared.shared_api.result(action["id"])["exit_code"] == 0


def test_what_a_person_was_given_survives_a_kill(make_world):
    world = make_world().up()
    ann = Person(world, "ann", "viewer", one_time_codes=True)
    done = ann.authorize()
    code = ann.code()
    ann.keep(ann.redeem(done))
    spent = ann.refresh
    ann.keep(ann.refreshed())
    world.server.process.kill9()
    world.server.serve()
    assert ann.call("GET", "/api/machines").status == 200
    assert "wrong" in shown_error(ann.authorize(otp=code)), "a one-time code counts once"
    ann.keep(ann.refreshed())
    # The spent one ends everything, and a restart does not bring it back.
    refused = ann.refreshed(spent)
    assert (refused.status, refused.json()["error"]) == (400, "invalid_grant")
    assert ann.call("GET", "/api/machines").status == 401
    world.server.stop()
    world.server.serve()
    assert ann.call("GET", "/api/machines").status == 401
    assert ann.refreshed().status == 400
    # Signed in anew, with the next half-minute's code.
    ann.ahead = 0
    ann.advance(60)
    ann.sign_in()
    assert ann.call("GET", "/api/machines").status == 200


def test_a_user_is_made_and_changed_without_a_server_too(make_world):
    world = make_world().up()
    ann = Person(world, "ann", "viewer")
    ann.sign_in()
    world.server.stop()
    world.server.admin("user", "set", "ann", "--disable")
    world.server.serve()
    assert ann.call("GET", "/api/machines").status == 401
    assert "wrong" in shown_error(ann.authorize())
    world.server.admin("user", "set", "ann", "--enable")
    ann.sign_in()
    assert ann.call("GET", "/api/machines").status == 200


def test_the_audit_has_it_all_and_no_secret_is_on_the_disk(make_world):
    world = make_world().up()
    ann = Person(world, "ann", "viewer", one_time_codes=True)
    ann.sign_in()
    ann.authorize(password="not the password")
    refresh = ann.refresh
    assert ann.form(f"/{ann.api.tenant}/oauth2/v2.0/revoke", {"client_id": ann.client, "token": refresh}).status == 200
    assert ann.call("GET", "/api/machines").status == 401
    world.server.stop()
    whole = harness.run([world.server.bin, "verify-audit", "--data", world.server.data])
    assert whole.returncode == 0, whole.stderr
    with open(world.path("server/audit/access.log")) as log:
        access = log.read()
    assert '"sign_in"' in access and '"ann"' in access
    database = sqlite3.connect(f"file:{world.path('server/db/reachback.db')}?mode=ro", uri=True)
    rows = database.execute("SELECT kind, object, detail FROM audit").fetchall()
    assert any(kind == "user_created" and object_ == ann.id for kind, object_, _ in rows)
    dump = "\n".join(database.iterdump()) + access
    for secret in (ann.password, refresh, ann.access):
        assert secret not in dump
