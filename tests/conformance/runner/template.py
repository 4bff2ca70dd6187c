"""Names in braces that stand for something that a case cannot know: {machineId}, {run}, {link}.

  {name}        the variable
  {name|url}    percent-encoded; {name|upper} in upper case; {name|hex} decoded, then every byte of it
                percent-encoded in lower case
  {x*4001}      the text x, 4001 times
  {name,*101}   the variable, 101 times, with commas between

What matching.py means by a name in braces is left alone.
"""

import re
import urllib.parse

from .matching import NAMES

HOLE = re.compile(r"\{([a-zA-Z][a-zA-Z0-9_]*)(\|[a-z0-9]+)?\}")
REPEAT = re.compile(r"\{([^{}\"*\n]{1,24})\*(\d{1,8})\}")
FILTERS = {
    "|url": lambda text: urllib.parse.quote(text, safe=""),
    "|upper": str.upper,
    "|hex": lambda text: "".join(f"%{byte:02x}" for byte in urllib.parse.unquote_to_bytes(text)),
}


class UnknownName(ValueError):
    """A name that nothing defines."""


def names_in(text):
    """The variables that a text needs."""
    found = {m.group(1) for m in HOLE.finditer(text) if m.group(1) not in NAMES}
    for m in REPEAT.finditer(text):
        if m.group(1).endswith(","):
            found.add(m.group(1)[:-1])
    return found


def expand(text, variables):
    """The text with its names replaced. Errors: UnknownName."""
    def value(name):
        if name not in variables:
            raise UnknownName(f"{{{name}}} is not defined")
        return str(variables[name])

    def hole(match):
        name, how = match.group(1), match.group(2)
        if name in NAMES:
            return match.group(0)
        if how and how not in FILTERS:
            raise UnknownName(f"{how} of {{{name}}} is not defined")
        return FILTERS[how](value(name)) if how else value(name)

    def repeat(match):
        what, times = match.group(1), int(match.group(2))
        if what.endswith(","):
            return ",".join([value(what[:-1])] * times)
        return what * times

    return HOLE.sub(hole, REPEAT.sub(repeat, text))


def expand_json(value, variables):
    """The same within every text of a JSON value; member names too."""
    if isinstance(value, str):
        return expand(value, variables)
    if isinstance(value, list):
        return [expand_json(one, variables) for one in value]
    if isinstance(value, dict):
        return {expand(k, variables): expand_json(v, variables) for k, v in value.items()}
    return value


def names_in_json(value):
    if isinstance(value, str):
        return names_in(value)
    if isinstance(value, list):
        return set().union(*(names_in_json(one) for one in value))
    if isinstance(value, dict):
        return set().union(*(names_in(k) | names_in_json(v) for k, v in value.items()))
    return set()
