"""JSON events: every shape, every encoding, every digit; what is none is named and passed over."""

import gzip
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.diagnostics import Severity
from sigma2hive.model.events import EventKey, EventKeyKind
from sigma2hive.model.index_names import without_rollover_marks
from sigma2hive.model.times import parse_time_ns
from sigma2hive.model.values import flatten
from sigma2hive.sources import Limits
from sigma2hive.sources.ordinals import Ordinals
from sigma2hive.sources.parsing import parse_object
from sigma2hive.sources.pieces import cut_lines, cut_objects
from tests.sources.reading import TIME, TIME_NS, line, read, shown


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.ndjson"


def test_a_document_becomes_an_event(file: Path) -> None:
    raw = (
        b'{ "@timestamp": "2026-11-24T10:00:00.123456789+01:00", "event.code": 4625,'
        b' "event": {"ingested": "2026-11-24T09:00:05Z", "code": "x"}, "tags": ["a", "b"] }'
    )
    file.write_bytes(b"\n" + raw + b"\r\n")
    (event,), findings = read(file)
    assert findings == []
    assert event.raw == raw
    assert event.time_ns == TIME_NS
    assert event.ingested_ns == 1_795_510_805_000_000_000
    assert event.origin == "events.ndjson:2"
    assert event.values["event.code"] == ("4625", "x")
    assert event.values["tags"] == ("a", "b")
    assert event.key == EventKey(EventKeyKind.CONTENT, (hashlib.sha256(raw).hexdigest(), "0"))


def test_equal_lines_are_told_apart_and_packing_changes_no_key(file: Path, tmp_path: Path) -> None:
    content = b"\n".join([line(a=1), line(a=2), line(a=1), line(a=1)])
    file.write_bytes(content)
    packed = tmp_path / "other.json.gz"
    packed.write_bytes(gzip.compress(content.replace(b"\n", b"\r\n")))
    keys = [event.key for event in read(file)[0]]
    assert [key.parts[1] for key in keys] == ["0", "0", "1", "2"]
    assert len(set(keys)) == 4
    assert [event.key for event in read(packed)[0]] == keys


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(0, 10))
def test_ordinals_count_equals_wherever_they_are_kept(digests: list[int], in_memory: int) -> None:
    ordinals = Ordinals(in_memory)
    for position, digest in enumerate(digests):
        assert ordinals.next_of(bytes([digest])) == digests[:position].count(digest)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("4625.70", "4625.7"),
        ("4625.0", "4625"),
        ("1e3", "1000"),
        ("-0.0", "0"),
        ("-0", "0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("12345678901234567890.0", "12345678901234567890"),
        ("9007199254740993", "9007199254740993"),
        ("1e400", "1e400"),
        ("9" * 5000, "9" * 5000),
        ("true", "true"),
        (r'"\ud800"', "\ud800"),
        (r'"a\u0000b"', "a\0b"),
        ('"Zürich 🐝"', "Zürich 🐝"),
        ('"\u2028"', "\u2028"),
        ('""', ""),
    ],
)
def test_values_keep_every_digit_and_character(file: Path, written: str, text: str) -> None:
    file.write_text(f'{{"@timestamp": "{TIME}", "v": {written}}}\n', encoding="utf-8")
    (event,), findings = read(file)
    assert findings == []
    assert event.values["v"] == (text,)


@pytest.mark.parametrize(
    ("written", "time_ns"),
    [
        (f'"{TIME}"', TIME_NS),
        ("1795510800123", 1_795_510_800_123_000_000),
        ('"1795510800123"', 1_795_510_800_123_000_000),
        ("1795510800123.25", 1_795_510_800_123_250_000),
        ('"2026-11-24"', 1_795_478_400_000_000_000),
        ('["2026-11-24"]', 1_795_478_400_000_000_000),
    ],
)
def test_times_are_read_as_elasticsearch_reads_them(file: Path, written: str, time_ns: int) -> None:
    file.write_text(f'{{"@timestamp": {written}}}')
    assert [event.time_ns for event in read(file)[0]] == [time_ns]


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(-18 * 60, 18 * 60))
def test_any_time_in_any_zone_is_read_to_the_nanosecond(time_ns: int, offset: int) -> None:
    seconds, fraction = divmod(time_ns, 10**9)
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, minutes=offset)
    hours, minutes = divmod(abs(offset), 60)
    sign = "-" if offset < 0 else "+"
    text = f"{local:%Y-%m-%dT%H:%M:%S}.{fraction:09}{sign}{hours:02}:{minutes:02}"
    assert parse_time_ns(text) == time_ns


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        '{"@timestamp": null}',
        '{"@timestamp": "yesterday"}',
        '{"@timestamp": ["2026-11-24", "2026-11-25"]}',
        '{"@timestamp": "9999-12-31T00:00:00Z"}',
        '{"@timestamp": 9999999999999999}',
    ],
)
def test_an_event_without_a_usable_time_is_put_aside(file: Path, written: str) -> None:
    file.write_text(f"{written}\n{line().decode()}\n")
    events, (finding,) = read(file)
    assert len(events) == 1
    assert (finding.code, str(finding.location)) == ("S2H503", "events.ndjson:1:1")
    assert finding.hint


@pytest.mark.parametrize("written", ["1795510800", '"1795510800"', "1795510800.25", "99999999.0"])
def test_seconds_are_said_to_be_seconds_where_they_can_be(file: Path, written: str) -> None:
    """Elasticsearch reads numbers as milliseconds: these would be events of 1970."""
    file.write_text(f'{{"@timestamp": {written}}}\n{{"@timestamp": 1795510800000}}')
    events, findings = read(file)
    if written == "99999999.0":  # 1970-01-02, or 1973: neither is likelier
        assert (len(events), findings) == (2, [])
        return
    (finding,) = findings
    assert len(events) == 1
    assert (finding.code, str(finding.location)) == ("S2H503", "events.ndjson:1:1")
    assert "seconds" in finding.message
    assert "1000" in finding.hint


@pytest.mark.parametrize(
    ("raw", "code", "said"),
    [
        (b"not json", "S2H501", "Expecting value"),
        (b'{"a": NaN}', "S2H501", "NaN is not a JSON value"),
        (b'{"a": -Infinity}', "S2H501", "-Infinity is not a JSON value"),
        (b'{"a": 1} {"b": 2}', "S2H501", "Extra data"),
        (b"[1, 2]", "S2H501", "no object"),
        (b'"text"', "S2H501", "no object"),
        (b'{"a": "\xff"}', "S2H106", "byte 8 of the event, 0xff"),
        (b'{"a": "\xed\xa0\x80"}', "S2H106", "byte 8"),
        (b"\0\0\0\0" + line(), "S2H501", "NUL bytes"),
        (b'{"a": "\0"}', "S2H501", "NUL bytes"),
        (b'{"took": 5, "hits": {"hits": []}}', "S2H501", "whole search response"),
        (b'{"_index": "logs-x", "_id": "1", "fields": {"a": [1]}}', "S2H501", "no _source"),
    ],
)
def test_what_is_no_event_is_put_aside_with_its_place(
    file: Path, raw: bytes, code: str, said: str
) -> None:
    file.write_bytes(line(a=1) + b"\n" + raw + b"\n" + line(a=2) + b"\n")
    events, (finding,) = read(file)
    assert [event.origin for event in events] == ["events.ndjson:1", "events.ndjson:3"]
    assert (finding.code, finding.location.line) == (code, 2)
    assert said in finding.message
    assert finding.hint


def test_a_line_that_is_still_being_written_is_said_to_be(file: Path) -> None:
    file.write_bytes(line() + b"\n" + line()[:-5])
    events, (finding,) = read(file)
    assert len(events) == 1
    assert "still be being written" in finding.hint


def test_a_last_line_without_ending_is_an_event(file: Path) -> None:
    file.write_bytes(line(a=1) + b"\n" + line(a=2))
    assert len(read(file)[0]) == 2


def test_a_key_given_twice_has_both_values(file: Path) -> None:
    file.write_bytes(
        b'{"@timestamp": "2026-11-24", "a": 1, "a": 2, "o": {"x": 1}, "o": {"x": 2, "y": 3}}'
    )
    (event,), _ = read(file)
    assert event.values["a"] == ("1", "2")
    assert event.values["o.x"] == ("1", "2")
    assert event.values["o.y"] == ("3",)


def test_a_byte_order_mark_is_no_part_of_the_event(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + line() + b"\n")
    (event,), findings = read(file)
    assert (event.raw, findings) == (line(), [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_once_with_a_way_out(file: Path, encoding: str) -> None:
    file.write_bytes(b"".join(line().decode().encode(encoding) for _ in range(3)))
    events, (finding,) = read(file)
    assert events == []
    assert shown([finding]) == [("S2H106", "events.ndjson")]
    assert "iconv" in finding.hint


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "around",
    [
        {},
        {"took": 5, "timed_out": False, "_shards": {"total": 1, "failed": 0}},
        {"_scroll_id": "x==", "took": 5},
    ],
)
def test_a_whole_search_response_is_known_by_its_start_however_large(
    file: Path, around: dict[str, object], indent: int | None
) -> None:
    hit = {"_index": "logs-x", "_id": "1", "_source": {"@timestamp": TIME, "text": "x" * 5000}}
    total = {"value": 10_000, "relation": "gte"}
    response = {**around, "hits": {"total": total, "max_score": None, "hits": [hit] * 300}}
    file.write_text(json.dumps(response, indent=indent))
    events, (finding,) = read(file)
    assert events == []
    assert shown([finding]) == [("S2H501", "events.ndjson")]
    assert "jq -c '.hits.hits[]'" in finding.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ElfFile\0" + b"\0" * 9000, ".evtx"),
        (b'<?xml version="1.0"?>\n<Events>\n' + b"<Event/>\n" * 2000, ".evtx"),
        (b"\xef\xbb\xbf<Event xmlns='x'>\n</Event>\n", ".evtx"),
    ],
)
def test_a_file_of_another_kind_is_told_once_with_a_way_out(
    file: Path, content: bytes, said: str
) -> None:
    file.write_bytes(content)
    events, (finding,) = read(file)
    assert events == []
    assert shown([finding]) == [("S2H501", "events.ndjson")]
    assert said in finding.hint


def test_a_line_that_begins_like_a_tag_costs_only_itself(file: Path) -> None:
    file.write_bytes(b"<134>Nov 24 09:00:00 fw1 text\n" + line(a=1) + b"\n")
    events, findings = read(file)
    assert len(events) == len(findings) == 1


@pytest.mark.parametrize("content", [b"", b"\n\n \r\n\t\n", b"[]", b"[\n]\n"])
def test_a_file_without_events_is_no_mistake(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert read(file) == ([], [])


# Elasticsearch hits


def test_a_search_hit_is_the_document_in_it(file: Path) -> None:
    hit = {
        "_index": ".ds-logs-system.security-default-2026.11.20-000012",
        "_id": "abc",
        "_score": 1.0,
        "_source": {"@timestamp": TIME, "event": {"code": "4625"}},
    }
    file.write_text(json.dumps(hit))
    (event,), findings = read(file)
    assert findings == []
    parts = ("logs-system.security-default", "abc", str(TIME_NS))
    assert event.key == EventKey(EventKeyKind.ELASTICSEARCH, parts)
    assert event.values == {"@timestamp": (TIME,), "event.code": ("4625",)}
    assert json.loads(event.raw) == hit


@pytest.mark.parametrize(
    "around", [{}, {"_index": "logs-x"}, {"_id": "abc", "_score": None}, {"_index": 1, "_id": 2}]
)
def test_a_hit_without_what_it_is_known_by_is_known_by_its_content(
    file: Path, around: dict[str, object]
) -> None:
    hit = json.dumps({**around, "_source": {"@timestamp": TIME, "event.code": 4625}})
    file.write_text(f"{hit}\n{hit}\n")
    events, findings = read(file)
    assert findings == []
    assert {event.key.kind for event in events} == {EventKeyKind.CONTENT}
    assert len({event.key for event in events}) == 2
    assert events[0].values["event.code"] == ("4625",)


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (".ds-logs-system.security-default-2026.11.20-000012", "logs-system.security-default"),
        ("partial-.ds-logs-x-2026.11.20-000012", "logs-x"),
        ("restored-.ds-logs-x-2026.11.20-000012", "logs-x"),
        ("partial-restored-shrink-7hk_-.ds-logs-x-2026.11.20-1000012", "logs-x"),
        ("shrink-ab12-winlogbeat-9.5.0-2026.11.20-000003", "winlogbeat-9.5.0"),
        (".ds-logs-x-000001", "logs-x"),
        ("filebeat-000001", "filebeat"),
        ("filebeat-2026.11.20", "filebeat-2026.11.20"),
        ("west:.ds-logs-x-2026.11.20-000012", "west:logs-x"),
        ("logs", "logs"),
        ("partial-", "partial-"),
        (".ds-", ".ds-"),
    ],
)
def test_the_key_knows_the_data_stream_and_no_rollover(index: str, name: str) -> None:
    assert without_rollover_marks(index) == name


# Raw Windows events

WINDOWS = {
    "Event": {
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
            "EventID": 4625,
            "TimeCreated": {"#attributes": {"SystemTime": TIME}},
            "EventRecordID": 77,
            "Channel": "Security",
            "Computer": "dc01",
        },
        "EventData": {"TargetUserName": "Anna"},
    }
}


def test_a_raw_windows_event_comes_in_the_fields_of_the_flavour(file: Path) -> None:
    file.write_text(json.dumps(WINDOWS))
    (event,), findings = read(file)
    assert findings == []
    parts = ("dc01", "security", "77", str(TIME_NS // 1_000_000))
    assert event.key == EventKey(EventKeyKind.WINDOWS, parts)
    assert event.time_ns == TIME_NS
    assert event.values["event.code"] == ("4625",)
    assert event.values["winlog.event_data.TargetUserName"] == ("Anna",)


def test_without_a_flavour_it_stays_as_it_is(file: Path) -> None:
    file.write_text(json.dumps(WINDOWS))
    (event,), _ = read(file, flavour="none")
    assert event.values["Event.EventData.TargetUserName"] == ("Anna",)


def test_where_no_flavour_is_said_it_is_put_aside_with_what_to_set(file: Path) -> None:
    file.write_bytes(json.dumps(WINDOWS).encode() + b"\n" + line(a=1))
    events, (finding,) = read(file, flavour=None)
    assert [event.values["a"] for event in events] == [("1",)]
    assert (finding.code, str(finding.location)) == ("S2H501", "events.ndjson:1:1")
    assert "windows_events" in finding.hint


@pytest.mark.parametrize("flavour", ["winlogbeat", "elastic-agent"])
def test_a_sysmon_event_happened_when_sysmon_says_and_is_known_by_when_it_was_logged(
    file: Path, flavour: str
) -> None:
    system = {**WINDOWS["Event"]["System"], "Channel": "Microsoft-Windows-Sysmon/Operational"}
    data = {"UtcTime": "2026-11-24 08:59:57.500"}
    file.write_text(json.dumps({"Event": {"System": system, "EventData": data}}))
    (event,), _ = read(file, flavour=flavour)
    assert event.values["@timestamp"] == ("2026-11-24T08:59:57.500Z",)
    assert event.time_ns == parse_time_ns("2026-11-24T08:59:57.500Z")
    assert event.key.parts[3] == str(TIME_NS // 1_000_000)


def test_without_a_record_id_its_content_is_its_key(file: Path) -> None:
    system = {
        key: value for key, value in WINDOWS["Event"]["System"].items() if "Record" not in key
    }
    file.write_text(json.dumps({"Event": {"System": system}}))
    (event,), findings = read(file)
    assert findings == []
    assert event.key.kind is EventKeyKind.CONTENT


@pytest.mark.parametrize(("left_out", "code"), [("TimeCreated", "S2H503"), ("EventID", "S2H501")])
def test_a_windows_event_that_lacks_a_vital_part_is_put_aside(
    file: Path, left_out: str, code: str
) -> None:
    system = {key: value for key, value in WINDOWS["Event"]["System"].items() if key != left_out}
    file.write_text(json.dumps({"Event": {"System": system}}))
    events, (finding,) = read(file)
    assert events == []
    assert finding.code == code
    assert left_out in finding.message


# JSON that is not one object a line


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(json.dumps, id="array-on-one-line"),
        pytest.param(lambda events: json.dumps(events, indent=2), id="array-pretty"),
        pytest.param(
            lambda events: "\n".join(json.dumps(event, indent=4) for event in events), id="jq"
        ),
        pytest.param(
            lambda events: "[\n" + ",\n".join(json.dumps(event) for event in events) + "\n]\n",
            id="array-of-lines",
        ),
    ],
)
def test_arrays_and_pretty_printed_objects_are_events_too(file: Path, written: object) -> None:
    events = [
        {"@timestamp": TIME, "n": number, "text": 'br{ack]ets "quoted" \\', "o": {"l": [[1], {}]}}
        for number in range(3)
    ]
    file.write_text(written(events))  # type: ignore[operator]
    found, findings = read(file)
    assert findings == []
    assert [json.loads(event.raw) for event in found] == events


def test_objects_in_an_array_know_their_line(file: Path) -> None:
    file.write_bytes(b"[\n" + line(a=1) + b",\n\n" + line(a=2) + b"\n]\n")
    assert [event.origin for event in read(file)[0]] == ["events.ndjson:2", "events.ndjson:4"]


def test_what_stands_between_the_objects_of_an_array_is_named(file: Path) -> None:
    file.write_bytes(b"[" + line(a=1) + b",\n oops,\n" + line(a=2) + b", 7]")
    events, findings = read(file)
    assert len(events) == 2
    column = len(line(a=2)) + len(", 7")
    assert shown(findings) == [
        ("S2H501", "events.ndjson:2:2"),
        ("S2H501", f"events.ndjson:3:{column}"),
    ]


def test_an_array_that_is_cut_off_gives_what_is_whole(file: Path) -> None:
    file.write_bytes(b"[" + line(a=1) + b",\n" + line(a=2)[:-3])
    events, (finding,) = read(file)
    assert len(events) == 1
    assert (finding.code, finding.location.line) == ("S2H501", 2)


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.text(max_size=12) | st.integers(), max_size=3),
        max_size=6,
    ),
    st.integers(1, 40),
    st.booleans(),
)
def test_chunks_cut_anywhere_give_the_same_objects(
    documents: list[dict[str, object]], size: int, is_ascii: bool
) -> None:
    def chunks(text: str) -> list[bytes]:
        content = text.encode("utf-8", "surrogatepass")
        return [content[at : at + size] for at in range(0, len(content), size)]

    lines = [json.dumps(document, ensure_ascii=is_ascii) for document in documents]
    for found in (
        cut_objects(chunks("[" + ",\n".join(lines) + "]"), 10_000),
        cut_lines(chunks("\r\n".join(lines)), 10_000),
    ):
        pieces = [cut.raw.decode("utf-8", "surrogatepass") for cut in found]
        assert pieces == lines


# Files


def test_folders_are_read_whole_sorted_and_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "a.json", "b/c/1.NDJSON", ".hidden/x.json", "b/.x.json", "b/app.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(line(name=name))
    (tmp_path / "b/z.json.gz").write_bytes(gzip.compress(line(name="z")))
    events, findings = read(tmp_path, root=tmp_path)
    assert findings == []
    assert [event.origin for event in events] == [
        *("a.json:1", "b/2.jsonl:1", "b/c/1.NDJSON:1", "b/z.json.gz:1"),
    ]


def test_a_file_that_is_named_is_read_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / ".app.log").write_bytes(line())
    assert len(read(tmp_path / ".app.log")[0]) == 1


def test_links_in_a_circle_end_and_each_file_comes_once(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.json").write_bytes(line())
    (tmp_path / "logs/again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "logs/b.json").symlink_to("a.json")
    events, findings = read(tmp_path, tmp_path / "logs", tmp_path / "logs/a.json", root=tmp_path)
    assert (len(events), findings) == (1, [])


def test_what_is_missing_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(line())
    (tmp_path / "empty").mkdir()
    (tmp_path / "dead.json").symlink_to("nowhere")
    events, findings = read(
        *(tmp_path / "missing.json", tmp_path / "empty", tmp_path / "dead.json"),
        *(tmp_path / "a.json",),
        root=tmp_path,
    )
    assert len(events) == 1
    assert shown(findings) == [
        ("S2H108", "missing.json"),
        ("S2H505", "empty"),
        ("S2H505", "dead.json"),
    ]


def test_a_packed_file_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "events.json.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    events, findings = read(tmp_path, root=tmp_path)
    assert (events, shown(findings)) == ([], [("S2H505", "events.json.zst")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(file: Path) -> None:
    file.write_bytes(line())
    file.chmod(0)
    events, findings = read(file)
    assert (events, shown(findings)) == ([], [("S2H505", "events.ndjson")])


def test_names_of_files_cannot_write_to_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\n.json"
    path.write_bytes(line())
    ((event,), _) = read(path)
    assert event.origin == r"a\x1b[2J\n.json:1"


def test_what_may_never_end_is_not_read(file: Path, tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to would wait for ever, reading /dev/zero never end."""
    file.write_bytes(line(a=1))
    os.mkfifo(tmp_path / "pipe.ndjson")
    (tmp_path / "device.evtx").symlink_to("/dev/zero")
    named = [Path("/dev/zero"), tmp_path / "pipe.ndjson", tmp_path / "device.evtx", file]
    events, findings = read(*named, root=tmp_path)
    assert len(events) == 1
    assert shown(findings) == [
        ("S2H505", "/dev/zero"),
        ("S2H505", "pipe.ndjson"),
        ("S2H505", "device.evtx"),
    ]
    assert {finding.severity for finding in findings} == {Severity.ERROR}
    assert read(tmp_path)[1] == []  # in a folder they are passed over, like any other odd thing


@pytest.mark.parametrize("damage", ["cut", "flipped", "checksum", "garbage after"])
def test_a_damaged_gzip_gives_what_came_before(tmp_path: Path, damage: str) -> None:
    lines = [
        line(n=number, noise=hashlib.sha256(b"%d" % number).hexdigest()) for number in range(9999)
    ]
    packed = bytearray(gzip.compress(b"\n".join(lines) + b"\n"))
    if damage == "cut":
        del packed[len(packed) // 2 :]
    elif damage == "flipped":
        packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    elif damage == "checksum":
        packed[-8:] = b"\0" * 8
    else:
        packed += b"garbage"
    path = tmp_path / "events.ndjson.gz"
    path.write_bytes(packed)
    events, findings = read(path)
    assert len(events) > 3000
    assert [event.raw for event in events[:3000]] == lines[:3000]
    (told,) = [finding.message for finding in findings if finding.code == "S2H504"]
    assert f"{len(events):,} events were read" in told


def test_a_gz_that_is_not_packed_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "events.json.gz"
    path.write_bytes(line())
    assert len(read(path)[0]) == 1


# Fields

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
OBJECTS = st.dictionaries(
    st.text("abc", min_size=1, max_size=2),
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


@given(OBJECTS)
def test_nested_and_dotted_keys_are_the_same_fields(document: dict[str, object]) -> None:
    """Writing every object out as dotted keys changes no field and no value."""

    def dotted(prefix: str, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            return {prefix: value}
        found: dict[str, object] = {}
        for key, child in value.items():
            found |= dotted(f"{prefix}.{key}" if prefix else key, child)
        return found

    limits = Limits()
    nested = parse_object(json.dumps(document).encode(), limits)
    flat = parse_object(json.dumps(dotted("", document)).encode(), limits)
    assert flatten(nested) == flatten(flat)
    assert all(texts for texts in flatten(nested).values())
