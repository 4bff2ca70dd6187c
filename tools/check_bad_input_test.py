"""Tests of check_bad_input.py."""

import os
import tempfile
import unittest

import check_bad_input

FILES = {
    "src/net/a_test.cc": "TEST_F(A, IsThere) {\n}\n",
    "src/server/rest/b_test.cc": "TEST(B, IsHere) {\n}\n",
    "tests/e2e/test_c.py": "def test_it(world):\n    pass\n",
    "tests/conformance/mde/d.toml": '[[case]]\nname = "unknown: 404"\n',
    "tests/smuggling/v.jsonl": '{"name": "two lengths"}\n',
}
HEAD = "# Page\n\n## 5.0 Transport\n\n| | input | answer | shown by |\n|---|---|---|---|\n"


class CheckBadInput(unittest.TestCase):
    def check(self, *rows, head=HEAD):
        with tempfile.TemporaryDirectory() as root:
            for path, text in FILES.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            return list(check_bad_input.problems(root, head + "\n".join(rows) + "\n",
                                                 {"5.0": max(len(rows), 1)}))

    def test_rows_with_tests_that_are_there_pass(self):
        self.assertEqual(self.check(
            "| 1 | x | 400 | `net/a_test.cc::IsThere`, `rest/b_test.cc::Is*` |",
            "| 2 | x | 404 | `e2e/test_c.py::test_it` and `tests/e2e/test_c.py::test_it` |",
            "| 3 | x | 404 | `conformance/mde/d.toml::unknown: 404` |",
            "| 4 | x | 400, close | `smuggling/v.jsonl::two lengths` |"), [])

    def test_tests_that_are_not_there_are_told(self):
        wrong = self.check(
            "| 1 | x | 400 | `net/a_test.cc::IsThe`, `rest/none_test.cc::X` |",
            "| 2 | x | 404 | `conformance/mde/d.toml::another` |",
            "| 3 | x | 404 | `smuggling/v.jsonl::two` |",
            "| 4 | x | 404 | `e2e/test_c.py` |")
        self.assertEqual(wrong, [
            "5.0 1: net/a_test.cc: no test 'IsThe'",
            "5.0 1: rest/none_test.cc: no such file",
            "5.0 2: conformance/mde/d.toml: no test 'another'",
            "5.0 3: smuggling/v.jsonl: no test 'two'",
            "5.0 4: e2e/test_c.py: which test of it?"])

    def test_a_row_without_an_answer_or_a_test_is_told(self):
        wrong = self.check("| 1 | x |  | `net/a_test.cc::IsThere` |", "| 2 | x | 400 | some day |")
        self.assertEqual(wrong, [
            "5.0 1: a row has a number, an input, an answer and a test",
            "5.0 2: names no test"])

    def test_numbers_that_lack_or_come_twice_are_told(self):
        row = "| x | 400 | `net/a_test.cc::IsThere` |"
        self.assertEqual(self.check("| 1 " + row, "| 1 " + row),
                         ["5.0: the rows are [1, 1], not 1 to 2"])
        self.assertEqual(self.check(head="# Page\n"), ["5.0: the rows are [], not 1 to 1"])

    def test_a_section_that_there_is_not_is_told(self):
        head = HEAD.replace("5.0", "5.11") + "\n" + HEAD
        self.assertEqual(self.check("| 1 | x | 400 | `net/a_test.cc::IsThere` |", head=head),
                         ["5.11: no such section"])


if __name__ == "__main__":
    unittest.main()
