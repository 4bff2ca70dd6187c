"""Checks that api/openapi.json says what is served: it is a sound document, and routes, permissions, limits,
error codes, the golden answers and $metadata (tests/golden/metadata.xml) agree with it, both ways."""

import json
import os
import re
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_csdl  # noqa: E402
import json_schema  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(ROOT, "tests", "golden")
METHODS = ("get", "head", "post", "put", "patch", "delete")

# Numbers of the document that are limits of api/limits.json: where they stand, and the limit's name.
LIMITED = [
    ("#/x-rate-limits/calls/per_minute", "calls_per_minute"),
    ("#/x-rate-limits/calls/per_hour", "calls_per_hour"),
    ("#/x-rate-limits/run_calls/per_minute", "run_calls_per_minute"),
    ("#/x-rate-limits/package_uri_calls/per_minute", "package_uri_calls_per_minute"),
    ("#/x-rate-limits/package_uri_calls/per_hour", "package_uri_calls_per_hour"),
    ("#/x-rate-limits/typing_calls/per_minute", "typing_calls_per_minute"),
    ("#/x-rate-limits/wrong_secrets/per_minute", "wrong_secrets_per_minute"),
    ("#/components/parameters/Filter/schema/maxLength", "query_option_bytes"),
    ("#/components/parameters/Top/schema/maximum", "page_size"),
    ("#/components/parameters/Skip/schema/maximum", "skip"),
    ("#/components/schemas/RunLiveResponse/properties/Commands/maxItems", "commands"),
    ("#/components/schemas/RunLiveResponse/properties/Comment/maxLength", "comment_chars"),
    ("#/components/schemas/RunLiveResponse/properties/Title/maxLength", "title_chars"),
    ("#/components/schemas/RunLiveResponse/properties/ExternalId/maxLength", "title_chars"),
    ("#/components/schemas/Comment/properties/Comment/maxLength", "comment_chars"),
    ("#/components/schemas/Tags/properties/Value/maxLength", "tag_chars"),
    ("#/components/schemas/AddOrRemoveTagForMultipleMachines/properties/Value/maxLength", "tag_chars"),
    ("#/components/schemas/AddOrRemoveTagForMultipleMachines/properties/MachineIds/maxItems", "tag_machines"),
    ("#/components/schemas/MachinePatch/properties/machineTags/maxItems", "tags"),
    ("#/components/schemas/MachinePatch/properties/machineTags/items/maxLength", "tag_chars"),
    ("#/components/parameters/IdempotencyKey/schema/maxLength", "idempotency_key_chars"),
    ("#/components/schemas/TerminalInput/properties/rows/maximum", "terminal_side"),
    ("#/components/schemas/TerminalInput/properties/columns/maximum", "terminal_side"),
    ("#/components/schemas/OnlineMachines/properties/value/maxItems", "page_size"),
    ("#/components/schemas/AuditPage/properties/value/maxItems", "audit_page"),
]


class Inputs:
    """What must agree, as it was read; tests change parts of it."""

    def __init__(self, root=ROOT):
        def read(*path):
            with open(os.path.join(root, *path), encoding="utf-8") as file:
                return file.read()

        def rows(text, separator=None):
            return [line.split(separator) for line in text.splitlines() if line and line[0] != "#"]

        self.document = json.loads(read("api", "openapi.json"))
        self.limits = {row["name"]: row for row in json.loads(read("api", "limits.json"))["limits"]}
        self.profiles = json.loads(read("api", "limits.json"))["profiles"]
        self.errors = json.loads(read("api", "errors.json"))
        self.routes = [row for row in rows(read("tests", "golden", "routes.txt"), "\t") if row[0] == "api" and row[3] != "console"]
        self.permissions = {}  # (method, path) -> who -> permissions, without strict
        for row in rows(read("tests", "golden", "permissions.txt"), "\t"):
            per_caller = self.permissions.setdefault((row[0], row[1]), {})
            if row[2] != "public" and self.profiles[-1] in row[3].split():
                per_caller[row[2]] = row[4].split()
        self.metadata = read("tests", "golden", "metadata.xml")
        names = sorted(os.listdir(os.path.join(root, "tests", "golden")))
        self.pairs = {name: read("tests", "golden", name) for name in names if name.endswith(".http")}


def operations(document):
    """(method, path, operation) of each."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def shape(path):
    """A path whose parameters have no names: what a function takes between its parentheses is one."""
    return re.sub(r"{[^}]*}", "{}", re.sub(r"\(.*\)", "({})", path)).lower()


def nodes(value, where="#"):
    yield where, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from nodes(part, f"{where}/{key}")


def parameters(inputs, operation):
    validator = json_schema.Validator(inputs.document)
    return [validator.resolve(p["$ref"]) if "$ref" in p else p for p in operation.get("parameters", [])]


def structure(inputs):
    """What OpenAPI 3.1 asks of the document itself."""
    document, validator = inputs.document, json_schema.Validator(inputs.document)
    if not re.fullmatch(r"3\.1\.\d+", document.get("openapi", "")):
        yield "openapi is no 3.1"
    for name in ("title", "version"):
        if not document.get("info", {}).get(name):
            yield f"info.{name} is missing"
    used, ids = set(), set()
    for where, node in nodes(document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            used.add(node["$ref"])
            try:
                validator.resolve(node["$ref"])
            except KeyError:
                yield f"{where}: {node['$ref']} leads nowhere"
        if isinstance(node, dict) and isinstance(node.get("properties"), dict) and "required" in node \
                and "/allOf/" not in where:
            for name in set(node["required"]) - set(node["properties"]):
                yield f"{where}: '{name}' is required and not described"
        if isinstance(node, dict) and isinstance(node.get("schema"), dict):
            yield from json_schema.unknown_words(node["schema"], where)
    for name, schema in document["components"]["schemas"].items():
        yield from json_schema.unknown_words(schema, f"#/components/schemas/{name}")
    for kind in ("parameters", "responses", "schemas"):
        for name in document["components"][kind]:
            if f"#/components/{kind}/{name}" not in used:
                yield f"components: nothing uses {kind}/{name}"
    scheme = document["components"]["securitySchemes"]["bearer"]
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        name = f"{method} {path}"
        if operation["operationId"] in ids:
            yield f"{name}: the operationId is there twice"
        ids.add(operation["operationId"])
        if not set(operation["tags"]) <= tags or not operation.get("summary"):
            yield f"{name}: an unknown tag, or no summary"
        listed = parameters(inputs, operation)
        in_path = sorted(p["name"] for p in listed if p["in"] == "path" and p.get("required"))
        if in_path != sorted(re.findall(r"{([^}]*)}", path)):
            yield f"{name}: its parameters are not those of the path"
        if len({(p["in"], p["name"]) for p in listed}) != len(listed):
            yield f"{name}: a parameter is there twice"
        for status, response in operation["responses"].items():
            found = validator.resolve(response["$ref"]) if "$ref" in response else response
            if not re.fullmatch(r"[1-5]\d\d|default", status) or not found.get("description"):
                yield f"{name}: {status} is no status, or is not described"
        if "default" not in operation["responses"]:
            yield f"{name}: no default answer"
        for requirement in operation["security"]:
            for key, roles in requirement.items():
                if key != "bearer" or len(roles) != 1 or roles[0] not in scheme["x-permissions"]:
                    yield f"{name}: {requirement} is no permission"


def routes(inputs):
    """Addresses, limits of bodies and rates, both ways."""
    served = {(row[1], shape(row[2])): row for row in inputs.routes}
    for method, path, operation in operations(inputs.document):
        row = served.pop((method, shape(path)), None)
        if row is None:
            yield f"{method} {path} is described and not served"
            continue
        _, _, _, plane, _, body_max, rate = row
        if operation.get("x-body-bytes-max", 0) != (int(body_max) if plane != "blob" else 0):
            yield f"{method} {path}: x-body-bytes-max is not {body_max}"
        if ("requestBody" in operation) != (int(body_max) > 0):
            yield f"{method} {path}: whether it takes a body"
        if operation["x-rate-limit"] != rate:
            yield f"{method} {path}: x-rate-limit is not {rate}"
    for method, path in served:
        yield f"{method} {path} is served and not described"


def permissions(inputs):
    described = {(method, shape(path)): operation for method, path, operation in operations(inputs.document)}
    names = inputs.document["components"]["securitySchemes"]["bearer"]["x-permissions"]
    for (method, path), per_caller in inputs.permissions.items():
        operation = described.get((method, shape(path)))
        if operation is None:
            continue  # routes() has said it
        words = per_caller.get("application", [])
        cut = words.index("+results") if "+results" in words else len(words)
        roles = [role for requirement in operation["security"] for role in requirement["bearer"]]
        if sorted(roles) != sorted(words[:cut]):
            yield f"{method} {path}: permissions {roles}, and {words[:cut]} in permissions.txt"
        if sorted(operation.get("x-with-read-all-results", [])) != sorted(words[cut + 1:]):
            yield f"{method} {path}: x-with-read-all-results is not {words[cut + 1:]}"
        delegated = operation.get("x-delegated", [names[role] for role in roles])
        if sorted(delegated) != sorted(per_caller.get("delegated", [])):
            yield f"{method} {path}: delegated permissions {delegated}, and {per_caller.get('delegated')} in permissions.txt"


def limits(inputs):
    validator = json_schema.Validator(inputs.document)
    for where, name in LIMITED:
        try:
            value = validator.resolve(where)
        except KeyError:
            yield f"{where}, which is {name}, is not there"
            continue
        for profile in inputs.profiles:
            if value != inputs.limits[name][profile]:
                yield f"{where} is not {name} of profile {profile}"
    rates = {name for name, value in inputs.document["x-rate-limits"].items() if isinstance(value, dict)}
    used = {operation["x-rate-limit"] for _, _, operation in operations(inputs.document)}
    for name in rates ^ (used - {"none", "size"}):
        yield f"x-rate-limits: {name} is not both used and explained"
    codes = {row["code"] for row in inputs.errors["errors"].values()} | set(inputs.errors["statuses"].values())
    if codes != set(validator.resolve("#/components/schemas/Error/properties/error/properties/code/enum")):
        yield "the codes of Error are not those of api/errors.json"
    oauth = {row["oauth"] for row in inputs.errors["errors"].values()}
    if oauth != set(validator.resolve("#/components/schemas/OAuthError/properties/error/enum")):
        yield "the codes of OAuthError are not those of api/errors.json"


def message(text):
    head, _, body = text.strip().partition("\n\n")
    first, *lines = head.split("\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first, headers, body.strip()


def find(inputs, method, target):
    """The operation that serves an address: of those that fit the one with the fewest free segments."""
    path = urllib.parse.unquote(target.partition("?")[0])
    path = re.sub(r"^/api/v1\.0/", "/api/", path, flags=re.IGNORECASE)
    best = None
    for served, described, operation in operations(inputs.document):
        pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(described))
        if served == method and re.fullmatch(pattern, path, flags=re.IGNORECASE):
            free = described.count("/{")
            if best is None or free < best[0]:
                best = free, operation
    return best[1] if best else None


def golden(inputs):
    """Every answer of tests/golden is one that the document describes, and so is what got a good one."""
    validator = json_schema.Validator(inputs.document)
    for name, text in inputs.pairs.items():
        request, _, answer = re.sub(r"\A(#.*\n)+", "", text).partition("\n----\n")
        line, headers, sent = message(request)
        status, _, body = message(answer)
        operation = find(inputs, *line.split(" ", 1))
        if operation is None:
            # An address or a method that there is not: the envelope all the same.
            responses = {status: {"$ref": "#/components/responses/Failed"}} if status in ("404", "405") else {}
        else:
            responses = operation["responses"]
        if status not in responses:
            yield f"{name}: {line}: {status} is not described"
            continue
        response = responses[status]
        response = validator.resolve(response["$ref"]) if "$ref" in response else response
        yield from (f"{name}: {problem}" for problem in fits(validator, response.get("content"), body))
        if operation is None or status[0] != "2":
            continue
        query = urllib.parse.parse_qsl(line.partition("?")[2])
        listed = {p["name"] for p in parameters(inputs, operation) if p["in"] == "query"}
        for option in {key for key, _ in query} - listed:
            yield f"{name}: the parameter {option} is not described"
        yield from (f"{name}: {problem}" for problem in sent_fits(validator, operation, sent))


def fits(validator, content, body):
    if not content:
        return ["a body, and none is described"] if body else []
    if "application/json" in content:
        return validator.problems(content["application/json"]["schema"], json.loads(body))
    if "text/plain" in content:
        return validator.problems(content["text/plain"]["schema"], int(body))
    return []


def sent_fits(validator, operation, body):
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        return validator.problems(content["application/json"]["schema"], json.loads(body))
    if "application/x-www-form-urlencoded" in content:
        schema = content["application/x-www-form-urlencoded"]["schema"]
        return validator.problems(schema, dict(urllib.parse.parse_qsl(body)))
    if "multipart/form-data" in content:
        names = re.findall(r'form-data; name="([^"]*)"', body)
        known = validator.resolve(content["multipart/form-data"]["schema"]["$ref"])["properties"]
        return [f"the part {name} is not described" for name in names if name not in known]
    return []


def problems(inputs):
    # The others look into a document that is sound.
    wrong = list(structure(inputs))
    if not wrong:
        for check in (routes, permissions, limits, golden, check_csdl.problems):
            wrong += check(inputs)
    return wrong


def main():
    wrong = problems(Inputs())
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
