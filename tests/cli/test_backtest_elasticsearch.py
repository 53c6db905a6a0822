"""`backtest --since`: the history of a real Elasticsearch, slice by slice."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.clients.elasticsearch import open_client
from sigma2hive.runner.querying import Window
from sigma2hive.workflows.backtest import (
    JOURNAL,
    BacktestRequest,
    Found,
    HistoryPast,
    Resumption,
    run_backtest,
)
from sigma2hive.workflows.project import ProjectOptions, load_project
from tests.bench.cluster import Cluster, Indices
from tests.cli.backtest_world import BACKUP_FILTER, LOGONS, SHELL, alerts_of, backtest, report
from tests.cli.backtest_world import shell as shell_event
from tests.cli.test_run_elasticsearch import log_in
from tests.repository.test_versions import Checkout

KEYWORD = {"type": "keyword"}
MAPPING = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": KEYWORD}},
        "winlog": {"properties": {"channel": KEYWORD, "computer_name": KEYWORD}},
        "host": {"properties": {"name": KEYWORD}},
        "user": {"properties": {"name": KEYWORD, "domain": KEYWORD}},
        "source": {"properties": {"ip": {"type": "ip"}}},
        "process": {
            "properties": {
                "executable": KEYWORD,
                "command_line": KEYWORD,
                "parent": {"properties": {"executable": KEYWORD}},
            }
        },
    }
}
PROFILE = """\
profile: site
extends: [winlogbeat]
title: A site's own
logsources:
    - {{product: windows, category: process_creation, indices: [{index}]}}
    - {{product: windows, service: security, indices: [{index}]}}
"""
WINDOW = ("--since", "2026-11-20", "--until", "2026-11-23T00:00Z")
DAY_NS = 86_400 * 10**9
#: 2026-11-20T00:00:00Z
START_NS = 1_795_132_800 * 10**9


def logon(time: str, address: str) -> dict[str, Any]:
    return {
        "@timestamp": time,
        "event": {"code": "4625"},
        "winlog": {"channel": "Security"},
        "source": {"ip": address},
    }


def history() -> Iterator[dict[str, Any]]:
    """One guesser around midnight, where slices of a day meet, and some PowerShell a day."""
    for moment in ("20T23:58", "20T23:59", "21T00:01"):
        yield logon(f"2026-11-{moment}:00Z", "203.0.113.7")
    for day in (20, 21, 22):
        for hour in range(3):
            yield shell_event(f"2026-11-{day}T{hour:02}:00:00Z", "svc-agent", parent="C:\\a.exe")
        yield shell_event(f"2026-11-{day}T09:00:00Z", "svc-backup")
    yield shell_event("2026-11-19T23:59:59.999Z", "before")
    yield shell_event("2026-11-23T00:00:00Z", "after")


@pytest.fixture
def index(
    tmp_path: Path, elasticsearch: Cluster, indices: Indices, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An index with the history; the current folder has rules that search it."""
    made = indices.create(MAPPING, history())
    (tmp_path / "mappings" / "schemas").mkdir(parents=True)
    (tmp_path / "mappings" / "schemas" / "site.yml").write_text(PROFILE.format(index=made))
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "shell.yml").write_text(SHELL)
    (tmp_path / "sigma_rules" / "logons.yml").write_text(LOGONS)
    (tmp_path / "sigma_rules" / "filter.yml").write_text(BACKUP_FILTER)
    (tmp_path / "sigma2hive.yml").write_text(
        f"profile: site\nelasticsearch: {{urls: ['{elasticsearch.url}']}}\n"
    )
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, elasticsearch.users.reader)
    return made


def test_a_history_is_counted_whatever_the_slices(index: str) -> None:
    for slices in ("1d", "36h", "3d"):
        found = report(*WINDOW, "--slice", slices)
        # The guesser's three logons lie in two days, and are one alert.
        assert alerts_of(found) == {
            "Encoded PowerShell": 9,
            "Many failed logons": 1,
            "Failed logon": 0,
        }
        assert found["by_day"] == {"2026-11-20": 4, "2026-11-21": 3, "2026-11-22": 3}
        assert [(entry["title"], entry["matches"]) for entry in found["suppressed"]] == [
            ("Backup may encode", 3)
        ]
        (shell,) = [one for one in found["rules"] if one["title"] == "Encoded PowerShell"]
        assert shell["suggested_filter"]["alerts_after"] == 0
    result = backtest(*WINDOW, "--max-per-day", "high=2")
    assert result.exit_code == 1
    said = "10 alerts would have been raised from 2026-11-20T00:00:00.000Z to"
    assert said in re.sub(r"\s+", " ", result.stdout)


def test_an_interrupted_back_test_goes_on(index: str, indices: Indices) -> None:
    options = ProjectOptions(Path.cwd())
    window = Window(START_NS, START_NS + 3 * DAY_NS)
    request = BacktestRequest(options, suggestions=0)

    def ask(stops_in: int, *, anew: bool = False) -> tuple[dict[str, int], Found]:
        found, project = Found(), load_project(options)
        file = project.settings.state / JOURNAL

        def progress(_: int) -> None:
            if found.finished == stops_in:
                raise KeyboardInterrupt

        resumption = Resumption(file, ("3 days",), time.time_ns(), anew)
        with open_client(project.settings.elasticsearch) as client:
            past = HistoryPast(client, window, DAY_NS, resumption, progress)
            result = run_backtest(project, past, request, found)
        return {entry.info.title: entry.alerts for entry in result.rules}, found

    with pytest.raises(KeyboardInterrupt):
        ask(2)
    # What is finished is not searched again: its events may be gone.
    for number in range(11):
        indices.cluster.request("DELETE", f"{index}/_doc/{number}")
    indices.cluster.request("POST", f"{index}/_refresh")
    everything = {"Encoded PowerShell": 9, "Many failed logons": 1, "Failed logon": 0}
    alerts, found = ask(-1)
    assert (alerts, found.resumed) == (everything, 2)
    with pytest.raises(KeyboardInterrupt):
        ask(2)
    # Neither other rules nor a new start take over what these found.
    assert ask(-1, anew=True)[1].resumed == 0
    with pytest.raises(KeyboardInterrupt):
        ask(2)
    rules = Path("sigma_rules/shell.yml")
    rules.write_text(rules.read_text().replace(" -enc ", "-enc"))
    assert ask(-1)[1].resumed == 0
    rules.write_text(rules.read_text().replace("-enc", " -enc "))
    assert ask(-1)[1].resumed == 2
    # It is finished now, so the next one looks anew.
    alerts, found = ask(-1)
    assert (alerts, found.resumed) == ({"Encoded PowerShell": 3}, 0)


def test_two_versions_are_compared_over_a_history(index: str) -> None:
    checkout = Checkout(Path.cwd())
    checkout.git("add", "sigma_rules", "mappings", "sigma2hive.yml")
    checkout.git("commit", "-qm", "Rules")
    rules = Path("sigma_rules/shell.yml")
    rules.write_text(
        rules.read_text()
        .replace("selection\n", "selection and not x\n")
        .replace("    condition", "    x: {'@timestamp|day': 21}\n    condition")
    )
    Path("sigma_rules/filter.yml").unlink()
    found = report(*WINDOW, "--against", "HEAD")["comparison"]
    # Without the day 21: three of the agent's fewer; without the filter: two of the backup's more.
    assert (found["more"], found["fewer"]) == (2, 3)


def test_a_server_that_is_not_there_is_exit_code_4(
    index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_URLS", "http://127.0.0.1:9")
    result = backtest(*WINDOW)
    assert result.exit_code == 4
    assert "127.0.0.1:9" in result.stderr


def test_a_pattern_without_an_index_is_named(index: str) -> None:
    profile = Path("mappings/schemas/site.yml")
    text = profile.read_text()
    profile.write_text(text.replace(f"security, indices: [{index}]", "security, indices: [s2h-no]"))
    result = backtest(*WINDOW)
    assert result.exit_code == 3
    assert "S2H507: 1 rule not searched: " in result.stdout
    assert "s2h-no" in result.stdout
    assert "9 alerts would have been raised" in re.sub(r"\s+", " ", result.stdout)
