"""Events that come late, or out of their order: each is told once, whatever cursor finds it."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

import pytest

from sigma2hive.runner.reading.catalogue import Cursor
from sigma2hive.runner.state import DEFAULT_STATE
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.bench.cluster import Cluster
from tests.chaos.conftest import Sites
from tests.chaos.hours import Hours
from tests.chaos.world import check_ends_right, check_same
from tests.service.site import Site, failed_logon, other, service_installed

MINUTE, HOUR, DAY = 60, 3_600, 24 * 3_600
#: Cursor -> who reads by it, and whether events say when they were taken.
CURSORS = {
    Cursor.SEQ_NO: ("monitor", True),
    Cursor.INGESTED: ("reader", True),
    Cursor.TIMESTAMP: ("reader", False),
}
#: How late events come that happened in the same moment: an hour, a day, and nearly as late as the
#: last sweep by @timestamp still finds them.
DELAYS = (0, 10, 90, HOUR, DAY, 25 * HOUR - 10 * MINUTE)
#: Seconds ago, in the order in which events of the same minutes come.
OUT_OF_ORDER = (5, 90, 0, 200, 20, 1)


@pytest.mark.parametrize("cursor", CURSORS, ids=lambda cursor: cursor.value)
def test_each_is_told_once(sites: Sites, elasticsearch: Cluster, cursor: Cursor) -> None:
    reader, has_ingested = CURSORS[cursor]
    site = sites.make(getattr(elasticsearch.users, reader))
    service = {**site.settings["service"], "first_start_seconds": 3 * DAY}
    site.write_settings(service={**service, "silence_seconds": 30 * DAY})
    # Of an index without any event it is not known yet what its events have.
    site.add(_taken([other(1_000)], has_ingested=has_ingested))
    hours = Hours(site)

    def come(number: int, address: str, when: float) -> None:
        """Let two events come in now."""
        documents = [service_installed(number), failed_logon(100 + number, address)]
        site.add(_taken(hours.dated(documents, when), has_ingested=has_ingested))

    began = hours.now
    for number, delay in enumerate(DELAYS):
        while (left := began + delay - hours.now) > 0:
            hours.go_on(min(30 * MINUTE, int(left) + 1))
        come(number, "10.0.0.1", began)
        hours.go_on(2)
    for number, before in enumerate(OUT_OF_ORDER, len(DELAYS)):
        come(number, "10.0.0.2", hours.now - before)
        hours.go_on(1)
    # All sweeps pass, and the last of them is of more than an hour.
    for _ in range(54):
        hours.go_on(30 * MINUTE)
    installed = [
        f"Service {number} installed on host-{number}"
        for number in range(len(DELAYS) + len(OUT_OF_ORDER))
    ]
    titles = sorted([*installed, "Failed logons from 10.0.0.1", "Failed logons from 10.0.0.2"])
    check_ends_right(site, hours.process, titles)
    assert _cursors(site) == {cursor}
    undisturbed = sites.undisturbed(site, titles)
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def _taken(
    documents: Iterable[Mapping[str, Any]], *, has_ingested: bool
) -> Iterable[Mapping[str, Any]]:
    if has_ingested:
        return documents
    return [{**document, "event": {"code": document["event"]["code"]}} for document in documents]


def _cursors(site: Site) -> set[Cursor]:
    """Return by which cursors the site's index was read."""
    with closing(SqliteStore(site.folder / DEFAULT_STATE)) as store:
        read = {unit.partition(":")[0] for unit in store.positions()}
    return {cursor for cursor in Cursor if cursor.value in read}
