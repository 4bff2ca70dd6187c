"""Machines through the API: what the agent tells of them, finding them, tags and values."""

import os
import platform
import re
import sqlite3
import urllib.parse
from datetime import datetime, timedelta, timezone


def at(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def machine_of(api, agent):
    return api.expect(200, "GET", f"/api/machines/{agent.machine_id}").json()


def test_the_inventory_is_what_the_machine_says_of_itself(shared):
    machine = machine_of(shared.shared_api, shared.agents[0])
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', open("/etc/os-release").read(), re.M))
    assert machine["osPlatform"] == "Linux"
    assert machine["osDistribution"] == release["NAME"]
    assert machine["version"] == release.get("VERSION_ID", platform.release())
    assert machine["osArchitecture"] == "64-bit"
    assert machine["osProcessor"] == {"x86_64": "x64", "aarch64": "ARM64"}[platform.machine()]
    build = re.match(r"[^-]*-(\d+)", platform.release())
    assert machine["osBuild"] == (int(build.group(1)) if build else 0)
    assert machine["healthStatus"] == "Active" and machine["onboardingStatus"] == "Onboarded"
    assert machine["deviceValue"] == "Normal"
    for address in machine["ipAddresses"]:
        assert not address["ipAddress"].startswith("127.")
        assert address["operationalStatus"] in ("Up", "Down", "Dormant", "Unknown")
        if address["type"] == "Ethernet":
            mac = ":".join(re.findall("..", address["macAddress"].lower()))
            assert mac in [open(f"/sys/class/net/{name}/address").read().strip()
                           for name in os.listdir("/sys/class/net")
                           if os.path.exists(f"/sys/class/net/{name}/address")]
    if machine["ipAddresses"]:
        assert machine["lastIpAddress"] == machine["ipAddresses"][0]["ipAddress"]


def test_a_machine_is_found_by_address_and_time(shared):
    api, agent = shared.shared_api, shared.agents[0]
    machine = machine_of(api, agent)
    now = datetime.now(timezone.utc)

    def found(ip, moment):
        path = f"/api/machines/findbyip(ip='{ip}',timestamp={at(moment)})"
        return [m["id"] for m in api.expect(200, "GET", urllib.parse.quote(path, "/()='',:"))
                .json()["value"]]

    for address in machine["ipAddresses"]:
        assert agent.machine_id in found(address["ipAddress"], now)
        assert agent.machine_id not in found(address["ipAddress"], now - timedelta(days=2))
    assert found("192.0.2.254", now) == []
    api.expect(400, "GET", f"/api/machines/findbyip(ip='1.2.3',timestamp={at(now)})")
    old = at(now - timedelta(days=31))
    api.expect(400, "GET", f"/api/machines/findbyip(ip='192.0.2.1',timestamp={old})")


def test_tags_and_values_are_set_found_audited_and_survive_a_kill(make_world):
    world = make_world("[limits]\nenabled = false\n").up(agent=True)
    api, agent = world.server.api(), world.agents[0]
    path = f"/api/machines/{agent.machine_id}"

    def with_tag(query):
        return [m["id"] for m in api.expect(200, "GET", f"/api/machines/findbytag?{query}")
                .json()["value"]]

    assert api.expect(200, "POST", path + "/tags",
                      {"Value": "déjà vu", "Action": "Add"}).json()["machineTags"] == ["déjà vu"]
    api.expect(200, "POST", path + "/tags", {"Value": "déjà vu", "Action": "Add"})
    assert api.expect(200, "POST", path + "/setDeviceValue",
                      {"DeviceValue": "High"}).json()["deviceValue"] == "High"
    world.server.process.kill9()
    world.server.serve()
    api = world.server.api()
    machine = machine_of(api, agent)
    assert machine["machineTags"] == ["déjà vu"] and machine["deviceValue"] == "High"
    assert with_tag("tag=d%C3%A9j%C3%A0+vu") == [agent.machine_id]
    assert with_tag("tag=d%C3%A9j%C3%A0&useStartsWithFilter=true") == [agent.machine_id]
    assert with_tag("tag=d%C3%A9j%C3%A0") == []
    changed = api.expect(200, "PATCH", path, {"machineTags": ["a", "b"], "deviceValue": "Low"})
    assert changed.json()["machineTags"] == ["a", "b"] and changed.json()["deviceValue"] == "Low"
    api.expect(200, "POST", "/api/machines/AddOrRemoveTagForMultipleMachines",
               {"Value": "a", "Action": "Remove", "MachineIds": [agent.machine_id]})
    api.expect(404, "POST", "/api/machines/AddOrRemoveTagForMultipleMachines",
               {"Value": "b", "Action": "Remove", "MachineIds": [agent.machine_id, "0" * 40]})
    assert machine_of(api, agent)["machineTags"] == ["b"]
    assert world.server.process.stop() == 0
    with sqlite3.connect(f"file:{world.server.data}/db/reachback.db?mode=ro", uri=True) as db:
        rows = [row[0] for row in db.execute(
            "SELECT detail FROM audit WHERE kind = 'machine_changed' AND object = ?"
            " AND principal = ? AND length(request) = 32 AND token_id <> '' ORDER BY seq",
            (agent.machine_id, api.client_id))]
    assert rows == ["tags: déjà vu", "device value: high", "tags: a, b; device value: low",
                    "tags: b"]
