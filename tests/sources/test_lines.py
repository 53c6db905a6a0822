"""What is read fast is what the careful reader would read."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.model.values import flatten
from sigma2hive.sources import (
    EventRows,
    Limits,
    LineEvents,
    Ordinals,
    SourceOptions,
    read_batches,
)
from sigma2hive.sources.lines import PlainReader
from sigma2hive.sources.parsing import parse_object
from tests.sources.reading import TIME, line, read

PLAIN = PlainReader(SourceOptions())
STAMP = f'"@timestamp":"{TIME}"'

#: Texts as they may be written, in which a quote, a colon or a blank is easily taken for another.
_TEXTS = st.lists(
    st.sampled_from(["a", ":", "\\\\", '\\"', "\\u003a", "\\u003A", "\\u0022", " ", "\\t", "\\/"]),
    max_size=4,
).map(lambda parts: '"' + "".join(parts) + '"')
_BLANKS = st.sampled_from(["", "", "", " ", "\t"])


@st.composite
def _objects(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON objects, keys given twice among them, written in any way."""
    members = [
        f"{draw(_TEXTS)}{draw(_BLANKS)}:{draw(_BLANKS)}{draw(_values(depth))}"
        for _ in range(draw(st.integers(0, 3)))
    ]
    return "{" + ",".join(members) + "}"


def _values(depth: int) -> st.SearchStrategy[str]:
    scalars = st.one_of(_TEXTS, st.sampled_from(["1", "-0", "1e2", "0.50", "true", "null"]))
    if not depth:
        return scalars
    arrays = st.lists(_values(depth - 1), max_size=2).map(lambda parts: f"[{','.join(parts)}]")
    return st.one_of(scalars, _objects(depth - 1), arrays)


@given(_objects())
def test_a_line_read_fast_says_what_it_says_read_with_care(written: str) -> None:
    inside = written[1:-1]
    raw = f"{{{STAMP}{',' if inside else ''}{inside}}}".encode()
    (document,) = PLAIN.documents_of([raw + b"\n"])
    if document is not None:
        assert flatten(document) == flatten(parse_object(raw, Limits()))


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param('"a":1,"a":2', id="as-it-is"),
        pytest.param('"a" :1,"a" :2', id="before-blanks"),
        pytest.param('"a":1,"\\u0061":2', id="spelt-in-two-ways"),
        pytest.param('"b":{"a":1,"a":2}', id="inside"),
        # The key that ends in a backslash seems to be a quote in a text.
        pytest.param('"k\\\\":1,"a":1,"a":2', id="beside-a-backslash"),
        # Two texts that begin with a colon, one of them spelt in another way.
        pytest.param('"a":1,"a":2,"b":"\\u003a","c":":"', id="beside-colons"),
        # A fraction that is written with more characters than it came with.
        pytest.param('"a":1,"a":2,"n":1e9', id="beside-a-number"),
    ],
)
def test_no_value_of_a_key_that_is_given_twice_is_lost(inside: str, tmp_path: Path) -> None:
    raw = f"{{{STAMP},{inside}}}"
    assert PLAIN.documents_of([f"{raw}\n".encode()]) == [None]
    path = tmp_path / "events.ndjson"
    path.write_text(raw, encoding="utf-8")
    (event,), findings = read(path)
    assert findings == []
    assert {"1", "2"} <= {text for texts in event.values.values() for text in texts}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "with-blanks"])
@pytest.mark.parametrize(
    "fields",
    [
        {"Image": "C:\\Windows\\System32\\cmd.exe", "EventID": 1},
        {"SourceIp": "::1", "DestinationIp": "::ffff:10.0.0.1"},
        {"CommandLine": 'echo {"a":1, "b" :[2]} : "x"', "tags": ["a", ":b"]},
        {"user": {"name": "Zoë", "groups": [{"id": 1}, {"id": 2}]}, "empty": {}, "n": -1.5},
    ],
    ids=["usual", "addresses", "quotes", "nested"],
)
def test_usual_lines_are_read_fast(separators: tuple[str, str], fields: dict[str, object]) -> None:
    written = json.dumps({"@timestamp": TIME, **fields}, separators=separators)
    (document,) = PLAIN.documents_of([written.encode() + b"\n"])
    assert document == {"@timestamp": TIME, **fields}


def test_equal_lines_are_read_alike_whatever_stands_before_them(tmp_path: Path) -> None:
    """Otherwise which of them is which would depend on where a file was cut."""
    compact, spaced = f'{{{STAMP},"k\\\\":1}}\n'.encode(), line(n=1) + b"\n"
    assert PLAIN.documents_of([compact]) == PLAIN.documents_of([spaced, compact])[1:]
    # The last line without an ending, too.
    path = tmp_path / "events.ndjson"
    path.write_bytes(spaced + compact + compact.strip())
    (batch,) = read_batches([path], SourceOptions())
    assert isinstance(batch, EventRows)
    assert batch.values_of(1) == batch.values_of(2) == flatten(json.loads(compact))


def test_of_equal_lines_each_has_its_own_key_whichever_events_are_made(tmp_path: Path) -> None:
    """Only events that meet a rule are made, of equal lines all or none, and in batches."""
    path = tmp_path / "events.ndjson"
    # Enough for several batches; every seventh line says the same.
    lines = [line(n=0 if number % 7 == 0 else number, x="x" * 4_000) for number in range(5_000)]
    path.write_bytes(b"\n".join(lines))
    events, findings = read(path)
    assert findings == []
    made = {}
    batches = list(read_batches([path], SourceOptions(root=tmp_path)))
    assert len(batches) > 1
    for batch in batches:
        assert isinstance(batch, EventRows)
        # Deciding may look at an event's values first, in any order.
        there = reversed(range(len(batch)))
        wanted = sorted(row for row in there if batch.values_of(row)["n"] == ("0",))
        made.update((event.origin, event.key) for event in map(batch.event, wanted))
    expected = {event.origin: event.key for event in events if event.values["n"] == ("0",)}
    assert made == expected
    assert len(set(made.values())) == len(made) == 715


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CR LF"])
def test_a_line_ending_is_no_part_of_an_event_wherever_a_chunk_ends(
    tmp_path: Path, ending: bytes
) -> None:
    path = tmp_path / "events.ndjson"
    # Chunks of a power of two end at every byte of such lines, sooner or later.
    raw = [line(n=number, x="x" * (number % 97)) for number in range(20_000)]
    path.write_bytes(b"".join(text + ending for text in raw))
    events, findings = read(path)
    assert findings == []
    assert [event.raw for event in events] == raw
    assert [event.origin for event in events[-2:]] == [
        "events.ndjson:19999",
        "events.ndjson:20000",
    ]


def test_a_document_without_a_line_is_not_searched_in_an_empty_one() -> None:
    """A keyword would never be found in what comes out of an index otherwise."""
    rows = EventRows()
    rows.add_lines(
        [{"a": "x"}, {"a": "y"}],
        [b"", b'{"a":"y"}\n'],
        0,
        LineEvents("x:", SourceOptions(), Ordinals()),
    )
    assert [rows.raw_of(row) for row in range(2)] == [None, b'{"a":"y"}\n']
