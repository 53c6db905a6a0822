"""The fixture that gives tests a real ElastAlert 2, and a place for its state."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.cluster import Cluster
from tests.bench.elastalert_program import Elastalert, installed_elastalert
from tests.bench.missing import MissingPart, skip_or_fail
from tests.doubles.running import TheHive
from tests.elastalert.station import Station, opened

#: Read on import: what tests see is another HOME.
_HOME = Path.home()
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or _HOME / ".cache") / "sigma2hive-tests"


@pytest.fixture(scope="session")
def elastalert() -> Elastalert:
    """ElastAlert 2 of one version; a machine that cannot have it skips, CI fails."""
    try:
        return installed_elastalert(_CACHE, _HOME)
    except MissingPart as missing:
        skip_or_fail(missing, in_ci=bool(os.environ.get("CI")))


@pytest.fixture
def station(
    elastalert: Elastalert, elasticsearch: Cluster, thehive: TheHive, tmp_path: Path
) -> Iterator[Station]:
    """ElastAlert with Elasticsearch on one side and TheHive on the other."""
    with opened(elastalert, elasticsearch, thehive, tmp_path) as station:
        yield station
