"""Windows events on one level: nothing lost, nothing renamed, and read fast as with care."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.engine import Columns
from sigma2hive.model.events import Event
from sigma2hive.model.times import parse_time_ns
from sigma2hive.model.values import canonical_text, flatten
from sigma2hive.sources import EventRows, SourceOptions, read_batches
from sigma2hive.sources.lines import PlainReader
from sigma2hive.sources.windows import flat_document, normalise_windows
from tests.sources.evtx_writer import evtx_file, logon
from tests.sources.reading import TIME, TIME_NS, read, shown

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "windows"
RAW = {path.stem: json.loads(path.read_text("utf-8"))["raw"] for path in GOLDEN.glob("*.json")}
SYSTEM: dict[str, Any] = {
    "Provider": {"#attributes": {"Name": "Microsoft-Windows-Eventlog", "Guid": "{FC65DDD8}"}},
    "EventID": 104,
    "TimeCreated": {"#attributes": {"SystemTime": TIME}},
    "EventRecordID": 7,
    "Channel": "System",
    "Computer": "dc01",
}


def record(system: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    return {"Event": {"System": {**SYSTEM, **(system or {})}, **sections}}


def beside_system(**sections: Any) -> dict[str, Any]:
    """What an event has beyond its System."""
    flat = flat_document(record(**sections))
    alone = flat_document(record())
    return {name: value for name, value in flat.items() if alone.get(name) != value}


def test_system_has_sigmas_names() -> None:
    attributes = {
        "EventID": {"#attributes": {"Qualifiers": 16384}, "#text": 7045},
        "Level": 4,
        "Keywords": "0x8080000000000000",
        "Correlation": {"#attributes": {"ActivityID": "B04CB785-EBD3-0000-16B8-4CB0D3EBD701"}},
        "Execution": {"#attributes": {"ProcessID": 636, "ThreadID": 7156}},
        "Security": {"#attributes": {"UserID": "S-1-5-18"}},
        "Opcode": None,
    }
    assert flat_document(record(attributes)) == {
        "Provider_Name": "Microsoft-Windows-Eventlog",
        "Provider_Guid": "{FC65DDD8}",
        "EventID": 7045,
        "EventID_Qualifiers": 16384,
        "TimeCreated": TIME,
        "@timestamp": TIME,
        "EventRecordID": 7,
        "Channel": "System",
        "Computer": "dc01",
        "Level": 4,
        "Keywords": "0x8080000000000000",
        # Windows' own XML has the braces, the parser of .evtx leaves them out.
        "Correlation_ActivityID": "{B04CB785-EBD3-0000-16B8-4CB0D3EBD701}",
        "Execution_ProcessID": 636,
        "Execution_ThreadID": 7156,
        "Security_UserID": "S-1-5-18",
    }


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        pytest.param(
            {
                "EventData": {
                    "Image": "C:\\a.exe",
                    "Empty": "",
                    "Dash": "-",
                    "None": None,
                    "On": True,
                }
            },
            {"Image": "C:\\a.exe", "Empty": "", "Dash": "-", "On": True},
            id="values-stay-as-they-are",
        ),
        pytest.param(
            {"EventData": {"Threat Name": "x", "a.b": 1}},
            {"Threat Name": "x", "a.b": 1},
            id="names-too",
        ),
        pytest.param(
            {"EventData": {"Data": {"#text": ["one", "", "two"]}, "Binary": "0A"}},
            {"Data": ["one", "", "two"], "Binary": "0A"},
            id="values-without-a-name",
        ),
        pytest.param(
            {"EventData": {"Data": "alone"}}, {"Data": "alone"}, id="one-value-without-a-name"
        ),
        pytest.param({"EventData": "text"}, {"Data": "text"}, id="a-text-alone"),
        pytest.param(
            {"EventData": {"Data": [{"#attributes": {"Name": "x"}, "#text": "a"}, "b"]}},
            {"x": "a", "Data": "b"},
            id="elements-with-their-names-as-attributes",
        ),
        pytest.param({"EventData": {"x": ["a", "b"]}}, {"x": ["a", "b"]}, id="a-name-twice"),
        pytest.param(
            {"EventData": {"Guid": "747F3D96-1C70-5D69-0000-0010C9661F00"}},
            {"Guid": "{747F3D96-1C70-5D69-0000-0010C9661F00}"},
            id="a-guid",
        ),
        pytest.param(
            {"UserData": {"LogFileCleared": {"Channel": "Security", "BackupPath": None}}},
            {"UserData_Channel": "Security"},
            id="a-name-that-system-has-too",
        ),
        pytest.param(
            {
                "UserData": {
                    "CertGet": {
                        "#attributes": {"xmlns": "urn:x"},
                        "Certificate": {"#attributes": {"fileRef": "3C.cer", "Name": "n"}},
                        "Result": {"#attributes": {"value": "0"}, "#text": "fine"},
                        "Chain": {"Element": [{"Subject": "a"}, {"Subject": "b"}]},
                    }
                }
            },
            {
                "fileRef": "3C.cer",
                "Name": "n",
                "value": "0",
                "Result": "fine",
                "Subject": ["a", "b"],
            },
            id="elements-inside-elements",
        ),
        pytest.param(
            {"RenderingInfo": {"Message": "A log was cleared.", "Level": "Information"}},
            {"Message": "A log was cleared."},
            id="the-rendered-message",
        ),
    ],
)
def test_an_events_own_values_stand_beside_it(
    sections: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert beside_system(**sections) == expected


@pytest.mark.parametrize("broken", [{}, {"Event": []}, {"Event": {"System": {"EventID": ""}}}])
def test_what_is_no_windows_event_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no Windows event"):
        flat_document(broken)


# Fast and careful reading.


PLAIN = PlainReader(SourceOptions("flat"))


def events_of(path: Path, content: bytes) -> list[Event]:
    path.write_bytes(content)
    events, findings = read(path, flavour="flat")
    assert findings == []
    return events


@pytest.mark.parametrize("name", sorted(RAW))
def test_an_event_is_the_same_read_fast_and_with_care(name: str, tmp_path: Path) -> None:
    compact = json.dumps(RAW[name], separators=(",", ":")).encode()
    assert PLAIN.record_of(compact) is not None
    # A blank before a colon is a thing for the careful reader.
    careful = compact.replace(b'"Event":', b'"Event" :')
    assert PLAIN.record_of(careful) is None
    (fast,) = events_of(tmp_path / "a.ndjson", compact)
    (slow,) = events_of(tmp_path / "b.ndjson", careful)
    assert (fast.key, fast.time_ns, fast.values) == (slow.key, slow.time_ns, slow.values)
    assert fast.raw == compact
    (indexed,), _ = read(tmp_path / "a.ndjson")
    assert fast.key == indexed.key


_TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["::1", ":", '"a":', "1,2", "{", "747F3D96-1C70-5D69-0000-0010C9661F00"]),
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(-9, 9), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["#text", "#attributes", "Name", "Data", "EventID", "x"]), inner
        ),
    ),
    max_leaves=6,
)
_SECTIONS = st.dictionaries(
    st.sampled_from(["EventData", "UserData", "RenderingInfo"]),
    st.one_of(
        _VALUES,
        st.dictionaries(st.sampled_from(["Data", "Channel", "a b", "a.b", "@timestamp"]), _VALUES),
    ),
)


@given(_SECTIONS)
def test_what_the_engine_sees_is_what_the_event_has(sections: dict[str, Any]) -> None:
    """Whatever stands in an event: it is never lost, and the fast reader says the same."""
    made = record(**sections)
    raw = json.dumps(made, separators=(",", ":")).encode()
    document = PLAIN.record_of(raw)
    if document is not None:
        texts = {name: set(values) for name, values in flatten(document).items()}
        careful = flatten(normalise_windows(json.loads(raw), "flat"))
        assert texts.keys() == careful.keys()
    data = sections.get("EventData")
    for name, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, (str, int, float)) and name[0] != "#":
            values = flatten(normalise_windows(made, "flat"))
            kept = values.get(f"EventData_{name}") or values[name]
            text = canonical_text(value)
            assert text in kept or f"{{{text}}}" in kept


def test_an_event_that_names_a_value_timestamp_keeps_its_time(tmp_path: Path) -> None:
    made = record(EventData={"@timestamp": "2001-01-01T00:00:00Z"})
    (event,) = events_of(tmp_path / "a.ndjson", json.dumps(made).encode())
    assert event.time_ns == TIME_NS


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ({"TimeCreated": None}, "S2H503"),
        ({"TimeCreated": {"#attributes": {"SystemTime": "yesterday"}}}, "S2H503"),
        ({"EventID": None}, "S2H501"),
    ],
)
def test_what_is_wrong_with_an_event_is_told(
    tmp_path: Path, system: dict[str, Any], code: str
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(record(system)) + "\n" + json.dumps(record()) + "\n")
    events, findings = read(path, flavour="flat")
    assert [event.origin for event in events] == ["a.ndjson:2"]
    assert shown(findings) == [(code, "a.ndjson:1:1")]


def test_events_without_a_record_id_are_known_by_their_content(tmp_path: Path) -> None:
    raw = json.dumps(record({"EventRecordID": None})).encode()
    first, second = events_of(tmp_path / "a.ndjson", raw + b"\n" + raw)
    assert first.key.parts[1:] == ("0",)
    assert second.key.parts == (first.key.parts[0], "1")


# .evtx


def test_a_log_has_sigmas_names_and_the_same_keys_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "dc01.evtx"
    # The third has a name twice, which only the careful reader sees.
    twice = logon(3, [("x", "a"), ("x", "b")])
    path.write_bytes(evtx_file([logon(1), logon(2, time=None), twice, logon(4)]))
    events, findings = read(path, flavour="flat")
    assert findings == []
    indexed, _ = read(path)
    assert {event.key: event.time_ns for event in events} == {
        event.key: event.time_ns for event in indexed
    }
    assert [event.origin for event in events] == [f"dc01.evtx#{n}" for n in (1, 2, 3, 4)]
    assert events[0].values == {
        "Provider_Name": ("Microsoft-Windows-Security-Auditing",),
        "EventID": ("4625",),
        "EventRecordID": ("1",),
        "Channel": ("Security",),
        "Computer": ("dc01.corp.example",),
        "TimeCreated": ("2023-11-14T22:13:21.1234567Z",),
        "@timestamp": ("2023-11-14T22:13:21.1234567Z",),
        "TargetUserName": ("anna",),
    }
    # What the record lacks its header says.
    assert events[1].values["@timestamp"] == ("2023-11-14T22:13:20.0000002Z",)
    assert events[2].values["x"] == ("a", "b")


def test_a_damaged_log_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "dc01.evtx"
    path.write_bytes(evtx_file([logon(1), logon(2)], [logon(3)])[:-60_000])
    events, findings = read(path, flavour="flat")
    assert [event.key.parts[2] for event in events] == ["1", "2", "3"]
    assert [finding.code for finding in findings] == ["S2H504"]


def test_small_logs_are_looked_at_together(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.evtx").write_bytes(evtx_file([logon(1), logon(2)]))
    options = SourceOptions("flat", tmp_path)
    (batch,) = read_batches([tmp_path], options)
    assert isinstance(batch, EventRows)
    assert [event.origin for event in batch] == [
        f"{number}.evtx#{record}" for number in range(5) for record in (1, 2)
    ]
    columns = Columns(batch.documents, batch.values_of, batch.raw_of, batch.scanned)
    (names,) = columns.of("TargetUserName", columns.every)
    assert (list(names.rows.numbers), list(names.cells)) == (list(range(10)), ["anna"] * 10)


# When an event of flat JSON happened.

FIELDS = ("@timestamp", "TimeCreated", "TimeCreated.SystemTime", "UtcTime", "EventTime")


def timed(tmp_path: Path, *events: dict[str, Any]) -> tuple[list[Event], list[tuple[str, str]]]:
    path = tmp_path / "flat.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    found, findings = read(path, flavour="flat", time_fields=FIELDS)
    return found, [(finding.code, finding.message) for finding in findings]


@pytest.mark.parametrize(
    "event",
    [
        {"@timestamp": TIME},
        {"TimeCreated": TIME},
        {"TimeCreated": {"SystemTime": TIME}},
        {"TimeCreated.SystemTime": TIME},
        {"UtcTime": TIME.replace("T", " ").rstrip("Z")},
        {"EventTime": TIME},
        {"EventTime": "2026-11-24T10:00:00.123456789+01:00"},
        {"EventTime": [TIME, TIME]},
        {"@timestamp": TIME, "TimeCreated": "2001-01-01T00:00:00Z"},
        {"@timestamp": None, "EventTime": TIME},
        {"@timestamp": "", "EventTime": TIME},
        {"@timestamp": "-", "TimeCreated": "soon", "EventTime": TIME},
        {"@timestamp": 1795510800, "EventTime": TIME},
        {"@timestamp": [TIME, "2001-01-01"], "EventTime": TIME},
        {"@timestamp": "9999-12-31T00:00:00Z", "EventTime": TIME},
        # One that is read fast by a later field still has the time of the first that has one.
        {"@timestamp": "2026-11-24T10:00:00.123456789+01:00", "EventTime": "2001-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_the_first_field_with_a_usable_time_says_it(tmp_path: Path, event: dict[str, Any]) -> None:
    (found,), findings = timed(tmp_path, {"EventID": 1, **event})
    assert findings == []
    assert found.time_ns == TIME_NS


@pytest.mark.parametrize("text", ["2026-02-28", "2026-04-30", "2026-12-31", "2028-02-29"])
def test_every_day_is_a_time(tmp_path: Path, text: str) -> None:
    (found,), _ = timed(tmp_path, {"TimeCreated": f"{text}T12:00:00Z"})
    assert found.time_ns == parse_time_ns(f"{text}T12:00:00Z")


@pytest.mark.parametrize("text", ["2026-02-29", "2026-02-30", "2026-04-31", "2026-11-31"])
def test_a_day_that_is_none_is_put_aside(tmp_path: Path, text: str) -> None:
    found, ((code, _),) = timed(tmp_path, {"TimeCreated": f"{text}T12:00:00Z"})
    assert (found, code) == ([], "S2H503")


LOOKED_AT = "@timestamp, TimeCreated, TimeCreated.SystemTime, UtcTime, EventTime"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, f"the event has no usable time: it has none of {LOOKED_AT}"),
        (
            {"TimeCreated": "soon"},
            "the event has no usable time: TimeCreated is absent or is no time; looked at: "
            + LOOKED_AT,
        ),
        (
            {"TimeCreated": 1795510800, "EventTime": "soon"},
            "TimeCreated 1795510800 looks like seconds since 1970; as milliseconds, which is how "
            f"Elasticsearch reads a number, it lies in early 1970; looked at: {LOOKED_AT}",
        ),
    ],
    ids=["none", "no-time", "seconds"],
)
def test_an_event_without_any_is_put_aside_naming_the_fields(
    tmp_path: Path, event: dict[str, Any], message: str
) -> None:
    found, findings = timed(tmp_path, {"EventID": 1, **event}, {"EventTime": TIME})
    assert len(found) == 1
    assert findings == [("S2H503", message)]
