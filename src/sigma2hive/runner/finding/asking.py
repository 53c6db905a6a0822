"""The way `query`: each rule's own search in a slice, and every hit decided again here.

Takes slices and rules; gives the same hits as reading all of the slice, in the same order. A rule
whose query Elasticsearch refuses is asked for more widely: everything of its log source, or of the
slice, which costs more and misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sigma2hive.clients.errors import RequestRefusedError, ServerError
from sigma2hive.compiler.dsl import compile_query
from sigma2hive.diagnostics import Diagnostic, Severity
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.conditions import And
from sigma2hive.model.events import Event
from sigma2hive.model.rules import CompiledRule, RuleHead
from sigma2hive.runner.finding.costs import QUERY
from sigma2hive.runner.finding.interface import Batch, Means, name_of
from sigma2hive.runner.matching import Candidate
from sigma2hive.runner.reading.interface import Found, HeldSlice, Slice

#: Searches in one request: small enough for a coordinating node, and for one answer in memory.
RULES_PER_REQUEST = 50

#: How widely a rule is asked for: what it finds, all of its log source, all there is.
_EXACT, _LOG_SOURCE, _EVERYTHING = range(3)
_ANY = And(())


@dataclass(slots=True)
class _Asked:
    """A rule that is asked for, how widely, and why that is wider than it should be."""

    rule: CompiledRule
    width: int
    why: ServerError | None = None


@dataclass(slots=True)
class _Sifted:
    """What came of a slice: hits by the place of their event, and documents that are no events."""

    events: dict[int, Event] = field(default_factory=dict)
    hits: list[tuple[int, int, RuleHead]] = field(default_factory=list)
    findings: dict[int, Diagnostic] = field(default_factory=dict)


class Query:
    """Searches slices for rules."""

    def __init__(self, means: Means) -> None:
        self.matcher = means.matcher
        self._means = means
        self._order = {rule.info.id: number for number, rule in enumerate(means.rules)}
        self._queries: dict[tuple[str, int], Mapping[str, Any]] = {}
        #: Rules that Elasticsearch refuses as they are: how widely they are asked for, and why.
        self._refused: dict[str, tuple[int, str]] = {}
        self._names: set[str] = set()

    def ahead(self, parts: Sequence[Slice]) -> None:
        """Do nothing: Elasticsearch does the work."""

    def find(self, part: Slice) -> Iterator[Batch | Diagnostic]:
        """Yield one batch; see `Finder`."""
        yield from self.find_for(part, self.rules_for(part))

    def rules_for(self, part: Slice) -> Sequence[CompiledRule]:
        """Return the rules that look at a slice."""
        targets = frozenset(part.targets)
        return [rule for rule in self._means.rules if not targets.isdisjoint(rule.indices)]

    def find_for(self, part: Slice, rules: Sequence[CompiledRule]) -> Iterator[Batch | Diagnostic]:
        """Yield the batch of some rules.

        Raises:
            ServerError: not all of it was looked at.
        """
        self._names.add(name_of(part))
        sifted = _Sifted()
        with self._means.reader.hold(part) as held:
            count = held.count()
            if count:
                for start in range(0, len(rules), RULES_PER_REQUEST):
                    self._ask(held, rules[start : start + RULES_PER_REQUEST], sifted)
        yield from (sifted.findings[place] for place in sorted(sifted.findings))
        if count:
            ordered = sorted(sifted.hits, key=lambda hit: hit[:2])
            hits = [(rule, sifted.events[place]) for place, _, rule in ordered]
            yield Batch(count - len(sifted.findings), hits, QUERY)
        yield from self.matcher.take_findings()

    def standing(self) -> Mapping[str, JsonValue]:
        """Return what was refused, for all that was searched."""
        refused = self.refused()
        return {name: {"way": QUERY, "refused": refused} for name in sorted(self._names)}

    def refused(self) -> Mapping[str, JsonValue]:
        """Return the ids of rules that are asked for more widely, and why."""
        return {rule_id: why for rule_id, (_, why) in self._refused.items()}

    def _ask(self, held: HeldSlice, rules: Sequence[CompiledRule], sifted: _Sifted) -> None:
        waiting = [_Asked(rule, self._refused.get(rule.info.id, (_EXACT,))[0]) for rule in rules]
        while waiting:
            answers = held.begin([self._query(asked.rule, asked.width) for asked in waiting])
            _raise_common(
                [answer for answer in answers if isinstance(answer, ServerError)], answers
            )
            again: list[_Asked] = []
            for asked, answer in zip(waiting, answers, strict=True):
                if isinstance(answer, ServerError):
                    again.append(_wider(asked, answer))
                    continue
                self._remember(asked)
                self._sift(asked.rule, answer.found, sifted)
                if not answer.is_all:
                    query = self._query(asked.rule, asked.width)
                    self._sift(asked.rule, held.go_on(query, answer), sifted)
            waiting = again

    def _sift(
        self, rule: CompiledRule, found: Sequence[Found] | Iterator[Found], sifted: _Sifted
    ) -> None:
        """Decide what was found for a rule."""
        for each in found:
            event = sifted.events.get(each.place)
            if event is None:
                read = each.read()
                if isinstance(read, Diagnostic):
                    sifted.findings[each.place] = read
                    continue
                event = read
            for met, _ in self.matcher.hits_of(Candidate(rule.info.id, event)):
                # Others of the slice that it meets take the same event.
                sifted.events[each.place] = event
                sifted.hits.append((each.place, self._order[met.info.id], met))

    def _query(self, rule: CompiledRule, width: int) -> Mapping[str, Any]:
        key = (rule.info.id, width)
        query = self._queries.get(key)
        if query is None:
            query = self._queries[key] = _compiled(rule, width)
        return query

    def _remember(self, asked: _Asked) -> None:
        """Ask for what was refused as widely from now on; other failures may pass."""
        if not isinstance(asked.why, RequestRefusedError):
            return
        info = asked.rule.info
        self._refused[info.id] = (asked.width, asked.why.reason)
        self._means.tell(
            Diagnostic(
                "S2H507",
                Severity.WARNING,
                info.location,
                f"Elasticsearch refuses to search for this rule: {asked.why.reason}",
                "nothing is missed: all of its log source is fetched and decided here, which costs "
                "more; see what it asks for with `sigma2hive compile --target dsl`",
            )
        )


def _compiled(rule: CompiledRule, width: int) -> Mapping[str, Any]:
    if width == _EXACT:
        return compile_query(replace(rule, condition=rule.unfiltered)).body
    if width == _LOG_SOURCE:
        return compile_query(replace(rule, condition=_ANY)).body
    return {"match_all": {}}


def _raise_common(errors: Sequence[ServerError], answers: Sequence[object]) -> None:
    """Raise what is no single rule's fault: most searches failed, and were not just refused."""
    others = [error for error in errors if not isinstance(error, RequestRefusedError)]
    if others and len(answers) > 1 and 2 * len(others) > len(answers):
        raise others[0]


def _wider(asked: _Asked, error: ServerError) -> _Asked:
    """Return the same, asked for more widely.

    Raises:
        ServerError: wider than everything there is nothing.
    """
    if asked.width == _EVERYTHING:
        raise error
    why = asked.why if isinstance(asked.why, RequestRefusedError) else error
    return _Asked(asked.rule, asked.width + 1, why)
