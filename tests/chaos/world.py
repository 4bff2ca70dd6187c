"""One world of real processes: a server and agents, each on a disk of its own where that can be, behind
gates, started again when they end; and how such a world is ended and judged.
"""

import os
import signal

import records
from disks import Disk, Unavailable
from gate import Gate, GateLoop
from harness import FINDING
from programs import Agent, Kept, LocalError, Server, kill_scripts
from workload import SCRIPT, HERE, History
from localrun import run

SERVER_MIB_MIN, SERVER_MIB_A_MINUTE, AGENT_MIB = 320, 60, 48
CONFIG = """[limits]
enabled = false
[live_response]
queue_time = "10s"
script_timeout = "8s"
cancel_wait = "2s"
"""


class World:
    """folder: of this world alone. disks: False = plain folders. Close it whatever happens."""

    def __init__(self, folder, bin_dir, agents=1, disks=True, minutes=1.0, variant=None):
        os.makedirs(folder)
        self.folder, self.bin_dir = folder, bin_dir
        self.no_disks = "not asked for"
        self.gates, self.disks, self.agents, self.kept_agents = None, [], [], []
        self.kept_server = self.server = None
        self.environment = {"REACHBACK_VARIANT": variant} if variant else {}
        self.findings = []
        try:
            self._make(agents, disks, minutes)
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def _disk(self, name, mebibytes):
        """A mounted disk; without them a plain folder."""
        if self.no_disks:
            os.makedirs(self.path(name))
            return None
        disk = Disk(self.path(name), mebibytes)
        self.disks.append(disk)
        return disk

    def _make(self, agents, disks, minutes):
        if disks:
            self.no_disks = ""
            try:
                self.disks.append(Disk(self.path("disk.try"), 8))
            except Unavailable as why:
                self.no_disks = str(why)
        self.gates = GateLoop()
        self.effects = self.path("effects")
        with open(self.effects, "w", encoding="utf-8"):
            pass
        self.history = History(self.path("clients.jsonl"))
        server_disk = self._disk("server", int(SERVER_MIB_MIN + SERVER_MIB_A_MINUTE * minutes))
        self.clients = Gate(self.gates)
        self.server = Server(self.folder, self.bin_dir, CONFIG, self.path("server/data"), self.clients)
        self.server.init()
        records.watch_commits(os.path.join(self.server.data, "db", "reachback.db"))
        self.kept_server = Kept("server", self.server, self.environment, server_disk)
        for i in range(agents):
            gate = Gate(self.gates)
            self.server.agent_gates.append(gate)
            disk = self._disk(f"agent{i}", AGENT_MIB)
            self.agents.append(Agent(self.folder, self.server, self.bin_dir, f"agent{i}",
                                     self.path(f"agent{i}/state"), gate))
            self.kept_agents.append(Kept(f"agent{i}", self.agents[-1], self.environment, disk))
        self.kept_server.start()
        for kept, agent in zip(self.kept_agents, self.agents):
            agent.enroll(self.server.enrollment_token("--uses", "1", "--ttl", "1h"))
            kept.start()
            agent.wait_connected()
        with open(os.path.join(HERE, SCRIPT), encoding="utf-8") as text:
            self.server.api().upload(SCRIPT, text.read())

    def finish(self):
        """Ends the programs as an administrator would, then looks at what they left."""
        for kept in [*self.kept_agents, self.kept_server]:
            if kept.finding:
                self.findings.append(kept.finding)
            code = kept.stop()
            if code not in (0, -signal.SIGTERM):  # the latter: it had not got so far as to listen
                self.findings.append(f"{kept.name} ended with {code} when it was asked to end")
        self.history.close()
        audited = run([self.server.bin, "verify-audit", "--data", self.server.data])
        if audited.returncode != 0:
            self.findings.append(f"V22: verify-audit: {audited.stdout} {audited.stderr}")
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(self.path(name), errors="replace") as log:
                    self.findings += [f"{name}: {line.strip()}" for line in log if FINDING.search(line)]
        records.write_rows(os.path.join(self.server.data, "db", "reachback.db"),
                           self.path("rows.jsonl"))
        records.write_blobs(os.path.join(self.server.data, "blobs"), self.path("blobs.jsonl"))
        said, holds = records.judge(self.bin_dir, self.folder)
        if not holds:
            self.findings += [line for line in said.splitlines() if line.startswith("V")]
        return said, records.Tally().read(self.path("history.jsonl"))

    def close(self):
        """Ends everything of this world; what the disks held is gone then, but for database, audit and
        journals, which are copied when there is something to be found out."""
        for kept in [*self.kept_agents, self.kept_server]:
            if kept is not None:
                kept.end()
        if self.server is not None:
            kill_scripts(self.effects)
        if self.disks and self.findings:
            states = {agent.label: agent.state for agent in self.agents}
            records.keep(self.path("kept"), self.server.data, states)
        if self.gates:
            self.gates.close()
        left = []
        for disk in self.disks:
            try:
                disk.close()
            except (Unavailable, OSError) as error:
                left.append(str(error))
        if left:
            raise LocalError("a disk was not freed: " + "; ".join(left))
