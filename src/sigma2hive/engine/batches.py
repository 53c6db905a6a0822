"""The engine: all rules on a batch of documents in one look.

Takes compiled rules once and batches of documents then; gives for each rule the rows that meet it.
Documents become columns, each distinct value of a column is looked at once for all rules, and a
rule is boolean algebra on bitmaps of rows. The answer is the reference evaluator's, always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sigma2hive.engine.columns import Columns
from sigma2hive.engine.field_reading import FieldReader
from sigma2hive.engine.plan import Followed, Plan, Planner
from sigma2hive.engine.program import (
    ALWAYS,
    All,
    Any,
    Decided,
    Later,
    Node,
    Program,
    RuleProgram,
    compile_program,
)
from sigma2hive.engine.reference import prepare
from sigma2hive.model.bitmaps import mask_of, rows_of
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass

#: After so many batches the order of fields is thought over.
_PLANNED_AGAIN = (1, 8)
#: The gate of a log source that every event is of.
_ALWAYS = Decided(ALWAYS)


@dataclass(frozen=True, slots=True)
class Hits:
    """What one rule found in a batch.

    `rule` is its position among the engine's rules, `rows` the rows that meet it, as a bitmap, and
    `suppressed` for each of its filters, in their order, those that it was the first to take away.
    """

    rule: int
    rows: int
    suppressed: tuple[int, ...] = ()


class Engine:
    """All rules of a profile, ready to look at batches; `program` is theirs, where it is known."""

    def __init__(self, rules: Sequence[CompiledRule], program: Program | None = None) -> None:
        program = program or compile_program(rules)
        self._gates = program.gates
        self._rules = program.rules
        self._gate_fields = [FieldReader(tests) for tests in program.gate_fields]
        self._fields = [FieldReader(tests) for tests in program.fields]
        self._later = {
            number: reader
            for reader in (*self._gate_fields, *self._fields)
            for number in reader.later
        }
        self._always = {number for number, gate in enumerate(program.gates) if gate == _ALWAYS}
        #: Whether any event so far was of a rule's log source; without a gate, has a field of it.
        self.has_seen_its_own = False
        self._planner = Planner(program)
        self._plan: Plan | None = None
        self._batches = 0

    def hits_in(self, columns: Columns) -> Iterator[Hits]:
        """Yield what each rule found, for each that found anything, in the order of the rules."""
        met: dict[int, int] = {}
        for field in self._gate_fields:
            met.update(field.look(columns, columns.every))
        before = _Deciding(columns, met, self._later)
        gates = [before.rows_of(gate, columns.every) for gate in self._gates]
        if not self.has_seen_its_own:
            self.has_seen_its_own = self._has_its_own(columns, gates)
        followed = self._followed(columns, gates, met)
        deciding = _Deciding(columns, met, self._later)
        for position in sorted(followed):
            found = deciding.hits_of(position, self._rules[position], followed[position])
            if found is not None:
                yield found

    def _has_its_own(self, columns: Columns, gates: Sequence[int]) -> bool:
        every = columns.every
        return any(rows and number not in self._always for number, rows in enumerate(gates)) or any(
            field.is_there(columns, every)
            for field in self._fields
            if not self._always.isdisjoint(field.gates)
        )

    def _followed(
        self, columns: Columns, gates: Sequence[int], met: dict[int, int]
    ) -> Mapping[int, int]:
        """Look up what is asked for; return the rows in which each rule may still be met."""
        plan = self._planned()
        followed = Followed(plan, gates, met)
        for number, step in enumerate(plan.steps):
            if followed.is_idle(number):
                continue
            wanted = followed.wanted(number)
            found = self._fields[step.field].look(columns, wanted) if wanted else {}
            followed.know(number, found.items())
        return followed.rows

    def _planned(self) -> Plan:
        # What fields cost is known better after some batches.
        if self._plan is None or self._batches in _PLANNED_AGAIN:
            self._plan = self._planner.plan([field.cost for field in self._fields])
        self._batches += 1
        return self._plan


class _Deciding:
    """One batch, of which tests are looked up: `met` is number of a test → rows."""

    def __init__(
        self,
        columns: Columns,
        met: dict[int, int],
        later: Mapping[int, FieldReader],
    ) -> None:
        self._columns = columns
        self._met = met
        self._numbers = frozenset(met)
        self._later = later
        self._values: dict[int, Values] = {}

    def hits_of(self, position: int, rule: RuleProgram, rows: int) -> Hits | None:
        rows = self.rows_of(rule.asked, rows)
        if not rows:
            return None
        suppressed = []
        for entry in rule.filters:
            passing = self.rows_of(entry, rows)
            suppressed.append(rows & ~passing)
            rows = passing
        return Hits(position, rows, tuple(suppressed))

    def rows_of(self, decided: Decided, among: int) -> int:
        """Return the rows `among` these that meet a condition."""
        rows = self._node(decided.node, among)
        if rows and decided.residual is not None:
            holds = prepare(decided.residual)
            rows = mask_of([row for row in rows_of(rows) if holds(self._values_of(row))])
        return rows

    def _values_of(self, row: int) -> Values:
        values = self._values.get(row)
        if values is None:
            values = self._values[row] = self._columns.values_of(row)
        return values

    def _node(self, node: Node, among: int) -> int:
        if isinstance(node, int):
            return self._met.get(node, 0) & among
        if isinstance(node, All):
            for part in node.parts:
                among = self._node(part, among)
                if not among:
                    return 0
            return among
        if isinstance(node, Any):
            return self._any(node, among)
        if isinstance(node, Later):
            return self._later[node.number].rows_with(node.number, self._columns, among)
        return among & ~self._node(node.part, among)

    def _any(self, node: Any, among: int) -> int:
        rows = 0
        met = self._met
        for number in node.numbers & self._numbers:
            rows |= met[number]
        rows &= among
        for part in node.parts:
            if rows == among:
                break
            rows |= self._node(part, among & ~rows)
        return rows
