"""Users of a world: what a person and a program do to get a token."""

import base64
import hashlib
import hmac
import json
import re
import struct
import time
import urllib.parse

MDE = "https://api.securitycenter.microsoft.com"
REDIRECT = "http://localhost:5000/back"
VERIFIER = "v" * 64


def one_time_code(key, now):
    """RFC 6238, for a key in base32."""
    secret = base64.b32decode(key + "=" * (-len(key) % 8))
    mac = hmac.new(secret, struct.pack(">Q", int(now) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1_000_000:06}"


class Person:
    """A user and a public client that it signs in through."""

    def __init__(self, world, name, *roles, groups=(), scopes=("Machine.Read", "Machine.LiveResponse"),
                 one_time_codes=False):
        self.world, self.name = world, name
        self.api = world.server.api()
        words = [word for role in roles for word in ("--role", role)]
        words += [word for group in groups for word in ("--group", group)]
        made = world.server.admin("user", "create", name, *words,
                                  *([] if one_time_codes else ["--no-one-time-codes"]))
        self.id, self.password, self.key = made["userId"], made["password"], made.get("oneTimeCodeKey")
        self.client = world.server.admin(
            "app", "create", "--name", f"client of {name}", "--no-secret", "--redirect-uri",
            "http://localhost/back", *[word for scope in scopes for word in ("--scope", scope)])["clientId"]
        self.access = self.refresh = None
        self.ahead = 0  # of the server's clock

    def advance(self, seconds):
        self.ahead += seconds
        self.world.advance(f"{seconds}s")

    def code(self):
        return one_time_code(self.key, time.time() + self.ahead) if self.key else ""

    def form(self, path, fields):
        return self.api.send("POST", path, urllib.parse.urlencode(fields).encode(),
                             {"Content-Type": "application/x-www-form-urlencoded"})

    def token_request(self, **fields):
        return self.form(f"/{self.api.tenant}/oauth2/v2.0/token", dict(fields, client_id=self.client))

    def keep(self, answer):
        assert answer.status == 200, answer.text
        tokens = answer.json()
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]
        return tokens

    def authorize(self, password=None, otp=None):
        """The answer to the form: a redirect with a code, or the page again."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        ask = dict(client_id=self.client, response_type="code", redirect_uri=REDIRECT, code_challenge=challenge,
                   code_challenge_method="S256", scope=f"{MDE}/.default offline_access", state="mine")
        path = f"/{self.api.tenant}/oauth2/v2.0/authorize"
        page = self.api.send("GET", f"{path}?{urllib.parse.urlencode(ask)}")
        assert page.status == 200, page.text
        return self.form(path, dict(ask, username=self.name, password=password or self.password,
                                    otp=self.code() if otp is None else otp, answer="yes"))

    def redeem(self, done):
        assert done.status == 303, done.text
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(done.headers["Location"]).query)
        assert query["state"] == ["mine"]
        return self.token_request(grant_type="authorization_code", code=query["code"][0], redirect_uri=REDIRECT,
                                  code_verifier=VERIFIER)

    def sign_in(self):
        return self.keep(self.redeem(self.authorize()))

    def refreshed(self, token=None):
        return self.token_request(grant_type="refresh_token", refresh_token=token or self.refresh)

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self.access}", "Content-Type": "application/json"}
        return self.api.send(method, path, data, headers)


def shown_error(page):
    found = re.search(r'role="alert">([^<]*)<', page.text)
    return found.group(1) if found else None
