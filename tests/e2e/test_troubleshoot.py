"""The tables of docs/guide that tell what to do forget no error code, exit status, state or alarm, and have
none that is not there."""

import glob
import json
import os
import re

import harness

GUIDE = os.path.join(harness.ROOT, "docs", "guide")


def section(heading, page="troubleshoot.md"):
    """What stands in backticks in the first column of the table below a heading."""
    with open(os.path.join(GUIDE, page), encoding="utf-8") as text:
        body = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text.read(), re.S | re.M).group(1)
    cells = re.findall(r"^\| ([^|]*) \|", body, re.M)
    return sorted(word for cell in cells for word in re.findall(r"`([^`]+)`", cell))


def source(*path):
    with open(os.path.join(harness.ROOT, *path), encoding="utf-8") as text:
        return text.read()


def of_errors_json(key):
    return {row[key] for row in json.loads(source("api", "errors.json"))["errors"].values()}


def test_every_error_code_of_the_api_has_its_row():
    codes = of_errors_json("code") | set(json.loads(source("api", "errors.json"))["statuses"].values())
    assert section("Error codes of the API") == sorted(codes)


def test_every_error_word_of_the_token_address_has_its_row():
    assert section("Errors of the sign-in") == sorted(of_errors_json("oauth"))


def test_every_exit_status_of_the_command_line_has_its_row():
    named = re.findall(r"kExit\w+ = (\d+);", source("src", "cli", "commands.h"))
    assert section("Exit statuses of `reachback`") == sorted(["0", *named])


def test_every_line_of_the_agents_status_has_its_row():
    printed = re.findall(r'(?:\{|object\[)"(\w+)"', re.search(
        r"int status_command.*?\n}\n", source("src", "agent", "wire", "cli.cc"), re.S).group(0))
    assert section("What `reachback-agent status` says") == sorted(printed)


def found(pattern, *folders):
    """What the pattern's group is in the sources below these folders, tests left out."""
    return {word for folder in folders
            for path in glob.glob(os.path.join(harness.ROOT, folder, "**", "*.cc"), recursive=True)
            if not path.endswith("_test.cc") for word in re.findall(pattern, source(path))}


def test_every_word_of_an_error_of_a_command_has_its_row():
    said = found(r'"([A-Z][A-Za-z]+): ', "src/agent", "src/server/action")
    assert section("What the `errors` of a command say") == sorted(said)


def test_every_alarm_has_its_row():
    rows = set(section("Logs", "operate.md")) - {"alarm="}
    assert rows == found(r'field\("alarm", "(\w+)"\)', "src/server", "src/net", "src/protocol")
