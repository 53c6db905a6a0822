"""The calls: each one a request or a few, with a time-out, and one of our errors where it fails.

Takes a connected client of the library; gives values. Nothing here writes to Elasticsearch, but
that `send` is what `scratch` writes with. A request is sent again only where nothing was reached,
and then to another node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import quote

from elastic_transport import ApiError, TransportError
from elasticsearch import Elasticsearch

from sigma2hive.clients.elasticsearch.answers import (
    Capabilities,
    Hit,
    Indices,
    Privileges,
    SearchAnswer,
    SearchRequest,
    ServerInfo,
    check_whole,
    read_capabilities,
    read_privileges,
    read_search,
)
from sigma2hive.clients.elasticsearch.exact_json import QuickAnswer, read_quickly
from sigma2hive.clients.elasticsearch.failures import (
    NO_SUCH_CALL,
    error_in_body,
    error_of_library,
    no_answer,
)
from sigma2hive.clients.elasticsearch.refusals import Call
from sigma2hive.clients.errors import MissingError, RequestRefusedError, ServerError

#: An answer is whole or an error.
_WHOLE = {"allow_partial_search_results": False}

_JSON = "application/json"
_LINES = "application/x-ndjson"


class _Asked(NamedTuple):
    """One search of an _msearch: its two lines, and what people know it by."""

    indices: Indices
    options: Mapping[str, Any]
    body: Mapping[str, Any]


class PointInTime:
    """A frozen view of indices. `id` is the one to use next: an answer may bring another."""

    __slots__ = ("id", "indices", "keep_alive")

    def __init__(self, id_: str, indices: Indices, keep_alive: str) -> None:
        self.id = id_
        self.indices = indices
        self.keep_alive = keep_alive


class ElasticsearchClient:
    """One cluster. Made by `open_client`; closes its connections at the end of a `with`.

    Every call raises a `ServerError` where it fails. May be used from several threads. `server` is
    where it is, without credentials.
    """

    def __init__(self, library: Elasticsearch, server: str) -> None:
        self._library = library
        self.server = server

    def __enter__(self) -> ElasticsearchClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._library.close()

    def info(self) -> ServerInfo:
        """Return who answers. Needs the cluster privilege `monitor`."""
        call = self._call("asking for the version")
        try:
            answer = self._send(call, "GET /")
            return ServerInfo(answer["cluster_name"], answer["version"]["number"])
        except RequestRefusedError:
            # A distribution without the module for `GET /` answers 405 there.
            parameters = {"filter_path": "cluster_name,nodes.*.version"}
            answer = self._send(call, "GET /_nodes", parameters)
            versions = [node["version"] for node in answer["nodes"].values()]
            return ServerInfo(answer["cluster_name"], min(versions, key=_version_key))

    def privileges(
        self, cluster: Sequence[str], index: Sequence[str], patterns: Sequence[str]
    ) -> Privileges | None:
        """Return which of these privileges we have: on the cluster, and on all of each pattern.

        None where the cluster has no security: anybody may do everything. Needs no privilege.
        `patterns` are of this cluster, not of remote ones.
        """
        call = self._call("asking for our privileges")
        asked = [{"names": list(patterns), "privileges": list(index)}] if patterns else []
        body = {"cluster": list(cluster), "index": asked}
        try:
            answer = self._send(call, "POST /_security/user/_has_privileges", body=body)
        except RequestRefusedError as refused:
            if NO_SUCH_CALL in refused.reason:
                return None
            raise
        return read_privileges(answer, call)

    def field_caps(self, indices: Indices) -> Capabilities | None:
        """Return the fields of the indices and their types.

        None where a pattern fits none. Needs `view_index_metadata` or `read`.
        """
        call = self._call(f"reading the fields of {indices}")
        parameters = {"fields": "*", **indices.options}
        answer = self._send_optional(call, f"{_path(indices)}/_field_caps", parameters)
        return None if answer is None else read_capabilities(answer, call)

    def mappings(self, indices: Indices) -> Mapping[str, Mapping[str, Any]] | None:
        """Return the mapping of each index by its name; None where a pattern fits none.

        Needs `view_index_metadata`.
        """
        call = self._call(f"reading the mappings of {indices}")
        answer = self._send_optional(call, f"{_path(indices)}/_mapping", indices.options)
        return None if answer is None else _parts(answer, "mappings", call)

    def index_settings(self, indices: Indices) -> Mapping[str, Mapping[str, Any]] | None:
        """Return the settings of each index by its name, flat (`index.mapping.total_fields.limit`).

        None where a pattern fits none. Needs `view_index_metadata` or `monitor`.
        """
        call = self._call(f"reading the settings of {indices}")
        parameters = {"flat_settings": True, **indices.options}
        answer = self._send_optional(call, f"{_path(indices)}/_settings", parameters)
        return None if answer is None else _parts(answer, "settings", call)

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Return the answer to one search. Needs `read`."""
        call = self._call(f"searching {request.indices}")
        parameters = {**_WHOLE, **request.options}
        to = f"POST {_path(request.indices)}/_search"
        return read_search(self._send(call, to, parameters, request.body), call)

    def count(self, indices: Indices, query: Mapping[str, Any]) -> int:
        """Return how many documents match, exactly. Needs `read`.

        A search, since the count API leaves out shards that fail, whatever one asks for.
        """
        body = {"query": query, "size": 0, "track_total_hits": True}
        total = self.search(SearchRequest(indices, body)).total
        return total or 0

    def msearch(self, requests: Sequence[SearchRequest]) -> tuple[SearchAnswer | ServerError, ...]:
        """Return the answer to each search, in order, or why that one failed. Needs `read`.

        Raises what fails all of them: no connection, no credentials. One query that Elasticsearch
        cannot parse makes it refuse the whole request; it is found by halving, so that the others
        get their answers.
        """
        asked = [
            _Asked(
                request.indices,
                {"index": list(request.indices.patterns), **_WHOLE, **request.options},
                request.body,
            )
            for request in requests
        ]
        return tuple(map(self._item, asked, self._items(asked)))

    def msearch_view(
        self, view: PointInTime, bodies: Sequence[Mapping[str, Any]]
    ) -> tuple[SearchAnswer | ServerError, ...]:
        """Return the answer to each search in a view, in order, or why it failed, as `msearch`."""
        pit = {"id": view.id, "keep_alive": view.keep_alive}
        asked = [_Asked(view.indices, _WHOLE, {**body, "pit": pit}) for body in bodies]
        items = self._items(asked)
        for item in items:
            if not isinstance(item, ServerError):
                view.id = item.get("pit_id", view.id)
        return tuple(map(self._item, asked, items))

    def _items(self, asked: Sequence[_Asked]) -> list[Mapping[str, Any] | ServerError]:
        """Return what is answered to each search; of one that is refused alone our error."""
        if not asked:
            return []
        many = f"sending {len(asked)} searches" if len(asked) > 1 else ""
        call = self._call(many or f"searching {asked[0].indices}")
        lines = [line for one in asked for line in (one.options, one.body)]
        try:
            answer = self._send(call, "POST /_msearch", body=lines)
        except RequestRefusedError as refused:
            if len(asked) == 1:
                return [refused]
            middle = len(asked) // 2
            return self._items(asked[:middle]) + self._items(asked[middle:])
        items = answer.get("responses", ())
        if len(items) != len(asked):
            raise no_answer(f"{len(items)} answers", call)
        return list(items)

    def _item(
        self, asked: _Asked, item: Mapping[str, Any] | ServerError
    ) -> SearchAnswer | ServerError:
        if isinstance(item, ServerError):
            return item
        call = self._call(f"searching {asked.indices}")
        if "error" in item:
            return error_in_body(item, item.get("status", 500), call)
        try:
            return read_search(item, call)
        except ServerError as error:
            return error

    def open_point_in_time(
        self, indices: Indices, keep_alive: str = "2m", preference: str | None = None
    ) -> PointInTime:
        """Freeze a view of the indices; close it afterwards, it costs the cluster. Needs `read`.

        `keep_alive` is how long it stays from one page to the next. `preference` is the search
        API's, such as `_shards:0`.
        """
        call = self._call(f"opening a view of {indices}")
        parameters = {"keep_alive": keep_alive, **_WHOLE, **indices.options}
        if preference:
            parameters["preference"] = preference
        answer = self._send(call, f"POST {_path(indices)}/_pit", parameters)
        view = PointInTime(answer["id"], indices, keep_alive)
        try:
            check_whole(answer, call)
        except ServerError:
            self.close_point_in_time(view)
            raise
        return view

    def close_point_in_time(self, view: PointInTime) -> bool:
        """Close a view; False where it is gone already."""
        call = self._call(f"closing a view of {view.indices}")
        try:
            return bool(self._send(call, "DELETE /_pit", body={"id": view.id}).get("succeeded"))
        except MissingError:
            return False

    @contextmanager
    def point_in_time(
        self, indices: Indices, keep_alive: str = "2m", preference: str | None = None
    ) -> Iterator[PointInTime]:
        """Give a view that is closed afterwards, whatever happens."""
        view = self.open_point_in_time(indices, keep_alive, preference)
        try:
            yield view
        except BaseException:
            # What went wrong first is what is told; the view ends by itself after `keep_alive`.
            with suppress(ServerError):
                self.close_point_in_time(view)
            raise
        self.close_point_in_time(view)

    def search_view(self, view: PointInTime, body: Mapping[str, Any]) -> SearchAnswer:
        """Return the answer to one search in a view. Needs `read`."""
        call = self._call(f"searching {view.indices}")
        pit = {"id": view.id, "keep_alive": view.keep_alive}
        answer = self._send(call, "POST /_search", _WHOLE, {**body, "pit": pit})
        view.id = answer.get("pit_id", view.id)
        return read_search(answer, call)

    def quick_page(self, view: PointInTime, body: Mapping[str, Any]) -> QuickAnswer:
        """Return the answer to one search in a view, read fast. Needs `read`.

        Numbers beyond 64 bits, and fractions from 1e15 on, are rounded; `exact` gives them whole.
        """
        call = self._call(f"searching {view.indices}")
        pit = {"id": view.id, "keep_alive": view.keep_alive}
        with read_quickly():
            answer = self._send(call, "POST /_search", _WHOLE, {**body, "pit": pit})
        view.id = answer.get("pit_id", view.id)
        hits = read_search(answer, call).hits
        text, scanned = getattr(answer, "text", b""), getattr(answer, "scanned", None)
        return QuickAnswer(hits, text, scanned)

    def pages(
        self, view: PointInTime, body: Mapping[str, Any], size: int = 1_000
    ) -> Iterator[tuple[Hit, ...]]:
        """Yield all hits of a search in a view, by pages of `size` (10,000 at most).

        In the order of `body`'s `sort`, else in the one that is cheapest. A page is in memory as a
        whole, so its size is what bounds that.
        """
        request = {"sort": ["_shard_doc"], "track_total_hits": False, **body, "size": size}
        while True:
            hits = self.search_view(view, request).hits
            if hits:
                yield hits
            if len(hits) < size:
                return
            request["search_after"] = hits[-1]["sort"]

    def send(self, doing: str, to: str, body: object = None) -> Mapping[str, Any]:
        """Send a request `to` a method and path, and return the JSON object that it answers.

        `doing` says in errors what for; a list as `body` is sent as lines.
        """
        return self._send(self._call(doing), to, body=body)

    def _call(self, doing: str) -> Call:
        return Call(self.server, doing)

    def _send_optional(
        self, call: Call, path: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        try:
            return self._send(call, f"GET {path}", parameters)
        except MissingError:
            return None

    def _send(
        self,
        call: Call,
        to: str,
        parameters: Mapping[str, Any] | None = None,
        body: object = None,
    ) -> Mapping[str, Any]:
        """Send a request `to` a method and path, and return the JSON object that it answers.

        Raises:
            ServerError: whatever else happens.
        """
        method, _, path = to.partition(" ")
        headers = {"accept": _JSON}
        if body is not None:
            headers["content-type"] = _LINES if isinstance(body, list) else _JSON
        try:
            answer = self._library.perform_request(
                method, path, params=parameters, headers=headers, body=body
            ).body
        except (ApiError, TransportError, RecursionError) as error:
            # Without the library's own error, which quotes the answer and so the events in it.
            raise error_of_library(error, call) from None
        if not isinstance(answer, Mapping):
            raise no_answer("an answer of another form", call)
        return answer


def _parts(answer: Mapping[str, Any], key: str, call: Call) -> Mapping[str, Mapping[str, Any]]:
    """Return what stands under `key` of each index.

    Raises:
        AnswerError: it does not stand there.
    """
    found = {
        name: part.get(key) if isinstance(part, Mapping) else None for name, part in answer.items()
    }
    if any(not isinstance(part, Mapping) for part in found.values()):
        raise no_answer(f"an index without {key}", call)
    return found  # type: ignore[return-value]  # looked at above


def _path(indices: Indices) -> str:
    return "/" + quote(str(indices), safe=",*:-<>+")


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdecimal())
