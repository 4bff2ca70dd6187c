"""Files of cases: a typing error is found when they are read."""

import pytest

from . import cases
from .cases import BadCase, choose, load

GOOD = """
about = "x"
[define]
list = "/api/x?id={machine}"
[[case]]
name = "one"
source = "somewhere"
confidence = "documented"
with = ["machine"]
request = "GET {list}"
status = 200
json = '{"a":"{text}"}'
[[case]]
name = "two"
source = "somewhere"
confidence = "ours"
profiles = ["2025"]
[[case.steps]]
request = "POST /api/x"
body = '{}'
status = 201
capture = { made = "id" }
[[case.steps]]
request = "GET /api/x/{made}"
status = 200
"""
FIXTURES = """
[machine]
needs = ["machine"]
[[machine.steps]]
request = "GET /api/machines/{machineId}"
capture = { machine = "id" }
"""


def load_text(folder, text, fixtures=FIXTURES):
    (folder / "x.toml").write_text(text)
    (folder / "fixtures.toml").write_text(fixtures)
    return load(str(folder))


def test_cases_are_read_in_order_with_their_steps(tmp_path):
    found, fixtures = load_text(tmp_path, GOOD)
    assert [case.id for case in found] == ["x/one", "x/two"]
    assert [len(case.steps) for case in found] == [1, 2]
    assert found[0].steps[0].expected == {"a": "{text}"}
    assert fixtures["machine"].captures == {"machine"}


@pytest.mark.parametrize("old, new, said", [
    ('about = "x"', "", "about"),
    ('confidence = "documented"', 'confidence = "certain"', "confidence"),
    ('source = "somewhere"\nconfidence = "ours"', 'confidence = "ours"', "source"),
    ('name = "two"', 'name = "one"', "twice"),
    ('name = "two"', 'name = "a/b"', "slash"),
    ('with = ["machine"]', 'with = ["nothing"]', "nothing"),
    ('with = ["machine"]', "", "machine"),
    ('request = "GET {list}"', 'request = "FETCH {list}"', "request"),
    ('request = "GET {list}"', 'request = "GET {list} x"', "request"),
    ('request = "GET {list}"\nstatus = 200', 'request = "GET {list}"\nstaus = 200', "staus"),
    ('request = "GET {list}"\nstatus = 200', 'request = "GET {list}"', "nothing is expected"),
    ("""'{"a":"{text}"}'""", """'{"a":'""", "json"),
    ("""'{"a":"{text}"}'""", """'{"a":"{/[/}"}'""", "json"),
    ('"GET /api/x/{made}"', '"GET /api/x/{maed}"', "maed"),
    ('profiles = ["2025"]', 'profiles = ["2020"]', "2020"),
    ('profiles = ["2025"]', 'needs = ["luck"]', "luck"),
    ("body = '{}'", "body = '{}'\nform = []", "exclude"),
    ("body = '{}'", "body = '{}'\nuntil = '{}'", "within_s"),
])
def test_a_mistake_is_named(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(BadCase, match=said):
        load_text(tmp_path, GOOD.replace(old, new, 1))


def test_cases_are_chosen_by_name_confidence_and_profile(tmp_path):
    found, _ = load_text(tmp_path, GOOD)
    assert [c.name for c in choose(found, only="x/o*")] == ["one"]
    assert [c.name for c in choose(found, only="x")] == ["one", "two"]
    assert [c.name for c in choose(found, confidence=["ours"])] == ["two"]
    assert [c.name for c in choose(found, profile="2026")] == ["one"]


def test_our_own_files_can_be_read_and_say_where_they_come_from():
    found, _ = load()
    assert len(found) > 250
    assert {case.confidence for case in found} == set(cases.CONFIDENCES)
    assert all(any(ch.isdigit() for ch in case.source) or "RFC" in case.source
               or "decisions" in case.source or "golden" in case.source
               for case in found if case.confidence != "ours")
    assert {"sh", "ps1"} == set(cases.load_scripts())
