"""Which events meet which rules: deciding, without any I/O.

Takes compiled rules and correlations, then events in batches, or candidates that a search found for
one rule; gives hits or `Match`es, and counts what filters suppress. Events that feed a correlation
are kept until `correlated` is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sigma2hive.diagnostics import Diagnostic, Location
from sigma2hive.engine import (
    Columns,
    Correlated,
    Decision,
    Engine,
    Found,
    Occurrence,
    Program,
    Reasons,
    Undecided,
    correlate,
    holds,
    occurrences_of,
    prepare,
    prepare_reasons,
    reasons_for,
    take_undecided,
)
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.conditions import Atom
from sigma2hive.model.events import Event
from sigma2hive.model.identity import event_identity
from sigma2hive.model.matches import Match, Suppression
from sigma2hive.model.rules import (
    Compiled,
    CompiledCorrelation,
    CompiledFilter,
    CompiledRule,
    RuleHead,
)
from sigma2hive.model.values import Values
from sigma2hive.records import dataclass
from sigma2hive.runner.episodes import Firing
from sigma2hive.runner.strangers import Strangers, strangers_among
from sigma2hive.runner.undecided import undecided_in
from sigma2hive.sources import EventRows


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A rule, ready to decide single events: its log source, its condition, its filters."""

    rule: CompiledRule
    is_from_here: Decision
    is_met: Decision
    filters: Sequence[_Filter]


#: A filter with its decision.
_Filter = tuple[CompiledFilter, Decision]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that a search found for one rule; whether it meets it is still to be decided."""

    rule_id: str
    event: Event


@dataclass(frozen=True, slots=True)
class Decided:
    """What a batch of `rows` events was decided to be.

    `hits` are rows with the position of a rule that they meet, in order. `suppressed` counts, by
    the positions of a rule and of one of its filters, what that took away. `strangers` are values
    of some of the events, while none is known that is of any rule's log source. `undecided` are
    expressions that were given up.
    """

    rows: int
    hits: Sequence[tuple[int, int]]
    suppressed: Mapping[tuple[int, int], int]
    strangers: Sequence[Values] = ()
    undecided: Sequence[Undecided] = ()


@dataclass(frozen=True, slots=True)
class DecidedRows:
    """A batch that was decided already; `event` makes the event of a row that meets a rule."""

    decided: Decided
    event: Callable[[int], Event]

    def __len__(self) -> int:
        """How many events there are."""
        return self.decided.rows


class Matcher:
    """Decides rules on the events it is given.

    `kept` is called once for each event that feeds a correlation, with the id of the rule that it
    met; what it returns is kept in the event's place. With `exhaustive`, searches bring candidates
    that a rule's own filters take away, too. Unless `is_explained`, matches come without reasons,
    and values of their events are read when they are asked for, as few are for a list.
    """

    def __init__(
        self,
        compiled: Compiled,
        kept: Callable[[str, Event], Event] = lambda _, event: event,
        *,
        exhaustive: bool = False,
        is_explained: bool = True,
        program: Program | None = None,
    ) -> None:
        #: How many matches filters took away. Of candidates only those that a correlation's filters
        #: did, unless searches are `exhaustive`: a rule's own are a part of its search elsewhere.
        self.suppressed: Counter[Suppression] = Counter()
        self.strangers = Strangers()
        #: One a place: hostile values may come in any number.
        self._findings: dict[Location, Diagnostic] = {}
        self._kept = kept
        self._exhaustive = exhaustive
        self._is_explained = is_explained
        self._rules = compiled.by_id()
        self._engine = Engine(compiled.rules, program)
        self._by_position = compiled.rules
        self._heads = compiled.heads
        self._prepared: dict[str, _Prepared] = {}
        self._reasons_of: dict[str, Reasons] = {}
        self._correlations = compiled.correlations
        self._only = {
            (correlation.info.id, rule_id): _prepared_filters(filters)
            for correlation in compiled.correlations
            for rule_id, filters in correlation.only.items()
        }
        self._feeding = {rule_id for entry in compiled.correlations for rule_id in entry.leaves}
        self._chained = {rule_id for entry in compiled.correlations for rule_id in entry.chained}
        self._found: list[tuple[str, Event]] = []

    @contextmanager
    def counting_nothing(self) -> Iterator[None]:
        """Let what filters take away meanwhile be counted nowhere."""
        counted, self.suppressed = self.suppressed, Counter()
        try:
            yield
        finally:
            self.suppressed = counted

    def matches_of(self, found: EventRows | DecidedRows | Candidate) -> Iterator[Match]:
        """Yield a match for each rule that is met and not silent: any, or only the candidate's."""
        for rule, event in self.hits_of(found):
            if not rule.silent:
                yield Match(
                    rule=rule.info,
                    events=(event,),
                    identity=event_identity(rule.info.id, event.key),
                    reasons=self._reasons(rule.info.id, event) if self._is_explained else (),
                )

    def _reasons(self, rule_id: str, event: Event) -> tuple[Atom, ...]:
        found = self._reasons_of.get(rule_id)
        if found is None:
            condition = self._rules[rule_id].condition
            found = self._reasons_of[rule_id] = prepare_reasons(condition)
        return found(event.values)

    def hits_of(
        self, found: EventRows | DecidedRows | Candidate
    ) -> Iterator[tuple[RuleHead, Event]]:
        """Yield each rule that is met, silent ones too, with the event that meets it."""
        if isinstance(found, EventRows):
            hits = self._decided_here(found)
        else:
            hits = self._candidate(found) if isinstance(found, Candidate) else self._taken(found)
        for rule, event in hits:
            if rule.info.id in self._feeding:
                self.feed(rule.info.id, self._kept(rule.info.id, event))
            yield rule, event

    def _decided_here(self, found: EventRows) -> Iterator[tuple[RuleHead, Event]]:
        decided = self.decide(found)
        if not self._is_explained:
            found.read_later(dict.fromkeys(row for row, _ in decided.hits))
        try:
            yield from self._taken(DecidedRows(decided, found.event))
        finally:
            found.let_go()

    def take_findings(self) -> list[Diagnostic]:
        """Return what could not be decided since it was asked for last."""
        taken = list(self._findings.values())
        self._findings.clear()
        return taken

    def _tell(self, findings: Iterable[Diagnostic]) -> None:
        for finding in findings:
            self._findings.setdefault(finding.location, finding)

    def feed(self, rule_id: str, event: Event) -> None:
        """Let correlations count an event that is known to meet a rule."""
        self._found.append((rule_id, event))

    def decide(self, found: EventRows) -> Decided:
        """Decide a batch, and keep nothing of it: any process may."""
        columns = Columns(found.documents, found.values_of, found.raw_of, found.scanned)
        met: list[tuple[int, int]] = []
        suppressed: dict[tuple[int, int], int] = {}
        for hits in self._engine.hits_in(columns):
            for position, rows in enumerate(hits.suppressed):
                if rows:
                    suppressed[hits.rule, position] = rows.bit_count()
            met.extend((row, hits.rule) for row in rows_of(hits.rows))
        strangers = () if self._engine.has_seen_its_own else strangers_among(found)
        return Decided(len(found), sorted(met), suppressed, strangers, take_undecided())

    def _taken(self, found: DecidedRows) -> Iterator[tuple[RuleHead, Event]]:
        self.strangers.look(len(found), found.decided.strangers)
        self._tell(undecided_in(self._by_position, found.decided.undecided))
        for (position, place), count in found.decided.suppressed.items():
            rule = self._by_position[position]
            info = rule.filters[place].info
            self.suppressed[Suppression(info.id, info.title, rule.info.id)] += count
        for row, position in found.decided.hits:
            yield self._heads[position], found.event(row)

    def _candidate(self, found: Candidate) -> Iterator[tuple[RuleHead, Event]]:
        prepared = self._prepared.get(found.rule_id)
        if prepared is None:
            prepared = self._prepared[found.rule_id] = _prepare(self._rules[found.rule_id])
        values = found.event.values
        yield from self._met(prepared, found, values)
        self._tell(undecided_in([prepared.rule], take_undecided()))

    def _met(
        self, prepared: _Prepared, found: Candidate, values: Values
    ) -> Iterator[tuple[RuleHead, Event]]:
        if not (prepared.is_from_here(values) and prepared.is_met(values)):
            return
        if self._exhaustive:
            passes = self._passes(prepared.filters, found.event, found.rule_id)
        else:
            passes = _suppressing(prepared.filters, found.event) is None
        if passes:
            yield prepared.rule, found.event

    def _passes(self, filters: Sequence[_Filter], event: Event, rule_id: str) -> bool:
        """Whether the event passes all filters; if not, the first that it does not is counted."""
        suppressing = _suppressing(filters, event)
        if suppressing is None:
            return True
        info = suppressing.info
        self.suppressed[Suppression(info.id, info.title, rule_id)] += 1
        return False

    def correlated(
        self, unsearched: Collection[str] = ()
    ) -> Iterator[tuple[CompiledCorrelation, Correlated]]:
        """Yield what each correlation made of all the events so far, silent ones too.

        `unsearched` are rules of which events may be missing: their correlations are left out, for
        an episode that lacks its first events would get another identity.
        """
        occurrences: dict[str, Sequence[Occurrence]] = {}
        for correlation in self._correlations:
            if any(rule_id in unsearched for rule_id in correlation.leaves):
                continue
            is_counted = correlation.info.id in self._chained
            counted = self._counted_by(correlation, occurrences)
            correlated = correlate(correlation, counted, is_counted=is_counted)
            if is_counted:
                occurrences[correlation.info.id] = tuple(occurrences_of(correlation, correlated))
            yield correlation, correlated

    def _counted_by(
        self, correlation: CompiledCorrelation, occurrences: Mapping[str, Sequence[Occurrence]]
    ) -> Iterator[Found]:
        """Yield what a correlation counts, where its events meet the filters that name it."""
        for rule_id, event in self._found:
            if rule_id not in correlation.rules:
                continue
            filters = self._only.get((correlation.info.id, rule_id), ())
            if self._passes(filters, event, correlation.info.id):
                yield rule_id, event
        for rule_id in correlation.chained:
            for found in occurrences[rule_id]:
                # It counts as a match of any of its rules.
                by_leaf = [self._only.get((correlation.info.id, leaf), ()) for leaf in found.leaves]
                passed = [each for each in by_leaf if _suppressing(each, found.event) is None]
                filters = (passed or by_leaf)[0]
                if self._passes(filters, found.event, correlation.info.id):
                    yield found

    def match_of(self, correlation: CompiledCorrelation, firing: Firing) -> Match:
        """Return the match of an episode."""
        return Match(
            rule=correlation.info,
            events=firing.events,
            identity=firing.stored.identity,
            group=firing.shown,
            epoch=correlation.epoch,
            reasons=self._base_reasons(correlation, firing.events) if self._is_explained else (),
            figure=firing.stored.figure,
        )

    def _base_reasons(
        self, correlation: CompiledCorrelation, events: Sequence[Event]
    ) -> tuple[Atom, ...]:
        """Return why the first event is one of them; of several kinds the first event of each."""
        rules = [self._rules[rule_id] for rule_id in correlation.leaves]
        if len(rules) == 1 or not (correlation.kind.is_temporal or correlation.chained):
            found = (reasons_for(rule.condition, events[0].values) for rule in rules)
            return next((reasons for reasons in found if reasons), ())
        reasons: dict[Atom, None] = {}
        for rule in rules:
            for event in events:
                if holds(rule.gate, event.values) and holds(rule.condition, event.values):
                    reasons.update(dict.fromkeys(reasons_for(rule.condition, event.values)))
                    break
        return tuple(reasons)


def _prepare(rule: CompiledRule) -> _Prepared:
    filters = _prepared_filters(rule.filters)
    return _Prepared(rule, prepare(rule.gate), prepare(rule.unfiltered), filters)


def _prepared_filters(filters: Iterable[CompiledFilter]) -> tuple[_Filter, ...]:
    return tuple((entry, prepare(entry.condition)) for entry in filters)


def _suppressing(filters: Iterable[_Filter], event: Event) -> CompiledFilter | None:
    """Return the first filter that the event does not pass."""
    return next((entry for entry, passes in filters if not passes(event.values)), None)
