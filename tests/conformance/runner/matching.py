"""Whether an answer is what a case expects of it.

Expected JSON is partial: an object may have more members than are named. A text that is wholly one
of these stands for a kind of value; `?` before the closing brace lets null pass too.

  {guid} {time} {sha256} {machine_id}   such a text
  {text} {string}                       a text that is not empty; any text
  {integer} {number} {boolean} {array} {object} {any}
  {null}                                null, and the member is there
  {absent}                              the member is not there
  {oneof:A|B}                           one of these texts
  {/regex/}                             a text that fits from end to end
  {context:X}                           the address of $metadata#X on any host
  {present}                             of a header: it is there

In an object, "$order": [names] are members that must be there in this order, and "$only": true
forbids others than those named. For an array, an object with "$each" (every element), "$some" (at
least one element), "$length", "$min", "$descending" (a member: no element has more of it than the
one before; times) says more than its elements would.
"""

import json
import re

NULLABLE = re.compile(r"^\{(.+)\?\}$", re.DOTALL)
PATTERNS = {
    "guid": r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,6}[1-9])?Z",
    "sha256": r"[0-9a-f]{64}",
    "machine_id": r"[0-9a-f]{40}",
    "text": r".+",
    "string": r".*",
}
TYPES = {
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "null": lambda v: v is None,
    "any": lambda v: True,
}
NAMES = {*PATTERNS, *TYPES, "absent", "present"}
ARRAY_KEYS = {"$each", "$some", "$length", "$min", "$descending"}
OBJECT_KEYS = {"$order", "$only"}


class BadPattern(ValueError):
    """An expectation that cannot be read; the message names it."""


def shown(value, most=120):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[:most - 1] + "…"


def kind_of(expected):
    """The inside of {…} when the whole text is a kind of value, else None."""
    if not (isinstance(expected, str) and expected.startswith("{") and expected.endswith("}")):
        return None
    inside = expected[1:-1]
    plain = inside[:-1] if inside.endswith("?") else inside
    if plain in NAMES or plain.startswith(("oneof:", "context:")):
        return inside
    if plain.startswith("/") and plain.endswith("/") and len(plain) > 1:
        return inside
    return None


def regex_of(kind):
    """The regular expression of a kind that is a text, else None."""
    if kind in PATTERNS:
        return PATTERNS[kind]
    if kind.startswith("/"):
        return kind[1:-1]
    if kind.startswith("oneof:"):
        return "|".join(re.escape(word) for word in kind[len("oneof:"):].split("|"))
    if kind.startswith("context:"):
        return r"https?://[^/]+/api(?:/v1\.0)?/\$metadata#" + re.escape(kind[len("context:"):])
    return None


def fits(kind, value):
    """Whether a value is of a kind, which has no `?` any more."""
    if kind in TYPES:
        return TYPES[kind](value)
    pattern = regex_of(kind)
    if pattern is None:
        raise BadPattern(f"{{{kind}}} has no meaning here")
    try:
        return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error as error:
        raise BadPattern(f"{{{kind}}}: {error}") from error


def same(expected, got):
    """Equal, with true and 1 told apart."""
    return type(expected) is type(got) and expected == got


def compare_text(expected, got, where):
    kind = kind_of(expected)
    if kind is None:
        good = same(expected, got)
    elif NULLABLE.match(expected):
        good = got is None or fits(kind[:-1], got)
    else:
        good = fits(kind, got)
    return [] if good else [f"{where}: expected {shown(expected)}, got {shown(got)}"]


def compare_object(expected, got, where):
    if not isinstance(got, dict):
        return [f"{where}: expected an object, got {shown(got)}"]
    found = []
    order = expected.get("$order", [])
    for name in [n for n in order if n not in got]:
        found.append(f"{where}.{name}: not there")
    there = [name for name in got if name in order]
    wanted = [name for name in order if name in got]
    if there != wanted:
        found.append(f"{where}: the order is {', '.join(there)}, not {', '.join(wanted)}")
    named = {*order, *(n for n in expected if n not in OBJECT_KEYS)}
    if expected.get("$only"):
        found += [f"{where}.{name}: not expected" for name in got if name not in named]
    for name, value in expected.items():
        inner = f"{where}.{name}"
        if name in OBJECT_KEYS:
            continue
        if value == "{absent}":
            found += [f"{inner}: must not be there"] if name in got else []
        elif name not in got:
            found.append(f"{inner}: not there")
        else:
            found += compare(value, got[name], inner)
    return found


def ascents(got, name, where):
    """The places where a list of objects rises in a member that is a time."""
    # Without its Z, a time with fewer digits of a second sorts before one with more.
    times = [str(one.get(name)).rstrip("Z") if isinstance(one, dict) else "" for one in got]
    return [f"{where}[{n + 1}].{name}: {times[n + 1]} after {times[n]}"
            for n in range(len(times) - 1) if times[n + 1] > times[n]]


def compare_array(expected, got, where):
    if not isinstance(got, list):
        return [f"{where}: expected an array, got {shown(got)}"]
    if isinstance(expected, list):
        if len(expected) != len(got):
            return [f"{where}: expected {len(expected)} elements, got {len(got)}"]
        return [line for n, (a, b) in enumerate(zip(expected, got))
                for line in compare(a, b, f"{where}[{n}]")]
    found = []
    if "$length" in expected and len(got) != expected["$length"]:
        found.append(f"{where}: expected {expected['$length']} elements, got {len(got)}")
    if len(got) < expected.get("$min", 0):
        found.append(f"{where}: expected at least {expected['$min']} elements, got {len(got)}")
    if "$descending" in expected:
        found += ascents(got, expected["$descending"], where)
    if "$each" in expected:
        for n, one in enumerate(got):
            found += compare(expected["$each"], one, f"{where}[{n}]")
    if "$some" in expected and not any(not compare(expected["$some"], one, where) for one in got):
        found.append(f"{where}: no element of {len(got)} is like {shown(expected['$some'])}")
    return found


def compare(expected, got, where="body"):
    """The differences, one line each; empty when the answer is as expected."""
    if isinstance(expected, str):
        return compare_text(expected, got, where)
    if isinstance(expected, list) or (isinstance(expected, dict) and ARRAY_KEYS & set(expected)):
        return compare_array(expected, got, where)
    if isinstance(expected, dict):
        return compare_object(expected, got, where)
    if same(expected, got):
        return []
    return [f"{where}: expected {shown(expected)}, got {shown(got)}"]


def check_pattern(expected):
    """Raises BadPattern for an expectation that could never be read."""
    if isinstance(expected, str):
        kind = kind_of(expected)
        if kind is not None and kind not in ("absent", "present"):
            fits(kind[:-1] if kind.endswith("?") and kind != "?" else kind, "")
    elif isinstance(expected, dict):
        unknown = [k for k in expected
                   if k.startswith("$") and k not in ARRAY_KEYS | OBJECT_KEYS]
        if unknown:
            raise BadPattern(f"{unknown[0]} is not known")
        for value in expected.values():
            check_pattern(value)
    elif isinstance(expected, list):
        for value in expected:
            check_pattern(value)


def read_path(value, path):
    """What stands at `a.b[0].c` in a JSON value. KeyError names the path."""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path.replace("@odata.", "@odata\0")):
        try:
            value = value[int(index)] if index else value[name.replace("\0", ".")]
        except (KeyError, IndexError, TypeError) as error:
            raise KeyError(path) from error
    return value
