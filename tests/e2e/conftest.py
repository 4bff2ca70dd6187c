"""Fixtures of the end-to-end tests."""

import faulthandler
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

# A test that hangs is ended with every thread's stack; slow builds are given longer.
TEST_TIMEOUT_S = float(os.environ.get("REACHBACK_TEST_TIMEOUT_S", "240"))


def pytest_configure(config):
    config.addinivalue_line("markers", "release: needs the release build's timing or memory")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    faulthandler.dump_traceback_later(TEST_TIMEOUT_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def bin_dir():
    """A build with test hooks."""
    try:
        folder = harness.localrun.find_bin(preset_order=("asan", "debug", "tsan"))
    except harness.LocalError as error:
        pytest.exit(str(error), returncode=3)
    return folder


@pytest.fixture(scope="session")
def release_bin():
    """The release build; without it, tests of memory and time are not run."""
    folder = os.environ.get("REACHBACK_RELEASE_BIN",
                            os.path.join(harness.ROOT, "build", "release", "bin"))
    if not os.path.exists(os.path.join(folder, "reachback-server")):
        pytest.skip(f"no release build in {folder}")
    return folder


@pytest.fixture
def make_world(tmp_path, bin_dir, request):
    """make_world(config=TOML text, bin_dir=…): worlds of this test, ended after it."""
    worlds = []

    def make(config=None, bin_dir=bin_dir):
        folder = str(tmp_path / f"w{len(worlds)}")
        worlds.append(harness.World(folder, bin_dir, config))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def world(make_world):
    """A server and one connected agent."""
    return make_world().up(agent=True)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory, bin_dir):
    """One server and one connected agent for the whole module, limits lifted."""
    made = harness.World(str(tmp_path_factory.mktemp("shared")), bin_dir,
                         "[limits]\nenabled = false\n")
    made.up(agent=True)
    made.shared_api = made.server.api()
    made.shared_api.upload("effect.sh", harness.EFFECT)
    made.shared_api.upload("exit.sh", harness.EXIT_WITH)
    yield made
    made.close()


@pytest.fixture
def shared(shared_world):
    """The module's world. A test that left an action unfinished spoils its own result only: the next
    test finds a fresh machine."""
    yield shared_world
    listed = shared_world.shared_api.expect(200, "GET", "/api/machineactions?$top=1").json()
    for action in listed["value"]:
        if action["status"] not in harness.FINAL:
            shared_world.agents[0].process.kill9()
            shared_world.agents.insert(0, shared_world.agent())
            shared_world.agents.pop()
