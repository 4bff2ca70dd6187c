"""Runs the fuzz targets of fuzz/targets.txt; ./dev fuzz builds them first. fuzz/README.md says how.

fuzz.py run NAME... [--seconds S] [--minutes M] [--jobs N] [--report JUNIT]
    Each target S seconds, or all of them together M minutes of wall time, N at a time. New inputs
    stay in build/fuzz/corpus/NAME. A crash keeps its input in build/fuzz/crashes/NAME, prints how
    to see it again, and makes the end 1.
fuzz.py coverage NAME...
    Line coverage of each target's parser files from its corpus; under 90 % makes the end 1.
fuzz.py merge NAME...
    Adds what the runs found to fuzz/corpus/NAME, the smallest set with the same coverage.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = "build/fuzz"
COVERAGE_BUILD = "build/fuzz-coverage"
LINES_MIN = 90.0  # per cent of a parser file
CORPUS_BYTES_MAX = 1 << 20  # of all targets
SEED_BYTES_MAX = 2048  # a merged input; seeds of seeds.py may be longer
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
               "UBSAN_OPTIONS": "print_stacktrace=1"}


class Target:
    def __init__(self, line):
        measured, _, _ = line.partition("+")
        self.name, length, *self.files = measured.split()
        self.length = int(length)
        self.program = os.path.join(BUILD, "bin", "fuzz_" + self.name)
        self.seeds = os.path.join("fuzz/corpus", self.name)
        self.found = os.path.join(BUILD, "corpus", self.name)
        self.crashes = os.path.join(BUILD, "crashes", self.name)
        self.dictionary = os.path.join("fuzz/dict", self.name + ".dict")


def read_targets(path="fuzz/targets.txt"):
    with open(path) as lines:
        return [Target(line) for line in lines if re.match("[a-z]", line)]


class Outcome:
    """What libFuzzer said of a run."""

    def __init__(self, target, status, output, seconds):
        self.target, self.output, self.seconds = target, output, seconds
        self.executions = self.stat("number_of_executed_units")
        self.rate = self.stat("average_exec_per_sec")
        self.new_units = self.stat("new_units_added")
        sizes = re.findall(r" corp: (\d+)/", output)
        self.corpus = int(sizes[-1]) if sizes else 0
        covered = re.findall(r" cov: (\d+)", output)
        self.edges = int(covered[-1]) if covered else 0
        kept = re.findall(r"Test unit written to (\S+)", output)
        self.crash = kept[-1] if kept else None
        self.failed = status != 0 or self.executions == 0

    def stat(self, name):
        found = re.search(rf"stat::{name}:\s+(\d+)", self.output)
        return int(found.group(1)) if found else 0

    def line(self):
        return (f"{self.target.name:<14} {self.executions:>12,} {self.rate:>9,} {self.corpus:>8,}"
                f" {self.new_units:>6,} {self.edges:>8,}  {'CRASH' if self.failed else 'ok'}")

    def why(self):
        """The lines that say what went wrong, and how to see it again."""
        lines = [line for line in self.output.splitlines()
                 if re.search(r"does not hold|runtime error|ERROR:|SUMMARY:", line)]
        if self.crash:
            lines.append(f"again: {self.target.program} {self.crash}")
        return lines or self.output.splitlines()[-15:]


def run_target(target, seconds, seed=0):
    for folder in (target.found, target.crashes):
        os.makedirs(folder, exist_ok=True)
    command = [target.program, f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={target.length}",
               f"-artifact_prefix={target.crashes}/", "-print_final_stats=1", "-timeout=10",
               "-rss_limit_mb=1024"]
    if os.path.exists(target.dictionary):
        command.append("-dict=" + target.dictionary)
    command += [target.found] + ([target.seeds] if os.path.isdir(target.seeds) else [])
    started = time.monotonic()
    done = subprocess.run(command, env=dict(os.environ, **ENVIRONMENT), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    output = done.stdout.decode("utf-8", "replace")
    return Outcome(target, done.returncode, output, time.monotonic() - started)


def write_report(path, outcomes):
    suite = xml.Element("testsuite", name="fuzz")
    for outcome in outcomes:
        case = xml.SubElement(suite, "testcase", classname="fuzz", name=outcome.target.name,
                              time=f"{outcome.seconds:.1f}")
        if outcome.failed:
            text = "\n".join(outcome.why())
            clean = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
            xml.SubElement(case, "failure", message=clean[:200]).text = clean
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    xml.ElementTree(suite).write(path)


def run(targets, seconds, minutes, jobs, report, seed=0):
    jobs = min(jobs, len(targets))
    if minutes is not None:
        seconds = max(1, int(minutes * 60 / -(-len(targets) // jobs)))
    print(f"{len(targets)} targets, {seconds} s each, {jobs} at a time")
    print(f"{'target':<14} {'executions':>12} {'exec/s':>9} {'corpus':>8} {'new':>6} {'edges':>8}",
          flush=True)
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for outcome in pool.map(lambda target: run_target(target, seconds, seed), targets):
            outcomes.append(outcome)
            print(outcome.line(), flush=True)
            for line in outcome.why() if outcome.failed else []:
                print("    " + line, flush=True)
    print(f"{sum(o.executions for o in outcomes):,} executions, "
          f"{sum(o.failed for o in outcomes)} of {len(outcomes)} targets failed")
    if report:
        write_report(report, outcomes)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


# ---- coverage ------------------------------------------------------------------------------------


def excused_lines(path, starts):
    """The numbers of the lines from each one that begins with a text of `starts` to the first after
    it that begins with '}'."""
    out, missing = set(), set(starts)
    inside = False
    with open(path) as lines:
        for number, line in enumerate(lines, 1):
            start = next((s for s in starts if line.startswith(s)), None)
            if start is not None:
                inside = True
                missing.discard(start)
            if inside:
                out.add(number)
            if line.startswith("}"):
                inside = False
    if missing:
        raise ValueError(f"{path} has no line that begins with {missing.pop()!r}")
    return out


def read_excused(path="fuzz/excused.txt"):
    """file | how the function's line begins | why: functions that no input can reach."""
    out = {}
    with open(path) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                file, start, why = (part.strip() for part in line.split("|", 2))
                if not why:
                    raise ValueError(f"{path}: no reason for {start}")
                out.setdefault(file, []).append(start)
    return out


def read_lcov(text):
    """file -> line -> times reached. A line of a template counts once, by its busiest copy."""
    out, lines = {}, {}
    for line in text.splitlines():
        if line.startswith("SF:"):
            lines = out.setdefault(os.path.relpath(line[3:], ROOT), {})
        elif line.startswith("DA:"):
            number, times = line[3:].split(",")[:2]
            lines[int(number)] = max(lines.get(int(number), 0), int(times))
    return out


def measure(target, folders):
    program = os.path.join(COVERAGE_BUILD, "bin", "fuzz_" + target.name)
    raw = os.path.join(COVERAGE_BUILD, target.name + ".profraw")
    data = raw.replace(".profraw", ".profdata")
    inputs = sorted(os.path.join(folder, name) for folder in folders if os.path.isdir(folder)
                    for name in os.listdir(folder))
    if not inputs:
        raise ValueError(f"{target.name}: no corpus in {', '.join(folders)}")
    subprocess.run([program] + inputs, env=dict(os.environ, LLVM_PROFILE_FILE=raw), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", "-o", data, raw], check=True)
    text = subprocess.run(["llvm-cov-19", "export", "-format=lcov", "-instr-profile", data, program]
                          + [os.path.join(ROOT, file) for file in target.files],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    return len(inputs), read_lcov(text)


def coverage(targets, show):
    excused = read_excused()
    code = 0
    print(f"{'target':<14} {'parser':<44} {'inputs':>6} {'lines':>6} {'reached':>8}")
    for target in targets:
        inputs, files = measure(target, [target.seeds])
        for file in target.files:
            skipped = excused_lines(file, excused.get(file, []))
            lines = {n: times for n, times in files[file].items() if n not in skipped}
            reached = sum(times > 0 for times in lines.values())
            percent = 100.0 * reached / len(lines)
            enough = percent >= LINES_MIN
            code = code if enough else 1
            print(f"{target.name:<14} {file:<44} {inputs:>6} {len(lines):>6} {percent:>7.1f}%"
                  + ("" if enough else f"  under {LINES_MIN:.0f} %"), flush=True)
            if show or not enough:
                missed = [str(n) for n, times in sorted(lines.items()) if times == 0]
                if missed:
                    print("    not reached: " + ", ".join(missed))
    return code


# ---- corpora -------------------------------------------------------------------------------------


def corpus_bytes(folder="fuzz/corpus"):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder)
               for name in names)


def merge(targets):
    """Adds to each corpus what reaches more edges, smallest first; nothing is taken away."""
    for target in targets:
        small = target.found + ".small"
        shutil.rmtree(small, ignore_errors=True)
        os.makedirs(small)
        os.makedirs(target.seeds, exist_ok=True)
        os.makedirs(target.crashes, exist_ok=True)
        for name in os.listdir(target.found) if os.path.isdir(target.found) else []:
            path = os.path.join(target.found, name)
            if os.path.getsize(path) <= SEED_BYTES_MAX:
                shutil.copy(path, small)
        before = set(os.listdir(target.seeds))
        subprocess.run([target.program, "-merge=1", "-use_counters=0", "-rss_limit_mb=1024",
                        f"-artifact_prefix={target.crashes}/",
                        f"-max_len={max(target.length, 1 << 16)}", target.seeds, small], check=True,
                       env=dict(os.environ, **ENVIRONMENT), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        added = set(os.listdir(target.seeds)) - before
        print(f"{target.name:<14} {len(before):>5} inputs, {len(added):>4} added", flush=True)
    print(f"fuzz/corpus: {corpus_bytes():,} bytes of at most {CORPUS_BYTES_MAX:,}")
    return 1 if corpus_bytes() > CORPUS_BYTES_MAX else 0


def main(arguments):
    parser = argparse.ArgumentParser(prog="./dev fuzz", add_help=False)
    parser.add_argument("what", choices=["run", "coverage", "merge"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report")
    parser.add_argument("--seed", type=int, default=0, help="of chance; default: a new one")
    parser.add_argument("--show", action="store_true", help="name the lines that were not reached")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    targets = read_targets()
    known = {target.name: target for target in targets}
    for name in options.names:
        if name not in known:
            sys.exit(f"fuzz: no target '{name}' ({', '.join(known)})")
    if options.names:
        targets = [known[name] for name in options.names]
    if options.what == "coverage":
        return coverage(targets, options.show)
    if options.what == "merge":
        return merge(targets)
    return run(targets, options.seconds, options.minutes, options.jobs, options.report,
               options.seed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
