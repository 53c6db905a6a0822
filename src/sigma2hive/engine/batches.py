"""The engine: all rules on a batch of documents in one look.

Takes compiled rules once and batches of documents then; gives for each rule the rows that meet it.
Documents become columns, each distinct value of a column is looked at once for all rules, and a
rule is boolean algebra on bitmaps of rows. The answer is the reference evaluator's, always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigma2hive.engine.columns import Columns, mask_of, rows_of
from sigma2hive.engine.field_reading import FieldReader
from sigma2hive.engine.program import (
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
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.values import Values


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

    def hits_in(self, columns: Columns) -> Iterator[Hits]:
        """Yield what each rule found, for each that found anything, in the order of the rules."""
        met: dict[int, int] = {}
        for field in self._gate_fields:
            field.look(columns, columns.every, met)
        before = _Deciding(columns, met, self._later)
        gates = [before.rows_of(gate, columns.every) for gate in self._gates]
        for field in self._fields:
            if wanted := field.wanted(gates):
                field.look(columns, wanted, met)
        deciding = _Deciding(columns, met, self._later)
        for position, rule in enumerate(self._rules):
            if gates[rule.gate] and deciding.may_find(rule):
                found = deciding.hits_of(position, rule, gates[rule.gate])
                if found is not None:
                    yield found


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

    def may_find(self, rule: RuleProgram) -> bool:
        """Whether of all that the rule cannot do without, something is met in some row."""
        numbers = self._numbers
        return not any(need.isdisjoint(numbers) for need in rule.needs)

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
