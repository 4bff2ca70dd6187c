"""Cases of docs/bad-input.md that only a whole server shows: sessions of a tenant, tokens for somebody
else, cancels that the agent does not answer, a body that is counted while it comes."""

import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import time

import harness
import signed
from harness import Api

GET_FILE = {"type": "GetFile", "params": [{"key": "Path", "value": "/etc/hostname"}]}
MEBIBYTE = 1 << 20


def test_5_2_18_one_session_more_than_the_profile_allows_is_429(make_world):
    sessions = 25  # MDE, run live response (to mid-2025)
    world = make_world('profile = "2021"\n[limits]\nrate_factor = 100\n').up()
    token = world.server.enrollment_token("--uses", str(sessions + 1))
    machines = [world.agent(token=token, run=False).machine_id for _ in range(sessions + 1)]
    api = world.server.api()
    accepted = [api.submit(machine, GET_FILE)["id"] for machine in machines[:sessions]]
    refused = api.post_run(machines[-1], GET_FILE)
    assert refused.status == 429
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert int(refused.headers["Retry-After"]) >= 1
    assert len(api.expect(200, "GET", "/api/machineactions").json()["value"]) == sessions
    assert api.cancel(accepted[0]).status == 200
    api.submit(machines[-1], GET_FILE)


class Issuer:
    """A token issuer beside our own: one P-256 key, its key set in a file."""

    URL = "https://issuer.example/"

    def __init__(self, folder):
        self.key = signed.p256(folder, "issuer")
        der = subprocess.run(["openssl", "pkey", "-in", self.key.key, "-pubout", "-outform", "DER"],
                             stdout=subprocess.PIPE, check=True).stdout
        x, y = der[-64:-32], der[-32:]
        self.kid = hashlib.sha256(der).hexdigest()[:16]
        self.jwks = os.path.join(folder, "jwks.json")
        with open(self.jwks, "w") as out:
            json.dump({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
                                 "kid": self.kid, "x": signed.b64url(x), "y": signed.b64url(y)}]}, out)

    def config(self):
        return (f'[limits]\nenabled = false\n[[issuers]]\nissuer = "{self.URL}"\n'
                f'audiences = ["api://ours"]\njwks_file = "{self.jwks}"\n')

    def token(self, **claims):
        now = int(time.time())
        said = {"iss": self.URL, "aud": "api://ours", "sub": "partner", "azp": "partner", "iat": now,
                "exp": now + 600, "roles": ["Machine.Read.All", "Machine.LiveResponse"]}
        said.update(claims)
        text = ".".join(signed.b64url(json.dumps(part).encode()) for part in
                        ({"alg": "ES256", "typ": "JWT", "kid": self.kid}, said))
        return text + "." + signed.b64url(self.key.sign("ES256", text.encode()))


def test_5_3_2_a_good_token_for_another_audience_is_403_and_a_bad_one_401(make_world, tmp_path):
    issuer = Issuer(str(tmp_path))
    world = make_world(issuer.config()).up()
    api = world.server.api()
    unknown = "/api/machineactions/99999999-aaaa-4bbb-8ccc-dddddddddddd"
    paths = ["/api/machineactions", unknown, "/api/machines",
             unknown + "/GetLiveResponseResultDownloadLink(index=0)"]

    def statuses(token):
        return [api.send("GET", path, headers={"Authorization": "Bearer " + token}) for path in paths]

    assert [a.status for a in statuses(issuer.token())] == [200, 404, 200, 404]
    for audience in ("api://theirs", "https://graph.microsoft.com", world.server.url, ["api://theirs"]):
        for answer in statuses(issuer.token(aud=audience)):
            assert (answer.status, answer.json()["error"]["code"]) == (403, "Forbidden"), audience
    for wrong in ({"iss": "https://stranger.example/"}, {"exp": int(time.time()) - 5}):
        for answer in statuses(issuer.token(**wrong)):
            assert (answer.status, answer.json()["error"]["code"]) == (401, "Unauthorized"), wrong
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_5_4_12_and_18_cancels_while_the_agent_is_silent_are_one_request(make_world):
    world = make_world('[limits]\nenabled = false\n[live_response]\ncancel_wait = "1s"\n').up(agent=True)
    api = world.server.api()
    api.upload("sleeper.sh", harness.SLEEPER)
    agent, ran = world.agents[0], world.path("silent.ran")
    action = api.submit(agent.machine_id, Api.script("sleeper.sh", f"{ran} 120"))["id"]
    harness.eventually(lambda: api.action(action)["commands"][0]["startTime"], 20, "it has started")
    agent.process.signal(signal.SIGSTOP)
    try:
        first = api.cancel(action, "the first")
        second = api.cancel(action, "the second")
    finally:
        agent.process.signal(signal.SIGCONT)
    for answer in (first, second):
        assert answer.status == 200
        body = answer.json()
        assert body["status"] == "InProgress"
        assert body["cancellationComment"] == "the first"
        assert body["cancellationRequestor"] == world.server.credentials["clientId"]
        assert body["cancellationDateTimeUtc"] == first.json()["cancellationDateTimeUtc"]
    final = api.wait_final(action)
    assert final["status"] == "Cancelled"
    assert final["cancellationComment"] == "the first"


def chunks_until_answered(api, head, piece, pieces_max):
    """Sends a chunked body until an answer comes; the pieces that were sent, and the answer."""
    sock = api.raw_socket(30)
    sock.sendall(head)
    chunk = b"%x\r\n" % len(piece) + piece + b"\r\n"
    sent = 0
    got = b""
    try:
        while sent < pieces_max:
            sock.sendall(chunk)
            sent += 1
    except (ssl.SSLError, OSError):
        pass  # answered and closed
    try:
        while data := sock.recv(65536):
            got += data
    except (ssl.SSLError, ConnectionError, socket.timeout):
        pass
    finally:
        sock.close()
    return sent, got


def test_5_7_7_a_library_file_of_unknown_length_is_counted_while_it_comes(make_world):
    world = make_world("[limits]\nenabled = false\n").up()
    api = world.server.api()
    part = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n')
    head = (f"POST /api/libraryfiles HTTP/1.1\r\nHost: {api.address}\r\n"
            f"Authorization: Bearer {api.token()}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n").encode()
    first = b"%x\r\n" % len(part) + part + b"\r\n"
    # Without an end the body goes on until somebody stops it.
    sent, got = chunks_until_answered(
        api, head + b"Transfer-Encoding: chunked\r\n\r\n" + first, b"x" * MEBIBYTE, 200)
    assert got.startswith(b"HTTP/1.1 413 "), got[:300]
    assert b'"PayloadTooLarge"' in got
    assert sent < 200, "it was read for ever"
    # A length that says less beside it is no length: the framing is refused.
    sent, got = chunks_until_answered(
        api, head + b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n" + first, b"x" * 1000, 5)
    assert got.startswith(b"HTTP/1.1 400 "), got[:300]
    assert got.count(b"HTTP/1.1 ") == 1
    assert api.expect(200, "GET", "/api/libraryfiles").json()["value"] == []
    # And a file within the limit may come so.
    body = part + b"echo hi\n\r\n--b--\r\n"
    _, got = chunks_until_answered(
        api, head + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body
        + b"\r\n0\r\n\r\n", b"", 0)
    assert got.startswith(b"HTTP/1.1 200 "), got[:300]
    assert [f["fileName"] for f in api.expect(200, "GET", "/api/libraryfiles").json()["value"]] == ["big.bin"]
