"""The reader of one cluster: plans slices of everything that rules look at, and reads them.

Takes a client, the rules' index patterns and settings; gives slices, then their events. Keeps only
what can be found out again: how large documents are, and what shards said before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain

from sigma2hive.clients.elasticsearch import ElasticsearchClient, index_facts, resolve
from sigma2hive.clients.errors import MissingError
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.index_names import without_rollover_marks
from sigma2hive.model.service import Position
from sigma2hive.model.times import NANOSECONDS
from sigma2hive.runner.reading import by_number, starts
from sigma2hive.runner.reading.by_number import ByNumber
from sigma2hive.runner.reading.by_time import ByTime, TimeLimits, unit_of
from sigma2hive.runner.reading.catalogue import Catalogue, Cursor, Place, Told, look
from sigma2hive.runner.reading.held import NothingHeld, SlicePages
from sigma2hive.runner.reading.horizons import horizons_of, read_s
from sigma2hive.runner.reading.interface import NOTHING, Document, HeldSlice, Lost, Slice
from sigma2hive.runner.reading.losses import (
    closed_units,
    is_done_with,
    losses_of,
    units_without_index,
)
from sigma2hive.runner.reading.numbers import numbers_of
from sigma2hive.runner.reading.pages import Pages, only_of
from sigma2hive.runner.reading.times import times_of
from sigma2hive.settings import ServiceSettings
from sigma2hive.sources import EventRows

#: How long the position of an index that is gone is kept: it may come back, mounted or restored.
_KEPT_SECONDS = 7 * 24 * 3600
_DAY_SECONDS = 24 * 3600
#: How often it is asked whether an index that is hidden is there still.
_ASKED_SECONDS = 600
#: How much of what another cursor has read is looked at again by a new one.
_AGAIN_SECONDS = 120


class ElasticsearchReader:
    """Finds what is new in one cluster.

    `targets` are the rules' index patterns, `computed` by pattern the paths that only the index
    knows and a rule asks for; `excluded` are patterns of indices that rules must not see.
    """

    def __init__(
        self,
        client: ElasticsearchClient,
        targets: Collection[str],
        settings: ServiceSettings,
        computed: Mapping[str, Collection[str]] | None = None,
        excluded: Collection[str] = (),
    ) -> None:
        self._client = client
        self._targets = tuple(sorted(targets))
        self._settings = settings
        self._computed = computed or {}
        self._excluded = tuple(excluded)
        self._by_number = ByNumber(client, settings.slice_documents, settings.catch_up_slices)
        self._by_time = ByTime(
            client,
            TimeLimits(
                settings.slice_documents,
                settings.catch_up_slices,
                settings.cadence_seconds,
                settings.overlap_seconds,
                (
                    settings.first_sweep_seconds,
                    settings.second_sweep_seconds,
                    settings.last_sweep_seconds,
                ),
            ),
        )
        self._pages = Pages(client, settings.page_bytes)
        self._cursors: dict[str, Cursor] = {}  # by time, as chosen
        self._hidden: dict[str, int] = {}  # units of indices that are there, and when that was seen
        self._catalogue: Catalogue | None = None
        self._horizons: Mapping[str, int] = {}
        self._is_whole = False
        self._now_s = 0

    def plan(self, positions: Mapping[str, Position], now_ns: int) -> Sequence[Slice]:
        """Return what can be read now: what is new, then what is behind, then sweeps.

        Raises:
            ServerError: the cluster cannot be asked.
        """
        positions = own_positions(positions)
        now_s = self._now_s = now_ns // NANOSECONDS
        catalogue = self._look(positions)
        begun = starts.starts_of(
            positions, self._targets, now_s, self._settings.first_start_seconds
        )
        begun = replace(begun, continued=_continued(catalogue.places, positions))
        numbered = [place for place in catalogue.places if place.cursor is Cursor.SEQ_NO]
        timed = [place for place in catalogue.places if place.cursor is not Cursor.SEQ_NO]
        numbers = self._by_number.plan(numbered, positions, begun, now_s)
        phases = self._by_time.plan(timed, positions, begun, now_s)
        news = chain((e.news for e in numbers), (e.news for e in phases))
        late = [*(e.behind for e in numbers), *(e.behind for e in phases)]
        behind = _oldest(late, self._settings.catch_up_slices)
        # A sweep leads on from what is behind of its place: it waits until all of that is read.
        sweeps = chain.from_iterable(
            entry.sweeps for entry in phases if all(part in behind for part in entry.behind)
        )
        first = list(starts.new_patterns(positions, self._targets, now_s))
        planned = [*first, *chain.from_iterable(news), *behind, *sweeps]
        held = {**self._by_number.held, **self._by_time.held}
        self._horizons = horizons_of([*numbers, *phases], held, planned, positions)
        every = [*numbers, *phases]
        is_left = len(planned) < len(first) + sum(len(entry.slices) for entry in every)
        self._is_whole = not held and not is_left and not any(entry.is_more for entry in every)
        return planned

    def horizons(self) -> Mapping[str, int]:
        """Return, by index pattern, how far the slices planned last reach, in nanoseconds.

        A pattern of which no index is read is not among them. Closed indices do not count: they
        take nothing.
        """
        return self._horizons

    def held_back(self) -> Mapping[str, str]:
        """Return, by index pattern, which part of it could not be planned last, and why."""
        found: dict[str, str] = {}
        for cursor in (self._by_number, self._by_time):
            for targets, (part, reason) in zip(
                cursor.held.values(), cursor.trouble.items(), strict=False
            ):
                found.update({t: f"{part}: {reason}" for t in targets if t not in found})
        return found

    def is_whole(self) -> bool:
        """Whether the slices planned last are all there was to read: nothing is behind or held."""
        return self._is_whole

    def read(self, part: Slice) -> Iterator[EventRows | Diagnostic]:
        """Yield the documents of a slice, and findings for those that are no events.

        Raises:
            ServerError: not all of it came; nothing that was yielded counts.
        """
        if part.query == NOTHING:
            return
        yield from self._pages.read(part, self._computed_of(part))
        self._check_it_is_the_same(part)

    @contextmanager
    def hold(self, part: Slice) -> Iterator[HeldSlice]:
        """Give a slice that stands still meanwhile, to be searched for rules.

        Raises:
            ServerError: it cannot be held, or is another by now: what was found does not count.
        """
        if part.query == NOTHING:
            yield NothingHeld()
            return
        with self._pages.view(part) as view:
            yield SlicePages(self._client, self._pages, part, view, self._computed_of(part))
        self._check_it_is_the_same(part)

    def documents(self, part: Slice) -> Sequence[Document]:
        """Return what the documents of a slice are known by, in their order.

        Raises:
            ServerError: not all of them came.
        """
        if part.query == NOTHING:
            return ()
        return self._pages.documents(part)

    def only(self, part: Slice, documents: Collection[Document]) -> Slice:
        """Return the same slice with those of its documents alone."""
        return only_of(part, documents)

    def _computed_of(self, part: Slice) -> Collection[str]:
        return {path for target in part.targets for path in self._computed.get(target, ())}

    def closed(self, positions: Mapping[str, Position]) -> Collection[str]:
        """Return the units whose index is closed, as planned last: it is read on when it opens."""
        if self._catalogue is None:
            return ()
        return closed_units(own_positions(positions), self._catalogue)

    def gone(self, positions: Mapping[str, Position]) -> Collection[str]:
        """Return the units whose index is gone for a week: nothing of them will be read again.

        That long, since an index may come back under another name, mounted or restored. One that is
        only hidden, from the patterns or the account, is read on when it is not: its position is
        kept as long as what was found in it.
        """
        if self._catalogue is None:
            return ()
        kept_s = {True: _KEPT_SECONDS, False: self._settings.keep_days * _DAY_SECONDS}
        absent = [*units_without_index(own_positions(positions), self._catalogue)]
        return [
            unit
            for unit in absent
            if read_s(unit, positions[unit])
            < self._now_s - kept_s[is_done_with(unit, positions[unit], self._catalogue)]
        ]

    def lost(self, positions: Mapping[str, Position], looked_ns: int) -> Sequence[Lost]:
        """Return what is lost of indices that were deleted before they were read to their end.

        Raises:
            ServerError: the cluster cannot be asked.
        """
        if self._catalogue is None:
            return ()
        found = losses_of(
            own_positions(positions),
            self._catalogue,
            self._by_number.looks(),
            looked_ns // NANOSECONDS,
            self._now_s,
        )
        return [self._of_targets(lost) for lost in found if self._is_deleted_now(lost)]

    def _is_deleted_now(self, lost: Lost) -> bool:
        """Whether the index is not there, as it was found out within a time."""
        at_s = self._hidden.get(lost.unit)
        if at_s is not None and 0 <= self._now_s - at_s < _ASKED_SECONDS:
            return False
        is_deleted = self._is_deleted(lost)
        if not is_deleted:
            self._hidden[lost.unit] = self._now_s
        return is_deleted

    def _is_deleted(self, lost: Lost) -> bool:
        """Whether the index is not there; one that no rule looks at any more may be.

        So may one that the account has no right to any more.
        """
        if not lost.unit.startswith(by_number.PREFIX):
            return resolve(self._client, lost.index) is None
        facts = index_facts(self._client, [lost.index]).get(lost.index)
        if facts is None and not self._may_see(lost.index):
            return False
        return facts is None or not lost.unit.startswith(f"{by_number.PREFIX}{facts.uuid}/")

    def _may_see(self, index: str) -> bool:
        """Whether an index would be seen if it was there."""
        granted = self._client.privileges((), ("view_index_metadata", "monitor"), [index])
        return granted is None or bool(granted.indices.get(index))

    def _of_targets(self, lost: Lost) -> Lost:
        """Return the same with the patterns that looked there, those that may have in doubt."""
        names = (lost.index, without_rollover_marks(lost.index))
        fitting = [t for t in self._targets if any(fnmatchcase(name, t) for name in names)]
        return replace(lost, targets=tuple(fitting) or self._targets)

    def told(self) -> Sequence[Told]:
        """Return how each index is read, and what keeps it from being read, as last planned."""
        if self._catalogue is None:
            return ()
        trouble = {**self._by_number.trouble, **self._by_time.trouble}
        return (
            *self._catalogue.told,
            *(
                Told(place.partition("/")[0], place, None, reason, is_blind=True)
                for place, reason in trouble.items()
            ),
        )

    def _look(self, positions: Mapping[str, Position]) -> Catalogue:
        for cursor in (Cursor.INGESTED, Cursor.TIMESTAMP):
            prefix = f"{cursor.value}:"
            for unit in positions:
                if unit.startswith(prefix):
                    self._cursors.setdefault(unit.removeprefix(prefix), cursor)
        found = look(self._client, self._targets, self._excluded, self._cursors, self._now_s)
        for place in found.places:
            if place.cursor is not Cursor.SEQ_NO and not place.is_undecided:
                self._cursors[place.index] = place.cursor
        self._catalogue = found
        return found

    def _check_it_is_the_same(self, part: Slice) -> None:
        """Refuse what was read of an index that was deleted and made again meanwhile.

        Raises:
            MissingError: that is so.
        """
        if not part.unit.startswith(by_number.PREFIX):
            return
        facts = index_facts(self._client, [part.index]).get(part.index)
        if facts is None or not part.unit.startswith(f"{by_number.PREFIX}{facts.uuid}/"):
            raise MissingError(
                f"reading {part.index}: it was deleted, and perhaps made again, meanwhile",
                "nothing; another index under its name is read from its beginning",
            )


def _oldest(behind: Sequence[Sequence[Slice]], most: int) -> list[Slice]:
    """Return the oldest slices, those of one unit in their order."""
    every = sorted(chain.from_iterable(behind), key=lambda part: part.interval.start_ns)
    return every[:most]


def own_positions(positions: Mapping[str, Position]) -> Mapping[str, Position]:
    """Return the positions that cursors of this reader wrote: others keep theirs beside them."""
    prefixes = (by_number.PREFIX, starts.PREFIX, *(f"{cursor.value}:" for cursor in Cursor))
    return {unit: stands for unit, stands in positions.items() if unit.startswith(prefixes)}


def _continued(places: Sequence[Place], positions: Mapping[str, Position]) -> Mapping[str, int]:
    """Return up to when places were read by another cursor than the one that is chosen now."""
    by_index: dict[str, list[int]] = {}
    for unit, position in positions.items():
        if unit.startswith(by_number.PREFIX):
            numbers = numbers_of(position)
            held = min((b.start_s for b in numbers.behind), default=numbers.at_s)
            by_index.setdefault(numbers.index, []).append(held - _AGAIN_SECONDS)
        elif not unit.startswith(starts.PREFIX):
            stands = times_of(position, ())
            held = min((stands.to_s, *(start for start, _ in stands.behind)))
            by_index.setdefault(unit.partition(":")[2], []).append(held - _AGAIN_SECONDS)
    found: dict[str, int] = {}
    for place in places:
        if place.cursor is Cursor.SEQ_NO:
            # Where it was read by number as well, that is newer, or it is another index.
            by_time = [f"{c.value}:{place.index}" for c in (Cursor.INGESTED, Cursor.TIMESTAMP)]
            is_other = any(unit in positions for unit in by_time)
        else:
            is_other = unit_of(place) not in positions
        if is_other and place.index in by_index:
            found[place.index] = min(by_index[place.index])
    return found


__all__ = ["ElasticsearchReader", "own_positions"]
