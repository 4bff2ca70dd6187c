"""What a running server answers is what its OpenAPI document and its $metadata say."""

import json
import os
import sys
import types
import urllib.parse

import pytest

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
import check_csdl  # noqa: E402
import check_openapi  # noqa: E402
import json_schema  # noqa: E402


@pytest.fixture
def described(shared):
    """What must be true of every answer, from the document that the server gives to strangers."""
    api = shared.shared_api
    document = api.send("GET", "/api/openapi.json").json()
    metadata = check_csdl.Csdl(api.send("GET", "/api/$metadata").text)
    validator = json_schema.Validator(document)
    inputs = types.SimpleNamespace(document=document)

    def fits(method, target, answer):
        operation = check_openapi.find(inputs, method, target)
        response = operation["responses"].get(str(answer.status))
        assert response, f"{method} {target}: {answer} is not described"
        response = validator.resolve(response["$ref"]) if "$ref" in response else response
        assert check_openapi.fits(validator, response.get("content"), answer.text) == [], f"{method} {target}"
        assert list(check_csdl.contexts(metadata, {target: answer.text})) == []
        return answer

    return types.SimpleNamespace(document=document, metadata=metadata, fits=fits)


def test_both_documents_are_there_for_everybody_and_name_this_server(shared, described):
    assert described.document["servers"] == [{"url": shared.server.url}]
    assert list(check_csdl.sound(described.metadata)) == []
    for path in ("/api/v1.0/$metadata", "/API/OpenApi.json"):
        assert shared.shared_api.send("GET", path).status == 200


def session_with_a_line(api, machine, fits):
    """The id of one that has ended; every answer on the way is described."""
    def post(path, body=None):
        return fits("POST", path, api.call("POST", path, body)).json()

    session = post(f"/api/reachback/machines/{machine}/sessions", {"comment": "described"})["id"]
    commands = f"/api/reachback/sessions/{session}/commands"
    sent = post(commands, {"commandLine": "cd /etc > where"})
    api.wait_final(sent["action"]["id"])
    assert post(commands, {"commandLine": "fg 1"})["parameters"] == {"number": "1"}
    assert post(f"/api/reachback/sessions/{session}/close")["status"] == "Ended"
    return session


def test_every_answer_is_one_that_is_described(shared, described):
    api, machine = shared.shared_api, shared.agents[0].machine_id
    action, _ = api.run_script(machine, "effect.sh", shared.path("described.effect"))
    link = urllib.parse.urlsplit(api.mint(action["id"]).json()["value"])
    seen = [200, 0]
    paths = {"id": action["id"], "tenant": api.tenant, "index": "0", "name": "none"}
    session = session_with_a_line(api, machine, described.fits)
    for method, path, operation in check_openapi.operations(described.document):
        if method != "GET" or "{blob}" in path or "timestamp" in path:
            continue
        paths["id"] = machine if "/machines/" in path else session if "/sessions/" in path else action["id"]
        target = path.format(**paths) + ("?tag=none" if path.endswith("findbytag") else "")
        answer = described.fits(method, target, api.call(method, target))
        seen[1] += answer.status == 200
        # No package is there, and no webhook; and a page says that nobody asks.
        expected = {"getPackageUri": 404, "deliveries": 404, "authorize": 400}.get(path.rsplit("/", 1)[1], 200)
        assert answer.status == expected, f"{target}: {answer}"
    assert seen[1] >= 18
    result = f"{link.path}?{link.query}"
    assert described.fits("GET", result, api.send("GET", result)).json()["exit_code"] == 0
    for target in ("/api/machineactions?$filter=machineId+eq+'" + machine + "'&$select=id,status&$count=true&$top=1",
                   "/api/machines?$select=id,machineTags", "/api/libraryfiles?$top=1&$select=fileName",
                   f"/api/machineactions/{action['id']}?waitFor=final&timeout=1s"):
        assert described.fits("GET", target, api.call("GET", target)).status == 200


def test_every_refusal_is_one_that_is_described(shared, described):
    api, machine = shared.shared_api, shared.agents[0].machine_id
    unknown = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
    for method, target, body, status in (
            ("GET", "/api/machines?$filter=colour eq 1".replace(" ", "+"), None, 400),
            ("GET", f"/api/machines/{'0' * 40}", None, 404),
            ("GET", f"/api/machineactions/{unknown}", None, 404),
            ("POST", f"/api/machineactions/{unknown}/cancel", {}, 400),
            ("POST", f"/api/machineactions/{unknown}/cancel", {"Comment": "c"}, 404),
            ("POST", f"/api/machines/{machine}/runliveresponse", {"Commands": []}, 400),
            ("POST", f"/api/machines/{machine}/isolate", {"Comment": "c"}, 400),
            ("DELETE", "/api/libraryfiles/absent.sh", None, 404),
            ("POST", "/api/libraryfiles", {}, 415)):
        assert described.fits(method, target, api.call(method, target, body)).status == status, target
    assert described.fits("GET", "/api/machines", api.send("GET", "/api/machines")).status == 401
    wrong = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": unknown, "client_secret": "x",
                                    "scope": "https://api.securitycenter.microsoft.com/.default"})
    target = f"/{api.tenant}/oauth2/v2.0/token"
    assert described.fits("POST", target, api.send("POST", target, wrong)).status == 401
    assert json.loads(api.send("GET", "/api/nothing").text)["error"]["code"] == "NotFound"


def test_no_listener_tells_metrics(shared):
    api = shared.shared_api
    for client in (api, shared.server.api(url=shared.server.agents_url)):
        for path in ("/metrics", "/api/metrics"):
            for headers in ({}, {"Authorization": f"Bearer {api.token()}"}):
                assert client.send("GET", path, headers=headers).status == 404
