"""One slice: its events, matched by the rules that look there, become one step of the store.

Takes slices, a reader, a store and what is compiled; commits. A slice that could not be read whole
leaves nothing: its cursor stays, so that it is read again. One at which this program itself fails
is halved until the document is found that is why: that one is put aside, all others are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sigma2hive.clients.errors import ServerError
from sigma2hive.diagnostics import Diagnostic, Sigma2hiveError
from sigma2hive.engine import Program, Reasons, prepare_reasons
from sigma2hive.model.canonical import JsonValue
from sigma2hive.model.events import Event
from sigma2hive.model.identity import event_identity
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import Compiled, CompiledRule, RuleHead
from sigma2hive.model.service import (
    Fate,
    Position,
    QueuedAlert,
    RecordedMatch,
    RuleRecord,
    Searched,
    SearchStatus,
    Step,
)
from sigma2hive.runner.deciding import RepeatError
from sigma2hive.runner.finding import Finder, Stream
from sigma2hive.runner.matching import Matcher
from sigma2hive.runner.raising import Raiser, record_of
from sigma2hive.runner.reading.interface import Reader, Slice
from sigma2hive.runner.service.aside import Halving
from sigma2hive.runner.service.given_up import given_up
from sigma2hive.runner.service.outcomes import BrokenError, SliceOutcome
from sigma2hive.runner.store.interface import StateStore
from sigma2hive.runner.undecided import CODE as UNDECIDED

#: What is reported to whoever watches: a finding about an event, or about a slice.
Tell = Callable[[Diagnostic], None]


@dataclass(slots=True)
class Cycle:
    """Works on slices with one version of the rules."""

    compiled: Compiled
    raiser: Raiser
    reader: Reader
    store: StateStore
    rules: Mapping[str, RuleRecord]
    #: How hits are found; where nothing is said, by reading slices whole.
    finder: Finder | None = None
    tell: Tell = lambda _: None
    _finder: Finder = field(init=False)
    _reasons: dict[str, Reasons] = field(default_factory=dict, init=False)
    _by_id: Mapping[str, CompiledRule] = field(init=False)

    def __post_init__(self) -> None:
        self._by_id = self.compiled.by_id()
        self._finder = self.finder or Stream(self.reader, matcher_of(self.compiled))

    def ways(self) -> Mapping[str, JsonValue]:
        """Return, by the patterns that look at slices, which way is taken and what it costs."""
        return self._finder.standing()

    def ahead(self, parts: Sequence[Slice]) -> None:
        """Let what is read of slices that will be worked on, in this order, be read already.

        Without any, let whatever does that be there.
        """
        self._finder.ahead(parts)

    def work(self, part: Slice, now_ns: int) -> SliceOutcome:
        """Read a slice, match it, and store what came of it.

        Raises:
            MovedError: another runner has read on; nothing was stored.
            StorageError: the store cannot be written; nothing was stored.
        """
        outcome = SliceOutcome(part)
        try:
            try:
                self._store(part, outcome, now_ns, part.position)
            except BrokenError as error:
                self._work_on_rest(outcome, now_ns, error)
        except (ServerError, BrokenError) as error:
            outcome.error = error
        return outcome

    def _work_on_rest(self, outcome: SliceOutcome, now_ns: int, error: BrokenError) -> None:
        """Work on a slice but for the documents at which this program itself fails.

        Its parts are stored as they come: matches that are known are not told again, so that a
        crash does no harm. The cursor moves when all of them are.
        """
        part = outcome.part
        attempt = partial(self._store, outcome=outcome, now_ns=now_ns)
        halving = Halving(self.reader, self.store, attempt, now_ns)
        for finding in halving.work(part, error):
            outcome.aside.append(finding)
        self._store(self.reader.only(part, ()), outcome, now_ns, part.position)

    def _store(
        self,
        part: Slice,
        outcome: SliceOutcome,
        now_ns: int,
        position: Position | None = None,
    ) -> None:
        """Store what came of a slice or of a part of it, and add that to an outcome.

        Without a `position` no cursor moves.

        Raises:
            BrokenError: this program itself failed; nothing was stored.
            ServerError, MovedError, StorageError: nor was it then.
        """
        try:
            done = self._stored(part, now_ns, position)
        except RepeatError:
            done = self._stored(part, now_ns, position)
        outcome.add(done)

    def _stored(self, part: Slice, now_ns: int, position: Position | None) -> SliceOutcome:
        done = SliceOutcome(part)
        self._finder.matcher.suppressed = done.suppressed
        judge = self.raiser.judge
        try:
            step = self._step(part, done, now_ns)
            self.store.commit(replace(step, position=position))
        except BaseException as error:
            judge.discard()
            if isinstance(error, Exception) and not isinstance(error, Sigma2hiveError):
                raise BrokenError(f"looking at {part.index}", error) from error
            raise
        judge.keep()
        return done

    def _step(self, part: Slice, outcome: SliceOutcome, now_ns: int) -> Step:
        matches: list[RecordedMatch] = []
        alerts: list[QueuedAlert] = []
        codes: Counter[str] = Counter()
        for rule, event in self._new(part, outcome, codes):
            recorded, queued = self._recorded(rule, event, part, now_ns)
            matches.append(recorded)
            if queued is not None:
                alerts.append(queued)
        alerts.extend(self.raiser.judge.summaries(now_ns))
        outcome.matches, outcome.alerts = len(matches), len(alerts)
        return Step(
            unit=part.unit,
            expected=part.expected,
            matches=tuple(matches),
            alerts=tuple(alerts),
            searched=(
                *_put_aside(part, codes),
                *given_up(part, outcome.undecided, self.compiled.rules),
            ),
        )

    def _new(
        self, part: Slice, outcome: SliceOutcome, codes: Counter[str]
    ) -> Iterator[tuple[RuleHead, Event]]:
        """Yield each match that is not recorded yet, in the order of rows."""
        targets = frozenset(part.targets)
        for entry in self._finder.find(part):
            if isinstance(entry, Diagnostic):
                self._take(entry, outcome, codes)
                continue
            outcome.events += entry.events
            outcome.way = entry.way
            found = [
                (rule, event)
                for rule, event in entry.hits
                if not targets.isdisjoint(rule.indices) and self._looks(rule, event, part)
            ]
            known = self.store.known([(rule.info.id, event.key) for rule, event in found])
            seen: set[tuple[str, object]] = set()
            for rule, event in found:
                pair = (rule.info.id, event.key)
                if pair not in known and pair not in seen:
                    seen.add(pair)
                    yield rule, event

    def _take(self, finding: Diagnostic, outcome: SliceOutcome, codes: Counter[str]) -> None:
        """Count a document that is no event, or note what was given up on one that is."""
        if finding.code == UNDECIDED:
            outcome.undecided.append(finding)
            return
        outcome.put_aside += 1
        codes[finding.code] += 1
        self.tell(finding)

    def _looks(self, rule: RuleHead, event: Event, part: Slice) -> bool:
        """Whether the event was taken after the rule began to look."""
        record = self.rules.get(rule.info.id)
        if record is None or record.disabled:
            return False
        taken_ns = event.ingested_ns
        if taken_ns is None:
            # A late event is as new as the slice that brings it.
            taken_ns = part.interval.start_ns
        # It was not taken before it happened: the clock that says so is behind.
        return max(taken_ns, event.time_ns) >= record.since_ns

    def _recorded(
        self, rule: RuleHead, event: Event, part: Slice, now_ns: int
    ) -> tuple[RecordedMatch, QueuedAlert | None]:
        if rule.silent:
            return RecordedMatch(rule.info.id, event, part.index, now_ns, Fate.COUNTED), None
        match = Match(
            rule=rule.info,
            events=(event,),
            identity=event_identity(rule.info.id, event.key),
            reasons=self._reasons_of(rule)(event.values),
        )
        raised = self.raiser.raise_(match, now_ns, is_backfill=part.is_backfill)
        return record_of(match, raised, part.index, now_ns), raised.queued

    def _reasons_of(self, rule: RuleHead) -> Reasons:
        """Return what tells why an event meets a rule, prepared once for all events."""
        found = self._reasons.get(rule.info.id)
        if found is None:
            condition = self._by_id[rule.info.id].condition
            found = self._reasons[rule.info.id] = prepare_reasons(condition)
        return found


def matcher_of(compiled: Compiled, program: Program | None = None) -> Matcher:
    """Return what decides rules in slices: what correlations count is correlated from the store."""
    alone = replace(compiled, correlations=())
    return Matcher(alone, exhaustive=True, program=program)


def _put_aside(part: Slice, codes: Mapping[str, int]) -> Iterator[Searched]:
    """Yield what the ledger says where not every document was looked at."""
    for code in codes:
        yield Searched(
            *(part.unit, part.index, part.interval, SearchStatus.TRUNCATED, code, part.targets)
        )
