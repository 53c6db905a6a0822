"""What there is to read: the indices behind the rules' patterns, and by which cursor each is read.

Takes a client and patterns; gives places, each once whatever the number of patterns that fit it,
and what is to be told of each pattern. Asks for no document, only for counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from fnmatch import fnmatchcase

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    IndexFacts,
    Indices,
    SearchAnswer,
    SearchRequest,
    dated_indices,
    index_facts,
    resolve,
)
from sigma2hive.clients.errors import (
    PrivilegeError,
    ServerError,
    ServerTimeoutError,
    UnreachableError,
)
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.asking import answers_to
from sigma2hive.runner.reading.times import range_of

INGESTED_FIELD = "event.ingested"
_DAY_SECONDS = 24 * 3600
#: What is no single index's fault, and would take as long again for each.
_OF_ALL = (UnreachableError, ServerTimeoutError)


class Cursor(StrEnum):
    """How new events are found, the best first."""

    SEQ_NO = "seq_no"
    INGESTED = "ingested"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Place:
    """What is read as one: an index, or a pattern of which the indices cannot be told apart.

    `targets` are the patterns that look at it. Without `facts` its settings may not be seen. Of one
    that `is_undecided` no event says yet which time events have: there is nothing to read, unless
    `trouble` says why that could not be asked.
    """

    index: str
    targets: tuple[str, ...]
    cursor: Cursor
    facts: IndexFacts | None = None
    may_refresh: bool = False
    is_undecided: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """How an index, or a pattern, is read; `reason` says why so, `better` what would be better.

    `is_blind` says that nothing of it is read for now.
    """

    target: str
    index: str
    cursor: Cursor | None
    reason: str = ""
    better: str = ""
    is_blind: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All places, and what is told of them."""

    places: tuple[Place, ...]
    told: tuple[Told, ...]


#: What may be done with each pattern; None where the cluster has no security.
Granted = Mapping[str, frozenset[str]] | None
_ASKED = ("monitor", "view_index_metadata", "maintenance")


def look(
    client: ElasticsearchClient,
    targets: Collection[str],
    excluded: Collection[str],
    known: Mapping[str, Cursor],
    now_s: int,
) -> Catalogue:
    """Return what there is now; indices that fit `excluded` are not for rules.

    Of a place in trouble nothing is told: it is not known by what it is to be read.

    `known` are cursors by time that were chosen before: index -> cursor. An index does not change
    from one to the other while it is read.

    Raises:
        ServerError: the cluster cannot be asked.
    """
    near = [target for target in sorted(targets) if ":" not in target]
    places = [
        Place(target, (target,), Cursor.TIMESTAMP) for target in sorted(targets) if ":" in target
    ]
    told = [
        Told(place.index, place.index, place.cursor, "it is in another cluster") for place in places
    ]
    granted = _granted(client, near)
    visible = [
        t for t in near if granted is None or {"monitor", "view_index_metadata"} & granted[t]
    ]
    facts = index_facts(client, visible) if visible else {}
    by_index: dict[str, list[str]] = {}
    for target in near:
        reason = "no index fits it, or none may be seen"
        try:
            names = resolve(client, target) or ()
        except PrivilegeError as error:
            names, reason = (), error.message
        wanted = [name for name in names if not _is_excluded(name, excluded)]
        if not wanted:
            told.append(Told(target, target, None, reason, is_blind=True))
        for name in wanted:
            by_index.setdefault(name, []).append(target)
    by_time: list[Place] = []
    for name, looking in sorted(by_index.items()):
        place = _place(name, tuple(looking), facts.get(name), granted)
        if place.facts is not None and place.facts.is_closed:
            better = "open it, or take it out of the pattern"
            reason = "it is closed; it is read on when it is open"
            told += [Told(t, name, None, reason, better, is_blind=True) for t in looking]
        elif place.cursor is Cursor.SEQ_NO:
            places.append(place)
            told += [_told_of_number(t, place) for t in looking]
        else:
            by_time.append(place)
    for place in _with_time_field(client, by_time, known, now_s):
        places.append(place)
        if not place.trouble:
            told += [_told_of_time(target, place, granted) for target in place.targets]
    return Catalogue(tuple(places), tuple(told))


def _granted(client: ElasticsearchClient, targets: Sequence[str]) -> Granted:
    """Ask what may be done; a cluster that does not say grants nothing beyond reading."""
    if not targets:
        return {}
    try:
        found = client.privileges((), _ASKED, targets)
    except PrivilegeError:
        return dict.fromkeys(targets, frozenset())
    if found is None:
        return None
    return {target: found.indices.get(target, frozenset()) for target in targets}


def _is_excluded(name: str, excluded: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in excluded)


def _place(
    name: str, targets: tuple[str, ...], facts: IndexFacts | None, granted: Granted
) -> Place:
    had = set(_ASKED) if granted is None else set().union(*(granted[t] for t in targets))
    by_number = facts is not None and facts.has_numbers and "monitor" in had
    cursor = Cursor.SEQ_NO if by_number else Cursor.TIMESTAMP
    return Place(name, targets, cursor, facts, "maintenance" in had)


def _with_time_field(
    client: ElasticsearchClient,
    places: Sequence[Place],
    known: Mapping[str, Cursor],
    now_s: int,
) -> Iterator[Place]:
    """Yield the places, by event.ingested where the documents of the last day have it.

    Where there are none of the last day, those before it count; without any nothing is chosen,
    nor where that cannot be asked now: what is chosen is kept for good.
    """
    new = [place for place in places if place.index not in known]
    chosen = dict(known)
    targets = sorted({target for place in new for target in place.targets})
    dated, trouble = _dated(client, targets, [place.index for place in new])
    new = [place for place in new if place.index not in trouble]
    answers = answers_to(client, [_question(place, now_s) for place in new])
    undecided: set[str] = set()
    for place, answer in zip(new, answers, strict=True):
        if isinstance(answer, ServerError):
            trouble[place.index] = str(answer)
        elif not answer.total:
            undecided.add(place.index)
        elif place.index in dated and _all_have_it(answer):
            chosen[place.index] = Cursor.INGESTED
    for place in places:
        cursor = chosen.get(place.index, Cursor.TIMESTAMP)
        yield replace(
            place,
            cursor=cursor,
            is_undecided=place.index in undecided or place.index in trouble,
            trouble=trouble.get(place.index, ""),
        )


def _dated(
    client: ElasticsearchClient, asked: Sequence[str], names: Sequence[str]
) -> tuple[frozenset[str], dict[str, str]]:
    """Return which indices have event.ingested, and of which that cannot be asked, and why.

    `asked` are patterns of these names: one answer tells of all. Where that lacks any they are
    asked by halves, so that one index in trouble is in trouble alone.
    """
    if not names:
        return frozenset(), {}
    try:
        return dated_indices(client, asked, INGESTED_FIELD), {}
    except ServerError as error:
        if list(asked) == list(names[:1]) or isinstance(error, _OF_ALL):
            return frozenset(), dict.fromkeys(names, str(error))
    middle = len(names) // 2
    dated: frozenset[str] = frozenset()
    trouble: dict[str, str] = {}
    for half in filter(None, (names[:middle], names[middle:])):
        found, why = _dated(client, half, half)
        dated |= found
        trouble |= why
    return dated, trouble


def _question(place: Place, now_s: int) -> SearchRequest:
    having = {"with": {"filter": {"exists": {"field": INGESTED_FIELD}}}}
    of_day = {"filter": range_of("@timestamp", now_s - _DAY_SECONDS, None), "aggs": having}
    body = {"size": 0, "track_total_hits": True, "aggs": {**having, "of_day": of_day}}
    return SearchRequest(Indices((place.index,)), body)


def _all_have_it(answer: SearchAnswer) -> bool:
    of_day = answer.aggregations["of_day"]
    if of_day["doc_count"]:
        return bool(of_day["with"]["doc_count"] == of_day["doc_count"])
    return bool(answer.aggregations["with"]["doc_count"] == answer.total)


def _told_of_number(target: str, place: Place) -> Told:
    if place.facts is None or place.facts.refresh_seconds > 0 or place.may_refresh:
        return Told(target, place.index, place.cursor)
    return Told(
        target,
        place.index,
        place.cursor,
        "it refreshes only when asked: after deletions and updates, events wait for that",
        f"grant the index privilege `maintenance` on {target}, or set index.refresh_interval",
    )


def _told_of_time(target: str, place: Place, granted: Granted) -> Told:
    had = frozenset(_ASKED) if granted is None else granted[target]
    numbers_off = place.facts is not None and not place.facts.has_numbers
    if "monitor" in had and numbers_off:
        return Told(target, place.index, place.cursor, "the index keeps no sequence numbers")
    return Told(
        target,
        place.index,
        place.cursor,
        "without the privilege `monitor` it is not known how far its shards are",
        f"grant the index privilege `monitor` on {target}",
    )
