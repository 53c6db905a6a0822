"""A site that is disturbed: everything that the service asks goes through proxies."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.bench.accounts import User
from tests.bench.cluster import Cluster, Indices
from tests.chaos.proxy import Proxy
from tests.chaos.world import NO_CAPS, check_ends_right, started
from tests.doubles.running import TheHive, running_thehive
from tests.service.site import Site


@dataclass
class Sites:
    """Makes sites, each in a folder of its own and with a TheHive of its own."""

    folder: Path
    cluster: Cluster
    indices: Indices
    stack: ExitStack
    made: list[Site] = field(default_factory=list)

    def make(self, user: User, proxy: Proxy | None = None) -> Site:
        """Return a site with an index of its own; `user` is who reads there, perhaps by a proxy."""
        site = Site(self._new_folder(), self.cluster, self.indices, self._thehive(), user)
        site.settings |= {
            "service": {"cadence_seconds": 1, "watermark_seconds": 1, "slice_documents": 1000},
            "floods": NO_CAPS,
        }
        if proxy is not None:
            site.settings["elasticsearch"] = {
                "urls": [proxy.url],
                "username": user.name,
                "timeout_seconds": 3,
            }
        site.set_up()
        self.made.append(site)
        return site

    def undisturbed(self, disturbed: Site, titles: Sequence[str]) -> Site:
        """Return a site that has read the same index from its beginning, with nothing amiss."""
        folder = self._new_folder()
        shutil.copytree(
            disturbed.folder,
            folder,
            ignore=shutil.ignore_patterns(".sigma2hive"),
            dirs_exist_ok=True,
        )
        site = replace(disturbed, folder=folder, thehive=self._thehive(), processes=[])
        self.made.append(site)
        site.settings = {
            **disturbed.settings,
            "elasticsearch": {"urls": [self.cluster.url], "username": disturbed.user.name},
        }
        site.write_settings()
        check_ends_right(site, started(site), titles)
        return site

    def _new_folder(self) -> Path:
        folder = self.folder / f"site-{len(self.made)}"
        folder.mkdir()
        return folder

    def _thehive(self) -> TheHive:
        return self.stack.enter_context(running_thehive()).thehive


@pytest.fixture
def sites(tmp_path: Path, elasticsearch: Cluster, indices: Indices) -> Iterator[Sites]:
    """What makes sites; their processes end with the test."""
    with ExitStack() as stack:
        sites = Sites(tmp_path, elasticsearch, indices, stack)
        yield sites
        for site in sites.made:
            for process in site.processes:
                process.kill()


@pytest.fixture
def proxy(elasticsearch: Cluster) -> Iterator[Proxy]:
    """A proxy before Elasticsearch."""
    made = Proxy(elasticsearch.url)
    yield made
    made.close()
