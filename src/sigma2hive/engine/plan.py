"""In which order fields are looked up, so that most of them are for few rows only.

Takes a program and what its fields cost; gives the order. Of each rule one need is its witness: a
set of tests of which one must be met. The fields of witnesses are looked up first, for all rows of
the rule's log source; a row without a witness is lost for the rule, and all else that the rule asks
for is looked up in the rows that are left. What is cheap comes first, both times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from sigma2hive.engine.program import (
    All,
    Any,
    FieldTests,
    Later,
    Node,
    Opposite,
    Program,
    RuleProgram,
)
from sigma2hive.records import dataclass


@dataclass(slots=True)
class Step:
    """One look at a field, by its number in the program.

    `gates` are those of the rules that have a witness in it, where it is the first look.
    """

    field: int
    gates: set[int] = dataclasses.field(default_factory=set)


#: The fields of each need, and all fields that are asked for.
_Asked = tuple[tuple[frozenset[int], ...], frozenset[int]]


class Way:
    """How rules that ask for the same fields are followed.

    Their witness is the need at `witness`, known after the step `known`, for which they look at the
    steps `first`. Rules without a need have no witness: they are there at the start.
    """

    def __init__(self, asked: _Asked, place: Sequence[int]) -> None:
        of_needs, self._every = asked
        self._place = place
        self._known_after = [max(map(place.__getitem__, fields), default=-1) for fields in of_needs]
        self.known = min(self._known_after, default=-1)
        self.witness = self._known_after.index(self.known) if of_needs else -1
        self.first = [place[number] for number in of_needs[self.witness]] if of_needs else []

    @cached_property
    def late(self) -> Sequence[int]:
        """The steps for all that they ask."""
        return sorted(self._place[number] + len(self._place) for number in self._every)

    @cached_property
    def needs(self) -> Mapping[int, Sequence[int]]:
        """Which needs are known after which of the late steps."""
        needs: dict[int, list[int]] = {}
        for position, step in enumerate(self._known_after):
            if position != self.witness:
                needs.setdefault(step + len(self._place), []).append(position)
        return needs


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, each rule's way, and for each test the rules that it is a witness for.

    It holds until the next one is made.
    """

    steps: Sequence[Step]
    rules: Sequence[RuleProgram]
    ways: Sequence[Way]
    witnesses: Mapping[int, Sequence[int]]
    unwitnessed: Sequence[int]


class Planner:
    """Makes plans for one program."""

    def __init__(self, program: Program) -> None:
        self._fields = len(program.fields)
        self._rules = program.rules
        field_of = {
            number: position
            for position, tests in enumerate(program.fields)
            for number in _numbers_of(tests)
        }
        self._asked = [_asked_by(rule, field_of) for rule in program.rules]
        #: The rules that ask for the same fields, by their positions.
        self._alike: dict[_Asked, list[int]] = {}
        for position, asked in enumerate(self._asked):
            self._alike.setdefault(asked, []).append(position)
        self._gates = {
            asked: {program.rules[position].gate for position in alike}
            for asked, alike in self._alike.items()
        }
        self._witness: dict[_Asked, int] = {}
        self._witnesses: dict[int, list[int]] = {}

    def plan(self, costs: Sequence[float]) -> Plan:
        """Return the order of looking fields up that `costs`, what each costs a row, suggest."""
        order = sorted(range(self._fields), key=costs.__getitem__)
        place = [0] * self._fields
        for position, number in enumerate(order):
            place[number] = position
        # Every field is there twice: for witnesses, and for what is asked besides.
        steps = [Step(number) for number in (*order, *order)]
        ways = {asked: Way(asked, place) for asked in self._alike}
        for asked, way in ways.items():
            self._note_witness(asked, way.witness)
            for step in way.first:
                steps[step].gates |= self._gates[asked]
        unwitnessed = [
            position for position, asked in enumerate(self._asked) if ways[asked].known < 0
        ]
        of_rules = [ways[asked] for asked in self._asked]
        return Plan(steps, self._rules, of_rules, self._witnesses, unwitnessed)

    def _note_witness(self, asked: _Asked, witness: int) -> None:
        """Take over which need is a witness; from plan to plan it is mostly the same."""
        before = self._witness.get(asked, -1)
        if witness == before:
            return
        self._witness[asked] = witness
        for position in self._alike[asked]:
            needs = self._rules[position].needs
            for number in needs[before] if before >= 0 else ():
                self._witnesses[number].remove(position)
            for number in needs[witness]:
                self._witnesses.setdefault(number, []).append(position)


def _numbers_of(tests: FieldTests) -> Iterator[int]:
    """Yield the numbers of the tests that are looked up."""
    for of_text in (*tests.equal.values(), *tests.numbers.values(), *tests.needles.values()):
        yield from of_text
    if tests.presence is not None:
        yield tests.presence


def _asked_by(rule: RuleProgram, field_of: Mapping[int, int]) -> _Asked:
    fields: set[int] = set()
    waiting: list[Node] = [rule.asked.node, *(entry.node for entry in rule.filters)]
    while waiting:
        match waiting.pop():
            case int(number):
                fields.add(field_of[number])
            case All(parts):
                waiting.extend(parts)
            case Any(numbers, parts):
                fields.update(map(field_of.__getitem__, numbers))
                waiting.extend(parts)
            case Opposite(part):
                waiting.append(part)
            case Later():
                pass  # read when it is decided
    of_needs = tuple(frozenset(map(field_of.__getitem__, need)) for need in rule.needs)
    return of_needs, frozenset(fields)


class Followed:
    """The rules on one batch: in which rows each may still be met.

    `gates` are rows by gate, `met` rows by test, as far as tests are known.
    """

    def __init__(self, plan: Plan, gates: Sequence[int], met: dict[int, int]) -> None:
        self._plan = plan
        self._gates = gates
        self._met = met
        #: Rows of the rules whose witness was seen.
        self.rows: dict[int, int] = {}
        self._waiting: list[list[int]] = [[] for _ in plan.steps]
        self._due: list[dict[int, int]] = [{} for _ in plan.steps]
        #: Field → rows in which it was looked up.
        self._looked: dict[int, int] = {}
        for position in plan.unwitnessed:
            self._take_up(position, gates[plan.rules[position].gate])

    def is_idle(self, step: int) -> bool:
        """Whether nobody asks for a step."""
        return not (self._waiting[step] or self._plan.steps[step].gates)

    def wanted(self, step: int) -> int:
        """Return the rows in which a step's field is asked for, and not known yet."""
        plan, rows = self._plan, self.rows
        wanted = 0
        for gate in plan.steps[step].gates:
            wanted |= self._gates[gate]
        for position in self._waiting[step]:
            wanted |= rows.get(position, 0)
        field = plan.steps[step].field
        looked = self._looked.get(field, 0)
        self._looked[field] = looked | wanted
        return wanted & ~looked

    def know(self, step: int, found: Iterable[tuple[int, int]]) -> None:
        """Take over the rows of the tests of a step's field that are met somewhere."""
        met, witnesses, ways = self._met, self._plan.witnesses, self._plan.ways
        for number, rows in found:
            met[number] = met.get(number, 0) | rows
            for position in witnesses.get(number, ()):
                due = self._due[ways[position].known]
                due[position] = due.get(position, 0) | rows
        for position in self._waiting[step]:
            rows, needs = self.rows.get(position, 0), ways[position].needs.get(step)
            if rows and needs:
                rows = self.rows[position] = self._left(position, needs, rows)
                if not rows:
                    del self.rows[position]
        for position, seen in self._due[step].items():
            rows = seen & self._gates[self._plan.rules[position].gate]
            self._take_up(position, self._left(position, ways[position].needs.get(step, ()), rows))

    def _left(self, position: int, asked: Sequence[int], rows: int) -> int:
        """Return those of a rule's rows that have what is needed, as far as it is known."""
        met, needs = self._met, self._plan.rules[position].needs
        for need in asked if rows else ():
            there = 0
            for number in met.keys() & needs[need]:
                there |= met[number]
            rows &= there
            if not rows:
                break
        return rows

    def _take_up(self, position: int, rows: int) -> None:
        if rows:
            self.rows[position] = rows
            for step in self._plan.ways[position].late:
                self._waiting[step].append(position)
