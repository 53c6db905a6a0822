"""The state store in Elasticsearch: for several runners."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from uuid import uuid4

from sigma2hive.clients.errors import ServerError
from sigma2hive.runner.store.elastic.claims import Claims
from sigma2hive.runner.store.elastic.documents import Documents
from sigma2hive.runner.store.elastic.episodes import ElasticCounting
from sigma2hive.runner.store.elastic.indices import PREFIX, Asking, check, prepare
from sigma2hive.runner.store.elastic.keeping import ElasticKeeping
from sigma2hive.runner.store.elastic.leases import ElasticLeases
from sigma2hive.runner.store.elastic.matches import ElasticMatches
from sigma2hive.runner.store.elastic.mutes import ElasticMutes
from sigma2hive.runner.store.elastic.outbox import ElasticOutbox
from sigma2hive.runner.store.elastic.progress import ElasticProgress

#: How long a claim on a delivery holds that is not renewed, in leases.
_CLAIM = 2


class ElasticStore(
    ElasticProgress,
    ElasticMatches,
    ElasticCounting,
    ElasticOutbox,
    ElasticMutes,
    ElasticKeeping,
):
    """What `interface.StateStore` says, for one of several runners.

    `lease_seconds` is how long a unit stays with a runner that says nothing more; an alert that it
    was sending for twice as long. `ticks` is a clock in nanoseconds that is never set. The client
    stays open when the store is closed.
    """

    def __init__(
        self,
        client: Asking,
        *,
        prefix: str = PREFIX,
        lease_seconds: float = 30,
        ticks: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Make the indices that are absent.

        Raises:
            StorageError: a newer sigma2hive made them, or they are none of ours.
            ServerError: they cannot be read or made.
        """
        prepare(client, prefix)
        self._client, self._prefix = client, prefix
        owner = uuid4().hex
        documents = Documents(client, prefix)
        self._leases = ElasticLeases(documents, owner, lease_seconds, ticks)
        claims = Claims(documents, owner, lease_seconds * _CLAIM, ticks)
        ElasticOutbox.__init__(self, documents, claims)

    def acquire(self, unit: str) -> bool:
        """Return whether the unit is ours for now: free, ours before, or left by its runner."""
        return self._leases.acquire(unit)

    def release(self, units: Collection[str]) -> None:
        """Give units back, so that others need not wait."""
        self._leases.release(units)

    def let_go(self) -> None:
        """Give back what we read."""
        self._leases.let_go()

    def check(self) -> None:
        """Look whether the indices are there still, and are ours.

        Raises:
            StorageError: one is gone, or was made anew by somebody else.
            ServerError: they cannot be looked at.
        """
        check(self._client, self._prefix)

    def close(self) -> None:
        """Give back what is ours, so that others need not wait for it to run out."""
        for let_go in (self._leases.let_go, self._claims.let_go):
            with suppress(ServerError):
                let_go()
