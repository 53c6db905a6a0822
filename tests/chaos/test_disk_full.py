"""A disk that is full under the state store ends the service with a reason, and loses nothing."""

import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.cluster import Cluster
from tests.chaos.conftest import Sites
from tests.chaos.world import check_ends_right, check_same, load, started, titles_of
from tests.service.site import PATIENCE, Site

EVENTS = 2_000


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no prlimit on this system")
@pytest.mark.parametrize("room", [0, 20_000, 200_000])
def test_a_full_disk_ends_the_service_and_room_lets_it_go_on(
    sites: Sites, elasticsearch: Cluster, room: int
) -> None:
    site = sites.make(elasticsearch.users.monitor)
    site.add(load(EVENTS // 2))
    process = started(site)
    site.wait_for_titles(*titles_of(EVENTS // 2))
    # No file of this process may grow beyond what is there: what a full disk is to a database.
    largest = max(file.stat().st_size for file in _state(site))
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (largest + room, -1))
    site.add(load(EVENTS // 2, EVENTS // 2))
    assert process.process.wait(PATIENCE) == 3, "\n".join(process.lines)
    process.wait_for("state.db")
    check_ends_right(site, started(site), titles_of(EVENTS))
    undisturbed = sites.undisturbed(site, titles_of(EVENTS))
    check_same(site.thehive.alerts(), undisturbed.thehive.alerts())


def test_a_disk_that_is_really_full_does_so_too(
    sites: Sites, elasticsearch: Cluster, small_disk: Path
) -> None:
    site = sites.make(elasticsearch.users.monitor)
    site.write_settings(state=str(small_disk))
    filler = small_disk / "filler"
    site.add(load(EVENTS // 2))
    process = started(site)
    site.wait_for_titles(*titles_of(EVENTS // 2))
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    site.add(load(EVENTS // 2, EVENTS // 2))
    assert process.process.wait(PATIENCE) == 3, "\n".join(process.lines)
    process.wait_for("state.db")
    filler.unlink()
    check_ends_right(site, started(site), titles_of(EVENTS))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 MB; where none may be mounted, the test is skipped."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "none", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("a small disk cannot be mounted here; it needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _state(site: Site) -> list[Path]:
    return list((site.folder / ".sigma2hive").glob("state.db*"))
