"""An index of our own for as long as it is needed: the only thing that is written to a cluster.

Takes a mapping and documents; gives the name of an index that holds them, which is deleted at the
end, whatever happens. Touches no index whose name does not begin with `PREFIX`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any
from uuid import uuid4

from sigma2hive.clients.elasticsearch.calls import ElasticsearchClient
from sigma2hive.clients.errors import MissingError, RequestRefusedError, ServerError

#: What the names of our indices begin with; an account needs its privileges on PREFIX* only.
PREFIX = "sigma2hive-test-"
#: Documents in one request.
_BATCH = 1_000
_ONE_SHARD = {"index.number_of_shards": 1, "index.number_of_replicas": 0}


@contextmanager
def scratch_index(
    client: ElasticsearchClient,
    mappings: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> Iterator[str]:
    """Make an index, and delete it afterwards.

    `mappings` are tried in order: the first that the server takes, which may lack a field type.
    Needs `create_index` and `delete_index`.

    Raises:
        ServerError: it takes none of them, or the index cannot be deleted.
    """
    name = PREFIX + uuid4().hex
    body = {"settings": {**_ONE_SHARD, **settings}}
    for last, mapping in zip((*[False] * (len(mappings) - 1), True), mappings, strict=True):
        try:
            client.send(f"making the index {name}", f"PUT /{name}", {**body, "mappings": mapping})
            break
        except RequestRefusedError:
            if last:
                raise
    try:
        yield name
    except BaseException:
        # What went wrong first is what is told.
        with suppress(ServerError):
            _delete(client, name)
        raise
    _delete(client, name)


def put_documents(
    client: ElasticsearchClient, name: str, documents: Sequence[Mapping[str, Any]]
) -> Mapping[int, str]:
    """Index the documents, their ordinals as `_id`s; return why some were refused, by ordinal.

    Needs `index`, `auto_configure` (fields that the mapping does not name) and `maintenance`.

    Raises:
        ServerError: nothing more could be sent.
    """
    refused: dict[int, str] = {}
    numbered = iter(enumerate(documents))
    while batch := list(islice(numbered, _BATCH)):
        lines: list[Mapping[str, Any]] = []
        for number, document in batch:
            lines += [{"index": {"_id": str(number)}}, document]
        answer = client.send(f"writing into the index {name}", f"POST /{name}/_bulk", lines)
        for (number, _), item in zip(batch, answer.get("items", ()), strict=True):
            if "error" in item["index"]:
                refused[number] = str(item["index"]["error"].get("reason", "no reason given"))
    client.send(f"refreshing the index {name}", f"POST /{name}/_refresh")
    return refused


def _delete(client: ElasticsearchClient, name: str) -> None:
    if not name.startswith(PREFIX):
        raise ValueError(f"{name} is no index of ours")
    with suppress(MissingError):
        client.send(f"deleting the index {name}", f"DELETE /{name}")
