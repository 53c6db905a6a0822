"""Claims on deliveries: an alert is being sent to a sink by one runner at a time.

Takes deliveries that were searched; gives those that are ours for a while. A claim that is not
renewed runs out, and its delivery is taken over: sending an alert twice changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from sigma2hive.clients.elasticsearch import Hit
from sigma2hive.runner.store.elastic.documents import Documents, Source, Write, kept_of
from sigma2hive.runner.store.elastic.indices import Kind
from sigma2hive.runner.store.leases import Sightings


class Claims:
    """The claims of the runner `owner`, which hold for `claim_seconds`.

    `ticks` is a clock of this machine in nanoseconds that is never set.
    """

    def __init__(
        self, documents: Documents, owner: str, claim_seconds: float, ticks: Callable[[], int]
    ) -> None:
        self._documents = documents
        self._owner = owner
        self._ticks = ticks
        self._claim_ns = int(claim_seconds * 1_000_000_000)
        self._others = Sightings(ticks, self._claim_ns)
        self._lock = threading.Lock()
        #: When we claimed what, by reference.
        self._claimed: dict[str, int] = {}

    def is_free(self, hit: Hit) -> bool:
        """Whether nobody else sends it; the claim of one that is gone has run out."""
        if hit["_source"]["owner"] in ("", self._owner):
            return True
        return self._others.is_over(hit["_id"], (hit["_seq_no"], hit["_primary_term"]))

    def claim(self, hits: Sequence[Hit]) -> list[Source]:
        """Claim deliveries, or claim them anew, and return those that are ours now."""
        now = self._ticks()
        with self._lock:
            held = {hit["_id"] for hit in hits if self._is_held(hit, now)}
        writes = [
            Write(hit["_id"], self._ours(hit["_source"]), kept_of(hit))
            for hit in hits
            if hit["_id"] not in held
        ]
        done = self._documents.write(Kind.DELIVERIES, writes)
        taken = {write.ref for write, is_done in zip(writes, done, strict=True) if is_done}
        with self._lock:
            self._claimed.update((ref, now) for ref in taken)
        return [hit["_source"] for hit in hits if hit["_id"] in held or hit["_id"] in taken]

    def drop(self, ref: str) -> None:
        """Take note that a delivery is done with."""
        with self._lock:
            self._claimed.pop(ref, None)

    def let_go(self) -> None:
        """Give back what we have claimed and not sent."""
        with self._lock:
            refs = list(self._claimed)
            self._claimed.clear()

        def free(_: str, before: Source | None) -> Source | None:
            if before is None or before["owner"] != self._owner:
                return None
            return {**before, "owner": ""}

        self._documents.change(Kind.DELIVERIES, refs, free)

    def _is_held(self, hit: Hit, now: int) -> bool:
        since = self._claimed.get(hit["_id"])
        is_ours = hit["_source"]["owner"] == self._owner
        return is_ours and since is not None and now - since < self._claim_ns // 3

    def _ours(self, source: Source) -> Source:
        return {**source, "owner": self._owner, "claim": source["claim"] + 1}
