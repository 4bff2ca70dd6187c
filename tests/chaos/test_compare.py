"""What decides about a result, and the figures that are counted beside the checker."""

import json
import random

import pytest

from records import Tally
from workload import AuditTail, Command, Finding, parse_us

ACTION = "00112233-4455-6677-8899-aabbccddeeff"


@pytest.fixture
def command():
    made = Command(random.Random(3), plain=True)
    made.bytes = 1000
    return made


def result(command, **changes):
    made = dict(script_name="work.py", exit_code=command.code, script_output=command.output(),
                script_errors=f"{ACTION}/1 {command.token}\n")
    made.update(changes)
    return json.dumps(made).encode()


def told(status="Completed", *errors):
    return dict(commandStatus=status, errors=list(errors))


def test_the_right_result_is_right(command):
    assert command.compare(told(), result(command), ACTION, 1) == "same"


@pytest.mark.parametrize("wrong", [
    dict(script_output=""), dict(script_output="other"), dict(exit_code=5), dict(script_name="x"),
    dict(script_errors=f"{ACTION}/0 of another command\n")])
def test_a_result_with_anything_else_in_it_is_a_finding(command, wrong):
    with pytest.raises(Finding):
        command.compare(told(), result(command, **wrong), ACTION, 1)


def test_a_shorter_result_is_right_only_where_the_command_says_so(command):
    short = result(command, script_output=command.output()[:300])
    assert command.compare(told("Completed", "OutputTruncated: full"), short, ACTION, 1) == "shortened"
    assert command.compare(told("Failed", "TimedOut: 8 s"), short, ACTION, 1) == "shortened"
    other = result(command, script_output="x" + command.output()[:300])
    with pytest.raises(Finding):
        command.compare(told("Completed", "OutputTruncated: full"), other, ACTION, 1)


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"[]"])
def test_what_is_no_result_is_a_finding(command, content):
    with pytest.raises(Finding):
        command.compare(told(), content, ACTION, 1)


def event(ev, at_us, **fields):
    return dict(at_us=at_us, ev=ev, index=0, flag=True, action="a", **fields)


def tally(path, *events):
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return Tally().read(str(path))


GOOD = (event("accepted", 1, expires_us=1000), event("executed", 2), event("exited", 3),
        event("command", 4, text="Completed"), event("status", 5, text="Succeeded"))


def test_the_figures_of_a_good_history_are_zero(tmp_path):
    found = tally(tmp_path / "h", *GOOD)
    assert (found.actions, found.starts, found.completed, found.ends) == (1, 1, 1, {"Succeeded": 1})
    assert found.double_starts == found.unfinished == found.late == found.false_cancelled == 0


def test_each_figure_counts_what_it_is_named_after(tmp_path):
    assert tally(tmp_path / "h", *GOOD[:2], *GOOD[1:]).double_starts == 1
    assert tally(tmp_path / "h", *GOOD[:4]).unfinished == 1
    late = event("status", 40_000_000, text="Succeeded")
    assert tally(tmp_path / "h", *GOOD[:4], late).late == 1
    cancelled = event("status", 2, text="Cancelled")
    assert tally(tmp_path / "h", GOOD[0], cancelled, GOOD[1]).false_cancelled == 1
    assert tally(tmp_path / "h", *GOOD[:2], cancelled, GOOD[2]).false_cancelled == 1


def test_times_of_the_server_are_read_to_the_microsecond():
    assert parse_us("1970-01-01T00:00:01.5Z") == 1_500_000
    assert parse_us("2026-01-01T00:00:00.000001Z") % 1_000_000 == 1


def mint(link, at="2026-01-01T00:00:00Z"):
    return json.dumps(dict(kind="mint", object=link, at=at)).encode() + b"\n"


def test_a_link_without_a_record_of_its_own_is_missed(tmp_path):
    path = tmp_path / "access.log"
    path.write_bytes(mint("a/0 b"))
    tail = AuditTail(str(path))
    assert tail.told("a/0 b") == "2026-01-01T00:00:00Z"
    assert tail.told("a/0 b") is None, "two links, one record"
    assert tail.told("a/1 c") is None and sorted(tail.missing()) == ["a/0 b", "a/1 c"]
    path.write_bytes(mint("a/0 b") * 2 + mint("a/1 c") + b'{"torn')
    assert tail.missing() == []


def test_records_that_were_cut_off_again_do_not_count(tmp_path):
    path = tmp_path / "access.log"
    path.write_bytes(mint("a/0 b") * 2)
    tail = AuditTail(str(path))
    assert tail.told("a/0 b")
    path.write_bytes(mint("a/0 b"))
    assert tail.told("a/0 b") is None
