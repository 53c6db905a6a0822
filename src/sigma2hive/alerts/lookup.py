"""Where else an event may hold what a field is asked for.

Takes the places of log sources in a profile; gives the values of a path by the profile's other
names for it. So "source.ip" is found in winlog.event_data.IpAddress where nothing brought the event
into ECS, in templates, observables and tables alike. Never stands in for a field that is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cache, cached_property, partial
from typing import Any

from sigma2hive.data import SHIPPED
from sigma2hive.model.fields import Derived, Field, FieldType
from sigma2hive.model.folding import fold
from sigma2hive.model.profiles import LogsourcePlace
from sigma2hive.model.scalars import address_of
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass

#: What Windows writes where it has nothing to say.
_NOTHING = frozenset({"", "-"})
_EVENT_DATA = "winlog.event_data."
#: Field → the field that has the same value, since shippers write it to both.
_SAME = {"host.name": "winlog.computer_name", "event.provider": "winlog.provider_name"}
#: Field → the field whose path it is the last part of, as the pipelines write it.
_LAST_PARTS = {
    "process.name": "process.executable",
    "process.parent.name": "process.parent.executable",
}
#: Field → event ids, by their list in data/windows/security.json, and the value of theirs that
#: Elastic's pipeline for the Security channel writes there.
_SECURITY = {
    "user.name": (("target_user", "TargetUserName"), ("subject_user", "SubjectUserName")),
    "user.domain": (("target_user", "TargetDomainName"), ("subject_user", "SubjectDomainName")),
    "user.target.name": (("target_object", "TargetUserName"),),
    "user.effective.name": (("effective_user", "TargetUserName"),),
    "group.name": (("groups", "TargetUserName"),),
}
_ACCOUNT_NAMES = frozenset({"user.name", "user.target.name", "user.effective.name"})


@dataclass(frozen=True, slots=True)
class StandIn:
    """One other way to a field: the paths that it reads, and how."""

    sources: tuple[str, ...]
    read: Callable[[Values], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Named:
    """A log source's place whose fields have Sigma's own names, and the place that names them."""

    own: LogsourcePlace
    names: LogsourcePlace


@dataclass(frozen=True, slots=True)
class _Index:
    """Names by the fields of which their values are read; `always` are those read of any."""

    by_source: Mapping[str, tuple[str, ...]]
    always: tuple[str, ...]


@dataclass(frozen=True)
class Lookup:
    """The other names of fields at some places of a profile; of no place there are none.

    `named` says for the same log sources by what other names their fields may be called.
    """

    places: tuple[LogsourcePlace, ...] = ()
    named: tuple[Named, ...] = ()
    _resolved: dict[str, tuple[Field, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _names: dict[str, tuple[str, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _others: dict[str, tuple[StandIn, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _addresses: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)
    _indexes: dict[tuple[str, ...], _Index] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def names_of(self, path: str) -> tuple[str, ...]:
        """Return the names by which a rule of the first place may ask for a path, Sigma's first."""
        if path not in self._names:
            places = self.places[:1]
            self._names[path] = tuple(name for place in places for name in _names_at(path, place))
        return self._names[path]

    def fields_of(self, name: str) -> tuple[Field, ...]:
        """Return the index fields that a Sigma name stands for, () where it is a path itself."""
        if name not in self._resolved:
            found = (
                candidate
                for place in self.places
                if name in place.paths or not ("." in name or place.types.find(name))
                for candidate in place.resolve(name)
            )
            self._resolved[name] = tuple({entry.path: entry for entry in found}.values())
        return self._resolved[name]

    def stand_in(self, path: str, values: Values) -> tuple[str, ...]:
        """Return what other fields of an event say that `path` would; () where none does."""
        for entry in self._stand_ins(path):
            found = [text for text in entry.read(values) if text]
            if found:
                return (found[0],) if len(found) == 1 else tuple(dict.fromkeys(found))
        return next((values[name] for name in self._own_names(path) if name in values), ())

    def own_names(self, path: str, values: Values) -> Iterator[str]:
        """Yield the fields of an event whose value alone is what a path of `named` says."""
        if self.named:
            for entry in self._stand_ins(path):
                if len(entry.sources) == 1 and any(entry.read(values)):
                    yield entry.sources[0]
            yield from (name for name in self._own_names(path) if name in values)

    def may_be_in(self, values: Values, names: tuple[str, ...]) -> set[str]:
        """Return those of `names` that an event may have values of, by whatever other name.

        An event has few fields, and what is asked of it are many: only what it has is looked at.
        """
        index = self._indexes.get(names)
        if index is None:
            index = self._indexes[names] = _index((name, self._sources_of(name)) for name in names)
        found = set(index.always)
        for path in index.by_source.keys() & values.keys():
            found.update(index.by_source[path])
        return found

    def _sources_of(self, name: str) -> frozenset[str] | None:
        """Return the fields of which a name's values are read; None is of any."""
        fields = self.fields_of(name)
        if any(entry.below is not None for entry in fields):
            return None
        own = (path for entry in fields for path in _sources(entry))
        others = (path for entry in self._stand_ins(name) for path in entry.sources)
        return frozenset((name, *own, *others, *self._own_names(name)))

    def is_address(self, name: str) -> bool:
        """Whether the values of a path or Sigma name are addresses."""
        found = self._addresses.get(name)
        if found is None:
            found = self._addresses[name] = self._is_address(name)
        return found

    def _is_address(self, name: str) -> bool:
        if any(_first(entry.names, name).type is FieldType.IP for entry in self.named):
            return True
        fields = self.fields_of(name) or tuple(place.field(name) for place in self.places)
        return bool(fields) and fields[0].type is FieldType.IP

    @cached_property
    def _prefixes(self) -> frozenset[str]:
        """What `named` puts before names that it does not know."""
        prefixes = (entry.names.default_prefix for entry in self.named)
        return frozenset(prefix for prefix in prefixes if prefix)

    def _own_names(self, path: str) -> Iterator[str]:
        """Yield the fields with the name that a path of `named` only puts a prefix before."""
        for prefix in self._prefixes:
            if path.startswith(prefix):
                name = path.removeprefix(prefix)
                yield from (found.path for entry in self.named for found in entry.own.resolve(name))

    def _stand_ins(self, path: str) -> tuple[StandIn, ...]:
        """Return the other ways to a path, found when they are first asked for: few ever are."""
        found = self._others.get(path)
        if found is None:
            same, whole = _SAME.get(path), _LAST_PARTS.get(path)
            others = [*self._own_stand_ins(path), *(self._own_stand_ins(same) if same else ())]
            others += map(_last_part, self._own_stand_ins(whole) if whole else ())
            found = self._others[path] = tuple(others)
        return found

    def _own_stand_ins(self, path: str) -> Iterator[StandIn]:
        for way in self._ways:
            yield from _by_profile(way, path)
            yield from _by_security_pipeline(way.place, way.windows, path)

    @cached_property
    def _ways(self) -> tuple[_Way, ...]:
        own = (_Way(place, place, _WINLOG, _names_by_path(place)) for place in self.places)
        named = (
            _Way(entry.names, entry.own, _SIGMA, _names_by_path(entry.names))
            for entry in self.named
        )
        return (*own, *named)


def _index(sources: Iterable[tuple[str, frozenset[str] | None]]) -> _Index:
    by_source: dict[str, tuple[str, ...]] = {}
    always = []
    for name, paths in sources:
        if paths is None:
            always.append(name)
        for path in paths or ():
            by_source[path] = (*by_source.get(path, ()), name)
    return _Index(by_source, tuple(always))


def _names_at(path: str, place: LogsourcePlace) -> Iterator[str]:
    yield from (name for name in place.paths if place.resolve(name)[0].path == path)
    if place.default_prefix and path.startswith(place.default_prefix):
        short = path.removeprefix(place.default_prefix)
        if place.resolve(short)[0].path == path:
            yield short
    yield path


def shown_address(text: str) -> str:
    """Return an address in its one form, ::ffff:10.0.0.5 as 10.0.0.5; other texts as they are."""
    address = address_of(text)
    return text if address is None else str(address)


@cache
def ecs_fields() -> frozenset[str]:
    """Return the names of all fields of the Elastic Common Schema."""
    table = _data("types", "ecs-9.5.0.json")
    return frozenset(path for group in table["groups"] for path in group["fields"].split())


def _names_by_path(place: LogsourcePlace) -> dict[str, tuple[str, ...]]:
    """Return the names that a place reads first of a path, or of what is made of it and others."""
    found: dict[str, list[str]] = {}
    for name, paths in place.paths.items():
        derived = place.derived.get(paths[0])
        parts = (part.path for part in derived.parts) if derived is not None else paths[:1]
        for path in dict.fromkeys(parts):
            found.setdefault(path, []).append(name)
    return {path: tuple(names) for path, names in found.items()}


def _by_profile(way: _Way, path: str) -> Iterator[StandIn]:
    """Yield, for a path that names are first read from, fields of `own` that mean nothing else.

    A field of ECS has a meaning of its own: a file's hash stands in for no process's.
    """
    for name in way.asked.get(path, ()):
        first = way.place.resolve(name)[0]
        for other in way.own.resolve(name):
            if other.path == first.path:
                continue
            sources = _sources(other)
            if other.below is not None or not ecs_fields().isdisjoint(sources):
                continue
            if first.derived is None:
                yield StandIn(sources, _reader(other))
            elif first.derived.is_joined:
                for number, part in enumerate(first.derived.parts):
                    if part.path == path:
                        yield StandIn(sources, _part_reader(other, first.derived, number))


def _sources(other: Field) -> tuple[str, ...]:
    if other.derived is None:
        return (other.path,)
    return tuple(part.path for part in other.derived.parts)


def _reader(other: Field) -> Callable[[Values], Iterable[str]]:
    nothing = {*_NOTHING, *other.dropped}
    return lambda values: [text for text in other.values_of(values) if text not in nothing]


def _part_reader(other: Field, whole: Derived, number: int) -> Callable[[Values], Iterable[str]]:
    read = _reader(other)
    return lambda values: (_part_of(text, whole, number) for text in read(values))


def _part_of(text: str, whole: Derived, number: int) -> str:
    """Take a joined text apart again: by a part's prefix, else by the part's position."""
    part = whole.parts[number]
    if part.suffix or part.replace or part.hex_digits or part.only_if or not whole.separator:
        return ""
    pieces = [piece.strip() for piece in text.split(whole.separator.rstrip(" \t") or " ")]
    if part.prefix:
        found = (piece for piece in pieces if fold(piece).startswith(fold(part.prefix)))
        rest = next(found, part.prefix)[len(part.prefix) :]
        if part.path in _ACCOUNT_NAMES:
            # The pipelines take the domain off.
            rest = rest.rpartition("\\")[2]
        return rest.lower() if part.upper else rest
    is_whole = len(pieces) == len(whole.parts) and not any(entry.prefix for entry in whole.parts)
    return pieces[number] if is_whole else ""


def _last_part(entry: StandIn) -> StandIn:
    return StandIn(
        entry.sources, lambda values: (re.split(r"[\\/]", text)[-1] for text in entry.read(values))
    )


def _first(place: LogsourcePlace, name: str) -> Field:
    return place.resolve(name)[0] if name in place.paths else place.field(name)


@dataclass(frozen=True, slots=True)
class _Names:
    """How a profile calls an event's channel and id, and what stands before its own values."""

    channel: str
    event_id: str
    prefix: str


@dataclass(frozen=True, slots=True)
class _Way:
    """A place that names fields, the one that they are read from, and what Windows' are called.

    `asked` has the names by the paths that `place` first reads them from.
    """

    place: LogsourcePlace
    own: LogsourcePlace
    windows: _Names
    asked: Mapping[str, tuple[str, ...]]


_WINLOG = _Names("winlog.channel", "event.code", _EVENT_DATA)
_SIGMA = _Names("Channel", "EventID", "")


def _by_security_pipeline(place: LogsourcePlace, names: _Names, path: str) -> Iterator[StandIn]:
    """Yield the accounts of the Security channel: which one it is depends on the event's id."""
    if place.default_prefix != _EVENT_DATA:
        return
    for event_ids, name in _SECURITY.get(path, ()):
        yield _security_stand_in(path, event_ids, name, names)
    if path == "winlog.logon.type":
        source = f"{names.prefix}LogonType"
        yield StandIn((source,), partial(_logon_types, source))


def _logon_types(source: str, values: Values) -> Iterator[str]:
    names = _data("windows", "security.json")["logon_types"]
    yield from (names.get(text, "") for text in values.get(source, ()))


def _security_stand_in(path: str, event_ids: str, name: str, names: _Names) -> StandIn:
    codes = frozenset(_data("windows", "security.json")[event_ids])
    source = names.prefix + name

    def read(values: Values) -> Iterator[str]:
        channel = values.get(names.channel, ("",))[0]
        if fold(channel) == "security" and codes.intersection(values.get(names.event_id, ())):
            for text in values.get(source, ()):
                account = text.partition("@")[0] if path in _ACCOUNT_NAMES else text
                yield "" if account in _NOTHING else account

    return StandIn((source,), read)


@cache
def _data(folder: str, name: str) -> dict[str, Any]:
    content = SHIPPED.joinpath(folder, name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(content)
    return loaded
