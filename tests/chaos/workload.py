"""What responders do in a chaos run: a client for each machine, which posts, cancels, waits, mints and
downloads, repeats what got no answer, and compares every result byte for byte.
"""

import calendar
import json
import os
import random
import re
import threading
import time
import urllib.parse
import uuid

from programs import LocalError
from localrun import LINK, Api, ApiError

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = "work.py"
FINAL = ("Succeeded", "Failed", "TimeOut", "Cancelled")
CALL_TIMEOUT_S = 8
STUCK_S = 150  # after everything has healed, so long at most until an action is final
RETRY_S = 0.1
IN_BLOCKS_BYTES = 4_500_000  # more than the agent uploads in one piece


def now_us():
    return time.time_ns() // 1000


class Finding(Exception):
    """Something that must not be, in words."""


class Command:
    """One command, and what its result has to say."""

    def __init__(self, chance, plain=False):
        self.token = f"{chance.getrandbits(64):016x}"
        self.bytes = int(2 ** chance.uniform(0, 20)) if chance.random() < 0.9 else 0
        self.seconds = 0 if plain else round(chance.choice((0, 0, chance.uniform(0, 3))), 2)
        self.code = 0 if plain else chance.choice((0, 0, 0, 1, 77))
        if chance.random() < 0.02:
            self.bytes = IN_BLOCKS_BYTES
        if not plain and chance.random() < 0.03:
            self.seconds = 600  # runs into the limit

    def args(self, effects, journal):
        return f"{effects} {journal} {self.token} {self.bytes} {self.seconds} {self.code}"

    def output(self):
        lines = (f"{self.token} {i:08d}\n" for i in range(self.bytes // 26 + 1))
        return "".join(lines)[:self.bytes]

    def compare(self, told, content, action_id, index):
        """told: the command as the API shows it. Gives "same" or "shortened"; Finding if it is wrong."""
        where = f"{action_id}/{index}"
        try:
            result = json.loads(content)
            out, err = result["script_output"], result["script_errors"]
        except (ValueError, KeyError, TypeError) as error:
            raise Finding(f"{where}: the result is no result: {error!r}, {content[:200]!r}") from error
        wanted, noted = self.output(), f"{where} {self.token}\n"
        if result["script_name"] != SCRIPT:
            raise Finding(f"{where}: the result of another script, {result['script_name']}")
        whole = told["commandStatus"] == "Completed"
        if whole and result["exit_code"] != self.code:
            raise Finding(f"{where}: exit code {result['exit_code']}, it was {self.code}")
        if out == wanted and err == noted:
            return "same"
        excused = not whole or any("OutputTruncated" in e for e in told["errors"])
        if excused and wanted.startswith(out) and noted.startswith(err):
            return "shortened"
        raise Finding(f"{where}: {told['commandStatus']} with other bytes: {len(out)} of {len(wanted)} "
                      f"and {len(err)} of {len(noted)}; errors {told['errors']}")


class AuditTail:
    """Reads the access audit as it grows, to see that a link's record stands before its answer."""

    def __init__(self, path):
        self.path = path
        self._lock = threading.Lock()
        self._told = {}  # "ACTION/INDEX BLOB" -> how many links clients were given
        self._start_over()

    def _start_over(self):
        self._offset, self._mints = 0, {}

    def _read_on(self):
        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size < self._offset:
                self._start_over()  # lines whose sync failed were cut off again
            file.seek(self._offset)
            text = file.read()
        text = text[:text.rfind(b"\n") + 1]
        try:
            records = [json.loads(line) for line in text.splitlines()]
        except ValueError:
            if self._offset == 0:
                raise
            self._start_over()  # cut off, and written on since
            self._read_on()
            return
        self._offset += len(text)
        for record in records:
            if record.get("kind") == "mint":
                self._mints.setdefault(record["object"], []).append(record["at"])

    def told(self, link):
        """A client was given a link to "ACTION/INDEX BLOB". The time of its record (server's clock,
        text), or None: there are fewer records than links."""
        with self._lock:
            self._told[link] = self._told.get(link, 0) + 1
            self._read_on()
            times = self._mints.get(link, [])
            return times[-1] if len(times) >= self._told[link] else None

    def missing(self):
        """At the end, from the whole file: links that were told and stand nowhere."""
        with self._lock:
            self._start_over()
            self._read_on()
            return [link for link, n in self._told.items() if len(self._mints.get(link, [])) < n]


class History:
    """What clients were told, in a file of events."""

    def __init__(self, path):
        self._out = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, kind, at_us=None, **fields):
        event = {"at_us": now_us() if at_us is None else at_us, "ev": kind, "index": 0, "flag": True}
        event.update(fields)
        with self._lock:
            self._out.write(json.dumps(event) + "\n")
            self._out.flush()

    def close(self):
        self._out.close()


def parse_us(text):
    """"2026-01-01T00:00:00.5Z" in microseconds since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")

    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000 + int((fraction + "000000")[:6])


class Client:
    """Of one machine. Its calls are repeated until they have an answer; `give_up` ends that."""

    def __init__(self, api, history, audit, counts, gave_up, clock_moves=lambda: 0):
        self.api, self.history, self.audit, self.counts = api, history, audit, counts
        self.gave_up = gave_up  # () -> True: it has taken too long
        self.clock_moves = clock_moves  # () -> grows while and when the server's clock is set

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def insist(self, call, what, done):
        """Repeats call() until its status is in `done`."""
        while True:
            try:
                answer = call()
                if answer.status in done:
                    return answer
                if answer.status not in (401, 408, 409, 429, 500, 502, 503, 507):
                    raise Finding(f"{what}: {answer}")
                said = str(answer)
            except ApiError as error:
                if error.response.status not in (401, 429, 500, 503, 507):
                    raise Finding(f"{what}: {error}") from error
                said = str(error)
            except OSError as error:
                said = str(error)
            self.count("calls repeated")
            if self.gave_up():
                raise Finding(f"{what}: no answer although everything has healed; the last: {said}")
            time.sleep(RETRY_S)

    def submit(self, machine, bodies):
        key = str(uuid.uuid4())
        answer = self.insist(lambda: self.api.post_run(machine, *bodies, key=key), "POST", (201,))
        action_id = answer.json()["id"]
        self.history.add("answered", action=action_id, key=key)
        return action_id

    def wait_final(self, action_id):
        while True:
            answer = self.insist(lambda: self.api.call(
                "GET", f"/api/machineactions/{action_id}?waitFor=final&timeout=2s"), "GET", (200,))
            action = answer.json()
            if action["status"] in FINAL:
                return action
            if self.gave_up():
                raise Finding(f"{action_id} is still {action['status']}: {action['commands']}")

    def cancel(self, action_id):
        answer = self.insist(lambda: self.api.cancel(action_id), "cancel", (200, 400))
        self.count("cancels answered " + str(answer.status))

    def fetch(self, action_id, index, wanted, told):
        """Mints, downloads, compares. None: there is no result."""
        sent, moves = now_us(), self.clock_moves()
        answer = self.insist(lambda: self.api.mint(action_id, index), "mint", (200, 404))
        if answer.status == 404:
            if told["commandStatus"] == "Completed":
                raise Finding(f"{action_id}/{index} is Completed, its result is lost: {answer}")
            return None
        at = now_us()
        link = answer.json()["value"]
        parts = LINK.match(link)
        if not parts:
            raise Finding(f"not a link: {link}")
        record = self.audit.told(f"{action_id}/{index} {parts['blob']}")
        life_us = parse_us(urllib.parse.unquote(parts["se"])) - parse_us(record) if record else 0
        # By true time: the server's clock may have been moved, the length of a life holds.
        expires = sent + life_us
        self.count("links minted")
        self.history.add("minted", at, action=action_id, index=index, blob=parts["blob"],
                         expires_us=expires, flag=bool(record))
        began = now_us()
        got = self.insist(lambda: self.api.download(link), "download", (200, 403))
        if got.status == 403 and self.clock_moves() != moves:
            self.count("links that the server's clock overtook")
            return self.fetch(action_id, index, wanted, told)
        if got.status == 403:
            self.history.add("fetched", began, action=action_id, index=index, expires_us=expires,
                             flag=False)
            raise Finding(f"{action_id}/{index}: a fresh link was refused: {got}")
        found = re.search(rb'"script_errors": ?"([0-9a-f-]{36}/[0-9]+) ', got.body)
        says = found.group(1).decode() if found else f"{action_id}/{index}"
        self.history.add("fetched", began, action=action_id, index=index, expires_us=expires,
                         text=says)
        how = wanted.compare(told, got.body, action_id, index)
        self.count("results compared: " + how)
        return how


class Workload:
    """A thread for each machine until told that it is over, then one last action on each."""

    def __init__(self, seed, server, agents, effects, history, clock_moves):
        self.effects, self.history = effects, history
        self.server, self.agents = server, agents
        self.audit = AuditTail(os.path.join(server.data, "audit", "access.log"))
        self.counts = {}
        self.findings = []
        self.fetched = 0
        self._seed = seed
        self._over, self._healed = threading.Event(), threading.Event()
        self._healed_at = None
        self._clock_moves = clock_moves
        self._threads = [threading.Thread(target=self._drive, args=(i, agent), daemon=True)
                         for i, agent in enumerate(agents)]
        self._lock = threading.Lock()

    def _gave_up(self):
        return self._healed_at is not None and time.monotonic() - self._healed_at > STUCK_S

    def start(self):
        for thread in self._threads:
            thread.start()

    def over(self):
        self._over.set()

    def healed(self):
        self._healed_at = time.monotonic()
        self.history.add("quiet")
        self._healed.set()

    def wait(self):
        """Until every client is done; it gives up by itself."""
        for thread in self._threads:
            thread.join(STUCK_S + 120)
            if thread.is_alive():
                self.findings.append("a client does not end")
        self.findings += [f"V15: no record of a link to {link}" for link in self.audit.missing()]

    def client(self):
        counts = {}
        return Client(self.server.api(timeout_s=CALL_TIMEOUT_S), self.history, self.audit, counts,
                      self._gave_up, self._clock_moves)

    def _drive(self, number, agent):
        chance = random.Random(f"{self._seed} {number}")
        client = self.client()
        try:
            while not self._over.is_set():
                self.one_action(client, agent, chance)
            self._healed.wait()
            status = self.one_action(client, agent, chance, last=True)
            while status == "TimeOut" and not self._gave_up():  # the agent was not back in time
                status = self.one_action(client, agent, chance, last=True)
            if status != "Succeeded":
                raise Finding(f"{agent.name}: everything had healed, and the action ended {status}")
        except Finding as finding:
            self.findings.append(str(finding))
        except (LocalError, KeyError, ValueError) as error:
            self.findings.append(f"{agent.name}: {error!r}")
        finally:
            with self._lock:
                for what, n in client.counts.items():
                    self.counts[what] = self.counts.get(what, 0) + n

    def one_action(self, client, agent, chance, last=False):
        commands = [Command(chance, plain=last) for _ in range(2 if last else chance.randint(1, 3))]
        journal = os.path.join(agent.state, "journal")
        bodies = [Api.script(SCRIPT, c.args(self.effects, journal)) for c in commands]
        cancel_after = chance.choice((0, chance.uniform(0, 0.3), chance.uniform(0, 4)))
        cancels, twice = chance.random() < 0.2 and not last, chance.random() < 0.1
        action_id = client.submit(agent.machine_id, bodies)
        if cancels:
            self._over.wait(cancel_after)
            client.cancel(action_id)
        action = client.wait_final(action_id)
        for i, (command, told) in enumerate(zip(commands, action["commands"])):
            for _ in range(2 if twice else 1):
                client.fetch(action_id, i, command, told)
        return action["status"]
