"""Events whose values are read when they are asked for are the events that were always made."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sigma2hive.model.events import Event
from sigma2hive.native import is_available
from sigma2hive.sources import EventRows, Reading, SourceOptions
from sigma2hive.sources.interface import EventFile
from sigma2hive.sources.windows import FLAT
from tests.sources.windows_lines import (
    EVENTS,
    EVERY_FLAVOUR,
    NAMES,
    changed_events,
    lines_of,
    rows_of_lines,
)

_STAMP = "2026-11-24T09:00:00.123Z"
_ASKED = (*NAMES, "host.name", "event.ingested", "a", "b", "a.b", "winlog", "no.such")
#: What documents have: each key may be given in several ways, and lead to another one.
_LEAVES = st.sampled_from(["x", "", "\u0130", 5, 2**70, True, None, 1.5, [], {}, ["x", "y"]])
_JSON = st.recursive(
    _LEAVES,
    lambda inside: st.one_of(
        st.dictionaries(st.sampled_from(["a", "b", "a.b", "c"]), inside, max_size=3),
        st.lists(inside, max_size=2),
    ),
    max_leaves=5,
)
_DOCUMENTS = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "host.name", "host", "event", "event.ingested", "time"]),
    st.one_of(_JSON, st.just({"name": "dc01"}), st.just(_STAMP)),
)


@pytest.fixture(params=[True, False], ids=["scanned", "read"])
def is_native(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether lines are scanned by the library."""
    if not request.param:
        monkeypatch.setattr("sigma2hive.sources.ndjson.line_scanner", lambda options: None)
    elif not is_available():
        pytest.skip("scan.c was not built here")
    return bool(request.param)


def batch(lines: Sequence[str], flavour: str) -> EventRows:
    """Return lines of a file as a batch; findings aside."""
    options = SourceOptions(flavour, time_fields=("time", "@timestamp"))
    reading = Reading(EventFile(Path("a.ndjson"), "a.ndjson", "ndjson"), options)
    text = "".join(f"{line}\n" for line in lines).encode()
    rows = EventRows()
    for entry in reading.read_lines([text]):
        if isinstance(entry, EventRows):
            rows.extend(entry)
    return rows


def hold_later(lines: Sequence[str], flavour: str, *, lets_go: bool) -> None:
    """Hold events whose values are read later against events of the same lines."""
    expected = list(batch(lines, flavour))
    rows = batch(lines, flavour)
    # All but the first: events of others are made as ever.
    rows.read_later(range(min(1, len(rows)), len(rows)))
    events = [rows.event(row) for row in range(len(rows))]
    paths = {path for event in expected for path in event.values}.union(_ASKED)
    if lets_go:
        rows.let_go()
    for event, same in zip(events, expected, strict=True):
        for path in sorted(paths):
            assert event.values.get(path, ("none",)) == same.values.get(path, ("none",)), path
            assert (path in event.values) == (path in same.values)
    rows.let_go()
    assert [_said(event) for event in events] == [_said(event) for event in expected]
    assert [pickle.loads(pickle.dumps(event)) for event in events] == expected


def _said(event: Event) -> object:
    values = list(event.values.items())
    return event.key, event.time_ns, values, event.raw, event.origin, event.ingested_ns


@hypothesis.settings(
    max_examples=150, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(changed_events(), st.sampled_from(EVERY_FLAVOUR), st.booleans())
def test_raw_events_say_the_same(
    is_native: bool, records: list[dict[str, Any]], flavour: str, lets_go: bool
) -> None:
    hold_later(lines_of(records), flavour, lets_go=lets_go)


@hypothesis.settings(
    max_examples=150, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(st.lists(_DOCUMENTS, min_size=1, max_size=4), st.booleans())
def test_documents_say_the_same(
    is_native: bool, documents: list[dict[str, Any]], lets_go: bool
) -> None:
    # Equal ones are told apart by which comes first.
    every = [{"@timestamp": _STAMP, **document} for document in documents * 2]
    lines = [json.dumps(document, separators=(",", ":")) for document in every]
    hold_later([*lines, *lines_of(EVENTS[:1])], FLAT, lets_go=lets_go)


@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
@pytest.mark.parametrize("lets_go", [False, True])
def test_real_events_say_the_same(is_native: bool, flavour: str, lets_go: bool) -> None:
    hold_later(lines_of(EVENTS * 2), flavour, lets_go=lets_go)


@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
@pytest.mark.parametrize(
    "change",
    [
        {"Channel": None},
        {"Channel": 5},
        {"Channel": 2**70},
        {"Channel": {"#text": "Security"}},
        {"Computer": "DC01.Example.ORG."},
        {"Computer": ["a", "b"]},
        {"Computer": "365ABB72-7ACC-5CC4-0000-0010B2470300"},
        {"EventRecordID": "007"},
        {"EventRecordID": 2**64},
        {"TimeCreated": {"#attributes": {"SystemTime": "2019-02-28 23:59:59.1234567"}}},
    ],
)
def test_an_event_is_told_by_the_same_however_it_is_written(
    is_native: bool, flavour: str, change: dict[str, Any]
) -> None:
    changed = copy.deepcopy(EVENTS)
    for record in changed:
        record["Event"]["System"].update(change)
    hold_later(lines_of([*EVENTS[:1], *changed]), flavour, lets_go=False)


@pytest.mark.skipif(not is_available(), reason="scan.c was not built here")
@pytest.mark.parametrize("flavour", EVERY_FLAVOUR)
def test_what_is_listed_is_not_read_whole_while_its_batch_is_there(
    flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, _ = rows_of_lines(lines_of(EVENTS), flavour)
    rows.read_later(range(len(rows)))

    def fail(*_: object) -> None:
        raise AssertionError("an event was read whole")

    for name in ("parse_object", "normalise_windows"):
        monkeypatch.setattr(f"sigma2hive.sources.documents.{name}", fail)
    name = "Computer" if flavour == FLAT else "host.name"
    for row in range(len(rows)):
        event = rows.event(row)
        assert event.values.get(name)
        assert event.time_ns


@pytest.mark.skipif(not is_available(), reason="scan.c was not built here")
def test_an_event_that_is_kept_keeps_nothing_of_its_batch() -> None:
    rows, _ = rows_of_lines(lines_of(EVENTS), FLAT)
    rows.read_later(range(len(rows)))
    kept = [rows.event(row) for row in range(len(rows))]
    scan = weakref.ref(rows.scanned[0].scan)
    assert all("Computer" in event.values for event in kept)
    rows.let_go()
    del rows
    gc.collect()
    assert scan() is None
    assert all(event.values["Computer"] for event in kept)
