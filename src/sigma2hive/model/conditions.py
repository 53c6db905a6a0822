"""The condition tree: what a rule asks of one event, each modifier given its meaning once.

`sigma2hive.sigma` makes the tree with Sigma's field names; `sigma2hive.compiler` resolves them to a
profile's fields. Every evaluator and every target walks this tree and nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import Enum, StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from sigma2hive.diagnostics import Location
from sigma2hive.model.fields import Field
from sigma2hive.records import dataclass


class Wildcard(Enum):
    """The wildcards of a Sigma string; no text, so that a literal "*" is never equal to one."""

    ANY = "*"
    ONE = "?"

    # There is one of each: Enum's own hash, of its name, takes ten times as long.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Text:
    """The whole value is this pattern of literals and wildcards.

    `pattern` () is the empty string. Case-insensitive by the folding table unless `cased`.
    """

    pattern: tuple[str | Wildcard, ...]
    cased: bool = False

    @property
    def literal(self) -> str | None:
        """The only text that is meant, None where the pattern has wildcards."""
        texts = [part for part in self.pattern if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(self.pattern) else None


@dataclass(frozen=True, slots=True)
class Regex:
    """The regular expression is found somewhere in the value (`|re`).

    `.` excludes newline unless `dotall`; \\w, \\d, \\s and \\b are ASCII. Where letter case is
    ignored, by `ignore_case` or by flags in the pattern, that is for ASCII letters; of letters
    beyond ASCII the pattern itself names all cases.
    """

    pattern: str
    ignore_case: bool = False
    multiline: bool = False
    dotall: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """The value is this number, a finite one."""

    number: int | float


@dataclass(frozen=True, slots=True)
class Boolean:
    """The value is this boolean; the texts "true" and "false" count in any letter case."""

    boolean: bool


class Operator(StrEnum):
    """Comparison operators of `|lt`, `|lte`, `|gt`, `|gte` and of correlations."""

    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    EQ = "eq"
    NEQ = "neq"


COMPARISONS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.EQ: operator.eq,
    Operator.NEQ: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Compare:
    """The value, as a number, compares so with a finite one."""

    operator: Operator
    number: int | float


class TimeUnit(StrEnum):
    """The parts of a time that `|minute` … `|year` take, in UTC; week is ISO 8601's."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class TimePart:
    """A part of the value, read as a time, compares so."""

    unit: TimeUnit
    operator: Operator
    number: int


@dataclass(frozen=True, slots=True)
class Cidr:
    """The value is an address inside this network."""

    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Null:
    """The field is absent."""


@dataclass(frozen=True, slots=True)
class Exists:
    """The field is there (an empty string counts), or is not."""

    exists: bool


@dataclass(frozen=True, slots=True)
class FieldReference:
    """The value equals, starts with, ends with or contains a value of another field.

    Compared as addresses or numbers where the index has either side as such, else as text in any
    letter case. `name` is the Sigma field; `fields` are the profile's fields once resolved.
    """

    name: str
    starts_with: bool = False
    ends_with: bool = False
    fields: tuple[Field, ...] = ()


Test = Text | Regex | Number | Boolean | Compare | TimePart | Cidr | Null | Exists | FieldReference


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in the rule an atom comes from, for explanations: selection, item as written, place.

    `item` is "CommandLine|contains"; `value` the rule's own value as text.
    """

    selection: str
    item: str
    value: str
    location: Location


@dataclass(frozen=True, slots=True)
class Atom:
    """One test on one field. `name` None is a keyword search.

    `fields` are the profile's candidates, () until a profile resolved them: any value of any of
    them may meet the test; `Null` and `Exists(False)` ask that all of them are absent.
    """

    name: str | None
    test: Test
    origin: Origin = field(compare=False)
    fields: tuple[Field, ...] = ()

    @property
    def parts(self) -> tuple[tuple[Field, ...], ...]:
        """What its derived fields, and those that it is compared with, are made of.

        Derived fields are equal whatever they are made of; who remembers by fields needs these.
        """
        others = self.test.fields if isinstance(self.test, FieldReference) else ()
        return tuple([field.parts for field in (*self.fields, *others) if field.parts])


@dataclass(frozen=True, slots=True)
class And:
    """All of the conditions; of none it is true."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the conditions; of none it is false."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; true where the field is absent."""

    condition: Condition


Condition = Atom | And | Or | Not


def atoms_of(condition: Condition) -> list[Atom]:
    """Return every atom of the tree, left to right."""
    found: list[Atom] = []
    stack: list[Condition] = [condition]
    while stack:
        node = stack.pop()
        if isinstance(node, Atom):
            found.append(node)
        elif isinstance(node, Not):
            stack.append(node.condition)
        else:
            stack += node.conditions[::-1]
    return found


def fields_of(condition: Condition) -> list[Field]:
    """Return every field that deciding the condition looks at, some of them more than once."""
    # Atoms of one name have the same fields.
    each: dict[int, tuple[Field, ...]] = {}
    for atom in atoms_of(condition):
        each[id(atom.fields)] = atom.fields
        if isinstance(atom.test, FieldReference):
            each[id(atom.test.fields)] = atom.test.fields
    return [field for fields in each.values() for field in fields]
