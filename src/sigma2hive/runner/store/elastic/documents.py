"""Documents of the state store: read as they are now, and changed only where they still are so.

Takes kinds, references and plain JSON. Elasticsearch has no transactions: each document changes
whole, by compare-and-set on the version that was read, and a change that came second is made anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from sigma2hive.clients.elasticsearch import Hit, Indices, SearchAnswer, SearchRequest, shard_facts
from sigma2hive.clients.elasticsearch.failures import error_in_body
from sigma2hive.clients.elasticsearch.refusals import Call
from sigma2hive.clients.errors import BusyError, IncompleteError
from sigma2hive.records import dataclass
from sigma2hive.runner.store.elastic.indices import PREFIX, Asking, Kind

Source = Mapping[str, Any]

#: Documents, and bytes of them, in one request.
_AT_ONCE = 1_000
_BYTES_AT_ONCE = 8 * 1024 * 1024
#: Other runners change what we change so often at most.
_MOST_TRIES = 50
_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it was read; `seq_no` and `term` say which version that is."""

    ref: str
    source: Source
    seq_no: int
    term: int


@dataclass(frozen=True, slots=True)
class Write:
    """One document to be: made, where `before` is None; changed, where it still is as `before`.

    Without a `source` it is deleted. What `is_forced` does not ask what was there.
    """

    ref: str
    source: Source | None
    before: Kept | None = None
    is_forced: bool = False


class Documents:
    """All documents of one store."""

    def __init__(self, client: Asking, prefix: str = PREFIX) -> None:
        self._client = client
        self._prefix = prefix

    def name(self, kind: Kind) -> str:
        """Return the name of an index."""
        return f"{self._prefix}{kind.value}"

    def get(self, kind: Kind, ref: str) -> Kept | None:
        """Return a document as it is now."""
        return self.get_many(kind, [ref]).get(ref)

    def get_many(
        self, kind: Kind, refs: Collection[str], *, with_source: bool = True
    ) -> dict[str, Kept]:
        """Return those of the documents that there are, by reference, as they are now."""
        found: dict[str, Kept] = {}
        waiting = list(dict.fromkeys(refs))
        to = f"POST /{self.name(kind)}/_mget?_source={'true' if with_source else 'false'}"
        for start in range(0, len(waiting), _AT_ONCE):
            part = waiting[start : start + _AT_ONCE]
            doing = f"reading the {kind.value} of the state store"
            for entry in self._client.send(doing, to, {"ids": part})["docs"]:
                if "error" in entry:
                    raise error_in_body(entry, 500, Call(self._client.server, doing))
                if entry["found"]:
                    found[entry["_id"]] = _kept(entry)
        return found

    def write(self, kind: Kind, writes: Iterable[Write]) -> list[bool]:
        """Write each, and say which were; False is one that another runner made or changed.

        Raises:
            ServerError: one could not be written; others may have been.
        """
        done: list[bool] = []
        lines: list[Mapping[str, Any]] = []
        size = entries = 0
        for write in writes:
            lines += _lines(write)
            size += 0 if write.source is None else _size(write.source)
            entries += 1
            if entries >= _AT_ONCE or size >= _BYTES_AT_ONCE:
                done += self._bulk(kind, lines)
                lines, size, entries = [], 0, 0
        if lines:
            done += self._bulk(kind, lines)
        return done

    def change(
        self,
        kind: Kind,
        refs: Collection[str],
        change: Callable[[str, Source | None], Source | None],
    ) -> dict[str, Source]:
        """Make of each document what `change` says of it as it is now, and return all of them.

        `change` gets None where there is none, and gives None to leave it.

        Raises:
            BusyError: others changed it all the time.
        """
        waiting = list(dict.fromkeys(refs))
        result: dict[str, Source] = {}
        for _ in range(_MOST_TRIES):
            if not waiting:
                return result
            found = self.get_many(kind, waiting)
            writes = []
            for ref in waiting:
                before = found.get(ref)
                source = change(ref, None if before is None else before.source)
                if source is not None:
                    writes.append(Write(ref, source, before))
                elif before is not None:
                    result[ref] = before.source
            done = self.write(kind, writes)
            waiting = []
            for write, is_done in zip(writes, done, strict=True):
                if not is_done:
                    waiting.append(write.ref)
                elif write.source is not None:
                    result[write.ref] = write.source
        raise BusyError(
            f"changing the {kind.value} of the state store: others change them all the time",
            "it is tried again",
        )

    def search(self, kind: Kind, body: Mapping[str, Any]) -> SearchAnswer:
        """Return the answer to a search, which sees all that anybody wrote before."""
        self.refresh(kind)
        return self._search(kind, body)

    def pages(
        self, kind: Kind, body: Mapping[str, Any], size: int = _AT_ONCE
    ) -> Iterator[tuple[Hit, ...]]:
        """Yield all hits of such a search by pages.

        `body` sorts them, each in a place of its own.
        """
        self.refresh(kind)
        request = {"track_total_hits": False, **body, "size": size}
        while True:
            hits = self._search(kind, request).hits
            if hits:
                yield hits
            if len(hits) < size:
                return
            request["search_after"] = hits[-1]["sort"]

    def refresh(self, kind: Kind) -> None:
        """Make all that was written visible to searches."""
        doing = f"refreshing the {kind.value} of the state store"
        answer = self._client.send(doing, f"POST /{self.name(kind)}/_refresh")
        if answer.get("_shards", {}).get("failed"):
            raise IncompleteError(f"{doing}: a shard failed", "look at the cluster's health")

    def settled(self, kind: Kind) -> int:
        """Return a number (`_seq_no`) up to which all writes are done, or -1.

        What is written later has a higher one.
        """
        facts = shard_facts(self._client, [self.name(kind)])  # type: ignore[arg-type]
        shards = next(iter(facts.values()), {})
        if 0 not in shards:
            raise IncompleteError(
                f"the {kind.value} of the state store have no shard that runs",
                "look at the cluster's health",
            )
        return shards[0].checkpoint

    def size(self, kind: Kind) -> int:
        """Return how many bytes all documents take, as well as that is known.

        What was deleted takes room until Elasticsearch tidies up, and does not count here.
        """
        doing = f"asking how large the {kind.value} of the state store are"
        to = f"GET /{self.name(kind)}/_stats/store,docs?filter_path=_all.primaries"
        found = self._client.send(doing, to)["_all"]["primaries"]
        count, deleted = found["docs"]["count"], found["docs"]["deleted"]
        return int(found["store"]["size_in_bytes"] * count / (count + deleted or 1))

    def _search(self, kind: Kind, body: Mapping[str, Any]) -> SearchAnswer:
        return self._client.search(SearchRequest(Indices((self.name(kind),)), body))

    def _bulk(self, kind: Kind, lines: list[Mapping[str, Any]]) -> list[bool]:
        doing = f"writing the {kind.value} of the state store"
        answer = self._client.send(doing, f"POST /{self.name(kind)}/_bulk", lines)
        done = []
        for item in answer["items"]:
            (result,) = item.values()
            status = result["status"]
            if "error" in result and status != _CONFLICT:
                raise error_in_body(result, status, Call(self._client.server, doing))
            done.append(status != _CONFLICT)
        return done


def kept_of(hit: Hit) -> Kept:
    """Return the document of a hit that was searched with `seq_no_primary_term`."""
    return _kept(hit)


def _kept(entry: Mapping[str, Any]) -> Kept:
    return Kept(entry["_id"], entry.get("_source", {}), entry["_seq_no"], entry["_primary_term"])


def _lines(write: Write) -> list[Mapping[str, Any]]:
    at: dict[str, Any] = {"_id": write.ref}
    if write.before is not None:
        at |= {"if_seq_no": write.before.seq_no, "if_primary_term": write.before.term}
    if write.source is None:
        return [{"delete": at}]
    action = "index" if write.is_forced or write.before is not None else "create"
    return [{action: at}, write.source]


def _size(source: Source) -> int:
    return sum(len(value) if isinstance(value, str) else 16 for value in source.values())


def plain(text: str) -> str:
    """Make lone surrogates visible: Elasticsearch's text is UTF-8, which has none."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def packed(value: object) -> str:
    """Return JSON as a text that is only kept."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
