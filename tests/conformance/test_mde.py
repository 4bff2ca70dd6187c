"""Every case of mde/ against a server and an agent of ours. A case that awaits something is expected to
fail, and a failure here once it passes: then its `awaits` is taken out."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from runner import cases  # noqa: E402
from runner.local import LocalServers, localrun  # noqa: E402
from runner.running import FAILED, NOT_RUN  # noqa: E402

CASES, FIXTURES = cases.load()


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    try:
        made = LocalServers(FIXTURES, cases.load_scripts(),
                            folder=str(tmp_path_factory.mktemp("conformance")))
    except localrun.LocalError as error:
        pytest.exit(str(error), returncode=3)
    yield made
    left = made.close()
    assert left == [], "library files that were not removed"


@pytest.mark.parametrize("case", [
    pytest.param(case, id=case.id, marks=[pytest.mark.xfail(
        reason=f"awaits {case.awaits}", strict=True, raises=AssertionError)] if case.awaits else [])
    for case in CASES])
def test_case(servers, case):
    result = servers.session_for(case).result(case)
    assert result.outcome != NOT_RUN, f"our own server has what a case needs: {result.reason}"
    assert result.outcome != FAILED, (f"{result.request}\nexpected {result.expected}\n"
                                      f"got {result.got}\n{case.confidence}: {case.source}")
