"""Running cases against a small server: waits, captures, fixtures, cleaning up, secrets."""

import http.server
import io
import json
import threading

import pytest

from . import cases
from .client import Application, Client, claims_of, multipart
from .report import Report
from .running import FAILED, NOT_RUN, PASSED, Session, Settings

TOKEN = "eyJhbGciOiJub25lIn0.eyJyb2xlcyI6WyJNYWNoaW5lLlJlYWQuQWxsIl19.c2lnbmF0dXJl"


class Stub:
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self, answer):
        self.answer, self.seen = answer, []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # headers and body in one packet

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.seen.append((self.command, self.path, dict(self.headers), body))
                status, headers, content = stub.answer(self.command, self.path, len(stub.seen))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD" and status != 304:
                    self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,),
                                       daemon=True)
        self.thread.start()
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def stub():
    made = []

    def make(answer):
        made.append(Stub(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def answers(value, status=200, headers=None):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return lambda method, path, n: (status, headers or {}, content)


def session(server, fixtures=None, has=("machine",), machine="m1"):
    slept = []
    made = Session(Settings(url=server.url, token_url=server.url + "/t/oauth2/v2.0/token",
                            machine=machine, has=set(has), poll_s=0),
                   Client(server.url), {"main": Application("id", "s3cret", TOKEN)},
                   fixtures or {}, sleep=slept.append)
    made.slept = slept
    return made


def case(fixtures=None, **fields):
    raw = {"name": "n", "source": "s", "confidence": "ours", **fields}
    return cases.parse_case("t", raw, {}, fixtures or {}, "t.toml")


def test_a_case_passes_or_fails_and_says_why(stub):
    server = stub(answers({"status": "Pending"}))
    good = case(request="GET /x", status=200, json='{"status":"Pending"}')
    bad = case(request="GET /x", status=200, json='{"status":"Succeeded"}')
    wrong = case(request="GET /x", status=404)
    one = session(server)
    assert one.result(good).outcome == PASSED
    result = one.result(bad)
    assert result.outcome == FAILED and "body.status" in result.expected
    assert result.request == "GET /x" and result.got.startswith("200 ")
    assert one.result(wrong).expected == "404"


def test_headers_are_compared_and_a_token_is_sent_unless_it_is_not_wanted(stub):
    server = stub(answers({}, headers={"Retry-After": "7"}))
    one = session(server)
    assert one.result(case(request="GET /x", status=200, answer_headers={
        "retry-after": "{/\\d+/}", "X-None": "{absent}"})).outcome == PASSED
    assert server.seen[-1][2]["Authorization"] == "Bearer " + TOKEN
    assert one.result(case(request="GET /x", anonymous=True, status=200,
                           answer_headers={"Retry-After": "{absent}"})).outcome == FAILED
    assert "Authorization" not in server.seen[-1][2]


def test_what_the_caller_lacks_is_not_run_and_named(stub):
    server = stub(answers({}))
    one = session(server, has=())
    for fields, said in (({"needs": ["machine"]}, "machine"), ({"as": "reader"}, "reader"),
                         ({"needs": ["Library.Manage"]}, "Library.Manage")):
        result = one.result(case(request="GET /x", status=200, **fields))
        assert result.outcome == NOT_RUN and said in result.reason
    assert server.seen == []
    assert one.result(case(request="GET /x", status=200,
                           needs=["Machine.Read.All"])).outcome == PASSED


def test_a_429_is_waited_for_unless_it_is_what_the_case_is_about(stub):
    def busy_once(method, path, n):
        return (429, {"Retry-After": "3"}, b"{}") if n == 1 else (200, {}, b"{}")

    one = session(stub(busy_once))
    assert one.result(case(request="GET /x", status=200)).outcome == PASSED
    assert one.slept == [3]
    always = session(stub(answers({}, 429, {"Retry-After": "3"})))
    assert always.result(case(request="GET /x", status=429)).outcome == PASSED
    assert always.slept == []
    assert always.result(case(request="GET /x", status=200)).outcome == FAILED
    long = session(stub(answers({}, 429, {"Retry-After": "3600"})))
    assert long.result(case(request="GET /x", status=200)).outcome == FAILED and long.slept == []


def test_a_poll_ends_when_it_is_so_or_the_time_is_over(stub):
    def later(method, path, n):
        if n == 1:
            return 404, {}, b"{}"
        return 200, {}, json.dumps({"status": "Pending" if n < 4 else "Succeeded"}).encode()

    fields = {"request": "GET /x", "status": 200, "until": '{"status":"Succeeded"}'}
    server = stub(later)
    assert session(server).result(case(within_s=30, **fields)).outcome == PASSED
    assert len(server.seen) == 4
    never = session(stub(answers({"status": "Pending"})))
    result = never.result(case(within_s=0, **fields))
    assert result.outcome == FAILED and "within 0 s" in result.expected
    refused = stub(answers({}, 403))
    assert session(refused).result(case(within_s=30, **fields)).outcome == FAILED
    assert len(refused.seen) == 1


def test_what_a_step_captures_serves_the_next_one(stub):
    server = stub(answers({"id": "a1", "value": "https://h/p?se=1%3A2&sig=x"},
                          headers={"ETag": '"e"'}))
    result = session(server).result(case(steps=[
        {"request": "GET /x", "status": 200,
         "capture": {"id": "id", "address": "value?address", "se": "value?se", "tag": "header:ETag"}},
        {"request": "POST /y/{id}?{se}", "body": '{"a":"{address}"}', "status": 200,
         "headers": {"If-Match": "{tag}", "Content-Type": ""}}]))
    assert result.outcome == PASSED
    method, path, headers, body = server.seen[-1]
    assert (method, path, body) == ("POST", "/y/a1?1%3A2", b'{"a":"https://h/p"}')
    assert headers["If-Match"] == '"e"' and "Content-Type" not in headers
    missing = case(request="GET /x", status=200, capture={"x": "nothing.there"})
    assert session(server).result(missing).outcome == FAILED


def fixture_of(**fields):
    step = cases.parse_step({"request": "GET /fixture", "status": 200,
                             "capture": {"made": "id"}}, "f")
    return {"thing": cases.Fixture("thing", fields.get("needs", []), [], [step], {"made"})}


def test_a_fixture_is_made_once_and_its_failure_fails_who_needs_it(stub):
    server = stub(answers({"id": "a1"}))
    fixtures = fixture_of()
    one = session(server, fixtures)
    needing = {"with": ["thing"], "request": "GET /x/{made}", "status": 200}
    for _ in range(2):
        assert one.result(case(fixtures, **needing)).outcome == PASSED
    assert [path for _, path, _, _ in server.seen] == ["/fixture", "/x/a1", "/x/a1"]
    broken = session(stub(answers({}, 500)), fixtures).result(case(fixtures, **needing))
    assert broken.outcome == FAILED and "fixture 'thing'" in broken.request
    lacking = fixture_of(needs=["Library.Manage"])
    assert session(server, lacking).result(case(lacking, **needing)).outcome == NOT_RUN


def test_cleaning_up_happens_after_a_failure_too(stub):
    server = stub(answers({}))
    result = session(server).result(case(
        steps=[{"request": "GET /x", "status": 404}],
        cleanup=[{"request": "DELETE /first", "status": 500}, {"request": "DELETE /second"}]))
    assert result.outcome == FAILED and result.request == "GET /x"
    assert [path for _, path, _, _ in server.seen] == ["/x", "/first", "/second"]


def test_library_files_of_the_run_are_removed_and_no_others(stub):
    mine = stub(lambda method, path, n: (
        (204, {}, b"") if method == "DELETE" else (200, {}, json.dumps({"fileName": name}).encode())))
    one = session(mine)
    for name in (one.run + "-a.sh", "theirs.sh"):
        one.result(case(request="POST /api/libraryfiles", status=200,
                        form=[{"name": "file", "filename": name, "content": "x"}]))
    assert one.close() == []
    assert [(m, p) for m, p, _, _ in mine.seen if m == "DELETE"] == [
        ("DELETE", f"/api/libraryfiles/{one.run}-a.sh")]


def test_secrets_and_signatures_are_not_in_what_is_told(stub):
    server = stub(answers(b'{"echo":"s3cret ' + TOKEN.encode() + b'"}', 400))
    one = session(server)
    result = one.result(case(request="GET /x?sig=abc", status=200))
    told = result.request + result.expected + result.got
    assert "s3cret" not in told and TOKEN not in told and "abc" not in told


def test_no_server_is_a_failure(stub):
    server = stub(answers({}))
    one = session(server)
    one.settings.url = one.client.url = "http://127.0.0.1:1"
    assert one.result(case(request="GET /x", status=200)).outcome == FAILED


def test_every_case_of_ours_fails_on_a_server_that_says_yes_or_one_that_says_no(stub):
    """A case that passes on both proves nothing."""
    found, fixtures = cases.load()
    yes = stub(answers({"id": "x"}))
    no = stub(answers({"error": {"code": "Teapot", "message": "no", "target": "none"}}, 418))
    has = cases.NEEDS
    passing = []
    for one in found:
        outcomes = []
        for server in (yes, no):
            made = session(server, fixtures, has)
            token = Application("id", "s3cret", "opaque")  # may everything, as far as anyone can tell
            made.apps = {name: token for name in ("main", "reader", "librarian", "responder", "isolator")}
            made.settings.scripts = {name: "x" for name in ("hello", "sleep", "nap", "use", "exit")}
            outcomes.append(made.result(one).outcome)
        assert NOT_RUN not in outcomes, one.id
        if outcomes == [PASSED, PASSED]:
            passing.append(one.id)
    assert passing == []


def test_a_report_counts_and_names(stub, tmp_path):
    one = session(stub(answers({})), has=())
    out = io.StringIO()
    report = Report(out, verbose=True)
    report.add(one.result(case(request="GET /x", status=200)))
    assert report.end() == 0
    report.add(one.result(case(request="GET /x", status=404, awaits="something")))
    report.add(one.result(case(request="GET /x", status=200, needs=["machine"])))
    assert report.end(["left.sh"]) == 1
    said = out.getvalue()
    assert "3 cases: 1 passed, 1 failed, 1 not run" in said and "\033" not in said
    assert "failed t/n (awaits something): GET /x → expected 404; got 200 {}" in said
    assert "needs machine" in said and "left.sh" in said
    report.write_json(tmp_path / "r.json")
    written = json.loads((tmp_path / "r.json").read_text())
    assert written["counts"] == {"passed": 1, "failed": 1, "not run": 1}
    assert written["cases"][1]["got"] == "200 {}"
    assert Report(io.StringIO()).end() == 1  # nothing run is no success


def test_parts_and_claims():
    kind, body = multipart([{"name": "file", "filename": "a.sh", "content": "x", "type": "t/p"},
                            {"name": "D", "content": "ä"}], "b")
    assert kind == "multipart/form-data; boundary=b"
    assert body == ('--b\r\nContent-Disposition: form-data; name="file"; filename="a.sh"\r\n'
                    'Content-Type: t/p\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name="D"'
                    '\r\n\r\nä\r\n--b--\r\n').encode()
    assert claims_of(TOKEN) == {"roles": ["Machine.Read.All"]}
    assert claims_of("opaque") is None and claims_of("a.!!!.c") is None
