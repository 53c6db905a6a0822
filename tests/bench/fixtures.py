"""The fixtures that give tests a real Elasticsearch.

`elasticsearch` is one for the whole run: started by the run, or the one that
SIGMA2HIVE_TEST_ELASTICSEARCH_URL names, with _USER, _PASSWORD and _CA, where that user may do
everything. `indices` makes indices that are gone after the test. A machine without Java, or without
the download, skips these tests and says why; in CI that is a failure.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.accounts import ROLES, User, new_users
from tests.bench.cluster import Cluster, Indices, Refused
from tests.bench.elasticsearch_server import StartError, running_elasticsearch
from tests.bench.missing import MissingPart, skip_or_fail

_VARIABLE = "SIGMA2HIVE_TEST_ELASTICSEARCH"
#: Read on import: what tests see is an environment without them, and another HOME.
_GIVEN = {name: os.environ.get(f"{_VARIABLE}_{name}") for name in ("URL", "USER", "PASSWORD", "CA")}
DOWNLOADS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigma2hive-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the server, so that `-m "not elasticsearch"` leaves them out."""
    for item in items:
        if "elasticsearch" in getattr(item, "fixturenames", ()):
            item.add_marker("elasticsearch")


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[Cluster]:
    """A running Elasticsearch with users; see tests/bench/cluster.py for what it can do."""
    opened = _given(_GIVEN["URL"]) if _GIVEN["URL"] else _started()
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(opened)
        except MissingPart as missing:
            skip_or_fail(missing, in_ci=bool(os.environ.get("CI")))
        yield cluster


@pytest.fixture
def indices(elasticsearch: Cluster) -> Iterator[Indices]:
    """What makes indices for one test. For a module's own, use `elasticsearch.indices()`."""
    with elasticsearch.indices() as made:
        yield made


@contextlib.contextmanager
def _started() -> Iterator[Cluster]:
    users = new_users()
    with running_elasticsearch(DOWNLOADS, users) as url:
        yield Cluster(url, users)


@contextlib.contextmanager
def _given(url: str) -> Iterator[Cluster]:
    """Use a server that runs: its users are made through its security API, and removed again."""
    made = new_users(f"-{os.getpid()}")
    admin = User(_GIVEN["USER"] or "elastic", _GIVEN["PASSWORD"] or "", "superuser")
    users = replace(made, admin=admin)
    cluster = Cluster(url.rstrip("/"), users, _GIVEN["CA"])
    plain_users = made.plain
    try:
        try:
            _make_users(cluster, plain_users)
        except (OSError, Refused) as error:
            raise StartError(f"no users could be made at {_VARIABLE}_URL: {error}") from error
        yield cluster
    finally:
        for user in plain_users:
            with contextlib.suppress(OSError, Refused):
                cluster.request("DELETE", f"_security/user/{user.name}")


def _make_users(cluster: Cluster, users: Iterable[User]) -> None:
    for name, role in ROLES.items():
        cluster.request("PUT", f"_security/role/{name}", role)
    for user in users:
        body = {"password": user.password, "roles": [user.role]}
        cluster.request("PUT", f"_security/user/{user.name}", body)
