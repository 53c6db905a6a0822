"""State stores in a real Elasticsearch, opened as whoever may do no more than the docs say."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sigma2hive.clients.elasticsearch import (
    ElasticsearchClient,
    Indices,
    SearchAnswer,
    SearchRequest,
)
from sigma2hive.runner.store.elastic import ElasticStore
from sigma2hive.runner.store.elastic.indices import Asking, Kind
from tests.bench.cluster import Cluster
from tests.clients.connecting import client_of


@dataclass
class Ticks:
    """A clock that is moved by hand, in nanoseconds."""

    now: int = 0

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000_000)


@dataclass
class Site:
    """The indices of one store: each call of `store` is another runner."""

    client: ElasticsearchClient
    prefix: str
    ticks: Ticks = field(default_factory=Ticks)

    def store(
        self, client: Asking | None = None, ticks: Callable[[], int] | None = None
    ) -> ElasticStore:
        return ElasticStore(client or self.client, prefix=self.prefix, ticks=ticks or self.ticks)

    def names(self) -> str:
        return ",".join(f"{self.prefix}{kind.value}" for kind in Kind)


@contextmanager
def site_of(cluster: Cluster) -> Iterator[Site]:
    with client_of(cluster, cluster.users.storer) as client:
        site = Site(client, f"s2h-state-{uuid4().hex[:12]}-")
        try:
            yield site
        finally:
            cluster.request("DELETE", f"/{site.names()}?ignore_unavailable=true")


def emptied(site: Site, cluster: Cluster) -> Site:
    """Return the same indices with nothing in them: making them takes longest in most tests."""
    for kind in Kind:
        name = f"{site.prefix}{kind.value}"
        there = f"/{name}/_search?size=10000&ignore_unavailable=true"
        cluster.request("POST", f"/{name}/_refresh?ignore_unavailable=true")
        hits = cluster.request("POST", there, {"_source": False})["hits"]["hits"]
        if hits and kind in (Kind.MATCHES, Kind.COUNTED):
            mappings = cluster.request("GET", f"/{name}/_mapping")[name]["mappings"]
            cluster.request("DELETE", f"/{name}")  # numbers begin anew
            body = {"settings": {"index.hidden": True}, "mappings": mappings}
            cluster.request("PUT", f"/{name}", body)
        elif hits:
            lines = [json.dumps({"delete": {"_id": hit["_id"]}}) + "\n" for hit in hits]
            cluster.request("POST", f"/{name}/_bulk", "".join(lines))
    return Site(site.client, site.prefix)


class Killed(BaseException):
    """The process is gone."""


class Watched:
    """A client that does something else at its n-th request: before it is sent, or just after."""

    def __init__(
        self,
        client: ElasticsearchClient,
        at: int = 0,
        do: Callable[[], object] = lambda: None,
        *,
        after: bool = False,
    ) -> None:
        self._client = client
        self._at, self._do, self._after = at, do, after
        self.requests = 0

    @property
    def server(self) -> str:
        return self._client.server

    def send(self, doing: str, to: str, body: object = None) -> Mapping[str, Any]:
        return self._counted(lambda: self._client.send(doing, to, body))

    def search(self, request: SearchRequest) -> SearchAnswer:
        return self._counted(lambda: self._client.search(request))

    def mappings(self, indices: Indices) -> Mapping[str, Mapping[str, Any]] | None:
        return self._client.mappings(indices)

    def _counted(self, call: Callable[[], Any]) -> Any:
        self.requests += 1
        is_it = self.requests == self._at
        if is_it and not self._after:
            self._do()
        answer = call()
        if is_it and self._after:
            self._do()
        return answer


def die() -> None:
    """End the process, as far as a store can tell."""
    raise Killed
