"""Checks JSON values against the part of JSON Schema 2020-12 that api/openapi.json uses. A keyword that it
does not know is an error, so that nothing is left unchecked silently; and an object may have no member that
no schema speaks of, unless additionalProperties says so."""

import datetime
import re
import uuid

NOTES = {"description", "contentMediaType", "default"}
PLACEHOLDERS = {"{guid}": "20d1de3f-acef-4715-8bed-a92223c5553c", "{time}": "2021-02-04T15:36:52.7788848Z",
                "{number}": "1"}
ANY = "{any}"

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def is_type(name, value):
    if name == "null":
        return value is None
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def is_time(text):
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?Z", text)
    if not match:
        return False
    try:
        datetime.datetime.fromisoformat(match.group(1))
    except ValueError:
        return False
    return True


def is_uuid(text):
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


FORMATS = {
    "date-time": is_time,
    "uuid": is_uuid,
    "uri": lambda text: re.fullmatch(r"https?://[^\s/]+(/\S*)?", text) is not None,
    "byte": lambda text: re.fullmatch(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text)
    is not None,
}
BITS = {"int32": 31, "int64": 63}
NESTED = {"allOf", "anyOf", "oneOf", "properties", "items"}
SIMPLE = {"type", "enum", "const", "required", "format", "pattern", "minLength", "maxLength", "minimum", "maximum",
          "minItems", "maxItems", "minProperties", "uniqueItems", "additionalProperties", "$ref"}


def unknown_words(schema, where):
    """What stands in a schema that the validator would not understand."""
    for keyword, rule in schema.items():
        if keyword in NESTED:
            parts = rule.items() if keyword == "properties" else [(0, rule)] if keyword == "items" else enumerate(rule)
            for key, part in parts:
                yield from unknown_words(part, f"{where}/{keyword}/{key}")
        elif keyword not in SIMPLE | NOTES and not keyword.startswith("x-"):
            yield f"{where}: the keyword {keyword} is not known here"
        elif keyword == "format" and rule not in FORMATS and rule not in BITS:
            yield f"{where}: the format {rule} is not known here"
        elif keyword == "additionalProperties" and not isinstance(rule, bool):
            yield f"{where}: additionalProperties {rule!r} is not known here"


class Validator:
    def __init__(self, document):
        self.document = document

    def resolve(self, reference):
        """What "#/a/b" points at. KeyError: nothing."""
        at = self.document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step.replace("~1", "/").replace("~0", "~")]
        return at

    def problems(self, schema, value, where="$"):
        """What is wrong with a value, as texts."""
        errors, known = self._check(schema, value, where)
        if isinstance(value, dict) and known is not None:
            errors += [f"{where}: nothing is said of '{name}'" for name in value if name not in known]
        return errors

    def _check(self, schema, value, where):
        """Errors, and the names of members that the schema speaks of; None: it takes all."""
        errors, known = [], set()
        if isinstance(value, str):
            for name, text in PLACEHOLDERS.items():
                value = value.replace(name, text)

        def also(names):
            nonlocal known
            known = None if known is None or names is None else known | names

        for keyword, rule in schema.items():
            if keyword in NOTES or keyword.startswith("x-"):
                continue
            if keyword == "$ref":
                more, names = self._check(self.resolve(rule), value, where)
                errors += more
                also(names)
            elif keyword == "allOf":
                for part in rule:
                    more, names = self._check(part, value, where)
                    errors += more
                    also(names)
            elif keyword in ("anyOf", "oneOf"):
                tried = [self._check(part, value, where) for part in rule]
                good = [names for more, names in tried if not more]
                if not good or (keyword == "oneOf" and len(good) > 1):
                    errors.append(f"{where}: {len(good)} of {keyword} fit: {[more[:1] for more, _ in tried]}")
                for names in good:
                    also(names)
            elif keyword == "additionalProperties":
                if rule:
                    known = None
            elif keyword == "properties":
                also(set(rule))
                if isinstance(value, dict):
                    for name in value.keys() & rule.keys():
                        errors += self.problems(rule[name], value[name], f"{where}.{name}")
            elif keyword == "items":
                if isinstance(value, list):
                    for index, item in enumerate(value):
                        errors += self.problems(rule, item, f"{where}[{index}]")
            else:
                errors += [f"{where}: {text}" for text in simple(keyword, rule, value)]
        return errors, known


def simple(keyword, rule, value):
    """A keyword that looks at this value alone."""
    text, number = isinstance(value, str), isinstance(value, int) and not isinstance(value, bool)
    any_text = text and ANY in value
    if keyword == "type":
        names = rule if isinstance(rule, list) else [rule]
        good = any(is_type(name, value) for name in names)
    elif keyword == "enum":
        good = value in rule
    elif keyword == "const":
        good = value == rule
    elif keyword == "required":
        missing = [name for name in rule if isinstance(value, dict) and name not in value]
        return [f"'{name}' is missing" for name in missing]
    elif keyword == "format":
        if rule in BITS:
            good = not number or -2 ** BITS[rule] <= value < 2 ** BITS[rule]
        else:
            good = any_text or not text or FORMATS[rule](value)
    elif keyword == "pattern":
        good = any_text or not text or re.search(rule, value) is not None
    elif keyword == "minLength":
        good = not text or len(value) >= rule
    elif keyword == "maxLength":
        good = not text or len(value) <= rule
    elif keyword == "minimum":
        good = not number or value >= rule
    elif keyword == "maximum":
        good = not number or value <= rule
    elif keyword == "minItems":
        good = not isinstance(value, list) or len(value) >= rule
    elif keyword == "maxItems":
        good = not isinstance(value, list) or len(value) <= rule
    elif keyword == "minProperties":
        good = not isinstance(value, dict) or len(value) >= rule
    elif keyword == "uniqueItems":
        good = not isinstance(value, list) or len({repr(item) for item in value}) == len(value)
    else:
        raise ValueError(f"the keyword {keyword} is not known here")
    return [] if good else [f"{value!r:.80} is not as {keyword} {rule!r:.80} says"]
