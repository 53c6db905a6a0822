"""What finds the events of a slice that meet rules, whichever way it goes about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.events import Event
from sigma2hive.model.rules import CompiledRule, RuleHead
from sigma2hive.records import dataclass
from sigma2hive.runner.deciding import Decider
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.reading.interface import SearchingReader, Slice


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a slice: how many there are, and each rule that is met, with the event, in order.

    Rules of other index patterns may be among them. `way` is how it was found.
    """

    events: int
    hits: Sequence[tuple[RuleHead, Event]]
    way: str


class Finder(Protocol):
    """Finds what meets rules. Each way finds the same; `matcher` counts what filters take away."""

    @property
    def matcher(self) -> Matcher:
        """What decides."""

    def ahead(self, parts: Sequence[Slice]) -> None:
        """Let it begin with slices that will be looked at, in this order, unless one fails.

        Without any, let it be ready for some.
        """

    def find(self, part: Slice) -> Iterator[Batch | Diagnostic]:
        """Yield the batches of a slice, and findings for documents that are no events.

        Raises:
            ServerError: not all of it was looked at; nothing that was yielded counts.
            RepeatError: the same, but it can be looked at again at once.
        """

    def standing(self) -> Mapping[str, JsonValue]:
        """Return, by the patterns that look at slices, which way is taken and what it costs."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a way works with.

    `matcher` decides, exhaustively: searches bring what rules' filters take away, too. `rules` are
    those that look. `tell` hears of rules that cannot be asked for as they should. `known` is what
    the standing was when the service ended last. `decider` reads and decides beside this process.
    """

    reader: SearchingReader
    matcher: Matcher
    rules: Sequence[CompiledRule]
    tell: Callable[[Diagnostic], None] = lambda _: None
    known: Mapping[str, JsonValue] = field(default_factory=dict)
    decider: Decider | None = None


def name_of(part: Slice) -> str:
    """Return what a slice's patterns are known by together."""
    return ",".join(part.targets)
