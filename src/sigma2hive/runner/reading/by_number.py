"""Slices of indices that are read by `_seq_no`.

Takes places and positions; gives slices. Asks how far shards are, and counts; reads no document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    IndexFacts,
    Indices,
    SearchRequest,
    ShardFacts,
    refresh,
    shard_facts,
)
from sigma2hive.clients.errors import PrivilegeError, ServerError
from sigma2hive.model.index_names import without_marks
from sigma2hive.model.service import Position
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.asking import answers_to
from sigma2hive.runner.reading.catalogue import INGESTED_FIELD, Place
from sigma2hive.runner.reading.interface import NOTHING, Slice
from sigma2hive.runner.reading.numbers import (
    Numbers,
    Part,
    Shown,
    numbers_of,
    plan_behind,
    plan_news,
)
from sigma2hive.runner.reading.planned import Chain, Planned
from sigma2hive.runner.reading.starts import Starts
from sigma2hive.runner.reading.times import range_of
from sigma2hive.runner.reading.visible import LastLook, Visibility, steps, without_gap

PREFIX = "seq_no:"


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard that runs, and what `_stats` says of it."""

    place: Place
    number: int
    facts: ShardFacts

    @property
    def unit(self) -> str:
        """The name of its cursor."""
        return f"{PREFIX}{_known(self.place).uuid}/{self.number}"

    @property
    def preference(self) -> str:
        """Where it is asked: on the copy that the facts are about."""
        return f"_shards:{self.number}|_only_nodes:{self.facts.node}"


class ByNumber:
    """Plans what is read by `_seq_no`; remembers what makes the next plan cheaper, and no more."""

    def __init__(self, client: ElasticsearchClient, width: int, most_behind: int) -> None:
        self._client = client
        self._width = width
        self._most_behind = most_behind
        self._seen: dict[str, Visibility] = {}
        #: Shards that do not run, or could not be asked, as "index/shard", and why.
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
        """Return what can be read of each shard.

        Raises:
            ServerError: the cluster cannot be asked.
        """
        self.trouble, self.held = {}, {}
        shards = list(self._shards(places, now_s))
        stands = self._stands(shards, positions, starts)
        shown = self._shown([shard for shard in shards if shard.unit in stands], stands, now_s)
        return [
            self._slices(shard, stands[shard.unit], shown[shard.unit], positions, now_s)
            for shard in shards
            if shard.unit in shown
        ]

    def looks(self) -> Mapping[str, LastLook]:
        """Return when each shard was last looked at, and how far it was."""
        return {unit: seen.last_look for unit, seen in self._seen.items() if seen.last_look}

    def _shards(self, places: Sequence[Place], now_s: int) -> Iterator[Shard]:
        targets = sorted({target for place in places for target in place.targets})
        if not targets:
            return
        found = self._ask(places, targets)
        for place in places:
            settings = _known(place)
            running = found.get(settings.uuid, {})
            for number in range(settings.shards):
                if number not in running:
                    self._note(place, number, "its primary does not run")
                    continue
                shard = Shard(place, number, running[number])
                seen = self._seen.setdefault(shard.unit, Visibility(settings.refresh_seconds))
                seen.refresh_seconds = settings.refresh_seconds
                seen.see(shard.facts, now_s)
                yield shard

    def _ask(
        self, places: Sequence[Place], targets: Sequence[str]
    ) -> Mapping[str, Mapping[int, ShardFacts]]:
        try:
            return shard_facts(self._client, targets)
        except PrivilegeError:
            # Of an index's patterns, one grants it: the index itself then does.
            return shard_facts(self._client, [place.index for place in places])

    def _stands(
        self,
        shards: Sequence[Shard],
        positions: Mapping[str, Position],
        starts: Starts,
    ) -> dict[str, Numbers]:
        """Return where each shard stands; one that was never read begins somewhere."""
        stands: dict[str, Numbers] = {}
        from_time: list[tuple[Shard, int]] = []
        copies = _copies(positions)
        for shard in shards:
            position = positions.get(shard.unit)
            place, facts = shard.place, _known(shard.place)
            if position is not None:
                stands[shard.unit] = numbers_of(position)
                continue
            blank = Numbers(-1, facts.created_ms // 1000, place.index, facts.created_ms)
            earlier = _earlier(copies, place, shard.number)
            since_s = starts.of(place)
            if earlier is not None:
                # The same documents under another name: mounted, restored, shrunk.
                stands[shard.unit] = replace(
                    earlier, index=place.index, created_ms=facts.created_ms
                )
            elif since_s is None:
                stands[shard.unit] = blank
            else:
                from_time.append((shard, since_s))
        for shard, seq_no, since_s in self._first_numbers(from_time):
            facts = _known(shard.place)
            stands[shard.unit] = Numbers(seq_no, since_s, shard.place.index, facts.created_ms)
        return stands

    def _first_numbers(
        self, wanted: Sequence[tuple[Shard, int]]
    ) -> Iterator[tuple[Shard, int, int]]:
        """Yield each shard with the number before its first document of a time or later."""
        # The last ones first: what comes in between is then found by the other search.
        everything = [_edge(shard, {"match_all": {}}, "desc") for shard, _ in wanted]
        lasts = answers_to(self._client, everything)
        firsts = answers_to(self._client, [_since(shard, since_s) for shard, since_s in wanted])
        for (shard, since_s), first, last in zip(wanted, firsts, lasts, strict=True):
            if isinstance(first, ServerError) or isinstance(last, ServerError):
                self._note(
                    shard.place, shard.number, first if isinstance(first, ServerError) else last
                )
            elif first.hits:
                yield shard, first.hits[0]["sort"][0] - 1, since_s
            else:
                yield shard, last.hits[0]["sort"][0] if last.hits else -1, since_s

    def _note(self, place: Place, number: int, error: object) -> None:
        self.trouble[f"{place.index}/{number}"] = str(error)
        self.held[f"{PREFIX}{_known(place).uuid}/{number}"] = place.targets

    def _shown(
        self, shards: Sequence[Shard], stands: Mapping[str, Numbers], now_s: int
    ) -> dict[str, Shown]:
        """Return how far each shard surely shows everything; see `visible`."""
        shown: dict[str, int] = {}
        counted: list[tuple[Shard, list[tuple[int, int]]]] = []
        for shard in shards:
            stand, seen = stands[shard.unit].seq_no, self._seen[shard.unit]
            checkpoint = shard.facts.checkpoint
            reached = max(stand, min(seen.proven, checkpoint))
            shown[shard.unit] = reached
            if reached >= checkpoint:
                continue
            if seen.is_stuck(now_s) and shard.place.may_refresh and self._refresh(shard):
                seen.refreshed(checkpoint)
                shown[shard.unit] = checkpoint
            else:
                # Where counting proves nothing, the search at least keeps the shard awake.
                counted.append((shard, steps(reached, checkpoint)))
        answers = answers_to(self._client, [_counting(s, parts) for s, parts in counted])
        for (shard, parts), answer in zip(counted, answers, strict=True):
            if isinstance(answer, ServerError):
                self._note(shard.place, shard.number, answer)
                del shown[shard.unit]
                continue
            counts = [bucket["doc_count"] for bucket in answer.aggregations["steps"]["buckets"]]
            self._seen[shard.unit].searched(now_s)
            if not _known(shard.place).is_resized:
                shown[shard.unit] = without_gap(parts, counts)
        return {
            shard.unit: self._with_time(shard, shown[shard.unit], now_s)
            for shard in shards
            if shard.unit in shown
        }

    def _refresh(self, shard: Shard) -> bool:
        try:
            refresh(self._client, shard.place.index)
        except ServerError:
            return False  # then it is waited for
        return True

    def _with_time(self, shard: Shard, shown: int, now_s: int) -> Shown:
        if shown >= shard.facts.checkpoint:
            return Shown(shown, now_s)
        return Shown(shown, min(self._seen[shard.unit].taken_before_s(shown) or 0, now_s))

    def _slices(
        self,
        shard: Shard,
        stands: Numbers,
        shown: Shown,
        positions: Mapping[str, Position],
        now_s: int,
    ) -> Planned:
        # While nothing came, no slice has moved the time on.
        at_s = self._seen[shard.unit].taken_before_s(stands.seq_no) or 0
        # Not later than now: a clock may have been ahead.
        stands = replace(stands, at_s=min(max(stands.at_s, at_s), now_s))
        news = plan_news(stands, shown, now_s, self._width)
        then = news[-1].then if news else stands
        planned = Planned(shard.unit, shard.place.targets, max(shown.at_s, stands.at_s))
        behind = list(islice(plan_behind(then, self._width), self._most_behind))
        indices = Indices((shard.place.index,), closed_is_error=True)
        chain = Chain(shard.unit, shard.place, indices, positions.get(shard.unit), shard.preference)
        slices = [_next(chain, part) for part in (*news, *behind)]
        if not slices and chain.expected is None:
            # It begins here, whatever comes later.
            begins = chain.add(NOTHING, (now_s, now_s), stands.as_position(), is_backfill=False)
            return replace(planned, news=(begins,))
        last = behind[-1].then if behind else then
        return replace(
            planned,
            news=tuple(slices[: len(news)]),
            behind=tuple(slices[len(news) :]),
            is_more=bool(last.behind),
        )


def _known(place: Place) -> IndexFacts:
    """Return the facts of a place; without them it would be read by time."""
    if place.facts is None:
        raise ValueError(f"the settings of {place.index} are not known")
    return place.facts


def _next(chain: Chain, part: Part) -> Slice:
    query = {"range": {"_seq_no": {"gt": part.after, "lte": part.up_to}}}
    span_s = (part.start_s, part.end_s)
    return chain.add(query, span_s, part.then.as_position(), is_backfill=part.is_backfill)


def _edge(shard: Shard, query: Mapping[str, Any], order: str) -> SearchRequest:
    body = {
        "size": 1,
        "_source": False,
        "track_total_hits": False,
        "query": query,
        "sort": [{"_seq_no": order}],
    }
    return SearchRequest(Indices((shard.place.index,)), body, shard.preference)


def _since(shard: Shard, since_s: int) -> SearchRequest:
    """Ask for the first document of a time or later."""
    times = [range_of(field, since_s, None) for field in (INGESTED_FIELD, "@timestamp")]
    return _edge(shard, {"bool": {"should": times, "minimum_should_match": 1}}, "asc")


def _counting(shard: Shard, parts: Sequence[tuple[int, int]]) -> SearchRequest:
    ranges = [{"from": after + 1, "to": up_to + 1} for after, up_to in parts]
    numbers = {"range": {"_seq_no": {"gt": parts[0][0], "lte": parts[-1][1]}}}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": numbers,
        "aggs": {"steps": {"range": {"field": "_seq_no", "ranges": ranges}}},
    }
    return SearchRequest(Indices((shard.place.index,)), body, shard.preference)


#: (name without marks, shard) -> where such copies stand.
_Copies = Mapping[str, list[tuple[int, Numbers]]]


def _copies(positions: Mapping[str, Position]) -> _Copies:
    found: dict[str, list[tuple[int, Numbers]]] = {}
    for unit, position in positions.items():
        if unit.startswith(PREFIX):
            numbers = numbers_of(position)
            shard = int(unit.rpartition("/")[2])
            found.setdefault(without_marks(numbers.index), []).append((shard, numbers))
    return found


def _earlier(copies: _Copies, place: Place, shard: int) -> Numbers | None:
    """Return where a copy of the index stands whose documents this one has under their numbers.

    Of a mounted or restored one the date of creation is the same, and so are its shards. A shrunken
    one has the documents of several shards, under their numbers: it begins where the least of them
    stood.
    """
    facts = _known(place)
    named = copies.get(without_marks(place.index), [])
    same = [
        numbers
        for number, numbers in named
        if numbers.created_ms == facts.created_ms and number == shard
    ]
    if same and not facts.is_resized:
        return max(same, key=lambda numbers: numbers.seq_no)
    others = [numbers for _, numbers in named if numbers.index != place.index]
    if facts.is_resized and others:
        lowest = min(
            (behind.after for numbers in others for behind in numbers.behind),
            default=min(numbers.seq_no for numbers in others),
        )
        least = min(others, key=lambda numbers: numbers.seq_no)
        return replace(least, seq_no=min(lowest, least.seq_no), behind=())
    return None
