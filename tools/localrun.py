"""Reachback's own programs on this machine: start them, watch them, talk to them.

Used by `./dev demo`, the end-to-end tests and the benchmarks, so that they all start a server the
same way. Standard library only. Everything listens on loopback; every process that is started here
is ended here, by its own pid.
"""

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_TIMEOUT_S = 30


class LocalError(Exception):
    """Something did not work; the message is for the person at the terminal."""


def find_bin(preset_order=("release", "asan", "debug")):
    """The folder with the built programs: $REACHBACK_BIN, else the first preset that was built."""
    chosen = os.environ.get("REACHBACK_BIN")
    if chosen:
        return os.path.abspath(chosen)
    for preset in preset_order:
        folder = os.path.join(ROOT, "build", preset, "bin")
        if os.path.exists(os.path.join(folder, "reachback-server")):
            return folder
    raise LocalError("no built programs under build/*/bin: run ./dev build first")


def run_json(argv, env=None, timeout_s=START_TIMEOUT_S):
    """Runs a program that prints one JSON object. LocalError carries its standard error."""
    done = run(argv, env=env, timeout_s=timeout_s)
    if done.returncode != 0:
        raise LocalError(f"{os.path.basename(argv[0])} {argv[1]} ended with {done.returncode}: "
                         f"{done.stderr.strip() or done.stdout.strip()}")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise LocalError(f"{argv[0]} {argv[1]} did not print one JSON object: {error}") from error


def run(argv, env=None, timeout_s=START_TIMEOUT_S, cwd=None, stdin=subprocess.DEVNULL):
    """Runs to the end; a program that hangs past timeout_s is killed and reported."""
    try:
        return subprocess.run(argv, env=env, cwd=cwd, stdin=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace",
                              timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise LocalError(f"{' '.join(argv[:3])} did not end within {timeout_s} s") from error


class Process:
    """A long-running program: its standard output by lines, its standard error in a file."""

    def __init__(self, argv, log_path, env=None):
        self.argv = argv
        self.log_path = log_path
        self._log = open(log_path, "ab")
        self.child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=self._log)
        self.pid = self.child.pid
        self._lines = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.child.stdout as pipe:
            for raw in pipe:
                with self._changed:
                    self._lines.append(raw.decode(errors="replace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._lines.append(None)  # end of output
            self._changed.notify_all()

    @property
    def lines(self):
        with self._changed:
            return [line for line in self._lines if line is not None]

    def wait_line(self, prefix, timeout_s=START_TIMEOUT_S):
        """The first line that starts with prefix, without it. LocalError if it never comes."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for line in self._lines:
                    if line is None:
                        raise LocalError(f"{self.name()} ended before it said '{prefix.strip()}': "
                                         f"{self.last_words()}")
                    if line.startswith(prefix):
                        return line[len(prefix):]
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LocalError(f"{self.name()} did not say '{prefix.strip()}' within "
                                     f"{timeout_s} s: {self.last_words()}")
                self._changed.wait(left)

    def wait_for(self, condition, what, timeout_s=START_TIMEOUT_S):
        """What condition(lines) gives once it is true; asked again with every line."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                found = condition([line for line in self._lines if line is not None])
                if found:
                    return found
                if self._lines and self._lines[-1] is None:
                    raise LocalError(f"{self.name()} ended before: {what}: {self.last_words()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LocalError(f"{self.name()}: not within {timeout_s} s: {what}: "
                                     f"{self._lines[-1:]} {self.last_words()}")
                self._changed.wait(left)

    def name(self):
        return os.path.basename(self.argv[0]) + " " + self.argv[1]

    def log_text(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def last_words(self, lines=8):
        said = [line for line in self.log_text().splitlines() if line.strip()]
        return " | ".join(said[-lines:]) or "(nothing on standard error)"

    def alive(self):
        return self.child.poll() is None

    def kill9(self):
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    def wait(self, timeout_s):
        """Exit status (negative: the signal that ended it). LocalError if it is still there."""
        try:
            code = self.child.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise LocalError(f"{self.name()} (pid {self.pid}) is still running after "
                             f"{timeout_s} s") from error
        self._reader.join(5)
        if not self._log.closed:
            self._log.close()
        return code

    def stop(self, timeout_s=15):
        """SIGTERM, then SIGKILL if it does not go. Gives the exit status of the former."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout_s)
        except LocalError:
            self.kill9()
            raise


class Server:
    """reachback-server with its data directory."""

    def __init__(self, folder, bin_dir=None, config=None, public_url=None):
        self.bin = os.path.join(bin_dir or find_bin(), "reachback-server")
        self.folder = folder
        self.data = os.path.join(folder, "server")
        self.config = config
        self.public_url = public_url
        self.credentials = None
        self.process = None
        self.url = self.agents_url = None
        self._listen = ["127.0.0.1:0", "127.0.0.1:0"]

    def init(self):
        argv = [self.bin, "init", "--data", self.data, "--json"]
        if self.public_url:
            argv += ["--public-url", self.public_url]
        self.credentials = run_json(argv)
        return self.credentials

    @property
    def ca_file(self):
        return self.credentials["caFile"]

    def serve_argv(self):
        argv = [self.bin, "serve", "--data", self.data, "--listen", self._listen[0],
                "--agent-listen", self._listen[1]]
        if self.config is not None:
            path = os.path.join(self.folder, "server.toml")
            with open(path, "w") as out:
                out.write(self.config)
            argv += ["--config", path]
        return argv

    def start(self, env=None, wrap=()):
        """Starts without waiting; wait_ready() follows."""
        self.process = Process([*wrap, *self.serve_argv()],
                               os.path.join(self.folder, "server.log"), env=env)
        return self

    def wait_ready(self, timeout_s=START_TIMEOUT_S):
        self.agents_url = self.process.wait_line("agents ", timeout_s).strip()
        self.url = self.process.wait_line("ready ", timeout_s).strip()
        # A restart comes back where agents and clients look for it.
        self._listen = [urllib.parse.urlsplit(self.url).netloc,
                        urllib.parse.urlsplit(self.agents_url).netloc]
        return self

    def serve(self, env=None, wrap=()):
        return self.start(env, wrap).wait_ready()

    def admin(self, *words, timeout_s=START_TIMEOUT_S):
        """An admin command that prints JSON, beside the running server or without it."""
        command = [self.bin, *words[:1]]
        rest = list(words[1:])
        while rest and not rest[0].startswith("-"):
            command.append(rest.pop(0))
        return run_json([*command, "--data", self.data, *rest, "--json"], timeout_s=timeout_s)

    def enrollment_token(self, *options):
        return self.admin("enrollment-token", "create", *options)["enrollmentToken"]

    def api(self, **changes):
        made = dict(url=self.url, tenant=self.credentials["tenantId"],
                    client_id=self.credentials["clientId"],
                    secret=self.credentials["clientSecret"], ca_file=self.ca_file)
        made.update(changes)
        return Api(**made)

    def cli_env(self):
        env = dict(os.environ)
        env.update(REACHBACK_URL=self.url, REACHBACK_TENANT=self.credentials["tenantId"],
                   REACHBACK_CLIENT_ID=self.credentials["clientId"],
                   REACHBACK_CLIENT_SECRET=self.credentials["clientSecret"],
                   REACHBACK_CA=self.ca_file)
        return env

    def stop(self, timeout_s=20):
        return self.process.stop(timeout_s) if self.process else 0


class Agent:
    """reachback-agent with its state directory."""

    def __init__(self, folder, server, bin_dir=None, name=None, label="agent"):
        self.bin = os.path.join(bin_dir or os.path.dirname(server.bin), "reachback-agent")
        self.state = os.path.join(folder, label)
        self.log_path = os.path.join(folder, label + ".log")
        self.server = server
        self.name = name
        self.machine_id = None
        self.process = None

    def enroll_argv(self, token, ca_file=None):
        argv = [self.bin, "enroll", "--server", self.server.agents_url, "--ca",
                ca_file or self.server.ca_file, "--token", token, "--state", self.state, "--json"]
        if self.name is not None:
            argv += ["--name", self.name]
        return argv

    def enroll(self, token=None):
        answer = run_json(self.enroll_argv(token or self.server.credentials["enrollmentToken"]))
        self.machine_id = answer["machineId"]
        return self.machine_id

    def start(self, env=None):
        self.process = Process([self.bin, "run", "--state", self.state], self.log_path, env=env)
        return self

    def wait_connected(self, timeout_s=START_TIMEOUT_S):
        said = self.process.wait_line("connected ", timeout_s).strip()
        if said != self.machine_id:
            raise LocalError(f"the agent connected as {said}, enrolled as {self.machine_id}")
        return self

    def run(self, env=None):
        return self.start(env).wait_connected()

    def stop(self, timeout_s=15):
        return self.process.stop(timeout_s) if self.process else 0


class Fleet:
    """reachback-fleet with its state folder: many simulated agents (docs/fleet.md)."""

    def __init__(self, folder, server, agents, *options, bin_dir=None, label="fleet"):
        self.bin = os.path.join(bin_dir or os.path.dirname(server.bin), "reachback-fleet")
        self.state = os.path.join(folder, label)
        self.log_path = os.path.join(folder, label + ".log")
        self.server = server
        self.agents = agents
        self.options = [str(word) for word in options]
        self.process = None

    def argv(self, token=None):
        argv = [self.bin, "--state", self.state, "--agents", str(self.agents), "--json", *self.options]
        if token:
            argv += ["--server", self.server.agents_url, "--ca", self.server.ca_file, "--token", token]
        return argv

    def start(self, token=None, wrap=()):
        """With a token it may enrol; without, everything it needs stands in its folder."""
        self.process = Process([*wrap, *self.argv(token)], self.log_path)
        return self

    def lines(self):
        return [json.loads(line) for line in self.process.lines]

    def wait(self, condition, what, timeout_s=START_TIMEOUT_S):
        """The newest line, once condition(it) holds."""
        def newest(lines):
            line = json.loads(lines[-1]) if lines else {}
            return line if "connected" in line and condition(line) else None
        return self.process.wait_for(newest, what, timeout_s)

    def wait_connected(self, timeout_s=START_TIMEOUT_S):
        self.wait(lambda line: line["connected"] == self.agents, f"{self.agents} connected", timeout_s)
        return self

    def stop(self, timeout_s=30):
        return self.process.stop(timeout_s) if self.process else 0


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client.HTTPMessage: case-insensitive
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", errors="replace")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.text[:300]}>"


class ApiError(LocalError):
    def __init__(self, method, path, response):
        super().__init__(f"{method} {path}: {response.status} {response.text[:500]}")
        self.response = response


class Api:
    """A client of the public REST API. One connection, kept alive, used by one thread."""

    def __init__(self, url, tenant, client_id, secret, ca_file, timeout_s=60):
        self.url = url.rstrip("/")
        self.tenant, self.client_id, self.secret = tenant, client_id, secret
        self.timeout_s = timeout_s
        self.context = ssl.create_default_context(cafile=ca_file)
        self.address = urllib.parse.urlsplit(self.url).netloc
        self._connection = None
        self._token = None

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def token(self, fresh=False, **form):
        if self._token and not fresh and not form:
            return self._token
        fields = dict(grant_type="client_credentials", client_id=self.client_id,
                      client_secret=self.secret,
                      scope="https://api.securitycenter.microsoft.com/.default")
        fields.update(form)
        answer = self.send("POST", f"/{self.tenant}/oauth2/v2.0/token",
                           urllib.parse.urlencode(fields).encode(),
                           {"Content-Type": "application/x-www-form-urlencoded"})
        if answer.status != 200:
            raise ApiError("POST", "token", answer)
        token = answer.json()["access_token"]
        if not form:
            self._token = token
        return token

    def send(self, method, target, body=None, headers=None):
        """One request, no token, no reading of the status. A dropped connection raises OSError."""
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(self.address, timeout=self.timeout_s,
                                                           context=self.context)
        elif self._connection.sock and select.select([self._connection.sock], [], [], 0)[0]:
            self._connection.close()  # the server closed it while idle; the next request opens anew
        try:
            self._connection.request(method, target, body=body, headers=headers or {})
            answer = self._connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        except (http.client.HTTPException, OSError) as error:
            self.close()
            raise OSError(f"{method} {target}: {error!r}") from error

    def call(self, method, path, body=None, headers=None, raw=None):
        """With a bearer token; a 401 gets one fresh token and one more try."""
        sent = dict(headers or {})
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        for fresh in (False, True):
            sent["Authorization"] = "Bearer " + self.token(fresh)
            answer = self.send(method, path, data, sent)
            if answer.status != 401:
                break
        return answer

    def expect(self, status, method, path, body=None, headers=None, raw=None):
        answer = self.call(method, path, body, headers, raw)
        wanted = status if isinstance(status, tuple) else (status,)
        if answer.status not in wanted:
            raise ApiError(method, path, answer)
        return answer

    # ---- the routes
    def machines(self):
        return self.expect(200, "GET", "/api/machines").json()["value"]

    def upload(self, name, content, override=True, **fields):
        """Puts a library file; content is text or bytes."""
        boundary = "reachback" + uuid.uuid4().hex
        parts = []
        for key, value in dict(OverrideIfExists=str(override).lower(), **fields).items():
            parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n'
                         f"{value}\r\n".encode())
        data = content.encode() if isinstance(content, str) else content
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                     f'filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
                     + data + b"\r\n")
        parts.append(f"--{boundary}--\r\n".encode())
        return self.expect(200, "POST", "/api/libraryfiles", raw=b"".join(parts), headers={
            "Content-Type": f"multipart/form-data; boundary={boundary}"}).json()

    @staticmethod
    def script(name, args=None):
        """A RunScript command."""
        params = [{"key": "ScriptName", "value": name}]
        if args is not None:
            params.append({"key": "Args", "value": args})
        return {"type": "RunScript", "params": params}

    def post_run(self, machine, *commands, comment="by localrun", key=None):
        headers = {"Idempotency-Key": key} if key else None
        return self.call("POST", f"/api/machines/{machine}/runliveresponse",
                         {"Commands": list(commands), "Comment": comment}, headers)

    def submit(self, machine, *commands, comment="by localrun", key=None):
        answer = self.post_run(machine, *commands, comment=comment, key=key)
        if answer.status != 201:
            raise ApiError("POST", "runliveresponse", answer)
        return answer.json()

    def action(self, action_id):
        return self.expect(200, "GET", f"/api/machineactions/{action_id}").json()

    def wait_final(self, action_id, timeout_s=60):
        """Long polls until the action is final."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = max(1, min(20, int(deadline - time.monotonic())))
            action = self.expect(200, "GET", f"/api/machineactions/{action_id}"
                                             f"?waitFor=final&timeout={left}s").json()
            if action["status"] not in ("Pending", "InProgress"):
                return action
            if time.monotonic() >= deadline:
                raise LocalError(f"action {action_id} is still {action['status']} after "
                                 f"{timeout_s} s: {json.dumps(action['commands'])[:600]}")

    def cancel(self, action_id, comment="cancelled by localrun"):
        return self.call("POST", f"/api/machineactions/{action_id}/cancel", {"Comment": comment})

    def mint(self, action_id, index=0):
        return self.call("GET", f"/api/machineactions/{action_id}"
                                f"/GetLiveResponseResultDownloadLink(index={index})")

    def link(self, action_id, index=0):
        answer = self.mint(action_id, index)
        if answer.status != 200:
            raise ApiError("GET", f"link of {action_id} index {index}", answer)
        return answer.json()["value"]

    def download(self, link, headers=None, method="GET"):
        """As clients fetch a link: a plain request, no token."""
        return self.send(method, link[len(self.url):] if link.startswith(self.url) else link,
                         headers=headers)

    def result(self, action_id, index=0):
        """Mints, downloads and reads the result of a RunScript."""
        answer = self.download(self.link(action_id, index))
        if answer.status != 200:
            raise ApiError("GET", "the link", answer)
        return answer.json()

    def run_script(self, machine, name, args=None, timeout_s=60):
        """Runs a library script to its end: (action, result)."""
        action = self.submit(machine, self.script(name, args))
        action = self.wait_final(action["id"], timeout_s)
        return action, self.result(action["id"])

    # ---- below HTTP
    def raw_socket(self, timeout_s=20):
        """A TLS socket to the API, for requests that no HTTP library would send."""
        host, port = self.address.rsplit(":", 1)
        plain = socket.create_connection((host, int(port)), timeout=timeout_s)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(plain, server_hostname=host)


LINK = re.compile(
    r"^(?P<base>https://[^/]+)/(?P<account>[^/]+)/investigation-actions-data/(?P<tenant>[^/]+)"
    r"/CustomPlaybookCommandOutput/(?P<blob>[0-9a-f]{32})"
    r"\?se=(?P<se>[^&]+)&sp=r&sv=2019-07-07&sr=b&sig=(?P<sig>[^&]+)$")


class World:
    """A fresh folder with a server, agents and what they leave; as a context manager it ends them."""

    def __init__(self, folder, bin_dir=None, config=None):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.bin_dir = bin_dir or find_bin()
        self.server = Server(folder, self.bin_dir, config)
        self.agents = []
        self.fleets = []

    def __enter__(self):
        return self

    def up(self, env=None):
        self.server.init()
        self.server.serve(env=env)
        return self

    def agent(self, name=None, label=None, token=None, run=True):
        made = Agent(self.folder, self.server, self.bin_dir, name,
                     label or f"agent{len(self.agents)}")
        self.agents.append(made)
        if token is None:
            token = self.server.enrollment_token("--uses", "1", "--ttl", "1h")
        made.enroll(token)
        return made.run() if run else made

    def fleet(self, agents, *options, label=None, wait=True):
        """Simulated agents, enrolled and, unless some of them never stay (wait=False), connected."""
        made = Fleet(self.folder, self.server, agents, *options, bin_dir=self.bin_dir,
                     label=label or f"fleet{len(self.fleets)}")
        self.fleets.append(made)
        made.start(self.server.enrollment_token("--uses", str(agents), "--ttl", "1h"))
        return made.wait_connected(START_TIMEOUT_S + agents / 50) if wait else made

    def close(self, remove=False):
        for program in [*self.agents, *self.fleets, self.server]:
            if program.process and program.process.alive():
                program.process.kill9()
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, *_):
        self.close()
