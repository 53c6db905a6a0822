"""`sigma2hive test --elasticsearch`: the same rules and events on a real cluster."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.bench.accounts import User
from tests.bench.cluster import Cluster
from tests.cli.run_world import EVENT, OTHER, write_events, write_world
from tests.cli.test_test import CORRELATION, PASSING, logon, write_tests

ROOT = Path(__file__).resolve().parent.parent.parent
OUR_INDICES = "_cat/indices/sigma2hive-test-*?format=json&expand_wildcards=all"


@pytest.fixture
def tester(elasticsearch: Cluster, monkeypatch: pytest.MonkeyPatch) -> User:
    """Who may make our own indices, and nothing else."""
    user = elasticsearch.users.tester
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_USERNAME", user.name)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_PASSWORD", user.password)
    return user


def outcome_on(cluster: Cluster, *arguments: str) -> Result:
    arguments = ("test", "--elasticsearch", cluster.url, *arguments)
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def verdicts(report: dict[str, Any]) -> list[tuple[str, str, str, list[Any]]]:
    return [
        (rule["id"], test["name"], test["outcome"], test["failures"])
        for rule in report["rules"]
        for test in rule["tests"]
    ]


@pytest.mark.parametrize("profile", ["ecs", "winlogbeat"])
def test_the_starter_rules_are_found_there_as_here(
    elasticsearch: Cluster, tester: User, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    area = "sigma_rules/windows" if profile == "winlogbeat" else "sigma_rules"
    arguments = ("--rules", area, "--profile", profile, "--json")

    there = outcome_on(elasticsearch, *arguments)
    here = CliRunner().invoke(main, ["test", *arguments], catch_exceptions=False)

    assert there.exit_code == here.exit_code == 0, there.output
    report = json.loads(there.stdout)
    assert report["cluster"] == elasticsearch.url
    assert verdicts(report) == verdicts(json.loads(here.stdout))
    assert elasticsearch.request("GET", OUR_INDICES) == []


def test_failures_are_the_same_there(
    elasticsearch: Cluster, tester: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_tests(tmp_path, PASSING.replace("match: false", "match: true"))
    (tmp_path / "sigma_rules" / "logons.yml").write_text(CORRELATION)
    write_events(tmp_path / "logons.ndjson", *(logon(minute) for minute in range(3)))
    write_tests(tmp_path, "tests: [{events: ../logons.ndjson, match: 1}]", "logons")

    there = outcome_on(elasticsearch, "--json")
    here = CliRunner().invoke(main, ["test", "--json"], catch_exceptions=False)

    assert there.exit_code == here.exit_code == 1
    assert verdicts(json.loads(there.stdout)) == verdicts(json.loads(here.stdout))
    assert elasticsearch.request("GET", OUR_INDICES) == []


def test_an_event_that_no_index_takes_is_told(
    elasticsearch: Cluster, tester: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_tests(tmp_path, PASSING)
    # A field cannot be a value and an object.
    write_events(tmp_path / "events.ndjson", {**EVENT, "user": "anna", "user.name": "anna"}, OTHER)

    result = outcome_on(elasticsearch)

    assert result.exit_code == 1
    assert "Elasticsearch does not take the event" in " ".join(result.stdout.split())


def test_who_may_not_is_told_and_nothing_is_left(
    elasticsearch: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_tests(tmp_path, PASSING)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_USERNAME", elasticsearch.users.reader.name)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_PASSWORD", elasticsearch.users.reader.password)

    result = outcome_on(elasticsearch)

    assert result.exit_code == 3
    assert "S2H507" in result.stderr
    assert elasticsearch.request("GET", OUR_INDICES) == []


def test_a_cluster_that_does_not_answer_is_exit_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_tests(tmp_path, PASSING)

    arguments = ["test", "--elasticsearch", "http://127.0.0.1:9"]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)

    assert result.exit_code == 4
    assert "S2H507" in result.stderr
