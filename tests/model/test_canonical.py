"""Canonical JSON and digests, recomputed independently and held by a golden file."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.model.canonical import JsonValue, canonical_json, digest
from sigma2hive.model.rules import Level

GOLDEN = Path(__file__).parent.parent / "golden" / "canonical.json"


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text()), ids=lambda case: case["name"])
def test_bytes_and_digests_never_change(case: dict) -> None:
    assert canonical_json(case["value"]).decode("ascii") == case["canonical"]
    assert digest(case["value"]) == hashlib.sha256(case["canonical"].encode("ascii")).hexdigest()


def test_key_order_does_not_matter() -> None:
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [1.5, {"a": 0.0}, [b"x"], {1: 2}])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)  # type: ignore[arg-type]


_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.sampled_from(Level)),
    lambda inside: st.one_of(
        st.lists(inside),
        st.lists(inside).map(tuple),
        st.dictionaries(st.text(), inside),
    ),
)


@given(_VALUES)
def test_it_is_what_the_library_writes(value: JsonValue) -> None:
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert canonical_json(value).decode() == expected
