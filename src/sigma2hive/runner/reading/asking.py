"""Many small searches: sent together, a bounded number in one request."""

from __future__ import annotations

from collections.abc import Sequence

from sigma2hive.clients.elasticsearch import ElasticsearchClient, SearchAnswer, SearchRequest
from sigma2hive.clients.errors import ServerError

#: Searches in one request.
_PER_REQUEST = 50


def answers_to(
    client: ElasticsearchClient, requests: Sequence[SearchRequest]
) -> list[SearchAnswer | ServerError]:
    """Return the answer to each search, or why there is none.

    Raises:
        ServerError: the cluster cannot be asked.
    """
    answers: list[SearchAnswer | ServerError] = []
    for start in range(0, len(requests), _PER_REQUEST):
        answers += client.msearch(requests[start : start + _PER_REQUEST])
    return answers
