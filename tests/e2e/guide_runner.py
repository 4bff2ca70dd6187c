"""Runs the fenced blocks of a page of docs/guide, in order, as a reader who types them would: one shell
with `set -euo pipefail`, in which what one block sets the next one sees.

The words behind a fence's three backticks say what a block is:
  bash, sh          run in that shell
  python            run by python3, with what the shell has exported
  bash not-run      shown only; the test has a list of those that it accepts
  text shape        what the block before printed: line by line, … stands for anything, and a line that
                    is … alone for any number of lines
  json shape        the same for JSON: the same keys, the same kinds of values; … for any value, and
                    for members that are not shown ("…": "…")
Other blocks (toml, text without shape) are for reading."""

import ast
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass

FENCE = re.compile(r"^```(.*)$")
ANY = "…"
SHELL = ("bash", "sh")


@dataclass
class Block:
    page: str
    line: int  # of the opening fence
    language: str
    words: list
    text: str

    @property
    def where(self):
        return f"{os.path.basename(self.page)}:{self.line}"

    @property
    def is_run(self):
        return self.language in (*SHELL, "python") and "not-run" not in self.words

    @property
    def is_shape(self):
        return "shape" in self.words


def blocks_of(page):
    """The page's fenced blocks. ValueError for a fence that never ends."""
    with open(page, encoding="utf-8") as file:
        lines = file.read().splitlines()
    blocks, begun = [], None
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if not fence:
            continue
        if begun is None:
            begun = number, fence.group(1).split()
            continue
        start, words = begun
        blocks.append(Block(page, start, words[0] if words else "", words[1:],
                            "\n".join(lines[start:number - 1]) + "\n"))
        begun = None
    if begun:
        raise ValueError(f"{page}:{begun[0]}: the block does not end")
    return blocks


def lacking(block):
    """The modules that a Python block imports and this machine does not have."""
    if block.language != "python":
        return []
    tree = ast.parse(block.text)
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names}
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return sorted(name for name in names if importlib.util.find_spec(name) is None)


@dataclass
class Outcome:
    """ran: block -> its standard output. broken: what to tell of the block that failed, or None."""
    ran: dict
    broken: str = None


def run_blocks(blocks, folder, env, timeout_s=80):
    """Runs them in folder; stops at the first that fails. The processes that a page leaves are ended."""
    logs = os.path.join(folder, ".blocks")
    os.makedirs(logs, exist_ok=True)
    script = ["set -euo pipefail"]
    for number, block in enumerate(blocks):
        base = os.path.join(logs, str(number))
        script.append(f"exec >'{base}.out' 2>'{base}.err'")
        if block.language == "python":
            with open(f"{base}.py", "w", encoding="utf-8") as out:
                out.write(block.text)
            script.append(f"'{sys.executable}' '{base}.py'")
        else:
            script.append(block.text)
    path = os.path.join(logs, "page.sh")
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join([*script, "exec >/dev/null 2>&1", ""]))
    child = subprocess.Popen(["bash", path], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        code = child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        code = f"no end within {timeout_s} s"
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)  # the page's own group: what it started and left
        except ProcessLookupError:
            pass
        child.wait()
    read = [(block, os.path.join(logs, str(number))) for number, block in enumerate(blocks)]
    reached = [(block, base) for block, base in read if os.path.exists(base + ".out")]
    ran = {id(block): text_of(base + ".out") for block, base in reached}
    if code == 0:
        return Outcome(ran)
    if not reached:
        return Outcome(ran, f"bash: {code}")
    block, base = reached[-1]
    return Outcome(ran, f"{block.where}: {code}\n{block.text}--- printed\n{text_of(base + '.out')[-2000:]}"
                        f"--- and said\n{text_of(base + '.err')[-2000:]}")


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def difference(shape, output):
    """What the output has otherwise than the shape block shows; None if nothing."""
    if shape.language != "json":
        return text_difference(shape.text.splitlines(), output.splitlines())
    try:
        shown, real = json.loads(shape.text), json.loads(output)
    except ValueError as error:
        return f"no JSON: {error}: {output[:300]}"
    return json_difference(shown, real, "")


def json_difference(shown, real, at):
    if shown == ANY:
        return None
    if type(shown) is not type(real) and not (is_number(shown) and is_number(real)):
        return f"{at or 'the whole'}: shown {kind(shown)}, is {kind(real)}: {str(real)[:200]}"
    if isinstance(shown, dict):
        for key in set(shown) - {ANY} - set(real):
            return f"{at}.{key} is not there: {sorted(real)}"
        for key in set(real) - set(shown) if ANY not in shown else ():
            return f"{at}.{key} is there and not shown"
        found = (json_difference(shown[key], real[key], f"{at}.{key}") for key in shown if key != ANY)
        return next((text for text in found if text), None)
    if isinstance(shown, list):
        rows = [row for row in shown if row != ANY]
        if rows and not real:
            return f"{at} is empty"
        found = (json_difference(row, one, f"{at}[{i}]") for i, (row, one) in enumerate(zip(rows, real)))
        return next((text for text in found if text), None)
    return None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def kind(value):
    return "null" if value is None else type(value).__name__


def text_difference(shown, real):
    pattern = []
    for line in shown:
        if line.strip() == ANY:
            pattern.append(r"(?:.*\n)*")
        else:
            pattern.append(".*".join(re.escape(part) for part in line.rstrip().split(ANY)) + r"\n")
    text = "".join(line.rstrip() + "\n" for line in real)
    if re.fullmatch("".join(pattern), text):
        return None
    return "printed otherwise:\n" + text[:2000]
