"""The audit of a whole run (trust.md T44, V15, V20, V22): who did what stands in one of its two chains,
tampering with either is named by its position, heads are exported, and no secret is in it."""

import base64
import glob
import hashlib
import json
import os
import sqlite3
import time
import urllib.parse

import pytest

import harness

NO_TRIGGERS = ("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;"
               " DROP TRIGGER audit_only_grows;")


def verify(server, *options):
    return harness.run([server.bin, "verify-audit", "--data", server.data, *options])


def records(server):
    return [json.loads(line) for line in harness.read_lines(os.path.join(server.data, "audit/access.log"))]


def rows(server):
    db = sqlite3.connect(f"file:{server.data}/db/reachback.db?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in db.execute("SELECT * FROM audit ORDER BY seq")]
    finally:
        db.close()


def jti(token):
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]


def test_every_kind_of_act_is_recorded_with_who_and_what(make_world):
    world = make_world("[limits]\nenabled = false\n").up(agent=True)
    server, agent = world.server, world.agents[0]
    api = server.api()
    token_id = jti(api.token())
    api.upload("effect.sh", harness.EFFECT)
    action, _ = api.run_script(agent.machine_id, "effect.sh", "/dev/null audited")
    api.expect(204, "DELETE", "/api/libraryfiles/effect.sh")
    made = server.admin("app", "create", "--name", "soar", "--role", "Machine.Read.All")
    server.admin("app", "rotate", made["clientId"])
    server.admin("app", "delete", made["clientId"])
    wrong = server.api(secret="wrong")
    with pytest.raises(harness.LocalError):
        wrong.token()
    offline = world.agent(label="offline", run=False)
    api.upload("effect.sh", harness.EFFECT)
    waiting = api.submit(offline.machine_id, api.script("effect.sh"))
    assert api.cancel(waiting["id"]).status == 200
    assert server.stop() == 0

    by_kind = {}
    for row in rows(server):
        by_kind.setdefault(row["kind"], []).append(row)
    assert {"accepted", "granted", "command_started", "command_ended", "cancel_requested", "enrolled",
            "app_created", "app_rotated", "app_deleted", "enrollment_token_created", "library_added",
            "library_removed"} <= set(by_kind)
    accepted = by_kind["accepted"][0]
    body = json.dumps({"Commands": [api.script("effect.sh", "/dev/null audited")],
                       "Comment": "by localrun"}).encode()
    asked = f"POST /api/machines/{agent.machine_id}/runliveresponse\n".encode() + body
    assert accepted["request"] == hashlib.sha256(asked).digest()
    assert (accepted["token_id"], accepted["peer_ip"], accepted["result"]) == (token_id, "127.0.0.1", "pending")
    assert accepted["principal"] == server.credentials["clientId"]
    assert by_kind["cancel_requested"][0]["token_id"] == token_id
    assert by_kind["cancel_requested"][0]["result"] == "cancelled"
    assert by_kind["granted"][0]["principal"] == agent.machine_id
    ended = by_kind["command_ended"][0]
    assert ended["principal"] == agent.machine_id and "; result " in ended["detail"]

    kinds = {}
    for record in records(server):
        kinds.setdefault(record["kind"], []).append(record)
    assert {"sign_in", "sign_in_refused", "mint", "download", "library_upload", "library_delete",
            "database_head"} <= set(kinds)
    assert kinds["sign_in"][0]["token_id"] == token_id
    assert len(kinds["sign_in_refused"]) == 1 and kinds["sign_in_refused"][0]["object"].startswith("1 times")
    mint = kinds["mint"][0]
    target = f"/api/machineactions/{action['id']}/GetLiveResponseResultDownloadLink(index=0)"
    assert mint["request"] == hashlib.sha256(f"GET {target}\n".encode()).hexdigest()
    assert mint["token_id"] == token_id and mint["peer_ip"] == "127.0.0.1"
    assert kinds["library_upload"][0]["token_id"] == token_id

    told = verify(server)
    assert told.returncode == 0 and "The audit log is whole" in told.stdout, told


def test_failed_sign_ins_neither_wait_for_the_disk_nor_fill_it(make_world):
    world = make_world().up()
    server = world.server
    began = time.monotonic()
    client = server.api(secret="wrong")
    for number in range(300):
        answer = client.send("POST", f"/{client.tenant}/oauth2/v2.0/token", urllib.parse.urlencode(
            dict(grant_type="client_credentials", client_id=client.client_id, client_secret=f"wrong{number}",
                 scope="https://api.securitycenter.microsoft.com/.default")).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status in (401, 429)
    minutes = (time.monotonic() - began) // 60
    assert server.stop() == 0
    refused = [record for record in records(server) if record["kind"] == "sign_in_refused"]
    assert sum(int(record["object"].split(" times since ")[0]) for record in refused) == 300
    assert len(refused) <= 1 + minutes + 1, "one record a minute, and one at the end"


def test_tampering_with_either_chain_is_named_and_a_cut_end_is_seen_by_exported_heads(make_world, tmp_path):
    heads = tmp_path / "heads"
    world = make_world(f'[limits]\nenabled = false\n[audit]\nexport = "file:{heads}"\nevery = "100ms"\n')
    world.up(agent=True)
    server, agent = world.server, world.agents[0]
    api = server.api()
    api.upload("effect.sh", harness.EFFECT)
    for word in ("one", "two"):
        api.run_script(agent.machine_id, "effect.sh", "/dev/null " + word)
    beside = verify(server, "--head", str(heads))
    assert beside.returncode == 0, beside.stderr  # also beside the running server
    agent.stop()
    assert server.stop() == 0
    log, database = os.path.join(server.data, "audit/access.log"), os.path.join(server.data, "db/reachback.db")
    with open(log, "rb") as old:
        text = old.read()
    with open(database, "rb") as old:
        pages = old.read()
    whole = verify(server, "--head", str(heads))
    assert whole.returncode == 0 and "exported heads" in whole.stdout, whole
    last_row = rows(server)[-1]["seq"]

    def broken(*options):
        told = verify(server, *options)
        assert told.returncode == 1, told.stdout
        return told.stderr

    # Both ends cut off together, so that each chain by itself is whole.
    lines = text.splitlines(keepends=True)
    keep = next(n for n, line in enumerate(lines) if b'"kind":"mint"' in line)
    with open(log, "wb") as out:
        out.writelines(lines[:keep])
    assert verify(server).returncode == 0
    assert f"line {keep + 1}" in broken("--head", str(heads))
    with open(log, "wb") as out:
        out.write(text)
    db = sqlite3.connect(database)
    db.executescript(NO_TRIGGERS + f"DELETE FROM audit WHERE seq = {last_row};")
    db.close()
    assert f"audit row {last_row}: the end is missing" in broken()
    with open(database, "wb") as out:
        out.write(pages)
    db = sqlite3.connect(database)
    db.executescript(NO_TRIGGERS + "UPDATE audit SET principal = 'somebody else' WHERE seq = 3;")
    db.close()
    assert "audit row 3:" in broken()
    with open(database, "wb") as out:
        out.write(pages)
    assert verify(server, "--head", str(heads)).returncode == 0


def test_no_secret_of_a_run_is_in_logs_audit_or_database(make_world):
    """V20. The canaries are the run's own secrets, in every form that a careless writer would use."""
    world = make_world("[limits]\nenabled = false\n")
    token = None
    world.up()
    server = world.server
    token = server.enrollment_token("--uses", "1", "--ttl", "1h")
    agent = world.agent(token=token)
    api = server.api()
    made = server.admin("app", "create", "--name", "soar", "--role", "Machine.LiveResponse")
    api.upload("effect.sh", harness.EFFECT)
    action, _ = api.run_script(agent.machine_id, "effect.sh", "/dev/null canary")
    link = api.link(action["id"])
    assert api.download(link).status == 200
    signature = harness.LINK.match(link)["sig"]
    assert api.download(link.replace("sig=", "sig=A")).status == 403
    # Mistakes with secrets in them.
    api.send("GET", f"/api/machines?access_token={api.token()}")
    api.send("POST", f"/{api.tenant}/oauth2/v2.0/token?client_secret={made['clientSecret']}", b"x=y")
    api.send("GET", "/api/machines", headers={"Authorization": "Bearer " + api.token()[:-3] + "abc"})
    api.send("GET", "/api/machines", headers={"Authorization": "Basic " + base64.b64encode(
        f"{made['clientId']}:{made['clientSecret']}".encode()).decode()})
    agent.stop()
    assert server.stop() == 0
    with open(os.path.join(server.data, "keys/secrets.json")) as file:
        stored = [value for value in json.load(file).values() if isinstance(value, str)]
    secrets = [server.credentials["clientSecret"], server.credentials["enrollmentToken"], made["clientSecret"],
               token, api.token(), api.token().split(".")[2], urllib.parse.unquote(signature), signature]
    for text in stored:
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) >= 32:
            secrets += [text, key.hex()]
    for name in ("token-signing.pem", "order-signing.pem", "ca-key.pem"):
        with open(os.path.join(server.data, "keys", name)) as pem:
            secrets.append("".join(pem.read().splitlines()[1:2]))
    places = glob.glob(world.path("*.log")) + glob.glob(os.path.join(server.data, "audit/*")) \
        + glob.glob(os.path.join(server.data, "db/*"))
    assert len(places) >= 4
    found = []
    for place in places:
        with open(place, "rb") as file:
            content = file.read()
        found += [f"{place}: {secret[:6]}…" for secret in secrets if secret.encode() in content]
    assert not found
    assert len(secrets) >= 11
