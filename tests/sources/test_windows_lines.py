"""Raw Windows events read many at once: fields have what single ones have there."""

from __future__ import annotations

import copy
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sigma2hive.engine.whole import WholeSearch
from sigma2hive.native import is_available
from sigma2hive.sources import EventRows, SourceOptions
from sigma2hive.sources.records import RecordScanner
from sigma2hive.sources.windows import FLAVOURS, normalise_windows
from sigma2hive.sources.windows.draft import table
from sigma2hive.sources.windows.security import codes
from tests.sources.evtx_writer import evtx_file, logon
from tests.sources.reading import read
from tests.sources.windows_lines import (
    EVENTS,
    EVERY_FLAVOUR,
    GUID,
    cells_at,
    changed_events,
    columns_of,
    hold_together,
    lines_of,
    records_in,
    rows_of_lines,
)

pytestmark = pytest.mark.skipif(not is_available(), reason="scan.c was not built here")

AUDITING = "Microsoft-Windows-Security-Auditing"
USUAL = next(
    event for event in EVENTS if event["Event"]["System"]["Channel"].endswith("Sysmon/Operational")
)


def scanned(records: Sequence[dict[str, Any]], flavour: str = "flat") -> EventRows:
    """Return a batch of those records that are read at once."""
    return rows_of_lines(lines_of(records), flavour)[0]


@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
def test_real_events_are_read_at_once(flavour: str) -> None:
    plain = hold_together(lines_of(EVENTS * 3), flavour)
    # In ECS neither PowerShell's own log nor Defender's are, nor such as have UserData.
    assert plain > len(EVENTS)


@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
def test_events_of_attacks_are_read_at_once(shared: Path, flavour: str) -> None:
    files = sorted((shared / "data" / "regression").glob("*.ndjson"))
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    assert hold_together(lines, flavour) > len(lines) // 2


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(changed_events(), st.sampled_from(EVERY_FLAVOUR))
def test_whatever_is_read_at_once_is_what_single_events_have(
    records: list[dict[str, Any]], flavour: str
) -> None:
    records = [record for record in records if _is_read(record, flavour)]
    if records:
        hold_together(lines_of(records), flavour)


def _is_read(record: dict[str, Any], flavour: str) -> bool:
    try:
        normalise_windows(record, flavour)
    except ValueError:
        assert not len(scanned([record], flavour))
        return False
    return True


@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
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
def test_an_event_without_id_or_time_is_left_to_the_careful_reader(
    change: dict[str, Any], flavour: str
) -> None:
    record = copy.deepcopy(USUAL)
    assert len(scanned([record], flavour)) == 1
    record["Event"]["System"].update(change)
    assert len(scanned([record, USUAL], flavour)) == 1


@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
def test_keys_with_dots_are_no_time(flavour: str) -> None:
    record = copy.deepcopy(USUAL)
    system = record["Event"]["System"]
    del system["TimeCreated"]
    record["Event"]["System.TimeCreated"] = {"#attributes": {"SystemTime": "2026-11-24T09:00:00Z"}}
    assert not len(scanned([record], flavour))


def test_lists_of_texts_and_user_data_are_read_at_once_on_one_level() -> None:
    several, cleared, odd = (copy.deepcopy(USUAL) for _ in range(3))
    several["Event"]["EventData"] = {"Data": {"#text": ["NTDS", GUID]}, "Binary": None}
    attributes = {"#attributes": {"xmlns": "urn:x", "Id": 7}}
    cleared["Event"] |= {"EventData": None, "UserData": {"LogFileCleared": {"By": "x"}}}
    cleared["Event"]["UserData"]["LogFileCleared"] |= attributes
    odd["Event"]["EventData"] = {"Data": {"#text": ["NTDS", {"x": "y"}]}}
    rows = scanned([several, cleared, odd])
    assert len(rows) == 2
    columns = columns_of(rows)
    assert cells_at(columns, "Data", 0b11) == [(0, "NTDS"), (0, f"{{{GUID}}}")]
    assert cells_at(columns, "By", 0b11) == [(1, "x")]
    assert cells_at(columns, "Id", 0b11) == [(1, "7")]


def test_keywords_find_what_braces_stand_around() -> None:
    record = copy.deepcopy(USUAL)
    record["Event"]["EventData"] = {"Id": GUID, "Other": "nothing"}
    rows = scanned([record, USUAL])
    columns = columns_of(rows)
    search = WholeSearch([f"{{{GUID.lower()}}}".encode()])
    assert search.rows_in(columns, 0b11) == [0]


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
    rows = scanned([record])
    columns = columns_of(rows)
    assert columns.document_of(0)["Image"] == ("a\x01b",)
    assert WholeSearch([b"nowhere"]).rows_in(columns, 0b1) == []


def test_records_of_which_each_has_new_keys_are_read_singly() -> None:
    records = []
    for number in range(600):
        record = copy.deepcopy(USUAL)
        record["Event"]["EventData"] = {f"k{number}x{key}": key for key in range(90)}
        records.append(record)
    lines = [json.dumps(record, separators=(",", ":")) for record in records]
    for several, are_plain in ((lines[:300], True), (lines, False)):
        found = records_in(RecordScanner(SourceOptions("flat")), several)
        assert found is not None
        assert set(found.is_plain) == {are_plain}


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
    event = an_event(4624, TargetUserName="bob", TargetDomainName="END", SubjectUserName="ENDx")
    (line,) = lines_of([event])
    assert hold_together([line], flavour) == 1
    # What nothing is left of is for the reader of single events.
    assert hold_together([line.replace("END", end)], flavour) == 0
    assert hold_together([line.replace("ENDx", f"{end}x{end}")], flavour) == 1


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_cleared_log_has_its_subject_in_user_data_only(flavour: str) -> None:
    names = ("SubjectUserSid", "SubjectUserName", "SubjectDomainName", "SubjectLogonId")
    event = an_event(1102, **dict.fromkeys((*names, "TargetLogonId"), "0x3e7"))
    assert hold_together(lines_of([event]), flavour) == 1


POWERSHELL = "Microsoft-Windows-PowerShell/Operational"


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("channel", "code", "values", "plain"),
    [
        ("Windows PowerShell", 800, {}, 1),
        ("Windows PowerShell", 800, {"Data": "x"}, 0),
        (POWERSHELL, 4103, {}, 1),
        (POWERSHELL, 4103, {"Payload": "x"}, 0),
        (POWERSHELL, 4105, {"ScriptBlockId": "1", "RunspaceId": "2", "Other": "3"}, 1),
        (POWERSHELL, 40962, {"User": "a\\b"}, 0),
        (POWERSHELL, 40962, {"a\tb": "c"}, 0),
    ],
)
def test_events_of_powershell_that_say_little_are_read_at_once(
    channel: str, code: int, values: dict[str, str], plain: int, flavour: str
) -> None:
    event = an_event(code, channel, **values)
    event["Event"]["System"]["Security"] = {"#attributes": {"UserID": "S-1-5-18"}}
    assert hold_together(lines_of([event]), flavour) == plain


def test_an_event_of_many_or_long_names_is_read_singly() -> None:
    for names, plain in ((100, 1), (101, 0)):
        event = an_event(1, "Application", **{f"Name{n}": "v" for n in range(names)})
        assert len(scanned([event], "winlogbeat")) == plain
    for length, plain in ((128, 1), (129, 0)):
        event = an_event(1, "Application", **{"N" * length: "v"})
        assert len(scanned([event], "winlogbeat")) == plain


def test_what_is_kept_of_plans_has_an_end() -> None:
    scanner = RecordScanner(SourceOptions(flavour="winlogbeat"))
    tracemalloc.start()
    try:
        for shape in range(2000):
            names = {f"Name{shape}x{n}": "v" for n in range(100)}
            records_in(scanner, lines_of([an_event(1, **names)]))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 80_000_000


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_keywords_find_what_no_line_has(flavour: str) -> None:
    rows = scanned([USUAL, an_event(4624, TargetUserName="bob")], flavour)
    # The names of keywords and of what happened are known by their numbers only.
    assert WholeSearch([b"process creation"]).rows_in(columns_of(rows), 0b11) == [0]
    assert WholeSearch([b"bob"]).rows_in(columns_of(rows), 0b11) == [1]


def test_ways_rest_on_what_the_tables_of_the_pipelines_say() -> None:
    # Each of these would be written twice, and the reader of single events keeps another one.
    assert codes("sessions").isdisjoint(codes("target_user"))
    assert "4688" not in codes("moved")
    sections = ("before_hashes", "process", "file", "network", "extra")
    moved = {row["from"] for section in sections for row in table("sysmon")[section]}
    assert moved.isdisjoint(("User", "TargetObject", "Details"))
