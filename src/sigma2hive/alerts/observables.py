"""Observables of a match: every mapped field's values, once each, or left out with a reason.

Takes rows, a mapping and the facts of a match; gives observables within TheHive's limits and what
was left out. Values are exact, but for hidden characters, which are made visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from ipaddress import ip_network
from urllib.parse import urlsplit

from sigma2hive.alerts.facts import Facts
from sigma2hive.alerts.normalise import Normal, UnusableError, normalise, parse_address
from sigma2hive.alerts.text import data_text, excerpt, fit, is_hidden, plain, units, visible
from sigma2hive.model.alerts import LeftOut, Observable
from sigma2hive.model.folding import fold
from sigma2hive.model.mappings import SERVER_TYPES, ObservableMapping, ObservablesMapping
from sigma2hive.records import dataclass

#: Source: TheHive 5.7 API, InputObservableData and InputCreateObservable
MAX_DATA = 4096
MAX_TAG = 128
_MAX_MESSAGE = 2000
#: A longer value is not even looked at: no kind of observable shrinks so much.
_MAX_RAW = 65_536
_MAX_LEFT_OUT_TEXT = 200
#: What became of longer values is not kept in mind.
_MAX_KEPT = 256
_NAME_TYPES = frozenset({"domain", "fqdn", "hostname"})


@dataclass(frozen=True, slots=True)
class Markings:
    """The alert's TLP and PAP, for rows without their own."""

    tlp: int
    pap: int


@dataclass(slots=True)
class _Draft:
    """An observable while the values that mean the same come together."""

    data_type: str
    data: str
    rows: dict[ObservableMapping, None] = field(default_factory=dict)
    fields: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    internal: bool = False


@dataclass(frozen=True, slots=True)
class _Usable:
    """A value that can be an observable: as it is shown, and by what it is told from others."""

    normal: Normal
    shown: str
    folded: str
    is_own: bool


_Judged = _Usable | LeftOut


class Judge:
    """What a mapping says of any value: whether it is ignored, and whether it is the team's own."""

    def __init__(self, mapping: ObservablesMapping) -> None:
        self.mapping = mapping
        self._ignored = _Ignored(mapping)
        self._own = _Own(mapping)
        self._look_once = lru_cache(maxsize=4096)(self._look)

    def look(self, kind: str, value: str) -> tuple[_Judged, ...]:
        """Return what a value of a row's type becomes; the same hosts and accounts come again."""
        look = self._look_once if len(value) <= _MAX_KEPT else self._look
        return look(kind, value)

    def _look(self, kind: str, value: str) -> tuple[_Judged, ...]:
        if len(value) > _MAX_RAW:
            return (_refused(kind, value, f"longer than {MAX_DATA:,} characters"),)
        if self._ignored.covers(kind, value):
            return (_refused(kind, value, "on the ignore list"),)
        try:
            found = normalise(kind, value)
        except UnusableError as error:
            return (_refused(kind, value, str(error)),)
        return tuple(map(self._judged, found))

    def _judged(self, normal: Normal) -> _Judged:
        if self._ignored.covers(normal.data_type, normal.data):
            return _refused(normal.data_type, normal.data, "on the ignore list")
        shown = visible(normal.data)
        if not shown or units(shown) > MAX_DATA:
            reason = f"longer than {MAX_DATA:,} characters" if shown else "nothing is left of it"
            return _refused(normal.data_type, normal.data, reason)
        # TheHive compares most types without letter case, and refuses what it takes for a double.
        return _Usable(normal, shown, fold(shown), self._own.covers(normal))


def collect_observables(
    rows: Sequence[ObservableMapping], judge: Judge, facts: Facts, markings: Markings
) -> tuple[tuple[Observable, ...], tuple[LeftOut, ...]]:
    """Return the observables of a match, in the order of the rows, and what was left out."""
    collector = _Collector(judge, facts.context.data_types)
    by_path = _values_by_path(tuple(dict.fromkeys(row.field for row in rows)), facts)
    for row in rows:
        for value in by_path.get(row.field, ()):
            collector.take(row, value)
    observables = tuple(_observable(draft, markings) for draft in collector.drafts.values())
    return observables, tuple(collector.left_out)


def _values_by_path(paths: tuple[str, ...], facts: Facts) -> Mapping[str, Iterable[str]]:
    """Return the distinct values of each field; every event's spelling, not the group's first."""
    found: dict[str, dict[str, None]] = {}
    for event in facts.match.events:
        for path in facts.may_be_in(event.values, paths):
            values = facts.values_in(path, event.values)
            found.setdefault(path, {}).update(dict.fromkeys(values))
    return found


class _Collector:
    def __init__(self, judge: Judge, server_types: frozenset[str] | None) -> None:
        self._mapping = mapping = judge.mapping
        self._server_types = (
            frozenset((*SERVER_TYPES, *mapping.data_types))
            if server_types is None
            else server_types
        )
        self._judge = judge
        self.drafts: dict[tuple[str, str], _Draft] = {}
        self.left_out: dict[LeftOut, None] = {}

    def take(self, row: ObservableMapping, value: str) -> None:
        """Add one value of a row's field, or the reason why not."""
        for judged in self._judge.look(row.type, value):
            if isinstance(judged, LeftOut):
                self.left_out[judged] = None
            else:
                self._add(row, judged)

    def _add(self, row: ObservableMapping, usable: _Usable) -> None:
        normal, shown = usable.normal, usable.shown
        data_type, tags = self._placed(normal.data_type)
        key = (data_type, usable.folded)
        draft = self.drafts.get(key)
        if draft is None:
            if len(self.drafts) >= self._mapping.limit:
                reason = f"the alert has {self._mapping.limit} observables already"
                self.left_out[_refused(data_type, shown, reason)] = None
                return
            draft = self.drafts[key] = _Draft(data_type, shown)
        draft.rows[row] = None
        draft.fields[row.field] = None
        draft.tags.update(dict.fromkeys((*row.tags, *tags)))
        draft.internal = draft.internal or row.internal or usable.is_own
        for note in _notes(normal, shown, draft, tags):
            draft.notes[note] = None

    def _placed(self, data_type: str) -> tuple[str, tuple[str, ...]]:
        if data_type == "account":
            for name in self._mapping.account_types:
                if name in self._server_types:
                    return name, ()
            return "other", ("account",)
        if data_type in self._server_types:
            return data_type, ()
        return "other", (data_type,)


def _refused(data_type: str, data: str, reason: str) -> LeftOut:
    return LeftOut(data_type, visible(excerpt(data, _MAX_LEFT_OUT_TEXT)), reason)


def _notes(normal: Normal, shown: str, draft: _Draft, tags: tuple[str, ...]) -> Iterator[str]:
    if "account" in tags:
        yield "account name"
    if normal.note:
        yield plain(normal.note, 300)
    if is_hidden(normal.data):
        yield "hidden characters are shown as ‹U+…›; the raw log has them"
    if shown != draft.data:
        yield f"also written {plain(shown, 200)}"


def _observable(draft: _Draft, markings: Markings) -> Observable:
    rows = draft.rows
    own_tlp = [row.tlp for row in rows if row.tlp is not None]
    own_pap = [row.pap for row in rows if row.pap is not None]
    texts = dict.fromkeys(
        [row.message for row in rows if row.message]
        + [f"from {', '.join(draft.fields)}"]
        + list(draft.notes)
    )
    tags = [*draft.tags, *(("internal",) if draft.internal else ())]
    return Observable(
        data_type=draft.data_type,
        data=draft.data,
        # Of several rows the strictest marking holds.
        tlp=max(own_tlp, default=markings.tlp),
        pap=max(own_pap, default=markings.pap),
        message=fit("; ".join(texts), _MAX_MESSAGE),
        tags=tuple(dict.fromkeys(data_text(tag, MAX_TAG) for tag in tags)),
        # One's own address among shared indicators would do harm.
        ioc=any(row.ioc for row in rows) and not draft.internal,
        ignore_similarity=draft.internal or not any(row.similarity for row in rows),
    )


class _Ignored:
    """The ignore lists: values without letter case, with `*` for any text, and networks."""

    def __init__(self, mapping: ObservablesMapping) -> None:
        self._values = {
            kind: frozenset(fold(value.strip()) for value in values)
            for kind, values in mapping.ignore.items()
        }
        self._patterns = {
            kind: patterns
            for kind, values in self._values.items()
            if (patterns := [value.split("*") for value in sorted(values) if "*" in value])
        }
        self._networks = [
            ip_network(value)
            for value in mapping.ignore.get("ip", ())
            if "/" in value and _is_network(value)
        ]

    def covers(self, kind: str, value: str) -> bool:
        """Whether the value is on the list for its kind or for all."""
        folded = fold(value.strip())
        for name in (kind, "all"):
            if folded in self._values.get(name, ()):
                return True
            if any(_fits(parts, folded) for parts in self._patterns.get(name, ())):
                return True
        if kind != "ip" or not self._networks:
            return False
        address = parse_address(value)
        return address is not None and any(address in network for network in self._networks)


def _fits(parts: list[str], text: str) -> bool:
    """Whether `text` is the parts in their order with anything between, in linear time."""
    first, *middle, last = parts
    end = len(text) - len(last)
    if not (text.startswith(first) and text.endswith(last) and len(first) <= end):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


class _Own:
    """What `internal` says is the team's own."""

    def __init__(self, mapping: ObservablesMapping) -> None:
        internal = mapping.internal
        self._networks = internal.networks
        self._domains = tuple(fold(domain) for domain in internal.domains)
        self._hosts = frozenset(fold(host) for host in internal.hosts)
        self._accounts = frozenset(fold(account) for account in internal.accounts)

    def covers(self, normal: Normal) -> bool:
        """Whether the value is the team's own."""
        if normal.data_type == "account":
            return fold(normal.data) in self._accounts
        if normal.data_type == "mail":
            return self._is_own_name(normal.data.rpartition("@")[2])
        name = _host_of(normal.data) if normal.data_type == "url" else normal.data
        if normal.data_type not in (*_NAME_TYPES, "ip", "url") or not name:
            return False
        address = parse_address(name)
        if address is not None:
            return any(address in network for network in self._networks)
        return self._is_own_name(name)

    def _is_own_name(self, name: str) -> bool:
        folded = fold(name).rstrip(".")
        return folded in self._hosts or any(
            folded == domain or folded.endswith(f".{domain}") for domain in self._domains
        )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
