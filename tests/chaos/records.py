"""What a run leaves behind, and what is read from it: the order of commits, the blobs, the verdict of
the checker, and a count that knows nothing of the checker.
"""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import struct
import uuid

from programs import LocalError
from localrun import run

# SQLite's 'now' is the machine's clock whatever the server's clock port says. A trigger writes in the
# transaction of the change itself, so the rows' order is the order of the commits.
_NOW_MS = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
_TRIGGER = """
CREATE TRIGGER chaos_{name} AFTER {event} ON actions BEGIN
  INSERT INTO chaos_rows(at_ms, action, machine, status, created, version, document)
  VALUES({now}, NEW.id, NEW.machine, NEW.status, NEW.created, NEW.version, NEW.document);
END"""


def watch_commits(database):
    """Makes the database of a server that does not run keep every version of every action."""
    db = sqlite3.connect(database)
    db.execute("CREATE TABLE chaos_rows(n INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER, action BLOB,"
               " machine BLOB, status INTEGER, created INTEGER, version INTEGER, document BLOB)")
    for event in ("INSERT", "UPDATE"):
        db.execute(_TRIGGER.format(name=event.lower(), event=event, now=_NOW_MS))
    db.execute("CREATE TRIGGER chaos_delete BEFORE DELETE ON actions "
               "BEGIN SELECT RAISE(ABORT, 'an action was to be deleted'); END")
    db.commit()
    db.close()


def write_rows(database, path):
    """The kept versions, in order, a JSON object a line. Gives the actions' last status numbers."""
    db = sqlite3.connect(database)
    keys = {action: name for name, action in db.execute("SELECT name, action FROM idempotency")}
    last = {}
    with open(path, "w", encoding="utf-8") as out:
        for at_ms, action, machine, status, created, version, document in db.execute(
                "SELECT at_ms, action, machine, status, created, version, document"
                " FROM chaos_rows ORDER BY n"):
            last[action] = status
            out.write(json.dumps(dict(
                at_ms=at_ms, action=str(uuid.UUID(bytes=action)), machine=machine.hex(),
                status=status, created=created, version=version, document=document.hex(),
                key=keys.get(action, ""))) + "\n")
    count = db.execute("SELECT count(*) FROM actions").fetchone()[0]
    whole = db.execute("PRAGMA integrity_check").fetchone()[0]
    db.close()
    if count != len(last) or whole != "ok":
        raise LocalError(f"the database: {count} actions, {len(last)} watched, integrity {whole}")
    return {str(uuid.UUID(bytes=action)): status for action, status in last.items()}


def write_blobs(folder, path):
    """Every blob under `folder`: when it got its name (the file's own ctime) and its bytes' digest."""
    with open(path, "w", encoding="utf-8") as out:
        for parent, _, names in os.walk(folder):
            if os.path.basename(parent) == "staging" or "/staging/" in parent:
                continue
            for name in names:
                if not re.fullmatch(r"[0-9a-f]{32}", name):
                    continue
                where = os.path.join(parent, name)
                with open(where, "rb") as file:
                    data = file.read()
                trailer = struct.unpack("<I", data[-12:-8])[0]
                if data[-8:] != b"RBblob1\n":
                    raise LocalError(f"{where} is not a blob's file")
                content = data[:len(data) - 12 - trailer]
                out.write(json.dumps(dict(at_us=os.stat(where).st_ctime_ns // 1000, blob=name,
                                          sha256=hashlib.sha256(content).hexdigest())) + "\n")


def keep(folder, data, states):
    """Copies what somebody needs who wants to know why, before the disks go."""
    for name in ("db", "audit"):
        if os.path.exists(os.path.join(data, name)):
            shutil.copytree(os.path.join(data, name), os.path.join(folder, name), dirs_exist_ok=True)
    for label, state in states.items():
        os.makedirs(os.path.join(folder, label), exist_ok=True)
        for name in os.listdir(state) if os.path.exists(state) else ():
            if name.startswith("journal"):
                shutil.copy(os.path.join(state, name), os.path.join(folder, label))


def judge(bin_dir, folder):
    """Joins and checks. Gives (what the checker printed, True: nothing is broken)."""
    sim = os.path.join(bin_dir, "reachback-sim")
    joined = run([sim, "join", folder], timeout_s=300)
    if joined.returncode != 0:
        raise LocalError(f"reachback-sim join: {joined.stderr}")
    history = os.path.join(folder, "history.jsonl")
    with open(history, "w", encoding="utf-8") as out:
        out.write(joined.stdout)
    checked = run([sim, "check", history], timeout_s=300)
    if checked.returncode not in (0, 1):
        raise LocalError(f"reachback-sim check: {checked.stderr}")
    return checked.stdout, checked.returncode == 0


class Tally:
    """The four figures that are promised, counted from the history without the checker."""

    def __init__(self):
        self.actions = self.starts = self.double_starts = self.completed = 0
        self.unfinished = self.late = self.cancelled = self.false_cancelled = 0
        self.ends = {}

    def read(self, path):
        starts, ends, expires = {}, {}, {}
        with open(path, encoding="utf-8") as text:
            for line in text:
                e = json.loads(line)
                action, kind = e.get("action"), e["ev"]
                if kind == "accepted":
                    expires[action] = e["expires_us"]
                elif kind == "executed":
                    where = (action, e["index"])
                    starts[where] = starts.get(where, 0) + 1
                    self.false_cancelled += ends.get(action) == "Cancelled"
                elif kind == "exited":
                    self.false_cancelled += ends.get(action) == "Cancelled"
                elif kind == "command" and e["text"] == "Completed":
                    self.completed += 1
                elif kind == "status" and e["text"] not in ("Pending", "InProgress"):
                    ends[action] = e["text"]
                    self.ends[e["text"]] = self.ends.get(e["text"], 0) + 1
                    self.late += e["at_us"] > expires[action] + 30_000_000
        self.actions += len(expires)
        self.starts += sum(starts.values())
        self.double_starts += sum(n - 1 for n in starts.values())
        self.unfinished += len(expires) - len(ends)
        self.cancelled += sum(1 for end in ends.values() if end == "Cancelled")
        return self
