"""Slices of a real index, looked at in each of the ways, and what each of them found."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sigma2hive.clients.elasticsearch import ElasticsearchClient
from sigma2hive.clients.elasticsearch import Indices as Searched
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.rules import Compiled, CompiledRule
from sigma2hive.model.service import Interval
from sigma2hive.runner.finding import WAYS, Batch, Finder, Means
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.runner.reading.reader import ElasticsearchReader
from sigma2hive.settings import ServiceSettings

#: Rule, event, what is in it, and how it came.
Hit = tuple[str, object, Mapping[str, Sequence[str]], bytes]
EVERYTHING: Mapping[str, Any] = {"match_all": {}}


def slice_of(index: str, target: str, query: Mapping[str, Any] = EVERYTHING) -> Slice:
    """Return a slice of all that a query finds in an index."""
    return Slice(
        unit=f"timestamp:{index}",
        targets=(target,),
        index=index,
        indices=Searched((index,)),
        query=query,
        position={},
        expected=None,
        interval=Interval(0, 1),
    )


@dataclass
class Ways:
    """Each way, with the same rules and reader."""

    client: ElasticsearchClient
    rules: Sequence[CompiledRule]
    computed: Sequence[str] = ()
    settings: ServiceSettings = field(default_factory=ServiceSettings)
    told: list[Diagnostic] = field(default_factory=list)
    known: Mapping[str, Any] = field(default_factory=dict)

    def means(self) -> Means:
        targets = sorted({name for rule in self.rules for name in rule.indices})
        computed = dict.fromkeys(targets, self.computed)
        reader = ElasticsearchReader(self.client, targets, self.settings, computed)
        matcher = Matcher(Compiled(tuple(self.rules)), exhaustive=True)
        return Means(reader, matcher, self.rules, self.told.append, self.known)

    def finder(self, way: str) -> Finder:
        return WAYS[way](self.means())

    def found(self, way: str, part: Slice) -> list[Hit]:
        """Return every hit of the slice's rules in the order in which it is found."""
        return hits_of(self.finder(way), part)


def hits_of(finder: Finder, part: Slice) -> list[Hit]:
    return [
        (rule.info.id, event.key, event.values, event.raw)
        for entry in finder.find(part)
        if isinstance(entry, Batch)
        for rule, event in entry.hits
        if not set(part.targets).isdisjoint(rule.indices)
    ]


def named(rule: CompiledRule) -> CompiledRule:
    """Return the rule under an id of its own."""
    return replace(rule, info=replace(rule.info, id=str(uuid.uuid4())))
