"""Request smuggling (trust.md T25): tests/smuggling/vectors.jsonl sent raw over TLS, first to the server
itself, where every vector has one pinned answer, then through nginx and HAProxy, where the server must
see exactly the requests that the proxy sent on. What reaches a handler is counted by the server itself
(REACHBACK_REQUEST_LOG, test builds)."""

import collections
import concurrent.futures
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time

import pytest

import harness

FOLDER = os.path.join(harness.ROOT, "tests", "smuggling")
CONNECTIONS = 16  # at a time, well under strangers_per_address


def load():
    with open(os.path.join(FOLDER, "vectors.jsonl"), encoding="ascii") as lines:
        return [json.loads(line) for line in lines]


def test_the_table_is_what_its_generator_writes():
    done = subprocess.run([sys.executable, os.path.join(FOLDER, "make_vectors.py"), "--check"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = [vector["name"] for vector in load()]
    assert len(names) >= 200 and len(names) == len(set(names))


class Door:
    """A port that takes requests: the server's, or a proxy's in front of it."""

    def __init__(self, address, ca_file=None):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.context = ssl.create_default_context(cafile=ca_file) if ca_file else None

    def send(self, raw, enough=None):
        """Everything that comes back until the other side closes, is silent, or `enough` is there."""
        sock = socket.create_connection(self.address, timeout=15)
        if self.context:
            sock = self.context.wrap_socket(sock, server_hostname=self.address[0])
        got = b""
        try:
            sock.sendall(raw)
            while True:
                sock.settimeout(0.4 if got else 15)
                piece = sock.recv(65536)
                if not piece:
                    break
                got += piece
                if enough and enough(got):
                    break
        except (ssl.SSLError, OSError):
            pass
        finally:
            sock.close()
        return got


def answers(got):
    """["404 keep", …]: status lines and what each says of the connection."""
    found = []
    for part in re.split(rb"(?=HTTP/1\.1 \d{3} )", got):
        match = re.match(rb"HTTP/1\.1 (\d{3}) ", part)
        if match:
            head = part.split(b"\r\n\r\n", 1)[0].lower()
            found.append(f"{match.group(1).decode()} "
                         + ("close" if b"\r\nconnection: close" in head else "keep"))
    return found


def seen(path):
    return collections.Counter(line.split(" ", 1)[1] for line in harness.read_lines(path))


def number_of(target):
    match = re.search(r"/(?:v|smuggled)(\d+)", target)
    return int(match.group(1)) if match else None


@pytest.fixture(scope="module")
def server(tmp_path_factory, bin_dir):
    world = harness.World(str(tmp_path_factory.mktemp("smuggling")), bin_dir,
                          "[limits]\nenabled = false\n[server]\nstrangers_per_address = 0\n")
    world.log = world.path("requests")
    env = dict(os.environ, REACHBACK_REQUEST_LOG=world.log)
    world.up(env=env)
    yield world
    world.close()


def in_parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(work, items))


def test_every_vector_has_its_one_answer(server):
    door = Door(server.server.url.split("//")[1], server.server.ca_file)
    vectors = load()

    def ask(vector):
        wanted = vector["answers"]
        keeps = wanted[-1].endswith("keep")
        got = door.send(vector["raw"].encode("latin-1"), enough=lambda so_far: keeps and len(answers(
            so_far)) >= len(wanted))
        return answers(got)

    before = seen(server.log)
    got = in_parallel(ask, vectors)
    counts = collections.Counter()
    for target, count in (seen(server.log) - before).items():
        counts[number_of(target)] += count
    wrong = [f"{vector['name']}: {answer}, seen {counts[n]}, not {vector['answers']}, {vector['seen']}"
             for n, (vector, answer) in enumerate(zip(vectors, got))
             if answer != vector["answers"] or counts[n] != vector["seen"]]
    assert not wrong, f"{len(wrong)} of {len(vectors)}:\n" + "\n".join(wrong[:20])
    smuggled = {n for n in counts if f"/smuggled{n}" in {t for t in seen(server.log)}}
    allowed = {n for n, vector in enumerate(vectors) if vector["seen"] == 2}
    assert smuggled <= allowed


# ---- proxies

# What a proxy notes of a request that it sent on or not (its own errors), or that the server refused
# by its head (tests of the direct way say which), so that no handler saw it.
PERHAPS = {"-1", "400", "414", "431", "501", "502", "503", "504", "505"}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_port(port, process):
    harness.eventually(lambda: process.poll() is not None or not socket.socket().connect_ex(
        ("127.0.0.1", port)), 15, f"a proxy on port {port}")
    assert process.poll() is None, "the proxy did not start"


def nginx(folder, port, upstream):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.path.exists(program):
        pytest.skip("nginx is not installed")
    log = os.path.join(folder, "forwarded")
    config = f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off; pid {folder}/pid; worker_processes 1; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  log_format forwarded '$upstream_status $request_uri';
  access_log {log} forwarded;
  upstream reachback {{ server {upstream}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    underscores_in_headers on; ignore_invalid_headers off;
    location / {{
      proxy_pass https://reachback; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_next_upstream off;
    }}
  }}
}}
"""
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as out:
        out.write(config)
    process = subprocess.Popen([program, "-p", folder, "-c", path], stderr=subprocess.DEVNULL)

    def forwarded():
        # "-": nginx answered by itself.
        sent, perhaps = collections.Counter(), collections.Counter()
        for line in harness.read_lines(log):
            status, target = line.split(" ", 1)
            if status in PERHAPS:
                perhaps[target] += 1
            elif status != "-":
                sent[target] += 1
        return sent, perhaps
    return process, forwarded


def haproxy(folder, port, upstream):
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    if not os.path.exists(program):
        pytest.skip("haproxy is not installed")
    config = f"""
global
  log stdout format raw local0 info
  maxconn 512
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 5s
  timeout server 20s
  http-reuse always
  retries 0
  log-format "%s %ST %HU"
frontend f
  bind 127.0.0.1:{port}
  option accept-invalid-http-request
  default_backend b
backend b
  server reachback {upstream} ssl verify none
"""
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w") as out:
        out.write(config)
    log = os.path.join(folder, "forwarded")
    with open(log, "wb") as out:
        process = subprocess.Popen([program, "-db", "-f", path], stdout=out, stderr=subprocess.DEVNULL)

    def forwarded():
        sent, perhaps = collections.Counter(), collections.Counter()
        for line in harness.read_lines(log):
            parts = line.split(" ", 2)
            if len(parts) == 3 and parts[0] == "reachback":
                (perhaps if parts[1] in PERHAPS else sent)[parts[2]] += 1
        return sent, perhaps
    return process, forwarded


def path_of(target):
    """Without scheme, authority and query: proxies log and send absolute forms in their own ways."""
    return re.sub(r"^[A-Za-z]+://[^/]*", "", target).split("?")[0]


def by_path(counter):
    out = collections.Counter()
    for target, count in counter.items():
        out[path_of(target)] += count
    return out


@pytest.mark.parametrize("make_proxy", [nginx, haproxy], ids=["nginx", "haproxy"])
def test_behind_a_proxy_the_server_sees_what_the_proxy_sent(server, tmp_path, make_proxy):
    port = free_port()
    process, forwarded = make_proxy(str(tmp_path), port, server.server.url.split("//")[1])
    try:
        wait_port(port, process)
        door = Door(f"127.0.0.1:{port}")
        vectors = load()
        before = seen(server.log)

        def ask(vector):
            return answers(door.send(vector["raw"].encode("latin-1")))

        in_parallel(ask, vectors)
        # Afterwards every upstream connection still stands where its requests say.
        for n in range(40):
            got = answers(door.send(f"GET /after{n} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                                    .encode()))
            assert [a.split()[0] for a in got] == ["404"], got
        time.sleep(0.3)
    finally:
        process.terminate()
        process.wait(10)
    sent, perhaps = (by_path(counter) for counter in forwarded())
    saw = by_path(seen(server.log) - before)
    assert sum(saw.values()) >= 100, "the proxy sent hardly anything on"
    invented = saw - (sent + perhaps)
    assert not invented, f"the server saw requests that the proxy never sent: {dict(invented)}"
    lost = sent - saw
    assert not lost, f"the proxy got answers to requests that the server never saw: {dict(lost)}"
    print(f"{len(vectors)} vectors: {sum(sent.values())} requests sent on, {sum(saw.values())} seen")
