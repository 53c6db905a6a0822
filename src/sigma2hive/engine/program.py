"""Rules as one program: each test that several rules ask is decided once.

Takes compiled rules; gives numbered tests by field and, for each rule, boolean algebra on their
numbers. Equal tests on equal fields have one number, whatever rules they come from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal

from sigma2hive.engine.needles import EVERY_VALUE, lookup_of
from sigma2hive.engine.predicates import ValueTest
from sigma2hive.model.conditions import (
    And,
    Atom,
    Condition,
    Exists,
    FieldReference,
    Not,
    Null,
    Or,
    Text,
    Wildcard,
)
from sigma2hive.model.fields import EVERY_FIELD, Field
from sigma2hive.model.rules import CompiledRule
from sigma2hive.records import dataclass


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; of none it is true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One of the numbered tests is met, or one of the parts holds."""

    numbers: frozenset[int] = frozenset()
    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Opposite:
    """The part does not hold."""

    part: Node


@dataclass(frozen=True, slots=True)
class Later:
    """A test that no text or number tells from others, decided where all else holds already."""

    number: int


#: A number is a test that is met.
Node = int | Later | All | Any | Opposite

ALWAYS = All(())
NEVER = Any()


@dataclass(slots=True)
class FieldTests:
    """The numbered tests on one field, by how they are decided.

    A value meets the tests of `equal` under its folded text, of `numbers` under the number that it
    is, and of `needles` under each text that is found in it; those that are in `decided` too, when
    that says so. `later` are decided value by value where need be. `presence` is the number of "it
    has a value", if any rule asks. `gates` are those of the rules that ask anything here.
    """

    field: Field
    equal: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    numbers: dict[Decimal, list[int]] = dataclasses.field(default_factory=dict)
    needles: dict[bytes, list[int]] = dataclasses.field(default_factory=dict)
    decided: dict[int, ValueTest] = dataclasses.field(default_factory=dict)
    later: dict[int, ValueTest] = dataclasses.field(default_factory=dict)
    presence: int | None = None
    gates: set[int] = dataclasses.field(default_factory=set)

    @property
    def is_looked_up(self) -> bool:
        """Whether there are tests that are decided for all values at once."""
        return bool(self.equal or self.numbers or self.needles)

    def add(self, number: int, test: ValueTest) -> bool:
        """Add a test; return whether it is looked up."""
        lookup = lookup_of(test, self.field.type)
        if lookup == EVERY_VALUE:
            self.later[number] = test
            return False
        if lookup.equal is not None:
            self.equal.setdefault(lookup.equal, []).append(number)
        elif lookup.number is not None:
            self.numbers.setdefault(lookup.number, []).append(number)
        for needle in lookup.needles:
            self.needles.setdefault(needle, []).append(number)
        if not lookup.is_exact:
            self.decided[number] = test
        return True


@dataclass(frozen=True, slots=True)
class Decided:
    """A condition as algebra.

    Where the node says more than is meant, it holds for all that may meet the `residual`: the whole
    condition, which is to be decided event by event then.
    """

    node: Node
    residual: Condition | None = None


@dataclass(frozen=True, slots=True)
class RuleProgram:
    """One rule: the number of its gate, what it asks, and what its filters ask besides.

    Of each of `needs` one test must be met somewhere for the rule to find anything at all.
    """

    gate: int
    asked: Decided
    filters: tuple[Decided, ...]
    needs: tuple[frozenset[int], ...]


@dataclass(slots=True)
class Program:
    """Everything that is decided of a batch.

    `gates` are the conditions of log sources, each once; `fields` have the numbered tests, those of
    gates apart in `gate_fields`.
    """

    gates: list[Decided] = dataclasses.field(default_factory=list)
    gate_fields: list[FieldTests] = dataclasses.field(default_factory=list)
    rules: list[RuleProgram] = dataclasses.field(default_factory=list)
    fields: list[FieldTests] = dataclasses.field(default_factory=list)


def compile_program(rules: Sequence[CompiledRule]) -> Program:
    """Return the program of the rules, in their order."""
    return _Compiler().compile(rules)


#: Two definitions of a field are one where all that decides its values is equal.
_FieldKey = tuple[str, str, str]


def _key_of(found: Field) -> _FieldKey:
    return found.path, found.type.value, repr(found.derived) if found.derived else ""


#: A field's tests, those of one gate where they are kept apart.
_GateKey = tuple[_FieldKey, int | None]


def _key_at(found: Field, gate: int | None) -> _GateKey:
    # Whole documents are searched for the few texts of one gate, not for those of all.
    return _key_of(found), gate if found.path == EVERY_FIELD else None


def _form_of(condition: Condition) -> Hashable:
    """Return what is equal for conditions that mean the same, wherever they were written."""
    match condition:
        case Atom(_, FieldReference() as test):
            others = tuple(map(_key_of, test.fields))
            how = (test.starts_with, test.ends_with)
            return (tuple(map(_key_of, condition.fields)), others, how)
        case Atom():
            return (tuple(map(_key_of, condition.fields)), condition.test)
        case Not(inner):
            return ("not", _form_of(inner))
        case And(conditions) | Or(conditions):
            return (type(condition).__name__, *map(_form_of, conditions))


class _Numbering:
    """Gives every test on every field its number."""

    def __init__(self, first: int = 0) -> None:
        self.next = first
        self.fields: dict[_GateKey, FieldTests] = {}
        self._nodes: dict[tuple[_GateKey, ValueTest], int | Later] = {}

    def _tests_of(self, found: Field, gate: int | None) -> FieldTests:
        tests = self.fields.setdefault(_key_at(found, gate), FieldTests(found))
        if gate is not None:
            tests.gates.add(gate)
        return tests

    def presence(self, found: Field, gate: int | None) -> int:
        tests = self._tests_of(found, gate)
        if tests.presence is None:
            tests.presence = self._new()
        return tests.presence

    def test(self, found: Field, test: ValueTest, gate: int | None) -> int | Later:
        tests = self._tests_of(found, gate)
        key = (_key_at(found, gate), test)
        node = self._nodes.get(key)
        if node is None:
            number = self._new()
            node = self._nodes[key] = number if tests.add(number, test) else Later(number)
        return node

    def _new(self) -> int:
        self.next += 1
        return self.next - 1


class _Compiler:
    def __init__(self) -> None:
        self._numbering = _Numbering()
        self._gates: dict[Hashable, tuple[int, Condition]] = {}

    def compile(self, rules: Sequence[CompiledRule]) -> Program:
        program = Program()
        gates = [self._gate_of(rule) for rule in rules]
        of_gates = _Numbering()
        self._numbering = of_gates
        program.gates = [self._decided(condition, None) for _, condition in self._gates.values()]
        program.gate_fields = list(of_gates.fields.values())
        self._numbering = _Numbering(of_gates.next)
        program.rules = [self._rule(gate, rule) for gate, rule in zip(gates, rules, strict=True)]
        program.fields = list(self._numbering.fields.values())
        return program

    def _rule(self, gate: int, rule: CompiledRule) -> RuleProgram:
        asked = self._decided(rule.unfiltered, gate)
        filters = tuple(self._decided(entry.condition, gate) for entry in rule.filters)
        return RuleProgram(gate, asked, filters, tuple(sorted(_needs(asked.node), key=len)))

    def _gate_of(self, rule: CompiledRule) -> int:
        return self._gates.setdefault(_form_of(rule.gate), (len(self._gates), rule.gate))[0]

    def _decided(self, condition: Condition, gate: int | None) -> Decided:
        made = _Made(self._numbering, gate)
        node = made.node_of(condition, widen=True)
        return Decided(node, None if made.is_exact else condition)


class _Made:
    """One condition on its way to be a node."""

    def __init__(self, numbering: _Numbering, gate: int | None) -> None:
        self._numbering = numbering
        self._gate = gate
        self.is_exact = True

    def node_of(self, condition: Condition, *, widen: bool) -> Node:
        match condition:
            case And(conditions):
                return _all(self.node_of(part, widen=widen) for part in conditions)
            case Or(conditions):
                return _any(self.node_of(part, widen=widen) for part in conditions)
            case Not(inner):
                return Opposite(self.node_of(inner, widen=not widen))
            case Atom():
                return self._atom(condition, widen=widen)

    def _atom(self, atom: Atom, *, widen: bool) -> Node:
        if not atom.fields:
            raise ValueError(f"the field {atom.name!r} was not resolved by a profile")
        match atom.test:
            case Null():
                return Opposite(self._presence(atom))
            case Exists(exists):
                return self._presence(atom) if exists else Opposite(self._presence(atom))
            case FieldReference():
                # Two fields of one event: decided event by event.
                self.is_exact = False
                return ALWAYS if widen else NEVER
            case Text(pattern) if pattern and all(part is Wildcard.ANY for part in pattern):
                return self._presence(atom)
            case test:
                numbering, gate = self._numbering, self._gate
                return _any(numbering.test(found, test, gate) for found in atom.fields)

    def _presence(self, atom: Atom) -> Node:
        return _any(self._numbering.presence(found, self._gate) for found in atom.fields)


def _all(parts: Iterable[Node]) -> Node:
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, All) else (part,))
    return flat[0] if len(flat) == 1 else All(tuple(sorted(flat, key=_cost)))


def _any(parts: Iterable[Node]) -> Node:
    numbers: set[int] = set()
    others: list[Node] = []
    for part in parts:
        if isinstance(part, int):
            numbers.add(part)
        elif isinstance(part, Any):
            numbers |= part.numbers
            others.extend(part.parts)
        else:
            others.append(part)
    if len(numbers) == 1 and not others:
        return numbers.pop()
    if not numbers and len(others) == 1:
        return others[0]
    return Any(frozenset(numbers), tuple(sorted(others, key=_cost)))


def _needs(node: Node) -> list[frozenset[int]]:
    """Return sets of tests: where none of one set is met, the node holds nowhere."""
    match node:
        case int():
            return [frozenset((node,))]
        case All(parts):
            return [need for part in parts for need in _needs(part)]
        case Any(numbers, parts):
            of_parts = [_needs(part) for part in parts]
            if all(of_parts):
                smallest = [min(needs, key=len) for needs in of_parts]
                return [numbers.union(*smallest)]
    return []


def _cost(node: Node) -> int:
    """How late a part is decided: what is dear waits for what leaves few rows."""
    match node:
        case int():
            return 0
        case Later():
            return 1000
        case Opposite(part):
            return 1 + _cost(part)
        case All(parts):
            return 1 + max(map(_cost, parts), default=0)
        case Any(_, parts):
            return 1 + max(map(_cost, parts), default=0)
