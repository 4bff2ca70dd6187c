"""Runs the curl calls of README.md, as they stand there, against a live server with one enrolled
machine, and writes what was typed and answered to docs/transcript.md.

tools/make_transcript.py [FILE]. Secrets and signatures are shortened in the page.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import localrun  # noqa: E402

README = os.path.join(localrun.ROOT, "README.md")
PAGE = os.path.join(localrun.ROOT, "docs", "transcript.md")
# What a person would copy from one answer into the next call, by the shell.
PICK = """
pick() { sed -n "s/.*\\"$1\\":\\"\\([^\\"]*\\)\\".*/\\1/p" <<<"$2" | head -n 1; }
"""
MARK = "-=-=- "


def readme_steps():
    """[(comment, commands)] of the bash block below the heading about curl calls."""
    with open(README, encoding="utf-8") as page:
        text = page.read()
    block = re.search(r"curl calls\n.*?```bash\n(.*?)```", text, re.S).group(1)
    steps = re.split(r"^# (\d\. .*)$", block, flags=re.M)[1:]
    return [(steps[i], steps[i + 1].strip()) for i in range(0, len(steps), 2)]


def session(steps):
    """The steps as one bash script that marks where each answer begins, and keeps what follows
    needs: the first machine's id, the action's id, the link."""
    lines = ["set -eu", PICK]
    for number, (_, commands) in enumerate(steps):
        lines.append(f"echo '{MARK}{number}'")
        for call in split_calls(commands):
            if call.startswith(("TOKEN=", "api()")):
                lines.append(call)
                continue
            lines.append(f"answer=$({call})")
            lines.append('printf "%s\\n" "$answer"')
            if number == 1:
                lines.append('MACHINE=$(pick id "$answer")')
            elif number == 2:
                lines.append('ACTION=$(pick id "$answer")')
            elif "DownloadLink" in call:
                lines.append('LINK=$(pick value "$answer")')
    return "\n".join(lines)


def split_calls(commands):
    """Commands that run over several lines, by a backslash or inside quotes, put together again."""
    calls, current = [], ""
    for line in commands.splitlines():
        current += ("\n" if current else "") + line
        if line.endswith("\\") or len(re.findall(r"(?<!\\)'", current)) % 2:
            continue
        calls.append(current)
        current = ""
    return calls


def shorten(text, secrets):
    for secret, name in secrets.items():
        text = text.replace(secret, name)
    text = re.sub(r"sig=[^\"&\s]{12,}", "sig=…", text)
    text = re.sub(r'"macAddress":"[0-9A-F]{12}"', '"macAddress":"020000000001"', text)
    text = re.sub(r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+", "eyJ…", text)
    return "\n".join(line if len(line) < 1600 else line[:1600] + " …" for line in text.splitlines())


def make(page=PAGE):
    folder = tempfile.mkdtemp(prefix="reachback-transcript-")
    steps = readme_steps()
    try:
        with localrun.World(folder) as world:
            world.up()
            agent = world.agent()
            with open(os.path.join(localrun.ROOT, "scripts", "triage.sh"), "rb") as script:
                world.server.api().upload("triage.sh", script.read())
            done = subprocess.run(["bash", "-c", session(steps)], env=world.server.cli_env(),
                                  capture_output=True, text=True, timeout=120, check=False)
            if done.returncode != 0:
                raise localrun.LocalError(f"a call failed: {done.stdout}\n{done.stderr}")
            secrets = {world.server.credentials["clientSecret"]: "…",
                       world.server.url: "https://127.0.0.1:8443", folder: "/srv/reachback"}
            answers = re.split(rf"^{MARK}\d+\n", done.stdout, flags=re.M)[1:]
            out = ["# A transcript", "", "The curl calls of [README.md](../README.md), run against a live"
                   " server by `tools/make_transcript.py`. Signatures and tokens are shortened.", ""]
            for (title, commands), answer in zip(steps, answers):
                out += [f"## {title}", "", "```bash", commands, "```", ""]
                if answer.strip():
                    out += ["```json", shorten(answer.strip(), secrets), "```", ""]
            with open(page, "w", encoding="utf-8") as file:
                file.write("\n".join(out))
            return agent.machine_id, answers
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        make(*sys.argv[1:2])
    except localrun.LocalError as error:
        sys.exit(f"make_transcript: {error}")
