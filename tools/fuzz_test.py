"""The runner of the fuzz targets: what it reads, what it calls a failure, what it says of it."""

import os
import stat
import sys
import xml.etree.ElementTree as xml

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import count_tests  # noqa: E402
import fuzz  # noqa: E402

ROOT = fuzz.ROOT
GOOD = """INFO: seed corpus: files: 3
#8 INITED cov: 40 ft: 60 corp: 3/9b
#900 DONE   cov: 41 ft: 70 corp: 5/19b lim: 8 exec/s: 450
stat::number_of_executed_units: 900
stat::average_exec_per_sec:     450
stat::new_units_added:          2
"""
BAD = """#8 INITED cov: 40 ft: 60 corp: 3/9b
fuzz/words.cc:7: does not hold: again == words
==1== ERROR: libFuzzer: deadly signal
artifact_prefix='x/'; Test unit written to build/fuzz/crashes/words/crash-0a
stat::number_of_executed_units: 17
"""


def program(tmp_path, output, status):
    """A target whose program prints `output` and ends with `status`."""
    target = fuzz.Target("words 64 src/protocol/words.cc")
    target.program = str(tmp_path / "program")
    with open(target.program, "w") as script:
        script.write(f"#!/bin/sh\necho \"$@\" >{tmp_path}/arguments\ncat <<'END'\n{output}END\nexit {status}\n")
    os.chmod(target.program, stat.S_IRWXU)
    target.found, target.crashes = str(tmp_path / "found"), str(tmp_path / "crashes")
    return target


def test_every_target_has_a_source_a_corpus_and_a_dictionary():
    targets = fuzz.read_targets(os.path.join(ROOT, "fuzz/targets.txt"))
    assert len(targets) >= 12
    for target in targets:
        assert target.files, target.name
        for path in [f"fuzz/{target.name}.cc", target.dictionary] + target.files:
            assert os.path.isfile(os.path.join(ROOT, path)), path
        assert os.listdir(os.path.join(ROOT, target.seeds)), target.name
    sources = {name[:-3] for name in os.listdir(os.path.join(ROOT, "fuzz")) if name.endswith(".cc")}
    assert sources - {"fuzz"} == {target.name for target in targets}


def test_the_corpora_stay_small():
    assert fuzz.corpus_bytes(os.path.join(ROOT, "fuzz/corpus")) < fuzz.CORPUS_BYTES_MAX


def test_every_excuse_names_a_function_and_a_reason():
    for file, starts in fuzz.read_excused(os.path.join(ROOT, "fuzz/excused.txt")).items():
        assert fuzz.excused_lines(os.path.join(ROOT, file), starts), file


def test_a_good_run_is_counted(tmp_path):
    target = program(tmp_path, GOOD, 0)
    outcome = fuzz.run_target(target, 3)
    assert not outcome.failed
    assert (outcome.executions, outcome.rate, outcome.corpus, outcome.new_units) == (900, 450, 5, 2)
    said = (tmp_path / "arguments").read_text()
    assert "-max_total_time=3" in said and "-max_len=64" in said


@pytest.mark.parametrize("output, status", [(BAD, 77), (GOOD, 1), ("", 0)])
def test_a_crash_a_bad_end_and_a_run_of_nothing_fail(tmp_path, capsys, output, status):
    report = tmp_path / "fuzz.xml"
    assert fuzz.run([program(tmp_path, output, status)], 1, None, 1, str(report)) == 1
    count = count_tests.count_suite("pytest", str(report), 1)
    assert (count.passed, count.failed) == (0, 1)
    assert "CRASH" in capsys.readouterr().out


def test_a_crash_says_what_broke_and_how_to_see_it_again(tmp_path, capsys):
    target = program(tmp_path, BAD, 77)
    fuzz.run([target], 1, None, 1, None)
    said = capsys.readouterr().out
    assert "does not hold: again == words" in said
    assert f"again: {target.program} build/fuzz/crashes/words/crash-0a" in said


def test_each_target_is_one_test(tmp_path):
    report = tmp_path / "fuzz.xml"
    good = program(tmp_path, GOOD, 0)
    assert fuzz.run([good, good], 1, None, 2, str(report)) == 0
    assert len(list(xml.parse(report).getroot().iter("testcase"))) == 2


def test_minutes_are_shared_by_the_targets(tmp_path, capsys):
    good = program(tmp_path, GOOD, 0)
    fuzz.run([good] * 3, 10, 1.0, 2, None)
    assert "3 targets, 30 s each, 2 at a time" in capsys.readouterr().out


def test_an_excuse_ends_with_its_function(tmp_path):
    source = tmp_path / "a.cc"
    source.write_text("int a() {\n  return 1;\n}\nint b() {\n  return 2;\n}\n")
    assert fuzz.excused_lines(str(source), ["int a()"]) == {1, 2, 3}
    with pytest.raises(ValueError):
        fuzz.excused_lines(str(source), ["int c()"])


def test_coverage_is_read_line_by_line():
    text = f"SF:{ROOT}/src/a.cc\nDA:1,0\nDA:2,3\nDA:1,4\nend_of_record\n"
    assert fuzz.read_lcov(text) == {"src/a.cc": {1: 4, 2: 3}}
