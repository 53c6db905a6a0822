"""Counting by value in bounded memory: what is frequent is never lost."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.workflows.backtest import tallies
from sigma2hive.workflows.backtest.tallies import MAX_VALUES, TopValues

#: More different values than are kept, some of them frequent.
VALUES = st.lists(st.integers(0, 3 * MAX_VALUES) | st.integers(0, 3), max_size=2_000)


@given(VALUES, VALUES)
def test_counts_are_right_within_what_is_told(first: list[int], second: list[int]) -> None:
    parts = [TopValues(), TopValues()]
    for part, values in zip(parts, (first, second), strict=True):
        for value in values:
            part.add(f"v{value}")
    merged = TopValues.from_json(json.loads(json.dumps(parts[0].as_json())))
    merged.merge(parts[1])
    true = Counter(f"v{value}" for value in (*first, *second))
    assert len(merged.counts) <= MAX_VALUES
    for value, count in true.items():
        assert count - merged.lost <= merged.counts.get(value, 0) <= count
    # Whatever comes more often than one in so many is there.
    for value, count in true.items():
        assert value in merged.counts or count <= true.total() / (MAX_VALUES / 2)


def test_values_that_differ_in_case_only_are_one_as_first_seen() -> None:
    top = TopValues()
    for value in ("C:\\WINDOWS", "c:\\windows", "C:\\Windows", "other"):
        top.add(value)
    found = top.top("Image", 5)
    assert [(entry.value, entry.count) for entry in found.values] == [
        ("C:\\WINDOWS", 3),
        ("other", 1),
    ]
    assert found.is_exact


def test_a_flood_of_different_values_is_told_as_no_exact_count() -> None:
    top = TopValues()
    for number in range(10 * tallies.MAX_VALUES):
        top.add(str(number))
        top.add("noise")
    (first, *_) = top.top("User", 3).values
    assert first.value == "noise"
    assert first.count <= 10 * tallies.MAX_VALUES
    assert not top.top("User", 3).is_exact
