"""Raw Windows events in Winlogbeat's and the Elastic Agent's fields.

The documents in tests/golden/windows are written by hand from what the ingest pipelines say, as
dotted paths; no code made them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sigma2hive.model.events import EventKey, EventKeyKind
from sigma2hive.model.values import canonical_text, flatten
from sigma2hive.sources import EventRows, SourceOptions, read_batches
from sigma2hive.sources.windows import (
    FLAVOURS,
    normalise_windows,
    read_system,
    windows_event_key,
    windows_time_ns,
)
from tests.sources.windows_lines import columns_of

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "windows"
CASES = sorted(path.stem for path in GOLDEN.glob("*.json"))


def golden(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def changed(name: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return a golden raw event with its Event object changed."""
    raw = copy.deepcopy(golden(name)["raw"])
    change(raw["Event"])
    assert isinstance(raw, dict)
    return raw


def test_all_golden_events_are_here() -> None:
    assert len(CASES) == 15


@pytest.mark.parametrize("name", CASES)
def test_winlogbeat_document(name: str) -> None:
    case = golden(name)
    expected = {
        path: tuple(canonical_text(v) for v in (value if isinstance(value, list) else [value]))
        for path, value in case["winlogbeat"].items()
    }
    assert flatten(normalise_windows(case["raw"], "winlogbeat")) == expected


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", CASES)
def test_the_letter_case_of_channel_and_provider_changes_no_other_field(
    name: str, flavour: str
) -> None:
    def shout(event: dict[str, Any]) -> None:
        event["System"]["Channel"] = event["System"]["Channel"].upper()
        event["System"]["Provider"]["#attributes"]["Name"] = event["System"]["Provider"][
            "#attributes"
        ]["Name"].upper()

    plain = flatten(normalise_windows(golden(name)["raw"], flavour))
    loud = flatten(normalise_windows(changed(name, shout), flavour))
    assert set(loud) == set(plain)
    differing = {path for path in plain if plain[path] != loud[path]}
    assert differing <= {"winlog.channel", "winlog.provider_name", "event.provider"}


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("sysmon_1", "windows.sysmon_operational"),
        ("security_4624", "system.security"),
        ("powershell_4104", "windows.powershell_operational"),
        ("powershell_400", "windows.powershell"),
        ("user_data", "winlog.winlog"),
        ("unnamed_data", "system.application"),
    ],
)
def test_the_agent_says_its_data_set(name: str, dataset: str) -> None:
    document = flatten(normalise_windows(golden(name)["raw"], "elastic-agent"))
    assert document["data_stream.type"] == ("logs",)
    assert document["data_stream.dataset"] == document["event.dataset"] == (dataset,)
    assert document["event.module"] == (dataset.partition(".")[0],)


def test_the_agent_keeps_registry_details() -> None:
    document = flatten(normalise_windows(golden("sysmon_13")["raw"], "elastic-agent"))
    assert document["winlog.event_data.Details"] == ("DWORD (0x0000001a)",)
    assert document["registry.data.strings"] == ("26",)


def test_the_agent_knows_defender() -> None:
    def change(event: dict[str, Any]) -> None:
        event["System"]["Channel"] = "Microsoft-Windows-Windows Defender/Operational"
        event["System"]["EventID"] = 1116
        event["UserData"] = None
        event["EventData"] = {
            "Process Name": "C:\\x\\a.exe",
            "Path": "file:_C:\\Users\\b.dll",
            "Detection User": "CORP\\anna",
        }

    raw = changed("user_data", change)
    agent = flatten(normalise_windows(raw, "elastic-agent"))
    assert agent["process.executable"] == ("C:\\x\\a.exe",)
    assert agent["file.path"] == ("C:\\Users\\b.dll",)
    assert agent["user.name"] == ("anna",)
    beat = flatten(normalise_windows(raw, "winlogbeat"))
    assert beat["winlog.event_data.Process_Name"] == ("C:\\x\\a.exe",)
    assert "process.executable" not in beat


@pytest.mark.parametrize(
    ("details", "text", "kind"),
    [
        ("QWORD (0x00000000-0x000000ff)", "255", "SZ_QWORD"),
        ("qword (0x00000001-0x00000000)", "256", "SZ_QWORD"),
        ("Binary Data", "Binary Data", "REG_BINARY"),
        ("C:\\x.exe DWORD (0x00000001)", "C:\\x.exe DWORD (0x00000001)", "REG_SZ"),
    ],
)
def test_registry_data(details: str, text: str, kind: str) -> None:
    raw = changed("sysmon_13", lambda event: event["EventData"].update(Details=details))
    document = flatten(normalise_windows(raw, "winlogbeat"))
    assert document["registry.data.strings"] == (text,)
    assert document["registry.data.type"] == (kind,)


def test_access_rights_become_a_list() -> None:
    def change(event: dict[str, Any]) -> None:
        event["System"]["EventID"] = 4663
        event["EventData"] = {"AccessList": "%%4417\r\n\t\t\t\t%%4418\r\n\t", "AccessMask": "0x6"}

    document = flatten(normalise_windows(changed("security_4720", change), "winlogbeat"))
    assert document["winlog.event_data.AccessList"] == ("4417", "4418")
    assert document["winlog.event_data.AccessMask"] == ("0x6",)


def test_another_provider_in_the_security_channel_is_left_alone() -> None:
    def change(event: dict[str, Any]) -> None:
        event["System"]["Provider"]["#attributes"]["Name"] = "AD FS Auditing"

    document = flatten(normalise_windows(changed("security_4688", change), "winlogbeat"))
    assert document["winlog.event_data.NewProcessName"] == ("C:\\Windows\\System32\\whoami.exe",)
    assert "process.executable" not in document


# Key and time.


def key_of(record: dict[str, Any]) -> EventKey:
    return windows_event_key(read_system(record))


def test_the_key_names_computer_channel_record_and_time() -> None:
    key = key_of(golden("sysmon_1")["raw"])
    assert key.kind is EventKeyKind.WINDOWS
    assert key.parts == (
        "ws01.example.org",
        "microsoft-windows-sysmon/operational",
        "1001",
        "1772446530123",
    )


@pytest.mark.parametrize(
    ("element", "written"),
    [
        ("Computer", "WS01.example.ORG"),
        ("Computer", "ws01.example.org."),
        ("Channel", "MICROSOFT-Windows-Sysmon/operational"),
        ("EventRecordID", "1001"),
        ("TimeCreated", {"#attributes": {"SystemTime": "2026-03-02T10:15:30.123Z"}}),
        ("TimeCreated", {"#attributes": {"SystemTime": "2026-03-02 10:15:30.123999999+00:00"}}),
    ],
)
def test_the_key_is_the_same_however_it_is_written(element: str, written: Any) -> None:
    raw = changed("sysmon_1", lambda event: event["System"].update({element: written}))
    assert key_of(raw) == key_of(golden("sysmon_1")["raw"])


def test_a_time_before_1970_is_cut_downwards_like_any_other() -> None:
    keys = set()
    for digits in ("999", "9990001", "999999"):
        time = {"#attributes": {"SystemTime": f"1969-12-31T23:59:59.{digits}Z"}}
        keys.add(
            key_of(
                changed("sysmon_1", lambda event, at=time: event["System"].update(TimeCreated=at))
            ).parts[3]
        )
    assert keys == {"-1"}


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2026-03-02T10:15:30.1234567Z", 1_772_446_530_123_456_700),
        ("2026-03-02T10:15:30.123456Z", 1_772_446_530_123_456_000),
        ("2026-03-02T10:15:30Z", 1_772_446_530_000_000_000),
        ("1601-01-01T00:00:00.0000001Z", -11_644_473_599_999_999_900),
    ],
)
def test_time_is_exact(text: str, nanoseconds: int) -> None:
    def change(event: dict[str, Any]) -> None:
        event["System"]["TimeCreated"]["#attributes"]["SystemTime"] = text

    assert windows_time_ns(read_system(changed("sysmon_1", change))) == nanoseconds


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-45T10:00:00Z", "1772446530000"])
def test_what_is_no_time_is_refused(text: str) -> None:
    def change(event: dict[str, Any]) -> None:
        event["System"]["TimeCreated"]["#attributes"]["SystemTime"] = text

    raw = changed("sysmon_1", change)
    with pytest.raises(ValueError, match="no usable SystemTime"):
        windows_time_ns(read_system(raw))


def test_without_a_record_id_there_is_no_key() -> None:
    raw = changed("sysmon_1", lambda event: event["System"].pop("EventRecordID"))
    with pytest.raises(ValueError, match="EventRecordID"):
        key_of(raw)


# Hostile input.


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "under 'Event'"),
        ({"Event": []}, "under 'Event'"),
        ({"Event": {}}, "under 'System'"),
        ({"Event": {"System": None}}, "under 'System'"),
        ({"Event": {"System": {}}}, "no EventID"),
        ([], "under 'Event'"),
    ],
)
def test_what_is_no_windows_event_says_why(record: Any, reason: str) -> None:
    for read in (lambda r: normalise_windows(r, "winlogbeat"), read_system):
        with pytest.raises(ValueError, match=reason):
            read(record)


def test_an_unknown_flavour_is_refused() -> None:
    with pytest.raises(ValueError, match="known are: winlogbeat, elastic-agent"):
        normalise_windows(golden("sysmon_1")["raw"], "splunk")


@pytest.mark.parametrize("data", [None, [], "text", 7, {}, {"Data": None}, {"Data": [[[None]]]}])
def test_odd_event_data_still_gives_a_document(data: Any) -> None:
    for name in CASES:
        raw = changed(name, lambda event: event.update(EventData=data, UserData=data))
        for flavour in FLAVOURS:
            assert normalise_windows(raw, flavour)["event.code"]


def test_named_data_in_a_list_keeps_its_names() -> None:
    data = {"Data": [{"#attributes": {"Name": "Image"}, "#text": "C:\\a\\b.exe"}, {"#text": "x"}]}
    raw = changed("sysmon_11", lambda event: event.update(EventData=data))
    document = flatten(normalise_windows(raw, "winlogbeat"))
    assert document["process.executable"] == ("C:\\a\\b.exe",)
    assert document["winlog.event_data.param2"] == ("x",)


def test_a_deeply_nested_value_costs_no_stack() -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = {"#text": deep}
    raw = changed("sysmon_1", lambda event: event["EventData"].update(Deep=deep))
    assert flatten(normalise_windows(raw, "winlogbeat"))["winlog.event_data.Deep"] == ("x",)
    while isinstance(deep, dict):  # taken apart by hand: freeing it at once would recurse
        deep = deep.pop("#text")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda child: (
        st.lists(child, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["#text", "#attributes"]), child)
    ),
    max_leaves=8,
)


@hypothesis.settings(max_examples=50)
@hypothesis.given(st.sampled_from(CASES), st.data())
def test_values_of_any_type_never_break_it(name: str, data: st.DataObject) -> None:
    raw = copy.deepcopy(golden(name)["raw"])
    event = raw["Event"]
    for part in ("System", "EventData"):
        for key in list(event.get(part) or {}):
            if key not in ("EventID", "Channel") and data.draw(st.booleans()):
                event[part][key] = data.draw(JSON)
    for flavour in FLAVOURS:
        document = normalise_windows(raw, flavour)
        assert document["event.code"] == str(golden(name)["winlogbeat"]["event.code"])
        json.dumps(document)


# Read fast.


def documents_of(line: bytes, flavour: str, folder: Path) -> tuple[Any, Any]:
    """Return a line's values as the engine gets them, and as its event has them."""
    (folder / "raw.ndjson").write_bytes(line + b"\n")
    (batch,) = read_batches([folder], SourceOptions(flavour=flavour, root=folder))
    assert isinstance(batch, EventRows)
    columns = columns_of(batch)
    values = dict(batch.event(0).values)
    paths = {*values, *batch.documents[0]}.union(*(lines.fields.paths for lines in batch.scanned))
    seen = {path: found[0] for path in paths if (found := columns.by_row(path, 1))}
    return seen, values


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", CASES)
def test_an_event_is_the_same_read_fast_and_with_care(
    name: str, flavour: str, tmp_path: Path
) -> None:
    compact = json.dumps(golden(name)["raw"], separators=(",", ":")).encode()
    fast, made = documents_of(compact, flavour, tmp_path)
    assert fast == made
    # A blank before a colon is a thing for the careful reader.
    careful, _ = documents_of(compact.replace(b'"Event":', b'"Event" :'), flavour, tmp_path)
    assert fast == careful


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("12345678901234567890123", "12345678901234567890123"),
        ("12345678901234567890", "12345678901234567890"),
        ("1234567890123456789.0", "1234567890123456789"),
        ("1.5", "1.5"),
        ("2.0", "2"),
    ],
)
def test_a_number_in_a_raw_event_keeps_its_digits(
    written: str, text: str, flavour: str, tmp_path: Path
) -> None:
    raw = changed("sysmon_1", lambda event: event["EventData"].update(Number=7_777_777))
    line = json.dumps(raw, separators=(",", ":")).replace("7777777", written).encode()
    for values in documents_of(line, flavour, tmp_path):
        assert values["winlog.event_data.Number"] == (text,)
