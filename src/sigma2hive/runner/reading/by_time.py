"""Slices of places that are read by event.ingested or @timestamp.

Takes places and positions; gives slices. Counts, and reads no document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    Indices,
    SearchAnswer,
    SearchRequest,
)
from sigma2hive.clients.errors import ServerError
from sigma2hive.model.service import Position
from sigma2hive.records import dataclass
from sigma2hive.runner.reading import times
from sigma2hive.runner.reading.asking import answers_to
from sigma2hive.runner.reading.catalogue import INGESTED_FIELD, Cursor, Place
from sigma2hive.runner.reading.interface import Slice
from sigma2hive.runner.reading.numbers import NEWS_SECONDS
from sigma2hive.runner.reading.planned import Chain, Planned
from sigma2hive.runner.reading.starts import Starts
from sigma2hive.runner.reading.times import Times, range_of

TIME_FIELD = "@timestamp"
#: In how many pieces a window is counted to be cut.
_PIECES = 500


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How much is read at once, and how often again. All in seconds, but `documents`."""

    documents: int
    most_behind: int
    cadence_s: int
    overlap_s: int
    sweeps: tuple[int, ...]


def unit_of(place: Place) -> str:
    """Return the name of a place's cursor."""
    return f"{place.cursor.value}:{place.index}"


class ByTime:
    """Plans what is read by time."""

    def __init__(self, client: ElasticsearchClient, limits: TimeLimits) -> None:
        self._client = client
        self._limits = limits
        #: Places that could not be asked, and why.
        self.trouble: dict[str, str] = {}
        #: Their units, and the patterns that look at them.
        self.held: dict[str, tuple[str, ...]] = {}

    def plan(
        self,
        places: Sequence[Place],
        positions: Mapping[str, Position],
        starts: Starts,
        now_s: int,
    ) -> list[Planned]:
        """Return what can be read of each place.

        Raises:
            ServerError: the cluster cannot be asked.
        """
        self.trouble, self.held = {}, {}
        # Where nothing is read no position says by which time: that is chosen with the first event.
        empty = [place for place in places if place.is_undecided and not place.trouble]
        for place in places:
            if place.trouble:
                self._hold(place, place.trouble)
        places = [place for place in places if not place.is_undecided]
        stands = [times.set_right(self._stand(place, positions, starts), now_s) for place in places]
        windows = [
            times.news(stand, now_s, self.overlap(place))
            for place, stand in zip(places, stands, strict=True)
        ]
        counts = answers_to(
            self._client, [_counting(p, w) for p, w in zip(places, windows, strict=True)]
        )
        planned = [
            Planned(unit_of(place), place.targets, now_s - self.overlap(place)) for place in empty
        ]
        for place, stand, window, answer in zip(places, stands, windows, counts, strict=True):
            try:
                if isinstance(answer, ServerError):
                    raise answer
                unit = unit_of(place)
                chain = Chain(unit, place, _indices(place), positions.get(unit))
                planning = _Planning(self, place, chain, stand, now_s)
                planned.append(planning.phases(window, answer))
            except ServerError as error:
                self._hold(place, str(error))
        return planned

    def _hold(self, place: Place, reason: str) -> None:
        self.trouble[place.index] = reason
        self.held[unit_of(place)] = place.targets

    @property
    def limits(self) -> TimeLimits:
        """How much is read at once."""
        return self._limits

    def overlap(self, place: Place) -> int:
        """Return how long documents may take until searches see them."""
        interval = place.facts.refresh_seconds if place.facts is not None else 1.0
        return max(self._limits.overlap_s, int(2 * interval) + 1)

    def _stand(self, place: Place, positions: Mapping[str, Position], starts: Starts) -> Times:
        position = positions.get(unit_of(place))
        if position is not None:
            return times.times_of(position, self._limits.sweeps)
        return times.beginning(starts.of(place) or 0, self._limits.sweeps)

    def buckets(
        self, place: Place, window: tuple[int, int], *, only_without: bool = False
    ) -> list[tuple[int, int]]:
        """Return (start, count) of pieces of a window, those without documents left out.

        Raises:
            ServerError: they cannot be counted.
        """
        request = _counting(place, window, only_without=only_without)
        answer = self._client.search(request)
        low, high = (answer.aggregations[name]["value"] for name in ("first", "last"))
        if low is None or not answer.total:
            return []
        span_s = max(1, int(high - low) // 1000)
        interval_s = -(-span_s // _PIECES)
        pieces = {
            "date_histogram": {
                "field": _field(place, only_without=only_without),
                "fixed_interval": f"{interval_s}s",
                "min_doc_count": 1,
            }
        }
        body = {**request.body, "aggs": {"pieces": pieces}}
        answer = self._client.search(SearchRequest(request.indices, body))
        return [
            (max(int(bucket["key"]) // 1000, window[0]), bucket["doc_count"])
            for bucket in answer.aggregations["pieces"]["buckets"]
        ]


@dataclass(slots=True)
class _Planning:
    """The planning of one place: each slice leads from where the one before it ends."""

    by: ByTime
    place: Place
    chain: Chain
    stands: Times
    now_s: int

    def phases(self, window: tuple[int, int], answer: SearchAnswer) -> Planned:
        news = tuple(self._news(window, answer.total or 0))
        behind = tuple(self._behind())
        sweeps = tuple(self._sweeps())
        due = times.due_sweeps(self.stands, self.now_s, self.by.limits.cadence_s)
        return Planned(
            unit_of(self.place),
            self.place.targets,
            self.now_s - self.by.overlap(self.place),
            news,
            behind,
            sweeps,
            is_more=bool(self.stands.behind) or any(due),
        )

    def _news(self, window: tuple[int, int], count: int) -> Iterator[Slice]:
        most = self.by.limits.documents
        if count > 2 * most:
            ends = times.cut(self.by.buckets(self.place, window), window[1], most)
            if len(ends) > 1:
                put_off = (window[0], ends[-2])
                self.stands = times.falling_behind(self.stands, put_off, self.now_s)
                window = (ends[-2], window[1])
        then = times.after_news(self.stands, window, self.now_s)
        is_old = window[1] < self.now_s - NEWS_SECONDS
        yield self._slice(window, then, is_backfill=is_old)

    def _behind(self) -> Iterator[Slice]:
        limits = self.by.limits
        left = limits.most_behind
        while left and self.stands.behind:
            start_s, end_s = self.stands.behind[0]
            buckets = self.by.buckets(self.place, (start_s, end_s))
            for cut_s in times.cut(buckets, end_s, limits.documents)[:left]:
                then = times.after_behind(self.stands, cut_s)
                yield self._slice((start_s, cut_s), then, is_backfill=True)
                start_s, left = cut_s, left - 1

    def _sweeps(self) -> Iterator[Slice]:
        limits = self.by.limits
        for delay, start_s, end_s in list(
            times.due_sweeps(self.stands, self.now_s, limits.cadence_s)
        ):
            # What has event.ingested is not later than the first sweep.
            only_without = self.place.cursor is Cursor.INGESTED and delay != limits.sweeps[0]
            window = (start_s, end_s)
            buckets = self.by.buckets(self.place, window, only_without=only_without)
            up_to_s = times.cut(buckets, end_s, limits.documents)[0]
            then = times.after_sweep(self.stands, delay, up_to_s)
            yield self._slice((start_s, up_to_s), then, is_backfill=True, only_without=only_without)

    def _slice(
        self,
        window: tuple[int, int],
        then: Times,
        *,
        is_backfill: bool,
        only_without: bool = False,
    ) -> Slice:
        self.stands = then
        query = _query(self.place, window, only_without=only_without)
        return self.chain.add(query, window, then.as_position(), is_backfill=is_backfill)


def _indices(place: Place) -> Indices:
    return Indices((place.index,), closed_is_error="*" not in place.index)


def _field(place: Place, *, only_without: bool) -> str:
    by_ingested = place.cursor is Cursor.INGESTED and not only_without
    return INGESTED_FIELD if by_ingested else TIME_FIELD


def _query(place: Place, window: tuple[int, int], *, only_without: bool) -> dict[str, Any]:
    start_s, end_s = window
    if place.cursor is Cursor.TIMESTAMP:
        return range_of(TIME_FIELD, start_s, end_s)
    without = {
        "bool": {
            "must_not": [{"exists": {"field": INGESTED_FIELD}}],
            "filter": [range_of(TIME_FIELD, start_s, end_s)],
        }
    }
    if only_without:
        return without
    both = [range_of(INGESTED_FIELD, start_s, end_s), without]
    return {"bool": {"should": both, "minimum_should_match": 1}}


def _counting(
    place: Place, window: tuple[int, int], *, only_without: bool = False
) -> SearchRequest:
    field = _field(place, only_without=only_without)
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": _query(place, window, only_without=only_without),
        "aggs": {"first": {"min": {"field": field}}, "last": {"max": {"field": field}}},
    }
    return SearchRequest(_indices(place), body)
