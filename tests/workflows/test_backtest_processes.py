"""A back-test by several processes: both versions of the rules, the same counts as by one."""

import os
from pathlib import Path

import pytest

from sigma2hive.runner.cores import Sharing
from sigma2hive.workflows.backtest import BacktestRequest, FilePast, Found, run_backtest
from sigma2hive.workflows.project import ProjectOptions, load_project
from tests.cli.backtest_world import BACKUP_FILTER, logon, shell, write_events, write_world
from tests.repository.test_versions import Checkout

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def test_counts_episodes_and_differences_are_those_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    checkout = Checkout(tmp_path / "checkout")
    write_world(checkout.root)
    checkout.git("add", "sigma_rules")
    checkout.git("commit", "-qm", "Rules")
    (checkout.root / "sigma_rules" / "filter.yml").write_text(BACKUP_FILTER)
    # Equal ones among them, far from each other.
    events = [
        entry
        for minute in range(60)
        for entry in (
            shell(f"2026-11-20T02:{minute:02}:00Z", "svc-backup" if minute % 3 else "anna"),
            shell("2026-11-20T02:00:00Z", "ben"),
            logon(f"2026-11-20T02:{minute:02}:30Z", f"192.0.2.{minute // 9}"),
        )
    ]
    write_events(checkout.root / "many.ndjson", events)
    options = ProjectOptions(checkout.root)
    project = load_project(options)
    request = BacktestRequest(options, by=("User",), against="main")

    def by(processes: int) -> object:
        past = FilePast(
            [checkout.root / "many.ndjson"], project, Sharing(processes, 0, slice_bytes=3000)
        )
        found = Found()
        return run_backtest(project, past, request, found), list(found.findings)

    one = by(1)
    assert by(3) == one
    backtest = run_backtest(
        project, FilePast([checkout.root / "many.ndjson"], project), request, Found()
    )
    assert backtest.events == len(events)
    assert backtest.comparison is not None
    assert [change.fewer for change in backtest.comparison.changes] == [40]
