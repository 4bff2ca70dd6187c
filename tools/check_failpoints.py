"""Checks that tests/e2e/failpoints.txt and the RB_FAILPOINT("...") of src/ name the same points."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = "tests/e2e/failpoints.txt"
NAME = re.compile(r"(agent|server|cli)(\.[a-z0-9_]+)+")


def read_list(path):
    """Name -> comment, in the file's order. A line: name, blanks, what has just become durable."""
    points = {}
    with open(path) as lines:
        for number, line in enumerate(lines, 1):
            text = line.split("#", 1)[0].strip()
            if not text:
                continue
            name, _, why = text.partition(" ")
            if not NAME.fullmatch(name) or name in points:
                raise ValueError(f"{path}:{number}: '{name}' is no failpoint name, or stands twice")
            points[name] = why.strip()
    return points


def in_source(root):
    found = {}
    for folder, _, files in os.walk(os.path.join(root, "src")):
        for file in files:
            if not file.endswith((".cc", ".h")) or file.endswith("_test.cc") or \
                    file.startswith("failpoint."):
                continue
            path = os.path.join(folder, file)
            with open(path, errors="replace") as source:
                for number, line in enumerate(source, 1):
                    for name in re.findall(r'RB_FAILPOINT\(\s*"([^"]+)"', line):
                        found.setdefault(name, []).append(
                            f"{os.path.relpath(path, root)}:{number}")
    return found


def problems(root):
    path = os.path.join(root, LIST)
    listed = read_list(path) if os.path.exists(path) else {}
    found = in_source(root)
    for name, places in sorted(found.items()):
        if name not in listed:
            yield f"{places[0]}: failpoint {name} is not in {LIST}"
    for name in sorted(set(listed) - set(found)):
        yield f"{LIST}: failpoint {name} is nowhere in src/"


def main():
    wrong = list(problems(ROOT))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
