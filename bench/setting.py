"""What every measurement needs: the reference data, a profile's rules, and an Elasticsearch."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sigma2hive.clients.elasticsearch import ElasticsearchClient, open_client
from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import Compiled, DetectionRepository
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.settings import ElasticsearchSettings
from tests.bench.accounts import new_users
from tests.bench.cluster import Cluster
from tests.bench.elasticsearch_server import FULL_SPEED, running_elasticsearch
from tests.bench.missing import MissingPart
from tests.compiler.index_mapping import mapping_of

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigma2hive-tests"


def shared_folder() -> Path:
    """Return the folder with the reference data, or end the program with the reason."""
    folder = Path(os.environ.get("SIGMA2HIVE_TEST_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        sys.exit(f"skipped: no folder {folder} (set SIGMA2HIVE_TEST_SHARED; see CONTRIBUTING.md)")
    return folder


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Give a fresh Elasticsearch at full speed, or end the program with the reason."""
    users = new_users()
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(running_elasticsearch(CACHE, users, FULL_SPEED))
        except MissingPart as missing:
            sys.exit(f"skipped: {missing}")
        # A busy machine is slow, and what is slow is what is measured.
        yield Cluster(url, users, timeout_seconds=3_600)


def client_of(cluster: Cluster) -> ElasticsearchClient:
    """Return our own client, as the user that may only read."""
    reader = cluster.users.reader
    settings = ElasticsearchSettings(urls=(cluster.url,), username=reader.name)
    return open_client(settings, {"SIGMA2HIVE_ELASTICSEARCH_PASSWORD": reader.password})


def profile_named(name: str) -> Profile:
    """Return a shipped profile."""
    profile = load_profile(name, None, Diagnostics())
    if profile is None:
        raise ValueError(f"no profile {name}")
    return profile


def windows_mapping(profile: Profile) -> dict[str, object]:
    """Return the mapping of an index as the profile's shipper makes it for Windows events."""
    place = profile.place(Logsource("windows"))
    if place is None:
        raise ValueError(f"{profile.name} has no place for Windows events")
    return mapping_of(place.types)


def windows_rules(
    paths: Sequence[Path], root: Path, profile: Profile
) -> tuple[DetectionRepository, Compiled]:
    """Return the rules of files and folders, as read, and as compiled those for Windows."""
    repository = load_repository(paths, root, {}, Diagnostics())
    made = compile_all(repository, profile, Diagnostics())
    rules = tuple(rule for rule in made.rules if rule.logsource.product == "windows")
    return repository, Compiled(rules)
