"""A program for other rules than it was made for, most of which it knows.

Takes a program, and for each rule wanted which of the program's it is, or that it is new; gives a
program that decides the wanted rules. Tests of rules that are gone stay in it and decide nothing,
so whoever extends one again and again should make it anew at times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sigma2hive.engine.program import (
    All,
    Any,
    Decided,
    FieldTests,
    Later,
    Node,
    Opposite,
    Program,
    RuleProgram,
    compile_program,
)
from sigma2hive.model.fields import EVERY_FIELD
from sigma2hive.model.rules import CompiledRule


def with_rules(
    known: Program, places: Sequence[int | None], rules: Sequence[CompiledRule]
) -> Program:
    """Return the program of `rules`, taking over `known`, which must not be used any more.

    `places` says of each rule its position among the rules of `known`; None is one to compile.
    """
    new = [position for position, place in enumerate(places) if place is None]
    more = compile_program([rules[position] for position in new])
    moved = _Move.behind(known)
    _take_in(known.gate_fields, more.gate_fields, moved)
    gates = [*known.gates, *map(moved.decided, more.gates)]
    _take_in(known.fields, more.fields, moved)
    added = dict(zip(new, map(moved.rule, more.rules), strict=True))
    asked = [
        added[position] if place is None else known.rules[place]
        for position, place in enumerate(places)
    ]
    return replace(known, gates=gates, rules=asked)


@dataclass(slots=True)
class _Move:
    """New numbers for the tests and gates of a program that is put behind another."""

    tests: int
    gates: int
    #: Tests that the other one has already: number → its number there.
    same: dict[int, int]

    @classmethod
    def behind(cls, program: Program) -> _Move:
        numbers = [
            number
            for tests in (*program.gate_fields, *program.fields)
            for number in _numbers_of(tests)
        ]
        return cls(max(numbers, default=-1) + 1, len(program.gates), {})

    def number(self, number: int) -> int:
        return self.same.get(number, number + self.tests)

    def node(self, node: Node) -> Node:
        match node:
            case int():
                return self.number(node)
            case Later(number):
                return Later(self.number(number))
            case Opposite(part):
                return Opposite(self.node(part))
            case All(parts):
                return All(tuple(map(self.node, parts)))
            case Any(numbers, parts):
                return Any(frozenset(map(self.number, numbers)), tuple(map(self.node, parts)))

    def decided(self, decided: Decided) -> Decided:
        return replace(decided, node=self.node(decided.node))

    def rule(self, rule: RuleProgram) -> RuleProgram:
        return replace(
            rule,
            gate=rule.gate + self.gates,
            asked=self.decided(rule.asked),
            filters=tuple(map(self.decided, rule.filters)),
            needs=tuple(frozenset(map(self.number, need)) for need in rule.needs),
        )


def _take_in(known: list[FieldTests], more: Sequence[FieldTests], move: _Move) -> None:
    """Add the tests of fields to those that are there; a field that is not gets its own."""
    by_field = {_key_of(tests): tests for tests in known}
    for added in more:
        # Whole documents are searched for the texts of one gate only.
        own = None if added.field.path == EVERY_FIELD else by_field.get(_key_of(added))
        if own is None:
            own = FieldTests(added.field)
            known.append(own)
        _add_tests(own, added, move)


def _key_of(tests: FieldTests) -> tuple[str, str, str]:
    found = tests.field
    return found.path, found.type.value, repr(found.derived) if found.derived else ""


def _add_tests(own: FieldTests, added: FieldTests, move: _Move) -> None:
    if added.presence is not None:
        if own.presence is None:
            own.presence = move.number(added.presence)
        else:
            move.same[added.presence] = own.presence
    for text, numbers in added.equal.items():
        own.equal.setdefault(text, []).extend(map(move.number, numbers))
    for value, numbers in added.numbers.items():
        own.numbers.setdefault(value, []).extend(map(move.number, numbers))
    for needle, numbers in added.needles.items():
        own.needles.setdefault(needle, []).extend(map(move.number, numbers))
    own.decided.update((move.number(number), test) for number, test in added.decided.items())
    own.later.update((move.number(number), test) for number, test in added.later.items())
    own.gates.update(gate + move.gates for gate in added.gates)


def _numbers_of(tests: FieldTests) -> Iterator[int]:
    for by_key in (tests.equal, tests.numbers, tests.needles):
        for numbers in by_key.values():
            yield from numbers
    yield from tests.decided
    yield from tests.later
    if tests.presence is not None:
        yield tests.presence
