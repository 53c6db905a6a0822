"""The check of how a service will find new events: by which cursor, and what would be better.

Takes a `Subject` and a client; gives findings. Asks for no document, only for counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.runner.reading.catalogue import INGESTED_FIELD, Cursor, Told, look
from sigma2hive.workflows.doctor.findings import (
    Finding,
    Status,
    Subject,
    counted,
    ok,
    problem,
    skipped,
    warning,
)

_PIPELINE = "sigma2hive-ingested"
#: The time at which Elasticsearch took a document, whatever was there before.
_PROCESSORS = {
    "processors": [{"set": {"field": INGESTED_FIELD, "value": "{{{_ingest.timestamp}}}"}}]
}
_FINAL = {"index.final_pipeline": _PIPELINE}


def look_at_cursors(subject: Subject, client: ElasticsearchClient) -> Iterator[Finding]:
    """Say by which cursor each pattern will be read, and which privilege would be better."""
    targets = sorted({name for rule in subject.project.compiled.rules for name in rule.indices})
    if not targets:
        return
    found = look(client, targets, (), {}, int(time.time()))
    by_cursor: dict[Cursor, list[Told]] = {}
    for told in found.told:
        if told.cursor is not None:
            by_cursor.setdefault(told.cursor, []).append(told)
    for cursor, said in sorted(by_cursor.items(), key=lambda entry: list(Cursor).index(entry[0])):
        yield from _SAYS[cursor](said, subject)
    trouble = {place.index: place.trouble for place in found.places if place.trouble}
    if trouble:
        yield problem(
            f"{counted(len(trouble), 'index', 'indices')} cannot be asked, and "
            f"{'is' if len(trouble) == 1 else 'are'} not read until "
            f"{'it' if len(trouble) == 1 else 'they'} can: {next(iter(trouble.values()))}",
            "look at these indices and at the cluster's health; the others are read meanwhile",
            sorted(trouble),
        )
    elif not by_cursor:
        yield skipped("no index is there to be read", "ship events first, then run it again")


def _numbers(said: Sequence[Told], _subject: Subject) -> Iterator[Finding]:
    seen = f"every event of {_patterns(said)} is found, however late, by its `_seq_no`"
    yield ok(seen, *_names(said))
    if waiting := [told for told in said if told.better]:
        yield _better(waiting, f"{_patterns(waiting)}: {waiting[0].reason}")


def _ingested(said: Sequence[Told], subject: Subject) -> Iterator[Finding]:
    seconds = subject.project.settings.service.first_sweep_seconds
    yield _better(
        said,
        f"events of {_patterns(said)} are found by {INGESTED_FIELD}, if they can be searched "
        f"within {seconds:,} s of it",
    )


def _timestamps(said: Sequence[Told], subject: Subject) -> Iterator[Finding]:
    hours = subject.project.settings.service.last_sweep_seconds / 3600
    names = _names(said)
    far = [name for name in names if ":" in name]
    near = [name for name in names if ":" not in name]
    pipeline = (
        f"let Elasticsearch note when it takes an event: "
        f"PUT _ingest/pipeline/{_PIPELINE} {_json(_PROCESSORS)} and then "
        f"PUT {','.join(near or far)}/_settings {_json(_FINAL)} and the same setting in the index "
        f"template{'' if near else ', all in that cluster'}"
    )
    privilege = f"grant the index privilege `monitor` on {', '.join(near)}; or " if near else ""
    yield warning(
        f"events of {_patterns(said)} are found by @timestamp: one that comes more than "
        f"{hours:g} h late is not",
        privilege + pipeline,
        names,
    )


_SAYS = {
    Cursor.SEQ_NO: _numbers,
    Cursor.INGESTED: _ingested,
    Cursor.TIMESTAMP: _timestamps,
}


def _better(said: Sequence[Told], seen: str) -> Finding:
    better = "; ".join(dict.fromkeys(told.better for told in said if told.better))
    return Finding(Status.OK, seen, better, tuple(_names(said)))


def _names(said: Sequence[Told]) -> list[str]:
    return sorted({told.target for told in said})


def _patterns(said: Sequence[Told]) -> str:
    return counted(len(_names(said)), "pattern")


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))
