"""Fixtures of the chaos tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import programs  # noqa: E402
from localrun import find_bin  # noqa: E402


@pytest.fixture(scope="session")
def bin_dir():
    """A build with test hooks, and with reachback-sim and the counter of steps."""
    try:
        folder = find_bin(("asan", "sim", "debug"))
    except programs.LocalError as error:
        pytest.exit(str(error), returncode=3)
    return folder
