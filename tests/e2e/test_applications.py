"""Applications by the admin commands, beside a running server: certificates that come, go and expire,
and call rates of one of them."""

import os
import sqlite3
import uuid

import harness
from signed import LIST, Certificate, Client, refused, rsa


# ---- certificates come and go

def test_a_certificate_is_listed_and_its_removal_ends_the_tokens(make_world):
    world = make_world().up()
    client = Client(world)
    old, new = rsa(world.folder, "old"), rsa(world.folder, "new")
    client.add(old)
    token = client.token(old)
    assert client.call(token).status == 200
    client.add(new)
    assert client.call(token).status == 200, "one more certificate ends nothing"
    listed = world.server.admin("app", "certificate", "list", client.id)["certificates"]
    assert [c["subject"] for c in listed] == ["CN=old", "CN=new"]
    [app] = [a for a in world.server.admin("app", "list")["apps"] if a["clientId"] == client.id]
    assert (app["certificates"], app["hasSecret"]) == (2, False)
    client.advance(2)
    colons = ":".join("%02X" % b for b in old.sha1)  # as openssl and the portals show it
    world.server.admin("app", "certificate", "remove", client.id, colons)
    assert client.call(token).status == 401
    refused(client.ask(client.assertion(old)), "failed signature validation")
    assert client.call(client.token(new)).status == 200
    # After a restart it is as it was, and the ended tokens stay ended.
    world.server.stop()
    world.server.serve()
    client.ahead = 0  # the moved clock is the process's
    assert client.call(token).status == 401
    client.token(new)


def test_an_expired_certificate_is_refused_when_it_is_used_and_when_it_is_added(make_world):
    world = make_world().up()
    client = Client(world)
    short = rsa(world.folder, "short", days=1)
    client.add(short)
    client.token(short)
    client.advance(25 * 3600)
    refused(client.ask(client.assertion(short)), "failed signature validation")
    other = Client(world, "other")
    done = harness.run([world.server.bin, "app", "certificate", "add", other.id, "--data",
                        world.server.data, "--file", short.pem])
    assert done.returncode != 0 and "expired" in done.stderr


def test_what_is_no_certificate_for_this_is_named(make_world):
    world = make_world().up()
    client = Client(world)
    one = rsa(world.folder)
    both, weak = world.path("both.pem"), Certificate(world.folder, "weak", "rsa:1024")
    with open(both, "w") as out:
        out.write(open(one.pem).read() + open(one.key).read())

    def add(path, client_id=client.id):
        done = harness.run([world.server.bin, "app", "certificate", "add", client_id, "--data",
                            world.server.data, "--file", path])
        assert done.returncode == 1, done
        return done.stderr

    assert "private key" in add(both) and "private key" in add(one.key)
    assert "1024 bits" in add(weak.pem)
    assert "/nowhere" in add("/nowhere")
    assert "no application" in add(one.pem, str(uuid.uuid4()))
    assert "'7'" in add(one.pem, "7")
    client.add(one)
    assert "has this certificate" in add(one.pem)
    done = harness.run([world.server.bin, "app", "certificate", "remove", client.id, "00" * 32,
                        "--data", world.server.data])
    assert done.returncode == 1 and "has no certificate" in done.stderr


# ---- call rates of one application

def test_call_rates_are_raised_for_one_application_at_once_and_stay_so(make_world):
    world = make_world().up()
    client = Client(world)
    one = rsa(world.folder)
    client.add(one)
    token = client.token(one)
    plain = world.server.api()

    def calls(most):
        done = 0
        while done < most and client.call(token).status == 200:
            done += 1
        return done

    assert calls(150) == 100
    set_to = world.server.admin("app", "limits", client.id, "--rate-factor", "2")
    assert set_to == {"clientId": client.id, "rateFactor": 2}
    assert calls(150) == 100, "200 in a minute now, and 100 were made"
    refusal = client.call(token)
    assert refusal.status == 429 and int(refusal.headers["Retry-After"]) >= 1
    assert plain.expect(200, "GET", LIST), "others are not touched"
    world.server.admin("app", "limits", client.id, "--no-limits")
    assert calls(250) == 250
    world.server.stop()
    world.server.serve()
    assert calls(150) == 150, "kept over a restart"
    world.server.admin("app", "limits", client.id, "--rate-factor", "1")
    assert calls(150) == 100
    [app] = [a for a in world.server.admin("app", "list")["apps"] if a["clientId"] == client.id]
    assert app["rateFactor"] == 1
    for wrong in (["--rate-factor", "0"], ["--rate-factor", "-1"], ["--rate-factor", "many"], [],
                  ["--rate-factor", "1000001"], ["--rate-factor", "2", "--no-limits"]):
        done = harness.run([world.server.bin, "app", "limits", client.id, "--data",
                            world.server.data, *wrong])
        assert done.returncode != 0 and done.stderr, wrong


def test_the_audit_tells_of_all_of_it(make_world):
    world = make_world().up()
    client = Client(world)
    one = rsa(world.folder)
    client.add(one)
    client.token(one)
    world.server.admin("app", "limits", client.id, "--rate-factor", "3")
    world.server.admin("app", "certificate", "remove", client.id, one.sha256.hex())
    world.server.stop()
    with open(os.path.join(world.server.data, "audit", "access.log")) as log:
        [signed_in] = [line for line in log if '"sign_in"' in line]
    assert client.id in signed_in and one.sha256.hex() in signed_in
    done = harness.run([world.server.bin, "verify-audit", "--data", world.server.data])
    assert done.returncode == 0, done.stderr
    rows = sqlite3.connect(f"file:{world.server.data}/db/reachback.db?mode=ro", uri=True).execute(
        "SELECT kind, detail FROM audit WHERE object = ? ORDER BY seq", (client.id,)).fetchall()
    assert [kind for kind, _ in rows] == ["app_created", "app_certificate_added", "app_limits",
                                          "app_certificate_removed"]
    assert one.sha256.hex() in rows[1][1] and rows[2][1] == "call rates x 3"
