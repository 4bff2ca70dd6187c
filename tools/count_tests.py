"""Reads what the test suites reported and prints a table; the last line is 'N passed, N failed'.

Input: a file of lines "name<TAB>kind<TAB>report<TAB>exit status". Kinds: ctest (report = build
folder with test-results/*.xml of GoogleTest and CTest's own ctest-junit.xml), pytest (JUnit file),
tap (node --test). A suite that ran nothing, or that ended badly without naming a failure, counts as
one failure. Skipped tests are named and never counted as passed. What tests noted of themselves as a
number that is worth seeing (NOTED, by record_property) is summed up, test function by test function.
"""

import os
import re
import sys
import xml.etree.ElementTree as xml


NOTED = {"hits": "failpoints reached", "deaths": "processes killed",
         "step_kills": "processes killed at a durable step", "faults": "faults of the nemesis"}


class Count:
    def __init__(self):
        self.noted = {}  # (test function, property) -> one value a case
        self.passed = self.failed = 0
        self.skipped = []
        self.failures = []


def count_junit(path, count, prefix=""):
    for case in xml.parse(path).getroot().iter("testcase"):
        for noted in case.iter("property"):
            if noted.get("name") in NOTED and (noted.get("value") or "").isdigit():
                key = (case.get("name", "").split("[")[0], noted.get("name"))
                count.noted.setdefault(key, []).append(int(noted.get("value")))
        name = prefix + ".".join(filter(None, [case.get("classname"), case.get("name")]))
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed += 1
            count.failures.append(name)
        elif (case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")
              or case.get("result") in ("suppressed", "skipped")):
            count.skipped.append(name)
        else:
            count.passed += 1


def count_ctest(build, count):
    """GoogleTest's files give the real counts; a program without one died and is one failure."""
    results = os.path.join(build, "test-results")
    summary = os.path.join(results, "ctest-junit.xml")
    for case in xml.parse(summary).getroot().iter("testcase"):
        name = case.get("name")
        own = os.path.join(results, name + ".xml")
        failed = case.find("failure") is not None or case.get("status") == "fail"
        before = count.failed
        if os.path.exists(own):
            try:
                count_junit(own, count, name + ": ")
            except xml.ParseError:
                pass
        elif not failed:
            count.passed += 1  # a test that is not GoogleTest's: one
        if failed and count.failed == before:
            count.failed += 1
            count.failures.append(f"{name}: ended badly (crash, sanitizer finding or timeout)")


def count_tap(path, count):
    with open(path, errors="replace") as report:
        text = report.read()
    numbers = {key: int(value) for key, value in
               re.findall(r"^# (pass|fail|cancelled|skipped|todo) (\d+)$", text, re.M)}
    count.passed += numbers.get("pass", 0)
    count.failed += numbers.get("fail", 0) + numbers.get("cancelled", 0)
    count.failures += re.findall(r"^ *not ok \d+ - (.*)$", text, re.M)
    count.skipped += ["(node)"] * (numbers.get("skipped", 0) + numbers.get("todo", 0))


READERS = {"ctest": count_ctest, "pytest": count_junit, "tap": count_tap}


def count_suite(kind, report, exit_status):
    count = Count()
    try:
        READERS[kind](report, count)
    except (OSError, xml.ParseError) as error:
        count.failures.append(f"no report: {error}")
        count.failed += 1
    if exit_status != 0 and count.failed == 0:
        count.failed = 1
        count.failures.append(f"ended with {exit_status}")
    if count.passed + count.failed == 0:
        count.failed = 1
        count.failures.append("ran no test")
    return count


def main(path):
    total = Count()
    print(f"\n{'suite':<36} {'passed':>7} {'failed':>7} {'not run':>8}")
    lines = [line.rstrip("\n").split("\t") for line in open(path)] if os.path.exists(path) else []
    for name, kind, report, exit_status in lines:
        count = count_suite(kind, report, int(exit_status))
        print(f"{name:<36} {count.passed:>7} {count.failed:>7} {len(count.skipped):>8}")
        total.passed += count.passed
        total.failed += count.failed
        total.failures += [f"{name}: {what}" for what in count.failures]
        total.skipped += [f"{name}: {what}" for what in count.skipped]
        total.noted.update(count.noted)
    if os.environ.get("CHECK_FAILED", "0") != "0":
        total.failed += 1
        total.failures.append("./dev check")
    if not lines:
        total.failed += 1
        total.failures.append("no suite ran")
    for (test, key), values in sorted(total.noted.items()):
        print(f"{NOTED[key]}: {sum(values)} in {len(values)} cases of {test}, "
              f"at least {min(values)} in each")
    for what in total.skipped:
        print("not run:", what)
    for what in total.failures:
        print("failed:", what)
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
