"""A unit of work decided: what a process does that only decides.

Takes a unit and matchers; gives parts, each a batch decided by all of them with the events that
meet any rule, and nothing of the others. It feeds no correlation and makes no alert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import Event
from sigma2hive.records import dataclass
from sigma2hive.runner.cores.units import Files, Unit
from sigma2hive.runner.matching import Decided, Matcher
from sigma2hive.sources import (
    DAMAGE,
    EventRows,
    FewFindings,
    Reading,
    Slice,
    SourceOptions,
    chunks_in,
    few_collections,
    in_batches,
    read_found,
    reason_of,
)

#: Findings after which a part ends, though it has no events yet.
_MAX_FINDINGS = 1_000

#: An event, or in a slice its line with its number there.
Found = Event | tuple[bytes, int]


@dataclass(slots=True)
class Part:
    """A batch: what each matcher decided, and by row the events that meet any rule.

    `findings` are what was put aside meanwhile; in a slice their lines are counted from its start,
    and the first `at_start` stand before any event of it.
    """

    decided: Sequence[Decided] = ()
    found: Mapping[int, Found] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    at_start: int = 0


@dataclass(frozen=True, slots=True)
class SliceEnd:
    """What is known of a slice when all of it was read.

    `unnamed` stand for findings that are only counted. `damage` says why the rest of it, and of the
    file, could not be read.
    """

    lines: int
    events: int
    last_line: int
    unnamed: tuple[Diagnostic, ...]
    damage: str = ""


def decide_unit(
    unit: Unit, matchers: Sequence[Matcher], options: SourceOptions
) -> Iterator[Part | SliceEnd]:
    """Yield what becomes of a unit, part by part; of a slice its end comes last."""
    with few_collections():
        if isinstance(unit, Files):
            yield from _decide_files(unit, matchers, options)
        else:
            yield from _decide_slice(unit, matchers, options)


def _decide_files(
    unit: Files, matchers: Sequence[Matcher], options: SourceOptions
) -> Iterator[Part]:
    part = Part()
    for entry in in_batches(read_found(unit.found, options)):
        if isinstance(entry, Diagnostic):
            part.findings.append(entry)
            if len(part.findings) < _MAX_FINDINGS:
                continue
        else:
            # Whoever reads a file to its end makes the events of equal lines in their order.
            _decide(part, entry, matchers, entry.event)
        yield part
        part = Part()
    if part.findings:
        yield part


def _decide_slice(
    unit: Slice, matchers: Sequence[Matcher], options: SourceOptions
) -> Iterator[Part | SliceEnd]:
    reading = Reading(unit.file, options, is_part=True)
    few = FewFindings()
    part = Part()
    damage = ""
    try:
        for entry in reading.read_lines(chunks_in(unit)):
            if isinstance(entry, EventRows):
                _decide(part, entry, matchers, entry.line_of)
            elif not few.is_named(entry):
                continue
            else:
                part.findings.append(entry)
                part.at_start += not reading.events
                if len(part.findings) < _MAX_FINDINGS:
                    continue
            yield part
            part = Part()
    except DAMAGE as error:
        damage = reason_of(error)
    if part.findings:
        yield part
    unnamed = tuple(few.unnamed())
    yield SliceEnd(reading.lines, reading.events, reading.last_line, unnamed, damage)


def _decide(
    part: Part, rows: EventRows, matchers: Sequence[Matcher], take: Callable[[int], Found]
) -> None:
    part.decided = [matcher.decide(rows) for matcher in matchers]
    met = {row for decided in part.decided for row, _ in decided.hits}
    part.found = {row: take(row) for row in sorted(met)}
