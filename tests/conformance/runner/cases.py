"""Reads the cases: one TOML file for each topic, checked when it is read, so that a typing error is
never a case that passes."""

import dataclasses
import fnmatch
import json
import os
import re
import tomllib

from .matching import BadPattern, check_pattern
from .template import names_in, names_in_json

MDE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mde")
CONFIDENCES = ("documented", "observed", "ours")
PROFILES = ("2021", "2025", "2026")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# What a case may ask for beside permissions. harmless: isolate and its like do nothing there.
NEEDS = ("machine", "secret", "limits", "one machine", "harmless")

STEP_KEYS = {"request", "headers", "body", "body_encoding", "form", "as", "anonymous", "status",
             "answer_headers", "json", "text", "unpack", "capture", "until", "within_s", "times"}
CASE_KEYS = {"name", "source", "confidence", "needs", "with", "profiles", "awaits", "steps",
             "cleanup"}
TOPIC_KEYS = {"about", "define", "config", "case"}

# Always there; running.py fills them.
BUILT_IN = {"url", "host", "tenant", "client_id", "client_secret", "signin", "signin_host", "token", "machineId",
            "run", "unknown_machine", "unknown_action", "now", "hour_ago", "days_ago_40",
            "in_two_days", "scope", "script_ext", "file_path", "folder_path", "script_hello",
            "script_sleep", "script_nap", "script_use", "script_exit"}


class BadCase(ValueError):
    """A file of cases that cannot be used; the message names file, case and reason."""


@dataclasses.dataclass
class Step:
    method: str
    target: str
    fields: dict
    expected: object = None  # parsed `json`
    until: object = None     # parsed `until`

    def get(self, name, default=None):
        return self.fields.get(name, default)

    @property
    def statuses(self):
        status = self.fields.get("status")
        return None if status is None else status if isinstance(status, list) else [status]


@dataclasses.dataclass
class Case:
    topic: str
    name: str
    source: str
    confidence: str
    needs: list
    fixtures: list
    profiles: list
    awaits: str
    steps: list
    cleanup: list
    config: str = ""
    define: dict = dataclasses.field(default_factory=dict)

    @property
    def id(self):
        return f"{self.topic}/{self.name}"


@dataclasses.dataclass
class Fixture:
    name: str
    needs: list
    fixtures: list
    steps: list
    captures: set


def parse_json(text, where):
    try:
        value = json.loads(text)
        check_pattern(value)
        return value
    except (ValueError, TypeError) as error:
        raise BadCase(f"{where}: {error}") from error


def parse_step(fields, where):
    unknown = set(fields) - STEP_KEYS
    if unknown:
        raise BadCase(f"{where}: '{sorted(unknown)[0]}' is not known")
    words = str(fields.get("request", "")).split(" ")
    if len(words) != 2 or words[0] not in METHODS or not words[1].startswith(("/", "{")):
        raise BadCase(f"{where}: request must be a method and an address")
    if "body" in fields and "form" in fields:
        raise BadCase(f"{where}: body and form exclude each other")
    if ("until" in fields) != ("within_s" in fields):
        raise BadCase(f"{where}: until and within_s belong together")
    step = Step(words[0], words[1], fields)
    if "json" in fields:
        step.expected = parse_json(fields["json"], where + ": json")
    if "until" in fields:
        step.until = parse_json(fields["until"], where + ": until")
    if "text" in fields:
        parse_json(json.dumps(fields["text"]), where + ": text")
    for value in fields.get("answer_headers", {}).values():
        parse_json(json.dumps(value), f"{where}: answer_headers")
    return step


def captures_of(steps):
    return {name for step in steps for name in step.get("capture", {})}


def check_names(steps, known, where, define=None):
    """Every name in braces is defined before it is used; those within a definition too."""
    known, define = set(known), define or {}
    for step in steps:
        used = names_in(step.target)
        for key in ("headers", "body", "form", "answer_headers", "text"):
            used |= names_in_json(step.get(key, ""))
        used |= names_in_json(step.expected) | names_in_json(step.until)
        for name in used & set(define):
            used |= names_in(define[name])
        missing = used - known
        if missing:
            raise BadCase(f"{where}: {{{sorted(missing)[0]}}} is not defined")
        known |= set(step.get("capture", {}))


def check_needs(needs, where):
    for need in needs:
        if need not in NEEDS and not re.fullmatch(r"[A-Z][A-Za-z]+(\.[A-Z][A-Za-z]+)+", need):
            raise BadCase(f"{where}: need '{need}' is not known")


def parse_case(topic, raw, fields, fixtures, where):
    name = raw.get("name")
    if not name or "/" in name:
        raise BadCase(f"{where}: a case has no name, or a slash in it")
    where = f"{where}: '{name}'"
    if ("steps" in raw) == ("request" in raw):
        raise BadCase(f"{where}: either a request or steps")
    steps_raw = raw.get("steps") or [{k: v for k, v in raw.items() if k not in CASE_KEYS}]
    if "steps" in raw:
        unknown = set(raw) - CASE_KEYS
        if unknown:
            raise BadCase(f"{where}: '{sorted(unknown)[0]}' is not known")
    if raw.get("confidence") not in CONFIDENCES:
        raise BadCase(f"{where}: confidence must be one of {', '.join(CONFIDENCES)}")
    if not raw.get("source"):
        raise BadCase(f"{where}: a source is required")
    steps = [parse_step(s, where) for s in steps_raw]
    cleanup = [parse_step(s, where + " cleanup") for s in raw.get("cleanup", [])]
    if all(step.statuses is None for step in steps):
        raise BadCase(f"{where}: nothing is expected")
    for fixture in raw.get("with", []):
        if fixture not in fixtures:
            raise BadCase(f"{where}: fixture '{fixture}' is not known")
    for profile in raw.get("profiles", []):
        if profile not in PROFILES:
            raise BadCase(f"{where}: profile '{profile}' is not known")
    check_needs(raw.get("needs", []), where)
    define = fields.get("define", {})
    known = BUILT_IN | set(define)
    for fixture in raw.get("with", []):
        known |= all_captures(fixtures, fixture)
    check_names(steps, known, where, define)
    check_names(cleanup, known | captures_of(steps), where + " cleanup", define)
    return Case(topic, name, raw["source"], raw["confidence"], raw.get("needs", []),
                raw.get("with", []), raw.get("profiles", []), raw.get("awaits", ""), steps,
                cleanup, fields.get("config", ""), define)


def all_captures(fixtures, name):
    fixture = fixtures[name]
    return fixture.captures.union(*(all_captures(fixtures, one) for one in fixture.fixtures))


def read_toml(path):
    try:
        with open(path, "rb") as source:
            return tomllib.load(source)
    except (OSError, ValueError) as error:
        raise BadCase(f"{path}: {error}") from error


def load_fixtures(folder=MDE):
    """Name → Fixture, of fixtures.toml; without the file there are none."""
    path = os.path.join(folder, "fixtures.toml")
    if not os.path.exists(path):
        return {}
    made = {}
    for name, raw in read_toml(path).items():
        where = f"fixtures.toml: '{name}'"
        check_needs(raw.get("needs", []), where)
        unknown = set(raw) - {"needs", "with", "steps"}
        if unknown or any(one not in made for one in raw.get("with", [])):
            raise BadCase(f"{where}: an unknown key, or a fixture that does not stand above")
        steps = [parse_step(s, where) for s in raw.get("steps", [])]
        known = set(BUILT_IN).union(*(all_captures(made, one) for one in raw.get("with", [])))
        check_names(steps, known, where)
        made[name] = Fixture(name, raw.get("needs", []), raw.get("with", []), steps,
                             captures_of(steps))
    return made


def load_scripts(folder=MDE):
    """Shell → name → text of the scripts that run on machines."""
    return read_toml(os.path.join(folder, "scripts.toml"))


def load(folder=MDE):
    """All cases, in the order of files and lines, and the fixtures. Errors: BadCase."""
    fixtures = load_fixtures(folder)
    cases, seen = [], set()
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".toml") or file in ("fixtures.toml", "scripts.toml"):
            continue
        raw = read_toml(os.path.join(folder, file))
        unknown = set(raw) - TOPIC_KEYS
        if unknown or not raw.get("about"):
            raise BadCase(f"{file}: " + (f"'{sorted(unknown)[0]}' is not known" if unknown
                                         else "about is required"))
        topic = file[:-len(".toml")]
        for one in raw.get("case", []):
            case = parse_case(topic, one, raw, fixtures, file)
            if case.id in seen:
                raise BadCase(f"{file}: '{case.name}' is there twice")
            seen.add(case.id)
            cases.append(case)
    return cases, fixtures


def choose(cases, only=None, confidence=None, profile=None):
    """Those that were asked for. only: a glob on "topic/name"; confidence, profile: see docs."""
    def wanted(case):
        return ((only is None or fnmatch.fnmatchcase(case.id, only) or case.topic == only)
                and (not confidence or case.confidence in confidence)
                and (profile is None or not case.profiles or profile in case.profiles))

    return [case for case in cases if wanted(case)]
