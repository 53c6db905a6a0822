"""A cluster's own words about its fields, read into facts.

Takes mappings, settings and field capabilities as Elasticsearch answers them; gives a `Snapshot`.
Nothing in them is trusted to have its form: what has not is a `MappingError`. Asks no server.

Source: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from fnmatch import fnmatchcase
from typing import Any

from sigma2hive.diagnostics import Sigma2hiveError
from sigma2hive.model.index_names import index_family
from sigma2hive.model.snapshots import ALIAS, IndexedField, Normalizer, Snapshot, Subfield
from sigma2hive.records import dataclass

_OBJECTS = frozenset({"object", "nested", "passthrough"})
_WITH_LIMIT = frozenset({"keyword", "wildcard", "flattened"})
_WITHOUT_MALFORMED = frozenset({"keyword", "wildcard", "constant_keyword", "text", "flattened"})
_NORMALIZERS = "index.analysis.normalizer."
_IGNORE_ABOVE = "index.mapping.ignore_above"
_IGNORE_MALFORMED = "index.mapping.ignore_malformed"
_MODE = "index.mode"
#: The longest that Elasticsearch takes means that there is no limit.
_NO_LIMIT = 2**31 - 1

Json = Mapping[str, Any]


class MappingError(Sigma2hiveError):
    """A mapping or setting has a form that Elasticsearch does not give it; says where."""


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What a cluster says of one index: its mapping, its flat settings.

    `searchable` maps each field to whether it can be searched. A field that is not in it is none
    that the credentials which asked may see.
    """

    name: str
    mapping: Json
    settings: Json
    searchable: Mapping[str, bool]


def snapshot_of(pattern: str, indices: Iterable[IndexFacts]) -> Snapshot:
    """Return what the indices of one pattern have.

    Raises:
        MappingError: an answer has an unexpected form.
    """
    alike: dict[str, list[IndexFacts]] = {}
    for facts in indices:
        # Rollover leaves many indices with one mapping: reading it once is enough.
        alike.setdefault(_fingerprint(facts), []).append(facts)
    read = [(_families(group), _read(group[0])) for group in alike.values()]
    named = _named(read)
    return Snapshot(
        pattern,
        indices=tuple(sorted(named)),
        fields=_joined({name: found.fields for name, found in named.items()}),
        closed=tuple(sorted(name for name, found in named.items() if found.is_closed)),
        sourceless=tuple(sorted(name for name, found in named.items() if found.is_sourceless)),
    )


@dataclass(frozen=True, slots=True, order=True)
class _Read:
    """What one mapping says."""

    fields: tuple[IndexedField, ...]
    is_closed: bool
    is_sourceless: bool


def _fingerprint(facts: IndexFacts) -> str:
    settings = {
        name: value
        for name, value in facts.settings.items()
        if name.startswith(_NORMALIZERS) or name in (_IGNORE_ABOVE, _IGNORE_MALFORMED, _MODE)
    }
    hidden = sorted(name for name, found in facts.searchable.items() if not found)
    content = [facts.mapping, settings, hidden, len(facts.searchable)]
    return json.dumps(content, sort_keys=True, default=str)


def _families(group: Sequence[IndexFacts]) -> list[str]:
    return sorted({index_family(facts.name) for facts in group})


def _named(read: Sequence[tuple[list[str], _Read]]) -> dict[str, _Read]:
    """Give every mapping the names of its indices; another mapping of a name gets "/2" behind it.

    In the order of what the mappings say, so that names follow from nothing else.
    """
    by_family: dict[str, set[_Read]] = {}
    for families, found in read:
        for family in families:
            by_family.setdefault(family, set()).add(found)
    return {
        family if number == 1 else f"{family}/{number}": found
        for family, mappings in by_family.items()
        for number, found in enumerate(sorted(mappings, key=repr), 1)
    }


def _joined(by_index: Mapping[str, tuple[IndexedField, ...]]) -> tuple[IndexedField, ...]:
    """Return each fact once, with where it holds."""
    holders: dict[IndexedField, list[str]] = {}
    for name in sorted(by_index):
        for fact in by_index[name]:
            holders.setdefault(fact, []).append(name)
    placed = (
        fact if len(names) == len(by_index) else replace(fact, indices=tuple(names))
        for fact, names in holders.items()
    )
    return tuple(sorted(placed, key=lambda fact: (fact.path, fact.indices, repr(fact))))


def _read(facts: IndexFacts) -> _Read:
    reader = _Reader(facts)
    reader.read_properties(_map(facts.mapping.get("properties"), "properties"))
    reader.read_runtime(_map(facts.mapping.get("runtime"), "runtime"))
    source = _map(facts.mapping.get("_source"), "_source")
    is_sourceless = _is_false(source.get("enabled")) or source.get("mode") == "disabled"
    is_closed = _is_false(facts.mapping.get("dynamic")) or _is_false(facts.mapping.get("enabled"))
    return _Read(reader.finished(), is_closed, is_sourceless)


def _map(value: object, where: str) -> Json:
    """Return a JSON object that stands at `where`; {} where nothing does."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise MappingError(f"{where[:200]} is no object")


def _is_false(value: object) -> bool:
    return str(value).lower() == "false"


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


def _whole_number(value: object, where: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise MappingError(f"{where[:200]} is no whole number") from None


def _text(value: object) -> str:
    """Return a scalar as it would stand in a document."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


@dataclass(slots=True)
class _Reader:
    """Walks one mapping."""

    facts: IndexFacts
    _found: dict[str, IndexedField] = field(default_factory=dict)
    _copies: set[str] = field(default_factory=set)
    #: Objects whose fields go by their short names too: (priority, path).
    _shortcuts: list[tuple[int, str]] = field(default_factory=list)

    def read_properties(self, properties: Json) -> None:
        """Add the fields of the mapping, those in objects too."""
        waiting = [("", properties)]
        while waiting:
            prefix, level = waiting.pop()
            for name, value in level.items():
                path = prefix + name
                spec = _map(value, path)
                if _type(spec) in _OBJECTS:
                    self._add_object(path, spec)
                    waiting.append((f"{path}.", _map(spec.get("properties"), path)))
                elif spec.get("type") == ALIAS:
                    self._put(IndexedField(path, ALIAS, target=_text(spec.get("path"))))
                else:
                    self._add(path, spec)

    def read_runtime(self, runtime: Json) -> None:
        """Add fields that are read when they are asked for; they stand before mapped ones."""
        for path, spec in _flat_runtime(runtime):
            fact = IndexedField(path, _type(spec), is_runtime=True, has_script="script" in spec)
            self._put(fact)

    def finished(self) -> tuple[IndexedField, ...]:
        """Return all facts, those that depend on other fields too."""
        for path in self._copies & self._found.keys():
            self._found[path] = replace(self._found[path], is_copy=True)
        for _, above in sorted(self._shortcuts, reverse=True):
            for path in [path for path in self._found if path.startswith(f"{above}.")]:
                short = path.removeprefix(f"{above}.")
                if short in self.facts.searchable and short not in self._found:
                    self._found[short] = IndexedField(short, ALIAS, target=path)
        source = _map(self.facts.mapping.get("_source"), "_source")
        includes, excludes = _globs(source.get("includes")), _globs(source.get("excludes"))
        if includes or excludes:
            for path, fact in self._found.items():
                is_kept = (not includes or _fits(path, includes)) and not _fits(path, excludes)
                # Of an alias its target is kept or not.
                self._found[path] = replace(fact, is_unkept=not is_kept and fact.type != ALIAS)
        return tuple(self._found[path] for path in sorted(self._found))

    def _add_object(self, path: str, spec: Json) -> None:
        kind = _type(spec)
        is_closed, is_disabled = _is_false(spec.get("dynamic")), _is_false(spec.get("enabled"))
        if kind == "passthrough":
            self._shortcuts.append((_whole_number(spec.get("priority", 0), path), path))
        if kind != "object" or is_closed or is_disabled:
            fact = IndexedField(path, kind, is_closed=is_closed, is_disabled=is_disabled)
            self._found[path] = fact

    def _add(self, path: str, spec: Json) -> None:
        copies = spec.get("copy_to", ())
        self._copies.update(map(_text, [copies] if isinstance(copies, str) else copies))
        kind = _type(spec)
        null_value = spec.get("null_value")
        value = spec.get("value") if kind == "constant_keyword" else None
        fact = IndexedField(
            path,
            kind,
            ignore_above=self._ignore_above(path, spec),
            normalizer=self._normalizer(spec),
            subfields=self._subfields(path, spec),
            value=None if value is None else _text(value),
            null_value=None if null_value is None else _text(null_value),
            is_searchable=self.facts.searchable.get(path, True),
            takes_malformed=self._takes_malformed(kind, spec),
            has_script="script" in spec,
        )
        self._put(fact)

    def _put(self, fact: IndexedField) -> None:
        if fact.path in self.facts.searchable:
            self._found[fact.path] = fact

    def _subfields(self, path: str, spec: Json) -> tuple[Subfield, ...]:
        found = []
        for name, value in sorted(_map(spec.get("fields"), path).items()):
            below = f"{path}.{name}"
            part = _map(value, below)
            if below in self.facts.searchable:
                found.append(
                    Subfield(
                        name,
                        _type(part),
                        self._ignore_above(below, part),
                        self._normalizer(part),
                        self.facts.searchable[below],
                        part.get("null_value") is not None,
                    )
                )
        return tuple(found)

    def _ignore_above(self, path: str, spec: Json) -> int:
        if _type(spec) not in _WITH_LIMIT:
            return 0
        default = self.facts.settings.get(_IGNORE_ABOVE, 0)
        limit = _whole_number(spec.get("ignore_above", default), path)
        return limit if 0 < limit < _NO_LIMIT else 0

    def _normalizer(self, spec: Json) -> Normalizer:
        name = spec.get("normalizer")
        if name is None:
            return Normalizer.NONE
        prefix = f"{_NORMALIZERS}{name}."
        own = {
            key.removeprefix(prefix): value
            for key, value in self.facts.settings.items()
            if key.startswith(prefix)
        }
        filters = own.get("filter", () if own else "lowercase")
        lower_cases = filters in ("lowercase", ["lowercase"]) and not own.get("char_filter")
        if lower_cases and (own or name == "lowercase"):
            return Normalizer.LOWERCASE
        return Normalizer.CUSTOM

    def _takes_malformed(self, kind: str, spec: Json) -> bool:
        if kind in _WITHOUT_MALFORMED:
            return False
        settings = self.facts.settings
        default = settings.get(_IGNORE_MALFORMED, settings.get(_MODE) == "logsdb")
        return _is_true(spec.get("ignore_malformed", default))


def _globs(value: object) -> list[str]:
    return [_text(item) for item in value] if isinstance(value, (list, tuple)) else []


def _fits(path: str, globs: Iterable[str]) -> bool:
    """Whether a field or an object above it is named."""
    names = path.split(".")
    above = [".".join(names[:count]) for count in range(1, len(names) + 1)]
    return any(fnmatchcase(name, glob) for glob in globs for name in above)


def _type(spec: Json) -> str:
    return _text(spec.get("type", "object"))


def _flat_runtime(runtime: Json) -> Iterator[tuple[str, Json]]:
    for path, value in runtime.items():
        spec = _map(value, path)
        if spec.get("type") == "composite":
            for name, child in _map(spec.get("fields"), path).items():
                # What a composite's script gives is no value of the document.
                yield f"{path}.{name}", {**_map(child, name), "script": spec.get("script")}
        else:
            yield path, spec
