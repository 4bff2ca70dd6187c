"""Expectations: what they let pass and what not."""

import pytest

from .matching import BadPattern, check_pattern, compare, read_path

GOOD = [
    ("a", "a"), (1, 1), (None, None), (True, True), ([], []), ({}, {"more": 1}),
    ("{text}", "x"), ("{text?}", None), ("{string}", ""), ("{integer}", 7), ("{number}", 1.5),
    ("{boolean}", False), ("{array}", []), ("{object}", {}), ("{any}", None), ("{null}", None),
    ("{guid}", "20d1de3f-acef-4715-8bed-a92223c5553c"), ("{machine_id}", "f" * 40),
    ("{time}", "2021-02-04T15:36:52.7788848Z"), ("{time}", "2023-03-18T21:04:01.92Z"),
    ("{time}", "2021-02-04T15:36:52Z"), ("{oneof:A|B}", "B"), ("{/a+/}", "aaa"),
    ("{context:MachineActions/$entity}", "https://x/api/$metadata#MachineActions/$entity"),
    ("{context:Edm.String}", "https://x/api/v1.0/$metadata#Edm.String"),
    ({"a": "{absent}"}, {"b": 1}), ({"a": [1, {"b": "{text}"}]}, {"a": [1, {"b": "c", "d": 1}]}),
    ({"$order": ["a", "b"]}, {"a": 1, "x": 1, "b": 2}),
    ({"$only": True, "a": 1, "$order": ["b"]}, {"a": 1, "b": 2}),
    ({"$each": "{integer}"}, [1, 2]), ({"$some": {"a": 1}}, [{"a": 2}, {"a": 1}]),
    ({"$length": 2, "$min": 1}, [1, 2]),
    ({"$descending": "t"}, [{"t": "2021-01-01T00:00:00.5Z"}, {"t": "2021-01-01T00:00:00Z"}]), ("{no kind}", "{no kind}"),
]
BAD = [
    ("a", "b"), (1, True), (0, False), (None, 0), ([1], [1, 2]), ([1], {}), ({}, []), ({"a": 1}, {}),
    ("{text}", ""), ("{text}", None), ("{string}", 1), ("{integer}", True), ("{integer}", "1"),
    ("{guid}", "20d1de3f"), ("{time}", "2021-02-04T15:36:52+00:00"), ("{time}", "2021-02-04T15:36:52.50Z"),
    ("{time}", "2021-02-04T15:36:52.12345678Z"), ("{oneof:A|B}", "AB"), ("{oneof:A.}", "Ax"),
    ("{/a+/}", "baaa"), ("{/a/}", 1), ("{context:Machines}", "https://x/api/$metadata#Machine"),
    ("{machine_id}", "F" * 40), ({"a": "{absent}"}, {"a": None}), ({"a": "{null}"}, {}),
    ({"$order": ["a", "b"]}, {"b": 1, "a": 1}), ({"$order": ["a", "b"]}, {"a": 1}),
    ({"$only": True, "a": 1}, {"a": 1, "b": 2}), ({"$each": "{integer}"}, [1, "2"]),
    ({"$descending": "t"}, [{"t": "2021-01-01T00:00:00Z"}, {"t": "2021-01-01T00:00:00.5Z"}]),
    ({"$some": 3}, [1, 2]), ({"$length": 1}, []), ({"$min": 1}, []), ({"$each": "{any}"}, "text"),
]


@pytest.mark.parametrize("expected, got", GOOD)
def test_what_fits_has_no_difference(expected, got):
    check_pattern(expected)
    assert compare(expected, got) == []


@pytest.mark.parametrize("expected, got", BAD)
def test_what_does_not_fit_is_told(expected, got):
    assert compare(expected, got) != []


def test_a_difference_names_its_place():
    assert compare({"a": [{"b": 1}]}, {"a": [{"b": 2}]}) == ["body.a[0].b: expected 1, got 2"]
    assert compare({"a": 1}, {}) == ["body.a: not there"]


@pytest.mark.parametrize("pattern", [{"$any": 1}, "{/[/}", {"a": ["{/(/}"]}])
def test_a_pattern_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(BadPattern):
        check_pattern(pattern)


def test_a_path_leads_into_a_value():
    value = {"@odata.count": 3, "value": [{"id": "x"}, {"id": "y"}]}
    assert read_path(value, "value[1].id") == "y"
    assert read_path(value, "@odata.count") == 3
    for path in ("value[2].id", "none", "value.id"):
        with pytest.raises(KeyError):
            read_path(value, path)
