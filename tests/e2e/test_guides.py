"""The pages of docs/guide: every command in them runs, and what they show is what comes. guide_runner.py
says how a block is read."""

import glob
import os
import re

import guide_runner
import harness
import pytest

GUIDE = os.path.join(harness.ROOT, "docs", "guide")
PAGES = sorted(glob.glob(os.path.join(GUIDE, "*.md")))
RUN_PAGES = [page for page in PAGES if any(block.is_run for block in guide_runner.blocks_of(page))]

# Every line of a block marked not-run begins with one of these.
NOT_RUN = {
    "git clone": "needs the network, and this is the repository already",
    "./dev demo": "builds; CI runs it in a fresh Debian (./dev clean-room)",
    "./dev console build": "installs Node's packages; ./dev test runs it for the console's own tests",
    "sudo ": "changes the machine: users, units, files below /etc and /usr",
    "journalctl ": "needs systemd; the units are checked by packaging/units_test.py",
    "build/release/bin/reachback-server serve": "the harness has started this server already",
    "build/release/bin/reachback-agent run": "the harness has started this agent already",
    "reachback login": "waits for a person at a browser; test_cli.py signs one in",
}


def name_of(page):
    return os.path.basename(page)


@pytest.fixture
def reader(tmp_path, bin_dir):
    """What a reader has after `./dev demo`, with the programs running: a folder like the source tree, in
    it .demo with a server and its env, web-01 and web-02 enrolled, triage.sh in the library."""
    world = harness.World(str(tmp_path / ".demo"), bin_dir).up()
    for name in ("web-01", "web-02"):
        world.agent(name=name, label=name, token=world.server.enrollment_token("--tag", "web"))
    (tmp_path / "build" / "release").mkdir(parents=True)
    os.symlink(bin_dir, tmp_path / "build" / "release" / "bin")
    os.symlink(os.path.join(harness.ROOT, "scripts"), tmp_path / "scripts")
    os.symlink(os.path.join(harness.ROOT, "api"), tmp_path / "api")
    with open(os.path.join(harness.ROOT, "scripts", "triage.sh"), "rb") as script:
        world.server.api().upload("triage.sh", script.read())
    given = world.server.cli_env()
    with open(tmp_path / ".demo" / "env", "w") as out:
        for key in ("URL", "TENANT", "CLIENT_ID", "CLIENT_SECRET", "CA"):
            out.write(f"export REACHBACK_{key}='{given['REACHBACK_' + key]}'\n")
    yield str(tmp_path)
    world.close()


@pytest.mark.parametrize("page", RUN_PAGES, ids=name_of)
def test_every_command_of_a_page_runs_and_prints_what_is_shown(page, reader):
    blocks = guide_runner.blocks_of(page)
    lacks = sorted({module for block in blocks if block.is_run for module in guide_runner.lacking(block)})
    chosen = [block for block in blocks if block.is_run and not guide_runner.lacking(block)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("REACHBACK_")}
    outcome = guide_runner.run_blocks(chosen, reader, dict(env, HOME=reader, LC_ALL="C.UTF-8"))
    assert outcome.broken is None, outcome.broken
    for before, block in zip(blocks, blocks[1:]):
        if block.is_shape and id(before) in outcome.ran:
            wrong = guide_runner.difference(block, outcome.ran[id(before)])
            assert wrong is None, f"{block.where}: {wrong}"
    if lacks:
        pytest.skip(f"{name_of(page)}: all but its Python blocks ran; this machine lacks {', '.join(lacks)}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_not_run_is_on_the_list_and_every_shape_follows_a_command(page):
    blocks = guide_runner.blocks_of(page)
    for before, block in zip([None, *blocks], blocks):
        assert set(block.words) <= {"not-run", "shape"}, block.where
        if block.is_shape:
            assert block.language in ("json", "text") and before and before.is_run, block.where
        if "not-run" in block.words:
            for line in block.text.splitlines():
                assert not line.strip() or line.lstrip().startswith((*NOT_RUN, "#")), f"{block.where}: {line}"


def test_nothing_stands_on_the_list_of_what_is_not_run_in_vain():
    lines = [line.lstrip() for page in PAGES for block in guide_runner.blocks_of(page)
             if "not-run" in block.words for line in block.text.splitlines()]
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in lines)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_picture_is_there(page):
    with open(page, encoding="utf-8") as text:
        pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text.read())
    assert [link for link in pictures if not os.path.isfile(os.path.join(GUIDE, link))] == []


def test_the_index_names_every_page():
    with open(os.path.join(GUIDE, "README.md"), encoding="utf-8") as text:
        named = re.findall(r"\]\(([\w-]+\.md)\)", text.read())
    assert sorted(named) == sorted(name_of(page) for page in PAGES if name_of(page) != "README.md")
