"""Runs the cases of tests/conformance/mde against a server. See docs/conformance.md."""
