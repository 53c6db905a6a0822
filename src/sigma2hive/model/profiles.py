"""Profiles: which fields an index has and where a Sigma log source lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sigma2hive.model.values import Values


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
    """One piece of a derived field: a path, a text put before it, and values to translate.

    With `replace`, a value that is no key of it gives nothing: the field is then absent.
    Keys of `replace` are compared as they are.
    """

    path: str
    prefix: str = ""
    replace: Mapping[str, str] = field(default_factory=dict)
    upper: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """A field that no document has but a rule can ask for, put together from those it has.

    Sysmon's `User` is user.domain and user.name in ECS; its `Hashes` is one field a hash. The parts
    that exist are joined by `separator`; when none exists the field is absent.
    """

    parts: tuple[Part, ...]
    separator: str = ""

    def values_of(self, values: Values) -> tuple[str, ...]:
        """Return the derived field's values (none or one) in a document's `values`.

        Of a multi-valued part the first value is taken.
        """
        pieces = []
        for part in self.parts:
            found = values.get(part.path)
            if not found:
                continue
            text = found[0].upper() if part.upper else found[0]
            if part.replace:
                if text not in part.replace:
                    continue
                text = part.replace[text]
            pieces.append(part.prefix + text)
        return (self.separator.join(pieces),) if pieces else ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an index, with what is needed to compare in it.

    `path` ends in ".*" where it stands for every field below (keyword searches). `caseless` and
    `keyword` are subfield paths where the index has them; `ignore_above` counts characters, 0 is no
    limit. `derived` is set where the path is not in documents at all. `dropped` lists values that
    ingestion removes from this field, so that their absence means them.
    """

    path: str
    type: FieldType = FieldType.KEYWORD
    caseless: str = ""
    keyword: str = ""
    ignore_above: int = 0
    derived: Derived | None = None
    dropped: tuple[str, ...] = ()

    def values_of(self, values: Values) -> tuple[str, ...]:
        """Return this field's values in a document's `values`, () where it is absent."""
        if self.derived is not None:
            return self.derived.values_of(values)
        if self.path.endswith(".*"):
            prefix = self.path[:-1]
            return tuple(
                text for path, texts in values.items() if path.startswith(prefix) for text in texts
            )
        return values.get(self.path, ())


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
    """Where a rule's log source lies in the index, everything merged and resolved.

    `indices` are index patterns. `any_of` are alternatives, each a conjunction of index fields and
    accepted values (empty: no condition). `fields` maps a Sigma field name to candidate index
    fields, of which any may hold the value. `keyword_fields` are searched by unbound keywords.
    `default_prefix` (e.g. "winlog.event_data.") names a field that `fields` does not list; "" means
    that the Sigma name is the index field.
    """

    indices: tuple[str, ...]
    any_of: tuple[Conjunction, ...]
    fields: Mapping[str, tuple[Field, ...]]
    keyword_fields: tuple[Field, ...]
    default_prefix: str = ""
    default_dropped: tuple[str, ...] = ()


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
    dropped: tuple[str, ...] | None = None
