"""From facts about indices to fields that queries can be written for.

Takes snapshots of the patterns that are searched together; gives one `TypeTable`. Where indices
disagree about a field, it becomes one that can be asked for in all of them, or none that can be
asked for at all: a query must not find too little in any index. Asks nobody.

Source: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sigma2hive.model.fields import Field, FieldType, TypeTable
from sigma2hive.model.snapshots import ALIAS, IndexedField, Normalizer, Snapshot, Subfield

#: Elasticsearch's types, as far as they are not called as ours; what is not here is OTHER.
_TYPES = {
    **{kind.value: kind for kind in FieldType},
    **dict.fromkeys(("long", "integer", "short", "byte", "unsigned_long"), FieldType.LONG),
    **dict.fromkeys(("double", "float", "half_float", "scaled_float"), FieldType.DOUBLE),
    "date_nanos": FieldType.DATE,
}
_WHOLE_TEXTS = frozenset({FieldType.KEYWORD, FieldType.WILDCARD})
_KEYWORDS = _WHOLE_TEXTS | {FieldType.CONSTANT_KEYWORD}
_TEXTS = frozenset({FieldType.TEXT, FieldType.MATCH_ONLY_TEXT})
#: What they hold can be asked for by presence at least, whatever the type is elsewhere.
_PLAIN = _KEYWORDS | _TEXTS | {FieldType.IP, FieldType.DATE, FieldType.BOOLEAN}
#: They take whatever stands below them.
_SPECIAL = frozenset({FieldType.FLATTENED, FieldType.NESTED, FieldType.OTHER})
_NUMBERS = frozenset({FieldType.LONG, FieldType.DOUBLE})


class Placed(NamedTuple):
    """A fact, and in which indices it holds."""

    fact: IndexedField
    indices: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class IndexView:
    """What the indices of some patterns have, joined. Compared by identity.

    `facts` are all that is known of a path; `closed` says whether some index keeps fields that it
    does not index; `sourceless` are indices that do not keep documents.
    """

    patterns: tuple[str, ...]
    indices: tuple[str, ...] = ()
    types: TypeTable = field(default_factory=TypeTable)
    facts: Mapping[str, Sequence[Placed]] = field(default_factory=dict)
    sourceless: tuple[str, ...] = ()

    def differing(self, path: str) -> str:
        """Say who has what, where indices disagree: "keyword in a-*; long in b-*"; "" elsewhere."""
        owners: dict[str, set[str]] = {}
        for fact, indices in self.facts.get(path, ()):
            if fact.type not in ("object", "passthrough"):
                owners.setdefault(_in_words(fact), set()).update(indices)
        if len(owners) < 2:
            return ""
        return "; ".join(f"{kind} in {', '.join(sorted(owners[kind]))}" for kind in sorted(owners))


def _in_words(fact: IndexedField) -> str:
    if fact.target:
        return f"alias of {fact.target}"
    words = [fact.type]
    if fact.normalizer:
        words.insert(0, "lower-cased" if fact.normalizer is Normalizer.LOWERCASE else "normalized")
    return " ".join(words if fact.is_searchable else ["unsearchable", *words])


def index_view(snapshots: Sequence[Snapshot], patterns: tuple[str, ...]) -> IndexView:
    """Return what `patterns` find together, given the snapshots that speak of them."""
    indices = tuple(sorted({name for entry in snapshots for name in entry.indices}))
    facts: dict[str, list[Placed]] = {}
    for entry in snapshots:
        for fact in entry.fields:
            placed = Placed(fact, fact.indices or entry.indices)
            facts.setdefault(fact.path, []).append(placed)
    closed = frozenset(name for entry in snapshots for name in entry.closed)
    known = _Joiner(frozenset(indices), closed, facts).fields()
    return IndexView(
        patterns,
        indices,
        TypeTable(known, is_complete=True, is_closed=bool(closed)),
        facts,
        tuple(sorted({name for entry in snapshots for name in entry.sourceless})),
    )


@dataclass(slots=True)
class _Joiner:
    """Makes one field of all that is known of each path. `closed` are indices."""

    indices: frozenset[str]
    closed: frozenset[str]
    facts: Mapping[str, list[Placed]]
    _known: dict[str, Field] = field(default_factory=dict)

    def fields(self) -> dict[str, Field]:
        """Return a field for every path that is known."""
        shut, special = self._shut_objects(), self._special_objects()
        for path, entries in self.facts.items():
            concrete = [entry for entry in entries if entry.fact.type != ALIAS]
            if concrete:
                found = self._joined(path, concrete, shut)
                if special and not special.isdisjoint(_above(path)):
                    # Some index has it only as a part of something else.
                    found = Field(path, FieldType.OTHER, computed=found.computed)
                self._known[path] = found
        self._add_subfields()
        for path, entries in self.facts.items():
            aliases = [entry for entry in entries if entry.fact.type == ALIAS]
            if aliases:
                self._known[path] = self._aliased(path, aliases)
        self._add_objects()
        return self._known

    def _shut_objects(self) -> dict[str, frozenset[str]]:
        """Return where objects keep fields that they do not index, by the objects' paths."""
        shut: dict[str, frozenset[str]] = {}
        for path, entries in self.facts.items():
            for fact, indices in entries:
                if fact.is_closed or fact.is_disabled:
                    shut[path] = shut.get(path, frozenset()) | frozenset(indices)
        return shut

    def _special_objects(self) -> frozenset[str]:
        """Return paths below which a plain query finds nothing, or is refused, in some index."""
        return frozenset(
            path
            for path, entries in self.facts.items()
            if any(
                _type_of(fact) in _SPECIAL and not (fact.is_closed or fact.type == ALIAS)
                for fact, _ in entries
            )
        )

    def _joined(
        self, path: str, entries: list[Placed], shut: Mapping[str, frozenset[str]]
    ) -> Field:
        fields = list(dict.fromkeys(field_of(entry.fact) for entry in entries))
        # An object has no value of its own.
        fields = [found for found in fields if found.type is not FieldType.OBJECT] or fields
        lacking = self.indices.difference(*(entry.indices for entry in entries))
        if lacking and (lacking & self.closed or _is_shut(path, lacking, shut)):
            return Field(path, FieldType.OTHER, computed=any(f.computed for f in fields))
        return _one_field(path, fields)

    def _aliased(self, path: str, aliases: list[Placed]) -> Field:
        targets = {entry.fact.target for entry in aliases}
        found = self._known.get(next(iter(targets)))
        covers = not self.indices.difference(*(entry.indices for entry in aliases))
        is_whole = covers or not self.closed
        if len(targets) == 1 and path not in self._known and found is not None and is_whole:
            return found
        # In some documents the values stand elsewhere.
        return Field(path, FieldType.OTHER, computed=True)

    def _add_subfields(self) -> None:
        """A subfield has the values of its field, and is asked for as that."""
        for path, entries in self.facts.items():
            for fact, _ in entries:
                for subfield in fact.subfields:
                    self._known.setdefault(f"{path}.{subfield.name}", self._known[path])

    def _add_objects(self) -> None:
        for path in list(self._known):
            for above in _above(path):
                self._known.setdefault(above, Field(above, FieldType.OBJECT))


def _above(path: str) -> Iterator[str]:
    end = path.rfind(".")
    while end > 0:
        yield path[:end]
        end = path.rfind(".", 0, end)


def _is_shut(path: str, lacking: frozenset[str], shut: Mapping[str, frozenset[str]]) -> bool:
    return bool(shut) and any(lacking & shut.get(parent, frozenset()) for parent in _above(path))


def field_of(fact: IndexedField) -> Field:
    """Return the field that one fact describes; an alias is none."""
    path, kind = fact.path, _type_of(fact)
    computed = (
        kind is FieldType.CONSTANT_KEYWORD
        or fact.null_value is not None
        or fact.is_copy
        or fact.has_script
    )
    is_whole = kind in _WHOLE_TEXTS
    has_limit = is_whole or kind is FieldType.FLATTENED
    is_opaque = is_whole and fact.normalizer is Normalizer.CUSTOM
    return Field(
        path,
        kind,
        caseless=_caseless_of(fact) if is_whole else "",
        keyword=_keyword_of(fact) if kind in _TEXTS else "",
        ignore_above=fact.ignore_above if has_limit else 0,
        opaque=is_opaque,
        computed=computed,
        is_runtime=fact.is_runtime,
    )


def _type_of(fact: IndexedField) -> FieldType:
    kind = _TYPES.get(fact.type, FieldType.OTHER)
    if fact.type in ("object", "passthrough"):
        kind = FieldType.OBJECT
    if not fact.is_searchable or fact.is_closed or fact.is_disabled:
        return FieldType.OTHER
    if fact.is_runtime and kind is not FieldType.KEYWORD and not fact.has_script:
        # What the type cannot hold is left out without a trace.
        return FieldType.OTHER
    return kind


def _whole_subfields(fact: IndexedField) -> list[Subfield]:
    """Return subfields that hold what documents do, as a whole."""
    return [
        entry
        for entry in fact.subfields
        if _TYPES.get(entry.type) in _WHOLE_TEXTS
        and entry.is_searchable
        and not entry.has_null_value
        and entry.normalizer is not Normalizer.CUSTOM
    ]


def _keyword_of(fact: IndexedField) -> str:
    plain = (entry for entry in _whole_subfields(fact) if not entry.normalizer)
    return next((f"{fact.path}.{entry.name}" for entry in plain), "")


def _caseless_of(fact: IndexedField) -> str:
    if fact.normalizer:
        return fact.path if fact.normalizer is Normalizer.LOWERCASE else ""
    for entry in _whole_subfields(fact):
        holds_as_much = not entry.ignore_above or 0 < fact.ignore_above <= entry.ignore_above
        if entry.normalizer is Normalizer.LOWERCASE and holds_as_much:
            return f"{fact.path}.{entry.name}"
    return ""


def _one_field(path: str, fields: Sequence[Field]) -> Field:
    """Return one field that a query may ask for wherever one of these is."""
    if len(fields) == 1:
        return fields[0]
    computed = any(found.computed for found in fields)
    types = {found.type for found in fields}
    is_lower_cased = {found.caseless == path for found in fields}
    limits = [found.ignore_above for found in fields if found.ignore_above]
    merged = Field(
        path,
        caseless=_same(found.caseless for found in fields),
        keyword=_same(found.keyword for found in fields),
        ignore_above=min(limits, default=0),
        computed=computed,
        is_runtime=any(found.is_runtime for found in fields),
    )
    if len(is_lower_cased) == 1 and not any(found.opaque for found in fields):
        if len(types) == 1 and types <= _PLAIN | _NUMBERS:
            return replace(merged, type=next(iter(types)))
        if types <= _KEYWORDS:
            return merged
        if types <= _TEXTS:
            return replace(merged, type=FieldType.TEXT)
    if types <= _PLAIN:
        return Field(path, opaque=True, computed=computed)
    # An empty text leaves no trace where numbers are expected.
    return Field(path, FieldType.OTHER, opaque=types <= _PLAIN | _NUMBERS, computed=computed)


def _same(texts: Iterable[str]) -> str:
    distinct = set(texts)
    return distinct.pop() if len(distinct) == 1 else ""
