"""Checks $metadata (tests/golden/metadata.xml): every type and entity set in it resolves, the contexts of
golden answers are in it, and its types and operations are those of api/openapi.json. Part of
tools/check_openapi.py."""

import re
import xml.etree.ElementTree as ElementTree

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
NAMESPACE = "microsoft.windowsDefenderATP.api"
PRIMITIVE = {
    "Edm.String": ("string", None), "Edm.Guid": ("string", "uuid"), "Edm.DateTimeOffset": ("string", "date-time"),
    "Edm.Boolean": ("boolean", None), "Edm.Int32": ("integer", "int32"), "Edm.Int64": ("integer", "int64"),
}
OPTIONAL = "Org.OData.Core.V1.OptionalParameter"


class Csdl:
    def __init__(self, text):
        root = ElementTree.fromstring(text)
        self.schema = root.find(f".//{EDM}Schema")
        self.entities = self._named("EntityType")
        self.complex = self._named("ComplexType")
        self.enums = self._named("EnumType")
        self.sets = {e.get("Name"): e.get("EntityType") for e in self.schema.iter(f"{EDM}EntitySet")}
        self.operations = list(self.schema.findall(f"{EDM}Action")) + list(self.schema.findall(f"{EDM}Function"))

    def _named(self, kind):
        return {e.get("Name"): e for e in self.schema.findall(f"{EDM}{kind}")}

    def knows(self, name):
        short = name.removeprefix(NAMESPACE + ".")
        return name in PRIMITIVE or (short != name and (short in self.entities or short in self.complex
                                                        or short in self.enums))


def inner(name):
    """X of Collection(X), and whether it was one."""
    match = re.fullmatch(r"Collection\((.*)\)", name)
    return (match.group(1), True) if match else (name, False)


def short(name):
    return name.rpartition(".")[2]


def sound(csdl):
    if csdl.schema.get("Namespace") != NAMESPACE:
        yield f"the namespace is not {NAMESPACE}"
    for element in csdl.schema.iter():
        for attribute in ("Type", "EntityType"):
            name = element.get(attribute)
            if name is not None and not csdl.knows(inner(name)[0]):
                yield f"no type {name}"
    for name, entity in csdl.entities.items():
        key = entity.find(f"{EDM}Key/{EDM}PropertyRef").get("Name")
        own = {p.get("Name"): p for p in entity.findall(f"{EDM}Property")}
        if key not in own or own[key].get("Nullable") != "false":
            yield f"{name}: its key {key} is no property, or can be null"
        if f"{NAMESPACE}.{name}" not in csdl.sets.values():
            yield f"{name} is in no entity set"
    for name, enum in csdl.enums.items():
        members = [(m.get("Name"), m.get("Value")) for m in enum.findall(f"{EDM}Member")]
        if not members or any(len({m[i] for m in members}) != len(members) for i in (0, 1)):
            yield f"{name}: no member, or one of them is there twice"
    used = {inner(e.get("Type"))[0] for e in csdl.schema.iter() if e.get("Type")}
    for name in {**csdl.complex, **csdl.enums}:
        if f"{NAMESPACE}.{name}" not in used:
            yield f"nothing uses the type {name}"


def contexts(csdl, pairs):
    """What @odata.context names is there. Source: OData 4.01 Protocol, section 10."""
    for name, text in pairs.items():
        for fragment in re.findall(r'\$metadata#([^"]*)"', text):
            target, _, selected = re.sub(r"/\$entity$", "", fragment).partition("(")
            if target not in csdl.sets:
                if not csdl.knows(target):
                    yield f"{name}: {fragment} is not in $metadata"
                continue
            entity = csdl.entities[short(csdl.sets[target])]
            own = {p.get("Name") for p in entity.findall(f"{EDM}Property")}
            for property_name in filter(None, selected.rstrip(")").split(",")):
                if property_name not in own:
                    yield f"{name}: {property_name} is no property of {target}"


def nullable(schema):
    return ("null" in schema.get("type", []) if isinstance(schema.get("type"), list)
            else {"type": "null"} in schema.get("anyOf", []))


def without_null(schema):
    if isinstance(schema.get("type"), list):
        return {**schema, "type": next(name for name in schema["type"] if name != "null")}
    return schema["anyOf"][0] if nullable(schema) else schema


def same_type(csdl_type, schema):
    name, several = inner(csdl_type)
    if several:
        return schema.get("type") == "array" and same_type(name, schema["items"])
    if name in PRIMITIVE:
        wanted, form = PRIMITIVE[name]
        # Of a text any other form is as good: an address, base64.
        form_fits = schema.get("format") == form or (form is None and schema.get("format") not in ("uuid", "date-time"))
        return schema.get("type") == wanted and form_fits
    return schema.get("$ref") == f"#/components/schemas/{short(name)}"


def compare_type(name, element, schemas):
    """A type of $metadata with the schema of its name: properties in order, their types, what can be null."""
    schema = schemas.get(name)
    if schema is None:
        return [f"{name} has no schema"]
    wrong = []
    members = {p.get("Name"): p for p in element.findall(f"{EDM}Property")}
    if list(members) != list(schema["properties"]):
        wrong.append(f"{name}: {list(members)} in $metadata, {list(schema['properties'])} in OpenAPI")
    required = set(schema.get("required", []))
    whole = schemas.get(name + "Entity", {}).get("allOf", [])
    for part in whole:
        required |= set(part.get("required", []))
    for member in members.keys() & schema["properties"].keys():
        told = schema["properties"][member]
        can_be_null = members[member].get("Nullable") != "false"
        if can_be_null != (nullable(told) or member not in required):
            wrong.append(f"{name}.{member}: whether it can be null")
        if not same_type(members[member].get("Type"), without_null(told)):
            wrong.append(f"{name}.{member}: {members[member].get('Type')} and {told}")
    return wrong


def types(csdl, document):
    schemas = document["components"]["schemas"]
    empty = {"Alert"}  # a list without an item: only its key is named
    for name, element in {**csdl.entities, **csdl.complex}.items():
        if name not in empty:
            yield from compare_type(name, element, schemas)
    for name, element in csdl.enums.items():
        members = [m.get("Name") for m in element.findall(f"{EDM}Member")]
        if members != schemas.get(name, {}).get("enum"):
            yield f"{name}: {members} in $metadata, {schemas.get(name, {}).get('enum')} in OpenAPI"


def bound(csdl, document):
    """Operations that can succeed: (method, what it is bound to, name) -> operation of OpenAPI."""
    sets = {name.lower(): short(entity) for name, entity in csdl.sets.items()}
    found = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            parts = path.split("/")[2:]
            good = any(status[0] == "2" for status in operation["responses"])
            # The extension API for people has no entities of OData.
            if path.startswith("/api/reachback/") or not path.startswith("/api/") or not good or parts[-1] == "$count" or parts[0] in ("$metadata",
                                                                                               "openapi.json"):
                continue
            entity = sets.get(parts[0].lower(), "?" + parts[0])
            rest = parts[2:] if len(parts) > 1 and parts[1].startswith("{") else parts[1:]
            owner = entity if len(parts) > 2 else f"Collection({entity})"
            if entity.startswith("?") or rest:
                name = rest[0].partition("(")[0] if rest else ""
                found[(method, owner, name.lower())] = operation
    return found


def resolve(document, schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def operations(csdl, document):
    described = bound(csdl, document)
    for element in csdl.operations:
        first, *others = element.findall(f"{EDM}Parameter")
        owner = first.get("Type").replace(NAMESPACE + ".", "")
        method = "post" if element.tag == f"{EDM}Action" else "get"
        name = element.get("Name")
        operation = described.pop((method, owner, name.lower()), None)
        if operation is None:
            yield f"{name} of {owner} is in $metadata and not in OpenAPI"
            continue
        named = {p.get("Name"): p.find(f"{EDM}Annotation[@Term='{OPTIONAL}']") is None for p in others}
        if method == "post":
            body = resolve(document, operation["requestBody"]["content"]["application/json"]["schema"])
            told = {key: key in body.get("required", []) for key in body["properties"]}
        else:
            told = {p["name"]: True for p in operation.get("parameters", [])
                    if p.get("in") == "path" and p["name"] != "id"}
        if named != told:
            yield f"{name}: parameters {named} in $metadata, {told} in OpenAPI"
        returned, several = inner(element.find(f"{EDM}ReturnType").get("Type"))
        answer = next(r for status, r in operation["responses"].items() if status[0] == "2")
        schema = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        wanted = "Link" if returned == "Edm.String" else short(returned) + ("List" if several else "Entity")
        if schema != wanted:
            yield f"{name} returns {returned} in $metadata, {schema} in OpenAPI"
    for _, owner, name in described:
        yield f"{name} of {owner} is in OpenAPI and not in $metadata"


def problems(inputs):
    try:
        csdl = Csdl(inputs.metadata)
    except ElementTree.ParseError as error:
        yield f"metadata.xml: {error}"
        return
    broken = False
    for problem in sound(csdl):
        broken = True
        yield "metadata.xml: " + problem
    if not broken:
        for check in (contexts(csdl, inputs.pairs), types(csdl, inputs.document),
                      operations(csdl, inputs.document)):
            yield from ("metadata.xml: " + problem for problem in check)
