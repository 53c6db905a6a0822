"""What is asked of Elasticsearch and what it answers, as values.

Takes and gives plain JSON where a query or a document is meant, and dataclasses for the rest. An
answer that lacks a part is an error here, never a smaller answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigma2hive.clients.elasticsearch.failures import failed_shards, no_answer
from sigma2hive.clients.elasticsearch.refusals import Call
from sigma2hive.clients.errors import IncompleteError, ServerTimeoutError
from sigma2hive.records import dataclass

#: One hit as it came: `_index`, `_id`, `_source`, and what the body asked for besides.
Hit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Indices:
    """Which indices a call is about: names and patterns, of other clusters too (`cluster:logs-*`).

    A pattern that no index fits is an error, since it finds nothing and says nothing; with
    `may_be_missing` it is not. A pattern leaves closed indices out in silence, as all of Elastic
    does; with `closed_is_error` it does not. With both, a name that is no pattern has to be there.
    """

    patterns: tuple[str, ...]
    may_be_missing: bool = False
    closed_is_error: bool = False

    def __post_init__(self) -> None:
        # Elasticsearch takes no pattern for all indices.
        if not self.patterns or not all(self.patterns):
            raise ValueError("an index pattern is needed, and none may be empty")

    def __str__(self) -> str:
        return ",".join(self.patterns)

    @property
    def options(self) -> dict[str, Any]:
        """The options that say so, as parameters of a call and in the header of an _msearch."""
        return {
            "allow_no_indices": self.may_be_missing,
            "ignore_unavailable": self.may_be_missing and not self.closed_is_error,
            "expand_wildcards": "open,closed" if self.closed_is_error else "open",
        }


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search: where, and the body as the search API takes it.

    `preference` is the search API's: which copies of the shards are asked.
    """

    indices: Indices
    body: Mapping[str, Any]
    preference: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options beside the body, as parameters and in the header of an _msearch."""
        chosen = {} if self.preference is None else {"preference": self.preference}
        return {**self.indices.options, **chosen}


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """A whole answer: no shard and no cluster is missing from it.

    `total` is how many documents match, None where it was not counted; `total_is_exact` is False
    where there are more than that.
    """

    hits: tuple[Hit, ...]
    total: int | None
    total_is_exact: bool
    aggregations: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Who answers: the cluster's name and its oldest node's version."""

    cluster: str
    version: str


@dataclass(frozen=True, slots=True)
class Capability:
    """What a field is in some of the indices: those in `indices`, all of them where it is empty.

    `unsearchable_in` are those of them that cannot search it, where others can.
    """

    type: str
    is_searchable: bool
    is_aggregatable: bool
    indices: tuple[str, ...] = ()
    unsearchable_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The fields of some indices. A field has more than one entry where indices disagree."""

    indices: tuple[str, ...]
    fields: Mapping[str, tuple[Capability, ...]]

    def searchable_in(self, index: str) -> dict[str, bool]:
        """Return the fields that an index has, and whether it can search them."""
        return {
            path: found.is_searchable
            or (bool(found.unsearchable_in) and index not in found.unsearchable_in)
            for path, entries in self.fields.items()
            for found in entries
            if not found.indices or index in found.indices
        }


@dataclass(frozen=True, slots=True)
class Privileges:
    """Which of the privileges that were asked about `user` has: `indices` by index pattern."""

    user: str
    cluster: frozenset[str]
    indices: Mapping[str, frozenset[str]]


def read_privileges(body: Mapping[str, Any], call: Call) -> Privileges:
    """Return the answer to a question for privileges.

    Raises:
        AnswerError: it is no such answer.
    """
    try:
        return Privileges(
            user=str(body["username"]),
            cluster=_granted(body["cluster"]),
            indices={name: _granted(asked) for name, asked in body["index"].items()},
        )
    except (AttributeError, KeyError, TypeError):
        raise no_answer("no list of privileges", call) from None


def _granted(asked: Mapping[str, bool]) -> frozenset[str]:
    return frozenset(name for name, is_granted in asked.items() if is_granted)


def read_search(body: Mapping[str, Any], call: Call) -> SearchAnswer:
    """Return the answer to a search.

    Raises:
        ServerTimeoutError: the search was ended before it was through.
        IncompleteError: a shard or a cluster is missing from it.
        AnswerError: it is no answer to a search.
    """
    check_whole(body, call)
    found = body.get("hits")
    if not isinstance(found, Mapping):
        raise no_answer("an answer without hits", call)
    total = found.get("total") or {}
    return SearchAnswer(
        hits=tuple(found.get("hits", ())),
        total=total.get("value"),
        total_is_exact=total.get("relation") == "eq",
        aggregations=body.get("aggregations", {}),
    )


def check_whole(body: Mapping[str, Any], call: Call) -> None:
    """Refuse an answer that lacks a part.

    Raises:
        ServerTimeoutError, IncompleteError: as for `read_search`.
    """
    if body.get("timed_out"):
        raise ServerTimeoutError(
            call.message("ended the search before it was through"),
            "search less at once, or look at the cluster's load and its search time-out",
        )
    shards = body.get("_shards") or {}
    if shards.get("failed"):
        raise failed_shards(shards, call)
    clusters = body.get("_clusters") or {}
    if any(clusters.get(state) for state in ("skipped", "partial", "failed", "running")):
        names = [
            name or "(local)"
            for name, detail in clusters.get("details", {}).items()
            if detail.get("status") != "successful"
        ]
        raise IncompleteError(
            call.message(f"left out the clusters {', '.join(names) or '(it does not say which)'}"),
            "look at `GET _remote/info`; nothing was taken as searched",
        )


def read_capabilities(body: Mapping[str, Any], call: Call) -> Capabilities:
    """Return the answer of the field capabilities API, without metadata fields.

    Raises:
        IncompleteError: an index is missing from it.
        AnswerError: it is no such answer.
    """
    try:
        return _capabilities(body, call)
    except (AttributeError, KeyError, TypeError):
        raise no_answer("no list of fields and their types", call) from None


def _capabilities(body: Mapping[str, Any], call: Call) -> Capabilities:
    if failures := body.get("failures"):
        names = sorted({name for failure in failures for name in failure.get("indices", ())})
        raise IncompleteError(
            call.message(f"could not look into {', '.join(names)}"),
            "look at the cluster's health",
        )
    return Capabilities(
        indices=_texts(body.get("indices", ())),
        fields={
            field: read
            for field, types in body.get("fields", {}).items()
            if (
                read := tuple(
                    _capability(types[name]) for name in sorted(types) if _is_data(types[name])
                )
            )
        },
    )


def _is_data(capability: Mapping[str, Any]) -> bool:
    return not capability.get("metadata_field")


def _capability(capability: Mapping[str, Any]) -> Capability:
    return Capability(
        type=capability["type"],
        is_searchable=capability["searchable"],
        is_aggregatable=capability["aggregatable"],
        indices=_texts(capability.get("indices", ())),
        unsearchable_in=_texts(capability.get("non_searchable_indices", ())),
    )


def _texts(value: object) -> tuple[str, ...]:
    """Return what Elasticsearch gives as a text where it is one, and as a list where it is more."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, (list, tuple)) else ()
