"""Two services with their state in Elasticsearch: one goes on where the other was killed."""

from sigma2hive.runner.store.elastic.indices import PREFIX, Kind
from tests.service.site import Site, service_installed


def test_another_service_goes_on_when_one_is_killed(site: Site) -> None:
    site.user = site.cluster.users.admin
    site.settings["service"] = {"cadence_seconds": 1, "lease_seconds": 5}
    site.write_settings(state_store="elasticsearch")
    try:
        site.add([service_installed(1)])
        first = site.start()
        site.wait_for_titles("Service 1 installed on host-1")
        site.write_settings(state="other")
        second = site.start()
        second.wait_for("3 rules")
        first.kill()
        site.add([service_installed(2)])
        site.wait_for_titles("Service 1 installed on host-1", "Service 2 installed on host-2")
        found = site.command("matches", "--json")
        assert found.stdout.count('"rule_id"') == 2
        assert second.end() == 0
    finally:
        names = ",".join(f"{PREFIX}{kind.value}" for kind in Kind)
        site.cluster.request("DELETE", f"/{names}?ignore_unavailable=true")
