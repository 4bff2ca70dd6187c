"""Shared by the benchmarks: the programs, pinning, medians, a client that costs next to nothing."""

import os
import socket
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import localrun  # noqa: E402,F401

# The limiter counts every call, as in production, and refuses none.
LIFTED = """[limits]
rate_factor = 1000000
[server]
threads = 1
"""

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[1 % len(CORES)]


def pinned(core):
    return ["taskset", "-c", str(core)]


def note(text):
    print(f"       {text}", flush=True)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def median(values):
    return statistics.median(values)


class QuickClient:
    """One TLS connection, requests as prepared bytes: what a client in C would cost, nearly, so that
    the figure is the server's and not Python's http.client's."""

    def __init__(self, api):
        self._socket = api.raw_socket(60)
        self._rest = b""
        self._host = api.address
        self._authorization = f"Authorization: Bearer {api.token()}\r\n"

    def prepare(self, method, target, body=b"", token=True):
        head = (f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\n"
                + (self._authorization if token else "")
                + (f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                   if body or method == "POST" else "") + "\r\n")
        return head.encode() + body

    def send(self, request):
        """(status, body) of one prepared request. Answers carry Content-Length."""
        self._socket.sendall(request)
        data = self._rest
        while True:
            end = data.find(b"\r\n\r\n")
            if end >= 0:
                break
            piece = self._socket.recv(262144)
            if not piece:
                raise OSError("the server closed the connection")
            data += piece
        head = data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15:head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else end]) \
            if at >= 0 else 0
        body = data[end + 4:]
        while len(body) < length:
            piece = self._socket.recv(262144)
            if not piece:
                raise OSError("the server closed the connection")
            body += piece
        self._rest = body[length:]
        return int(data[9:12]), body[:length]

    def close(self):
        self._socket.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port, child, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if child.poll() is not None:
                break
            time.sleep(0.02)
    raise localrun.LocalError(f"nothing listens on 127.0.0.1:{port}")
