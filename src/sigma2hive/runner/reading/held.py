"""A slice that stands still, searched for several rules by `_msearch`.

Takes a view and queries; gives what they find in this slice, in the order in which it lies there.
Every answer is whole or an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    PointInTime,
    SearchAnswer,
)
from sigma2hive.clients.errors import ServerError
from sigma2hive.records import dataclass
from sigma2hive.runner.reading.interface import Beginning, Found, Slice
from sigma2hive.runner.reading.pages import PageMaker, Pages, body_of
from sigma2hive.sources.elasticsearch import read_hit


@dataclass(frozen=True, slots=True)
class SlicePages:
    """A slice in a view; `computed` are paths that only the index knows."""

    client: ElasticsearchClient
    pages: Pages
    part: Slice
    view: PointInTime
    computed: Collection[str]

    def count(self) -> int:
        """Return how many documents are in it.

        Raises:
            ServerError: they cannot be counted.
        """
        body = {"query": self.part.query, "size": 0, "track_total_hits": True}
        return self.client.search_view(self.view, body).total or 0

    def begin(self, queries: Sequence[Mapping[str, Any]]) -> Sequence[Beginning | ServerError]:
        """Return what each query finds first, or why its search failed.

        Raises:
            ServerError: none of them got an answer.
        """
        with self.pages.many(self.part.unit) as size:
            bodies = [{**self._body(query), "size": size} for query in queries]
            answers = self.client.msearch_view(self.view, bodies)
        return [
            answer if isinstance(answer, ServerError) else _beginning(answer, size)
            for answer in answers
        ]

    def go_on(self, query: Mapping[str, Any], beginning: Beginning) -> Iterator[Found]:
        """Yield what a query finds beyond its beginning.

        Raises:
            ServerError: not all of it came.
        """
        body = {**self._body(query), "search_after": [beginning.found[-1].place]}
        for page in self.pages.walk(self.part.unit, self.view, body):
            maker = PageMaker(page)
            for position, hit in enumerate(map(page.hit, range(len(page)))):
                yield Found(hit["sort"][0], partial(maker.read, position))

    def _body(self, query: Mapping[str, Any]) -> dict[str, Any]:
        in_slice = {"bool": {"filter": [self.part.query, query]}}
        return body_of(in_slice, self.computed)


class NothingHeld:
    """A slice without documents."""

    def count(self) -> int:
        """Return that there are none."""
        return 0

    def begin(self, queries: Sequence[Mapping[str, Any]]) -> Sequence[Beginning | ServerError]:
        """Return that nothing is found."""
        return [Beginning((), is_all=True) for _ in queries]

    def go_on(self, query: Mapping[str, Any], beginning: Beginning) -> Iterator[Found]:  # noqa: ARG002
        """Yield nothing."""
        yield from ()


def _beginning(answer: SearchAnswer, size: int) -> Beginning:
    found = [Found(hit["sort"][0], partial(read_hit, hit)) for hit in answer.hits]
    return Beginning(found, is_all=len(found) < size)
