"""Checks every #include under src/ and apps/ against tools/layers.toml; prints file:line of each
violation and ends with 1 if there is one."""

import os
import re
import sys
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# No dot: the C++ library (<vector>); the rest: C, POSIX and Linux.
SYSTEM = re.compile(r"[a-z_0-9]+|(sys|linux|net|netinet|netpacket|arpa|asm)/[a-z_0-9-]+\.h|[a-z_0-9]+\.h")
# What only tests include: test_world.h, blob_test_folder.h, step_fixture.h, token_forge.h,
# fake_api.h, blob_http_bench.h.
TEST_FILE = re.compile(r"(.*[/_])?test(_.*|s?)\.(h|cc)|.*_(fixture|forge|bench)\.(h|cc)"
                       r"|(.*/)?fake_.*\.(h|cc)")
LAYER_CALL = re.compile(r"rb_layer\((\w+)([^)]*)\)")


class Layers:
    def __init__(self, table):
        self.may = table["may"]
        self.public = table.get("public", {})
        self.libraries = [(re.compile(entry["header"]), entry["folders"])
                          for entry in table.get("library", [])]
        self.without = [(entry["folder"], re.compile(entry["headers"]))
                        for entry in table.get("without", [])]

    def folder_of(self, path):
        """The layer that a path under src/ (or apps/) belongs to: the longest that fits, or None."""
        folder = os.path.dirname(path)
        while folder:
            if folder in self.may:
                return folder
            folder = os.path.dirname(folder)
        return None

    def is_inner(self, path):
        """A header that only its own folder's .cc files and inner headers may see."""
        folder = self.folder_of(path)
        return (path.endswith(".h") and folder in self.public
                and os.path.basename(path) not in self.public[folder])

    def judge(self, path, quote, header):
        """What is wrong with `#include header` in path (relative to src/), or None."""
        folder = self.folder_of(path)
        if folder is None:
            return f"{os.path.dirname(path)} stands in no line of tools/layers.toml"
        test = TEST_FILE.fullmatch(path) is not None
        library = next((folders for pattern, folders in self.libraries
                        if pattern.fullmatch(header)), None)
        if library is not None:
            return self.judge_library(path, folder, header, library, test)
        if quote == '"':
            return self.judge_own(path, folder, header, test)
        if not SYSTEM.fullmatch(header):
            return f"<{header}> is a library that tools/layers.toml does not know"
        for layer, banned in self.without:
            if layer == folder and not test and banned.fullmatch(header):
                return f"{folder} must do without <{header}>"
        return None

    def judge_library(self, path, folder, header, allowed, test):
        if "*" in allowed or folder in allowed:
            return None
        if (path.endswith(".cc") or self.is_inner(path)) and folder + ".cc" in allowed:
            return None
        # A test may use GoogleTest and what the folder's own tests need of src/testing's libraries.
        if test and ("testing" in allowed or "testing.cc" in allowed or folder + ".cc" in allowed):
            return None
        where = ", ".join(allowed)
        return f"{folder} may not include <{header}> (only: {where})"

    def judge_own(self, path, folder, header, test):
        target = self.folder_of(header)
        if target is None:
            if "/" not in header and header.endswith(".h"):
                return f'"{header}": write the path from src/'
            return f'"{header}" is in no folder of tools/layers.toml'
        if self.is_inner(header) and not test and (
                target != folder or not (path.endswith(".cc") or self.is_inner(path))):
            return f"{header} is for the .cc files of {target}"
        if TEST_FILE.fullmatch(header) and not test and folder != "testing":
            return f"{header} is for tests"
        allowed = self.may[folder]
        if target == folder or "*" in allowed or target in allowed:
            return None
        if test:
            return None if target == "testing" or self.reachable_in_test(folder, target) else \
                f"{folder}: its tests may not include {target}"
        return f"{folder} may not include {target} ({header})"

    def reachable_in_test(self, folder, target):
        """A test may also see its own program's folders, for the fakes' sake; never the other's."""
        side = folder.split("/")[0]
        return target.split("/")[0] == side or "/" not in target


def load(root=ROOT):
    with open(os.path.join(root, "tools", "layers.toml"), "rb") as table:
        return Layers(tomllib.load(table))


def sources(root):
    for top in ("src", "apps"):
        for folder, _, files in os.walk(os.path.join(root, top)):
            for file in sorted(files):
                if file.endswith((".cc", ".h")):
                    yield os.path.join(folder, file)


def include_problems(layers, root):
    for path in sources(root):
        inside = os.path.relpath(path, root)
        relative = inside[len("src/"):] if inside.startswith("src/") else inside
        with open(path, encoding="utf-8", errors="replace") as text:
            for number, line in enumerate(text, 1):
                match = INCLUDE.match(line)
                if match:
                    wrong = layers.judge(relative, *match.groups())
                    if wrong:
                        yield f"{inside}:{number}: {wrong}"


def target_name(folder):
    """The rb_layer name of a folder: agent layers carry their program's name, server layers not."""
    parts = folder.split("/")
    return "_".join(parts) if parts[0] == "agent" else parts[-1]


def cmake_problems(layers, root):
    """DEPS of a CMakeLists.txt within the table, so that linking cannot reach past it."""
    names = {target_name(folder): folder for folder in layers.may}
    for folder in layers.may:
        path = os.path.join(root, "src", folder, "CMakeLists.txt")
        if not os.path.exists(path):
            continue
        with open(path) as text:
            call = LAYER_CALL.search(text.read())
        if not call:
            continue
        words = call.group(2).split()
        deps = []
        if "DEPS" in words:
            for word in words[words.index("DEPS") + 1:]:
                if word.isupper() or "::" in word or "_" == word[:1]:
                    break
                deps.append(word)
        for dep in deps:
            target = names.get(dep)
            if target is None or (target not in layers.may[folder] and "*" not in layers.may[folder]):
                yield (f"src/{folder}/CMakeLists.txt: DEPS names {dep}, which tools/layers.toml "
                       f"does not allow {folder} to include")


def cycle(layers):
    """A folder that may include itself through others, or None: the table itself must be a graph
    without circles."""
    done = set()

    def visit(folder, above):
        if folder in above:
            return " -> ".join([*above[above.index(folder):], folder])
        if folder in done or folder == "*":
            return None
        for target in layers.may.get(folder, []):
            found = visit(target, [*above, folder])
            if found:
                return found
        done.add(folder)
        return None

    return next(filter(None, (visit(folder, []) for folder in layers.may)), None)


def problems(root=ROOT):
    layers = load(root)
    circle = cycle(layers)
    if circle:
        yield f"tools/layers.toml: a circle: {circle}"
    yield from include_problems(layers, root)
    yield from cmake_problems(layers, root)


def main():
    wrong = list(problems())
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
