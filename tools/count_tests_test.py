"""The count that ./dev test ends with: nothing passes by absence."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import count_tests  # noqa: E402

PASSED = '<testcase name="a" classname="x" status="run" result="completed"/>'
FAILED = '<testcase name="b" classname="x" status="run"><failure message="no"/></testcase>'
SKIPPED = '<testcase name="c" classname="x"><skipped message="lacks it"/></testcase>'
DISABLED = '<testcase name="d" classname="x" status="notrun" result="suppressed"/>'


def junit(*cases):
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def ctest_folder(tmp_path, programs, own):
    results = tmp_path / "test-results"
    results.mkdir()
    cases = "".join(f'<testcase name="{name}" status="{status}">'
                    + ('<failure message=""/>' if status == "fail" else "") + "</testcase>"
                    for name, status in programs.items())
    (results / "ctest-junit.xml").write_text(f"<testsuite>{cases}</testsuite>")
    for name, text in own.items():
        (results / (name + ".xml")).write_text(text)
    return str(tmp_path)


def counted(count):
    return count.passed, count.failed, len(count.skipped)


def test_each_case_of_each_program_counts(tmp_path):
    folder = ctest_folder(tmp_path, {"one": "run", "two": "fail", "script": "run"}, {
        "one": junit(PASSED, PASSED, DISABLED), "two": junit(PASSED, FAILED)})
    assert counted(count_tests.count_suite("ctest", folder, 8)) == (4, 1, 1)


def test_a_program_that_dies_is_a_failure(tmp_path):
    folder = ctest_folder(tmp_path, {"one": "run", "crashed": "fail", "leaks": "fail"}, {
        "one": junit(PASSED), "leaks": junit(PASSED)})
    assert counted(count_tests.count_suite("ctest", folder, 8)) == (2, 2, 0)


def test_skipped_is_neither_passed_nor_failed(tmp_path):
    report = tmp_path / "pytest.xml"
    report.write_text(junit(PASSED, FAILED, SKIPPED))
    assert counted(count_tests.count_suite("pytest", str(report), 1)) == (1, 1, 1)


def test_how_often_was_killed_is_shown(tmp_path, capsys):
    case = ('<testcase name="test_killed_at[{}]"><properties><property name="hits" value="{}"/>'
            '<property name="other" value="9"/></properties></testcase>')
    (tmp_path / "pytest.xml").write_text(junit(case.format("a", 1), case.format("b", 4)))
    (tmp_path / "suites").write_text(f"e2e\tpytest\t{tmp_path}/pytest.xml\t0\n")
    assert count_tests.main(str(tmp_path / "suites")) == 0
    shown = capsys.readouterr().out
    assert "failpoints reached: 5 in 2 cases of test_killed_at, at least 1 in each" in shown
    assert shown.endswith("2 passed, 0 failed\n")


def test_node_counts_by_its_last_lines(tmp_path):
    report = tmp_path / "tap"
    report.write_text("TAP version 13\nok 1 - a\nnot ok 2 - b\n# tests 3\n# suites 0\n# pass 1\n"
                      "# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n")
    count = count_tests.count_suite("tap", str(report), 1)
    assert counted(count) == (1, 1, 1)
    assert count.failures == ["b"]


@pytest.mark.parametrize("text, exit_status", [
    (None, 0),                     # no report at all
    ("half a <xml", 0),            # a report that was cut
    (junit(), 0),                  # nothing ran
    (junit(SKIPPED), 0),           # nothing but skipped
    (junit(PASSED), 3),            # all passed, yet it ended badly
])
def test_a_suite_without_a_good_report_fails(tmp_path, text, exit_status):
    report = tmp_path / "report.xml"
    if text is not None:
        report.write_text(text)
    assert count_tests.count_suite("pytest", str(report), exit_status).failed == 1


def test_the_last_line_is_the_count(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("CHECK_FAILED", raising=False)
    report = tmp_path / "report.xml"
    report.write_text(junit(PASSED, PASSED))
    suites = tmp_path / "suites.tsv"
    suites.write_text(f"one\tpytest\t{report}\t0\n")
    assert count_tests.main(str(suites)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"
    monkeypatch.setenv("CHECK_FAILED", "1")
    assert count_tests.main(str(suites)) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 1 failed"


def test_no_suite_at_all_is_a_failure(tmp_path):
    assert count_tests.main(str(tmp_path / "missing.tsv")) == 1
