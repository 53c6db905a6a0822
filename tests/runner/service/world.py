"""A small repository, and a log that grows: what the service is run on without a server."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sigma2hive.clients.elasticsearch import Indices
from sigma2hive.clients.errors import IncompleteError
from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostic, Diagnostics
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.mappings import Mappings
from sigma2hive.model.rules import Compiled
from sigma2hive.model.service import Interval, Position
from sigma2hive.model.values import flatten
from sigma2hive.repository import load_mappings, load_repository
from sigma2hive.runner.raising import Raiser
from sigma2hive.runner.reading.interface import Document, Lost, Slice
from sigma2hive.runner.service.cycle import Cycle
from sigma2hive.runner.service.loop import Loading, NoCorrelations, Version
from sigma2hive.runner.service.missed import Missed, returned, take_in
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.schema import load_profile
from sigma2hive.sources import EventRows

SECOND = 1_000_000_000
START = 1_764_000_000 * SECOND
PATTERN = "site-*"
#: The unit of a log, in the words of a cursor by number.
LOG = "seq_no:log/0"

LOGON = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"
SERVICE = "22222222-2222-4222-8222-222222222222"
RULES = f"""\
title: Failed logon
id: {LOGON}
logsource: {{product: windows, service: security}}
level: low
detection:
    selection: {{event.code: 4625}}
    condition: selection
---
title: Service installed
id: {SERVICE}
logsource: {{product: windows, service: security}}
level: high
detection:
    selection: {{event.code: 7045}}
    condition: selection
"""
PROFILE = """\
profile: site
title: A site's own
field_types: {source.ip: ip, event.code: keyword}
logsources:
    - {product: windows, service: security, indices: [site-*]}
"""


def repository_of(
    folder: Path, rules: str = RULES, pattern: str = PATTERN
) -> tuple[Compiled, Mappings]:
    """Return the rules compiled for a site's own profile, and the shipped mappings."""
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    (folder / "schemas" / "site.yml").write_text(PROFILE.replace(PATTERN, pattern))
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "all.yml").write_text(rules)
    findings = Diagnostics()
    profile = load_profile("site", folder / "schemas", findings)
    assert profile is not None
    repository = load_repository([folder / "rules"], folder, {}, findings)
    compiled = compile_all(repository, profile, findings)
    assert not list(findings), [finding.message for finding in findings]
    return compiled, load_mappings(None, findings)


def event_of(number: int, code: int, ingested_ns: int | None = None) -> Event:
    """Return the event with this number, one second after the one before."""
    document = {"event": {"code": code}, "source": {"ip": f"10.0.0.{number % 5}"}}
    key = EventKey(EventKeyKind.ELASTICSEARCH, ("site", str(number), "t"))
    raw = f'{{"event":{{"code":{code}}},"source":{{"ip":"10.0.0.{number % 5}"}}}}'.encode()
    time_ns = START + number * SECOND
    return Event(key, time_ns, flatten(document), raw, f"site/{number}", ingested_ns or time_ns)


@dataclass
class Log:
    """A log that grows, read by position; `fails` are positions at which reading fails once.

    This program itself fails wherever one of the `poison` is read.
    """

    events: list[Event] = field(default_factory=list)
    size: int = 4
    fails: set[int] = field(default_factory=set)
    backfill_below: int = 0
    reads: int = 0
    planned_ns: int = 0
    unit: str = LOG
    poison: set[int] = field(default_factory=set)

    def plan(self, positions: Mapping[str, Position], now_ns: int) -> Sequence[Slice]:
        self.planned_ns = now_ns
        stands = positions.get(self.unit)
        start = 0 if stands is None else int(stands["next"])  # type: ignore[call-overload]
        expected, slices = stands, []
        for begin in range(start, len(self.events), self.size):
            end = min(begin + self.size, len(self.events))
            part = Slice(
                unit=self.unit,
                targets=(PATTERN,),
                index="site-1",
                indices=Indices((PATTERN,)),
                query={"from": begin, "to": end},
                position={"next": end},
                expected=expected,
                interval=Interval(
                    self.events[begin].ingested_ns or 0, self.events[end - 1].ingested_ns or 0
                ),
                is_backfill=end <= self.backfill_below,
            )
            slices.append(part)
            expected = part.position
        return slices

    def horizons(self) -> Mapping[str, int]:
        return {PATTERN: self.planned_ns}

    def is_whole(self) -> bool:
        return True

    def read(self, part: Slice) -> Iterator[EventRows | Diagnostic]:
        self.reads += 1
        rows = EventRows()
        for number in self._numbers(part):
            if number in self.poison:
                raise RecursionError(f"maximum recursion depth exceeded at {number}")
            if number in self.fails:
                self.fails.discard(number)
                yield rows
                raise IncompleteError("1 of 2 shards failed", "look at the cluster")
            rows.add(self.events[number])
        yield rows

    def documents(self, part: Slice) -> Sequence[Document]:
        return [Document("site-1", str(number)) for number in self._numbers(part)]

    def only(self, part: Slice, documents: Collection[Document]) -> Slice:
        span = {**_span(part), "only": [int(document.id) for document in documents]}
        return replace(part, query=span)

    def _numbers(self, part: Slice) -> list[int]:
        span = _span(part)
        every = range(span["from"], span["to"])
        return [number for number in every if "only" not in span or number in span["only"]]

    def held_back(self) -> Mapping[str, str]:
        return {}

    def lost(self, positions: Mapping[str, Position], looked_ns: int) -> Sequence[Lost]:
        return ()

    def closed(self, positions: Mapping[str, Position]) -> Collection[str]:
        return ()

    def gone(self, positions: Mapping[str, Position]) -> Collection[str]:
        return ()


def _span(part: Slice) -> Mapping[str, Any]:
    """Return the positions that a slice has: narrowed for rules or not, a log gives all of them."""
    return part.query["bool"]["filter"][0] if "bool" in part.query else part.query  # type: ignore[no-any-return]


@dataclass
class Site(Loading):
    """Loads the repository of a folder; `rules` may be changed."""

    folder: Path
    log: Log
    rules: str = RULES
    changed: bool = False
    first_start_ns: int = 900 * SECOND

    def has_changed(self) -> bool:
        return self.changed

    def load(self, store: StateStore, now_ns: int) -> Version:
        self.changed = False
        compiled, mappings = repository_of(self.folder, self.rules)
        records = take_in(store, compiled, now_ns, self.first_start_ns)
        raiser = Raiser(compiled, mappings)
        cycle = Cycle(compiled, raiser, self.log, store, records)
        missed = tuple(
            Missed(name, Cycle(rules, raiser, self.log, store, records))
            for name, rules in returned(compiled, records).items()
        )
        return Version("now", cycle, NoCorrelations(), missed)
