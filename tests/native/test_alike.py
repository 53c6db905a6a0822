"""Lines are told apart by their shapes, and by the texts at some paths."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.native import shape_scanner
from sigma2hive.sources import SourceOptions
from sigma2hive.sources.records import bounds_of
from tests.sources.reading import TIME

BOUNDS = bounds_of(SourceOptions())
assert BOUNDS is not None
SCANNER = shape_scanner(BOUNDS, "@timestamp")
if SCANNER is None:
    pytest.skip("the native library was not built here", allow_module_level=True)

VALUES = st.sampled_from(["", "x", "y", "1", 1, 12, True, False, None, "é\n"])
LINES = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES) | st.just({"no": "time"}), max_size=20
)


@given(LINES, st.sets(st.sampled_from(["a", "b"])))
def test_lines_are_together_that_are_alike(records: list[dict[str, object]], by: set[str]) -> None:
    assert SCANNER is not None
    lines = [record if "no" in record else {"@timestamp": TIME, **record} for record in records]
    lines.append({"@timestamp": TIME})
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    scan = SCANNER.scan(text, len(text))
    found = [scan.paths.number_of([name]) for name in by]
    wanted: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if "no" not in line:
            shape = [(name, type(value).__name__) for name, value in line.items()]
            texts = [(name, json.dumps(line.get(name))) for name in sorted(by)]
            wanted.setdefault(str((shape, texts)), []).append(number)
    there = [number for number in found if number is not None]
    assert sorted(scan.alike(there)) == sorted(wanted.values())


def test_lines_of_which_each_has_its_own_text_take_no_more_time_than_lines() -> None:
    assert SCANNER is not None
    text = "".join(f'{{"@timestamp":"{TIME}","a":"{number}"}}\n' for number in range(8_000))
    scan = SCANNER.scan(text.encode(), len(text))
    number = scan.paths.number_of(["a"])
    assert number is not None
    assert len(scan.alike([number])) == 8_000
    assert len(scan.alike([])) == 1
