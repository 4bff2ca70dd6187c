"""(i), (j), (k) Many agents: simulated ones (docs/fleet.md), because a machine holds few real ones. What an idle
one costs the server, how long all of them take to come back after its restart, and how many actions a second
go from POST to their end."""

import json
import os
import socket
import sqlite3
import ssl
import threading
import time

from common import LIFTED, QuickClient, localrun, median, note, percentile
from idle import memory_kib
from link_minting import Nginx, wrk

# As LIFTED, and more than 50 actions may be unfinished.
UNLIMITED = """[limits]
enabled = false
[server]
threads = 1
"""


def slope_kib(points):
    """KiB for one more connection, by least squares over (connections, KiB)."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return (sum((x - mean_x) * (y - mean_y) for x, y in points)
            / sum((x - mean_x) ** 2 for x, _ in points))


class TlsHolder:
    """Idle TLS 1.3 connections to nginx: one answer was read on each, nothing since."""

    def __init__(self, port):
        self._address = ("127.0.0.1", port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._held = []

    def hold(self, count):
        while len(self._held) < count:
            plain = socket.create_connection(self._address, timeout=30)
            secure = self._context.wrap_socket(plain)
            secure.sendall(b"GET / HTTP/1.1\r\nHost: nginx\r\n\r\n")
            if not secure.recv(4096).startswith(b"HTTP/1.1 200"):
                raise localrun.LocalError("nginx did not answer")
            self._held.append(secure)

    def close(self):
        for one in self._held:
            one.close()


def settled_kib(pid):
    """Resident memory once it stands still."""
    last, _ = memory_kib(pid)
    for _ in range(20):
        time.sleep(1)
        now, _ = memory_kib(pid)
        if abs(now - last) <= max(64, last // 500):
            return now
        last = now
    return last


def idle_agents(folder, bin_dir, steps):
    """A fleet for each step, each on the machines of the one before and as many new ones."""
    with localrun.World(os.path.join(folder, "many"), bin_dir, LIFTED) as world:
        world.up()
        token = world.server.enrollment_token("--uses", str(steps[-1]), "--ttl", "12h")
        server, agents, enrolled = [], [], []
        fleet = None
        for count in steps:
            if fleet:
                fleet.stop()
                world.server.stop()
                world.server.serve()  # so that every figure is of a server that saw only these
            fleet = localrun.Fleet(world.folder, world.server, count, bin_dir=bin_dir)
            fleet.start(token)
            world.fleets = [fleet]
            fleet.wait_connected(60 + count / 20)
            first = fleet.lines()[0]
            enrolled.append(first.get("enrolledPerSecond"))
            server.append((count, settled_kib(world.server.process.pid)))
            agents.append((count, settled_kib(fleet.process.pid)))
            note(f"{count:,} agents: server {server[-1][1] / 1024:.1f} MiB, the fleet itself "
                 f"{agents[-1][1] / 1024:.1f} MiB; enrolled {enrolled[-1]}/s")
        fleet.stop()
    nginx = Nginx(os.path.join(folder, "many-nginx"), 100, connections=steps[-1] + 64, keepalive="3600s")
    theirs = []
    holder = TlsHolder(nginx.port)
    try:
        for count in steps:
            holder.hold(count)
            theirs.append((count, settled_kib(nginx.child.pid)))
            note(f"{count:,} idle TLS connections: nginx {theirs[-1][1] / 1024:.1f} MiB")
    finally:
        holder.close()
        nginx.stop()
    return {"steps": list(steps), "server_kib": server, "fleet_kib": agents, "nginx_kib": theirs,
            "enrolled_per_second": [rate for rate in enrolled if rate],
            "server_slope_kib": slope_kib(server), "fleet_slope_kib": slope_kib(agents),
            "nginx_slope_kib": slope_kib(theirs)}


def reconnect(folder, bin_dir, agents, rounds):
    """From "ready" of the server's next life until everybody has been welcomed again."""
    nginx = Nginx(os.path.join(folder, "back-nginx"), 100)
    taken = []
    try:
        with localrun.World(os.path.join(folder, "back"), bin_dir, LIFTED) as world:
            world.up()
            fleet = world.fleet(agents)
            for number in range(rounds):
                handshakes, _ = wrk(nginx.url(), 2, ["Connection: close"])
                before = fleet.lines()[-1]["reconnects"]
                world.server.stop(60)
                fleet.wait(lambda line: line["connected"] == 0, "all are cut")
                world.server.serve()
                began = time.perf_counter()
                fleet.wait(lambda line: line["connected"] == agents
                           and line["reconnects"] >= before + agents, "all are back", 300)
                took = time.perf_counter() - began
                taken.append({"seconds": took, "handshakes_per_second": handshakes})
                note(f"round {number + 1}/{rounds}: {agents:,} agents back in {took:.1f} s "
                     f"({agents / took:,.0f}/s); nginx takes {handshakes:,.0f} new TLS connections a second")
            fleet.stop()
    finally:
        nginx.stop()
    seconds = median([one["seconds"] for one in taken])
    handshakes = median([one["handshakes_per_second"] for one in taken])
    return {"agents": agents, "rounds": rounds, "seconds": seconds, "per_second": agents / seconds,
            "nginx_handshakes_per_second": handshakes, "ratio": agents / seconds / handshakes}


class Submitter(threading.Thread):
    """Posts an action for each of its machines, again and again, until its share is accepted."""

    def __init__(self, api, machines, count):
        super().__init__(daemon=True)
        self._client = QuickClient(api)
        self._posts = [self._client.prepare(
            "POST", f"/api/machines/{machine}/runliveresponse",
            json.dumps({"Commands": [localrun.Api.script("true.sh")], "Comment": "bench"}).encode())
            for machine in machines]
        self._count = count
        self.accepted, self.busy, self.took, self.error = [], 0, [], None

    def run(self):
        try:
            number = 0
            while len(self.accepted) < self._count:
                began = time.perf_counter()
                status, body = self._client.send(self._posts[number % len(self._posts)])
                number += 1
                if status == 201:
                    self.took.append(time.perf_counter() - began)
                    self.accepted.append(json.loads(body)["id"])
                elif status == 400 and b"ActiveRequestAlreadyExists" in body:
                    self.busy += 1
                else:
                    raise localrun.LocalError(f"POST: {status} {body[:300]}")
        except (OSError, localrun.LocalError) as error:
            self.error = error


def by_hand(folder, actions):
    """What the disk and SQLite take for as many: a file made durable and three transactions each, one writer."""
    db = sqlite3.connect(os.path.join(folder, "by-hand.db"), isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE actions(id INTEGER PRIMARY KEY, status TEXT, document TEXT)")
    names = os.open(folder, os.O_RDONLY)
    began = time.perf_counter()
    for number in range(actions):
        db.execute("INSERT INTO actions VALUES(?, 'Pending', ?)", (number, "x" * 1000))
        db.execute("UPDATE actions SET status = 'InProgress' WHERE id = ?", (number,))
        path = os.path.join(folder, f"by-hand-{number}")
        with open(path + ".new", "wb") as out:
            out.write(b"x" * 200)
            out.flush()
            os.fdatasync(out.fileno())
        os.rename(path + ".new", path)
        os.fsync(names)
        db.execute("UPDATE actions SET status = 'Succeeded' WHERE id = ?", (number,))
    took = time.perf_counter() - began
    os.close(names)
    db.close()
    return actions / took


def actions(folder, bin_dir, agents, count, threads=8):
    with localrun.World(os.path.join(folder, "actions"), bin_dir, UNLIMITED) as world:
        world.up()
        api = world.server.api()
        api.upload("true.sh", "#!/bin/bash\ntrue\n")
        fleet = world.fleet(agents)
        machines, target = [], "/api/machines?$top=1000"
        while target:
            page = api.expect(200, "GET", target).json()
            machines += [machine["id"] for machine in page["value"]]
            target = page.get("@odata.nextLink", "").replace(world.server.url, "") or None
        by_hand_per_second = by_hand(world.folder, min(count, 1000))
        submitters = [Submitter(world.server.api(), machines[n::threads], count // threads)
                      for n in range(threads)]
        began = time.perf_counter()
        for one in submitters:
            one.start()
        for one in submitters:
            one.join()
        submitted = time.perf_counter() - began
        for one in submitters:
            if one.error:
                raise localrun.LocalError(str(one.error))
        total = sum(len(one.accepted) for one in submitters)
        line = fleet.wait(lambda newest: newest["finished"] >= total, "all finished", 120)
        finished = time.perf_counter() - began
        last = submitters[0].accepted[-1]
        if api.action(last)["status"] != "Succeeded" or api.result(last)["exit_code"] != 0:
            raise localrun.LocalError(f"action {last} has no result")
        took = [ms * 1000 for one in submitters for ms in one.took]
        fleet.stop()
    result = {"agents": agents, "actions": total, "submitted_per_second": total / submitted,
              "finished_per_second": total / finished, "post_p50_ms": percentile(took, 0.5),
              "post_p99_ms": percentile(took, 0.99), "order_p50_ms": line["orderToEndMs"]["p50All"],
              "order_p99_ms": line["orderToEndMs"]["p99All"], "by_hand_per_second": by_hand_per_second,
              "ratio": total / finished / by_hand_per_second, "busy": sum(one.busy for one in submitters)}
    note(f"{total:,} actions on {agents:,} agents: {result['submitted_per_second']:,.0f} accepted/s, "
         f"{result['finished_per_second']:,.0f} finished/s; POST p50 {result['post_p50_ms']:.1f} ms, p99 "
         f"{result['post_p99_ms']:.1f} ms; order to end p50 {result['order_p50_ms']:.1f} ms, p99 "
         f"{result['order_p99_ms']:.1f} ms; by hand {by_hand_per_second:,.0f}/s")
    return result
