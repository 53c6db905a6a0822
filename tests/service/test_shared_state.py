"""Two services with their state in Elasticsearch: one goes on where the other was."""

from collections.abc import Iterator

import pytest

from sigma2hive.runner.store.elastic.indices import PREFIX, Kind
from tests.service.site import PATIENCE, Process, Site, service_installed


@pytest.fixture
def shared(site: Site) -> Iterator[Site]:
    site.user = site.cluster.users.admin
    site.write_settings(state_store="elasticsearch")
    yield site
    for process in site.processes:
        if process.process.poll() is None:
            process.kill()
    names = ",".join(f"{PREFIX}{kind.value}" for kind in Kind)
    site.cluster.request("DELETE", f"/{names}?ignore_unavailable=true")


def _two(shared: Site, lease_seconds: int) -> tuple[Process, Process]:
    """Start two services, of which the first reads."""
    shared.add([service_installed(1)])
    service = {"cadence_seconds": 1, "lease_seconds": lease_seconds}
    shared.write_settings(service=service)
    first = shared.start()
    shared.wait_for_titles("Service 1 installed on host-1")
    shared.write_settings(state="other")
    second = shared.start()
    second.wait_for("3 rules")
    return first, second


def test_another_service_goes_on_when_one_is_killed(shared: Site) -> None:
    first, second = _two(shared, 5)
    first.kill()
    shared.add([service_installed(2)])
    shared.wait_for_titles("Service 1 installed on host-1", "Service 2 installed on host-2")
    found = shared.command("matches", "--json")
    assert found.stdout.count('"rule_id"') == 2
    assert second.end() == 0


def test_another_goes_on_without_waiting_when_one_is_told_to_end(shared: Site) -> None:
    # No lease and no claim runs out before this test would have given up.
    first, second = _two(shared, 2 * PATIENCE)
    assert first.end() == 0
    shared.add([service_installed(2)])
    shared.wait_for_titles("Service 1 installed on host-1", "Service 2 installed on host-2")
    assert second.end() == 0


def test_a_state_index_that_was_made_anew_ends_the_service(shared: Site) -> None:
    first, second = _two(shared, 5)
    shared.cluster.request("DELETE", f"/{PREFIX}{Kind.MATCHES.value}")
    for process in (first, second):
        process.wait_for(f"{PREFIX}{Kind.MATCHES.value}", "docs/state.md")
        assert process.process.wait(PATIENCE) == 3
