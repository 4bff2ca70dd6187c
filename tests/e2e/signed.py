"""Certificates, and applications that sign in with them as MSAL does (RFC 7523). For tests."""

import base64
import hashlib
import json
import os
import ssl
import subprocess
import time
import urllib.parse
import uuid

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = "https://api.securitycenter.microsoft.com/.default"
LIST = "/api/machineactions"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_ecdsa(der):
    """r||s of an ASN.1 signature over P-256."""
    assert der[0] == 0x30
    out, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        out += int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(32, "big")
        at += 2 + size
    return out


class Certificate:
    """A self-signed certificate and its key, by openssl(1)."""

    def __init__(self, folder, name, *algorithm, days=365):
        self.pem = os.path.join(folder, name + ".pem")
        self.key = os.path.join(folder, name + ".key")
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *algorithm, "-subj",
                        f"/CN={name}", "-days", str(days), "-keyout", self.key, "-out", self.pem],
                       check=True, stderr=subprocess.DEVNULL)
        with open(self.pem) as pem:
            self.der = ssl.PEM_cert_to_DER_cert(pem.read())
        self.sha1 = hashlib.sha1(self.der).digest()
        self.sha256 = hashlib.sha256(self.der).digest()

    def sign(self, alg, data):
        options = {"RS256": [], "ES256": [],
                   "PS256": ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]}
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.key, *options[alg]], input=data,
            stdout=subprocess.PIPE, check=True).stdout
        return raw_ecdsa(signature) if alg == "ES256" else signature


def rsa(folder, name="rsa", **options):
    return Certificate(folder, name, "rsa:2048", **options)


def p256(folder, name="ec"):
    return Certificate(folder, name, "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Client:
    """An application with certificates, beside a running server."""

    def __init__(self, world, name="soar", role="Machine.Read.All"):
        self.world = world
        made = world.server.admin("app", "create", "--name", name, "--no-secret", "--role", role,
                                  "--role", "Machine.LiveResponse")
        assert "clientSecret" not in made
        self.id, self.tenant = made["clientId"], made["tenantId"]
        self.api = world.server.api(client_id=self.id)
        self.ahead = 0

    def advance(self, seconds):
        """Time passes for the server, and for the assertions that are made from now on."""
        self.world.advance(f"{seconds}s")
        self.ahead += seconds

    def now(self):
        return int(time.time()) + self.ahead

    def add(self, certificate):
        return self.world.server.admin("app", "certificate", "add", self.id, "--file",
                                       certificate.pem)

    def url(self, path="/oauth2/v2.0/token", base=None):
        return f"{base or self.world.server.url}/{self.tenant}{path}"

    def assertion(self, certificate, alg="RS256", header=None, **claims):
        """As MSAL for .NET and Node make it; a claim of None is left out."""
        now = self.now()
        said = {"aud": self.url(), "iss": self.id, "sub": self.id, "jti": str(uuid.uuid4()),
                "nbf": now, "exp": now + 600}
        said.update(claims)
        named = {"x5t": b64url(certificate.sha1)} if header is None else header
        parts = [{"typ": "JWT", "alg": alg, **named},
                 {name: value for name, value in said.items() if value is not None}]
        text = ".".join(b64url(json.dumps(part).encode()) for part in parts)
        return text + "." + b64url(certificate.sign(alg, text.encode()))

    def ask(self, assertion, path="/oauth2/v2.0/token", **form):
        fields = {"grant_type": "client_credentials", "client_id": self.id,
                  "client_assertion_type": JWT_BEARER, "client_assertion": assertion,
                  "scope": SCOPE}
        fields.update(form)
        body = urllib.parse.urlencode({k: v for k, v in fields.items() if v is not None})
        return self.api.send("POST", f"/{self.tenant}{path}", body.encode(),
                             {"Content-Type": "application/x-www-form-urlencoded"})

    def token(self, certificate, **claims):
        answer = self.ask(self.assertion(certificate, **claims))
        assert answer.status == 200, answer.body
        return answer.json()["access_token"]

    def call(self, token, path=LIST):
        return self.api.send("GET", path, headers={"Authorization": "Bearer " + token})


def refused(answer, *words, status=401, error="invalid_client"):
    body = answer.json()
    assert (answer.status, body["error"]) == (status, error), body
    for word in words:
        assert word in body["error_description"], body
    return body
