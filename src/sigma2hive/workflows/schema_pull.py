"""What `schema pull` asks a cluster: the fields of the indices that a profile reads.

Takes a client and index patterns; gives snapshots. Asks for mappings, settings and field
capabilities, for which the privilege `view_index_metadata` is enough; reads no document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sigma2hive.clients.elasticsearch import ElasticsearchClient, Indices
from sigma2hive.clients.errors import AnswerError, IncompleteError
from sigma2hive.clock import today
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.records import dataclass
from sigma2hive.schema import IndexFacts, MappingError, field_line, snapshot_of


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a snapshot that came (`is_new`) or went."""

    pattern: str
    is_new: bool
    line: str


def pull_snapshots(client: ElasticsearchClient, patterns: Sequence[str]) -> tuple[Snapshot, ...]:
    """Return what the indices of each pattern have today; where none fits, no indices.

    Raises:
        ServerError: the cluster does not answer, not in full, or refuses to.
    """
    return tuple(replace(_pulled(client, pattern), pulled=today()) for pattern in patterns)


def _pulled(client: ElasticsearchClient, pattern: str) -> Snapshot:
    indices = Indices((pattern,))
    capabilities = client.field_caps(indices)
    mappings = client.mappings(indices)
    settings = client.index_settings(indices)
    if not (capabilities and mappings and settings):
        return Snapshot(pattern)
    if not mappings.keys() == settings.keys() == set(capabilities.indices):
        raise IncompleteError(
            f"reading {pattern}: indices came or went meanwhile, or cannot be looked into",
            "run it again; if that does not help, look at the cluster's health",
        )
    facts = [
        IndexFacts(name, mappings[name], settings[name], capabilities.searchable_in(name))
        for name in sorted(mappings)
    ]
    try:
        return snapshot_of(pattern, facts)
    except MappingError as error:
        raise AnswerError(
            f"reading {pattern}: Elasticsearch at {client.server} gave a mapping of another form: "
            f"{error}",
            "check that elasticsearch.urls leads to Elasticsearch 9, and what stands before it",
        ) from None


def compare(old: Sequence[Snapshot], new: Sequence[Snapshot]) -> tuple[Change, ...]:
    """Return the lines that differ, by pattern; those that went before those that came."""
    before = {entry.pattern: entry for entry in old}
    after = {entry.pattern: entry for entry in new}
    changes: list[Change] = []
    for pattern in sorted(before.keys() | after.keys()):
        was, now = (dict.fromkeys(_lines(side.get(pattern))) for side in (before, after))
        changes += [Change(pattern, False, line) for line in was if line not in now]
        changes += [Change(pattern, True, line) for line in now if line not in was]
    return tuple(changes)


def _lines(snapshot: Snapshot | None) -> Iterator[str]:
    if snapshot is None:
        return
    if not snapshot.indices:
        yield "no index"
    yield from (f"index {name}" for name in snapshot.indices)
    yield from (f"closed {name}" for name in snapshot.closed)
    yield from (f"sourceless {name}" for name in snapshot.sourceless)
    yield from map(field_line, snapshot.fields)
