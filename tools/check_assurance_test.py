"""Tests of check_assurance.py."""

import os
import tempfile
import unittest

import check_assurance


class CheckAssurance(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, "a_test.cc"), "w") as file:
                file.write("TEST_F(A, IsThere) {\n}\nTEST(A,\n     Wrapped) {\n}\n")
            with open(os.path.join(root, "test_b.py"), "w") as file:
                file.write("def test_it(world):\n    pass\n")
            return check_assurance.missing(root, text)

    def test_names_that_are_there_pass(self):
        wrong, named = self.check("`a_test.cc::IsThere` `a_test.cc::Wrapped` `test_b.py::test_it` "
                                  "`a_test.cc::Is*`")
        self.assertEqual((wrong, named), ([], 4))

    def test_names_that_are_not_there_are_told(self):
        wrong, _ = self.check("`a_test.cc::IsThe` `c_test.cc::X` `test_b.py::test_other`")
        self.assertEqual(len(wrong), 3)


if __name__ == "__main__":
    unittest.main()
