"""Runs the benchmarks and writes their table into docs/benchmarks.md and build/bench/results.json.

./dev bench calls it; by hand: /usr/bin/python3 bench/run.py [--quick] [--only mint|trip|idle|bad|start|list|transfer|terminal|many|back|actions]
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bad_tokens  # noqa: E402
import filtered_list  # noqa: E402
import fleet  # noqa: E402
import idle  # noqa: E402
import link_minting  # noqa: E402
import round_trip  # noqa: E402
import start  # noqa: E402
import terminal  # noqa: E402
import transfer  # noqa: E402
from common import ROOT, localrun  # noqa: E402

PAGE = os.path.join(ROOT, "docs", "benchmarks.md")
WHAT = ["mint", "trip", "idle", "bad", "start", "list", "transfer", "terminal", "many", "back", "actions"]
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def machine():
    with open("/proc/cpuinfo") as info:
        model = re.search(r"^model name\s*:\s*(.*)$", info.read(), re.M)
    return {"processor": model.group(1) if model else platform.machine(),
            "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")}


def commit():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    return done.stdout.strip() or "unknown"


def verdict(reached):
    return "reached" if reached else "**missed**"


def rows(results):
    if "mint" in results:
        mint = results["mint"]
        yield ("Links minted a second, one server thread, TLS keep-alive, 64 connections",
               f"{mint['links_per_second']:,.0f}/s",
               f"nginx, fixed JSON of the same size: {mint['nginx_per_second']:,.0f}/s",
               f"{mint['ratio']:.2f} × [{mint['ratio_min']:.2f}–{mint['ratio_max']:.2f}]",
               f"≥ 0.5 × nginx: {verdict(mint['ratio'] >= 0.5)}")
    for name, what in (("true", "`true`"), ("ten_lines", "the ten-line script")):
        if name not in results.get("trip", {}):
            continue
        trip = results["trip"][name]
        ours, bash, ssh = trip["reachback"], trip["bash"], trip["ssh"]
        if name == "true":
            aim = f"p50 ≤ 5 ms: {verdict(ours['p50_ms'] <= 5)}"
        else:
            aim = (f"p50 ≤ 1.5 × bash: {verdict(ours['p50_ms'] <= 1.5 * bash['p50_ms'])}; "
                   f"≤ ssh: {verdict(ours['p50_ms'] <= ssh['p50_ms'])}")
        yield (f"POST to result readable, {what}, {ours['runs']} runs",
               f"p50 {ours['p50_ms']:.2f} ms, p99 {ours['p99_ms']:.2f} ms",
               f"bash p50 {bash['p50_ms']:.2f}, p99 {bash['p99_ms']:.2f}; "
               f"ssh p50 {ssh['p50_ms']:.2f}, p99 {ssh['p99_ms']:.2f}",
               f"{ours['p50_ms'] / bash['p50_ms']:.2f} × bash, "
               f"{ours['p50_ms'] / ssh['p50_ms']:.2f} × ssh", aim)
    if "idle" in results:
        server, agent = results["idle"]["server"], results["idle"]["agent"]
        yield ("Idle server, one agent connected",
               f"PSS {server['pss_kib'] / 1024:.1f} MiB, RSS {server['rss_kib'] / 1024:.1f} MiB",
               "", "", "")
        yield ("Idle agent, connected",
               f"PSS {agent['pss_kib'] / 1024:.1f} MiB, RSS {agent['rss_kib'] / 1024:.1f} MiB, "
               f"{agent['cpu_ms_per_s']:.3f} ms processor a second", "", "",
               f"PSS ≤ 8 MiB: {verdict(agent['pss_kib'] <= 8192)}; processor ≤ "
               f"{idle.AGENT_CPU_AIM_MS_PER_S} ms a second: "
               f"{verdict(agent['cpu_ms_per_s'] <= idle.AGENT_CPU_AIM_MS_PER_S)}")
    if "bad" in results:
        bad = results["bad"]
        yield ("Bad bearer tokens refused a second, one server thread, TLS keep-alive, 62 connections",
               f"{bad['refused_per_second']:,.0f}/s; a good request meanwhile p99 "
               f"{bad['good_busy_p99_ms']:.2f} ms (idle {bad['good_idle_p99_ms']:.2f} ms). A holder's tokens with "
               f"a changed signature: {bad['holders_per_second']:,.0f}/s",
               f"nginx, fixed 401 of the same size: {bad['nginx_per_second']:,.0f}/s",
               f"{bad['ratio']:.2f} ×", f"≥ 20,000/s: {verdict(bad['refused_per_second'] >= 20000)}")
    if "start" in results:
        begun = results["start"]
        yield (f"`serve` to `ready` with {begun['actions']:,} ended actions, {begun['audit_rows']:,} audit rows "
               f"({begun['database_bytes'] >> 20:,} MiB) and an audit file of "
               f"{begun['audit_file_bytes'] >> 20:,} MiB, {begun['runs']} starts",
               f"median {begun['median_s']:.2f} s, slowest {begun['slowest_s']:.2f} s", "", "",
               f"≤ 2 s: {verdict(begun['slowest_s'] <= 2)}")
    if "list" in results:
        listed = results["list"]
        slow = listed["each"][listed["slowest"]]
        yield (f"A list with a filter over {listed['actions']:,} actions, ten newest, {len(listed['each'])} usual "
               f"filters, {listed['runs']} times each, one connection",
               f"p50 {listed['p50_ms']:.2f} ms, p99 {listed['p99_ms']:.2f} ms; slowest ({listed['slowest']}) p99 "
               f"{slow['p99_ms']:.2f} ms",
               f"SQLite, a statement by hand: p50 {listed['sqlite_p50_ms']:.2f}, p99 {listed['sqlite_p99_ms']:.2f}",
               f"{listed['p50_ms'] / listed['sqlite_p50_ms']:.2f} ×",
               f"p99 of each < 10 ms: {verdict(slow['p99_ms'] < 10)}")
    if "terminal" in results:
        ours, ssh = results["terminal"]["reachback"], results["terminal"]["ssh"]
        yield (f"A key typed into a machine's terminal to its echo, {ours['keys']} keys",
               f"p50 {ours['p50_ms']:.2f} ms, p99 {ours['p99_ms']:.2f} ms",
               f"`ssh -tt`: p50 {ssh['p50_ms']:.2f}, p99 {ssh['p99_ms']:.2f}",
               f"{ours['p50_ms'] / ssh['p50_ms']:.2f} ×", f"p50 ≤ 20 ms: {verdict(ours['p50_ms'] <= 20)}")
    if "transfer" in results:
        yield from transfer_rows(results["transfer"])
    yield from fleet_rows(results)


def transfer_rows(moved):
    peaks = moved["peak_kib"]
    for name, what in (("random", "random bytes"), ("log", "lines of a log")):
        got = moved[name]
        yield (f"GetFile of {got['bytes'] >> 20:,} MiB of {what}, POST to the download on disk, {got['rounds']} times",
               f"{got['mb_per_s']:,.0f} MB/s", f"scp over loopback: {got['scp_mb_per_s']:,.0f} MB/s",
               f"{got['ratio']:.2f} ×", f"≥ 1.0 × scp: {verdict(got['ratio'] >= 1)}")
    got = moved["upload"]
    yield (f"Upload of a library file of 20 MB, {got['rounds']} times", f"{got['mb_per_s']:,.0f} MB/s",
           f"scp over loopback: {got['scp_mb_per_s']:,.0f} MB/s", f"{got['ratio']:.2f} ×",
           f"≥ 1.0 × scp: {verdict(got['ratio'] >= 1)}")
    yield ("Peak memory during GetFile",
           f"server {peaks['server'] / 1024:.0f} MiB; agent's supervisor {peaks['supervisor'] / 1024:.0f} MiB, network "
           f"process or reader {peaks['its_children'] / 1024:.0f} MiB. During uploads: server "
           f"{got['peak_kib'] / 1024:.0f} MiB", "", "",
           f"≤ 64 MiB each: {verdict(max(peaks.values()) <= 64 * 1024)}")


def fleet_rows(results):
    if "many" in results:
        many = results["many"]
        steps = many["steps"]
        held = ", ".join(f"{count:,}: {kib / 1024:,.0f} MiB" for count, kib in many["server_kib"])
        yield (f"Server's memory for one idle agent, simulated, {steps[0]:,} to {steps[-1]:,} connected",
               f"{many['server_slope_kib']:.1f} KiB ({held}). The simulator's own: {many['fleet_slope_kib']:.1f} KiB",
               f"nginx, an idle TLS connection: {many['nginx_slope_kib']:.1f} KiB",
               f"{many['server_slope_kib'] / many['nginx_slope_kib']:.2f} ×",
               f"≤ 40 KiB: {verdict(many['server_slope_kib'] <= 40)}; the simulator's ≤ 40 KiB: "
               f"{verdict(many['fleet_slope_kib'] <= 40)}")
    if "back" in results:
        back = results["back"]
        yield (f"{back['agents']:,} simulated agents back after a restart of the server, `ready` to the last welcome, "
               f"{back['rounds']} times", f"{back['seconds']:.1f} s ({back['per_second']:,.0f}/s)",
               f"nginx, new TLS connections: {back['nginx_handshakes_per_second']:,.0f}/s", f"{back['ratio']:.2f} ×", "")
    if "actions" in results:
        ran = results["actions"]
        yield (f"Actions from POST to their end, {ran['actions']:,} on {ran['agents']:,} simulated agents, 8 clients",
               f"{ran['finished_per_second']:,.0f}/s; POST p50 {ran['post_p50_ms']:.1f} ms, p99 {ran['post_p99_ms']:.1f} "
               f"ms; order to end p50 {ran['order_p50_ms']:.1f} ms, p99 {ran['order_p99_ms']:.1f} ms",
               f"SQLite and a file by hand, one after another: {ran['by_hand_per_second']:,.0f}/s",
               f"{ran['ratio']:.2f} ×", "")


def table(results):
    where = results["machine"]
    lines = [BEGIN, f"{where['date']}, commit {results['commit']}, {where['processor']}, "
             f"{where['cores']} cores, Linux {where['kernel']}"
             + (" — `--quick`: too short to quote" if results["quick"] else ""), "",
             "| what | Reachback | beside it, same run | ratio | aim |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows(results)]
    return "\n".join([*lines, END])


def write_page(text):
    with open(PAGE, encoding="utf-8") as page:
        old = page.read()
    begin, end = old.index(BEGIN), old.index(END) + len(END)
    with open(PAGE, "w", encoding="utf-8") as page:
        page.write(old[:begin] + text + old[end:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument("--only", choices=WHAT, action="append")
    parser.add_argument("--keep-page", action="store_true", help="do not touch docs/benchmarks.md")
    options = parser.parse_args()
    wanted = options.only or WHAT
    quick = options.quick
    folder = tempfile.mkdtemp(prefix="reachback-bench-")
    results = {"machine": machine(), "commit": commit(), "quick": quick}
    try:
        bin_dir = localrun.find_bin(("release",))
        if "mint" in wanted:
            print("bench (a): links minted a second, beside nginx", flush=True)
            results["mint"] = link_minting.measure(folder, bin_dir, rounds=2 if quick else 5,
                                                   seconds=1 if quick else 4)
        if "trip" in wanted:
            print("bench (b): from POST to the result, beside bash and ssh", flush=True)
            results["trip"] = round_trip.measure(folder, bin_dir, runs=30 if quick else 300)
        if "idle" in wanted:
            print("bench (c): idle", flush=True)
            results["idle"] = idle.measure(folder, bin_dir, seconds=3 if quick else 65)
        if "bad" in wanted:
            print("bench (d): bad tokens, beside nginx", flush=True)
            results["bad"] = bad_tokens.measure(folder, bin_dir, rounds=1 if quick else 3,
                                                seconds=1 if quick else 4)
        if "start" in wanted:
            print("bench (e): start with a million actions", flush=True)
            results["start"] = start.measure(folder, bin_dir, actions=20_000 if quick else 1_000_000)
        if "list" in wanted:
            print("bench (f): lists with a filter over a million actions", flush=True)
            results["list"] = filtered_list.measure(folder, bin_dir, actions=20_000 if quick else 1_000_000,
                                                    runs=20 if quick else 200)
        if "transfer" in wanted:
            print("bench (g): GetFile and uploads, beside scp", flush=True)
            results["transfer"] = transfer.measure(folder, bin_dir, size=(64 << 20) if quick else (1 << 30),
                                                   rounds=1 if quick else 3)
        if "terminal" in wanted:
            print("bench (h): keys typed into a terminal, beside ssh", flush=True)
            results["terminal"] = terminal.measure(folder, bin_dir, keys=50 if quick else 500)
        if "many" in wanted:
            print("bench (i): idle agents, beside nginx", flush=True)
            results["many"] = fleet.idle_agents(folder, bin_dir,
                                                steps=(100, 200, 400) if quick else (1000, 5000, 10_000, 15_000))
        if "back" in wanted:
            print("bench (j): all back after a restart, beside nginx", flush=True)
            results["back"] = fleet.reconnect(folder, bin_dir, agents=200 if quick else 10_000,
                                              rounds=1 if quick else 3)
        if "actions" in wanted:
            print("bench (k): actions on many agents, beside SQLite by hand", flush=True)
            results["actions"] = fleet.actions(folder, bin_dir, agents=200 if quick else 5000,
                                               count=400 if quick else 20_000)
    except (localrun.LocalError, subprocess.CalledProcessError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(ROOT, "build", "bench"), exist_ok=True)
    with open(os.path.join(ROOT, "build", "bench", "results.json"), "w") as out:
        json.dump(results, out, indent=1)
    text = table(results)
    if wanted == WHAT and not quick and not options.keep_page:
        write_page(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
