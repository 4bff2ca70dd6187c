"""Sign-in by certificate: signed assertions against a running server. Cases of trust.md 5.1 and RFC 7523."""

import base64
import os
import urllib.parse
import uuid

import pytest

import harness
from signed import JWT_BEARER, SCOPE, Client, b64url, p256, refused, rsa

ALIAS = "login.example.org"


@pytest.fixture(scope="module")
def up(tmp_path_factory, bin_dir):
    """A server with an alias, and an application with two certificates. Yields (client, rsa, p256)."""
    world = harness.World(str(tmp_path_factory.mktemp("assertion")), bin_dir,
                          f'alias_hosts = ["{ALIAS}"]\n[limits]\nenabled = false\n')
    world.up()
    client = Client(world)
    rsa_one, ec_one = rsa(world.folder), p256(world.folder)
    for one in (rsa_one, ec_one):
        added = client.add(one)
        assert added["thumbprint"] == one.sha256.hex() and added["sha1"] == one.sha1.hex()
    yield client, rsa_one, ec_one
    world.close()


@pytest.fixture
def fresh(up):
    """As `up`, at a time when no wrong assertion is counted any more."""
    up[0].advance(61)
    return up


# ---- what is taken

def test_every_algorithm_and_every_name_of_a_certificate_signs_in(up):
    client, one, ec = up
    padded = base64.urlsafe_b64encode(one.sha1).decode()
    for alg, certificate, header in [
            ("RS256", one, {"x5t": b64url(one.sha1)}),
            ("RS256", one, {"x5t": padded}),  # MSAL for Python
            ("RS256", one, {"kid": one.sha1.hex().upper()}),
            ("RS256", one, {"x5t": b64url(one.sha1),
                            "x5c": [base64.b64encode(one.der).decode()]}),
            ("PS256", one, {"x5t#S256": b64url(one.sha256)}),
            ("ES256", ec, {"x5t#S256": b64url(ec.sha256)})]:
        answer = client.ask(client.assertion(certificate, alg, header))
        assert answer.status == 200, (alg, header, answer.body)
        assert client.call(answer.json()["access_token"]).status == 200


def test_both_addresses_and_all_that_names_them_are_taken(up):
    client, one, _ = up
    for audience in (client.url(), client.url("/oauth2/token"), client.url("/v2.0"),
                     client.url() + "/", client.url().upper(),
                     client.url(base="https://" + ALIAS), ["elsewhere", client.url()]):
        assert client.ask(client.assertion(one, aud=audience)).status == 200, audience
    v1 = client.ask(client.assertion(one), "/oauth2/token", scope=None,
                    resource="https://api.securitycenter.microsoft.com")
    assert v1.status == 200 and v1.json()["expires_in"] == "3599"
    # Python's times have a fraction.
    assert client.ask(client.assertion(one, exp=client.now() + 600.5, nbf=None)).status == 200


def test_discovery_says_so(up):
    client, _, _ = up
    found = client.api.send("GET", f"/{client.tenant}/v2.0/.well-known/openid-configuration").json()
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS256", "PS256", "ES256"]


# ---- trust.md 5.1, 12 to 14

def test_an_assertion_counts_once(fresh):
    client, one, _ = fresh
    assertion = client.assertion(one)
    assert client.ask(assertion).status == 200
    refused(client.ask(assertion), "AADSTS700027", "used before")
    refused(client.ask(assertion, "/oauth2/token"), "used before")
    again = client.assertion(one, jti="the same")
    assert client.ask(again).status == 200
    refused(client.ask(client.assertion(one, jti="the same")), "used before")
    # Without a jti the text itself is what counts once.
    plain = client.assertion(one, jti=None)
    assert client.ask(plain).status == 200
    refused(client.ask(plain), "used before")


@pytest.mark.parametrize("claims, said", [
    (lambda now: {"aud": "https://login.microsoftonline.com/common/oauth2/v2.0/token"},
     "another audience"),
    (lambda now: {"aud": None}, "malformed"),
    (lambda now: {"exp": now - 10}, "has expired"),
    (lambda now: {"exp": now + 3 * 86400}, "too long"),
    (lambda now: {"nbf": now + 7200, "exp": now + 7800}, "not valid yet"),
    (lambda now: {"iss": "someone"}, "names another application"),
    (lambda now: {"sub": str(uuid.uuid4())}, "names another application"),
    (lambda now: {"exp": "soon"}, "malformed"),
], ids=["audience", "no audience", "expired", "too long", "not yet", "issuer", "subject", "text"])
def test_a_wrong_claim_is_401_and_named(fresh, claims, said):
    client, one, _ = fresh
    refused(client.ask(client.assertion(one, **claims(client.now()))), "AADSTS700027", said)


def test_a_host_that_is_not_ours_by_configuration_is_no_audience(fresh):
    client, one, _ = fresh
    assertion = client.assertion(one, aud=client.url(base="https://evil.example"))
    body = urllib.parse.urlencode({
        "grant_type": "client_credentials", "client_id": client.id, "scope": SCOPE,
        "client_assertion_type": JWT_BEARER, "client_assertion": assertion})
    answer = client.api.send("POST", f"/{client.tenant}/oauth2/v2.0/token", body.encode(),
                             {"Content-Type": "application/x-www-form-urlencoded",
                              "Host": "evil.example"})
    refused(answer, "another audience")


def test_without_a_signature_of_its_own_there_is_one_answer(fresh):
    client, one, ec = fresh
    stranger = rsa(client.world.folder, "stranger")
    unsigned = ".".join([b64url(b'{"alg":"none"}'), client.assertion(one).split(".")[1], ""])
    refused(client.ask(unsigned), "AADSTS700027")
    names_one = {"x5t": b64url(one.sha1)}
    texts = {refused(client.ask(made), "failed signature validation")["error_description"].split(
        " Trace ID")[0] for made in (
            client.assertion(stranger), client.assertion(stranger, header=names_one),
            client.assertion(one, "PS256", {"x5t": b64url(ec.sha1)}),
            client.assertion(one, header={"kid": "../../etc/passwd"}),
            client.assertion(one, header={"kid": "' OR 1=1 --"}),
            client.assertion(one, header={}))}
    other = Client(client.world, "other")
    other.ahead = client.ahead
    texts.add(refused(other.ask(other.assertion(one)),
                      "failed signature")["error_description"].split(" Trace ID")[0])
    other.id = str(uuid.uuid4())  # no application has this id
    texts.add(refused(other.ask(other.assertion(one)),
                      "failed signature")["error_description"].split(" Trace ID")[0])
    assert len(texts) == 1, texts


def test_a_kid_opens_no_file(fresh):
    """It is compared and nothing else."""
    client, one, _ = fresh
    bait = client.world.path("bait-that-nobody-opens")
    with open(bait, "w") as out:
        out.write("x")
    os.utime(bait, (1, 1))
    refused(client.ask(client.assertion(one, header={"kid": bait})), "failed signature")
    assert os.stat(bait).st_atime == 1
    with open(bait) as read:
        read.read()
    if os.stat(bait).st_atime == 1:
        pytest.skip("this file system does not note that a file was read")


def test_the_tenth_wrong_assertion_in_a_minute_is_429(fresh):
    client, one, _ = fresh
    statuses = [client.ask("a.b.c").status for _ in range(10)]
    assert statuses == [401] * 9 + [429]
    assert client.ask(client.assertion(one)).status == 429
    client.advance(61)
    assert client.ask(client.assertion(one)).status == 200


@pytest.mark.parametrize("form, said", [
    ({"client_secret": "x"}, "send one of them"),
    ({"client_assertion_type": None}, "client_assertion_type"),
    ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
     "client_assertion_type"),
    ({"client_assertion": None}, "client_assertion"),
    ({"client_id": None}, "client_id"),
])
def test_a_request_that_is_not_whole_is_400(up, form, said):
    client, one, _ = up
    refused(client.ask(client.assertion(one), **form), said, status=400, error="invalid_request")


def test_an_application_without_a_secret_has_none_to_guess(fresh):
    client, _, _ = fresh
    for secret in ("x", "no application has this secret"):
        refused(client.ask(None, client_assertion_type=None, client_secret=secret), "AADSTS7000215")
    refused(client.ask(None, client_assertion_type=None), "AADSTS7000218")


# ---- what is remembered

def test_after_a_restart_used_assertions_are_not_remembered(make_world):
    """What the documents say: memory only. Pinned, so that a change shows."""
    world = make_world().up()
    client = Client(world)
    one = rsa(world.folder)
    client.add(one)
    assertion = client.assertion(one)
    assert client.ask(assertion).status == 200
    refused(client.ask(assertion), "used before")
    world.server.stop()
    world.server.serve()
    assert client.ask(assertion).status == 200
    refused(client.ask(assertion), "used before")


def test_by_setting_an_assertion_may_be_used_again(make_world):
    world = make_world("[sign_in]\nassertion_reuse = true\n").up()
    client = Client(world)
    one = rsa(world.folder)
    client.add(one)
    assertion = client.assertion(one)
    assert [client.ask(assertion).status for _ in range(3)] == [200, 200, 200]
