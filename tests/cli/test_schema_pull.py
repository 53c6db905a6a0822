"""`schema pull`: what a real Elasticsearch says of its fields, kept in a profile's file."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.bench.accounts import User
from tests.bench.answering import Answer, answering
from tests.bench.cluster import Cluster, Indices

MAPPING: dict[str, Any] = {
    "properties": {
        "@timestamp": {"type": "date"},
        "event": {"properties": {"code": {"type": "keyword", "ignore_above": 1024}}},
        "process": {
            "properties": {
                "name": {
                    "type": "keyword",
                    "fields": {"caseless": {"type": "keyword", "normalizer": "lower"}},
                },
                "pid": {"type": "long"},
            }
        },
        "message": {"type": "text"},
        "image": {"type": "alias", "path": "process.name"},
        "kind": {"type": "keyword", "null_value": "none"},
        "secret": {"type": "keyword", "index": False, "doc_values": False},
    }
}
SETTINGS = {"analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}}}
PROFILE = """\
profile: site
title: A site's own   # known to all
logsources:
    # what the DC writes
    - {product: windows, service: security, indices: ['s2h-pull-*']}
    - {product: windows, service: elsewhere, indices: ['s2h-nowhere-*']}
"""
EXPECTED = (
    PROFILE
    + """\
# What the cluster's indices have, written by `sigma2hive schema pull`.
snapshot:
  "s2h-nowhere-*": {pulled: 2026-11-28, indices: []}
  "s2h-pull-*":
    pulled: 2026-11-28
    indices:
      - <index>
    fields: |
      @timestamp date
      event.code keyword ignore_above=1024
      image alias target=process.name
      kind keyword null_value="none"
      message text
      process.name keyword .caseless=keyword,normalizer=lowercase
      process.pid long
      secret keyword unsearchable
"""
)
FILE = Path("mappings/schemas/site.yml")
TODAY = 1_795_824_000  # 2026-11-28, 00:00 UTC
DAY = 86_400


@pytest.fixture
def index(indices: Indices) -> str:
    return indices.create(MAPPING, settings=SETTINGS, name="pull")


@pytest.fixture
def site(
    tmp_path: Path, elasticsearch: Cluster, index: str, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A repository with a profile of its own, asked as who may see metadata and nothing else."""
    (tmp_path / FILE.parent).mkdir(parents=True)
    (tmp_path / FILE).write_text(PROFILE)
    (tmp_path / "sigma2hive.yml").write_text(
        f"profile: site\nelasticsearch: {{urls: ['{elasticsearch.url}']}}\n"
    )
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, elasticsearch.users.blind)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(TODAY))
    return tmp_path


def log_in(monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_USERNAME", user.name)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_PASSWORD", user.password)


def pull(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["schema", "pull", *arguments], catch_exceptions=False)


def test_what_the_indices_have_is_added_to_what_people_wrote(site: Path, index: str) -> None:
    result = pull()
    assert result.exit_code == 0, result.output
    assert FILE.read_text() == EXPECTED.replace("<index>", index)
    assert "mappings/schemas/site.yml: written, " in result.stdout
    assert "no index fits 1 of 2 patterns: s2h-nowhere-*" in result.stdout


def test_pulling_again_changes_nothing(site: Path) -> None:
    pull()
    before = FILE.stat()
    result = pull()
    assert result.exit_code == 0
    assert "up to date; 1 pattern, 8 fields" in result.stdout
    assert FILE.stat().st_mtime_ns == before.st_mtime_ns
    assert pull("--check").exit_code == 0


def test_pulling_on_another_day_writes_the_day_and_nothing_else(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull()
    before = FILE.read_text()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(TODAY + 3 * DAY))
    assert pull("--check").exit_code == 0
    assert FILE.read_text() == before
    assert "up to date, with today's date" in pull().stdout
    assert FILE.read_text() == before.replace("2026-11-28", "2026-12-01")


RULE = """\
title: Tool started
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
status: test
level: low
logsource: {product: windows, service: security}
detection:
    selection: {process.name: tool.exe, process.pidd: 7}
    unused: {process.name: other.exe}
    condition: selection
"""


def check(*options: str) -> tuple[int, list[dict[str, Any]]]:
    """Check one rule; return the exit code and the findings."""
    Path("sigma_rules").mkdir(exist_ok=True)
    Path("sigma_rules/rule.yml").write_text(RULE)
    arguments = ["compile", "--check", "--format", "json", *options]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)["findings"]


def of(findings: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    return [entry for entry in findings if entry["code"] == code]


def test_a_check_tells_of_a_snapshot_that_is_old(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull("--index", "s2h-pull-*")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(TODAY + 29 * DAY))
    assert of(check()[1], "S2H417") == []
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(TODAY + 30 * DAY))
    (old,) = of(check()[1], "S2H417")
    assert "s2h-pull-* was pulled 30 days ago" in old["message"]
    lines = FILE.read_text().splitlines()
    assert (old["path"], lines[old["line"] - 1]) == (str(FILE), '  "s2h-pull-*":')
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_SNAPSHOT_DAYS", "31")
    assert of(check()[1], "S2H417") == []
    FILE.write_text(FILE.read_text().replace("    pulled: 2026-11-28\n", ""))
    (dateless,) = of(check()[1], "S2H417")
    assert "does not say when it was pulled" in dateless["message"]


def test_a_check_that_asks_the_cluster_finds_what_the_snapshot_hides(
    site: Path, index: str, elasticsearch: Cluster
) -> None:
    pull()
    FILE.write_text(
        FILE.read_text()
        .replace("      process.pid long\n", "      process.pidd long\n")
        .replace("alias target=process.name", "alias target=process.title")
    )
    assert of(check()[1], "S2H411") == []
    code, found = check("--elasticsearch")
    assert code == 1
    (missing,) = of(found, "S2H411")
    assert (missing["line"], missing["column"]) == (7, 41)
    assert "s2h-pull-* has no field process.pidd" in missing["message"]
    (differs,) = of(found, "S2H418")
    assert "s2h-pull-*" in differs["message"]
    assert "- process.pidd long" in differs["message"]
    assert differs["message"].endswith("and 1 more")
    assert (differs["path"], differs["severity"]) == (str(FILE), "warning")


def test_a_check_without_a_snapshot_still_knows_what_the_cluster_has(site: Path) -> None:
    code, found = check("--elasticsearch")
    assert [entry["path"] for entry in of(found, "S2H411")] == ["sigma_rules/rule.yml"]
    assert code == 1
    assert of(found, "S2H418") == []
    assert FILE.read_text() == PROFILE


def test_a_check_that_cannot_ask_still_tells_the_rest(
    site: Path, elasticsearch: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, elasticsearch.users.bare)
    code, found = check("--elasticsearch")
    assert code == 3
    assert "view_index_metadata" in of(found, "S2H507")[0]["hint"]
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_URLS", "http://127.0.0.1:9")
    Path("sigma2hive.yml").write_text("profile: site\n")
    code, found = check("--elasticsearch")
    assert code == 4
    assert [entry["path"] for entry in of(found, "S2H507")] == ["--elasticsearch"]
    assert of(found, "S2H226")


def test_a_snapshot_that_is_stale_is_told_line_by_line_and_left_alone(
    site: Path, index: str, elasticsearch: Cluster
) -> None:
    pull()
    before = FILE.read_text()
    more = {"properties": {"user": {"properties": {"name": {"type": "keyword"}}}}}
    elasticsearch.request("PUT", f"{index}/_mapping", more)
    result = pull("--check")
    assert result.exit_code == 1
    assert "s2h-pull-*:\n  + user.name keyword\n" in result.stdout
    assert "stale, 1 change: run `sigma2hive schema pull`" in result.stdout
    assert FILE.read_text() == before
    assert pull().exit_code == 0
    added = [line for line in FILE.read_text().splitlines() if line not in before.splitlines()]
    assert added == ["      user.name keyword"]


def test_without_a_snapshot_the_check_fails(site: Path) -> None:
    assert pull("--check").exit_code == 1
    assert FILE.read_text() == PROFILE


def test_indices_that_differ_say_where_what_holds(site: Path, index: str, indices: Indices) -> None:
    other = indices.create(
        {"properties": {"process": {"properties": {"pid": {"type": "keyword"}}}}}, name="pull"
    )
    pull()
    lines = FILE.read_text().splitlines()
    assert f"      process.pid long in={index}" in lines
    assert f"      process.pid keyword in={other}" in lines


def test_one_pattern_alone_is_asked_for_and_others_are_kept(site: Path, indices: Indices) -> None:
    pull()
    before = FILE.read_text()
    indices.create({"properties": {"a": {"type": "ip"}}}, name="more")
    result = pull("--index", "s2h-more-*")
    assert result.exit_code == 0
    assert [line for line in before.splitlines() if line not in FILE.read_text().splitlines()] == []
    assert "      a ip" in FILE.read_text().splitlines()


def test_a_shipped_profile_gets_a_file_that_extends_it(site: Path, index: str) -> None:
    result = pull("--profile", "winlogbeat", "--index", "s2h-pull-*")
    assert result.exit_code == 0
    text = (site / "mappings/schemas/winlogbeat.yml").read_text()
    assert text.startswith("profile: winlogbeat\ntitle: 'Winlogbeat 9")
    assert "extends: [winlogbeat]\n" in text
    assert pull("--profile", "winlogbeat", "--index", "s2h-pull-*", "--check").exit_code == 0


def test_json_has_every_change(site: Path, index: str) -> None:
    report = json.loads(pull("--json").stdout)
    assert report["written"] is True
    assert report["patterns"]["s2h-pull-*"] == {"indices": [index], "fields": 8}
    assert report["patterns"]["s2h-nowhere-*"] == {"indices": [], "fields": 0}
    assert {"pattern": "s2h-pull-*", "change": "+", "line": "message text"} in report["changes"]


def test_without_any_index_nothing_is_written(site: Path) -> None:
    result = pull("--index", "s2h-nothing-*")
    assert result.exit_code == 3
    assert "no index fits s2h-nothing-*; nothing was written" in result.stdout
    assert FILE.read_text() == PROFILE


def test_who_may_not_see_metadata_is_told_which_privilege_it_takes(
    site: Path, elasticsearch: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, elasticsearch.users.bare)
    result = pull()
    assert result.exit_code == 3
    assert "view_index_metadata" in result.stderr
    assert FILE.read_text() == PROFILE


def test_a_server_that_is_not_there_is_exit_code_4(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_URLS", "http://127.0.0.1:9")
    assert pull().exit_code == 4
    assert FILE.read_text() == PROFILE


CAPABILITIES = {
    "indices": ["a"],
    "fields": {"x": {"keyword": {"type": "keyword", "searchable": True, "aggregatable": True}}},
}
SETTINGS_ANSWER = {"a": {"settings": {"index.number_of_shards": "1"}}}


@pytest.mark.parametrize(
    "mapping",
    [
        {"a": {}},
        {"a": {"mappings": []}},
        {"a": {"mappings": {"properties": ["x"]}}},
        {"a": {"mappings": {"properties": {"x": "keyword"}}}},
        {"a": {"mappings": {"properties": {"x": {"type": "keyword", "ignore_above": "many"}}}}},
        {"a": {"mappings": {"properties": {"x": {"type": "keyword", "fields": [1]}}}}},
        {"b": {"mappings": {}}},
        {},
    ],
)
def test_an_answer_of_another_form_is_an_error_and_writes_nothing(
    site: Path, monkeypatch: pytest.MonkeyPatch, mapping: dict[str, Any]
) -> None:
    answers = (Answer(CAPABILITIES), Answer(mapping), Answer(SETTINGS_ANSWER))
    with answering(*answers) as server:
        monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_URLS", server.url)
        result = pull("--index", "a")
    assert result.exit_code in (3, 4)
    assert "hint: " in result.output
    assert FILE.read_text() == PROFILE


@pytest.mark.parametrize(
    "capabilities",
    [{"indices": ["a"], "fields": []}, {"fields": {"x": {"keyword": {}}}}, {"fields": {"x": 1}}],
)
def test_capabilities_of_another_form_are_an_error(
    site: Path, monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, Any]
) -> None:
    with answering(Answer(capabilities)) as server:
        monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_URLS", server.url)
        result = pull("--index", "a")
    assert result.exit_code == 4
    assert "no list of fields" in result.stderr


def test_names_and_values_that_mean_something_in_the_file_come_back_as_they_were(
    site: Path, indices: Indices
) -> None:
    names = [
        "odd name",
        'a "b" c',
        "a=b,c",
        "#x",
        "- y",
        "é",
        "in=z",
        "ä\nb",
        "'",
        "a:b",
    ]
    properties = {name: {"type": "keyword", "null_value": f"{name} = \\"} for name in names}
    indices.create({"properties": properties}, name="pull")
    assert pull().exit_code == 0
    assert pull("--check").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--index", "Logs"),
        ("--index", "a,b"),
        ("--index", "other:logs-*"),
        ("--output", "snapshot.json"),
        ("--output", "My Profile.yml"),
    ],
)
def test_what_cannot_be_a_pattern_or_a_profile_is_a_wrong_command_line(
    site: Path, arguments: tuple[str, str]
) -> None:
    assert pull(*arguments).exit_code == 2


def test_a_snapshot_that_was_changed_by_hand_is_told_with_its_place(site: Path) -> None:
    FILE.write_text(PROFILE + "snapshot:\n  a-*:\n    indices: [a]\n    fields: |\n      x\n")
    result = pull()
    assert result.exit_code == 3
    assert (
        "mappings/schemas/site.yml:10:5: error S2H405: line 1 of the fields, 'x'" in result.stderr
    )


def test_a_folder_in_the_files_place_is_told(site: Path) -> None:
    Path("mappings/schemas/other.yml").mkdir()
    result = pull("--output", "mappings/schemas/other.yml")
    assert result.exit_code in (2, 3)
    assert "other.yml" in result.stderr
