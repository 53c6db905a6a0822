"""Leases in Elasticsearch: one document a unit, changed by compare-and-set.

A runner believes in its own lease for as long as it lasts from before it asked for it, and in that
of another until it has seen it unchanged for as long: no two machines' clocks are compared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from sigma2hive.model.canonical import digest
from sigma2hive.runner.store.elastic.documents import Documents, Kept, Write
from sigma2hive.runner.store.elastic.indices import Kind
from sigma2hive.runner.store.leases import Sightings


class ElasticLeases:
    """What `leases.Leases` says, for the runner `owner`.

    `ticks` is a clock of this machine in nanoseconds that is never set.
    """

    def __init__(
        self, documents: Documents, owner: str, lease_seconds: float, ticks: Callable[[], int]
    ) -> None:
        self._documents = documents
        self._owner = owner
        self._ticks = ticks
        self._lease_ns = int(lease_seconds * 1_000_000_000)
        self._others = Sightings(ticks, self._lease_ns)
        self._lock = threading.RLock()
        #: Unit → when we asked for what we hold.
        self._held: dict[str, int] = {}

    def acquire(self, unit: str) -> bool:
        """Return whether the unit is ours for now: free, ours before, or left by its runner."""
        with self._lock:
            self._renew()
            if unit in self._held:
                return True
            now = self._ticks()
            ref = digest(unit)
            found = self._documents.get(Kind.LEASES, ref)
            if found is not None and not self._is_free(found):
                return False
            if self._take([(unit, found)]):
                self._held[unit] = now
            return unit in self._held

    def release(self, units: Collection[str]) -> None:
        """Give units back, so that others need not wait."""
        with self._lock:
            ours = {digest(unit): unit for unit in units if self._held.pop(unit, None) is not None}
            found = self._documents.get_many(Kind.LEASES, ours)
            self._documents.write(
                Kind.LEASES,
                [
                    Write(kept.ref, {**kept.source, "owner": ""}, kept)
                    for kept in found.values()
                    if kept.source["owner"] == self._owner
                ],
            )

    def let_go(self) -> None:
        """Give back everything that is ours: this runner reads no more."""
        self.release(list(self._held))

    def _is_free(self, found: Kept) -> bool:
        if found.source["owner"] in ("", self._owner):
            return True
        return self._others.is_over(found.ref, (found.seq_no, found.term))

    def _renew(self) -> None:
        """Renew what is ours and has not been for a third of its time; forget what is not."""
        now = self._ticks()
        due = {
            digest(unit): unit
            for unit, since in self._held.items()
            if now - since >= self._lease_ns // 3
        }
        if not due:
            return
        # Until it is known to be renewed, it is not ours.
        for unit in due.values():
            del self._held[unit]
        found = self._documents.get_many(Kind.LEASES, due)
        ours = [
            (due[ref], kept) for ref, kept in found.items() if kept.source["owner"] == self._owner
        ]
        for unit in self._take(ours):
            self._held[unit] = now

    def _take(self, wanted: Collection[tuple[str, Kept | None]]) -> list[str]:
        """Write that units are ours, and return those of which nobody else did so first."""
        writes = [
            Write(
                digest(unit),
                {
                    "unit": unit,
                    "owner": self._owner,
                    "beat": 1 if before is None else before.source["beat"] + 1,
                },
                before,
            )
            for unit, before in wanted
        ]
        done = self._documents.write(Kind.LEASES, writes)
        return [unit for (unit, _), is_done in zip(wanted, done, strict=True) if is_done]
