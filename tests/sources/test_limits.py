"""Nothing in a file costs more than a bound: events over a limit are put aside, cheaply."""

import gc
import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.sources import (
    MAX_NAMED_FINDINGS,
    EventRows,
    Limits,
    SourceOptions,
    collect_seldom,
    read_batches,
    read_events,
)
from tests.sources.reading import TIME, line, read, shown

MIB = 1024 * 1024


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.ndjson"


def between_good_lines(raw: bytes) -> bytes:
    return line(n=1) + b"\n" + raw + b"\n" + line(n=2) + b"\n"


def fields(count: int) -> bytes:
    return line(**{f"f{number}": number for number in range(count)})


def nested(depth: int) -> bytes:
    """An object with arrays and objects in it, so many inside each other."""
    inner = "".join(f'{{"{number}":' if number % 2 else "[" for number in range(depth))
    outer = "".join("}" if number % 2 else "]" for number in reversed(range(depth)))
    return line(a=json.loads(f"{inner}1{outer}"))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(line(a="x" * MIB), "more than 1,048,576 bytes", id="bytes"),
        pytest.param(fields(1_000_000), "more than 1,048,576 bytes", id="a-million-fields"),
        pytest.param(fields(10_001), "more than 10,000 values", id="fields"),
        pytest.param(line(a=[0] * 10_001), "more than 10,000 values", id="values"),
        pytest.param(nested(254), "254 deep", id="nesting"),
        pytest.param(nested(254).replace(b" ", b""), "254 deep", id="nesting-without-blanks"),
        pytest.param(b'{"a":' * 150_000, "254 deep", id="nesting-beyond-the-parser"),
        pytest.param(
            line(**{"k" * 500_000: {f"f{number}": 1 for number in range(9_000)}}),
            "field names have more than",
            id="long-paths-times-many-fields",
        ),
        pytest.param(
            line(**{"k" * 500_000: [{"": {}}] * 40_000}),
            "field names have more than",
            id="long-paths-times-empty-objects",
        ),
    ],
)
def test_an_event_over_a_limit_is_put_aside(file: Path, raw: bytes, said: str) -> None:
    file.write_bytes(between_good_lines(raw))
    events, (finding,) = read(file)
    assert [event.origin for event in events] == ["events.ndjson:1", "events.ndjson:3"]
    assert (finding.code, finding.location.line) == ("S2H502", 2)
    assert said in finding.message
    assert finding.hint


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(line(a="x" * (MIB - len(line(a="")))), id="bytes"),
        pytest.param(fields(9_999), id="fields"),
        pytest.param(nested(253), id="nesting"),
        pytest.param(nested(253).replace(b" ", b""), id="nesting-without-blanks"),
        pytest.param(line(text="{[" * 5_000 + "," * 20_000 + ":" * 20_000), id="marks-in-text"),
    ],
)
def test_an_event_at_a_limit_is_an_event(file: Path, raw: bytes) -> None:
    file.write_bytes(between_good_lines(raw))
    events, findings = read(file)
    assert (len(events), findings) == (3, [])


def test_limits_can_be_set(file: Path) -> None:
    file.write_bytes(line(a=[1, 2, 3], b="x" * 50) + b"\n" + line() + b"\n")
    for limits in (Limits(max_bytes=90), Limits(max_fields=3), Limits(max_depth=1)):
        events, findings = read(file, limits=limits)
        assert (len(events), shown(findings)) == (1, [("S2H502", "events.ndjson:1:1")])


def peak_of(path: Path) -> tuple[int, int, list[Diagnostic]]:
    """Read a path; return the most memory held meanwhile, the number of events, the findings."""
    tracemalloc.start()
    try:
        events, findings = 0, []
        for entry in read_events([path], SourceOptions(root=path.parent)):
            if isinstance(entry, Diagnostic):
                findings.append(entry)
            else:
                events += 1
        return tracemalloc.get_traced_memory()[1], events, findings
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("start", [b'{"a": "', b'[{"a": "', b"[1", b""])
def test_an_endless_line_fills_no_memory(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "bomb.json.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(start)
        for _ in range(48):
            stream.write(b"x" * MIB)
        stream.write(b'"}\n' + line())
    peak, _, findings = peak_of(path)
    assert peak < 12 * MIB
    assert [finding.code for finding in findings][:1] == ["S2H502"]


def test_memory_does_not_grow_with_the_file(file: Path) -> None:
    def lines(count: int) -> Iterator[bytes]:
        for number in range(count):
            yield line(n=number, text="x" * 500) + b"\n"

    peaks = []
    for count in (20_000, 40_000):
        file.write_bytes(b"".join(lines(count)))
        peak, events, findings = peak_of(file)
        assert (events, findings) == (count, [])
        peaks.append(peak)
    # What grows is one digest an event, until those too go to disk.
    assert peaks[1] - peaks[0] < 20_000 * 250


@pytest.fixture
def usual_collection() -> Iterator[tuple[int, int, int]]:
    """What Python itself begins with; a command that ran in this process may have changed it."""
    found = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield gc.get_threshold()
    gc.set_threshold(*found)


def test_reading_leaves_garbage_collection_as_it_was(
    file: Path, usual_collection: tuple[int, int, int]
) -> None:
    file.write_bytes(line(n=1) + b"\n" + line(n=2))
    for batch in read_batches([file], SourceOptions()):
        assert isinstance(batch, EventRows)
        assert gc.get_threshold() > usual_collection
    assert gc.get_threshold() == usual_collection
    assert next(read_batches([file], SourceOptions()))  # and what is not read to its end
    assert gc.get_threshold() == usual_collection


def test_a_run_collects_garbage_seldom_but_not_where_it_is_off(
    usual_collection: tuple[int, int, int],
) -> None:
    collect_seldom()
    assert gc.get_threshold() > usual_collection
    gc.set_threshold(0, 10, 10)
    collect_seldom()
    assert gc.get_threshold() == (0, 10, 10)


def test_a_file_of_text_is_given_up_after_a_thousand_lines(file: Path) -> None:
    file.write_bytes(b"Nov 24 09:00:00 host sshd[1]: text\n" * 100_000)
    events, findings = read(file)
    assert events == []
    assert len(findings) == 1_001
    assert (findings[-1].code, str(findings[-1].location)) == ("S2H504", "events.ndjson")


def test_a_flood_of_findings_is_counted(file: Path) -> None:
    file.write_bytes(line() + b"\n" + b"broken\n" * 5_000 + line() + b"\n")
    events, findings = read(file)
    assert len(events) == 2
    assert len(findings) == MAX_NAMED_FINDINGS + 1
    assert sum(finding.count for finding in findings) == 5_000
    assert findings[-1].message.startswith("4,000 more like the 1,000 above")
    assert findings[-1].location.line == 5_001


def test_a_time_beside_a_flood_of_digits_is_no_trap(file: Path) -> None:
    file.write_text(f'{{"@timestamp": {"9" * 100_000}}}\n{{"@timestamp": "{TIME}"}}\n')
    events, findings = read(file)
    assert (len(events), shown(findings)) == (1, [("S2H503", "events.ndjson:1:1")])
