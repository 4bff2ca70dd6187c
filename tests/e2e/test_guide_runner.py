"""guide_runner.py notices what it is there to notice."""

import os
import time

import guide_runner
import pytest

PAGE = """Text
```bash
WORD=three
echo "$WORD"; export WORD
```
```text shape
th…
```
```python
import os
print(os.environ["WORD"], 2)
```
```toml
not = "run"
```
```bash not-run
sudo reboot
```
"""


@pytest.fixture
def run(tmp_path):
    def run_page(text):
        page = tmp_path / "page.md"
        page.write_text(text)
        blocks = guide_runner.blocks_of(str(page))
        chosen = [block for block in blocks if block.is_run]
        return blocks, chosen, guide_runner.run_blocks(chosen, str(tmp_path), dict(os.environ), 20)
    return run_page


def test_blocks_run_in_one_shell_and_those_for_reading_do_not(run):
    blocks, chosen, outcome = run(PAGE)
    assert [(b.language, b.words) for b in blocks] == [
        ("bash", []), ("text", ["shape"]), ("python", []), ("toml", []), ("bash", ["not-run"])]
    assert outcome.broken is None
    assert [outcome.ran[id(block)] for block in chosen] == ["three\n", "three 2\n"]


@pytest.mark.parametrize("line", ["false", "echo \"$NEVER_SET\"", "false | cat", "no_such_command"])
def test_a_command_that_fails_is_named_with_its_page_and_line(run, line):
    _, _, outcome = run(f"```bash\ntrue\n```\n\n```bash\n{line}\necho after\n```\n```bash\necho last\n```\n")
    assert outcome.broken.startswith("page.md:5: ") and line in outcome.broken
    assert len(outcome.ran) == 2 and "after" not in "".join(outcome.ran.values())


def test_what_a_page_leaves_running_is_ended(run, tmp_path):
    run("```bash\n(sleep 1; echo late >late) &\n```\n")
    time.sleep(1.3)
    assert not (tmp_path / "late").exists()


def test_a_block_without_end_is_an_error(tmp_path):
    (tmp_path / "p.md").write_text("```bash\ntrue\n")
    with pytest.raises(ValueError, match="p.md:1"):
        guide_runner.blocks_of(str(tmp_path / "p.md"))


def test_modules_that_are_not_there_are_named():
    block = guide_runner.Block("p", 1, "python", [], "import json, no_such.part\nfrom nor_this import that\n")
    assert guide_runner.lacking(block) == ["no_such", "nor_this"]


@pytest.mark.parametrize("language, shown, real, same", [
    ("text", "a …\n", "a b c\n", True),
    ("text", "a …\n", "b\n", False),
    ("text", "a\n…\nz\n", "a\nb\nc\nz\n", True),
    ("text", "a\n…\n", "a\n", True),
    ("text", "a\n", "a\nb\n", False),
    ("text", "a.c\n", "abc\n", False),
    ("json", '{"a": 1, "b": "…"}', '{"a": 7, "b": null}', True),
    ("json", '{"a": 1}', '{"a": "7"}', False),
    ("json", '{"a": 1}', '{"a": 1, "b": 2}', False),
    ("json", '{"a": 1, "…": "…"}', '{"a": 1, "b": 2}', True),
    ("json", '{"a": 1, "b": 2, "…": "…"}', '{"a": 1}', False),
    ("json", '{"v": [{"a": ""}]}', '{"v": [{"a": "x"}, {"a": "y"}]}', True),
    ("json", '{"v": [{"a": ""}]}', '{"v": []}', False),
    ("json", '{"v": ["…"]}', '{"v": []}', True),
    ("json", '{"a": true}', '{"a": 1}', False),
    ("json", '{}', 'no', False),
])
def test_shapes(language, shown, real, same):
    shape = guide_runner.Block("p", 1, language, ["shape"], shown)
    assert (guide_runner.difference(shape, real) is None) == same
