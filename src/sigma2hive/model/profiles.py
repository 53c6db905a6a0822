"""Profiles: where a Sigma log source lies in an index, and in which fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import TypeVar

from sigma2hive.model.events import TIME_FIELD
from sigma2hive.model.fields import Derived, Field, TypeTable
from sigma2hive.model.index_names import is_within
from sigma2hive.model.snapshot_types import IndexView, index_view
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Logsource:
    """A Sigma log source; None is "any".

    Source: https://sigmahq.io/docs/basics/log-sources.html
    """

    product: str | None = None
    category: str | None = None
    service: str | None = None

    def covers(self, other: Logsource) -> bool:
        """Whether everything that this one names is the same in `other`."""
        return all(
            mine is None or mine == theirs
            for mine, theirs in (
                (self.product, other.product),
                (self.category, other.category),
                (self.service, other.service),
            )
        )

    @property
    def specificity(self) -> int:
        """How many of the three attributes are named."""
        return sum(part is not None for part in (self.product, self.category, self.service))

    def __str__(self) -> str:
        named = (
            ("product", self.product),
            ("category", self.category),
            ("service", self.service),
        )
        return " ".join(f"{name}={value}" for name, value in named if value) or "any"


#: A conjunction over index fields, path → texts of which one must be met.
Conjunction = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class LogsourcePlace:
    """Where a rule's log source lies in the index, everything merged.

    `indices` are index patterns. `any_of` are alternatives, each a conjunction of index fields and
    accepted values (empty: no condition). `paths` maps a Sigma field name to candidate index
    fields, of which any may hold the value. `keyword_fields` are searched by unbound keywords.
    `default_prefix` (e.g. "winlog.event_data.") stands before a field that `paths` does not list;
    `also_read` ("winlog.event_data.{field}") names one more candidate for those it does list.
    `blanks` is what the index has for each blank in a name that `paths` does not list, "" for such
    names as they are.
    `dropped` are values that ingestion removes from all of these. `empty_is_absent` where an empty
    text says as little as no field at all, so that `''` and null ask for either. `view` is what the
    indices themselves had when they were asked, None where they were not.
    """

    indices: tuple[str, ...]
    any_of: tuple[Conjunction, ...]
    paths: Mapping[str, tuple[str, ...]]
    keyword_fields: tuple[Field, ...]
    default_prefix: str = ""
    also_read: str = ""
    blanks: str = ""
    dropped: tuple[str, ...] = ()
    empty_is_absent: bool = False
    types: TypeTable = field(default_factory=TypeTable)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    view: IndexView | None = None
    _resolved: dict[str, tuple[Field, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def fields(self) -> dict[str, tuple[Field, ...]]:
        """Return every Sigma field that the profile names, resolved."""
        return {name: self.resolve(name) for name in self.paths}

    def resolve(self, name: str) -> tuple[Field, ...]:
        """Return the index fields that may hold the Sigma field `name`; never none.

        A mapped name gives its candidates; a name that is itself a field of the index is that
        field; every other name is read under the default prefix.
        """
        found = self._resolved.get(name)
        if found is None:
            found = self._resolved[name] = self._resolve(name)
        return found

    def grouping(self, name: str) -> tuple[Field, ...]:
        """Return the fields that a correlation reads `name` from.

        Where an empty text says as little as no field, it is no value to group or count by.
        """
        fields = self.resolve(name)
        if not self.empty_is_absent:
            return fields
        return tuple(replace(entry, dropped=(*entry.dropped, "")) for entry in fields)

    def field(self, path: str) -> Field:
        """Return the index field at `path`, for conditions that are written in index fields."""
        if path in self.derived:
            derived = self.derived[path]
            parts = tuple(self.types.field(part.path) for part in derived.parts)
            return Field(path, derived=derived, parts=parts)
        return self.types.field(path)

    def _resolve(self, name: str) -> tuple[Field, ...]:
        paths = self.paths.get(name)
        if paths is None:
            if self._is_path(name):
                return (self.field(name),)
            paths = (self.default_prefix + name.replace(" ", self.blanks or " "),)
        elif self.also_read:
            paths = tuple(dict.fromkeys((*paths, self.also_read.replace("{field}", name))))
        return tuple(replace(self.field(path), dropped=self.dropped) for path in paths)

    def _is_path(self, name: str) -> bool:
        if name in self.derived or self.types.knows(name):
            return True
        return bool(self.default_prefix) and name.startswith(self.default_prefix)


@dataclass(frozen=True, slots=True)
class LogsourceEntry:
    """One row of a profile's `logsources`, as written; `None` is "says nothing about it".

    The row speaks for a rule whose log source it covers. `products`, `categories` and `services`
    list accepted values, () for any.
    """

    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    indices: tuple[str, ...] | None = None
    any_of: tuple[Conjunction, ...] | None = None
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keyword_fields: tuple[str, ...] | None = None
    default_prefix: str | None = None
    also_read: str | None = None
    blanks: str | None = None
    dropped: tuple[str, ...] | None = None
    empty_is_absent: bool | None = None
    types: TypeTable | None = None

    def covers(self, logsource: Logsource) -> bool:
        """Whether every attribute that the row lists has one of its values in `logsource`."""
        return (
            (not self.products or logsource.product in self.products)
            and (not self.categories or logsource.category in self.categories)
            and (not self.services or logsource.service in self.services)
        )

    @property
    def specificity(self) -> int:
        """How many of the three attributes are listed."""
        return sum(map(bool, (self.products, self.categories, self.services)))


class WindowsEvents(StrEnum):
    """How raw Windows events (.evtx, raw JSON) are brought into a profile's fields."""

    WINLOGBEAT = "winlogbeat"
    ELASTIC_AGENT = "elastic-agent"
    FLAT = "flat"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Profile:
    """What fields an index has and where each Sigma log source lies in it.

    `windows_events` is None where no one of them says. `rows` are in order of precedence among
    equally specific ones: the profile's own first, then its parents'. `snapshots` say what indices
    had; where they speak of all that a log source reads, they stand in place of `types`. Of
    `time_fields` the first that an event of a file has says when it happened. `alert_names` is a
    profile by whose names alerts may call this one's fields too, which are Sigma's own.
    """

    name: str
    title: str
    windows_events: WindowsEvents | None
    rows: tuple[LogsourceEntry, ...]
    types: TypeTable = field(default_factory=TypeTable)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    snapshots: tuple[Snapshot, ...] = ()
    time_fields: tuple[str, ...] = (TIME_FIELD,)
    alert_names: Profile | None = None
    _places: dict[Logsource, LogsourcePlace | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _views: dict[tuple[str, ...], IndexView | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def place(self, logsource: Logsource) -> LogsourcePlace | None:
        """Return where `logsource` lies, or None where the profile does not say.

        Fails closed: some covering row must give indices, and one covering row must list every
        attribute that the log source names, so that a rule for DNS on Linux never searches
        everything on Linux.
        """
        if logsource not in self._places:
            self._places[logsource] = self._place(logsource)
        return self._places[logsource]

    def alert_place(self, logsource: Logsource) -> LogsourcePlace | None:
        """Return where `alert_names` has the log source; None where it has not."""
        return self.alert_names.place(logsource) if self.alert_names else None

    def unplaced_reason(self, logsource: Logsource) -> str:
        """Say why `place` gives None: "no row names service=foo for product=linux"."""
        covering = self._covering(logsource)
        missing = _unlisted(logsource, covering)
        if missing:
            named = Logsource(
                **{
                    name: None if name in missing else value
                    for name, value in _attributes(logsource).items()
                }
            )
            wanted = " ".join(f"{name}={value}" for name, value in missing.items())
            return f"no row names {wanted}" + (f" for {named}" if named.specificity else "")
        if not _is_named(logsource, covering):
            return f"no row names {logsource} together"
        return f"no row for {logsource} gives indices"

    def unplaced_hint(self, logsource: Logsource) -> str:
        """Say what to write, and where, so that `logsource` gets a place."""
        row = ", ".join(
            f"{name}: {value}" for name, value in _attributes(logsource).items() if value
        )
        return (
            f"add a row {{{row}, indices: [...]}} to a profile of your own in mappings/schemas/ "
            f"that extends {self.name}"
        )

    def patterns(self) -> tuple[str, ...]:
        """Return every index pattern that a row reads, sorted."""
        return tuple(sorted({name for row in self.rows for name in row.indices or ()}))

    def without_index(self) -> frozenset[str]:
        """Return the patterns that no index fitted when the snapshot was pulled."""
        return frozenset(entry.pattern for entry in self.snapshots if not entry.indices)

    def view_of(self, patterns: tuple[str, ...]) -> IndexView | None:
        """Return what the indices of all these patterns had, None where one was not looked at.

        A pattern that lies within one that was looked at was looked at with it.
        """
        if patterns not in self._views:
            found = [self._speaking_of(pattern) for pattern in patterns]
            distinct = {entry.pattern: entry for entries in found for entry in entries}
            is_known = bool(found) and all(found)
            self._views[patterns] = (
                index_view(tuple(distinct.values()), patterns) if is_known else None
            )
        return self._views[patterns]

    def _speaking_of(self, pattern: str) -> list[Snapshot]:
        same = [entry for entry in self.snapshots if entry.pattern == pattern]
        return same or [entry for entry in self.snapshots if self._covers(entry, pattern)][:1]

    def _covers(self, snapshot: Snapshot, pattern: str) -> bool:
        """Whether what fits `pattern` was looked at with the snapshot's.

        A snapshot names no cluster. Where some row reads its indices in this one, it is from here,
        and says nothing of others.
        """
        if not is_within(pattern, snapshot.pattern):
            return False
        near = (name for name in self.patterns() if ":" not in name)
        return ":" not in pattern or not any(is_within(name, snapshot.pattern) for name in near)

    def _covering(self, logsource: Logsource) -> list[LogsourceEntry]:
        rows = [row for row in self.rows if row.covers(logsource)]
        return sorted(rows, key=lambda row: -row.specificity)

    def _place(self, logsource: Logsource) -> LogsourcePlace | None:
        rows = self._covering(logsource)
        indices = _first(row.indices for row in rows)
        if indices is None or not _is_named(logsource, rows):
            return None
        row_types = _first(row.types for row in rows)
        types = TypeTable(row_types.known, self.types) if row_types else self.types
        view = self.view_of(indices)
        if view is not None and view.indices:
            types = replace(view.types, fallback=types)
        paths: dict[str, tuple[str, ...]] = {}
        for row in reversed(rows):
            paths.update(row.fields)
        keyword_paths = _first(row.keyword_fields for row in rows) or ()
        return LogsourcePlace(
            indices=indices,
            any_of=_first(row.any_of for row in rows) or (),
            paths=paths,
            keyword_fields=tuple(types.field(path) for path in keyword_paths),
            default_prefix=_first(row.default_prefix for row in rows) or "",
            also_read=_first(row.also_read for row in rows) or "",
            blanks=_first(row.blanks for row in rows) or "",
            dropped=_first(row.dropped for row in rows) or (),
            empty_is_absent=_first(row.empty_is_absent for row in rows) or False,
            types=types,
            derived=self.derived,
            view=view,
        )


def _attributes(logsource: Logsource) -> dict[str, str | None]:
    return {
        "product": logsource.product,
        "category": logsource.category,
        "service": logsource.service,
    }


def _listed(row: LogsourceEntry) -> set[str]:
    """Return the attributes that the row lists values of."""
    lists = {"product": row.products, "category": row.categories, "service": row.services}
    return {name for name, values in lists.items() if values}


def _is_named(logsource: Logsource, covering: Iterable[LogsourceEntry]) -> bool:
    """Whether one covering row lists every attribute of `logsource`."""
    named = {name for name, value in _attributes(logsource).items() if value is not None}
    return any(named <= _listed(row) for row in covering)


def _unlisted(logsource: Logsource, covering: Iterable[LogsourceEntry]) -> dict[str, str]:
    """Return the attributes of `logsource` that no covering row lists."""
    listed = {name for row in covering for name in _listed(row)}
    return {
        name: value
        for name, value in _attributes(logsource).items()
        if value is not None and name not in listed
    }


Stated = TypeVar("Stated")


def _first(statements: Iterable[Stated | None]) -> Stated | None:
    return next((statement for statement in statements if statement is not None), None)
