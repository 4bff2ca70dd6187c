"""`reachback shell` at a terminal: typing, completion, Ctrl-C and Ctrl-D, with a server that is only an answer for each call."""

import http.server
import json
import os
import signal
import threading

import harness
import pytest
from on_terminal import OnTerminal

MACHINE = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"
COMMANDS = [{"name": name, "aliases": [], "summary": "…", "parameters": []}
            for name in ("cd", "dir", "findfile", "fileinfo", "run", "exit")]


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.server.seen.append(("GET", self.path, ""))
        if self.path == "/api/reachback/interactive":
            self.answer(200, {"commands": COMMANDS})
        elif self.path == "/api/libraryfiles":
            self.answer(200, {"value": [{"fileName": "triage.sh"}, {"fileName": "\x1b[2Jevil"}]})
        elif "waitFor=final" in self.path and not self.server.cancelled.wait(20):
            self.answer(200, {"id": self.server.action, "status": "InProgress", "commands": []})
        elif self.path.startswith("/api/machineactions/" + self.server.action + "/"):
            self.answer(404, {"error": {"code": "ResourceNotFound", "message": "none"}})
        else:
            self.answer(200, {"id": self.server.action, "status": "Cancelled",
                              "commands": [{"index": 0, "commandStatus": "Cancelled", "errors": []}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.seen.append(("POST", self.path, body))
        if self.path.endswith("/oauth2/v2.0/token"):
            self.answer(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "t"})
        elif self.path.endswith("/sessions"):
            self.answer(201, {"id": "s1", "machineId": MACHINE, "machineName": "wéb\x1b[31m", "idleTimeoutSeconds": 1800})
        elif self.path.endswith("/commands") and "slow" in body:
            self.answer(201, {"number": 1, "commandLine": "slow", "command": "dir", "by": "agent", "output": "table",
                              "file": None, "background": False, "columns": ["name"],
                              "action": {"id": self.server.action, "status": "Pending"}})
        elif self.path.endswith("/cancel"):
            self.server.cancelled.set()
            self.answer(200, {"id": self.server.action, "status": "InProgress"})
        elif self.path.endswith("/commands"):
            self.answer(400, {"error": {"code": "InvalidInput", "message": "no such command"}})
        else:
            self.answer(200, {"id": "s1", "status": "Ended"})


class Typist(OnTerminal):
    def __init__(self, bin_dir, folder):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.seen, self.server.cancelled = [], threading.Event()
        self.server.action = "11111111-2222-4333-8444-555555555555"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.folder = folder
        env = dict(os.environ, HOME=folder, TERM="xterm", LC_ALL="C", REACHBACK_TENANT="t", REACHBACK_CLIENT_ID="c",
                   REACHBACK_CLIENT_SECRET="s", REACHBACK_URL=f"http://127.0.0.1:{self.server.server_port}")
        env.pop("REACHBACK_CA", None)
        super().__init__([os.path.join(bin_dir, "reachback"), "shell", MACHINE], env, folder)

    def lines(self):
        return [json.loads(body)["commandLine"] for method, path, body in self.server.seen
                if method == "POST" and path.endswith("/commands")]

    def closed(self):
        return any(path.endswith("/s1/close") for _, path, _ in self.server.seen)

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        super().end()


PROMPT = "wéb\\x1b[31m / > "


@pytest.fixture
def typist(bin_dir, tmp_path):
    out = Typist(bin_dir, str(tmp_path))
    yield out
    out.end()


def test_a_line_is_edited_completed_and_sent_and_ctrl_d_ends_the_session(typist):
    typist.wait_for(PROMPT)
    typist.type("fin\t")
    typist.wait_for("dfile ")
    typist.type("é\x7fx\r")
    typist.wait_for("no such command")
    typist.wait_for(PROMPT)
    typist.type("\x1b[A\r")  # the line before
    typist.wait_for("no such command")
    typist.wait_for(PROMPT)
    typist.type("run t\t")
    typist.wait_for("riage.sh ")
    typist.type("\x15fi\t\t")
    typist.wait_for("fileinfo  findfile")
    typist.type("\x15\x04")
    assert typist.ended() == 0
    assert typist.lines() == ["findfile x", "findfile x"]
    assert typist.closed()
    assert typist.is_as_before()
    assert os.listdir(typist.folder) == [], "no history on disk"


def test_ctrl_c_clears_the_line(typist):
    typist.wait_for(PROMPT)
    typist.type("secret\x03")
    typist.wait_for("^C")
    typist.wait_for(PROMPT)
    typist.type("dir\r")
    typist.wait_for("no such command")
    typist.wait_for(PROMPT)
    typist.type("\x04")
    assert typist.ended() == 0
    assert typist.lines() == ["dir"]


def test_ctrl_c_cancels_the_command_that_runs(typist):
    typist.wait_for(PROMPT)
    typist.type("slow\r")
    typist.wait_for("slow")
    harness.eventually(lambda: any("waitFor" in path for _, path, _ in typist.server.seen), 20, "it waits")
    typist.type("\x03")
    typist.wait_for("cancelling [1] slow")
    typist.wait_for("is Cancelled")
    typist.wait_for(PROMPT)
    typist.type("\x04")
    assert typist.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_prompt_closes_the_session(typist, number):
    typist.wait_for(PROMPT)
    typist.process.send_signal(number)
    assert typist.ended() == 130
    assert typist.closed()
    assert typist.is_as_before()
