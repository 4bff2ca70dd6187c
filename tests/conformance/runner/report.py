"""What a person and a program are told of a run."""

import json
import sys

from .running import FAILED, NOT_RUN, PASSED

COLOURS = {PASSED: "32", FAILED: "31", NOT_RUN: "33"}


class Report:
    """Writes each case as it ends. verbose: those that passed too."""

    def __init__(self, out=sys.stdout, verbose=False, colour=None):
        self.out, self.verbose = out, verbose
        self.colour = out.isatty() if colour is None else colour
        self.results = []

    def painted(self, outcome, text):
        return f"\033[{COLOURS[outcome]}m{text}\033[0m" if self.colour else text

    def add(self, result):
        self.results.append(result)
        case = result.case
        if result.outcome == FAILED:
            awaits = f" (awaits {case.awaits})" if case.awaits else ""
            said = f"{result.request or 'the case'} → expected {result.expected}; got {result.got}"
            self.line(FAILED, f"{case.id}{awaits}: {said} [{case.confidence}: {case.source}]")
        elif result.outcome == NOT_RUN:
            self.line(NOT_RUN, f"{case.id}: {result.reason}")
        elif self.verbose:
            self.line(PASSED, f"{case.id} ({result.seconds:.2f} s)")

    def line(self, outcome, text):
        print(f"{self.painted(outcome, outcome)} {text}", file=self.out, flush=True)

    def count(self, outcome):
        return sum(result.outcome == outcome for result in self.results)

    def end(self, left=()):
        """The counts; the status that the program ends with."""
        for name in left:
            print(f"warning: library file {name} could not be removed", file=self.out)
        counts = ", ".join(f"{self.count(one)} {one}" for one in (PASSED, FAILED, NOT_RUN))
        print(f"conformance: {len(self.results)} cases: {counts}", file=self.out, flush=True)
        if self.count(FAILED):
            return 1
        if not self.count(PASSED):
            print("conformance: nothing was tested", file=self.out)
            return 1
        return 0

    def write_json(self, path):
        rows = [{"topic": r.case.topic, "name": r.case.name, "source": r.case.source,
                 "confidence": r.case.confidence, "outcome": r.outcome, "reason": r.reason,
                 "request": r.request, "expected": r.expected, "got": r.got,
                 "seconds": round(r.seconds, 3)} for r in self.results]
        totals = {one: self.count(one) for one in (PASSED, FAILED, NOT_RUN)}
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"counts": totals, "cases": rows}, out, indent=1, ensure_ascii=False)
            out.write("\n")
