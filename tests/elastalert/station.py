"""A real ElastAlert 2 between a real Elasticsearch and the double of TheHive.

Takes rule files as `compile` wrote them; gives what TheHive got. The only thing changed in a file
is its index: tests have indices of their own.
"""

import contextlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from click.testing import CliRunner

from sigma2hive.cli import main
from tests.bench.accounts import INDEX_PREFIX
from tests.bench.cluster import Cluster, Refused
from tests.bench.elastalert_program import Elastalert, Ran
from tests.doubles.running import TheHive

#: The suffixes of ElastAlert's own indices.
_STATE = ("", "_status", "_silence", "_error", "_past")


@dataclass(frozen=True, slots=True)
class Station:
    """ElastAlert with its configuration."""

    elastalert: Elastalert
    cluster: Cluster
    thehive: TheHive
    config: dict[str, Any]
    folder: Path

    def run(self, start: str, end: str) -> Ran:
        """Run each rule once over the events after `start`, up to `end`."""
        return self.elastalert.run(self.config, self.environment(), start, end)

    def load(self) -> Ran:
        """Only load the rules."""
        return self.elastalert.run(self.config, self.environment())

    def environment(self) -> dict[str, str]:
        """What ElastAlert is told: where TheHive is, and the key."""
        host, _, port = self.thehive.url.rpartition(":")
        return {
            "SIGMA2HIVE_THEHIVE_URL": self.thehive.url,
            "SIGMA2HIVE_THEHIVE_API_KEY": self.thehive.key,
            "THEHIVE_HOST": host,
            "THEHIVE_PORT": port,
            # The test bench's Elasticsearch does not say what it is.
            "ES_VERSION": "9.3.2",
        }

    def pairs(self) -> set[tuple[str, str]]:
        """(rule id, document id) of each alert that TheHive has."""
        references = [alert["sourceRef"].split(":") for alert in self.thehive.alerts()]
        return {(rule, document) for rule, _, document in references}

    def state(self, of: str = "") -> list[dict[str, Any]]:
        """What ElastAlert keeps of alerts."""
        index = self.config["writeback_index"] + of
        self.cluster.request("POST", f"{index}/_refresh")
        hits = self.cluster.request("POST", f"{index}/_search", {"size": 1000})["hits"]["hits"]
        return [hit["_source"] for hit in hits]


@contextlib.contextmanager
def opened(
    elastalert: Elastalert, cluster: Cluster, thehive: TheHive, folder: Path
) -> Iterator[Station]:
    """Give a station whose rules are in `folder`/compiled, and remove its state afterwards."""
    address = urlsplit(cluster.url)
    admin = cluster.users.admin
    state = f"{INDEX_PREFIX}elastalert-{uuid.uuid4().hex[:12]}"
    config = {
        "rules_folder": str(folder / "compiled"),
        "run_every": {"minutes": 1},
        "buffer_time": {"minutes": 15},
        "es_host": address.hostname,
        "es_port": address.port,
        "es_username": admin.name,
        "es_password": admin.password,
        "use_ssl": address.scheme == "https",
        "writeback_index": state,
        "alert_time_limit": {"days": 2},
    }
    if cluster.ca_file:
        config["ca_certs"] = cluster.ca_file
    station = Station(elastalert, cluster, thehive, config, folder)
    elastalert.make_indices(config, station.environment())
    try:
        yield station
    finally:
        for suffix in _STATE:
            with contextlib.suppress(Refused):
                cluster.request("DELETE", state + suffix)


def compiled(folder: Path, *arguments: str, index: str = "") -> Path:
    """Return the folder `compiled` that `compile --target elastalert` filled in a repository."""
    output = folder / "compiled"
    line = ["compile", "--target", "elastalert", "--output", str(output), *arguments]
    result = CliRunner().invoke(main, line, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    for file in output.glob("*.yml") if index else ():
        text = re.sub(r"^index: .*$", f'index: "{index}"', file.read_text("ascii"), flags=re.M)
        file.write_text(text, "ascii")
    return output
