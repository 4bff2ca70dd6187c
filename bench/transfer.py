"""(g) GetFile of 1 GiB, from POST to the last byte of the downloaded result on this machine's disk, beside
`scp` of the same file over loopback in turn; and uploads to the library, beside `scp` of the same file.
Both sides write what comes to disk and sync it. Peak memory is VmHWM of each process."""

import glob
import json
import os
import re
import subprocess
import threading
import time

from common import LIFTED, localrun, median, note
from round_trip import Ssh

GIB = 1 << 30


def make_file(path, size, text):
    """Random bytes, which do not compress, or lines of a log, which do."""
    with open(path, "wb") as out:
        if not text:
            for _ in range(size >> 20):
                out.write(os.urandom(1 << 20))
            out.write(os.urandom(size & ((1 << 20) - 1)))
            return
        number, written = 0, 0
        while written < size:
            lines = "".join(f"2026-11-28T{i % 24:02}:{i % 60:02}:{i * 7 % 60:02}Z web-{i % 97:02} sshd[{i * 31 % 65536}]: "
                            f"Accepted publickey for deploy from 10.0.{i % 256}.{i * 13 % 256} port {i * 17 % 65536}\n"
                            for i in range(number, number + 10_000)).encode()
            number += 10_000
            out.write(lines[:size - written])
            written += min(len(lines), size - written)


def peak_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"^VmHWM:\s+(\d+)", status.read(), re.M).group(1))


class Peaks:
    """The largest VmHWM of a process and of all that it starts, read ten times a second."""

    def __init__(self, roots):
        self._roots = roots  # name -> pid
        for pid in roots.values():
            with open(f"/proc/{pid}/clear_refs", "w") as reset:
                reset.write("5")  # from here on
        self.kib = dict.fromkeys(roots, 0)
        self.child_kib = dict.fromkeys(roots, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.1):
            for name, pid in self._roots.items():
                self._read(name, pid)

    def _read(self, name, pid):
        try:
            self.kib[name] = max(self.kib[name], peak_kib(pid))
            for path in glob.glob(f"/proc/{pid}/task/*/children"):
                with open(path) as children:
                    for child in children.read().split():
                        self.child_kib[name] = max(self.child_kib[name], peak_kib(child))
        except (OSError, AttributeError):
            pass  # it has ended meanwhile

    def stop(self):
        self._stop.set()
        self._thread.join()


def curl(ca_file, arguments):
    done = subprocess.run(["curl", "-sS", "--fail", "--cacert", ca_file, *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise localrun.LocalError(f"curl: {done.stderr[:300]}")
    return done.stdout


def sync(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def get_file(api, ca_file, machine, path, into):
    """What a responder does: POST, wait, ask for the link, download."""
    action = api.submit(machine, {"type": "GetFile", "params": [{"key": "Path", "value": path}]})
    ended = api.wait_final(action["id"], 300)
    if ended["status"] != "Succeeded":
        raise localrun.LocalError(f"GetFile: {json.dumps(ended)[:500]}")
    curl(ca_file, ["-o", into, api.link(action["id"])])
    sync(into)


def check_same(path, fetched):
    """`fetched` is a gzip stream of `path`."""
    unpack = subprocess.Popen(["gzip", "-dc", fetched], stdout=subprocess.PIPE)
    same = subprocess.run(["cmp", "-s", path, "-"], stdin=unpack.stdout, check=False).returncode == 0
    unpack.stdout.close()
    if unpack.wait() != 0 or not same:
        raise localrun.LocalError("what GetFile brought is not the file")


def scp(ssh, source, into):
    argv = ["scp", "-F", "none", "-q", "-P", str(ssh.port), *ssh.prefix[5:-1], f"{ssh.prefix[-1]}:{source}", into]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise localrun.LocalError(f"{argv}: {done.stderr[:300]}")
    sync(into)


def timed(work, *arguments):
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def compare(size, rounds, ours, theirs):
    rates = {"reachback": [], "scp": []}
    for _ in range(rounds):
        rates["reachback"].append(size / timed(ours) / 1e6)
        rates["scp"].append(size / timed(theirs) / 1e6)
    ratios = [a / b for a, b in zip(rates["reachback"], rates["scp"])]
    return {"mb_per_s": median(rates["reachback"]), "scp_mb_per_s": median(rates["scp"]),
            "ratio": median(ratios), "bytes": size, "rounds": rounds}


def measure(folder, bin_dir, size, rounds):
    folder = os.path.join(folder, "transfer")
    results = {}
    with localrun.World(folder, bin_dir, LIFTED.replace("threads = 1\n", "")) as world:
        world.up()
        agent = world.agent()
        api = world.server.api(timeout_s=120)
        ca = world.server.ca_file
        ssh = Ssh(os.path.join(folder, "ssh"))
        processes = {"server": world.server.process.pid, "agent": agent.process.pid}
        peaks = Peaks(processes)
        into = os.path.join(folder, "fetched")
        try:
            for name, is_text in (("random", False), ("log", True)):
                path = os.path.join(folder, name)
                make_file(path, size, is_text)
                get_file(api, ca, agent.machine_id, path, into)
                check_same(path, into)
                results[name] = compare(size, rounds,
                                        lambda: get_file(api, ca, agent.machine_id, path, into),
                                        lambda: scp(ssh, path, into))
                note(f"GetFile {name:6} {results[name]['mb_per_s']:7.0f} MB/s   scp "
                     f"{results[name]['scp_mb_per_s']:7.0f} MB/s   {results[name]['ratio']:.2f} ×")
                os.remove(path)
            peaks.stop()
            results["peak_kib"] = {"server": peaks.kib["server"], "supervisor": peaks.kib["agent"],
                                   "its_children": peaks.child_kib["agent"]}
            peaks = Peaks(processes)
            path = os.path.join(folder, "upload.bin")
            make_file(path, 20 * 1000 * 1000, False)
            upload = ["-H", f"Authorization: Bearer {api.token()}", "-F", f"file=@{path}", "-F", "OverrideIfExists=true",
                      api.url + "/api/libraryfiles"]
            results["upload"] = compare(20 * 1000 * 1000, 5 * rounds, lambda: curl(ca, upload),
                                        lambda: scp(ssh, path, into))
            note(f"upload of 20 MB {results['upload']['mb_per_s']:7.0f} MB/s   scp "
                 f"{results['upload']['scp_mb_per_s']:7.0f} MB/s   {results['upload']['ratio']:.2f} ×")
        finally:
            peaks.stop()
            ssh.stop()
    results["upload"]["peak_kib"] = peaks.kib["server"]
    note("peaks: GetFile " + ", ".join(f"{name} {kib >> 10} MiB" for name, kib in results["peak_kib"].items())
         + f"; upload server {results['upload']['peak_kib'] >> 10} MiB")
    return results
