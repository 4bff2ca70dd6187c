"""Lists asked as clients ask them, of a running server: filters, orders, selections, counts, next links."""

import urllib.parse


def ask(api, path, **options):
    query = "&".join(f"${name}={urllib.parse.quote(str(value), safe='')}" for name, value in options.items())
    return api.expect(200, "GET", f"{path}?{query}")


def ids(response):
    return [entity["id"] for entity in response.json()["value"]]


def test_clients_find_their_actions_by_what_they_know_of_them(shared):
    api, agent = shared.shared_api, shared.agents[0]
    before = int(api.expect(200, "GET", "/api/machineactions/$count").text)
    made = [api.run_script(agent.machine_id, "exit.sh", "0")[0] for _ in range(3)]
    newest = made[2]
    actions = "/api/machineactions"
    # VMRay's and ANY.RUN's question, with nothing unfinished, and the same of what has ended.
    busy = f"machineId eq '{agent.machine_id}' and (status eq 'Pending' or status eq 'InProgress')"
    assert ids(ask(api, actions, filter=busy, orderby="creationDateTimeUtc desc", top=1)) == []
    ended = f"machineId eq '{agent.machine_id.upper()}' AND status IN ('Succeeded','Failed')"
    assert ids(ask(api, actions, filter=ended, top=3)) == [a["id"] for a in reversed(made)]
    assert ids(ask(api, actions, filter=f"id eq '{made[0]['id']}'")) == [made[0]["id"]]
    since = f"creationDateTimeUtc ge {made[1]['creationDateTimeUtc']}"
    assert ids(ask(api, actions, filter=since, orderby="creationDateTimeUtc")) == [made[1]["id"], newest["id"]]
    updated = f"lastUpdateDateTimeUtc eq {newest['lastUpdateDateTimeUtc']}"
    assert ids(ask(api, actions, filter=updated)) == [newest["id"]]
    name = newest["computerDnsName"]
    assert ids(ask(api, actions, filter=f"ComputerDnsName eq '{name.upper()}' and type eq 'LiveResponse'",
                   top=1)) == [newest["id"]]
    counted = ask(api, actions, filter=f"requestor eq '{newest['requestor']}'", count="true", top=1, select="id,status")
    assert counted.json()["@odata.count"] == before + 3
    assert counted.json()["value"] == [{"id": newest["id"], "status": "Succeeded"}]
    plain = api.expect(200, "GET", actions + "/$count?$filter=" + urllib.parse.quote(since))
    assert plain.text == "2" and plain.headers["Content-Type"] == "text/plain"


def test_machines_and_library_files_are_found_too(shared):
    api, agent = shared.shared_api, shared.agents[0]
    machine = api.expect(200, "GET", f"/api/machines/{agent.machine_id}").json()
    for question in (f"computerDnsName eq '{machine['computerDnsName'].upper()}'", "healthStatus eq 'Active'",
                     f"lastSeen ge {machine['firstSeen']}", f"osPlatform eq '{machine['osPlatform']}'",
                     "onboardingStatus eq 'Onboarded' and not machineTags/any(t: t eq 'nobody has it')"):
        found = ask(api, "/api/machines", filter=question, select="id")
        assert agent.machine_id in ids(found), question
    assert ids(ask(api, "/api/machines", filter="healthStatus eq 'NoSensorData'")) == []
    files = ask(api, "/api/libraryfiles", filter="startswith(fileName,'exit')", orderby="creationTime desc").json()
    assert [f["fileName"] for f in files["value"]] == ["exit.sh"]


def test_a_refusal_names_the_character_and_hostile_text_is_text(shared):
    api = shared.shared_api
    text = "$filter=" + urllib.parse.quote("requestor eq 'x'' OR ''1''=''1'")
    assert api.expect(200, "GET", f"/api/machineactions?{text}").json()["value"] == []
    for query, message in (
            ("$filter=status eq 'Pending'; DROP TABLE actions", "$filter, character 20: ';' is not expected here"),
            ("$orderby=requestor;drop", "$orderby, character 10: ';' is not expected here"),
            ("$filter=" + "(" * 1000, "$filter, character 9: more than 8 parentheses stand within one another")):
        refused = api.call("GET", "/api/machineactions?" + urllib.parse.quote(query, safe="$=("))
        assert refused.status == 400 and refused.json()["error"]["code"] == "ODataError"
        assert refused.json()["error"]["message"] == message
