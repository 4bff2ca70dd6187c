"""The layer check passes on this tree and fails on each kind of violation."""

import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_layers  # noqa: E402
import check_links  # noqa: E402


@pytest.fixture
def tree(tmp_path):
    """A root with the real table and no source."""
    (tmp_path / "tools").mkdir()
    shutil.copy(os.path.join(check_layers.ROOT, "tools", "layers.toml"), tmp_path / "tools")
    return tmp_path


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_this_tree_keeps_its_layers():
    assert list(check_layers.problems()) == []


VIOLATIONS = [
    ("src/server/action/step.cc", '#include "server/ports/links.h"', "may not include server/ports"),
    ("src/server/action/step.cc", "#include <thread>", "must do without <thread>"),
    ("src/server/action/step.cc", "#include <boost/json.hpp>", "may not include <boost/json.hpp>"),
    ("src/server/service/submit.cc", '#include "server/rest/routes.h"', "may not include server/rest"),
    ("src/server/service/submit.cc", '#include "net/loop.h"', "may not include net"),
    ("src/server/store_sqlite/x.cc", '#include "server/service/library.h"', "may not include"),
    ("src/server/rest/x.cc", '#include "server/link/agent_hub.h"', "may not include server/link"),
    ("src/server/rest/x.cc", "#include <sqlite3.h>", "may not include <sqlite3.h>"),
    ("src/server/rest/x.h", "#include <boost/json/value.hpp>", "may not include"),
    ("src/server/link/x.cc", "#include <openssl/ssl.h>", "may not include <openssl/ssl.h>"),
    ("src/agent/session/x.cc", '#include "server/action/step.h"', "may not include server/action"),
    ("src/agent/journal/x_test.cc", '#include "server/action/step.h"', "tests may not include"),
    ("src/cli/x.cc", '#include "server/service/machines.h"', "may not include server/service"),
    ("src/protocol/x.cc", '#include "net/loop.h"', "may not include net"),
    ("src/net/loop.h", "#include <boost/asio/io_context.hpp>", "may not include"),
    ("src/server/wire/x.cc", '#include "testing/seeded_random.h"', "may not include testing"),
    ("src/server/rest/x.cc", '#include "server/rest/test_world.h"', "is for tests"),
    ("src/net/tls.h", '#include "net/loop_impl.h"', "is for the .cc files of net"),
    ("src/server/link/x.cc", '#include "net/loop_impl.h"', "is for the .cc files of net"),
    ("src/base/x.h", "#include <spdlog/spdlog.h>", "does not know"),
    ("src/base/x.h", '#include "result.h"', "write the path from src/"),
    ("src/strange/x.h", "#include <vector>", "stands in no line"),
]


@pytest.mark.parametrize("path, line, message", VIOLATIONS)
def test_a_violation_is_found_with_its_line(tree, path, line, message):
    write(tree, path, f"// first line\n{line}\n")
    found = list(check_layers.problems(str(tree)))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ")
    assert message in found[0]


ALLOWED = [
    ("src/server/action/step.cc", '#include "base/time.h"\n#include <vector>'),
    ("src/server/action/step_test.cc", "#include <gtest/gtest.h>\n#include <random>"),
    ("src/server/store_sqlite/x_test.cc", '#include "testing/fake_clock.h"'),
    ("src/server/rest/x.cc", "#include <boost/json/value.hpp>\n#include <fmt/format.h>"),
    ("src/server/rest/test_world.h", '#include "testing/fake_clock.h"\n#include <gtest/gtest.h>'),
    ("src/net/loop_impl.h", "#include <boost/asio/io_context.hpp>"),
    ("src/net/x.cc", "#include <boost/beast/http.hpp>\n#include <sys/socket.h>"),
    ("apps/server.cc", '#include "server/wire/program.h"'),
]


@pytest.mark.parametrize("path, lines", ALLOWED)
def test_what_is_allowed_passes(tree, path, lines):
    write(tree, path, lines + "\n")
    assert list(check_layers.problems(str(tree))) == []


def test_cmake_may_not_link_past_the_table(tree):
    write(tree, "src/server/action/CMakeLists.txt", "rb_layer(action DEPS base json)\n")
    found = list(check_layers.problems(str(tree)))
    assert len(found) == 1 and "DEPS names json" in found[0]


def test_a_circle_in_the_table_is_found(tree):
    table = tree / "tools" / "layers.toml"
    table.write_text(table.read_text().replace("base = []", 'base = ["crypto"]'))
    assert any("a circle" in line for line in check_layers.problems(str(tree)))


def test_a_dead_link_in_a_document_is_found(tmp_path):
    write(tmp_path, "a.md", "[b](b.md) and [web](https://example.org) and `[code](x)`\n[c](c.md#d)\n")
    write(tmp_path, "b.md", "")
    assert list(check_links.broken(str(tmp_path), ["a.md"])) == ["a.md:2: c.md#d is not there"]
