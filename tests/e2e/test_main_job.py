"""The main job: run a script on a machine, fetch its result by index through a signed link."""

import json
import os
import re
import time
import urllib.parse
import uuid
from datetime import datetime, timezone

import pytest

import harness
from harness import LINK, Api

LIFTED = "[limits]\nenabled = false\n"


def seconds_of(link):
    se = urllib.parse.unquote(LINK.match(link)["se"])
    return datetime.strptime(se, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


def test_a_script_runs_with_its_arguments_and_its_result_is_fetched_by_a_plain_get(shared):
    api, agent = shared.shared_api, shared.agents[0]
    ran = shared.path("args.ran")
    action = api.submit(agent.machine_id, Api.script("effect.sh", f"{ran} 'two words' \"x\"y $HOME *"),
                        comment="with arguments")
    assert action["status"] == "Pending"
    assert action["type"] == "LiveResponse"
    assert action["machineId"] == agent.machine_id
    assert action["requestorComment"] == "with arguments"
    assert action["requestor"] == shared.server.credentials["clientId"]
    assert action["@odata.context"].endswith("/api/$metadata#MachineActions/$entity")
    assert action["commands"][0]["commandStatus"] == "Created"
    assert action["commands"][0]["command"]["params"][1]["key"] == "Args"
    uuid.UUID(action["id"])

    action = api.wait_final(action["id"])
    assert action["status"] == "Succeeded"
    command = action["commands"][0]
    assert command["commandStatus"] == "Completed" and command["errors"] == []
    assert command["startTime"] <= command["endTime"]

    result = api.result(action["id"], 0)
    # Args are split as a shell splits words, with no expansion of anything.
    assert harness.read_lines(ran) == ["two words xy $HOME *"]
    assert result["script_name"] == "effect.sh"
    assert result["exit_code"] == 0
    assert result["script_output"] == "did two words xy $HOME *\n"
    assert result["script_errors"] == result["script_error"] == "noise two words xy $HOME *\n"


def test_args_reach_the_script_byte_for_byte(shared):
    api = shared.shared_api
    api.upload("words.py", "import os, sys\nos.write(1, b'\\0'.join(os.fsencode(w) for w in sys.argv[1:]))\n")
    words = ["a b", "", "x\ny\r\tz", "'\"\\", "grün 漢字", "$(id);&|!`*", "x" * 60000]
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    action, result = api.run_script(shared.agents[0].machine_id, "words.py", quoted)
    assert action["status"] == "Succeeded", action["commands"]
    assert result["script_output"].split("\0") == words


def test_the_seed_page_point_by_point(make_world):
    world = make_world(LIFTED).up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    ran = world.path("seed.ran")
    api.upload("effect.sh", harness.EFFECT)
    action = api.submit(agent.machine_id, Api.script("effect.sh", f"{ran} once"))
    finished = api.wait_final(action["id"])
    assert finished["status"] == "Succeeded"

    before = datetime.now(timezone.utc).timestamp()
    answer = api.mint(action["id"], 0)
    after = datetime.now(timezone.utc).timestamp()
    assert answer.status == 200
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.json()
    assert set(body) == {"@odata.context", "value"}
    assert body["@odata.context"].endswith("/api/$metadata#Edm.String")
    assert b": " not in answer.body.split(b'"value"')[0], "bodies are compact JSON"
    link = body["value"]
    parts = LINK.match(link)
    assert parts, link
    assert parts["base"] == world.server.url
    assert parts["tenant"] == world.server.credentials["tenantId"]
    assert before + 1799 <= seconds_of(link) <= after + 1801, "valid for 30 minutes"
    assert re.fullmatch(r"[A-Za-z0-9/%]+", parts["sig"])

    first = api.download(link)
    assert first.status == 200
    assert set(first.json()) == {"script_name", "exit_code", "script_output", "script_error",
                                 "script_errors"}
    assert first.headers["x-ms-blob-type"] == "BlockBlob"
    assert first.headers["ETag"] and first.headers["Last-Modified"]

    # A second before its end it still works; at its end it does not, and says so in XML.
    world.advance("1790s")
    assert api.download(link).status == 200
    world.advance("11s")
    expired = api.download(link)
    assert expired.status == 403
    assert expired.headers["x-ms-error-code"] == "AuthenticationFailed"
    assert expired.headers["Content-Type"].startswith("application/xml")
    assert b"<Code>AuthenticationFailed</Code>" in expired.body

    # Another call makes a later link to the same bytes; nothing is run again.
    again = api.link(action["id"], 0)
    assert seconds_of(again) > seconds_of(link)
    assert api.download(again).body == first.body
    assert harness.starts(ran) == ["once"]
    assert api.action(action["id"]) == finished


def test_a_link_with_anything_changed_is_refused(shared):
    api = shared.shared_api
    action, _ = api.run_script(shared.agents[0].machine_id, "exit.sh", "0")
    link = api.link(action["id"])
    parts = LINK.match(link)
    other, _ = api.run_script(shared.agents[0].machine_id, "exit.sh", "0")
    other_blob = LINK.match(api.link(other["id"]))["blob"]
    flipped = ("B" if parts["sig"][0] == "A" else "A") + parts["sig"][1:]
    changed = {
        "sig": link.replace(parts["sig"], flipped),
        "se": link.replace(parts["se"], parts["se"].replace("20", "21", 1)),
        "sp": link.replace("sp=r&", "sp=rw&"),
        "sr": link.replace("sr=b", "sr=c"),
        "sv": link.replace("sv=2019-07-07", "sv=2018-11-09"),
        "blob": link.replace(parts["blob"], other_blob),
        "no query": link.split("?")[0],
        "twice": link + "&sig=" + parts["sig"],
        "extra": link + "&x=1",
    }
    for what, url in changed.items():
        answer = api.download(url)
        assert answer.status == 403, f"{what}: {answer}"
        assert b"<Error>" in answer.body, what
    assert api.download(link).status == 200
    ranged = api.download(link, headers={"Range": "bytes=0-9"})
    assert ranged.status == 206 and ranged.body == api.download(link).body[:10]
    assert api.download(link, method="HEAD").body == b""
    assert api.download(link, method="DELETE").status == 403


def test_several_commands_run_in_order_and_each_has_its_result(shared):
    api = shared.shared_api
    ran = shared.path("several.ran")
    action = api.submit(shared.agents[0].machine_id,
                        *[Api.script("effect.sh", f"{ran} {n}") for n in range(5)])
    action = api.wait_final(action["id"])
    assert action["status"] == "Succeeded"
    assert harness.starts(ran) == ["0", "1", "2", "3", "4"]
    for index in range(5):
        assert api.result(action["id"], index)["script_output"] == f"did {index}\n"


def test_an_exit_code_that_is_not_zero_is_a_result_and_not_a_failure(shared):
    api = shared.shared_api
    ran = shared.path("codes.ran")
    action = api.submit(shared.agents[0].machine_id, Api.script("exit.sh", f"3 {ran}"),
                        Api.script("exit.sh", f"0 {ran}"))
    action = api.wait_final(action["id"])
    assert action["status"] == "Succeeded"
    assert [c["commandStatus"] for c in action["commands"]] == ["Completed", "Completed"]
    assert api.result(action["id"], 0)["exit_code"] == 3
    assert harness.starts(ran) == ["exit 3", "exit 0"]


def test_a_script_killed_by_a_signal_has_the_code_that_a_shell_would_give(shared):
    api = shared.shared_api
    api.upload("signal.sh", "#!/bin/bash\nkill -KILL $$\n")
    action, result = api.run_script(shared.agents[0].machine_id, "signal.sh")
    assert action["status"] == "Succeeded"
    assert result["exit_code"] == 128 + 9


def test_the_first_command_that_fails_stops_the_rest(make_world):
    world = make_world(LIFTED + '[live_response]\nscript_timeout = "2s"\n').up(agent=True)
    api = world.server.api()
    api.upload("sleeper.sh", harness.SLEEPER)
    api.upload("effect.sh", harness.EFFECT)
    first, slow, after = (world.path(name) for name in ("first.ran", "slow.ran", "after.ran"))
    action = api.submit(world.agents[0].machine_id, Api.script("effect.sh", f"{first} x"),
                        Api.script("sleeper.sh", f"{slow} 60"), Api.script("effect.sh", f"{after} x"))
    action = api.wait_final(action["id"])
    states = [c["commandStatus"] for c in action["commands"]]
    assert action["status"] == "Failed"
    assert states == ["Completed", "Failed", "Created"]
    assert any("TimedOut" in e or "timed out" in e.lower() for e in action["commands"][1]["errors"])
    assert harness.starts(after) == []
    # Its whole process tree is gone, those included that tried to leave it.
    pids = harness.read_lines(slow + ".pids")
    assert len(pids) >= 3
    harness.eventually(lambda: not any(harness.process_exists(p) for p in pids), 5,
                       f"the tree {pids} is gone")
    # What it had written by then can be read.
    assert "sleeping 60" in api.result(action["id"], 1)["script_output"]
    assert api.mint(action["id"], 2).status == 404


def test_an_action_for_an_offline_machine_waits_until_it_connects(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    ran = world.path("offline.ran")
    action = api.submit(agent.machine_id, Api.script("effect.sh", f"{ran} x"))
    still = api.expect(200, "GET", f"/api/machineactions/{action['id']}?waitFor=final&timeout=1s")
    assert still.json()["status"] == "Pending"
    missing = api.mint(action["id"], 0)
    assert missing.status == 404 and missing.json()["error"]["code"] == "ResourceNotFound"
    agent.run()
    assert api.wait_final(action["id"])["status"] == "Succeeded"
    assert harness.starts(ran) == ["x"]


def test_a_server_whose_clock_is_set_ends_nothing_early_and_serves_no_link_late(make_world):
    world = make_world(LIFTED).up(agent=True)
    api, machine = world.server.api(), world.agents[0].machine_id
    for name, text in (("sleeper.sh", harness.SLEEPER), ("exit.sh", harness.EXIT_WITH)):
        api.upload(name, text)
    done, result = api.run_script(machine, "exit.sh", "0")
    link = api.link(done["id"])
    slept = world.path("clock.slept")
    action = api.submit(machine, Api.script("sleeper.sh", f"{slept} 6"))
    harness.eventually(lambda: harness.starts(slept), 20, "it runs")
    # A day forward, far over its window: it is not timed out; the link is over.
    world.set_clock("24h")
    assert api.download(link).status == 403
    during = api.link(done["id"])
    assert api.download(during).json() == result
    assert api.wait_final(action["id"])["status"] == "Succeeded"
    assert "the machine's clock jumped" in world.server.process.log_text()
    # Two days back: what is handed out now lives half an hour, not half an hour and two days.
    world.set_clock("24h", back=True)
    after = api.link(done["id"])
    assert api.download(after).json() == result
    world.advance("1801s")
    assert api.download(after).status == 403 and api.download(during).status == 403
    following, _ = api.run_script(machine, "exit.sh", "0")
    assert following["status"] == "Succeeded"


def test_an_action_that_nobody_takes_ends_as_timeout(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    ran = world.path("late.ran")
    action = api.submit(agent.machine_id, Api.script("effect.sh", f"{ran} x"))
    world.advance("7190s")
    assert api.action(action["id"])["status"] == "Pending"
    world.advance("20s")
    harness.eventually(lambda: api.action(action["id"])["status"] == "TimeOut", 30,
                       "the sweep ends the action")
    agent.run()
    # The machine is free again, and the old action never starts.
    api.upload("exit.sh", harness.EXIT_WITH)
    following, _ = api.run_script(agent.machine_id, "exit.sh", "0")
    assert following["status"] == "Succeeded"
    assert harness.starts(ran) == []


def test_one_active_action_a_machine(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    action = api.submit(agent.machine_id, Api.script("effect.sh", f"{world.path('one.ran')} x"))
    busy = api.post_run(agent.machine_id, Api.script("effect.sh", "y"))
    assert busy.status == 400
    assert b'"code":"ActiveRequestAlreadyExists"' in busy.body
    assert b'"message":"Action is already in progress"' in busy.body
    assert api.cancel(action["id"]).json()["status"] == "Cancelled"
    assert api.post_run(agent.machine_id, Api.script("effect.sh", "y")).status == 201


def test_the_same_post_twice_with_one_idempotency_key_is_one_action(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    key = str(uuid.uuid4())
    command = Api.script("effect.sh", "x")
    first = api.post_run(agent.machine_id, command, key=key)
    second = api.post_run(agent.machine_id, command, key=key)
    assert (first.status, second.status) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    other = api.post_run(agent.machine_id, Api.script("effect.sh", "another"), key=key)
    assert other.status == 422 and other.json()["error"]["code"]
    listed = api.expect(200, "GET", "/api/machineactions").json()["value"]
    assert [a["id"] for a in listed] == [first.json()["id"]]


class TestCancel:
    def test_pending_is_cancelled_at_once_and_never_runs(self, make_world):
        world = make_world(LIFTED).up()
        agent = world.agent(run=False)
        api = world.server.api()
        api.upload("effect.sh", harness.EFFECT)
        ran = world.path("cancelled.ran")
        action = api.submit(agent.machine_id, Api.script("effect.sh", f"{ran} x"))
        answer = api.cancel(action["id"], "not needed")
        assert answer.status == 200
        body = answer.json()
        assert body["status"] == "Cancelled"
        assert body["cancellationComment"] == "not needed"
        assert body["cancellationRequestor"] == world.server.credentials["clientId"]
        assert body["cancellationDateTimeUtc"]
        again = api.cancel(action["id"], "twice")
        assert again.status == 200, "already Cancelled: the unchanged action"
        assert again.json()["cancellationComment"] == "not needed"
        agent.run()
        follow, _ = api.run_script(agent.machine_id, "effect.sh", f"{world.path('follow.ran')} x")
        assert follow["status"] == "Succeeded"
        assert harness.starts(ran) == []

    def test_running_ends_its_whole_process_tree(self, make_world):
        world = make_world(LIFTED).up(agent=True)
        api = world.server.api()
        api.upload("sleeper.sh", harness.SLEEPER)
        api.upload("effect.sh", harness.EFFECT)
        ran, after = world.path("running.ran"), world.path("after.ran")
        action = api.submit(world.agents[0].machine_id, Api.script("sleeper.sh", f"{ran} 120"),
                            Api.script("effect.sh", f"{after} x"))
        pids = harness.eventually(lambda: (lines := harness.read_lines(ran + ".pids"))
                                  and len(lines) >= 4 and lines, 20, "the tree has started")
        answer = api.cancel(action["id"])
        assert answer.status == 200
        assert answer.json()["status"] == "Cancelled", "the agent is connected and confirms"
        harness.eventually(lambda: not any(harness.process_exists(p) for p in pids), 5,
                           f"the tree {pids} is gone")
        final = api.action(action["id"])
        assert final["commands"][0]["commandStatus"] == "Failed"
        assert any("ancelled" in e for e in final["commands"][0]["errors"])
        assert final["commands"][1]["commandStatus"] == "Created"
        assert harness.starts(after) == []
        harness.eventually(lambda: api.mint(action["id"], 0).status == 200, 10,
                           "partial output is linkable")
        assert "sleeping 120" in api.result(action["id"], 0)["script_output"]

    def test_final_is_refused_and_unchanged(self, shared):
        api = shared.shared_api
        action, _ = api.run_script(shared.agents[0].machine_id, "exit.sh", "0")
        answer = api.cancel(action["id"])
        assert answer.status == 400
        assert answer.json()["error"]["code"] == "BadRequest"
        assert api.action(action["id"]) == action

    def test_unknown_is_404_and_a_missing_comment_is_named(self, shared):
        api = shared.shared_api
        unknown = api.cancel(str(uuid.uuid4()))
        assert unknown.status == 404 and unknown.json()["error"]["code"] == "ResourceNotFound"
        action, _ = api.run_script(shared.agents[0].machine_id, "exit.sh", "0")
        nameless = api.call("POST", f"/api/machineactions/{action['id']}/cancel", {})
        assert nameless.status == 400
        assert nameless.json()["error"]["code"] == "MissingRequiredParameter"


class TestLinkRequests:
    def test_indices_that_are_none(self, shared):
        api = shared.shared_api
        action, _ = api.run_script(shared.agents[0].machine_id, "exit.sh", "0")
        base = f"/api/machineactions/{action['id']}/GetLiveResponseResultDownloadLink"
        for tail, status in (("(index=99)", 404), ("(index=-1)", 400), ("(index=abc)", 400),
                             ("()", 400), ("(index=)", 400), ("(0)", 400), ("(index=00)", 400),
                             ("(index=+0)", 400), ("(index=0x0)", 400), ("(index=4294967296)", 400),
                             ("(index=18446744073709551616)", 400), ("(index=0,index=1)", 400),
                             ("?index=0", 404)):
            answer = api.call("GET", base + tail)
            assert answer.status == status, f"{tail}: {answer}"
            assert set(answer.json()["error"]) == {"code", "message", "target"}, tail

    def test_spellings_of_one_route(self, shared):
        api = shared.shared_api
        action, _ = api.run_script(shared.agents[0].machine_id, "exit.sh", "0")
        for path in (f"/api/v1.0/machineactions/{action['id']}/GetLiveResponseResultDownloadLink(index=0)",
                     f"/API/MachineActions/{action['id']}/getliveresponseresultdownloadlink(index=0)",
                     f"/api/machineactions/{action['id']}/GetLiveResponseResultDownloadLink%28index%3D0%29"):
            assert api.call("GET", path).status == 200, path
        for path in (f"/api/machineactions/{action['id'][:8]}%0a{action['id'][8:]}/GetLiveResponseResultDownloadLink(index=0)",
                     f"/api/machineactions/{action['id']}%20/GetLiveResponseResultDownloadLink(index=0)",
                     f"/api/machineactions/{uuid.uuid4()}/GetLiveResponseResultDownloadLink(index=0)"):
            assert api.call("GET", path).status == 404, path

    def test_no_token_another_permission_and_a_foreign_host(self, shared):
        api = shared.shared_api
        action, _ = api.run_script(shared.agents[0].machine_id, "exit.sh", "0")
        path = f"/api/machineactions/{action['id']}/GetLiveResponseResultDownloadLink(index=0)"
        without = api.send("GET", path)
        assert without.status == 401
        assert without.headers["WWW-Authenticate"].startswith("Bearer")
        assert without.json()["error"]["code"] == "Unauthorized"
        app = shared.server.admin("app", "create", "--name", "library-only", "--role",
                                  "Library.Manage")
        other = shared.server.api(client_id=app["clientId"], secret=app["clientSecret"])
        refused = other.call("GET", path)
        assert refused.status == 403 and refused.json()["error"]["code"] == "Forbidden"
        spoofed = api.call("GET", path, headers={"X-Forwarded-Host": "evil.example"})
        assert LINK.match(spoofed.json()["value"])["base"] == shared.server.url


def test_the_list_is_newest_first_and_what_is_not_served_is_refused_by_name(shared):
    api = shared.shared_api
    made = [api.run_script(shared.agents[0].machine_id, "exit.sh", "0")[0]["id"] for _ in range(3)]
    listed = api.expect(200, "GET", "/api/machineactions?$top=2").json()["value"]
    assert [a["id"] for a in listed] == [made[2], made[1]]
    skipped = api.expect(200, "GET", "/api/machineactions?$skip=2&$top=1").json()["value"]
    assert [a["id"] for a in skipped] == [made[0]]
    for option in ("$filter=colour eq 'red'", "$orderby=colour", "$expand=x", "$select=colour"):
        refused = api.call("GET", "/api/machineactions?" + urllib.parse.quote(option, safe="$="))
        assert refused.status == 400 and refused.json()["error"]["code"] == "ODataError", option
        assert option.split("=")[0] in refused.json()["error"]["message"]


@pytest.mark.parametrize("name, script, expected", [
    ("unicode.sh", "#!/bin/bash\nprintf 'grün 漢字 🐧 %s\\n' 'ß'\n", "grün 漢字 🐧 ß\n"),
    ("crlf.sh", "#!/bin/bash\r\necho one\r\necho two\r\n", "one\ntwo\n"),
    ("bom.sh", "\ufeff#!/bin/bash\necho one\n", "one\n"),
    ("invalid.sh", "#!/bin/bash\nprintf 'a\\xff\\xfeb\\n'\n", "a\ufffd\ufffdb\n"),
    ("zero.sh", "#!/bin/bash\nprintf 'a\\0b\\n'\n", "a\0b\n"),
    ("quotes.sh", "#!/bin/bash\nprintf '\"\\\\\\t\\x01\\n'\n", '"\\\t\x01\n'),
    ("nothing.sh", "#!/bin/bash\n", ""),
    ("noshebang.sh", "echo plain\n", "plain\n"),
    ("python.py", "import sys\nprint('python', *sys.argv[1:])\n", "python\n"),
    ("crlf.py", "import sys\r\nprint('python')\r\n", "python\n"),
    ("crlf_shebang.py", "#!/usr/bin/env python3\r\nprint('python')\r\n", "python\n"),
    ("perl.pl", 'print "perl\\n";\n', "perl\n"),
    ("crlf.pl", '#!/usr/bin/perl -w\r\nprint "perl\\n";\r\n', "perl\n"),
    ("dash_crlf", "#!/bin/sh -e\r\nif true; then\r\n  echo \"dash\"\r\nfi\r\n", "dash\n"),
])
def test_scripts_and_output_of_every_kind(shared, name, script, expected):
    api = shared.shared_api
    api.upload(name, script)
    action, result = api.run_script(shared.agents[0].machine_id, name)
    assert action["status"] == "Succeeded", action["commands"]
    assert result["script_output"] == expected
    assert result["exit_code"] == 0


def test_a_script_gets_nothing_of_the_agents_but_its_own_text(shared):
    api = shared.shared_api
    api.upload("inherits.sh", "#!/bin/bash\nfor f in /proc/self/fd/*; do readlink $f; done\necho --\nenv\n")
    _, result = api.run_script(shared.agents[0].machine_id, "inherits.sh")
    descriptors, environment = result["script_output"].split("--\n")
    foreign = [line for line in descriptors.splitlines()
               if not re.match(r"/dev/null|pipe:|/memfd:script|/proc/\d+/fd", line)]
    assert foreign == []
    names = {line.split("=")[0] for line in environment.splitlines()}
    assert names <= {"REACHBACK_ACTION", "REACHBACK_INDEX", "PWD", "HOME", "LC_CTYPE", "SHLVL", "PATH",
                     "_"}, names


def test_what_a_script_leaves_running_is_ended_with_it(shared):
    api = shared.shared_api
    ran = shared.path("left.ran")
    api.upload("leaves.sh", '#!/bin/bash\nsetsid sleep 60 &\necho $! >>"$1.pids"\necho done\n')
    action, result = api.run_script(shared.agents[0].machine_id, "leaves.sh", ran)
    assert result["script_output"] == "done\n"
    pids = harness.read_lines(ran + ".pids")
    harness.eventually(lambda: not any(harness.process_exists(p) for p in pids), 5, "it is gone")


def test_a_library_file_that_is_replaced_changes_no_action_that_was_accepted(make_world):
    world = make_world(LIFTED).up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("version.sh", "#!/bin/bash\necho first\n")
    action = api.submit(agent.machine_id, Api.script("version.sh"))
    taken = api.call("POST", "/api/machineactions")
    assert taken.status == 405
    api.upload("version.sh", "#!/bin/bash\necho second\n", override=True)
    agent.run()
    assert api.wait_final(action["id"])["status"] == "Succeeded"
    assert api.result(action["id"])["script_output"] == "first\n"
    assert api.run_script(agent.machine_id, "version.sh")[1]["script_output"] == "second\n"


def test_the_rate_limits_answer_429_with_retry_after(make_world):
    world = make_world().up()
    agent = world.agent(run=False)
    api = world.server.api()
    api.upload("effect.sh", harness.EFFECT)
    action = api.submit(agent.machine_id, Api.script("effect.sh", "x"))
    answers = [api.mint(action["id"]) for _ in range(101)]
    assert [a.status for a in answers[:100]] == [404] * 100
    limited = answers[100]
    assert limited.status == 429
    assert limited.json()["error"]["code"] == "TooManyRequests"
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    # runliveresponse has its own: 10 a minute, of which one is used
    posts = [api.post_run(agent.machine_id, Api.script("effect.sh", "x")) for _ in range(10)]
    assert [a.status for a in posts] == [400] * 9 + [429]


def test_a_script_too_large_for_its_order_is_fetched_by_the_agent_and_runs(shared):
    api = shared.shared_api
    # Over 256 KiB a script does not travel in its order: the order names a read link.
    filler = "".join(f"# {number:06} {'.' * 72}\n" for number in range(12000))
    script = "#!/bin/bash\necho first line\n" + filler + 'echo "last line: $1"\n'
    assert len(script) > 900_000
    api.upload("large.sh", script)
    action, result = api.run_script(shared.agents[0].machine_id, "large.sh", "whole")
    assert action["status"] == "Succeeded"
    assert result["script_output"] == "first line\nlast line: whole\n"


def context_switches(pid):
    """Of all threads: each is a time that the process slept and was woken."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as status:
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M).group(1))
    return total


@pytest.mark.release
def test_an_idle_agent_is_small_and_sleeps(make_world, release_bin):
    """At most 8 MiB, and it wakes for its heartbeat only, every 24 to 36 s, however busy the machine:
    wake-ups are counted, no time is measured."""
    world = make_world(LIFTED, bin_dir=release_bin).up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    api.upload("small.sh", "#!/bin/bash\necho some work\n")
    api.run_script(agent.machine_id, "small.sh")
    time.sleep(12)  # the connection of the upload is kept for 10 s
    pid = agent.process.pid
    before = context_switches(pid)
    time.sleep(10)
    woken = context_switches(pid) - before
    # One heartbeat at most falls into 10 s; sending it and hearing of it takes a few wake-ups.
    assert woken <= 10, f"woken {woken} times in 10 s"
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        pss_kib = int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M).group(1))
    assert pss_kib <= 8192, f"PSS {pss_kib} KiB"


@pytest.mark.release
def test_big_output_passes_with_bounded_memory(make_world, release_bin):
    world = make_world(LIFTED, bin_dir=release_bin).up(agent=True)
    api = world.server.api()
    megabytes = 50
    api.upload("small.sh", "#!/bin/bash\necho warm\n")
    api.run_script(world.agents[0].machine_id, "small.sh")
    server, agent = world.server.process.pid, world.agents[0].process.pid
    before = harness.memory_peak_kib(server), harness.memory_peak_kib(agent)
    line = "0123456789abcdef" * 4
    api.upload("big.sh", f"#!/bin/bash\nyes {line} | head -c {megabytes << 20}\n")
    action = api.submit(world.agents[0].machine_id, Api.script("big.sh"))
    assert api.wait_final(action["id"], timeout_s=120)["status"] == "Succeeded"
    answer = api.download(api.link(action["id"]))
    result = json.loads(answer.body)
    assert len(result["script_output"]) == megabytes << 20
    assert result["script_output"].startswith(line + "\n" + line)
    after = harness.memory_peak_kib(server), harness.memory_peak_kib(agent)
    grown = [(b - a) >> 10 for a, b in zip(before, after)]
    assert grown[0] < 24 and grown[1] < 16, f"MiB grown: server {grown[0]}, agent {grown[1]}"
