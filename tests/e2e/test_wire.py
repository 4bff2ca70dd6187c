"""Requests that no HTTP library would send, over TLS to the API's listener: one pinned answer each,
nothing hangs, and the server goes on. docs/bad-input.md has them all."""

import re
import socket
import ssl
import time

import pytest

HEAD = "GET /api/machines HTTP/1.1\r\nHost: x\r\n"


def exchange(api, data, timeout_s=15):
    """Sends bytes; everything that comes back until the server closes or stays silent."""
    sock = api.raw_socket(timeout_s)
    got = b""
    try:
        sock.sendall(data if isinstance(data, bytes) else data.encode())
        while True:
            piece = sock.recv(65536)
            if not piece:
                break
            got += piece
            if b"\r\n\r\n" in got and b"Connection: close" not in got:
                sock.settimeout(0.5)
    except (ssl.SSLError, ConnectionError, socket.timeout):
        pass
    finally:
        sock.close()
    return got


def statuses(got):
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]


CASES = [
    ("both lengths", HEAD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("two lengths", HEAD + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
    ("unknown coding", HEAD + "Transfer-Encoding: xchunked\r\n\r\n", 501),
    ("space before colon", HEAD + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("huge chunk", "POST /common/oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
     "FFFFFFFFFFFFFFFFF\r\n", 400),
    ("bare line feeds", HEAD.replace("\r\n", "\n") + "\n", 400),
    ("folded header", HEAD + "X: a\r\n b\r\n\r\n", 400),
    ("NUL in a value", HEAD + "X: a\0b\r\n\r\n", 400),
    ("control in a value", HEAD + "X: a\x01b\r\n\r\n", 400),
    ("head too long", HEAD + "X: " + "a" * 20000 + "\r\n\r\n", 431),
    ("too many fields", HEAD + "".join(f"X{n}: a\r\n" for n in range(120)) + "\r\n", 431),
    ("request line too long", "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ("no host", "GET /api/machines HTTP/1.1\r\n\r\n", 400),
    ("two hosts", HEAD + "Host: y\r\n\r\n", 400),
    ("version 3.0", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    ("length that is no number", HEAD + "Content-Length: 5x\r\n\r\nabcde", 400),
    ("negative length", HEAD + "Content-Length: -1\r\n\r\n", 400),
]


@pytest.mark.parametrize("data, status", [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_broken_framing_is_answered_once_and_the_connection_closed(shared, data, status):
    got = exchange(shared.shared_api, data)
    assert statuses(got) == [status], got[:300]
    assert b"Connection: close" in got or b"connection: close" in got.lower()
    assert shared.shared_api.machines()


@pytest.mark.parametrize("method", ["TRACE", "FOO", "CONNECT"])
def test_unknown_methods_get_405_with_allow(shared, method):
    got = exchange(shared.shared_api, f"{method} /api/machines HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(got)[:1] == [405], got[:300]
    assert re.search(rb"(?i)\r\nallow: GET\r\n", got)


def test_connect_to_an_authority_gets_405_with_allow(shared):
    got = exchange(shared.shared_api, "CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(got)[:1] == [405], got[:300]
    assert re.search(rb"(?i)\r\nallow: DELETE, GET, PATCH, POST\r\n", got)


@pytest.mark.parametrize("path", ["/%zz", "/%00", "/api/..%2fmachines", "/api//machines",
                                  "/api/machines;x", "/%c0%ae%c0%ae/", "/../etc/passwd", "//"])
def test_odd_paths_are_no_route(shared, path):
    answer = shared.shared_api.call("GET", path)
    assert answer.status == 404, f"{path}: {answer}"


def test_a_second_request_inside_a_body_is_not_a_request(shared):
    inner = "GET /api/machines HTTP/1.1\r\nHost: x\r\n\r\n"
    got = exchange(shared.shared_api, "POST /common/oauth2/token HTTP/1.1\r\nHost: x\r\n"
                                      f"Content-Length: {len(inner)}\r\n\r\n{inner}")
    assert len(statuses(got)) == 1, got


def test_pipelined_requests_are_answered_in_order(shared):
    got = exchange(shared.shared_api, HEAD + "\r\n" + "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
    assert statuses(got) == [401, 404], got


def test_a_head_that_drips_is_cut_off(shared):
    sock = shared.shared_api.raw_socket(20)
    began = time.monotonic()
    got = b""
    try:
        for byte in HEAD.encode():
            sock.sendall(bytes([byte]))
            sock.settimeout(1.0)
            try:
                piece = sock.recv(65536)
                got += piece
                break
            except socket.timeout:
                pass
            if time.monotonic() - began > 16:
                break
    except (ssl.SSLError, ConnectionError):
        pass
    finally:
        sock.close()
    took = time.monotonic() - began
    assert took < 15, "it was still being listened to"
    assert statuses(got) == [408], got


def test_a_body_beyond_the_limit_is_413(shared):
    api = shared.shared_api
    big = b"x" * (2 << 20)
    answer = api.send("POST", "/common/oauth2/v2.0/token", big,
                      {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 413


def test_old_tls_is_refused_on_the_agents_listener(shared):
    host, port = shared.server.agents_url.split("//")[1].rsplit(":", 1)
    context = ssl.create_default_context(cafile=shared.server.ca_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(plain, server_hostname=host)


def test_plain_http_on_the_tls_port_gets_no_http_answer(shared):
    host, port = shared.shared_api.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.settimeout(10)
        try:
            got = plain.recv(1000)
        except ConnectionError:
            got = b""
    assert not got.startswith(b"HTTP/")


def test_the_listeners_do_not_serve_each_others_routes(shared):
    """No bearer token on the agents' listener, no enrolment on the operators'."""
    api = shared.server.api(url=shared.server.agents_url)
    api._token = shared.shared_api.token()
    for path in ("/api/machines", "/api/machineactions"):
        assert api.call("GET", path).status == 404, path
    for path in ("/agent/v1/enroll", "/agent/v1/session"):
        assert shared.shared_api.call("POST", path).status == 404, path
