"""The documents of a slice, page by page out of a frozen view, as events that are made when needed.

Takes a slice; gives batches of events and findings. A page is as large as its documents allow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from typing import Any

from sigma2hive.clients.elasticsearch import ElasticsearchClient, PointInTime, QuickAnswer
from sigma2hive.diagnostics import Diagnostic
from sigma2hive.model.events import TIME_FIELD, Event, EventKey
from sigma2hive.model.json_numbers import LARGEST_PLAIN_FRACTION
from sigma2hive.model.times import is_usual_time
from sigma2hive.model.values import Values
from sigma2hive.native import Scan, ScannedLines
from sigma2hive.runner.reading.ahead import one_ahead
from sigma2hive.runner.reading.interface import NOTHING, Document, Slice
from sigma2hive.sources import EventRows
from sigma2hive.sources.batches import MAX_EVENTS
from sigma2hive.sources.elasticsearch import read_hit

#: A first page, of which nobody knows how large its documents are.
_FIRST_PAGE = 500
#: Documents of which only names are asked for, in one answer.
_MOST_NAMES = 10_000
#: What part of a page one of several searches may bring: few of them find much.
_MANY = 5
#: How long a view stays from one page to the next: deciding a page takes a second or so.
_KEEP_ALIVE = "5m"


class Pages:
    """Reads slices; remembers how large documents are, so that a page is not too large.

    While a page of a slice is looked at, the next one is fetched: two are in memory, never more.
    """

    def __init__(self, client: ElasticsearchClient, page_bytes: int) -> None:
        self._client = client
        self._page_bytes = page_bytes
        self._sizes: dict[str, int] = {}

    def read(self, part: Slice, computed: Collection[str]) -> Iterator[EventRows | Diagnostic]:
        """Yield the documents of a slice; `computed` are paths that only the index knows.

        Raises:
            ServerError: not all of it came.
        """
        body = body_of(part.query, computed)
        # In this order: a view is closed when no page of it is fetched any more.
        with self.view(part) as view, one_ahead(self.walk(part.unit, view, body)) as pages:
            for page in pages:
                yield from _entries(page)

    def documents(self, part: Slice) -> list[Document]:
        """Return what the documents of a slice are known by.

        Raises:
            ServerError: not all of them came.
        """
        body = {"query": part.query, "_source": False}
        with self.view(part) as view:
            pages = self._client.pages(view, body, _MOST_NAMES)
            return [Document(hit["_index"], hit["_id"]) for page in pages for hit in page]

    @contextmanager
    def view(self, part: Slice) -> Iterator[PointInTime]:
        """Give a slice held still.

        Raises:
            ServerError: not all of it can be held.
        """
        with self._client.point_in_time(part.indices, _KEEP_ALIVE, part.preference) as view:
            yield view

    @contextmanager
    def many(self, unit: str) -> Iterator[int]:
        """Give how many documents each of several searches in one request may bring.

        Where that request fails, the next one of the unit is for less.
        """
        size = self._sizes.get(unit, _FIRST_PAGE)
        self._sizes[unit] = max(1, size // 4)
        yield max(1, min(size, _FIRST_PAGE) // _MANY)
        self._sizes[unit] = max(size, min(2 * size, _FIRST_PAGE))

    def walk(self, unit: str, view: PointInTime, body: Mapping[str, Any]) -> Iterator[QuickAnswer]:
        """Yield the pages of a search in a view, each as large as the unit's documents allow.

        Raises:
            ServerError: not all of them came.
        """
        body = dict(body)
        size = self._sizes.get(unit, _FIRST_PAGE)
        while True:
            # Taken back when the page has come: where it does not, the next try asks for less.
            self._sizes[unit] = max(1, size // 4)
            page = self._client.quick_page(view, {**body, "size": size})
            full = len(page) == size
            if len(page):
                body["search_after"] = page.hit(len(page) - 1)["sort"]
                average = page.size // len(page) + 1
                size = min(MAX_EVENTS, max(1, self._page_bytes // average), 4 * size)
            self._sizes[unit] = size
            if len(page):
                yield page
            if not full:
                return


def only_of(part: Slice, documents: Collection[Document]) -> Slice:
    """Return the same slice with those of its documents alone."""
    by_index: dict[str, list[str]] = {}
    for document in documents:
        by_index.setdefault(document.index, []).append(document.id)
    if not by_index:
        return replace(part, query=NOTHING)
    named = [
        {"bool": {"filter": [{"term": {"_index": index}}, {"ids": {"values": found}}]}}
        for index, found in by_index.items()
    ]
    any_of = {"bool": {"should": named, "minimum_should_match": 1}}
    return replace(part, query={"bool": {"filter": [part.query, any_of]}})


def body_of(query: Mapping[str, Any], computed: Collection[str]) -> dict[str, Any]:
    """Return what is searched for in the order in which it lies, with `computed` paths."""
    body: dict[str, Any] = {"query": query, "sort": ["_shard_doc"], "track_total_hits": False}
    if computed:
        body["fields"] = sorted(computed)
    return body


def _entries(page: QuickAnswer) -> Iterator[EventRows | Diagnostic]:
    rows = EventRows()
    maker = PageMaker(page)
    runs = _runs_of(page) if page.scanned is None else _scanned_runs(page.scanned)
    for part, documents in runs:
        if isinstance(documents, ScannedLines):
            rows.add_scanned(documents, part, part.start, maker)
        elif documents is not None:
            rows.add_lines(documents, [b""] * len(part), part.start, maker)
        else:
            for position in part:
                found = maker.read(position)
                if isinstance(found, Event):
                    rows.add(found)
                else:
                    yield found
    if len(rows):
        yield rows


#: Hits that follow each other, with the documents of plain ones, None of others.
_Run = tuple[range, "ScannedLines | Sequence[Mapping[str, Any]] | None"]


def _scanned_runs(scan: Scan) -> Iterator[_Run]:
    lines = ScannedLines(scan)
    for part, is_plain in scan.runs():
        yield part, lines if is_plain else None


def _runs_of(page: QuickAnswer) -> Iterator[_Run]:
    hits = [page.hit(position) for position in range(len(page))]
    for is_plain, numbers in groupby(range(len(hits)), lambda n: _is_plain(hits[n])):
        each = list(numbers)
        documents = [hits[number]["_source"] for number in each] if is_plain else None
        yield range(each[0], each[-1] + 1), documents


def _is_plain(hit: Mapping[str, Any]) -> bool:
    """Whether its document surely is an event, all of which is in `_source`."""
    source = hit.get("_source")
    if type(source) is not dict or hit.get("fields"):
        return False
    time = source.get(TIME_FIELD)
    return type(time) is str and is_usual_time(time)


class PageMaker:
    """Makes the events of a page, by their positions in it."""

    is_literal = False  # its documents have no lines

    def __init__(self, page: QuickAnswer) -> None:
        self._page = page

    def read(self, position: int) -> Event | Diagnostic:
        """Return the event of a hit, with every digit of its numbers."""
        hit = self._page.hit(position)
        return read_hit(self._page.exact(position) if _may_be_rounded(hit) else hit)

    def event_of(self, _raw: bytes, number: int) -> Event:
        """Return the event of a plain document."""
        found = self.read(number)
        if not isinstance(found, Event):
            raise TypeError(f"a plain document is no event: {found.message}")
        return found

    def event_with(self, raw: bytes, number: int, _values: Values, _key: EventKey | None) -> Event:
        """Return that event, all of it."""
        return self.event_of(raw, number)

    def values_of(self, raw: bytes, number: int) -> Values:
        """Return the values of that event."""
        return self.event_of(raw, number).values


def _may_be_rounded(hit: Mapping[str, Any]) -> bool:
    stack: list[Any] = [hit.get("_source"), hit.get("fields")]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            stack.extend(node.values())
        elif type(node) is list:
            stack.extend(node)
        elif type(node) is float and abs(node) >= LARGEST_PLAIN_FRACTION:
            return True
    return False
