"""Runs cases against one server: fixtures once, steps in order, what was made is removed again."""

import dataclasses
import datetime
import json
import re
import time
import urllib.parse
import uuid

from .client import NoAnswer, multipart, unpack
from .matching import compare, compare_text, read_path
from .template import UnknownName, expand, expand_json, names_in, names_in_json

DEFAULT_SCOPE = "https://api.securitycenter.microsoft.com/.default"
PATIENCE_S = 120   # the longest Retry-After that is waited for
PATIENCE_TIMES = 3
PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"


class NotRun(Exception):
    """The caller lacks what the case needs; the message names it."""


class Failed(Exception):
    def __init__(self, request, expected, got):
        super().__init__(f"{request}: expected {expected}, got {got}")
        self.request, self.expected, self.got = request, expected, got


@dataclasses.dataclass
class Result:
    case: object
    outcome: str
    reason: str = ""      # of what was not run
    request: str = ""
    expected: str = ""
    got: str = ""
    seconds: float = 0.0


@dataclasses.dataclass
class Settings:
    """What is known of the server under test."""
    url: str
    tenant: str = ""
    token_url: str = ""
    scope: str = DEFAULT_SCOPE
    machine: str = ""
    profile: str = "2026"
    script_ext: str = "sh"
    scripts: dict = dataclasses.field(default_factory=dict)
    has: set = dataclasses.field(default_factory=set)  # of cases.NEEDS
    poll_s: float = 5.0
    file_path: str = "/etc/hostname"
    folder_path: str = "/etc"


def utc(**ago):
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def short(text, most=400):
    text = " ".join(text.split())
    return text if len(text) <= most else text[:most - 1] + "…"


class Session:
    """One run against one server. apps: name → Application; "main" is there."""

    def __init__(self, settings, client, apps, fixtures, sleep=time.sleep):
        self.settings, self.client, self.apps, self.fixtures = settings, client, apps, fixtures
        self.sleep = sleep
        self.run = "conformance-" + uuid.uuid4().hex[:10]
        self.uploaded = set()
        self._made = {}  # fixture → its captures, or what kept it from being made
        self._secrets = set()

    # ---- names
    def variables(self):
        s, main = self.settings, self.apps["main"]
        given = {
            "url": s.url, "host": urllib.parse.urlsplit(s.url).netloc, "tenant": s.tenant,
            "client_id": main.client_id, "client_secret": main.secret,
            "signin": s.token_url.split("/oauth2/")[0], "scope": s.scope,
            "signin_host": "://".join(urllib.parse.urlsplit(s.token_url)[:2]),
            "token": self.token_of("main"), "run": self.run,
            "unknown_machine": "f" * 40, "unknown_action": str(uuid.uuid4()),
            "now": utc(), "hour_ago": utc(hours=1), "days_ago_40": utc(days=40),
            "in_two_days": utc(days=-2), "script_ext": s.script_ext, "machineId": s.machine,
            "file_path": s.file_path, "folder_path": s.folder_path,
        }
        given.update({f"script_{name}": text for name, text in s.scripts.items()})
        return given

    def token_of(self, name):
        if name not in self.apps:
            raise NotRun(f"an application '{name}' (--app {name}=ID:SECRET)")
        s = self.settings
        token = self.apps[name].token(self.client, s.token_url, s.scope)
        self._secrets.update({token, self.apps[name].secret} - {""})
        return token

    def hidden(self, text):
        for secret in self._secrets:
            text = text.replace(secret, "…").replace(urllib.parse.quote(secret, safe=""), "…")
        return re.sub(r"sig=[^&\s\"]+", "sig=…", text)

    # ---- one case
    def result(self, case):
        started = time.monotonic()
        out = Result(case, PASSED)
        try:
            self.check_needs(case.needs)
            for name in {step.get("as", "main") for step in case.steps}:
                self.token_of(name)  # before the first step, or half a case would have run
            variables = self.variables()
            self.bring(case.fixtures, variables)
            for name in self.defines_of(case):
                variables[name] = expand(case.define[name], variables)
            try:
                self.steps(case.steps, variables)
            finally:
                self.clean(case.cleanup, variables)
        except NotRun as error:
            out = Result(case, NOT_RUN, reason=str(error))
        except Failed as error:
            out = Result(case, FAILED, request=self.hidden(error.request),
                         expected=self.hidden(error.expected), got=self.hidden(error.got))
        except (NoAnswer, UnknownName) as error:
            out = Result(case, FAILED, got=self.hidden(str(error)), expected="an answer")
        out.seconds = time.monotonic() - started
        return out

    def defines_of(self, case):
        used = set()
        for step in [*case.steps, *case.cleanup]:
            used |= names_in(step.target) | names_in_json(step.expected)
            for key in ("headers", "body", "form", "text", "answer_headers"):
                used |= names_in_json(step.get(key, ""))
        return [name for name in case.define if name in used]

    def check_needs(self, needs):
        """Errors: NotRun, with the first that is missing."""
        may, lacking = None, []
        for need in needs:
            if "." not in need:
                if need not in self.settings.has:
                    lacking.append(need)
                continue
            if may is None:
                s = self.settings
                may = (self.apps["main"].permissions(self.client, s.token_url, s.scope),)
            if may[0] is not None and need not in may[0]:
                lacking.append(need)
        if lacking:
            raise NotRun("needs " + ", ".join(lacking))

    def bring(self, names, variables):
        """What fixtures capture; each is made once in a run."""
        for name in names:
            fixture = self.fixtures[name]
            if name not in self._made:
                try:
                    self.check_needs(fixture.needs)
                    own = self.variables()
                    self.bring(fixture.fixtures, own)
                    self.steps(fixture.steps, own)
                    self._made[name] = {key: own[key] for key in fixture.captures}
                except (NotRun, Failed) as error:
                    self._made[name] = error
            made = self._made[name]
            if isinstance(made, NotRun):
                raise made
            if isinstance(made, Failed):
                raise Failed(f"fixture '{name}': {made.request}", made.expected, made.got)
            self.bring(fixture.fixtures, variables)
            variables.update(made)

    def steps(self, steps, variables):
        for step in steps:
            for _ in range(step.get("times", 1)):
                self.step(step, variables)

    def clean(self, steps, variables):
        """Every step, whatever comes of it: a case that failed early may have nothing to clean."""
        for step in steps:
            try:
                self.step(step, variables)
            except (Failed, NoAnswer, UnknownName):
                pass

    # ---- one step
    def request_of(self, step, variables):
        headers, body = {}, None
        if not step.get("anonymous"):
            headers["Authorization"] = "Bearer " + self.token_of(step.get("as", "main"))
        if "form" in step.fields:
            parts = expand_json(step.fields["form"], variables)
            headers["Content-Type"], body = multipart(parts)
        elif "body" in step.fields:
            headers["Content-Type"] = "application/json"
            body = expand(step.fields["body"], variables).encode(step.get("body_encoding", "utf-8"))
        pairs = []
        for name, value in step.get("headers", {}).items():
            for own in [key for key in headers if key.lower() == name.lower()]:
                del headers[own]
            for one in value if isinstance(value, list) else [value]:
                if one != "":  # an empty text: without the header that would be sent otherwise
                    pairs.append((name, expand(one, variables)))
        return expand(step.target, variables), [*headers.items(), *pairs], body

    def step(self, step, variables):
        target, headers, body = self.request_of(step, variables)
        request = f"{step.method} {target}"
        answer = self.answered(step, target, headers, body, variables)
        if step.statuses is not None and answer.status not in step.statuses:
            raise Failed(request, " or ".join(map(str, step.statuses)),
                         f"{answer.status} {short(answer.text)}")
        if step.statuses is None and not 200 <= answer.status < 300:
            raise Failed(request, "2xx", f"{answer.status} {short(answer.text)}")
        self.note_upload(step, answer)
        differences = self.differences(step, answer, variables)
        if differences:
            raise Failed(request, "; ".join(differences[:6]),
                         f"{answer.status} {short(answer.text)}")
        for name, path in step.get("capture", {}).items():
            variables[name] = self.captured(path, answer, request)

    def answered(self, step, target, headers, body, variables):
        """The answer, after the waits that the server asked for and those of `until`."""
        deadline = time.monotonic() + step.get("within_s", 0)
        waits = 0
        while True:
            answer = self.client.send(step.method, target, headers, body)
            if answer.status == 429 and 429 not in (step.statuses or []):
                wait = answer.header("Retry-After") or ""
                waits += 1
                if not wait.isdigit() or int(wait) > PATIENCE_S or waits > PATIENCE_TIMES:
                    return answer
                self.sleep(int(wait))
                continue
            if step.until is None:
                return answer
            until = expand_json(step.until, variables)
            # 404 may pass: what was just accepted is not everywhere at once, nor is a late result.
            if answer.status != 404 and (answer.status >= 400
                                         or not compare(until, json_of(answer))):
                return answer
            if time.monotonic() > deadline:
                raise Failed(f"{step.method} {target}",
                             f"within {step.get('within_s')} s {json.dumps(until)}",
                             f"{answer.status} {short(answer.text)}")
            self.sleep(self.settings.poll_s)

    def differences(self, step, answer, variables):
        found = []
        for name, expected in expand_json(step.get("answer_headers", {}), variables).items():
            got = answer.header(name)
            if expected in ("{absent}", "{present}"):
                if (got is None) != (expected == "{absent}"):
                    found.append(f"header {name}: expected {expected}, got {got!r}")
            else:
                found += compare_text(expected, got, f"header {name}")
        content = answer
        if "unpack" in step.fields:
            try:
                content = type(answer)(answer.status, answer.headers,
                                       unpack(answer.body, step.fields["unpack"]))
            except ValueError as error:
                return [*found, f"body: {error}"]
        if "text" in step.fields:
            found += compare_text(expand(step.fields["text"], variables), content.text, "body")
        if step.expected is not None:
            value = json_of(content)
            if value is NO_JSON:
                found.append("body: expected JSON")
            else:
                found += compare(expand_json(step.expected, variables), value)
        return found

    @staticmethod
    def captured(path, answer, request):
        if path.startswith("header:"):
            value = answer.header(path[len("header:"):])
            if value is None:
                raise Failed(request, path, "no such header")
            return value
        if path == "$text":
            return answer.text
        path, _, part = path.partition("?")
        value = json_of(answer)
        try:
            value = value if path == "$" else read_path(value, path)
        except KeyError:
            raise Failed(request, f"a body with {path}", short(answer.text)) from None
        if part:  # a part of a link: its query's member, as it stands there; "" is the path
            address, _, query = str(value).partition("?")
            if part == "address":
                return address
            for pair in query.split("&"):
                if pair.startswith(part + "="):
                    return pair[len(part) + 1:]
            raise Failed(request, f"a link with {part}", short(str(value)))
        return value

    # ---- what was made
    def note_upload(self, step, answer):
        if step.method == "POST" and step.target.lower().endswith("/libraryfiles"):
            value = json_of(answer)
            name = value.get("fileName") if isinstance(value, dict) else None
            if isinstance(name, str) and name.startswith(self.run):
                self.uploaded.add(name)

    def close(self):
        """Removes the library files of this run. Gives the names of those that are still there."""
        left = []
        for name in sorted(self.uploaded):
            try:
                headers = [("Authorization", "Bearer " + self.token_of("main"))]
                path = "/api/libraryfiles/" + urllib.parse.quote(name, safe="")
                answer = self.client.send("DELETE", path, headers)
                if answer.status == 429 and (answer.header("Retry-After") or "").isdigit():
                    self.sleep(min(int(answer.header("Retry-After")), PATIENCE_S))
                    answer = self.client.send("DELETE", path, headers)
                left += [] if answer.status in (204, 404) else [name]
            except NoAnswer:
                left.append(name)
        self.client.close()
        return left


NO_JSON = object()


def json_of(answer):
    try:
        return json.loads(answer.body)
    except ValueError:
        return NO_JSON
