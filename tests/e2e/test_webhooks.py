"""Webhooks: what a receiver gets, over kills and failures, and where nothing is ever sent."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import subprocess
import threading
import time

import harness
import pytest
from localrun import LocalError

SECRET = base64.b64encode(b"k" * 32).decode()


class Receiver:
    """An HTTPS server on loopback that keeps what it is sent and answers what it is told to."""

    def __init__(self, folder):
        self.ca = os.path.join(folder, "receiver.pem")
        key = os.path.join(folder, "receiver.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", self.ca, "-days", "2", "-subj", "/CN=receiver", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        self.got, self.answers, self.headers = [], [], {}
        self.changed = threading.Condition()
        self.speaks = threading.Event()  # cleared: it takes messages and answers none
        self.speaks.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.changed:
                    outer.got.append((self.path, dict(self.headers), body))
                    speaking = outer.speaks.is_set()
                    status = outer.answers.pop(0) if outer.answers else 204
                    outer.changed.notify_all()
                if not speaking:
                    self.close_connection = True
                    outer.speaks.wait(60)
                    return
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count, timeout_s=30):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, timeout_s), f"{len(self.got)} of {count}"
            return list(self.got)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(tmp_path):
    made = Receiver(str(tmp_path))
    yield made
    made.close()


def config(receiver, tmp_path, extra="allow_private = true\n", host="127.0.0.1"):
    secret = tmp_path / "hook.secret"
    secret.write_text(f"whsec_{SECRET}\n")
    return (f'[[webhooks]]\nname = "soar"\nurl = "https://{host}:{receiver.port}/in?x=1"\n'
            f'secret_file = "{secret}"\nca_file = "{receiver.ca}"\n{extra}')


def verify(headers, body):
    """As a receiver does it: Standard Webhooks 1.0."""
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(base64.b64decode(SECRET), text, hashlib.sha256).digest()).decode()
    assert f"v1,{wanted}" in headers["webhook-signature"].split()
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    return json.loads(body)


def events(receiver, kind):
    return [(headers, json.loads(body)) for _, headers, body in receiver.got if json.loads(body)["type"] == kind]


def wait_for(what, timeout_s=30):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if (got := what()) is not None:
            return got
        time.sleep(0.05)
    raise AssertionError("it did not come")


def log(api, name="soar", query=""):
    return api.expect(200, "GET", f"/api/reachback/webhooks/{name}/deliveries{query}").json()["value"]


def test_a_finished_action_and_a_new_machine_are_told_signed(make_world, receiver, tmp_path):
    world = make_world(config=config(receiver, tmp_path)).up(agent=True)
    api = world.server.api()
    machine = world.agents[0].machine_id
    path, headers, body = receiver.wait(1)[0]
    assert path == "/in?x=1" and headers["Content-Type"] == "application/json"
    online = verify(headers, body)
    assert (online["type"], online["data"]["machine"]["id"]) == ("machine.online", machine)
    api.upload("effect.sh", harness.EFFECT)
    action, _ = api.run_script(machine, "effect.sh", f"{world.path('effect')} one")
    receiver.wait(2)
    (headers, done), = events(receiver, "action.completed")
    verify(headers, receiver.got[1][2])
    told = done["data"]["machineAction"]
    assert told == api.action(action["id"])
    assert told["status"] == "Succeeded"
    # What the log says, once the answer was noted.
    delivered = wait_for(lambda: (d := log(api)) and d[0]["state"] == "delivered" and d[0] or None)
    assert (delivered["eventId"], delivered["status"], delivered["attempts"]) == (headers["webhook-id"], 204, 1)
    shown, = api.expect(200, "GET", "/api/reachback/webhooks").json()["value"]
    assert shown["url"] == f"https://127.0.0.1:{receiver.port}" and SECRET not in json.dumps(shown)


def test_a_receiver_that_fails_is_asked_again_with_the_same_id(make_world, receiver, tmp_path):
    receiver.answers = [500]
    world = make_world(config=config(receiver, tmp_path)).up(agent=True)
    receiver.wait(1)
    waiting = wait_for(lambda: (d := log(world.server.api())) and d[0]["attempts"] == 1 and d[0] or None)
    assert (waiting["state"], waiting["error"]) == ("waiting", "answered 500")
    world.advance("10s")
    first, second = receiver.wait(2)
    assert first[1]["webhook-id"] == second[1]["webhook-id"]


def test_an_event_survives_a_server_that_is_killed(make_world, receiver, tmp_path):
    """Killed before the receiver answered: the event comes again, with its id."""
    world = make_world(config=config(receiver, tmp_path)).up(agent=True)
    receiver.wait(1)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    receiver.speaks.clear()
    api.run_script(world.agents[0].machine_id, "effect.sh", f"{world.path('effect')} one")
    receiver.wait(2)
    world.server.process.kill9()
    receiver.speaks.set()
    world.server.serve()
    receiver.wait(3)
    (first, _), (second, again) = events(receiver, "action.completed")
    assert first["webhook-id"] == second["webhook-id"]
    assert again["data"]["machineAction"]["status"] == "Succeeded"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_private_address_is_called_unless_allowed(make_world, receiver, tmp_path, host):
    world = make_world(config=config(receiver, tmp_path, "", host)).up()
    api = world.server.api()
    made = api.call("POST", "/api/reachback/webhooks/soar/test")
    assert made.status == 201 and made.json()["type"] == "webhook.test"
    given_up = wait_for(lambda: (d := log(api)) and d[0]["state"] == "givenUp" and d[0] or None)
    assert "no address of it may be called" in given_up["error"] and given_up["status"] is None
    assert receiver.got == []


def test_no_redirect_is_followed(make_world, receiver, tmp_path):
    receiver.answers = [307]
    receiver.headers = {"Location": f"https://127.0.0.1:{receiver.port}/elsewhere"}
    world = make_world(config=config(receiver, tmp_path)).up()
    api = world.server.api()
    assert api.call("POST", "/api/reachback/webhooks/soar/test").status == 201
    given_up = wait_for(lambda: (d := log(api)) and d[0]["state"] == "givenUp" and d[0] or None)
    assert given_up["error"] == "answered 307: redirects are not followed"
    assert [path for path, _, _ in receiver.got] == ["/in?x=1"]
    assert api.call("POST", "/api/reachback/webhooks/none/test").status == 404


@pytest.mark.parametrize("change, said", [
    ('url = "https://', 'url = "http://'), ("whsec_", "whsek_"), ("soar", "So ar")])
def test_a_wrong_setting_stops_the_start_by_name(make_world, receiver, tmp_path, change, said):
    text = config(receiver, tmp_path)
    if change == "whsec_":
        (tmp_path / "hook.secret").write_text(f"whsek_{SECRET}")
    world = make_world(config=text.replace(change, said))
    with pytest.raises(LocalError):
        world.up()
    said = "\n".join(harness.read_lines(world.path("server.log")))
    assert "webhooks." in said and SECRET not in said
