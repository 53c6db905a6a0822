"""What every test gets: a clean environment, the project's root and the reference data."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.bench.fixtures import elasticsearch, indices, pytest_collection_modifyitems
from tests.doubles.fixtures import _thehive_server, thehive, thehive_description

#: Names that pytest finds here.
__all__ = [
    "_thehive_server",
    "elasticsearch",
    "indices",
    "pytest_collection_modifyitems",
    "thehive",
    "thehive_description",
]

PROJECT_ROOT = Path(__file__).resolve().parent.parent

#: The reference data that is too large, or not ours, to be in the repository (ARCHITECTURE.md).
SHARED = Path(os.environ.get("SIGMA2HIVE_TEST_SHARED") or PROJECT_ROOT.parent / "shared")

# No deadline: a busy machine is no reason to fail. CI draws the same examples on every run.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the person running the tests has set out of the tests, and tests out of HOME."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SIGMA2HIVE_") or name in _UNWANTED:
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


#: They change what programs write: widths, colours, where they keep files.
_UNWANTED = frozenset(
    {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS"}
    | {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"}
)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return PROJECT_ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference data; a test that asks for it is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"../shared is absent: no folder {SHARED} (set SIGMA2HIVE_TEST_SHARED)")
    return SHARED


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite expected files; then read the diff"
    )


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected files are to be rewritten instead of compared."""
    return bool(request.config.getoption("--update-golden")) and not os.environ.get("CI")
