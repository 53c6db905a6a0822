"""Event logs: every record that can be read is, and the rest is told; nothing is ever raised."""

import json
import os
import random
import struct
from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.native import is_available
from sigma2hive.sources import EventRows, Limits, SourceOptions, read_batches, read_events
from sigma2hive.sources.batches import MAX_EVENTS
from sigma2hive.sources.windows import FLAT
from tests.sources.evtx_writer import CHUNK, FILETIME, HEADER, Node, evtx_file, logon
from tests.sources.reading import read, shown
from tests.sources.windows_lines import EVERY_FLAVOUR

#: Three chunks: records 1 to 4, 5 to 6 and 7.
WHOLE = evtx_file([logon(n) for n in (1, 2, 3, 4)], [logon(5), logon(6)], [logon(7)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "dc01.evtx"


def numbers(events: list[Event]) -> list[str]:
    return [event.key.parts[2] for event in events]


def changed(at: int, new: bytes) -> bytes:
    return WHOLE[:at] + new + WHOLE[at + len(new) :]


def test_records_become_events_in_the_fields_of_the_flavour(file: Path) -> None:
    file.write_bytes(WHOLE)
    events, findings = read(file)
    assert findings == []
    assert numbers(events) == ["1", "2", "3", "4", "5", "6", "7"]
    time_ns = 1_700_000_001_123_456_700
    first = events[0]
    parts = ("dc01.corp.example", "security", "1", str(time_ns // 1_000_000))
    assert first.key == EventKey(EventKeyKind.WINDOWS, parts)
    assert first.time_ns == time_ns
    assert first.origin == "dc01.evtx#1"
    assert first.values["event.code"] == ("4625",)
    assert first.values["winlog.event_data.TargetUserName"] == ("anna",)
    assert json.loads(first.raw)["Event"]["EventData"] == {"TargetUserName": "anna"}
    assert b"\n" not in first.raw


def test_the_same_record_as_json_is_the_same_event(file: Path, tmp_path: Path) -> None:
    file.write_bytes(WHOLE)
    from_log, _ = read(file)
    (tmp_path / "dump.jsonl").write_bytes(b"\n".join(event.raw for event in from_log))
    from_json, findings = read(tmp_path / "dump.jsonl")
    assert findings == []
    assert [event.key for event in from_json] == [event.key for event in from_log]
    assert [event.values for event in from_json] == [event.values for event in from_log]


@pytest.mark.parametrize("fraction", ["0000000", "1234567", "1239999", "9999999"])
def test_the_log_and_an_export_with_more_digits_are_one_event(
    file: Path, tmp_path: Path, fraction: str
) -> None:
    """Windows counts in 100 ns, its own XML says them all, and the parser of .evtx does not."""
    file.write_bytes(evtx_file([logon(1, time=FILETIME + int(fraction))]))
    (from_log,), _ = read(file)
    exported = json.loads(from_log.raw)
    exported["Event"]["System"]["TimeCreated"] = {
        "#attributes": {"SystemTime": f"2023-11-14T22:13:20.{fraction}Z"}
    }
    (tmp_path / "export.json").write_text(json.dumps(exported))
    (from_json,), _ = read(tmp_path / "export.json")
    assert from_json.key == from_log.key
    # The event's own time has every digit that its file gives.
    assert from_json.time_ns == 1_700_000_000_000_000_000 + int(fraction) * 100


def test_a_log_is_known_by_its_content_where_the_name_is_another(tmp_path: Path) -> None:
    path = tmp_path / "Security.bak"
    path.write_bytes(WHOLE)
    assert len(read(path)[0]) == 7


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    for name in (b"log \xff.evtx", "журнал.evtx".encode()):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.write_bytes(WHOLE)
        assert len(read(path)[0]) == 7


def test_a_name_given_twice_costs_neither_the_event_nor_the_next_name(file: Path) -> None:
    file.write_bytes(evtx_file([logon(1, [("x", "a"), ("x", "b"), ("y", "c")])]))
    (event,), findings = read(file)
    assert findings == []
    # Winlogbeat keeps the first of a name, so that is what its index has; the raw event has all.
    assert event.values["winlog.event_data.x"] == ("a",)
    assert event.values["winlog.event_data.y"] == ("c",)
    assert event.raw.count(b'"x":') == 2


def test_odd_characters_come_through(file: Path) -> None:
    file.write_bytes(evtx_file([logon(1, [("TargetUserName", 'Zoë "🐝" \\ <&>')])]))
    (event,), _ = read(file)
    assert event.values["winlog.event_data.TargetUserName"] == ('Zoë "🐝" \\ <&>',)


def test_a_record_without_its_own_time_has_that_of_its_header(file: Path) -> None:
    file.write_bytes(evtx_file([logon(1, time=None)]))
    (event,), findings = read(file)
    assert findings == []
    assert event.time_ns == 1_700_000_000_000_000_100
    assert event.values["@timestamp"] == ("2023-11-14T22:13:20.0000001Z",)


@pytest.mark.parametrize(
    ("content", "read_numbers", "lost", "said"),
    [
        pytest.param(
            WHOLE[: HEADER + CHUNK + 100],
            "1234",
            3,
            "cut off inside chunk 2 of 3; about 3 records lost, 4 read, the last is #4",
            id="inside-a-chunk-header",
        ),
        pytest.param(
            WHOLE[: HEADER + CHUNK + 512 + 1000],
            "12345",
            2,
            "cut off inside chunk 2 of 3",
            id="inside-a-record",
        ),
        pytest.param(
            WHOLE[: HEADER + 2 * CHUNK], "123456", 1, "2 of 3 chunks are there", id="between-chunks"
        ),
        pytest.param(WHOLE[:HEADER], "", 7, "0 of 3 chunks are there; about 7", id="after-header"),
        pytest.param(WHOLE[:100], "", 1, "inside its header, after 100 bytes", id="inside-header"),
        pytest.param(WHOLE[:5], "", 1, "inside its header", id="inside-magic"),
        pytest.param(b"", "", 1, "the file is empty", id="empty"),
        pytest.param(b"MZ\x90\0" * 2000, "", 1, "no Windows event log", id="another-kind"),
        pytest.param(
            changed(HEADER + 512 + 24 + 4, b"\xff" * 40),
            "234567",
            1,
            "cannot read record number 1; at least 1 record lost, 6 read, the last is #7",
            id="damaged-record",
        ),
        pytest.param(
            changed(HEADER + CHUNK, b"X" * 512),
            "12347",
            2,
            "cannot read chunk number 1; about 2 records lost, 5 read",
            id="damaged-chunk",
        ),
        pytest.param(
            changed(24, b"\xff" * 8)[: HEADER + 2 * CHUNK],
            "123456",
            1,
            "at least 1 record lost",
            id="a-next-record-that-cannot-be",
        ),
        pytest.param(
            changed(HEADER, b"X" * 512),
            "567",
            1,
            "at least 1 record lost",
            id="first-chunk-damaged-of-a-log-that-may-have-lost-its-start",
        ),
    ],
)
def test_damage_costs_what_it_hit_and_is_told(
    file: Path, content: bytes, read_numbers: str, lost: int, said: str
) -> None:
    file.write_bytes(content)
    events, (finding,) = read(file)
    assert numbers(events) == list(read_numbers)
    assert shown([finding]) == [("S2H504", "dc01.evtx")]
    assert said in finding.message
    assert finding.count == lost
    assert finding.hint


def test_what_is_kept_of_damage_does_not_grow_with_it(file: Path) -> None:
    """Every record of a full chunk is broken: one finding, with the count of what is lost."""
    content = bytearray(evtx_file([logon(n) for n in range(1, 61)], [logon(61)]))
    position = HEADER + 512
    for _ in range(60):
        (size,) = struct.unpack_from("<I", content, position + 4)
        content[position + 28 : position + 68] = b"\xff" * 40
        position += size
    file.write_bytes(content)
    events, (finding,) = read(file)
    assert (numbers(events), finding.count) == (["61"], 60)
    assert "cannot read record number 60 (and 59 more like this)" in finding.message


def test_a_damaged_log_does_not_hide_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.evtx").write_bytes(WHOLE[:100])
    (tmp_path / "b.evtx").write_bytes(WHOLE)
    (tmp_path / "c.evtx.gz").write_bytes(b"")
    events, findings = read(tmp_path, root=tmp_path)
    assert len(events) == 7
    assert shown(findings) == [("S2H504", "a.evtx"), ("S2H505", "c.evtx.gz")]


def test_records_of_many_files_are_scanned_in_batches_of_many(tmp_path: Path) -> None:
    """However the records of one file after the other add up."""
    content = evtx_file([logon(n) for n in range(1, 61)], [logon(n) for n in range(61, 101)])
    for number in range(90):
        (tmp_path / f"{number:02}.evtx").write_bytes(content)
    batches = [
        entry
        for entry in read_batches([tmp_path], SourceOptions(FLAT, tmp_path))
        if isinstance(entry, EventRows)
    ]
    assert sum(map(len, batches)) == 9_000
    assert max(map(len, batches)) <= MAX_EVENTS
    if is_available():
        assert all(len(batch.scanned[0].rows) == len(batch) for batch in batches)


@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
def test_records_are_the_same_whatever_stands_beside_them(
    tmp_path: Path, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain ones and others, in any order, at the ends of files and between."""
    rng = random.Random(4688)
    for number in range(12):
        kinds = [rng.choice("ppptlu") for _ in range(rng.choice((1, 2, 40)))]
        nodes = [_one_of(kind, place) for place, kind in enumerate(kinds, start=1)]
        (tmp_path / f"{number}.evtx").write_bytes(evtx_file(nodes[:10], nodes[10:]))

    def found() -> list[object]:
        entries = list(read_events([tmp_path], SourceOptions(flavour, tmp_path)))
        events = [entry for entry in entries if isinstance(entry, Event)]
        findings = [entry for entry in entries if isinstance(entry, Diagnostic)]
        assert events
        return [*((e.key, e.time_ns, e.values, e.raw, e.origin) for e in events), *shown(findings)]

    expected = found()
    monkeypatch.setattr("sigma2hive.sources.evtx.RecordScanner.scan", lambda *_: None)
    assert found() == expected


def _one_of(kind: str, number: int) -> Node:
    """Return a record: plain, without a time, with two values of a name, or with odd letters."""
    if kind == "t":
        return logon(number, time=None)
    if kind == "l":
        return logon(number, [("x", "a"), ("x", f"b{number}")])
    return logon(number, [("x", "Zoë \u3042" if kind == "u" else f"plain {number}")])


def test_a_record_over_a_limit_is_put_aside(file: Path) -> None:
    file.write_bytes(evtx_file([logon(1), logon(2, [("x", "y" * 3000)])]))
    events, findings = read(file, limits=Limits(max_bytes=2000))
    assert numbers(events) == ["1"]
    assert shown(findings) == [("S2H502", "dc01.evtx#2")]


def test_no_damage_is_ever_raised(file: Path) -> None:
    """Random bytes in random places: each file gives events and findings, and nothing else."""
    rng = random.Random(4625)
    with_findings = 0
    for _ in range(150):
        content = bytearray(WHOLE)
        for _ in range(rng.choice((1, 5, 60))):
            content[rng.randrange(HEADER + 6000)] = rng.randrange(256)
        if rng.random() < 0.3:
            del content[rng.randrange(len(content)) :]
        file.write_bytes(content)
        entries = list(read_events([file], SourceOptions(root=file.parent)))
        assert all(isinstance(entry, (Event, Diagnostic)) for entry in entries)
        with_findings += any(isinstance(entry, Diagnostic) for entry in entries)
    assert with_findings > 50


def test_the_regression_events_of_sigmahq_are_read_whole(shared: Path) -> None:
    folder = shared / "data" / "regression"
    lines = sum(path.read_bytes().count(b'{"Event"') for path in folder.glob("*.ndjson"))
    events, findings = read(*sorted(folder.glob("*.ndjson")), root=folder)
    assert findings == []
    assert len(events) == lines
