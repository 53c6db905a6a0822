"""Canonical JSON and digests, recomputed independently and held by a golden file."""

import hashlib
import json
from pathlib import Path

import pytest

from sigma2hive.model.canonical import canonical_json, digest

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
