"""Links into Kibana's Discover, whose searches are put to a real Elasticsearch as Kibana would."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.discover_links import Opened, opened
from tests.bench.cluster import INDEX_PREFIX, Cluster, Indices
from tests.cli.test_run_elasticsearch import MAPPING, logon, run
from tests.cli.test_run_elasticsearch import site as site  # noqa: PLC0414 - a fixture

KIBANA = "kibana: {url: 'https://kibana.example', space: soc"


def alerts_of(site: Path, settings: str) -> dict[str, dict[str, Any]]:
    """Return the alerts of a run by their title, and of several with the newest event's."""
    file = site / "sigma2hive.yml"
    file.write_text(f"{file.read_text()}{settings}\n")
    assert run("--since", "24h", "--sink", "jsonl:alerts.jsonl").exit_code == 0
    lines = (site / "alerts.jsonl").read_text().splitlines()
    return {alert["title"]: alert for alert in map(json.loads, lines)}


def found_by(link: Opened, cluster: Cluster) -> set[tuple[str, str]]:
    """Return index and id of what the page shows; its view has all that tests made."""
    body = {"query": link.query, "size": 2_000}
    answer = cluster.request("POST", f"{link.patterns or INDEX_PREFIX + '*'}/_search", body)
    return {(hit["_index"], hit["_id"]) for hit in answer["hits"]["hits"]}


@pytest.mark.parametrize("settings", [KIBANA + "}", KIBANA + ", data_view: all-logs}"])
def test_a_link_opens_exactly_the_alerts_events(
    site: Path, elasticsearch: Cluster, indices: Indices, settings: str
) -> None:
    (index,) = indices.names
    # The same ids at the same time in an index beside it, which the view has too.
    indices.create(MAPPING, (logon(30 - number) for number in range(12)), name="beside")
    alerts = alerts_of(site, settings)
    assert {title: len(alert["events"]) for title, alert in alerts.items()} == {
        "Failed logons from 203.0.113.7": 6,
        "Shadow copies deleted": 1,
    }
    for alert in alerts.values():
        link = opened(alert["externalLink"])
        assert link.page.startswith("https://kibana.example/s/soc/app/")
        expected = {(index, event["key"][2]) for event in alert["events"]}
        assert found_by(link, elasticsearch) == expected


def test_more_events_than_a_link_names_are_opened_by_group_and_time(
    site: Path, elasticsearch: Cluster, indices: Indices
) -> None:
    (index,) = indices.names
    many = (logon(5, "203.0.113.77") for _ in range(400))
    indices.add(index, many, first=1_000)
    alerts = alerts_of(site, KIBANA + "}")
    alert = alerts["Failed logons from 203.0.113.77"]
    found = found_by(opened(alert["externalLink"]), elasticsearch)
    assert found == {(index, str(1_000 + number)) for number in range(400)}
    assert "too many for a link" in alert["description"]
