"""Raw Windows events read many at once, held against what single ones say."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sigma2hive.engine import Columns
from sigma2hive.model.values import flatten
from sigma2hive.sources import EventRows, LineEvents, Ordinals, SourceOptions
from sigma2hive.sources.records import Records, RecordScanner
from sigma2hive.sources.windows import FLAT, FLAVOURS, normalise_windows

EVERY_FLAVOUR = (FLAT, *FLAVOURS)
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "windows"
EVENTS = [json.loads(path.read_text("utf-8"))["raw"] for path in sorted(GOLDEN.glob("*.json"))]
GUID = "365ABB72-7ACC-5CC4-0000-0010B2470300"
#: What the pipelines look for in values, and what readers of logs write.
TEXTS = [
    *("", "-", "anna", "\n", "\r\nx\r\n", "a\r\nb\n", "\r\n\n", "\r", "\x1e", "\u0130", " \t"),
    *("true", "False", "x.exe", "C:\\a\\b.exe", "a\\b", "\\", GUID, f"{{{GUID}}}"),
    *("{00000000-0000-0000-0000-000000000000}", "0x10", "12", "-7", "::ffff:10.0.0.1"),
    *("::ffff:", "LOCAL", "Unknown", "fe80::1%4", "%%1538\n\t\t%%4416", "%%2313"),
    *("CN=x,OU=y,DC=z,DC=q", "DOM\\usr", "usr@dom", "SeDebugPrivilege\n\t\tSeTcbPrivilege"),
    *("MD5=AB,SHA1=00,IMPHASH=CD", "SHA512=AB", "md5=ab,MD5=cd", "DWORD (0x0000000a)"),
    *("Binary Data", "HKLM\\a\\b", "Valid", "type:  5 a;::ffff:1.2.3.4;", 'a "b c" d'),
    *("2026-11-24 09:00:00.123", "0001-01-01 00:00:00", "noon"),
]
VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(
        [5, 0, 2**64, True, None, 1.5, 1e300, ["a", "b"], [GUID, ""], [], {}, {"#text": "x"}]
    ),
    st.fixed_dictionaries(
        {"#text": st.sampled_from(["x", None, 1, ["a", GUID], ["a", None], [1], [{}]])}
    ),
    st.fixed_dictionaries(
        {"#attributes": st.sampled_from([{"Name": "x"}, {"UserID": [1]}, None, {}, "y"])}
    ),
)
NAMES = (
    *("EventID", "Image", "Channel", "Computer", "@timestamp", "TimeCreated", "Message", "#text"),
    *("", "a.b", "Data", "#attributes", "Provider_Name", "EventRecordID", "UtcTime", "New Name"),
    *("New_Name", "Hashes", "Hash", "Security", "Correlation", "Execution"),
)
_INNER_NAMES = st.sampled_from(
    [
        "Subject",
        "Id",
        "Channel",
        "Data",
        "x",
        "",
        "#text",
        "#attributes",
        "Name",
        "xmlns",
        "xmlns:a",
    ]
)
#: UserData: elements in elements, with texts and attributes, and what no reader of XML writes.
USER_DATA = st.dictionaries(
    st.sampled_from(["LogFileCleared", "EventXML", "#attributes", "#text", ""]),
    st.recursive(
        VALUES, lambda inner: st.dictionaries(_INNER_NAMES, inner, max_size=3), max_leaves=6
    ),
    max_size=2,
)


def lines_of(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return records as lines of JSON."""
    return [json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in records]


def records_in(scanner: RecordScanner, lines: Sequence[str]) -> Records | None:
    """Return what a scanner makes of lines."""
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    return scanner.scan(text, len(lines))


def rows_of_lines(lines: Sequence[str], flavour: str) -> tuple[EventRows, list[int]]:
    """Return a batch of those lines that are read at once, and their numbers."""
    options = SourceOptions(flavour)
    read = records_in(RecordScanner(options), lines)
    assert read is not None
    maker = LineEvents("x:", options, Ordinals())
    rows = EventRows()
    plain = [line for line, is_plain in enumerate(read.is_plain) if is_plain]
    for line in plain:
        rows.add_scanned(read.lines, range(line, line + 1), line, maker)
    return rows, plain


def columns_of(rows: EventRows) -> Columns:
    """Return the columns of a batch."""
    return Columns(rows.documents, rows.values_of, rows.raw_of, rows.scanned)


def cells_at(columns: Columns, path: str, wanted: int) -> list[tuple[int, str]]:
    """Return row and text of all that stands at a path."""
    return sorted(
        cell
        for piece in columns.of(path, wanted)
        for cell in zip(piece.rows.numbers, piece.cells, strict=True)
    )


def hold_together(lines: Sequence[str], flavour: str) -> int:
    """Hold columns of lines that are read at once against single events; return how many are."""
    rows, plain = rows_of_lines(lines, flavour)
    wanted: dict[str, list[tuple[int, str]]] = {}
    for row, line in enumerate(plain):
        values = flatten(normalise_windows(json.loads(lines[line]), flavour))
        assert values.items() <= rows.values_of(row).items()
        for path, texts in values.items():
            wanted.setdefault(path, []).extend((row, text) for text in texts)
    columns, few = columns_of(rows), columns_of(rows)
    for path in {*wanted, *NAMES, "Event.System.EventID", "EventData.Image", "winlog.user_data.x"}:
        cells = sorted(wanted.get(path, []))
        assert cells_at(columns, path, columns.every) == cells, path
        masks = [
            (frozenset((text,)), rows)
            for piece in columns.of(path, columns.every)
            for text in piece.distinct
            for _, rows in piece.masks_of({text: (0,)})
        ]
        assert sum(rows.bit_count() for _, rows in masks) == len(set(cells)), path
        if cells:
            last = cells[-1][0]
            found = [cell for cell in cells_at(few, path, 1 << last) if cell[0] == last]
            assert found == [cell for cell in cells if cell[0] == last], path
            texts = [text for row, text in wanted[path] if row == last]
            assert columns.by_row(path, columns.every)[last] == tuple(texts), path
    everything = columns_of(rows)
    there = sum(len(piece.cells) for piece in everything.below("", everything.every))
    assert there == sum(map(len, wanted.values()))
    return len(plain)


@st.composite
def changed_events(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Real events in which something is changed or added; each is one that can be read."""
    records = []
    for _ in range(draw(st.integers(1, 6))):
        record = copy.deepcopy(draw(st.sampled_from(EVENTS)))
        event = record["Event"]
        data = event.get("EventData")
        for _ in range(draw(st.integers(0, 4))):
            sections = [event["System"], event, *([data] * 3 if isinstance(data, dict) else [])]
            section = draw(st.sampled_from(sections))
            names = {*NAMES, *section, "UserData", "EventData", "RenderingInfo"} - {"System"}
            section[draw(st.sampled_from(sorted(names)))] = draw(VALUES)
        if draw(st.booleans()):
            event["UserData"] = draw(USER_DATA)
        records.append(record)
    return records
