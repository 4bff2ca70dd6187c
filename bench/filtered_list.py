"""(f) Lists with a filter over a million actions: the usual questions, newest first, ten at a time. One
real action is run; then copies of it with other machines, statuses, requestors and times are written to
the stopped server's database. Beside it: the same question asked of the same file with Python's sqlite3
and a statement written by hand, which is what the rows alone cost."""

import hashlib
import os
import random
import sqlite3
import struct
import time
import urllib.parse
import uuid

from common import LIFTED, QuickClient, localrun, median, note, percentile

MACHINES, PEOPLE = 10_000, 100
ACTIVE = 50
# Of the ended ones, in percent: cancelled, timed out, failed, succeeded.
ENDED = [1] * 3 + [2] * 2 + [3] * 10 + [5] * 85
NAMES = {1: "Cancelled", 2: "TimeOut", 3: "Failed", 5: "Succeeded"}
SPREAD_US = 1_000_000


def digest(word, number, size):
    return hashlib.sha256(word + struct.pack("<Q", number)).digest()[:size]


def person(number):
    return str(uuid.UUID(bytes=digest(b"person", number, 16)))


def fill(path, count):
    """`count` actions, a second apart; who asked stands in the document too."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("PRAGMA cache_size=-262144")
    tenant, created, version, document, host, requestor = db.execute(
        "SELECT tenant, created, version, document, host, requestor FROM actions LIMIT 1").fetchone()
    documents = [document.replace(requestor.encode(), person(n).encode()) for n in range(PEOPLE)]
    dice = random.Random(7)

    def rows():
        for n in range(count):
            who = dice.randrange(PEOPLE)
            status = 0 if n >= count - ACTIVE else dice.choice(ENDED)
            # An active action's machine has no other one.
            machine = digest(b"active" if status == 0 else b"machine",
                             n if status == 0 else dice.randrange(MACHINES), 20)
            at = created + n * SPREAD_US
            yield (tenant, digest(b"action", n, 16), machine, status, at,
                   at + 10**12 if status == 0 else None, version, documents[who], host, person(who),
                   at + 5_000_000, None if n % 4 else f"INC-{n}")
    db.executemany("INSERT INTO actions(tenant, id, machine, status, created, deadline, version, document, host,"
                   " requestor, updated, external_id) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return tenant, created


def stamp(micros):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(micros // 1_000_000))


def questions(count, created, dice):
    """name: (a filter, the same as SQL, its values)"""
    one = dice.randrange(count)
    status = dice.choice([1, 2, 3, 5])
    machine, who = digest(b"machine", dice.randrange(MACHINES), 20), person(dice.randrange(PEOPLE))
    begin = created + one * SPREAD_US // 1_000_000 * 1_000_000
    begin -= begin % 1_000_000
    end = begin + 3600 * 1_000_000
    action = uuid.UUID(bytes=digest(b"action", one, 16))
    hour = f"creationDateTimeUtc ge {stamp(begin)} and creationDateTimeUtc lt {stamp(end)}"
    return {
        "id": (f"id eq {action}", "id = ?", [action.bytes]),
        "machine": (f"machineId eq '{machine.hex()}'", "machine = ?", [machine]),
        "machine, unfinished": (
            f"machineId eq '{machine.hex()}' and (status eq 'Pending' or status eq 'InProgress')",
            "machine = ? AND status IN (0, 4)", [machine]),
        "unfinished": ("status eq 'Pending' or status eq 'InProgress'", "status IN (0, 4)", []),
        "status": (f"status eq '{NAMES[status]}'", "status = ?", [status]),
        "requestor": (f"requestor eq '{who}'", "requestor = ?", [who]),
        "requestor and status": (f"requestor eq '{who}' and status eq '{NAMES[status]}'",
                                 "requestor = ? AND status = ?", [who, status]),
        "one hour": (hour, "created >= ? AND created < ?", [begin, end]),
        "one hour and status": (f"{hour} and status eq '{NAMES[status]}'",
                                "created >= ? AND created < ? AND status = ?", [begin, end, status]),
        "type": ("type eq 'LiveResponse'", "1", []),
        "external id": (f"externalId eq 'INC-{one - one % 4}'", "external_id = ?", [f"INC-{one - one % 4}"]),
    }


def measure(folder, bin_dir, actions, runs=200):
    with localrun.World(os.path.join(folder, "list"), bin_dir, LIFTED) as world:
        world.up()
        agent = world.agent()
        world.server.api().upload("true.sh", "#!/bin/bash\ntrue\n")
        world.server.api().run_script(agent.machine_id, "true.sh")
        agent.stop()
        world.server.stop()
        path = os.path.join(world.server.data, "db", "reachback.db")
        tenant, created = fill(path, actions)
        note(f"{actions:,} actions, a database of {os.path.getsize(path) >> 20:,} MiB")
        world.server.serve()
        client = QuickClient(world.server.api())
        hand = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        dice = random.Random(11)
        ours, peer = {}, {}
        for _ in range(runs):
            for name, (text, sql, values) in questions(actions, created, dice).items():
                request = client.prepare(
                    "GET", "/api/machineactions?$top=10&$filter=" + urllib.parse.quote(text, safe="'()$"))
                began = time.perf_counter()
                status, body = client.send(request)
                took = time.perf_counter() - began
                if status != 200:
                    raise localrun.LocalError(f"{text}: {status} {body[:300]!r}")
                ours.setdefault(name, []).append(took * 1000)
                began = time.perf_counter()
                rows = hand.execute(f"SELECT id, document FROM actions WHERE tenant = ? AND {sql}"
                                    " ORDER BY created DESC, id DESC LIMIT 10", [tenant, *values]).fetchall()
                peer.setdefault(name, []).append((time.perf_counter() - began) * 1000)
                if body.count(b'"commands":') != len(rows):
                    raise localrun.LocalError(f"{text}: {body.count(b'commands')} rows, by hand {len(rows)}")
        client.close()
        hand.close()
        world.server.stop()
    each = {name: {"p50_ms": median(took), "p99_ms": percentile(took, 0.99),
                   "sqlite_p50_ms": median(peer[name]), "sqlite_p99_ms": percentile(peer[name], 0.99)}
            for name, took in ours.items()}
    for name, found in each.items():
        note(f"{name}: p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f}; "
             f"by hand {found['sqlite_p50_ms']:.2f}, {found['sqlite_p99_ms']:.2f}")
    together = [took for all_ in ours.values() for took in all_]
    by_hand = [took for all_ in peer.values() for took in all_]
    return {"actions": actions, "runs": runs, "each": each, "p50_ms": median(together),
            "p99_ms": percentile(together, 0.99), "sqlite_p50_ms": median(by_hand),
            "sqlite_p99_ms": percentile(by_hand, 0.99),
            "slowest": max(each, key=lambda name: each[name]["p99_ms"])}
