"""The main job whole: failed logons in a real Elasticsearch become one alert in TheHive, once."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.bench.cluster import Cluster, Indices
from tests.cli.test_run_elasticsearch import MAPPING, PROFILE, RULES, at, log_in
from tests.clients.thehive_clients import API_KEY
from tests.doubles.running import TheHive, running_thehive

HOST = {"properties": {"name": {"type": "keyword"}}}
ADDRESS = "203.0.113.7"


def logon(minutes_ago: int) -> dict[str, object]:
    return {
        "@timestamp": at(minutes_ago),
        "event": {"code": "4625"},
        "source": {"ip": ADDRESS},
        "user": {"name": "anna"},
        "host": {"name": "dc01.corp.example"},
        "message": "x" * 4_000,  # so long that the description cannot show all of them
    }


@pytest.fixture
def site(
    tmp_path: Path, elasticsearch: Cluster, indices: Indices, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A repository, and six failed logons within six minutes in the cluster."""
    properties = {**MAPPING["properties"], "host": HOST}
    index = indices.create({"properties": properties}, [logon(30 - n) for n in range(6)])
    (tmp_path / "mappings" / "schemas").mkdir(parents=True)
    (tmp_path / "mappings" / "schemas" / "site.yml").write_text(PROFILE.format(index=index))
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "rules.yml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, elasticsearch.users.reader)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_URLS", elasticsearch.url)
    return tmp_path


def run(thehive: TheHive, patch: pytest.MonkeyPatch) -> Result:
    patch.setenv(API_KEY, thehive.key)
    settings = {
        "profile": "site",
        "sinks": ["thehive"],
        "thehive": {"url": thehive.url, "patience_seconds": 1, "timeout_seconds": 1},
    }
    Path("sigma2hive.yml").write_text(json.dumps(settings))
    line = ["run", "--once", "--since", "24h", "--live"]
    return CliRunner().invoke(main, line, catch_exceptions=False)


def is_one_whole_alert(thehive: TheHive) -> None:
    (got,) = thehive.alerts()
    assert got["title"] == f"Failed logons from {ADDRESS}"
    seen = {(one["dataType"], one["data"]) for one in got["observables"]}
    assert {("ip", ADDRESS), ("other", "anna"), ("fqdn", "dc01.corp.example")} <= seen
    (file,) = got["attachments"]
    attached = [json.loads(line) for line in file["text"].splitlines()]
    shown = [one for one in attached if one["user"]["name"] == "anna"]
    raw_in_text = got["description"].count('"code": "4625"')
    raw_in_text += got["description"].count('"code":"4625"')
    assert len(shown) + raw_in_text == 6


@pytest.mark.usefixtures("site")
def test_six_failed_logons_are_one_alert_in_thehive(
    thehive: TheHive, monkeypatch: pytest.MonkeyPatch
) -> None:
    thehive.skip_if_real("show what it holds")
    first, second = run(thehive, monkeypatch), run(thehive, monkeypatch)
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "thehive: 1 stored" in first.stdout and "thehive: 1 already there" in second.stdout
    is_one_whole_alert(thehive)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "order",
    [
        {"kind": "status", "status": 500},
        {"kind": "hang"},
        {"kind": "hang", "stored": True},
        {"kind": "reset"},
        {"kind": "reset", "stored": True},
    ],
    ids=["500", "hanging", "hanging-after-storing", "reset", "reset-after-storing"],
)
def test_whatever_failed_the_next_run_leaves_exactly_one(
    thehive: TheHive, monkeypatch: pytest.MonkeyPatch, order: dict[str, object]
) -> None:
    thehive.fail(**order, times=None)  # type: ignore[arg-type]
    assert run(thehive, monkeypatch).exit_code == 4
    thehive.control("DELETE", "failures")
    assert run(thehive, monkeypatch).exit_code == 0
    is_one_whole_alert(thehive)


@pytest.mark.usefixtures("site")
def test_a_thehive_that_died_before_the_post_gets_it_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = str(tmp_path / "thehive")
    with running_thehive("--state", state) as running:
        running.kill()
        result = run(running.thehive, monkeypatch)
        assert result.exit_code == 4 and "not delivered: 1" in result.stderr
    with running_thehive("--state", state) as running:
        assert run(running.thehive, monkeypatch).exit_code == 0
        is_one_whole_alert(running.thehive)
