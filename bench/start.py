"""(e) From `serve` to "ready" with a million ended actions, their audit rows and as many records in the
audit file. One real action is run; then copies of it are written to the stopped server's disk, with
chains that verify."""

import hashlib
import json
import os
import sqlite3
import struct
import time

from common import localrun, median, note

CHECKPOINT_BYTES = 64 << 20


def row_hash(seq, before, row):
    """As src/server/store_sqlite/audit_chain.h says."""
    tenant, action, at, *texts, request = row
    out = [b"reachback audit row 1\0", struct.pack("<Q", seq), before]

    def add(data):
        out.append(struct.pack("<I", 0xffffffff) if data is None else struct.pack("<I", len(data)) + data)
    add(tenant)
    add(action)
    out.append(struct.pack("<q", at))
    for text in texts:
        add(text.encode())
    add(request)
    return hashlib.sha256(b"".join(out)).digest()


def fill_database(path, count):
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")
    action = db.execute("SELECT tenant, id, machine, status, created, document FROM actions LIMIT 1").fetchone()
    tenant, old_id, machine, status, created, document = action
    columns = "tenant, action, at, kind, principal, object, detail, result, token_id, peer_ip, request"
    story = db.execute(f"SELECT {columns} FROM audit WHERE action = ? ORDER BY seq", (old_id,)).fetchall()
    seq, head = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()

    def ids():
        for number in range(count):
            yield hashlib.sha256(struct.pack("<Q", number)).digest()[:16]

    def rows():
        nonlocal seq, head
        for new_id in ids():
            for tenant_, _, *rest in story:
                row = (tenant_, new_id, *rest)
                seq += 1
                head = row_hash(seq, head, row)
                yield (seq, *row, head)
    db.executemany("INSERT INTO actions(tenant, id, machine, status, created, deadline, version, document)"
                   " VALUES(?, ?, ?, ?, ?, NULL, ?, ?)",
                   ((tenant, new_id, machine, status, created + n, len(story), document)
                    for n, new_id in enumerate(ids())))
    db.executemany(f"INSERT INTO audit(seq, {columns}, hash) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return len(story) * count


def fill_audit_file(path, count):
    """`count` mints behind what is there, and the checkpoint that a server would have left."""
    with open(path, "rb") as old:
        text = old.read()
    last = json.loads(text.splitlines()[-1])
    seq, head, size, checked = last["seq"], last["hash"], len(text), (0, 0, "")
    with open(path, "ab", buffering=1 << 20) as out:
        for number in range(count):
            seq += 1
            line = (f'{{"seq":{seq},"prev":"{head}","at":"2026-01-01T00:00:00Z","tenant":"{last["tenant"]}",'
                    f'"kind":"mint","principal":"bench","token_id":"{number:032x}","object":"{number:036d}/0 '
                    f'{number:032x}","result":"200","peer_ip":"127.0.0.1"').encode()
            head = hashlib.sha256(line).hexdigest()
            line += f',"hash":"{head}"}}\n'.encode()
            out.write(line)
            size += len(line)
            if size - checked[0] >= CHECKPOINT_BYTES:
                checked = (size, seq, head)
    if checked[0]:
        with open(path + ".checked", "w") as out:
            json.dump({"bytes": checked[0], "head": f"{checked[1]} {checked[2]}"}, out)
    return size


def measure(folder, bin_dir, actions, runs=5):
    with localrun.World(os.path.join(folder, "start"), bin_dir, "[limits]\nenabled = false\n") as world:
        world.up()
        agent = world.agent()
        api = world.server.api()
        api.upload("true.sh", "#!/bin/bash\ntrue\n")
        action, _ = api.run_script(agent.machine_id, "true.sh")
        agent.stop()
        world.server.stop()
        data = world.server.data
        rows = fill_database(os.path.join(data, "db", "reachback.db"), actions)
        file_bytes = fill_audit_file(os.path.join(data, "audit", "access.log"), actions)
        note(f"{actions:,} actions, {rows:,} audit rows, {file_bytes >> 20:,} MiB of audit file")
        took = []
        for _ in range(runs):
            began = time.perf_counter()
            world.server.serve()
            took.append(time.perf_counter() - began)
            found = world.server.api().call("GET", f"/api/machineactions/{action['id']}")
            if found.status != 200:
                raise localrun.LocalError(f"the first action: {found}")
            world.server.stop()
        database = os.path.getsize(os.path.join(data, "db", "reachback.db"))
    note(f"start to ready: median {median(took):.3f} s, slowest {max(took):.3f} s")
    return {"actions": actions, "audit_rows": rows, "audit_file_bytes": file_bytes,
            "database_bytes": database, "median_s": median(took), "slowest_s": max(took), "runs": runs}
