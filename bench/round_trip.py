"""(b) From POST to the result's bytes in hand, against the same script by bash on this machine and by
ssh over a multiplexed connection to an sshd of our own on loopback. The three take turns, run by run,
so that a disturbance meets all of them. Everything durable and over TLS on our side."""

import getpass
import json
import os
import shutil
import subprocess
import time

from common import LIFTED, QuickClient, free_port, localrun, note, percentile, wait_port

TRUE = "#!/bin/bash\ntrue\n"
# Ten lines, four small programs started.
TEN_LINES = """#!/bin/bash
name=$(uname -n)
now=$(date +%s)
count=0
for word in one two three four; do
  count=$((count + ${#word}))
done
users=$(cut -d: -f1 /etc/passwd)
echo "$name $now $count"
echo "$users" | head -n 3
"""


class Ssh:
    """An sshd of our own with a key, a folder and a port of its own, and one open master connection."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(os.path.join(folder, "home"), mode=0o700)
        self.port = free_port()
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            os.path.join(folder, name)], check=True)
        shutil.copy(os.path.join(folder, "user.pub"), os.path.join(folder, "authorized"))
        self._made_run = os.getuid() == 0 and not os.path.exists("/run/sshd")
        if self._made_run:
            os.mkdir("/run/sshd", 0o755)
        options = {"Port": self.port, "ListenAddress": "127.0.0.1",
                   "HostKey": os.path.join(folder, "host"),
                   "AuthorizedKeysFile": os.path.join(folder, "authorized"), "PidFile": "none",
                   "StrictModes": "no", "UsePAM": "no", "PasswordAuthentication": "no",
                   "PermitRootLogin": "prohibit-password", "Subsystem": "sftp internal-sftp", "PrintMotd": "no", "UseDNS": "no",
                   # an empty home: no start file of this account is measured
                   "SetEnv": f"HOME={folder}/home"}
        config = os.path.join(folder, "sshd_config")
        with open(config, "w") as out:
            out.writelines(f"{key} {value}\n" for key, value in options.items())
        program = shutil.which("sshd") or "/usr/sbin/sshd"
        with open(os.path.join(folder, "sshd.log"), "wb") as log:
            self.sshd = subprocess.Popen([program, "-D", "-e", "-f", config],
                                         stdout=log, stderr=log)
        wait_port(self.port, self.sshd)
        self.prefix = ["ssh", "-F", "none", "-p", str(self.port), "-i", os.path.join(folder, "user"),
                       "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known",
                       "-o", "LogLevel=ERROR", "-o", "BatchMode=yes",
                       "-o", f"ControlPath={folder}/master", f"{getpass.getuser()}@127.0.0.1"]
        self.master = subprocess.Popen([*self.prefix[:-1], "-o", "ControlMaster=yes", "-N",
                                        self.prefix[-1]], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.path.exists(os.path.join(folder, "master")):
            if time.monotonic() > deadline or self.master.poll() is not None:
                self.stop()
                raise localrun.LocalError(f"ssh did not connect: see {folder}/sshd.log")
            time.sleep(0.02)

    def stop(self):
        for child in (getattr(self, "master", None), self.sshd):
            if child and child.poll() is None:
                child.terminate()
                child.wait(10)
        if self._made_run:
            os.rmdir("/run/sshd")


class Reachback:
    def __init__(self, client, machine, script):
        self._client = client
        body = json.dumps({"Commands": [{"type": "RunScript", "params": [
            {"key": "ScriptName", "value": script}]}], "Comment": "bench"}).encode()
        self._post = client.prepare("POST", f"/api/machines/{machine}/runliveresponse", body)

    def __call__(self):
        client = self._client
        status, body = client.send(self._post)
        if status != 201:
            raise localrun.LocalError(f"POST: {status} {body[:300]}")
        action = json.loads(body)["id"]
        status, body = client.send(client.prepare(
            "GET", f"/api/machineactions/{action}?waitFor=final&timeout=30s"))
        if b'"status":"Succeeded"' not in body:
            raise localrun.LocalError(f"the action: {status} {body[:300]}")
        status, body = client.send(client.prepare(
            "GET", f"/api/machineactions/{action}/GetLiveResponseResultDownloadLink(index=0)"))
        link = json.loads(body)["value"]
        status, body = client.send(client.prepare(
            "GET", link[link.index("/", len("https://")):], token=False))
        result = json.loads(body)
        if status != 200 or result["exit_code"] != 0:
            raise localrun.LocalError(f"the result: {status} {body[:300]}")


def local_command(argv):
    def run():
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise localrun.LocalError(f"{argv}: {done.stderr[:300]}")
    return run


def measure(folder, bin_dir, runs):
    folder = os.path.join(folder, "trip")
    results = {}
    with localrun.World(folder, bin_dir, LIFTED.replace("threads = 1\n", "")) as world:
        world.up()
        agent = world.agent()
        api = world.server.api()
        client = QuickClient(api)
        ssh = Ssh(os.path.join(folder, "ssh"))
        try:
            for name, text in (("true", TRUE), ("ten_lines", TEN_LINES)):
                script = os.path.join(folder, name + ".sh")
                with open(script, "w") as out:
                    out.write(text)
                api.upload(name + ".sh", text)
                ways = {"reachback": Reachback(client, agent.machine_id, name + ".sh"),
                        "bash": local_command(["bash", script]),
                        "ssh": local_command([*ssh.prefix, "bash --norc " + script])}
                taken = {way: [] for way in ways}
                for number in range(runs + 5):
                    for way, run in ways.items():
                        began = time.perf_counter()
                        run()
                        if number >= 5:  # the first ones warm up
                            taken[way].append((time.perf_counter() - began) * 1000)
                results[name] = {way: {"p50_ms": percentile(ms, 0.5), "p99_ms": percentile(ms, 0.99),
                                       "runs": len(ms)} for way, ms in taken.items()}
                for way, figures in results[name].items():
                    note(f"{name:9} {way:9} p50 {figures['p50_ms']:7.2f} ms   "
                         f"p99 {figures['p99_ms']:7.2f} ms")
        finally:
            client.close()
            ssh.stop()
    return results
