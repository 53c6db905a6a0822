"""Fields: what an index has, and the values that a document has there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import StrEnum

from sigma2hive.model.values import Values
from sigma2hive.records import dataclass


class FieldType(StrEnum):
    """Elasticsearch's field types, as far as they change what a comparison means.

    Source: https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/field-data-types
    """

    KEYWORD = "keyword"
    WILDCARD = "wildcard"
    CONSTANT_KEYWORD = "constant_keyword"
    TEXT = "text"
    MATCH_ONLY_TEXT = "match_only_text"
    IP = "ip"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    FLATTENED = "flattened"
    NESTED = "nested"
    OBJECT = "object"
    OTHER = "other"

    @property
    def is_numeric(self) -> bool:
        """Whether values are compared as numbers."""
        return self in (FieldType.LONG, FieldType.DOUBLE)


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a derived field: a path, texts put around it, and values to translate.

    With `replace`, a value that is no key of it gives nothing: the field is then absent.
    Keys of `replace` are compared as they are. `hex_digits` writes a decimal number in hexadecimal
    with so many digits; what is no whole number gives nothing. `only_if` maps other paths to the
    values of which one must be there, compared as they are, for the part to give anything.
    """

    path: str
    prefix: str = ""
    suffix: str = ""
    replace: Mapping[str, str] = field(default_factory=dict)
    upper: bool = False
    hex_digits: int = 0
    only_if: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def text_of(self, value: str, values: Values) -> str | None:
        """Return what one `value` of the path gives in a document's `values`; None is nothing."""
        for path, accepted in self.only_if.items():
            if not any(text in accepted for text in values.get(path, ())):
                return None
        text = value.upper() if self.upper else value
        if self.hex_digits:
            if not (text.isascii() and text.isdecimal() and len(text) <= 20):
                return None
            text = f"{int(text):0{self.hex_digits}x}"
        if self.replace:
            if text not in self.replace:
                return None
            text = self.replace[text]
        return self.prefix + text + self.suffix


@dataclass(frozen=True, slots=True)
class Derived:
    """A field that no document has but a rule can ask for, put together from those it has.

    Sysmon's `User` is user.domain and user.name in ECS; its `Hashes` is one field a hash. The parts
    that exist are joined by `separator`; when none exists the field is absent. With `each`, every
    value of every part is a value of its own, and nothing is joined; with `first`, those of the
    first part that gives any.
    """

    parts: tuple[Part, ...]
    separator: str = ""
    each: bool = False
    first: bool = False

    @property
    def is_joined(self) -> bool:
        """Whether the parts are put together into one text."""
        return not (self.each or self.first)

    def values_of(self, values: Values) -> tuple[str, ...]:
        """Return the derived field's values in a document's `values`: none or one if joined.

        Where parts are joined, the first value of a multi-valued one is taken.
        """
        texts: list[str] = []
        is_joined = self.is_joined
        for part in self.parts:
            found = values.get(part.path, ())
            for value in found[:1] if is_joined else found:
                text = part.text_of(value, values)
                if text is not None:
                    texts.append(text)
            if self.first and texts:
                break
        if not is_joined or not texts:
            return tuple(texts)
        return (self.separator.join(texts),)


#: The path that stands for every field of a document (keyword searches).
EVERY_FIELD = "*"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an index, with what is needed to compare in it.

    `path` ends in ".*" where it stands for every field below, and is `EVERY_FIELD` for all that
    there are (keyword searches). `caseless` and
    `keyword` are subfield paths where the index has them; `ignore_above` counts characters, 0 is no
    limit. `derived` is set where the path is not in documents at all. `dropped` lists values that
    ingestion removes from this field, so that their absence means them. `parts` are the fields of
    the index that the parts of `derived` read, in their order. `dynamic` where no mapping names the
    field. `missing` where the index was looked at and has none such. `opaque` where the index can
    tell whether there is a value and nothing else of it. `computed` where the index has values that
    documents do not (a constant, a script, a null_value, a copy): they are read through the
    search's `fields`. `is_runtime` where the values are read when they are asked for.
    """

    path: str
    type: FieldType = FieldType.KEYWORD
    caseless: str = ""
    keyword: str = ""
    ignore_above: int = 0
    derived: Derived | None = None
    dropped: tuple[str, ...] = ()
    parts: tuple[Field, ...] = field(default=(), compare=False)
    dynamic: bool = False
    missing: bool = False
    opaque: bool = False
    computed: bool = False
    is_runtime: bool = False

    def __hash__(self) -> int:
        """Fields of one path are rarely two, so that the rest need not be looked at."""
        return hash(self.path)

    @property
    def below(self) -> str | None:
        """What the paths begin with that the path stands for; None where it is one field."""
        if self.path == EVERY_FIELD:
            return ""
        return self.path[:-1] if self.path.endswith(".*") else None

    @property
    def is_computed(self) -> bool:
        """Whether the index may have values of the field that a document lacks."""
        return self.computed or self.type is FieldType.CONSTANT_KEYWORD

    @property
    def computed_paths(self) -> tuple[str, ...]:
        """The paths read here whose values only the index has: documents lack them."""
        sources = (self,) if self.derived is None else self.parts
        return tuple(source.path for source in sources if source.is_computed)

    def values_of(self, values: Values) -> tuple[str, ...]:
        """Return this field's values in a document's `values`, () where it is absent."""
        if self.derived is not None:
            return self.derived.values_of(values)
        prefix = self.below
        if prefix is not None:
            return tuple(
                text for path, texts in values.items() if path.startswith(prefix) for text in texts
            )
        return values.get(self.path, ())


#: What an index does with a field that no type table names: Beats, Fleet and Logstash in ECS mode
#: all map it dynamically to a keyword that ignores longer values.
UNKNOWN_IGNORE_ABOVE = 1024


@dataclass(frozen=True, slots=True)
class TypeTable:
    """What the index knows of its fields, path → `Field`; `fallback` is asked for the rest.

    A field may have another path than it is known by: an alias has its target's. Where the table
    `is_complete`, made from the index itself, a field that it lacks is missing, and the fallback
    only says what is a field's name at all. `is_closed` where the index keeps fields that no
    mapping names without indexing them.
    """

    known: Mapping[str, Field] = field(default_factory=dict)
    fallback: TypeTable | None = None
    is_complete: bool = False
    is_closed: bool = False

    def find(self, path: str) -> Field | None:
        """Return what is known of exactly this path."""
        found = self.known.get(path)
        if found is None and self.fallback is not None and not self.is_complete:
            return self.fallback.find(path)
        return found

    def field(self, path: str) -> Field:
        """Return the field at `path`, a keyword where nothing is known of it.

        Below a flattened or nested field every path takes that type, since a plain query finds
        nothing there; below one that cannot be searched (OTHER), every path that is not known.
        """
        found = self.find(path)
        for parent in _parents(path):
            above = self.find(parent)
            if above is None:
                continue
            if above.type in (FieldType.FLATTENED, FieldType.NESTED):
                return Field(path, above.type, ignore_above=above.ignore_above)
            if above.type is FieldType.OTHER and found is None:
                return Field(path, FieldType.OTHER)
        return found or self._unnamed(path)

    def _unnamed(self, path: str) -> Field:
        """Return a field that no mapping names."""
        if self.is_closed:
            return Field(path, FieldType.OTHER)
        if self.is_complete and path != EVERY_FIELD and not path.endswith(".*"):
            # Should it come one day, nobody knows as what.
            return Field(path, missing=True, opaque=True)
        return Field(path, ignore_above=UNKNOWN_IGNORE_ABOVE, dynamic=True)

    def knows(self, path: str) -> bool:
        """Whether `path` is a field of the index, or lies below an object of it."""
        found = self.find(path)
        if found is not None and not (self.is_complete and found.type is FieldType.OBJECT):
            return True
        if any(self.find(parent) is not None for parent in _parents(path)):
            return True
        # That an index has an object of this name says nothing of a field that goes by it.
        return self.is_complete and self.fallback is not None and self.fallback.knows(path)


def _parents(path: str) -> Iterator[str]:
    end = path.rfind(".")
    while end > 0:
        yield path[:end]
        end = path.rfind(".", 0, end)
