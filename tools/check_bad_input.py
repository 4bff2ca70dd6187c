"""Checks docs/bad-input.md: every section has every number once and in order, every row has an answer
and names a test, and every test that is named exists.

A test is `PATH::NAME` in backquotes. PATH is below the root, src/, src/server/ or tests/, whichever has
it. NAME is a test of C++ or Python, the name of a case of tests/conformance/mde, or of a vector of
tests/smuggling; at its end a * stands for the rest of the name."""

import json
import os
import re
import sys
import tomllib

import check_assurance

PAGE = os.path.join("docs", "bad-input.md")
ROOTS = ("", "src", os.path.join("src", "server"), "tests")
SECTIONS = {f"5.{n}": 20 for n in range(11)}
HEADING = re.compile(r"^## (5\.\d+) ", re.M)
ROW = re.compile(r"^\| *(\d+) *\|(.*)\|$")
NAMED = re.compile(r"`([\w/.-]+\.(?:cc|h|py|toml|jsonl))(?:::([^`]*))?`")


def find(root, path):
    for below in ROOTS:
        full = os.path.join(root, below, path)
        if os.path.isfile(full):
            return full
    return None


def names_in(path):
    """The names of a file's tests, cases or vectors."""
    with open(path, encoding="utf-8") as text:
        if path.endswith(".toml"):
            return [case["name"] for case in tomllib.loads(text.read()).get("case", [])]
        if path.endswith(".jsonl"):
            return [json.loads(line)["name"] for line in text]
        if path.endswith(".py"):
            return check_assurance.PY_TEST.findall(text.read())
        return check_assurance.C_TEST.findall(text.read())


def wrong_name(root, path, name):
    """Why no test is named so, or an empty text."""
    full = find(root, path)
    if full is None:
        return f"{path}: no such file"
    if not name:
        return f"{path}: which test of it?"
    begins = name[:-1] if name.endswith("*") else None
    if not any(test.startswith(begins) if begins is not None else test == name
               for test in names_in(full)):
        return f"{path}: no test '{name}'"
    return ""


def wrong_row(root, cells):
    """What is wrong with the cells behind a row's number."""
    if len(cells) != 3 or not all(cell.strip() for cell in cells):
        yield "a row has a number, an input, an answer and a test"
        return
    named = NAMED.findall(cells[2])
    if not named:
        yield "names no test"
    for path, name in named:
        if problem := wrong_name(root, path, name):
            yield problem


def problems(root, text, sections=None):
    """What is wrong with the page, one line each."""
    sections = SECTIONS if sections is None else sections
    parts = HEADING.split(text)
    found = dict(zip(parts[1::2], parts[2::2]))
    for section, count in sections.items():
        rows = [match for line in found.get(section, "").splitlines() if (match := ROW.match(line))]
        numbers = [int(row.group(1)) for row in rows]
        if numbers != list(range(1, count + 1)):
            yield f"{section}: the rows are {numbers}, not 1 to {count}"
        for row in rows:
            for problem in wrong_row(root, row.group(2).split(" | ")):
                yield f"{section} {row.group(1)}: {problem}"
    for section in sorted(set(found) - set(sections)):
        yield f"{section}: no such section"


def main():
    with open(os.path.join(check_assurance.ROOT, PAGE), encoding="utf-8") as text:
        wrong = list(problems(check_assurance.ROOT, text.read()))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
