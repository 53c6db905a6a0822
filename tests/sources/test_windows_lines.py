"""Raw Windows events on one level, read many at once: fields have what single ones have there."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sigma2hive.engine import Columns
from sigma2hive.engine.whole import WholeSearch
from sigma2hive.model.values import flatten
from sigma2hive.native import is_available
from sigma2hive.sources import EventRows, LineEvents, Ordinals, SourceOptions
from sigma2hive.sources.records import RecordScanner
from sigma2hive.sources.windows import normalise_windows
from tests.sources.evtx_writer import evtx_file, logon
from tests.sources.reading import read

pytestmark = pytest.mark.skipif(not is_available(), reason="scan.c was not built here")

OPTIONS = SourceOptions("flat")
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "windows"
EVENTS = [json.loads(path.read_text("utf-8"))["raw"] for path in sorted(GOLDEN.glob("*.json"))]
USUAL = next(
    event for event in EVENTS if event["Event"]["System"]["Channel"].endswith("Sysmon/Operational")
)
GUID = "365ABB72-7ACC-5CC4-0000-0010B2470300"
TEXTS = [
    "",
    "-",
    "anna",
    "a\r\nb",
    "\x1e",
    "\u0130",
    GUID,
    f"{{{GUID}}}",
    "2026-11-24 09:00:00.123",
]
VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from([5, 0, 2**64, True, None, 1.5, ["a"], [], {}, {"#text": "x"}]),
    st.fixed_dictionaries({"#text": st.sampled_from(["x", None, 1, ["a", "b"]])}),
    st.fixed_dictionaries({"#attributes": st.sampled_from([{"Name": "x"}, None, {}, "y"])}),
)
NAMES = (
    *("EventID", "Image", "Channel", "Computer", "@timestamp", "TimeCreated", "Message", "#text"),
    *("", "a.b", "Data", "#attributes", "Provider_Name", "EventRecordID", "UtcTime"),
)


def scanned(records: Sequence[dict[str, Any]]) -> tuple[EventRows, list[dict[str, Any]]]:
    """Return a batch of those records that are read at once, and these records."""
    lines = [json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in records]
    read = RecordScanner(OPTIONS).scan(lines)
    assert read is not None
    rows, plain = EventRows(), []
    for line, record in enumerate(records):
        if read.is_plain[line]:
            rows.add_scanned(read.lines, range(line, line + 1), line, MAKER)
            plain.append(record)
    return rows, plain


MAKER = LineEvents("x:", OPTIONS, Ordinals())


def hold_together(records: Sequence[dict[str, Any]]) -> int:
    """Hold the columns of plain records against what single ones say; return how many are plain."""
    rows, plain = scanned(records)
    wanted: dict[str, list[tuple[int, str]]] = {}
    for row, record in enumerate(plain):
        for path, texts in flatten(normalise_windows(record, "flat")).items():
            wanted.setdefault(path, []).extend((row, text) for text in texts)
    columns = Columns(rows.documents, rows.values_of, rows.raw_of, rows.scanned)
    for path in {*wanted, *NAMES, "Event.System.EventID", "EventData.Image"}:
        pieces = columns.of(path, columns.every)
        found = [
            cell for piece in pieces for cell in zip(piece.rows.numbers, piece.cells, strict=True)
        ]
        assert sorted(found) == sorted(wanted.get(path, [])), path
    there = sum(len(piece.cells) for piece in columns.below("", columns.every))
    assert there == sum(map(len, wanted.values()))
    return len(plain)


def test_real_events_are_read_at_once() -> None:
    plain = hold_together(EVENTS * 3)
    # PowerShell's own log and such as have UserData are not.
    assert plain > len(EVENTS)


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(st.data())
def test_whatever_is_read_at_once_is_what_single_events_have(data: st.DataObject) -> None:
    records = []
    for _ in range(data.draw(st.integers(1, 6))):
        record = copy.deepcopy(data.draw(st.sampled_from(EVENTS)))
        event = record["Event"]
        sections = [event["System"], event, *filter(_is_object, [event.get("EventData")])]
        for _ in range(data.draw(st.integers(0, 3))):
            section = data.draw(st.sampled_from(sections))
            name = data.draw(st.sampled_from([*NAMES, "UserData", "EventData", "RenderingInfo"]))
            section[name] = data.draw(VALUES)
        records.append(record)
    records = [record for record in records if _is_read(record)]
    if records:
        hold_together(records)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_read(record: dict[str, Any]) -> bool:
    try:
        normalise_windows(record, "flat")
    except ValueError:
        rows, _ = scanned([record])
        assert not len(rows)
        return False
    return True


@pytest.mark.parametrize(
    "change",
    [
        {"EventRecordID": ""},
        {"EventRecordID": None},
        {"EventRecordID": {"#text": 5}},
        {"EventID": ""},
        {"EventID": {"#text": ""}},
        {"TimeCreated": {"#attributes": {"SystemTime": "noon"}}},
        {"TimeCreated": {"#attributes": {"SystemTime": None}}},
        {"TimeCreated": "2026-11-24T09:00:00Z"},
        {"TimeCreated": None},
    ],
)
def test_an_event_without_id_or_time_is_left_to_the_careful_reader(change: dict[str, Any]) -> None:
    record = copy.deepcopy(USUAL)
    assert len(scanned([record])[0]) == 1
    record["Event"]["System"].update(change)
    assert len(scanned([record, USUAL])[0]) == 1


def test_keys_with_dots_are_no_time() -> None:
    record = copy.deepcopy(USUAL)
    system = record["Event"]["System"]
    del system["TimeCreated"]
    record["Event"]["System.TimeCreated"] = {"#attributes": {"SystemTime": "2026-11-24T09:00:00Z"}}
    assert not len(scanned([record])[0])


def test_keywords_find_what_braces_stand_around() -> None:
    record = copy.deepcopy(USUAL)
    record["Event"]["EventData"] = {"Id": GUID, "Other": "nothing"}
    rows, _ = scanned([record, USUAL])
    columns = Columns(rows.documents, rows.values_of, rows.raw_of, rows.scanned)
    search = WholeSearch([f"{{{GUID.lower()}}}".encode()])
    assert search.rows_in(columns, range(2)) == [0]


def test_findings_of_small_logs_name_their_own_records(tmp_path: Path) -> None:
    for number in range(3):
        events = [logon(1), logon(2, time=None), logon(3)]
        (tmp_path / f"{number}.evtx").write_bytes(evtx_file(events)[: None if number else -70_000])
    (tmp_path / "other.ndjson").write_text('{"@timestamp":"2026-11-24T09:00:00Z"}\n')
    events, findings = read(tmp_path, root=tmp_path, flavour="flat")
    assert [event.origin for event in events if ".evtx" in event.origin] == [
        f"{number}.evtx#{record}" for number in (1, 2) for record in (1, 2, 3)
    ]
    assert [finding.location.path for finding in findings] == ["0.evtx"]


def test_what_is_written_oddly_is_not_taken_for_every_keyword() -> None:
    record = copy.deepcopy(USUAL)
    record["Event"]["EventData"] = {"Image": "a\x01b"}
    rows, _ = scanned([record])
    columns = Columns(rows.documents, rows.values_of, rows.raw_of, rows.scanned)
    assert columns.document_of(0)["Image"] == ("a\x01b",)
    assert WholeSearch([b"nowhere"]).rows_in(columns, range(1)) == []


def test_records_of_which_each_has_new_keys_are_read_singly() -> None:
    records = []
    for number in range(600):
        record = copy.deepcopy(USUAL)
        record["Event"]["EventData"] = {f"k{number}x{key}": key for key in range(90)}
        records.append(record)
    lines = [json.dumps(record, separators=(",", ":")) for record in records]
    assert RecordScanner(OPTIONS).scan(lines[:300]) is not None
    assert RecordScanner(OPTIONS).scan(lines) is None
