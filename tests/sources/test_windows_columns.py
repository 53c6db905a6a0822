"""Raw Windows events read by columns: each path holds what events made one by one have there."""

from __future__ import annotations

import copy
import json
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sigma2hive.engine import Columns
from sigma2hive.model.late import Late
from sigma2hive.model.values import flatten
from sigma2hive.sources import SourceOptions
from sigma2hive.sources.lines import PlainReader
from sigma2hive.sources.windows import FLAVOURS, normalise_windows

AUDITING = "Microsoft-Windows-Security-Auditing"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "windows"
EVENTS = [json.loads(path.read_text("utf-8"))["raw"] for path in sorted(GOLDEN.glob("*.json"))]

#: What the pipelines look for in values, and what readers of logs write.
TEXTS = [
    *(
        "",
        "-",
        "\n",
        "\r\nx\r\n",
        "a\r\nb\n",
        "true",
        "False",
        "x.exe",
        "C:\\a\\b.exe",
        "a\\b",
        "\\",
    ),
    *("{00000000-0000-0000-0000-000000000000}", "365ABB72-7ACC-5CC4-0000-0010B2470300"),
    *("0x10", "12", "-7", "::ffff:10.0.0.1", "LOCAL", "fe80::1%4", "%%1538\n\t\t%%4416", "%%2313"),
    *("CN=x,OU=y,DC=z,DC=q", "DOM\\usr", "usr@dom", "SeDebugPrivilege\n\t\tSeTcbPrivilege"),
    *("MD5=AB,SHA1=00,IMPHASH=CD", "SHA512=AB", "md5=ab,MD5=cd", "DWORD (0x0000000a)"),
    *("Binary Data", "HKLM\\a\\b", "Valid", "type:  5 a;::ffff:1.2.3.4;", 'a "b c" d', " \t"),
    *("2026-11-24 09:00:00.123", "0001-01-01 00:00:00", "noon"),
]
VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from([5, 2**64, True, None, 1.5, 1e300, ["a", "b"], {"#text": "x"}, {}]),
)


def lines_of(records: Iterable[dict[str, Any]]) -> list[bytes]:
    return [
        json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() for record in records
    ]


def read_late(lines: Sequence[bytes], flavour: str) -> int:
    """Hold the columns of all plain events against their values; return how many are made late."""
    plain = PlainReader(SourceOptions(flavour=flavour)).record_of
    both = [(plain(line), line) for line in lines]
    documents = [document for document, _ in both if document is not None]
    wanted: dict[str, list[tuple[int, str]]] = {}
    for row, line in enumerate(line for document, line in both if document is not None):
        for path, texts in flatten(normalise_windows(json.loads(line), flavour)).items():
            wanted.setdefault(path, []).extend((row, text) for text in texts)
    columns = Columns(documents)
    few = Columns(documents)
    for path, cells in wanted.items():
        assert cells_at(columns, path, columns.every) == sorted(cells), path
        last = cells[-1][0]
        found = [cell for cell in cells_at(few, path, 1 << last) if cell[0] == last]
        assert found == sorted(cell for cell in cells if cell[0] == last), path
    everything = Columns(documents)
    there = sum(len(piece.cells) for piece in everything.below("", everything.every))
    assert there == sum(map(len, wanted.values()))
    return sum(isinstance(document, Late) for document in documents)


def cells_at(columns: Columns, path: str, wanted: int) -> list[tuple[int, str]]:
    return sorted(
        cell
        for piece in columns.of(path, wanted)
        for cell in zip(piece.rows.numbers, piece.cells, strict=True)
    )


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_columns_hold_what_single_events_have(flavour: str) -> None:
    assert read_late(lines_of(EVENTS), flavour) >= len(EVENTS) // 3


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_columns_hold_what_the_events_of_attacks_have(shared: Path, flavour: str) -> None:
    files = sorted((shared / "data" / "regression").glob("*.ndjson"))
    lines = [line for file in files for line in file.read_bytes().splitlines()]
    assert read_late(lines, flavour) > 0


@hypothesis.given(data=st.data(), flavour=st.sampled_from(FLAVOURS))
def test_columns_hold_whatever_stands_in_an_event(data: st.DataObject, flavour: str) -> None:
    base = data.draw(st.sampled_from(EVENTS))
    read_late(lines_of(data.draw(changed(base)) for _ in range(3)), flavour)


@st.composite
def changed(draw: st.DrawFn, base: dict[str, Any]) -> dict[str, Any]:
    record = copy.deepcopy(base)
    event = record["Event"]
    values = event.get("EventData")
    if isinstance(values, dict):
        for name in draw(st.lists(st.sampled_from([*values, "New Name"]), max_size=4)):
            values[name] = draw(VALUES)
    for name in draw(st.lists(st.sampled_from(sorted(event["System"])), max_size=1)):
        event["System"][name] = draw(VALUES)
    return record


def test_an_event_is_made_when_it_is_looked_into() -> None:
    plain = PlainReader(SourceOptions(flavour="winlogbeat")).record_of
    late = next(found for found in map(plain, lines_of(EVENTS)) if isinstance(found, Late))
    made = normalise_windows(late.source, "winlogbeat")
    assert (dict(late), len(late)) == (made, len(made))


def an_event(code: int, channel: str = "Security", **values: str) -> dict[str, Any]:
    provider = "Microsoft-Windows-Eventlog" if code == 1102 else AUDITING
    system = {
        "Provider": {"#attributes": {"Name": provider}},
        "EventID": code,
        "TimeCreated": {"#attributes": {"SystemTime": "2020-01-01T00:00:00Z"}},
        "EventRecordID": 1,
        "Channel": channel,
        "Computer": "c",
    }
    return {"Event": {"System": system, "EventData": values}}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    "end", ["\\n", "\\r\\n", "\\u000a", "\\u000A", "\\u000d\\u000a", "\\u000D\\n"]
)
def test_a_line_end_is_one_however_it_is_written(end: str, flavour: str) -> None:
    event = an_event(4624, TargetUserName="bob", TargetDomainName="END", SubjectUserName="END")
    (line,) = lines_of([event])
    assert read_late([line], flavour) == 1
    read_late([line.replace(b"END", end.encode())], flavour)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_cleared_log_has_its_subject_in_user_data_only(flavour: str) -> None:
    names = ("SubjectUserSid", "SubjectUserName", "SubjectDomainName", "SubjectLogonId")
    event = an_event(1102, **dict.fromkeys((*names, "TargetLogonId"), "0x3e7"))
    assert read_late(lines_of([event]), flavour) == 1


def test_an_event_of_many_or_long_names_is_read_singly() -> None:
    for names, late in ((100, 1), (101, 0)):
        event = an_event(1, "Application", **{f"Name{n}": "v" for n in range(names)})
        assert read_late(lines_of([event]), "winlogbeat") == late
    for length, late in ((128, 1), (129, 0)):
        event = an_event(1, "Application", **{"N" * length: "v"})
        assert read_late(lines_of([event]), "winlogbeat") == late


def test_what_is_kept_of_shapes_has_an_end() -> None:
    plain = PlainReader(SourceOptions(flavour="winlogbeat")).record_of
    tracemalloc.start()
    try:
        for shape in range(2000):
            names = {f"Name{shape}x{n}": "v" for n in range(100)}
            plain(lines_of([an_event(1, **names)])[0])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 80_000_000
