"""The fixture that gives tests a TheHive.

`thehive` is the double, fresh for each test, or the real one that SIGMA2HIVE_TEST_THEHIVE_URL and
SIGMA2HIVE_TEST_THEHIVE_KEY name: an API key of a user that may manageAlert/create and /update,
manageObservable and manageProcedure. Tests that need a failure on command skip on a real one, and
alerts that the others make there stay: give it an organisation for tests.
"""

import os
from collections.abc import Iterator

import pytest

from tests.doubles.running import TheHive, running_thehive
from tests.doubles.thehive.description import FILE

#: Read on import: what tests see is an environment without them.
_GIVEN = {name: os.environ.get(f"SIGMA2HIVE_TEST_THEHIVE_{name}") for name in ("URL", "KEY")}


@pytest.fixture(scope="session")
def _thehive_server() -> Iterator[TheHive]:
    if _GIVEN["URL"]:
        key = _GIVEN["KEY"]
        assert key, "SIGMA2HIVE_TEST_THEHIVE_URL is set, but SIGMA2HIVE_TEST_THEHIVE_KEY is not"
        yield TheHive(_GIVEN["URL"].rstrip("/"), key, is_real=True)
        return
    with running_thehive() as running:
        yield running.thehive


@pytest.fixture
def thehive(_thehive_server: TheHive) -> Iterator[TheHive]:
    """A TheHive; a test during which the double itself went wrong fails."""
    if not _thehive_server.is_real:
        _thehive_server.control("POST", "reset")
    yield _thehive_server
    if not _thehive_server.is_real:
        _thehive_server.control("DELETE", "failures")
    assert _thehive_server.bugs() == []


@pytest.fixture
def thehive_description() -> None:
    """Skip the test where TheHive's API description is absent: the double checks little then."""
    if not FILE.is_file():
        pytest.skip(f"TheHive's API description is absent: no file {FILE}")
