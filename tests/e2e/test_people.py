"""The API for people at a running server: the console and its sign-in, machines online, the audit, settings."""

import base64
import gzip
import hashlib
import http.client
import json
import os
import re
import sqlite3
import time
import urllib.parse

import harness
from people import MDE, VERIFIER, one_time_code

CONSOLE_ID = "329572bb-4442-4f5a-81e1-ed8c605648a0"
SCRIPT = "console.log('reachback');\n" * 200


def console_folder(world):
    folder = world.path("console")
    os.makedirs(os.path.join(folder, "assets"))
    for name, text in {"index.html": "<!doctype html><title>console</title>", "assets/index-12345678.js": SCRIPT}.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    return folder


def with_console(make_world):
    """A world whose settings file names a console folder beside it."""
    world = make_world()
    os.makedirs(world.folder, exist_ok=True)
    folder = console_folder(world)
    world.server.config = f'[console]\nfolder = "{folder}"\n'
    return world.up()


def sign_in(world, name, password, key, scope=f"{MDE}/.default offline_access"):
    """As the console does: config.json, authorization code with PKCE, token."""
    api = world.server.api()
    config = api.send("GET", "/console/config.json").json()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    back = config["publicUrl"] + "/console/signed-in"
    ask = dict(client_id=config["clientId"], response_type="code", redirect_uri=back, code_challenge=challenge,
               code_challenge_method="S256", scope=scope, state="mine")

    def form(path, fields):
        return api.send("POST", path, urllib.parse.urlencode(fields).encode(),
                        {"Content-Type": "application/x-www-form-urlencoded"})

    authority = config["authority"].removeprefix(config["publicUrl"])
    found = api.send("GET", authority + "/.well-known/openid-configuration").json()
    authorize = found["authorization_endpoint"].removeprefix(config["publicUrl"])
    code = one_time_code(key, time.time()) if key else ""
    done = form(authorize, dict(ask, username=name, password=password, otp=code, answer="yes"))
    assert done.status == 303, done.text
    assert done.headers["Location"].startswith(back + "?")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(done.headers["Location"]).query)
    token = form(found["token_endpoint"].removeprefix(config["publicUrl"]),
                 dict(grant_type="authorization_code", client_id=config["clientId"], code=query["code"][0],
                      redirect_uri=back, code_verifier=VERIFIER))
    assert token.status == 200, token.text
    access = token.json()["access_token"]

    def call(method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        return api.send(method, path, data, {"Authorization": f"Bearer {access}", "Content-Type": "application/json"})

    return call


def test_the_console_is_served_from_memory_under_a_strict_policy(make_world):
    world = with_console(make_world)
    api = world.server.api()
    home = api.send("GET", "/")
    assert (home.status, home.headers["Location"]) == (302, "/console/")
    page = api.send("GET", "/console/machines/of/some/kind")
    assert page.status == 200 and "<title>console</title>" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert page.headers["Cache-Control"] == "no-cache"
    script = api.send("GET", "/console/assets/index-12345678.js", None, {"Accept-Encoding": "gzip"})
    assert script.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(script.body).decode() == SCRIPT
    assert "immutable" in script.headers["Cache-Control"]
    same = api.send("GET", "/console/assets/index-12345678.js", None,
                    {"Accept-Encoding": "gzip", "If-None-Match": script.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    # What changes on the disk is not looked at: no path of a request leads there.
    os.symlink("/etc/passwd", world.path("console/assets/passwd.txt"))
    for path in ("/console/assets/passwd.txt", "/console/../../etc/passwd", "/console/%2e%2e/%2e%2e/etc/passwd",
                 "/console/assets/none.js"):
        refused = api.send("GET", path)
        assert refused.status == 404 and "root:" not in refused.text, path
    posted = api.send("POST", "/console/", b"x")
    assert (posted.status, posted.headers["Allow"]) == (405, "GET, HEAD")
    # And the next start refuses the link by name.
    world.server.stop()
    world.server.start()
    assert world.server.process.wait(20) == 1
    assert any("assets/passwd.txt is a symbolic link" in line for line in harness.read_lines(world.path("server.log")))


def test_without_its_files_a_page_says_what_to_do(make_world):
    world = make_world(config='[console]\nfolder = ""\n').up()
    page = world.server.api().send("GET", "/console/")
    assert page.status == 404 and "./dev console build" in page.text
    assert world.server.api().send("GET", "/console/config.json").status == 200


def test_somebody_signs_in_to_the_console_whatever_the_port_of_this_start(make_world):
    world = with_console(make_world)
    made = world.server.admin("user", "create", "ann", "--role", "admin")
    call = sign_in(world, "ann", made["password"], made["oneTimeCodeKey"])
    me = call("GET", "/api/reachback/me").json()
    assert (me["name"], me["application"], me["roles"]) == ("ann", CONSOLE_ID, ["admin"])
    assert {"Audit.Read", "Reachback.Manage", "Machine.LiveResponse"} <= set(me["permissions"])
    assert me["allMachines"] is True and me["groups"] == []
    # Deleted, there is no sign-in; made again, there is.
    listed = world.server.admin("app", "list")["apps"]
    assert [a["redirectUris"] for a in listed if a["clientId"] == CONSOLE_ID] == [["/console/signed-in"]]
    world.server.admin("app", "delete", CONSOLE_ID)
    assert world.server.api().send("GET", "/console/config.json").status == 404
    assert call("GET", "/api/reachback/me").status == 401, "its tokens ended"
    world.server.stop()
    world.server.serve()
    assert world.server.api().send("GET", "/console/config.json").status == 404, "a start does not bring it back"
    world.server.admin("app", "console")
    assert world.server.api().send("GET", "/console/config.json").json()["clientId"] == CONSOLE_ID


def test_a_code_goes_to_no_other_server(make_world):
    world = with_console(make_world)
    api = world.server.api()
    for uri in ("https://evil.example/console/signed-in", "/console/signed-in", "http://127.0.0.1/console/signed-in",
                world.server.url + "/console/signed-in/x", world.server.url + ".evil.example/console/signed-in"):
        ask = dict(client_id=CONSOLE_ID, response_type="code", redirect_uri=uri, code_challenge="x" * 43,
                   code_challenge_method="S256", scope=f"{MDE}/.default")
        page = api.send("GET", f"/{api.tenant}/oauth2/v2.0/authorize?{urllib.parse.urlencode(ask)}")
        assert page.status == 400 and "redirect_uri" in page.text, uri


def test_a_machine_is_online_as_long_as_its_agent_is(make_world):
    world = make_world().up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    state = f"/api/reachback/machines/{agent.machine_id}/state"
    harness.eventually(lambda: api.expect(200, "GET", state).json()["online"], 10, "online")
    told = api.expect(200, "GET", state).json()
    assert told["since"] is not None and told["agentVersion"]
    assert api.expect(200, "GET", "/api/reachback/onlineMachines").json() == {"value": [agent.machine_id]}
    agent.stop()
    harness.eventually(lambda: not api.expect(200, "GET", state).json()["online"], 10, "offline")
    assert api.expect(200, "GET", state).json()["since"] is None
    assert api.expect(200, "GET", "/api/reachback/onlineMachines").json() == {"value": []}


def read_all(call, query):
    """Every record of a query, page by page."""
    records, before = [], ""
    while True:
        answer = call("GET", f"/api/reachback/audit?{query}{before}")
        assert answer.status == 200, answer.text
        page = answer.json()
        records += page["value"]
        if page["nextBefore"] is None:
            return records
        before = "&before=" + urllib.parse.quote(page["nextBefore"])


def test_what_happened_is_read_from_both_chains_newest_first(make_world):
    world = make_world().up(agent=True)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    action, _ = api.run_script(world.agents[0].machine_id, "effect.sh", f"{world.path('x')} one")
    all_records = read_all(api.call, "$top=7")
    assert len({r["sequence"] for r in all_records}) == len(all_records) > 10
    numbers = {chain: [r["record"] for r in all_records if r["chain"] == chain] for chain in ("database", "access")}
    assert numbers["database"] == list(range(len(numbers["database"]), 0, -1)), "each once, none missing"
    assert numbers["access"] == sorted(set(numbers["access"]), reverse=True) and len(numbers["access"]) >= 3
    assert {"sign_in", "mint", "library_upload"} <= {r["what"] for r in all_records}
    of_action = read_all(api.call, f"actionId={action['id']}&$top=2")
    kinds = [r["what"] for r in of_action]
    assert "mint" in kinds[:2] and kinds[-1] == "accepted" and "granted" in kinds
    assert {r["machineId"] for r in of_action} == {world.agents[0].machine_id}
    mint = of_action[kinds.index("mint")]
    assert mint["commandIndex"] == 0 and mint["requestHash"] and mint["chain"] == "access"
    assert [r["what"] for r in read_all(api.call, "what=sign_in")] == ["sign_in"]
    assert read_all(api.call, "who=nobody") == []
    # An application without the permission may not.
    other = world.server.admin("app", "create", "--name", "reader", "--role", "Machine.Read.All")
    reader = world.server.api(client_id=other["clientId"], secret=other["clientSecret"])
    assert reader.call("GET", "/api/reachback/audit").status == 403


def test_settings_over_the_api_are_those_of_the_commands(make_world):
    world = make_world().up()
    api = world.server.api()
    token = api.expect(201, "POST", "/api/reachback/enrollmentTokens", {"uses": 1, "tags": ["tier:web"]}).json()
    assert token["server"] == world.server.agents_url
    with open(world.server.ca_file) as file:
        assert token["caFile"] == file.read()
    listed = api.expect(200, "GET", "/api/reachback/enrollmentTokens").json()["value"]
    assert token["id"] in [t["id"] for t in listed] and token["enrollmentToken"] not in json.dumps(listed)
    assert api.call("DELETE", f"/api/reachback/enrollmentTokens/{token['id']}").status == 204
    refused = harness.run([os.path.join(world.bin_dir, "reachback-agent"), "enroll", "--server", world.server.agents_url,
                           "--ca", world.server.ca_file, "--token", token["enrollmentToken"], "--state",
                           world.path("late")])
    assert refused.returncode != 0, "a deleted token enrols nothing"
    # A user made here signs in, and what is taken away counts at once.
    made = api.expect(201, "POST", "/api/reachback/users", {"name": "bob", "roles": ["viewer"]}).json()
    call = sign_in(world, "bob", made["password"], re.search(r"secret=(\w+)", made["totpUri"]).group(1))
    assert call("GET", "/api/machines").status == 200
    assert call("GET", "/api/reachback/users").status == 403
    api.expect(200, "PATCH", "/api/reachback/users/bob", {"disabled": True})
    assert call("GET", "/api/machines").status == 401
    assert [u["disabled"] for u in world.server.admin("user", "list")["users"]] == [True]
    # An application made here calls, and not after its secret was changed.
    app = api.expect(201, "POST", "/api/reachback/applications", {"name": "soar", "roles": ["Machine.Read.All"]}).json()
    soar = world.server.api(client_id=app["clientId"], secret=app["clientSecret"])
    assert soar.call("GET", "/api/machines").status == 200
    fresh = api.expect(200, "POST", f"/api/reachback/applications/{app['clientId']}/rotate").json()
    assert soar.send("GET", "/api/machines", None, {"Authorization": f"Bearer {soar.token()}"}).status == 401
    again = world.server.api(client_id=app["clientId"], secret=fresh["clientSecret"])
    assert again.call("GET", "/api/machines").status == 200
    # Who did it stands in the audit, and the chains are whole.
    own = world.server.credentials["clientId"]
    changed = read_all(api.call, "what=user_changed")
    assert [(r["who"], r["peerIp"], bool(r["requestHash"])) for r in changed] == [(own, "127.0.0.1", True)]
    refused = api.call("DELETE", f"/api/reachback/applications/{own}")
    assert refused.status == 409 and "reachback-server app delete" in refused.text
    world.server.stop()
    done = harness.run([world.server.bin, "verify-audit", "--data", world.server.data])
    assert done.returncode == 0, done.stderr


def test_an_older_data_directory_gets_the_console_at_its_next_start(make_world):
    """As if the application had never been made: the row is taken out, and the schema's version set back."""
    world = make_world().up()
    world.server.stop()
    database = sqlite3.connect(os.path.join(world.server.data, "db", "reachback.db"))
    with database:
        database.execute("DELETE FROM apps WHERE name = 'Reachback console'")
        for later in ("webhooks", "webhook_deliveries", "sessions", "session_commands"):
            database.execute(f"DROP TABLE {later}")
        database.execute("PRAGMA user_version = 7")
    database.close()
    world.server.serve()
    assert world.server.api().send("GET", "/console/config.json").json()["clientId"] == CONSOLE_ID
    assert CONSOLE_ID in [a["clientId"] for a in world.server.admin("app", "list")["apps"]]


def test_reading_and_changing_much_at_once_blocks_nobody(make_world):
    """Slow work waits its turn; other calls are answered meanwhile, and what is too much gets 503."""
    world = make_world(config="[limits]\nenabled = false\n").up()
    api = world.server.api()
    token = api.token()
    host = urllib.parse.urlsplit(world.server.url).netloc
    waiting = []
    for n in range(40):
        connection = http.client.HTTPSConnection(host, context=api.context, timeout=120)
        connection.request("POST", "/api/reachback/users", json.dumps({"name": f"u{n}", "roles": ["viewer"]}),
                           {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        waiting.append(connection)
    assert api.call("GET", "/api/machines").status == 200
    statuses = []
    for connection in waiting:
        statuses.append(connection.getresponse().status)
        connection.close()
    assert set(statuses) <= {201, 503} and statuses.count(201) >= 1
    assert len(api.expect(200, "GET", "/api/reachback/users").json()["value"]) == statuses.count(201)
