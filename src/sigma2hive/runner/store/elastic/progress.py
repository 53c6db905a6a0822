"""How far was read and what came of it, in Elasticsearch: the cursor of a step moves last.

Alerts and what sends them are stored first, then matches: a match that is known has been told of.
A crash between two requests leaves the cursor where it was; the step is done again, and finds what
is there already under the same references.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from sigma2hive.model.canonical import JsonValue, digest
from sigma2hive.model.service import (
    Interval,
    Position,
    RuleRecord,
    Searched,
    SearchStatus,
    Step,
)
from sigma2hive.runner.store.elastic.documents import Documents, Kept, Source, Write, packed
from sigma2hive.runner.store.elastic.episodes import counted_write, save_episodes
from sigma2hive.runner.store.elastic.indices import Kind
from sigma2hive.runner.store.elastic.matches import match_write
from sigma2hive.runner.store.elastic.outbox import queue_alerts
from sigma2hive.runner.store.ledgers import with_entry
from sigma2hive.runner.store.progress_forms import (
    check_it_stands,
    moved_error,
    rule_fields,
    rule_of,
    written,
)


class ElasticProgress:
    """Cursors, ledger and rules; what `interface.Progress` says."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def positions(self, prefix: str = "") -> Mapping[str, Position]:
        """Return where each unit stands whose name begins so."""
        body = {"query": {"prefix": {"unit": prefix}}, "sort": ["unit"]}
        return {
            hit["_source"]["unit"]: json.loads(hit["_source"]["position"])
            for page in self._documents.pages(Kind.CURSORS, body)
            for hit in page
        }

    def commit(self, step: Step) -> None:
        """Store a step: everything under references that hang on what it is, the cursor last.

        Raises:
            MovedError: its unit stands elsewhere than the step expects. What another runner that
                stores the same step would not have stored as well, is not.
            ServerError: it cannot be written; the step may be tried again.
        """
        before = self._expected(step) if step.unit else None
        queue_alerts(self._documents, step.alerts)
        save_episodes(self._documents, step.episodes)
        self._documents.write(Kind.MATCHES, map(match_write, step.matches))
        self._documents.write(Kind.COUNTED, map(counted_write, step.counted))
        self._enter(step.searched)
        if step.unit and step.position is not None:
            moved = {"unit": step.unit, "position": written(step.position)}
            if not all(
                self._documents.write(Kind.CURSORS, [Write(_ref(step.unit), moved, before)])
            ):
                raise moved_error(step)

    def forget(self, units: Collection[str]) -> None:
        """Forget the cursors of units that are gone for good."""
        self._documents.write(Kind.CURSORS, [Write(_ref(unit), None) for unit in units])

    def rules(self) -> Mapping[str, RuleRecord]:
        """Return what is known of rules and correlations, by id."""
        found = {}
        for page in self._documents.pages(Kind.RULES, {"sort": ["rule_id"]}):
            for hit in page:
                # What an older version stored misses nothing that it knew of, nor knew its file.
                record = rule_of({"missed": "", "path": "", **hit["_source"]})
                found[record.rule_id] = record
        return found

    def save_rules(self, records: Collection[RuleRecord]) -> None:
        """Store what is known of these rules."""
        self._documents.write(
            Kind.RULES,
            [
                Write(_ref(record.rule_id), rule_fields(record), is_forced=True)
                for record in records
            ],
        )

    def note(self, name: str, value: JsonValue) -> None:
        """Keep something that whoever looks from outside should know; the last value counts."""
        source = {"name": name, "value": written(value)}
        self._documents.write(Kind.NOTES, [Write(_ref(name), source, is_forced=True)])

    def notes(self) -> Mapping[str, JsonValue]:
        """Return all of it, by name."""
        return {
            hit["_source"]["name"]: json.loads(hit["_source"]["value"])
            for page in self._documents.pages(Kind.NOTES, {"sort": ["name"]})
            for hit in page
        }

    def ledger(self, units: Collection[str] | None = None) -> Sequence[Searched]:
        """Return the ledger, in the order of unit and time."""
        found: list[Searched] = []
        for page in self._documents.pages(Kind.LEDGER, {"sort": ["unit"]}):
            for hit in page:
                if units is None or hit["_source"]["unit"] in units:
                    found += read_entries(hit["_source"])
        return found

    def _expected(self, step: Step) -> Kept | None:
        """Return the cursor as it is, where that is as the step expects.

        Raises:
            MovedError: it is not.
        """
        found = self._documents.get(Kind.CURSORS, _ref(step.unit))
        check_it_stands(step, None if found is None else found.source["position"])
        return found

    def _enter(self, entries: Iterable[Searched]) -> None:
        by_unit: dict[str, list[Searched]] = {}
        for entry in entries:
            by_unit.setdefault(entry.unit, []).append(entry)
        units = {_ref(unit): unit for unit in by_unit}

        def entered(ref: str, before: Source | None) -> Source | None:
            known = [] if before is None else read_entries(before)
            result = known
            for entry in by_unit[units[ref]]:
                result = with_entry(result, entry)
            return None if result == known else ledger_source(units[ref], result)

        self._documents.change(Kind.LEDGER, units, entered)


def _ref(name: str) -> str:
    """Return the reference of what is known by a name: of any length, with any character."""
    return digest(name)


def read_entries(source: Source) -> list[Searched]:
    """Return the entries of a unit's document, in the order of time."""
    return [
        Searched(
            *(source["unit"], target, Interval(start, end), SearchStatus(status), reason),
            tuple(patterns),
        )
        for target, start, end, status, reason, patterns in json.loads(source["entries"])
    ]


def ledger_source(unit: str, entries: Sequence[Searched]) -> Source:
    """Return the document of a unit's entries."""
    return {
        "unit": unit,
        "end_ns": max((entry.interval.end_ns for entry in entries), default=0),
        "entries": packed(
            [
                (
                    *(entry.target, entry.interval.start_ns, entry.interval.end_ns),
                    *(entry.status.value, entry.reason, list(entry.patterns)),
                )
                for entry in entries
            ]
        ),
    }
