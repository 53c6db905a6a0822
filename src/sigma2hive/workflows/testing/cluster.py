"""The same rules and events on a real cluster.

Takes a project and an address; gives what finds events there: an index with the profile's types for
the time of the search, the rules' own queries, and each hit decided again, as `run --since` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    open_client,
    put_documents,
    scratch_index,
)
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.engine import matches
from sigma2hive.model.events import Event
from sigma2hive.model.fields import TypeTable
from sigma2hive.model.profiles import Profile
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.times import render_time
from sigma2hive.records import dataclass
from sigma2hive.runner.querying import Search, Window
from sigma2hive.schema import INDEX_SETTINGS, mapping_of, unflattened
from sigma2hive.workflows.project import Project


@dataclass(slots=True)
class Elsewhere:
    """What a server finds. `rows` are bitmaps by rule id; `refused` says why an event, by its
    row, could not be put into the index, so that the server cannot have found it."""

    rows: dict[str, int] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestCluster:
    """A cluster to search the events of tests on."""

    __test__ = False  # pytest: this is no test class

    client: ElasticsearchClient
    profile: Profile

    @property
    def name(self) -> str:
        """Where it is."""
        return self.client.server

    def find(self, rules: Sequence[CompiledRule], events: Sequence[Event]) -> Elsewhere:
        """Return which events each rule finds there.

        Raises:
            ServerError: something could not be made, written, searched or removed.
        """
        found = Elsewhere()
        if not events:
            return found
        documents = [_document(event, row, found.refused) for row, event in enumerate(events)]
        for types, alike in self._by_types(rules):
            self._search(types, alike, documents, found)
        return found

    def _by_types(
        self, rules: Sequence[CompiledRule]
    ) -> Iterator[tuple[TypeTable, list[CompiledRule]]]:
        """Yield the rules whose log sources lie in indices of the same types."""
        groups: dict[tuple[int, ...], tuple[TypeTable, list[CompiledRule]]] = {}
        for rule in rules:
            place = self.profile.place(rule.logsource)
            if place is not None:
                key = tuple(_tables(place.types))
                groups.setdefault(key, (place.types, []))[1].append(rule)
        yield from groups.values()

    def _search(
        self,
        types: TypeTable,
        rules: Sequence[CompiledRule],
        documents: Sequence[Mapping[str, Any]],
        found: Elsewhere,
    ) -> None:
        mappings = [mapping_of(types, has_all_types=True), mapping_of(types)]
        with scratch_index(self.client, mappings, INDEX_SETTINGS) as index:
            found.refused.update(put_documents(self.client, index, documents))
            here = {rule.info.id: replace(rule, indices=(index,)) for rule in rules}
            # The scratch index is ours, and what is looked at here.
            search = Search(self.client, tuple(here.values()), _ALWAYS, own=())
            for entry in search:
                if isinstance(entry, Diagnostic):
                    continue  # a document that is no event: the row is not found, and told so
                if matches(here[entry.rule_id], entry.event):
                    row = int(entry.event.key.parts[1])
                    found.rows[entry.rule_id] = found.rows.get(entry.rule_id, 0) | 1 << row
            for error in search.failures.values():
                raise error


#: All the times that an event may have.
_ALWAYS = Window(-(2**63), 2**63 - 1)


@contextmanager
def open_cluster(project: Project, url: str) -> Iterator[TestCluster]:
    """Connect to the cluster at an address, with the settings' other options and credentials.

    Raises:
        ConfigurationError: the address or the credentials cannot be used.
    """
    settings = replace(project.settings.elasticsearch, urls=(url,))
    with open_client(settings) as client:
        yield TestCluster(client, project.profile)


def _tables(types: TypeTable | None) -> Iterator[int]:
    while types is not None:
        yield id(types.known)
        types = types.fallback


def _document(event: Event, row: int, refused: dict[int, str]) -> dict[str, Any]:
    timed = {"@timestamp": (render_time(event.time_ns),)}
    try:
        return unflattened({**timed, **event.values})
    except ValueError as error:
        refused[row] = str(error)
        return dict(timed)
