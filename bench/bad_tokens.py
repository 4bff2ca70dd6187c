"""(d) Requests with a bad bearer token refused a second, by one server thread over TLS keep-alive, and
what a good request waits meanwhile. Beside it, in turn, nginx answering a fixed 401 of the same size.
A stranger's token has our key's id and claims like ours, but nobody sealed or signed it. A holder's is a
good one whose signature was changed: the dearest kind to refuse."""

import base64
import json
import os
import re
import subprocess
import threading
import time

from common import LIFTED, LOAD_CORE, SERVER_CORE, QuickClient, localrun, median, note, percentile, pinned
from link_minting import CONNECTIONS, Nginx


def wrk(url, seconds, token):
    argv = [*pinned(LOAD_CORE), "wrk", "-t1", f"-c{CONNECTIONS - 2}", f"-d{seconds}s", "-H",
            "Authorization: Bearer " + token, url]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    total = re.search(r"(\d+) requests in", said)
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)),
            int(total.group(1)) - int(refused.group(1) if refused else 0))


def by_holder(token):
    """The same head and claims, another signature."""
    head, claims, signature = token.split(".")
    changed = ("A" if signature[10] != "A" else "B")
    return ".".join((head, claims, signature[:10] + changed + signature[11:]))


def by_stranger(token):
    """Other claims under the same head and signature."""
    head, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    said["jti"] = "A" * len(said["jti"])
    made = base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()
    return ".".join((head, made.rstrip("="), signature))


class GoodRequests:
    """One client that asks every few milliseconds and notes how long each answer took."""

    def __init__(self, api):
        self._client = QuickClient(api)
        self._request = self._client.prepare("GET", "/api/machines")
        self.took_ms = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.is_set():
            began = time.perf_counter()
            status, _ = self._client.send(self._request)
            self.took_ms.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise localrun.LocalError(f"a good request got {status}")
            time.sleep(0.005)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)
        self._client.close()


def measure(folder, bin_dir, rounds, seconds):
    with localrun.World(os.path.join(folder, "bad"), bin_dir, LIFTED) as world:
        server = world.server
        server.init()
        server.serve(wrap=pinned(SERVER_CORE))
        api = server.api()
        token, dear = by_stranger(api.token()), by_holder(api.token())
        for bad in (token, dear):
            answer = api.send("GET", "/api/machines", headers={"Authorization": "Bearer " + bad})
            if answer.status != 401:
                raise localrun.LocalError(f"a forged token got {answer}")
        nginx = Nginx(os.path.join(folder, "nginx401"), len(answer.body), status=401)
        idle, busy, taken, dearest = [], [], [], []
        try:
            with GoodRequests(api) as good:
                time.sleep(seconds)
                idle = good.took_ms
            for number in range(rounds):
                theirs, _ = wrk(nginx.url(), seconds, token)
                with GoodRequests(api) as good:
                    ours, let_in = wrk(server.url + "/api/machines", seconds, token)
                    busy += good.took_ms
                holders, more = wrk(server.url + "/api/machines", seconds, dear)
                dearest.append(holders)
                if let_in + more:
                    raise localrun.LocalError(f"{let_in + more} forged tokens were let in")
                taken.append({"reachback": ours, "nginx": theirs, "ratio": ours / theirs})
                note(f"round {number + 1}/{rounds}: {ours:,.0f} refused/s, a holder's {holders:,.0f}/s, "
                     f"nginx {theirs:,.0f}/s")
        finally:
            nginx.stop()
    result = {
        "refused_per_second": median([r["reachback"] for r in taken]),
        "holders_per_second": median(dearest),
        "nginx_per_second": median([r["nginx"] for r in taken]),
        "ratio": median([r["ratio"] for r in taken]),
        "good_idle_p99_ms": percentile(idle, 0.99), "good_busy_p99_ms": percentile(busy, 0.99),
        "rounds": taken,
    }
    note(f"a good request, p99: {result['good_idle_p99_ms']:.2f} ms idle, "
         f"{result['good_busy_p99_ms']:.2f} ms meanwhile")
    return result
