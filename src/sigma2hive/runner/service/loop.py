"""The service: cycle after cycle, until it is told to end.

Takes what loads the repository, a store and a clock; reads, matches and stores. Whatever fails is
told and tried again in the next cycle; only a store that cannot be written ends the service, since
then nothing that it does would be remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import field
from itertools import zip_longest
from typing import Protocol

from sigma2hive.clients.errors import ServerError
from sigma2hive.clock import Clock
from sigma2hive.model.service import Position, Searched, Step
from sigma2hive.model.times import NANOSECONDS, SKEW_NS
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.interface import Reader, Slice
from sigma2hive.runner.service.coverage import entries_of, loss_step, searched_to
from sigma2hive.runner.service.cycle import Cycle
from sigma2hive.runner.service.missed import Missed
from sigma2hive.runner.service.outcomes import CycleOutcome, SliceOutcome
from sigma2hive.runner.service.silence import (
    alert_of,
    heard_of,
    listen,
    note_of,
    silent,
    told,
)
from sigma2hive.runner.service.standing import CYCLE, HEARD, OUTDATED, WAYS
from sigma2hive.runner.service.suppressed import SUPPRESSED, with_cycle
from sigma2hive.runner.store.interface import MovedError, StateStore
from sigma2hive.runner.store.ledgers import with_entries
from sigma2hive.sources import few_collections

#: What one runner does for all, as units of leases.
_CORRELATIONS, _RETENTION = "service:correlations", "service:retention"
#: How often it is looked for what is to be forgotten.
_PURGE_NS = 3_600 * NANOSECONDS
#: Of so many rules that are left out the note of a cycle says where they are.
_NAMED = 10


class Correlator(Protocol):
    """What makes steps of recorded matches."""

    def steps(self, now_ns: int, ledger: Sequence[Searched]) -> Generator[Step, None, None]:
        """Yield steps that are due, each to be committed before the next is asked for.

        `ledger` is what was searched until now.
        """


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the repository at work; `name` is what people know it by.

    `missed` are rules that are there again and have not looked at everything yet, `left_out` the
    places of those that cannot be used.
    """

    name: str
    cycle: Cycle
    correlator: Correlator
    missed: tuple[Missed, ...] = ()
    left_out: tuple[str, ...] = ()


class Loading(Protocol):
    """Gives the repository's version to work with."""

    def has_changed(self) -> bool:
        """Whether the files are not those of the version that was loaded last."""

    def load(self, store: StateStore, now_ns: int) -> Version:
        """Return the version of now, its rules known to the store.

        Raises:
            ConfigurationError: it cannot be used; whoever has another goes on with that.
        """


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """`cadence_seconds` from the start of a cycle to the next; nothing is read while more than
    `most_waiting` alerts wait for a sink; a pattern is silent after `silence_seconds`. What is
    older than `keep_days`, or beyond `keep_bytes`, is forgotten."""

    cadence_seconds: float = 10.0
    most_waiting: int = 100_000
    silence_seconds: float = 3_600.0
    keep_days: int = 90
    keep_bytes: int = 10 * 1024 * 1024 * 1024


@dataclass(slots=True)
class Loop:
    """Runs cycles."""

    loading: Loading
    store: StateStore
    clock: Clock
    settings: LoopSettings = field(default_factory=LoopSettings)
    tell: Callable[[CycleOutcome], None] = lambda _: None
    #: Told when another version could not be loaded, or with None that it was.
    tell_loading: Callable[[Exception | None, Version | None], None] = lambda _error, _version: None
    #: When to look next for what is to be forgotten.
    _purge_ns: int = 0
    #: Why the version at work is not that of the files.
    _outdated: str = ""

    def run(self, stop: threading.Event, reload: threading.Event) -> None:
        """Run cycles until `stop` is set; `reload` asks to load the repository anew.

        Raises:
            ConfigurationError: the repository cannot be used at the start.
            StorageError: the store cannot be written.
            ServerError: a store in Elasticsearch cannot be asked at the start.
        """
        version = self.loading.load(self.store, self.clock.now_ns())
        self.tell_loading(None, version)
        while not stop.is_set():
            began_ns = self.clock.now_ns()
            with few_collections():
                outcome = self._whole_cycle(version, stop)
            self.tell(outcome)
            # A clock that was set back meanwhile makes it no longer.
            took = max((self.clock.now_ns() - began_ns) / NANOSECONDS, 0.0)
            self.clock.wait(self.settings.cadence_seconds - took, stop)
            # What was noted for a time ahead, as since when rules look, is put right by loading.
            is_set_back = self.clock.now_ns() < began_ns - SKEW_NS
            is_new = reload.is_set() or is_set_back or self.loading.has_changed()
            if is_new and not stop.is_set():
                reload.clear()
                version = self._reloaded(version)
        with suppress(ServerError):
            self.store.let_go()  # others need not wait until all is delivered

    def _whole_cycle(self, version: Version, stop: threading.Event) -> CycleOutcome:
        """Run a cycle and note it; a store in Elasticsearch that is away is tried again."""
        began_ns = self.clock.now_ns()
        try:
            outcome = self.cycle(version, stop)
            self.note(version, outcome)
            self._purge()
        except ServerError as error:
            version.cycle.raiser.judge.discard()
            outcome = CycleOutcome(began_ns, error=error)
            with suppress(ServerError):  # it may be the store that is away
                self.note(version, outcome)
        return outcome

    def cycle(self, version: Version, stop: threading.Event) -> CycleOutcome:
        """Read what is new, match, correlate and store it.

        Raises:
            StorageError: what is stored was removed or replaced, or nothing can be stored.
            ServerError: a store in Elasticsearch cannot be asked.
        """
        self.store.check()
        version.cycle.ahead(())
        outcome = CycleOutcome(self.clock.now_ns())
        if self._waits_for_sinks():
            outcome.is_held = True
            return outcome
        reader = version.cycle.reader
        positions = self.store.positions()
        try:
            planned = reader.plan(positions, outcome.began_ns)
        except ServerError as error:
            outcome.error = error
            self._enter(outcome, reader)
            return outcome
        unsaid = self._tell_lost_of(reader, positions, outcome)
        self._work(version.cycle, planned, outcome.slices, outcome.left, stop)
        if not stop.is_set():
            ledger = self._enter(outcome, reader)
            outcome.error = unsaid
            for missed in version.missed:
                self._read_again(missed, outcome, stop)
            if self.store.acquire(_CORRELATIONS):
                self._correlate(version, outcome, ledger)
            self._listen(version, outcome)
        if gone := reader.gone(positions):
            self.store.forget(gone)
        return outcome

    def _read_again(self, missed: Missed, outcome: CycleOutcome, stop: threading.Event) -> None:
        """Read a bounded part of what rules missed; what is new was read before."""
        if missed.is_done or stop.is_set():
            return
        done: list[SliceOutcome] = []
        try:
            planned = missed.plan(self.store, outcome.began_ns)
            self._tell_lost(missed.lost(self.store), outcome)
            self._work(missed.cycle, planned, done, [], stop)
            self._tell_lost(missed.worked(self.store, planned, done, outcome.began_ns), outcome)
        except ServerError as error:
            outcome.error = error
        outcome.again += done

    def _tell_lost_of(
        self, reader: Reader, positions: Mapping[str, Position], outcome: CycleOutcome
    ) -> ServerError | None:
        """Tell of indices that are gone unread; return why that cannot be found out.

        It keeps nothing else from being read.
        """
        try:
            self._tell_lost(map(loss_step, reader.lost(positions, self._looked_ns())), outcome)
        except ServerError as error:
            return error
        return None

    def _tell_lost(self, steps: Iterable[Step], outcome: CycleOutcome) -> None:
        """Note in the ledger what will never be read; another runner may have done so."""
        for step in steps:
            with suppress(MovedError):
                self.store.commit(step)
                outcome.lost += step.searched

    def _looked_ns(self) -> int:
        """Return when anybody last looked at what there is."""
        cycle = self.store.notes().get(CYCLE)
        began_ns = cycle.get("began_ns") if isinstance(cycle, Mapping) else None
        return began_ns if isinstance(began_ns, int) else self.clock.now_ns()

    def _correlate(
        self, version: Version, outcome: CycleOutcome, ledger: Sequence[Searched]
    ) -> None:
        """Work out correlations; what another runner worked out meanwhile is its to tell."""
        with closing(version.correlator.steps(self.clock.now_ns(), ledger)) as steps:
            try:
                for step in steps:
                    self.store.commit(step)
                    outcome.episodes += len(step.alerts)
            except MovedError:
                version.cycle.raiser.judge.discard()
            except ServerError as error:
                outcome.error = error

    def _purge(self) -> None:
        """Forget what is old, once an hour: then a piece each cycle until nothing is left of it."""
        now_ns = self.clock.now_ns()
        is_early = 0 < self._purge_ns - now_ns <= _PURGE_NS  # more is of a clock set back
        if is_early or not self.store.acquire(_RETENTION):
            return
        for mute in self.store.mutes():
            # Asked for while the clock was ahead: it would hide alerts when nobody knows of it.
            if mute.since_ns > now_ns + SKEW_NS and mute.ended_ns is None:
                self.store.unmute(mute.number, now_ns)
        keep_ns = self.settings.keep_days * 24 * 3_600 * NANOSECONDS
        if not self.store.purge(now_ns, keep_ns, self.settings.keep_bytes):
            self._purge_ns = now_ns + _PURGE_NS

    def note(self, version: Version, outcome: CycleOutcome) -> None:
        """Keep what whoever looks from outside should know of the last cycle."""
        self.store.note(
            CYCLE,
            {
                "began_ns": outcome.began_ns,
                "ended_ns": self.clock.now_ns(),
                "cadence_ms": int(self.settings.cadence_seconds * 1000),
                "version": version.name,
                "events": outcome.events,
                "slices": len(outcome.slices),
                "failed": len(outcome.failed),
                "error": outcome.message,
                OUTDATED: self._outdated,
                "is_held": outcome.is_held,
                "left_out": len(version.left_out),
                "left_out_first": list(version.left_out[:_NAMED]),
                WAYS: version.cycle.ways(),
            },
        )
        if any(done.suppressed for done in outcome.slices):
            known = self.store.notes().get(SUPPRESSED)
            self.store.note(SUPPRESSED, with_cycle(known, outcome))

    def _listen(self, version: Version, outcome: CycleOutcome) -> None:
        """Tell of patterns whose events have stopped."""
        known = heard_of(self.store.notes().get(HEARD))
        heard = listen(known, outcome)
        patience_ns = int(self.settings.silence_seconds * NANOSECONDS)
        compiled, mapping = version.cycle.compiled, version.cycle.raiser.mappings.alerts
        for pattern in silent(heard, reader_patterns(version), outcome.began_ns, patience_ns):
            titles = [rule.info.title for rule in compiled.rules if pattern in rule.indices]
            queued = alert_of(pattern, heard[pattern], titles, mapping, outcome.began_ns)
            self.store.commit(Step(alerts=(queued,)))
            heard = told(heard, pattern)
        if heard != known:
            self.store.note(HEARD, note_of(heard))

    def _work(
        self,
        cycle: Cycle,
        planned: Sequence[Slice],
        worked: list[SliceOutcome],
        others: list[Slice],
        stop: threading.Event,
    ) -> None:
        """Work on slices, `worked`; of units that others read the first slice is in `others`."""
        left: set[str] = set()
        for part, following in zip_longest(planned, planned[1:]):
            if stop.is_set():
                return
            # What follows a slice that failed expects a position that the unit never had.
            if part.unit in left:
                continue
            if not self.store.acquire(part.unit):
                others.append(part)
                left.add(part.unit)
                continue
            coming = following is not None and following.unit not in left
            is_ours = coming and self.store.acquire(following.unit)
            cycle.ahead([part, following] if is_ours else [part])
            try:
                done = cycle.work(part, self.clock.now_ns())
            except MovedError:
                others.append(part)
                left.add(part.unit)
                continue
            worked.append(done)
            if done.error is not None:
                left.add(part.unit)

    def _enter(self, outcome: CycleOutcome, reader: Reader) -> Sequence[Searched]:
        """Enter what was searched into the ledger, and return all of it."""
        ledger = self.store.ledger()
        entries = tuple(entries_of(outcome, reader, searched_to(ledger)))
        self.store.commit(Step(searched=entries))
        return with_entries(ledger, entries)

    def _waits_for_sinks(self) -> bool:
        """Whether too much waits for a sink; for one that is named no more nobody delivers."""
        counts = self.store.counts().values()
        waiting = max((entry.waiting for entry in counts if entry.is_open), default=0)
        return waiting > self.settings.most_waiting

    def _reloaded(self, version: Version) -> Version:
        try:
            loaded = self.loading.load(self.store, self.clock.now_ns())
        except Exception as error:
            self._outdated = str(error) or type(error).__name__
            self.tell_loading(error, version)
            return version
        self._outdated = ""
        self.tell_loading(None, loaded)
        return loaded


def reader_patterns(version: Version) -> Iterable[str]:
    """Return the index patterns that are read."""
    return sorted(version.cycle.reader.horizons())


class NoCorrelations:
    """For a repository without correlations."""

    def steps(
        self,
        now_ns: int,  # noqa: ARG002
        ledger: Sequence[Searched],  # noqa: ARG002
    ) -> Generator[Step, None, None]:
        """Yield nothing."""
        yield from ()
