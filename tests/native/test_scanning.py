"""What is scanned says what the careful reader reads, whatever stands in the lines."""

from __future__ import annotations

import json
import random
import sys
import tracemalloc
from array import array
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.engine.columns import Columns
from sigma2hive.model.values import Values, flatten
from sigma2hive.native import LineKind, ScannedLines
from sigma2hive.sources import Limits, SourceOptions
from sigma2hive.sources.batches import MAX_EVENTS
from sigma2hive.sources.parsing import parse_object
from sigma2hive.sources.records import document_scanner
from tests.sources.reading import TIME
from tests.sources.test_lines import STAMP, _objects

SCANNER = document_scanner(SourceOptions())
if SCANNER is None:
    pytest.skip("the native library was not built here", allow_module_level=True)

PLAIN, CAREFUL, BLANK = LineKind.PLAIN, LineKind.CAREFUL, LineKind.BLANK


def scanned(raws: Sequence[bytes]) -> ScannedLines:
    assert SCANNER is not None
    text = b"".join(raw + b"\n" for raw in raws)
    return ScannedLines(SCANNER.scan(text, len(text)))


def kind_of(raw: bytes) -> int:
    return scanned([raw]).scan.kinds[0]


def values_in(raws: Sequence[bytes]) -> dict[int, Values]:
    """The values of each line that is plain, by its number: out of columns."""
    lines = scanned(raws)
    plain = [number for number, kind in enumerate(lines.scan.kinds) if kind == PLAIN]
    for row, number in enumerate(plain):
        lines.put(range(number, number + 1), row)
    careful = [flatten(parse_object(raws[number], Limits())) for number in plain]
    columns = Columns([{}] * len(plain), careful.__getitem__, None, [lines])
    found: list[dict[str, tuple[str, ...]]] = [{} for _ in plain]
    for path in {*lines.scan.paths.written_out(), *(path for values in careful for path in values)}:
        for row, texts in columns.by_row(path, columns.every).items():
            found[row][path] = texts
    # All that there is, and nothing else, is below no prefix.
    below = {(row, text) for piece in columns.below("", columns.every) for row, text in each(piece)}
    assert below == {
        (row, t) for row, one in enumerate(found) for texts in one.values() for t in texts
    }
    return dict(zip(plain, found, strict=True))


def each(piece: object) -> zip[tuple[int, str]]:
    return zip(piece.rows.numbers, piece.cells, strict=True)  # type: ignore[attr-defined]


def with_time(inside: str) -> bytes:
    return f"{{{STAMP}{',' if inside else ''}{inside}}}".encode()


def assert_said_as_read_with_care(raws: Sequence[bytes]) -> None:
    for number, values in values_in(raws).items():
        assert values == flatten(parse_object(raws[number], Limits()))


@given(st.lists(_objects(), min_size=1, max_size=5))
@settings(max_examples=400, deadline=None)
def test_plain_lines_say_what_they_say_read_with_care(objects: list[str]) -> None:
    assert_said_as_read_with_care([with_time(written[1:-1]) for written in objects])


_LINES = [
    json.dumps({"@timestamp": TIME, "Image": "C:\\Windows\\cmd.exe", "n": 4625, "f": 1.5}),
    json.dumps({"@timestamp": TIME, "u": {"n": "Zoë \U0001f600", "e": [1, {"a": [None, ""]}]}}),
    f'{{ "a" : {{}} , "b":[ ],\t"c":[[true]],{STAMP},"x":"\\ud83d\\ude00\\u0000\\/" }}',
]


@given(st.sampled_from(_LINES), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255))))
@settings(max_examples=1_000, deadline=None)
def test_a_line_with_any_bytes_changed_is_careful_or_right(
    written: str, changes: list[tuple[int, int]]
) -> None:
    raw = bytearray(written.encode())
    for place, byte in changes:
        raw[place % len(raw)] = byte if byte != ord("\n") else 0
    assert_said_as_read_with_care([written.encode(), bytes(raw), written.encode()])


@given(st.sampled_from(_LINES), st.integers(0, 200))
def test_a_line_that_is_cut_off_is_never_plain(written: str, size: int) -> None:
    raw = written.encode()
    assert kind_of(raw[: size % len(raw)]) != PLAIN


@pytest.mark.parametrize("written", _LINES)
def test_usual_lines_are_plain(written: str) -> None:
    assert kind_of(written.encode()) == PLAIN


@pytest.mark.parametrize(
    ("inside", "values"),
    [
        ('"a":"x"', {"a": ("x",)}),
        ('"a":-9223372036854775808', {"a": ("-9223372036854775808",)}),
        (f'"a":{10**60}', {"a": (str(10**60),)}),
        ('"a":true,"b":false,"c":null', {"a": ("true",), "b": ("false",)}),
        ('"a":4625.0,"b":-0.5,"c":1e3', {"a": ("4625",), "b": ("-0.5",), "c": ("1000",)}),
        ('"a":{"b":{"c":1}},"a.b":{"d":2}', {"a.b.c": ("1",), "a.b.d": ("2",)}),
        ('"a":{"b":"x"},"a.b":"y"', {"a.b": ("x", "y")}),
        ('"a":[{"b":1},{"b":"2"}],"d":["x",3]', {"a.b": ("1", "2"), "d": ("x", "3")}),
        ('"a":"","b":{},"c":[],"d":[{}]', {"a": ("",)}),
        ('"a":"\\u001e\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"', {"a": ('\x1e"\\/\b\f\n\r\té',)}),
        ('"a":"\\ud83d\\ude00","b":"\u2028é"', {"a": ("\U0001f600",), "b": ("\u2028é",)}),
        ('"":1', {"": ("1",)}),
    ],
)
def test_a_plain_line_has_the_values_of_its_fields(
    inside: str, values: Mapping[str, tuple[str, ...]]
) -> None:
    assert values_in([with_time(inside)]) == {0: {"@timestamp": (TIME,), **values}}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(with_time('"a":1,"a":1'), id="a key twice"),
        pytest.param(with_time('"b":{"a":1,"c":{},"a":1}'), id="a key twice inside"),
        pytest.param(with_time('"b":[[{"a":1,"a":1}]]'), id="a key twice in a list"),
        pytest.param(with_time('"\\u0061":1'), id="a key with an escape"),
        pytest.param(with_time('"a":"\\ud83d"'), id="half a character"),
        pytest.param(with_time('"a":"\\ude00\\ud83d"'), id="halves in the wrong order"),
        pytest.param(with_time('"a":"\\x"'), id="no escape"),
        pytest.param(with_time('"a":"\\u12g4"'), id="no digit"),
        pytest.param(with_time('"a":"\t"'), id="a tab in a text"),
        pytest.param(with_time('"a":"') + b'\xff"}', id="no UTF-8"),
        pytest.param(with_time("")[:-1] + b',"a":"\xc0\xaf"}', id="overlong UTF-8"),
        pytest.param(with_time("")[:-1] + b',"a":"\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param(with_time("")[:-1] + b',"a":"\xf4\x90\x80\x80"}', id="beyond Unicode"),
        pytest.param(with_time('"a":01'), id="a zero before"),
        pytest.param(with_time('"a":1.'), id="no fraction"),
        pytest.param(with_time('"a":+1'), id="a plus"),
        pytest.param(with_time('"a":1e400'), id="beyond a float"),
        pytest.param(with_time('"a":NaN'), id="no number"),
        pytest.param(with_time(f'"a":[1{"0" * 309}]'), id="beyond a float in a list"),
        pytest.param(with_time('"a":tru'), id="no word"),
        pytest.param(with_time('"a":1,'), id="a comma at the end"),
        pytest.param(with_time('"a":[1,]'), id="a comma at a list's end"),
        pytest.param(with_time("") + b"x", id="something behind"),
        pytest.param(with_time("") + b"{}", id="two objects"),
        pytest.param(with_time(f'"a":{"[" * 30}{"]" * 30}'), id="deep"),
        pytest.param(with_time('"Event":{}'), id="a raw Windows event"),
        pytest.param(with_time('"_source":{}'), id="a search hit"),
        pytest.param(b'{"a":1}', id="no time"),
        pytest.param(b'{"@timestamp":"yesterday"}', id="no usual time"),
        pytest.param(b'{"@timestamp":"2026-02-30T00:00:00Z"}', id="no day"),
        pytest.param(b'{"a":{"@timestamp":"2026-02-03T00:00:00Z"}}', id="a time inside"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xef\xbb\xbf" + with_time(""), id="a mark"),
        pytest.param(with_time("") + b"\0", id="NUL"),
    ],
)
def test_what_is_not_surely_plain_is_left_to_the_careful_reader(raw: bytes) -> None:
    usual = _LINES[0].encode()
    assert list(scanned([usual, raw, usual]).scan.kinds) == [PLAIN, CAREFUL, PLAIN]
    # Nothing of it is left in the columns.
    assert len(values_in([usual, raw, usual])) == 2


@pytest.mark.parametrize(
    ("limits", "inside"),
    [
        (Limits(max_bytes=60), '"a":"xxxxxxxxxxxxxxxx"'),
        (Limits(max_fields=3), '"a":1,"b":2,"c":3,"d":4'),
        (Limits(max_depth=2), '"a":{"b":{}}'),
        # Paths of so many characters, were each written out.
        (
            Limits(),
            f'"{"k" * 30_000}":1,' + ",".join(f'"k{number}":1' for number in range(900)),
        ),
        (Limits(), f'"{"k" * 10_000}":[{",".join("1" * 1_700)}]'),
    ],
    ids=["bytes", "values", "depth", "paths", "paths of a list"],
)
def test_what_exceeds_a_limit_is_not_plain(limits: Limits, inside: str) -> None:
    raw = with_time(inside)
    scanner = document_scanner(SourceOptions(limits=limits))
    assert scanner is not None
    assert scanner.scan(raw + b"\n", len(raw) + 1).kinds == bytes([CAREFUL])


def test_lines_end_in_either_way_and_may_be_blank() -> None:
    raw = with_time('"a":1')
    lines = scanned([raw + b"\r", b"", b" \t\r", raw])
    assert list(lines.scan.kinds) == [PLAIN, BLANK, BLANK, PLAIN]
    assert [lines.scan.line(number) for number in (0, 3)] == [raw, raw]


def test_a_column_is_of_the_rows_that_are_asked_for() -> None:
    lines = scanned([with_time(f'"a":"{number % 3}"') for number in range(20)])
    lines.put(range(20), 100)
    ((number, has_others),) = lines.scan.paths.of("a")
    assert not has_others
    column = lines.scan.column(number, lines.row_of)
    assert column.rows == list(range(100, 120))
    assert [column.texts[code] for code in column.codes] == [str(n % 3) for n in range(20)]
    assert column.mask == ((1 << 20) - 1) << 100
    by_text = dict(zip(column.texts, column.masks([0, 1, 2], 3), strict=True))
    assert by_text["1"] == sum(1 << row for row in range(101, 120, 3))
    wanted = (1 << 104 | 1 << 119).to_bytes(15, "little")
    some = lines.scan.column(number, lines.row_of, wanted)
    assert some.rows == [104, 119]
    assert lines.scan.column(number, array("i", [-1] * 20)).rows == []


def colliding(count: int, seed: int) -> list[str]:
    """Texts of 16 characters with one hash, as `hash_of` of scan.c makes it."""
    chance = random.Random(seed)
    usual = frozenset(range(0x20, 0x7F)) - set(b'"\\')
    found: list[str] = []
    while len(found) < count:
        first = bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=8))
        mixed = (seed * 0x9E3779B97F4A7C15 + 16) & _WORD ^ int.from_bytes(first, "little")
        mixed = mixed * 0xD6E8FEB86659FD93 & _WORD
        second = mixed ^ mixed >> 32 ^ int.from_bytes(b"PPPPPPPP", "little")
        if usual.issuperset(second.to_bytes(8, "little")):
            found.append((first + second.to_bytes(8, "little")).decode())
    return found


_WORD = (1 << 64) - 1


@pytest.mark.skipif(sys.byteorder != "little", reason="texts collide on such machines only")
def test_texts_that_were_chosen_for_their_hash_do_not_hold_up() -> None:
    texts = colliding(400, 0)
    lines = scanned([with_time(f'"a":"{text}"') for text in texts * 2])
    lines.put(range(800), 0)
    ((number, _),) = lines.scan.paths.of("a")
    column = lines.scan.column(number, lines.row_of)
    assert [column.texts[code] for code in column.codes] == texts * 2
    # Some are not compared with all that came before.
    assert len(column.texts) > len(texts)
    keys = colliding(400, 0xFFFFFFFF)
    usual = with_time('"a":1')
    crowded = with_time(",".join(f'"{key}":1' for key in keys))
    assert list(scanned([usual, crowded, usual]).scan.kinds) == [PLAIN, CAREFUL, PLAIN]
    assert kind_of(with_time(",".join(f'"{key}":1' for key in keys[:100]))) == PLAIN


def test_paths_below_long_keys_are_not_written_out() -> None:
    inside = ",".join(f'"{number}":"x"' for number in range(300))
    raws = [with_time(f'"{"k" * 3_000}{number}":{{{inside}}}') for number in range(200)]
    lines = scanned(raws)
    lines.put(range(200), 0)
    columns = Columns([{}] * 200, lambda row: flatten(json.loads(raws[row])), None, [lines])
    tracemalloc.start()
    assert not columns.of("a", columns.every)
    (piece,) = columns.below("k", 1 << 7)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(each(piece)) == {(7, "x")}
    assert len(list(each(piece))) == 300
    assert most < 60 * 1024 * 1024  # all of them have 180 MB


@pytest.mark.parametrize("prefix", ["", "a", "a.", "a.b", "a.b.", "l", "x"])
def test_what_is_below_a_prefix_is_found_in_many_lines_as_in_few(prefix: str) -> None:
    insides = [
        '"a":{"b":{"c":1}}',
        '"a.b":{"d":"2"},"l":[{"m":3},[4.50]]',
        '"a":{"b":5.5},"ab":"6"',
        '"a":{"b.c":"7","e":[]}',
        '"a":{"b":[{"c":8}]},"f":1e16',
    ]
    raws = [with_time(inside) for inside in insides * 10]
    lines = scanned(raws)
    assert list(lines.scan.kinds) == [PLAIN] * 50
    assert len(lines.scan.paths) < 30
    lines.put(range(50), 0)
    values = [flatten(parse_object(raw, Limits())) for raw in raws]
    for wanted in ((1 << 50) - 1, 0b11111 << 20):
        columns = Columns([{}] * 50, values.__getitem__, None, [lines])
        found = {pair for piece in columns.below(prefix, wanted) for pair in each(piece)}
        assert {(row, text) for row, text in found if wanted >> row & 1} == {
            (row, text)
            for row, one in enumerate(values)
            if wanted >> row & 1
            for path, texts in one.items()
            if path.startswith(prefix)
            for text in texts
        }


def test_as_many_lines_are_scanned_at_once_as_a_batch_has() -> None:
    text = b"{}\n" * (MAX_EVENTS + 5)
    assert SCANNER is not None
    scan = SCANNER.scan(text, len(text))
    assert len(scan) == MAX_EVENTS
    assert scan.end == 3 * MAX_EVENTS


def test_a_dotted_path_that_is_written_in_two_ways_keeps_the_order_of_its_values() -> None:
    raws = [with_time('"a":{"b":"1"},"a.b":"2"'), with_time('"a.b":"2","a":{"b":"1"}')]
    assert [values["a.b"] for values in values_in(raws).values()] == [("1", "2"), ("2", "1")]


def test_keys_of_a_line_that_is_not_plain_are_forgotten() -> None:
    """A hostile line may have any number; those of plain lines are told as if it was not there."""
    usual = with_time('"a":1,"b":{"c":2}')
    wide = with_time(",".join(f'"k{number}":{{"b":{number}}}' for number in range(20_000)) + ",")
    known = scanned([usual, usual]).scan.paths
    lines = scanned([usual, wide, usual, wide, with_time('"b":{"a":3,"c":4},"k7":{"b":5}')])
    assert list(lines.scan.kinds) == [PLAIN, CAREFUL, PLAIN, CAREFUL, PLAIN]
    assert len(lines.scan.paths) == len(known) + len(["b.a", "k7", "k7.b"])
    assert list(values_in([usual, wide, with_time('"b":{"a":3,"c":4},"k7":{"b":5}')]).values()) == [
        {"@timestamp": (TIME,), "a": ("1",), "b.c": ("2",)},
        {"@timestamp": (TIME,), "b.a": ("3",), "b.c": ("4",), "k7.b": ("5",)},
    ]
