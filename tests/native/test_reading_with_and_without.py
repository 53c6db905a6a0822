"""A file gives the same, with the native library and without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.sources import EventRows, Limits, Reading, SourceOptions
from sigma2hive.sources.batches import MAX_EVENTS
from sigma2hive.sources.interface import EventFile
from tests.sources.reading import line
from tests.sources.windows_lines import EVENTS, EVERY_FLAVOUR, lines_of

OPTIONS = SourceOptions(limits=Limits(max_bytes=3_000))
LINES = [
    line(n=1, Image="C:\\Windows\\cmd.exe"),
    b"",
    b"   ",
    line(n=2)[:-1],
    line(n=3, x="x" * 5_000),
    line(n=4) + b"\r",
    line(n=4),
    b'{"@timestamp":"2026-11-24T09:00:00Z","n":5,"n":6}',
    b'{"n":7}',
    b'{"@timestamp":1795510800123,"n":8}',
    line(n=4),
    b"\xff",
    line(n=9, user={"name": "Zoë", "groups": [{"id": 1}]}),
]


class _Broken(Exception):
    pass


def read(
    text: bytes,
    size: int,
    *,
    is_native: bool,
    damage: bool = False,
    options: SourceOptions = OPTIONS,
) -> list[object]:
    """All that is read of a text in chunks of a size."""
    reading = Reading(EventFile(Path("a.ndjson"), "a.ndjson", "ndjson"), options)
    assert (reading._scanner is not None) == is_native
    found: list[object] = []

    def chunks() -> Iterator[bytes]:
        yield from (text[at : at + size] for at in range(0, len(text), size))
        if damage:
            raise EOFError("cut off")

    try:
        for entry in reading.read_lines(chunks()):
            if isinstance(entry, EventRows):
                found.extend(
                    (event.key, event.time_ns, event.values, event.raw, event.origin)
                    for event in entry
                )
            else:
                assert isinstance(entry, Diagnostic)
                found.append((entry.code, str(entry.location), entry.message, entry.hint))
    except EOFError:
        found.append("damaged")
    return [*sorted(map(repr, found)), reading.lines, reading.events, reading.last_line]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr("sigma2hive.sources.ndjson.line_scanner", lambda options: None)
    return monkeypatch


@pytest.mark.parametrize("damage", [False, True], ids=["whole", "damaged"])
@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"], ids=["no end", "LF", "CR LF"])
@pytest.mark.parametrize("size", [1, 7, 1_000, 1_000_000])
def test_a_file_gives_the_same(
    size: int, ending: bytes, damage: bool, without: pytest.MonkeyPatch
) -> None:
    for lines in (LINES, LINES[:4], LINES[:5], [LINES[4]], [], [LINES[4] * 3]):
        text = b"\n".join(lines) + (ending if lines else b"")
        expected = read(text, size, is_native=False, damage=damage)
        without.undo()
        assert read(text, size, is_native=True, damage=damage) == expected
        without.setattr("sigma2hive.sources.ndjson.line_scanner", lambda options: None)


def test_equal_lines_are_told_apart_alike(without: pytest.MonkeyPatch) -> None:
    """Whether each has its ending or not, and whatever stands between them."""
    lines: Sequence[bytes] = [line(n=1), b"{", line(n=1), b"", line(n=1)]
    text = b"\n".join(lines)
    expected = read(text, 10, is_native=False)
    without.undo()
    assert read(text, 10, is_native=True) == expected


@pytest.mark.parametrize("flavour", [*EVERY_FLAVOUR, "none", None])
@pytest.mark.parametrize("first", [b"", line(n=1), b"{"], ids=["raw", "document", "broken"])
def test_raw_windows_events_give_the_same(
    first: bytes, flavour: str | None, without: pytest.MonkeyPatch
) -> None:
    """Whatever stands before and between them, and at the start of the next block."""
    options = SourceOptions(flavour)
    raws = [text.encode() for text in lines_of(EVENTS)]
    lines = [first, *raws, b"", line(n=1), *raws[:3], line(n=1), b'{"Event":{"System":{}}}']
    lines = [*lines, *[line(n=2)] * (MAX_EVENTS - len(lines)), *raws, line(n=1), b""]
    text = b"\n".join(lines)
    expected = read(text, 1_000_000, is_native=False, options=options)
    without.undo()
    assert read(text, 1_000_000, is_native=True, options=options) == expected
