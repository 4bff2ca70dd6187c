"""api/openapi.json and $metadata agree with this tree, and each kind of disagreement is seen."""

import copy
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_csdl  # noqa: E402
import check_openapi  # noqa: E402
import json_schema  # noqa: E402

READ = check_openapi.Inputs()


@pytest.fixture
def inputs():
    return copy.deepcopy(READ)


def found(inputs, *words):
    """Whether one of the problems holds all of the words."""
    return any(all(word in problem for word in words) for problem in check_openapi.problems(inputs))


def schema(inputs, name):
    return inputs.document["components"]["schemas"][name]


def test_this_tree_agrees():
    assert check_openapi.problems(READ) == []
    assert len(READ.routes) >= 40 and len(READ.pairs) >= 45 and len(READ.permissions) >= 40


def test_a_route_that_is_not_described_is_seen(inputs):
    del inputs.document["paths"]["/api/machines/{id}/machineActions"]
    assert found(inputs, "GET /api/machines/{}/machineactions is served and not described")


def test_a_path_or_method_that_is_not_served_is_seen(inputs):
    inputs.routes = [row for row in inputs.routes if row[1:3] != ["PATCH", "/api/machines/{id}"]]
    assert found(inputs, "PATCH /api/machines/{id} is described and not served")


@pytest.mark.parametrize("method, path", [("get", "/api/machines"), ("post", "/api/libraryfiles")])
def test_another_permission_is_seen(inputs, method, path):
    operation = inputs.document["paths"][path][method]
    operation["security"].append({"bearer": ["Machine.Scan"]})
    assert found(inputs, f"{method.upper()} {path}: permissions")
    operation["security"] = []
    assert found(inputs, f"{method.upper()} {path}: permissions")


def test_a_permission_of_the_switch_for_results_is_seen(inputs):
    del inputs.document["paths"]["/api/machineactions/{id}/receipts"]["get"]["x-with-read-all-results"]
    assert found(inputs, "receipts: x-with-read-all-results")


def test_another_delegated_permission_is_seen(inputs):
    link = "/api/machineactions/{id}/GetLiveResponseResultDownloadLink(index={index})"
    del inputs.document["paths"][link]["get"]["x-delegated"]
    assert found(inputs, "delegated permissions")


def test_another_limit_of_a_body_or_rate_is_seen(inputs):
    run = inputs.document["paths"]["/api/machines/{id}/runliveresponse"]["post"]
    run["x-body-bytes-max"] = 5
    run["x-rate-limit"] = "calls"
    assert found(inputs, "runliveresponse: x-body-bytes-max") and found(inputs, "runliveresponse: x-rate-limit")
    inputs.limits["commands"]["2021"] = 7
    assert found(inputs, "Commands/maxItems is not commands of profile 2021")


def test_an_error_code_that_nobody_answers_or_that_is_not_described_is_seen(inputs):
    inputs.errors["errors"]["gone"]["code"] = "Vanished"
    assert found(inputs, "the codes of Error")


def test_a_property_too_many_or_too_few_is_seen(inputs):
    del schema(inputs, "MachineAction")["properties"]["scope"]
    assert found(inputs, "action-pending.http", "nothing is said of 'scope'")
    assert found(inputs, "metadata.xml: MachineAction:")
    schema(inputs, "FetchedFile")["properties"]["mode"] = {"type": "string"}
    assert found(inputs, "metadata.xml: FetchedFile:")


@pytest.mark.parametrize("old, new, word", [
    ('Name="osBuild" Type="Edm.Int64"', 'Name="osBuild" Type="Edm.Int32"', "Machine.osBuild"),
    ('Name="title" Type="Edm.String"', 'Name="title" Type="Edm.String" Nullable="false"', "MachineAction.title"),
    ('<Member Name="TimeOut" Value="2"/>', '<Member Name="Timeout" Value="2"/>', "actionStatus"),
    ('Name="MachineActions" EntityType', 'Name="Actions" EntityType', "is not in $metadata"),
    ('Name="LibraryFiles" EntityType="microsoft.windowsDefenderATP.api.LibraryFiles"',
     'Name="LibraryFiles" EntityType="microsoft.windowsDefenderATP.api.LibraryFile"', "no type"),
    ('Name="Cancel"', 'Name="Stop"', "cancel of MachineAction is in OpenAPI and not in $metadata"),
    ('Name="MachineIds"', 'Name="Machines"', "AddOrRemoveTagForMultipleMachines: parameters"),
    ('<PropertyRef Name="fileName"/>', '<PropertyRef Name="name"/>', "its key name"),
    ("</edmx:Edmx>", "", "metadata.xml: no element found"),
])
def test_another_metadata_is_seen(inputs, old, new, word):
    assert inputs.metadata.count(old) == 1
    inputs.metadata = inputs.metadata.replace(old, new)
    assert found(inputs, "metadata.xml", word)


def test_a_golden_answer_that_is_not_as_described_is_seen(inputs):
    pair = inputs.pairs["action-pending.http"]
    for old, new in (('"status":"Pending"', '"status":"Waiting"'), ('"errorHResult":0', '"errorHResult":"0"'),
                     ('"scope":null,', ""), ("\n200\n", "\n202\n")):
        assert old in pair
        inputs.pairs["action-pending.http"] = pair.replace(old, new)
        assert found(inputs, "action-pending.http"), old
    inputs.pairs["action-pending.http"] = pair
    assert not found(inputs, "action-pending.http")


def test_a_request_or_parameter_that_is_not_described_is_seen(inputs):
    run = schema(inputs, "RunLiveResponse")
    run["properties"]["Command"] = run["properties"].pop("Commands")
    run["required"] = ["Command"]
    assert found(inputs, "run-201.http", "'Command' is missing")
    assert found(inputs, "RunLiveResponse/properties/Commands/maxItems", "is not there")
    get = inputs.document["paths"]["/api/machineactions/{id}"]["get"]
    get["parameters"] = [p for p in get["parameters"] if p.get("name") != "timeout"]
    assert found(inputs, "action-succeeded-waited-for.http", "timeout is not described")


def test_an_unsound_document_is_seen(inputs):
    machines = inputs.document["paths"]["/api/machines"]["get"]
    machines["operationId"] = "getMachine"
    assert found(inputs, "the operationId is there twice")
    machines["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] = "#/components/schemas/None"
    assert found(inputs, "#/components/schemas/None leads nowhere")


def test_a_path_parameter_without_a_description_is_seen(inputs):
    inputs.document["paths"]["/api/machines/{id}"]["get"]["parameters"] = []
    assert found(inputs, "GET /api/machines/{id}: its parameters are not those of the path")


def test_a_schema_with_an_unknown_word_is_seen(inputs):
    schema(inputs, "Receipt")["properties"]["index"]["multipleOf"] = 2
    assert found(inputs, "the keyword multipleOf is not known here")


@pytest.mark.parametrize("rule, good, bad", [
    ({"type": ["string", "null"]}, [None, ""], [0, False, []]),
    ({"type": "integer", "format": "int32"}, [0, 2**31 - 1], [True, "1", 2**31, 1.5]),
    ({"type": "string", "format": "date-time"}, ["2021-02-04T15:36:52.7788848Z", "{time}"], ["2021", "2021-02-04T25:00:00Z"]),
    ({"type": "string", "format": "uuid"}, ["{guid}"], ["{number}", "20D1DE3F-acef-4715-8bed-a92223c5553c"]),
    ({"type": "string", "format": "byte"}, ["a2V5", "a2U=", ""], ["a", "a-_="]),
    ({"type": "string", "pattern": "^[a-f]+$", "maxLength": 2}, ["ab", "f"], ["", "abc", "g"]),
    ({"oneOf": [{"const": 1}, {"type": "integer"}]}, [2], [1, "x"]),
    ({"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}, [["a"]], [[], ["a", "a"], [1]]),
    ({"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}]},
     [{"a": 1, "b": True}], [{"a": 1}, {"b": True, "c": 1}]),
    ({"properties": {"a": {}}, "additionalProperties": True, "minProperties": 1}, [{"z": 1}], [{}]),
])
def test_the_validator_knows_good_from_bad(rule, good, bad):
    validator = json_schema.Validator({})
    for value in good:
        assert validator.problems(rule, value) == [], value
    for value in bad:
        assert validator.problems(rule, value), value


def test_contexts_with_selected_properties_are_looked_up():
    csdl = check_csdl.Csdl(READ.metadata)
    pair = '{"@odata.context":"https://x/api/$metadata#MachineActions(id,%s)"}'
    assert list(check_csdl.contexts(csdl, {"a": pair % "status"})) == []
    assert list(check_csdl.contexts(csdl, {"a": pair % "colour"}))
