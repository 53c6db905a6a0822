"""Flat field paths and canonical texts, as Elasticsearch would index a document."""

import json

import pytest

from sigma2hive.model.values import canonical_text, flatten


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (4625, "4625"),
        (4625.0, "4625"),
        (4625.5, "4625.5"),
        (2**63, "9223372036854775808"),
        (1e18, "1000000000000000000"),
        ("True", "True"),
        ("", ""),
        (-0.5, "-0.5"),
    ],
)
def test_one_text_for_each_scalar(value: object, text: str) -> None:
    assert canonical_text(value) == text  # type: ignore[arg-type]


def test_dotted_and_nested_keys_mean_the_same() -> None:
    document = {"source": {"ip": "192.0.2.1"}, "source.ip": "192.0.2.2"}
    assert flatten(document) == {"source.ip": ("192.0.2.1", "192.0.2.2")}


def test_arrays_of_objects_flatten() -> None:
    document = {"dns": {"answers": [{"data": "a"}, {"data": ["b", "c"]}, {"type": "A"}]}}
    assert flatten(document) == {"dns.answers.data": ("a", "b", "c"), "dns.answers.type": ("A",)}


def test_null_and_empty_containers_leave_no_entry_but_an_empty_string_does() -> None:
    assert flatten({"a": None, "b": [], "c": {}, "d": [None], "e": ""}) == {"e": ("",)}


def test_deep_nesting_needs_no_stack() -> None:
    document: dict = {"leaf": 1}
    for _ in range(5_000):
        document = {"n": document}
    (path,) = flatten(document)
    assert path.count(".") == 5_000


def test_field_names_that_differ_in_case_are_two_fields() -> None:
    assert set(flatten(json.loads('{"Image": "a", "image": "b"}'))) == {"Image", "image"}
