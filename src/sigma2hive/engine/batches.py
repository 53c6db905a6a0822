"""The engine: all rules on a batch of documents in one look.

Takes compiled rules once and batches of documents then; gives for each rule the rows that meet it.
Documents become columns, each distinct value of a column is looked at once for all rules, and a
rule is boolean algebra on bitmaps of rows. The answer is the reference evaluator's, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sigma2hive.engine.columns import Columns, Piece, Rows, mask_of, rows_of
from sigma2hive.engine.program import (
    All,
    Any,
    Decided,
    FieldTests,
    Node,
    Opposite,
    RuleProgram,
    compile_program,
)
from sigma2hive.engine.reference import prepare
from sigma2hive.engine.values import FieldMatcher
from sigma2hive.model.fields import Derived, Field
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
    """All rules of a profile, ready to look at batches."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        program = compile_program(rules)
        self._gates = program.gates
        self._rules = program.rules
        self._gate_fields = [_Field(tests) for tests in program.gate_fields]
        self._fields = [_Field(tests) for tests in program.fields]

    def hits_in(self, columns: Columns) -> Iterator[Hits]:
        """Yield what each rule found, for each that found anything, in the order of the rules."""
        every = (1 << columns.size) - 1
        met: dict[int, int] = {}
        for field in self._gate_fields:
            field.look(columns, every, met)
        gates = [_Deciding(columns, met).rows_of(gate, every) for gate in self._gates]
        for field in self._fields:
            if wanted := field.wanted(gates):
                field.look(columns, wanted, met)
        deciding = _Deciding(columns, met)
        for position, rule in enumerate(self._rules):
            if gates[rule.gate]:
                found = deciding.hits_of(position, rule, gates[rule.gate])
                if found is not None:
                    yield found


class _Deciding:
    """One batch, of which all tests are decided: `met` is number of a test → rows."""

    def __init__(self, columns: Columns, met: dict[int, int]) -> None:
        self._columns = columns
        self._met = met
        self._numbers = frozenset(met)
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
        if rows and not decided.exact:
            holds = prepare(decided.condition)
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


class _Field:
    """The tests of one field, and how its values are read from columns."""

    def __init__(self, tests: FieldTests) -> None:
        self._field = tests.field
        self._presence = tests.presence
        self._gates = tuple(tests.gates)
        self._matcher = (
            FieldMatcher(((number, test) for test, number in tests.tests.items()), tests.field.type)
            if tests.tests
            else None
        )

    def wanted(self, gates: Sequence[int]) -> int:
        """Return the rows of which any rule wants this field."""
        wanted = 0
        for gate in self._gates:
            wanted |= gates[gate]
        return wanted

    def look(self, columns: Columns, wanted: int, met: dict[int, int]) -> None:
        """Add to `met` the rows, among these, of all tests that are met."""
        pieces = [piece for piece in self._pieces(columns, wanted) if piece.rows.mask & wanted]
        if not pieces:
            return
        if self._presence is not None:
            there = 0
            for piece in pieces:
                there |= piece.rows.mask
            met[self._presence] = there
        if self._matcher is None:
            return
        values: set[str] = set()
        values.update(*(piece.cells for piece in pieces))
        found = self._matcher.met_by(values)
        if found:
            for value, rows in _rows_of_values(pieces, found.keys()):
                mask = mask_of(rows)
                for number in found[value]:
                    met[number] = met.get(number, 0) | mask

    def _pieces(self, columns: Columns, wanted: int) -> Iterable[Piece]:
        field = self._field
        if field.derived is not None:
            return _derived(field.derived, columns, wanted)
        if field.path.endswith(".*"):
            return columns.below(field.path[:-1])
        return columns.of(field.path)


def _rows_of_values(
    pieces: Iterable[Piece], values: Iterable[str]
) -> Iterable[tuple[str, list[int]]]:
    found: dict[str, list[int]] = {value: [] for value in values}
    for piece in pieces:
        for row, cell in zip(piece.rows.numbers, piece.cells, strict=True):
            if cell in found:
                found[cell].append(row)
    for rows in found.values():
        rows.sort()
    return found.items()


def _derived(derived: Derived, columns: Columns, wanted: int) -> Iterable[Piece]:
    """Put a derived field together, once for each combination of the values it is made of."""
    paths = list(dict.fromkeys(path for part in derived.parts for path in (part.path, *part.only_if)))
    by_row = [columns.by_row(path, wanted) for path in paths]
    made: dict[tuple[tuple[str, ...], ...], tuple[str, ...]] = {}
    numbers: list[int] = []
    cells: list[str] = []
    rows = sorted(set().union(*by_row))
    for row in rows:
        values = tuple(texts.get(row, ()) for texts in by_row)
        texts = made.get(values)
        if texts is None:
            there = {path: found for path, found in zip(paths, values, strict=True) if found}
            texts = made[values] = derived.values_of(there)
        numbers.extend([row] * len(texts))
        cells.extend(texts)
    return [Piece(Rows(numbers), cells)] if numbers else []
