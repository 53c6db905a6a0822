"""What tests do with an Elasticsearch: plain HTTP, and indices that are gone afterwards.

Takes a URL and users; never uses sigma2hive's own client, which is held against this.
"""

import contextlib
import json
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tests.bench.accounts import INDEX_PREFIX, User, Users

#: Documents in one bulk request.
_BATCH = 5_000


#: Which node may hold an index, as one of its settings.
_HELD_BY = "index.routing.allocation.require._name"


class Refused(Exception):
    """Elasticsearch answered a test's own request with an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {json.dumps(body)[:2000]}")
        self.status, self.body = status, body


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Elasticsearch. `ca_file` is set where its certificate is not publicly known.

    `timeout_seconds` is how long a request may take.
    """

    url: str
    users: Users
    ca_file: str | None = None
    timeout_seconds: float = 120

    def request(
        self, method: str, path: str, body: object = None, *, user: User | None = None
    ) -> Any:
        """Return the JSON answer to a request, sent as admin or as `user`.

        `body` is sent as JSON; text is sent as it is, as NDJSON.

        Raises:
            Refused: the status is 400 or above.
        """
        lines = isinstance(body, str)
        content = body if isinstance(body, str) else json.dumps(body)
        request = urllib.request.Request(
            f"{self.url}/{path.lstrip('/')}",
            method=method,
            data=None if body is None else content.encode(),
            headers={
                "Authorization": (user or self.users.admin).authorization,
                "Content-Type": f"application/{'x-ndjson' if lines else 'json'}",
            },
        )
        try:
            with self._opener().open(request, timeout=self.timeout_seconds) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode("utf-8", "replace")
            raise Refused(error.code, _parsed(text)) from None

    def _opener(self) -> urllib.request.OpenerDirector:
        # A proxy that the machine uses for the internet is not asked for the loopback interface.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.url.startswith("https:"):
            context = ssl.create_default_context(cafile=self.ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers)

    @contextlib.contextmanager
    def indices(self) -> Iterator["Indices"]:
        """Give what makes indices, and delete them afterwards."""
        made = Indices(self)
        try:
            yield made
        finally:
            made.delete()


def _new_name(name: str) -> str:
    # A letter, since a number at the end would be the mark of a rollover.
    return f"{INDEX_PREFIX}{name + '-' if name else ''}i{uuid.uuid4().hex[:12]}"


class Indices:
    """Makes indices with names that no other test has, and knows them until they are deleted."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.names: list[str] = []

    def create(
        self,
        mapping: Mapping[str, Any],
        documents: Iterable[Mapping[str, Any] | str] = (),
        *,
        settings: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> str:
        """Return the name of a new index that holds the documents, ready to be searched.

        `mapping` is what stands under `mappings`; a document is an object or its JSON text. Their
        `_id`s are their ordinals, from "0". `name` is what the index's own name contains.
        """
        index = _new_name(name)
        one_shard = {"number_of_shards": 1, "number_of_replicas": 0}
        body = {"settings": {**one_shard, **(settings or {})}, "mappings": mapping}
        self.cluster.request("PUT", index, body)
        self.names.append(index)
        self.add(index, documents)
        return index

    def create_red(self, mapping: Mapping[str, Any], *, name: str = "") -> str:
        """Return the name of a new index that no node may hold: none of its shards runs.

        `heal` lets it run.
        """
        nowhere = {_HELD_BY: "no-such-node"}
        index = _new_name(name)
        settings = {"number_of_shards": 1, "number_of_replicas": 0, **nowhere}
        body = {"settings": settings, "mappings": mapping}
        self.cluster.request("PUT", f"{index}?wait_for_active_shards=0", body)
        self.names.append(index)
        return index

    def heal(self, index: str) -> None:
        """Let an index that is red run, and wait until it does."""
        self.cluster.request("PUT", f"{index}/_settings", {_HELD_BY: None})
        self.cluster.request("GET", f"_cluster/health/{index}?wait_for_status=green&timeout=30s")

    def add(self, index: str, documents: Iterable[Mapping[str, Any] | str], first: int = 0) -> None:
        """Index the documents, with `_id`s from `first`, and make them visible.

        Raises:
            Refused: one of them was refused, and so not all are there.
        """
        numbered = iter(enumerate(documents, first))
        while batch := list(islice(numbered, _BATCH)):
            answer = self.cluster.request("POST", f"{index}/_bulk", _bulk_lines(batch))
            if answer["errors"]:
                failed = [item for row in answer["items"] if "error" in (item := row["index"])]
                raise Refused(failed[0]["status"], failed[0]["error"])
        self.cluster.request("POST", f"{index}/_refresh")

    def delete(self) -> None:
        """Delete the indices that were made here; one that is gone is fine."""
        for name in self.names:
            with contextlib.suppress(Refused):
                self.cluster.request("DELETE", name)
        self.names.clear()


def _bulk_lines(batch: Iterable[tuple[int, Mapping[str, Any] | str]]) -> str:
    lines = []
    for number, document in batch:
        lines.append(json.dumps({"index": {"_id": str(number)}}))
        # ASCII escapes: a lone surrogate has no UTF-8.
        lines.append(document if isinstance(document, str) else json.dumps(document))
    return "\n".join(lines) + "\n"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
