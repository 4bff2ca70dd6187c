"""Checks that every relative link of our Markdown files leads to a file that is there."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def broken(root, paths):
    for path in paths:
        with open(os.path.join(root, path), encoding="utf-8") as text:
            inside_code = False
            for number, line in enumerate(text, 1):
                if line.startswith("```"):
                    inside_code = not inside_code
                if inside_code:
                    continue
                for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                    if re.match(r"[a-z]+:|#", target):
                        continue
                    file = os.path.normpath(
                        os.path.join(root, os.path.dirname(path), target.split("#")[0]))
                    if not os.path.exists(file):
                        yield f"{path}:{number}: {target} is not there"


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard",
                             "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.split() if os.path.exists(os.path.join(ROOT, path))]
    wrong = list(broken(ROOT, paths))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
