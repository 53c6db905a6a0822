"""Texts in lists have a way of their own into queries; it says what the general way says.

What the general way means is shown on the real Elasticsearch, in test_dsl_property.py.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.compiler.dsl.atoms import atom_bounds
from sigma2hive.compiler.dsl.listed import add_text, spots_of, usual_text
from sigma2hive.compiler.dsl.nodes import Node, any_of
from sigma2hive.compiler.dsl.texts import is_numeric
from sigma2hive.diagnostics import Location
from sigma2hive.model.conditions import Atom, Origin, Text, Wildcard
from sigma2hive.model.fields import Derived, Field, FieldType, Part

ORIGIN = Origin("selection", "Image", "x", Location("rule.yml", 1, 1))

LITERALS = st.one_of(
    st.sampled_from(
        ["\\powershell.exe", " -enc ", "KERNEL32", "kelvin", "ß", "İ", "é", "4625", "*"]
    ),
    st.text(max_size=6),
    st.builds(lambda char, times: char * times, st.sampled_from("aé "), st.integers(1, 1100)),
)
TEXTS = st.builds(
    Text,
    st.lists(st.one_of(LITERALS.filter(bool), st.sampled_from(list(Wildcard))), max_size=4).map(
        tuple
    ),
    st.booleans(),
)
FIELDS = st.lists(
    st.builds(
        Field,
        st.sampled_from(["process.name", "winlog.event_data.Image"]),
        st.sampled_from([FieldType.KEYWORD, FieldType.WILDCARD]),
        caseless=st.sampled_from(["", "process.name.caseless", "process.name"]),
        ignore_above=st.sampled_from([0, 8, 1024]),
        dynamic=st.booleans(),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda field: field.path,
).map(tuple)


@settings(max_examples=600)
@given(st.lists(TEXTS, min_size=1, max_size=4), FIELDS, st.booleans())
def test_a_list_says_what_each_of_its_texts_says(
    tests: list[Text], fields: tuple[Field, ...], wide: bool
) -> None:
    listed: list[Node] = []
    one_by_one: list[Node] = []
    spots = spots_of(fields)
    assert len(spots) == len(fields)
    for test in tests:
        bounds = atom_bounds(Atom("Image", test, ORIGIN, fields))
        found = usual_text(test)
        if found is None:
            assert test.pattern == (Wildcard.ANY,) or is_numeric(test)
            continue
        assert add_text(test, found, spots, wide, listed) == bounds.reason
        one_by_one.append(bounds.upper if wide else bounds.lower)
    assert any_of(listed) == any_of(one_by_one)


def test_fields_that_are_asked_otherwise_have_the_general_way_only() -> None:
    usual = Field("process.name")
    for other in (
        Field("sigma.hashes", derived=Derived((Part("process.hash.md5"),)), parts=(usual,)),
        Field("message", FieldType.TEXT),
        Field("process.*"),
        Field("source.ip", FieldType.IP),
        Field("event.code", opaque=True),
        Field("event.code", is_runtime=True),
    ):
        assert spots_of((usual, other)) == ()
    assert spots_of((usual,))
