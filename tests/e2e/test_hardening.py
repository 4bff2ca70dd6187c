"""What strangers can make the server do: routes by credential on both listeners (T01, T03), bad tokens
without disk or database (T08), slow readers (F23), headers of downloads."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

import harness

ROUTES = os.path.join(harness.ROOT, "tests", "golden", "routes.txt")


def routes():
    return [line.split("\t") for line in harness.read_lines(ROUTES) if not line.startswith("#")]


def address(path, tenant, machine, action):
    values = {"tenant": tenant, "index": "index=0", "name": "effect.sh", "account": "account",
              "arguments": "ip='192.0.2.1',timestamp=2026-01-31T08:44:05Z",
              "blob": "0" * 32, "file": "none.js", "id": machine if "/machines/" in path else action}
    return re.sub(r"{(\w+)}", lambda match: values[match.group(1)], path)


def ask(address_of_listener, context, method, target, token=None, body=b""):
    host, port = address_of_listener.rsplit(":", 1)
    sock = context.wrap_socket(socket.create_connection((host, int(port)), timeout=15), server_hostname=host)
    try:
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        sock.sendall(head.encode() + b"\r\n" + body)
        got = b""
        while piece := sock.recv(65536):
            got += piece
    except (ssl.SSLError, OSError):
        pass
    finally:
        sock.close()
    match = re.match(rb"HTTP/1\.1 (\d{3})", got)
    return int(match.group(1)) if match else 0


def test_T01_every_route_of_both_listeners_opens_for_its_credential_only(shared):
    api, server = shared.shared_api, shared.server
    listeners = {"api": server.url.split("//")[1], "agents": server.agents_url.split("//")[1]}
    machine = shared.agents[0].machine_id
    action, _ = api.run_script(machine, "effect.sh", "/dev/null matrix")
    good = api.token()
    head, claims, signature = good.split(".")
    bad = [None, "rubbish", good[:-4] + "AAAA", f"{head}.{claims}.", "eyJhbGciOiJub25lIn0." + claims + ".",
           "A" * 9000]
    reader = server.admin("app", "create", "--name", "alerts-only", "--role", "Alert.Read.All")
    weak = server.api(client_id=reader["clientId"], secret=reader["clientSecret"]).token()
    wrong = []
    listed = routes()
    assert len(listed) >= 27
    for listener, method, path, plane, credential, body_max, _ in listed:
        target = address(path, api.tenant, machine, action["id"])
        body = b"{}" if int(body_max) else b""
        here, there = listeners[listener], listeners["agents" if listener == "api" else "api"]

        def expect(statuses, token, where=here):
            status = ask(where, api.context, method, target, token, body)
            if status not in statuses:
                wrong.append(f"{listener} {method} {path} with {str(token)[:12]}: {status}, not {statuses}")
        if plane == "api":
            for token in bad:
                expect({401, 431} if token and len(token) > 8000 else {401}, token)
            if "Alert.Read.All" not in credential:
                expect({403}, weak)
            expect({404}, good, there)  # the other listener knows no such address, whatever the token
        elif plane == "blob":
            for token in (None, good):
                expect({403, 404}, token)
        elif plane == "agent":
            # A bearer token is not looked at: the same answer as without one.
            expect({401, 426}, None)
            expect({401, 426}, good)
            expect({404}, good, there)
        elif plane == "console":
            # Files for everybody, and none of them by the agents' listener.
            expect({200, 302, 308, 404}, None)
            expect({404}, None, there)
        elif credential == "client secret":
            expect({400, 401}, good)
            expect({404}, None, there)
        else:
            expect({200, 400}, None)
            expect({404}, None, there)
    assert not wrong, "\n".join(wrong)
    assert ask(listeners["api"], api.context, "GET", "/api/unlisted", good) == 404
    assert ask(listeners["agents"], api.context, "GET", "/agent/v1/unlisted") == 404
    assert ask(listeners["agents"], api.context, "DELETE", "/agent/v1/session") == 405


def test_downloads_carry_headers_that_make_a_browser_keep_off(shared):
    api = shared.shared_api
    action, _ = api.run_script(shared.agents[0].machine_id, "effect.sh", "/dev/null headers")
    link = api.link(action["id"])
    for answer in (api.download(link), api.download(link, method="HEAD"),
                   api.download(link, headers={"Range": "bytes=0-3"})):
        assert answer.status in (200, 206)
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
    refused = api.download(link + "x")
    assert refused.status == 403 and refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["X-Content-Type-Options"] == "nosniff"


# ---- T08

def bad_tokens(good):
    head, claims, signature = good.split(".")
    other = "eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLy4uL2V0Yy9wYXNzd2QifQ"  # kid: ../../etc/passwd
    return ["rubbish", "a.b.c", f"{head}.{claims}.{signature[:-6]}AAAAAA", f"{other}.{claims}.{signature}",
            f"eyJhbGciOiJub25lIn0.{claims}.", f"{head}.{claims[:-2]}AA.{signature}", "x" * 4000]


@pytest.mark.parametrize("count", [4000])
def test_T08_bad_tokens_open_no_file_and_ask_no_database(make_world, tmp_path, count):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    world = make_world("[limits]\nenabled = false\n").up()
    api = world.server.api()
    tokens = bad_tokens(api.token())
    sock = api.raw_socket(60)
    batch = [b"".join(f"GET /api/machines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
                      for token in tokens)] * (count // len(tokens))

    def send_all(batches):
        refused = 0
        rest = b""
        for data in batches:
            sock.sendall(data)
            answers = 0
            while answers < len(tokens):
                piece = sock.recv(262144)
                assert piece, "the server closed the connection"
                rest += piece
                answers = rest.count(b"HTTP/1.1 401 ")
            assert rest.count(b"HTTP/1.1 ") == answers, rest[:400]
            refused += answers
            rest = b""
            # What is left of the last body comes with the next answers; it holds no status line.
        return refused
    send_all(batch[:3])  # what is made at first use is made
    out = str(tmp_path / "trace")
    calls = ("open,openat,openat2,creat,pread64,pwrite64,fsync,fdatasync,unlink,rename,stat,newfstatat,"
             "statx,access,faccessat2,execve")
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", f"trace={calls}", "-o", out, "-p",
                               str(world.server.process.pid)], stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    if tracer.poll() is not None:
        pytest.skip("strace may not attach here: " + tracer.stderr.read()[-200:])
    began = time.monotonic()
    assert send_all(batch) == len(batch) * len(tokens)
    took = time.monotonic() - began
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    sock.close()
    # The reaper's look once a second is the server's own; it reads pages, opens nothing.
    lines = [line for line in harness.read_lines(out) if "(" in line and "resumed" not in line]
    opened = [line for line in lines if re.search(r"\b(open|openat|openat2|creat|execve|unlink|rename)\(", line)]
    assert not opened, "\n".join(opened[:10])
    assert len(lines) <= 10 * (took + 2), f"{len(lines)} calls in {took:.1f} s:\n" + "\n".join(lines[:20])
    print(f"{len(batch) * len(tokens)} bad tokens in {took:.2f} s: {len(lines)} file calls, none that opens")


# ---- F23

def rss_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"^VmRSS:\s+(\d+)", status.read(), re.M).group(1))


def test_F23_slow_readers_of_a_large_result_cost_little_memory(make_world, release_bin):
    """REACHBACK_SLOW_READERS: how many (1,000 is the aim of trust.md)."""
    readers = int(os.environ.get("REACHBACK_SLOW_READERS", "150"))
    world = make_world("[limits]\nenabled = false\n[server]\nstrangers_per_address = 0\n",
                       bin_dir=release_bin).up(agent=True)
    api = world.server.api()
    api.upload("large.sh", "#!/bin/bash\nhead -c 30000000 /dev/zero | tr '\\0' x\n")
    action = api.submit(world.agents[0].machine_id, api.script("large.sh"))
    assert api.wait_final(action["id"])["status"] == "Succeeded"
    link = api.link(action["id"])
    target = link[link.index("/", 8):]
    assert len(api.download(link).body) > 30_000_000
    pid = world.server.process.pid
    before = rss_kib(pid)
    socks = []
    try:
        for _ in range(readers):
            host, port = api.address.rsplit(":", 1)
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.settimeout(20)
            plain.connect((host, int(port)))
            sock = api.context.wrap_socket(plain, server_hostname=host)
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            socks.append(sock)
        most = 0
        for _ in range(3):  # about 1 KiB/s from each
            for sock in socks:
                sock.recv(1024)
            most = max(most, rss_kib(pid))
            time.sleep(0.7)
        grown = most - before
        print(f"{readers} slow readers: {grown / 1024:.1f} MiB, {grown / readers:.0f} KiB each")
        assert grown < readers * 300, f"{grown} KiB"  # 300 MiB for a thousand
        assert api.machines()  # whoever reads at its own pace is served meanwhile
    finally:
        for sock in socks:
            sock.close()
