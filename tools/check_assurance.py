"""Checks that every test that ASSURANCE.md names is there: `path/to/file_test.cc::TestName` or
`tests/e2e/test_x.py::test_name`. A name may end in * for a family of tests."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAMED = re.compile(r"`([\w/.-]+\.(?:cc|py))::([\w*]+)`")
C_TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P)\(\s*\w+,\s*(\w+)\)", re.M)
PY_TEST = re.compile(r"^\s*def (test_\w+)\(", re.M)


def tests_of(path):
    with open(path, encoding="utf-8") as text:
        return (C_TEST if path.endswith(".cc") else PY_TEST).findall(text.read())


def missing(root, text):
    """What the text names and the tree does not have, one line each; and how many it names."""
    wrong, named = [], NAMED.findall(text)
    for file, name in named:
        path = os.path.join(root, file)
        if not os.path.exists(path):
            wrong.append(f"{file}: no such file")
            continue
        pattern = re.compile(re.escape(name).replace(r"\*", r"\w*") + "$")
        if not any(pattern.match(test) for test in tests_of(path)):
            wrong.append(f"{file}: no test {name}")
    return wrong, len(named)


def main():
    with open(os.path.join(ROOT, "ASSURANCE.md"), encoding="utf-8") as text:
        wrong, named = missing(ROOT, text.read())
    if named == 0:
        wrong.append("ASSURANCE.md names no test")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
