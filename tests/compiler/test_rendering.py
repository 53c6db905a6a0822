"""JSON for people: what the standard library writes, whatever a rule holds."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.compiler.rendering import pretty_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**6).map(float)
    | st.text(st.characters())  # with half characters, too
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_it_is_what_the_standard_library_writes(value: object) -> None:
    assert pretty_json(value) == json.dumps(value, indent=2, sort_keys=True)


def test_what_looks_like_another_character_is_spelt_out() -> None:
    assert pretty_json("\x7f\u0430\U0001f600") == '"\\u007f\\u0430\\ud83d\\ude00"'
