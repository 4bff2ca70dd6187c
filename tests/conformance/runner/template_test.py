"""Names in braces."""

import pytest

from .template import UnknownName, expand, expand_json, names_in

VARIABLES = {"machineId": "f0", "command": '{"a":1}', "name": "a b", "sig": "a%2B="}


@pytest.mark.parametrize("text, result", [
    ("/api/machines/{machineId}/x", "/api/machines/f0/x"),
    ('{"a":"{machineId}"}', '{"a":"f0"}'),
    ("{x*3}", "xxx"), ("{(*2}a{)*2}", "((a))"), ("[{command,*2}]", '[{"a":1},{"a":1}]'),
    ("{name|url}", "a%20b"), ("{machineId|upper}", "F0"), ("{sig|hex}", "%61%2b%3d"),
    ("{guid} {text} {time}", "{guid} {text} {time}"),       # kinds of values stay
    ("{/[0-9a-f]{40}/}", "{/[0-9a-f]{40}/}"),                # and so do regular expressions
    ("{oneof:A|B}", "{oneof:A|B}"),
])
def test_names_are_replaced(text, result):
    assert expand(text, VARIABLES) == result


@pytest.mark.parametrize("text", ["{nobody}", "{name|rot13}", "{nobody,*3}"])
def test_an_unknown_name_is_an_error(text):
    with pytest.raises(UnknownName):
        expand(text, VARIABLES)


def test_a_value_is_not_read_again():
    assert expand("{a}", {"a": "{b}", "b": "x"}) == "{b}"


def test_json_is_replaced_within_its_texts_and_names():
    assert expand_json({"{name}": ["{machineId}", 1, None]}, VARIABLES) == {"a b": ["f0", 1, None]}


def test_names_are_found_where_they_are_used():
    assert names_in("{a} {b|url} {c,*3} {x*9} {guid} {/r/}") == {"a", "b", "c"}
