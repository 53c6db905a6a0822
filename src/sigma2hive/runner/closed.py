"""Closed indices: Elasticsearch leaves them out of what a pattern finds, and says nothing of it.

Takes patterns that were searched; gives a warning for each that a closed index fits. Whoever asked
must not believe that the events there were looked at. Needs `read`, as the searches did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sigma2hive.clients.elasticsearch import ElasticsearchClient, Indices, SearchRequest
from sigma2hive.clients.errors import ClosedError, ServerError
from sigma2hive.diagnostics import Diagnostic, Location, Severity

#: Patterns in one request.
_PER_REQUEST = 50


def closed_indices(client: ElasticsearchClient, patterns: Iterable[str]) -> Iterator[Diagnostic]:
    """Yield a warning for each pattern of which an index is closed, or may be.

    A name without a star is left out: there a search fails by itself.
    """
    wide = [name for name in patterns if "*" in name]
    for start in range(0, len(wide), _PER_REQUEST):
        asked = wide[start : start + _PER_REQUEST]
        try:
            answers = client.msearch([_question(name) for name in asked])
        except ServerError as error:
            message = f"whether any of its indices is closed is not known: {error.message}"
            yield from (_told(name, message, error.hint) for name in asked)
            continue
        for name, answer in zip(asked, answers, strict=True):
            if isinstance(answer, ClosedError):
                message = f"events of it were not looked at: {answer.message}"
                yield _told(name, message, "open what may hold events of that time")


def _question(pattern: str) -> SearchRequest:
    """Return a search that finds nothing, and fails where an index of the pattern is closed."""
    indices = Indices((pattern,), may_be_missing=True, closed_is_error=True)
    return SearchRequest(indices, {"query": {"match_none": {}}, "size": 0})


def _told(pattern: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic("S2H507", Severity.WARNING, Location(pattern), message, hint)
