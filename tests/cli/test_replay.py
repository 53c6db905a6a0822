"""`replay`: dead letters are shown with their reason, and are sent again when somebody asks."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from sigma2hive.model.service import QueuedAlert, Step
from sigma2hive.runner.store.sqlite import SqliteStore
from tests.runner.store.test_contract import NOW, alert_of

SINKS = ("thehive", "webhook:https://a.example")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """The state of a service that runs: three alerts were refused, one by both sinks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sigma2hive.yml").write_text("state: kept\n")
    with closing(SqliteStore(tmp_path / "kept" / "state.db")) as store:
        store.open_sinks(SINKS)
        alerts = [alert_of(number) for number in range(100_001, 100_005)]
        store.commit(Step(alerts=tuple(QueuedAlert(one, made_ns=NOW) for one in alerts)))
        for sink, number in ((SINKS[0], 3), (SINKS[1], 1)):
            for delivery in store.due(sink, NOW * 2, number):
                store.refused(delivery, NOW, "the title\x1b[31m is too long")
        yield store


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["replay", *arguments], catch_exceptions=False)


def dead(store: SqliteStore) -> list[tuple[str, str]]:
    return sorted((one.sink, one.alert.source_ref) for one in store.dead())


def test_dead_letters_are_listed_and_nothing_is_changed(store: SqliteStore) -> None:
    result = run()
    assert result.exit_code == 0
    assert "ref-100001  Failed logon 100001" in result.stdout
    assert "is too long" in result.stdout
    assert "\x1b" not in result.stdout
    listed = json.loads(run("--json", "--sink", "thehive").stdout)
    assert [(one["sink"], one["attempts"]) for one in listed] == [("thehive", 1)] * 3
    assert {one["sourceRef"] for one in listed} == {f"ref-10000{n}" for n in (1, 2, 3)}
    assert len(dead(store)) == 4


def test_all_of_one_sink_wait_again(store: SqliteStore) -> None:
    assert run("--sink", "thehive", "--all").stdout == "3 wait to be sent again\n"
    assert dead(store) == [(SINKS[1], "ref-100001")]
    assert len(store.due("thehive", NOW * 2, 10)) == 4
    assert json.loads(run("--all", "--json").stdout) == {"replayed": 1}


def test_one_waits_again_at_every_sink_that_refused_it(store: SqliteStore) -> None:
    assert run("ref-100001").stdout == "2 wait to be sent again\n"
    assert dead(store) == [("thehive", "ref-100002"), ("thehive", "ref-100003")]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ref-1000", "3 dead letters begin with 'ref-1000'"),
        ("ref", "'ref' is no sourceRef"),
        ("ref-100004", "there is no dead letter 'ref-100004'"),
    ],
)
def test_a_name_that_is_not_one_dead_letter_changes_nothing(
    store: SqliteStore, name: str, problem: str
) -> None:
    result = run("ref-100001", name)
    assert result.exit_code == 1
    assert problem in result.stderr
    assert len(dead(store)) == 4


def test_names_and_all_do_not_go_together(store: SqliteStore) -> None:
    assert run("ref-100001", "--all").exit_code == 2
    assert len(dead(store)) == 4


def test_where_no_service_has_run_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("--json").stdout) == []
    assert run("--all").stdout == "the service has not run here yet\n"
    assert list(tmp_path.iterdir()) == []
