"""The keys that sign our tokens change: beside a running server, without one, and across restarts."""

import base64
import json
import os
import stat
import urllib.parse

import pytest

import harness

LIST = "/api/machineactions"


def parts(token):
    return [json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in token.split(".")[:2]]


class Keys:
    """A server whose token keys change."""

    def __init__(self, world):
        self.world, self.server = world, world.server
        self.api = self.server.api()

    def list(self):
        return self.server.admin("token-key", "list")["keys"]

    def add(self, *options):
        return self.server.admin("token-key", "add", *options)["id"]

    def retire(self, key_id, *options):
        """The exit status and what was said."""
        done = harness.run([self.server.bin, "token-key", "retire", key_id, "--data", self.server.data,
                            *options])
        return done.returncode, done.stderr

    def fetch_token(self, version=2):
        path = "/oauth2/v2.0/token" if version == 2 else "/oauth2/token"
        form = {"grant_type": "client_credentials", "client_id": self.api.client_id,
                "client_secret": self.api.secret}
        audience = "https://api.securitycenter.microsoft.com"
        form.update({"scope": audience + "/.default"} if version == 2 else {"resource": audience})
        answer = self.api.send("POST", f"/{self.api.tenant}{path}", urllib.parse.urlencode(form).encode(),
                               {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 200, answer.body
        return answer.json()["access_token"]

    def call(self, token):
        return self.api.send("GET", LIST, headers={"Authorization": "Bearer " + token})

    def published(self):
        keys = self.api.send("GET", f"/{self.api.tenant}/discovery/v2.0/keys").json()["keys"]
        return {key["kid"]: key["alg"] for key in keys}

    def discovered(self, path):
        return self.api.send("GET", f"/{self.api.tenant}{path}/.well-known/openid-configuration").json()

    def records(self):
        lines = harness.read_lines(os.path.join(self.server.data, "audit/access.log"))
        return [(r["kind"], r["object"]) for r in map(json.loads, lines)
                if r["kind"].startswith("token_key")]


@pytest.fixture
def keys(make_world):
    return Keys(make_world("[limits]\nenabled = false\n").up())


def test_a_key_comes_and_goes_beside_a_running_server(keys):
    [first] = keys.list()
    assert (first["alg"], first["signs"], first["since"], first["until"]) == ("ES256", True, None, None)
    assert keys.discovered("/v2.0")["id_token_signing_alg_values_supported"] == ["ES256"]
    old = keys.fetch_token()
    assert keys.call(old).status == 200  # and its verdict is remembered

    second = keys.add("--alg", "RS256")
    listed = keys.list()
    assert [(k["id"], k["alg"], k["signs"]) for k in listed] == [
        (first["id"], "ES256", False), (second, "RS256", True)]
    assert keys.published() == {first["kid"]: "ES256", listed[1]["kid"]: "RS256"}
    assert keys.discovered("/v2.0")["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]
    new = keys.fetch_token()
    assert parts(new)[0]["alg"] == "RS256" and parts(new)[0]["kid"] == listed[1]["kid"]
    assert keys.call(new).status == 200 and keys.call(old).status == 200

    status, said = keys.retire(second)
    assert status == 1 and "add another first" in said
    status, said = keys.retire(first["id"])
    assert status == 1 and "--force" in said
    assert keys.call(old).status == 200
    assert keys.retire(first["id"], "--force") == (0, "")
    refused = keys.call(old)
    assert refused.status == 401 and refused.headers["www-authenticate"].startswith("Bearer")
    assert keys.call(new).status == 200
    assert list(keys.published().values()) == ["RS256"]
    assert keys.records() == [("token_key_added", second + " RS256"),
                              ("token_key_retired", first["id"] + ", by force")]


def test_a_key_may_go_an_hour_after_it_stopped_signing(keys):
    [first] = keys.list()
    keys.add()
    keys.world.advance("3500s")
    assert keys.retire(first["id"])[0] == 1
    keys.world.advance("100s")
    assert keys.retire(first["id"]) == (0, "")
    assert len(keys.published()) == 1


def test_without_a_server_the_same_and_a_restart_keeps_it(keys):
    old = keys.fetch_token()
    assert keys.server.stop() == 0
    [first] = keys.list()
    second = keys.add("--alg", "ES256")
    mode = os.stat(os.path.join(keys.server.data, "keys", f"token-{second}.pem")).st_mode
    assert stat.S_IMODE(mode) == 0o600
    keys.server.serve()
    keys.api = keys.server.api()
    assert keys.call(old).status == 200
    new = keys.fetch_token()
    assert parts(new)[0]["kid"] == keys.list()[1]["kid"]
    assert keys.server.stop() == 0
    assert keys.retire(first["id"], "--force") == (0, "")
    assert not os.path.exists(os.path.join(keys.server.data, "keys/token-signing.pem"))
    assert keys.records() == [("token_key_added", second + " ES256"),
                              ("token_key_retired", first["id"] + ", by force")]
    keys.server.serve()
    keys.api = keys.server.api()
    assert keys.call(old).status == 401 and keys.call(new).status == 200
    assert keys.server.stop() == 0
    done = harness.run([keys.server.bin, "verify-audit", "--data", keys.server.data])
    assert done.returncode == 0, done.stderr


def test_what_makes_no_sense_is_named(keys):
    for words, said in ((("add", "--alg", "HS256"), "'HS256' is neither ES256 nor RS256"),
                        (("retire", "0123456789abcdef"), "no token key has the id '0123456789abcdef'")):
        done = harness.run([keys.server.bin, "token-key", *words, "--data", keys.server.data])
        assert done.returncode == 1 and said in done.stderr, done.stderr
    assert len(keys.list()) == 1 and keys.records() == []


def test_each_address_gives_tokens_of_its_own_shape(keys):
    root = f"{keys.server.url}/{keys.api.tenant}"
    for version, issuer, path in ((1, root + "/", ""), (2, root + "/v2.0", "/v2.0")):
        token = keys.fetch_token(version)
        claims = parts(token)[1]
        assert claims["iss"] == issuer == keys.discovered(path)["issuer"]
        assert claims["ver"] == f"{version}.0"
        assert claims["appidacr" if version == 1 else "azpacr"] == "1"
        assert claims.get("azp") == (None if version == 1 else keys.api.client_id)
        # clients.md 7, and what Microsoft's tokens have in both.
        assert claims["appid"] == claims["oid"] == keys.api.client_id
        assert claims["tid"] == keys.api.tenant and "Machine.LiveResponse" in claims["roles"]
        assert keys.call(token).status == 200
