"""From a cluster with odd mappings to alerts, knowing no more of it than what was pulled."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.bench.accounts import INDEX_PREFIX, User
from tests.bench.cluster import Cluster, Indices, Refused

PROFILE = """\
profile: odd
title: Odd
logsources:
    - {{product: windows, service: security, indices: ['{index}']}}
"""
RULE = """\
title: A rule
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
level: low
logsource: {product: windows, service: security}
detection:
    selection: %s
    condition: selection
"""
MAPPED = {"properties": {"@timestamp": {"type": "date"}, "x": {"type": "keyword"}}}
SETTINGS = {"analysis": {"normalizer": {"own": {"type": "custom", "filter": []}}}}

#: What the index has → its mapping, what a rule asks, and a document that it means.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "text alone": ({"x": {"type": "text"}}, {"x|contains": "o b"}, {"x": "foo BAR"}),
    "an alias": (
        {"y": {"type": "keyword", "ignore_above": 3}, "x": {"type": "alias", "path": "y"}},
        {"x|endswith": "E"},
        {"y": "abcde"},
    ),
    "a copy": (
        {"a": {"type": "keyword", "copy_to": "x"}, "x": {"type": "text"}},
        {"x|contains": "BAR"},
        {"a": "foobar"},
    ),
    "a value in place of null": (
        {"x": {"type": "keyword", "null_value": "NONE"}},
        {"x": "none"},
        {"x": None},
    ),
    "a normalizer of one's own": (
        {"x": {"type": "keyword", "normalizer": "own"}},
        {"x": "Ab"},
        {"x": "aB"},
    ),
    "a field that is not searchable": (
        {"x": {"type": "keyword", "index": False, "doc_values": False}},
        {"x": "a"},
        {"x": "A"},
    ),
    "a subfield asked for by name": (
        {"x": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 2}}}},
        {"x.raw": "ABC"},
        {"x": "abc"},
    ),
    "an object that is not indexed": (
        {"x": {"type": "object", "enabled": False}},
        {"x.y.z": 5},
        {"x": {"y": [{"z": 5}]}},
    ),
}
#: Types that the distribution of the test bench lacks; one that runs elsewhere has them.
MORE = {
    "wildcard": ({"x": {"type": "wildcard"}}, {"x|contains": "O B"}, {"x": "foo bar"}),
    "match_only_text": ({"x": {"type": "match_only_text"}}, {"x": "foo BAR"}, {"x": "foo bar"}),
    "constant_keyword": (
        {"x": {"type": "constant_keyword", "value": "acme"}},
        {"x": "ACME"},
        {},
    ),
}


def log_in(monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_USERNAME", user.name)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_PASSWORD", user.password)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments], catch_exceptions=False)


@pytest.fixture
def repository(tmp_path: Path, elasticsearch: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mappings" / "schemas").mkdir(parents=True)
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma2hive.yml").write_text(
        f"profile: odd\nelasticsearch: {{urls: ['{elasticsearch.url}']}}\n"
    )
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, elasticsearch.users.reader)
    return tmp_path


def prepare(
    repository: Path, indices: Indices, case: tuple[dict[str, Any], Any, dict[str, Any]]
) -> None:
    properties, selection, document = case
    now = {"@timestamp": datetime.now(UTC).isoformat(timespec="milliseconds")}
    mapping = {"properties": {"@timestamp": {"type": "date"}, **properties}}
    other = {**now, "unrelated": "x"}
    index = indices.create(mapping, [{**now, **document}, other], settings=SETTINGS, name="odd")
    (repository / "mappings/schemas/odd.yml").write_text(PROFILE.format(index=index))
    (repository / "sigma_rules/rule.yml").write_text(RULE % json.dumps(selection))


@pytest.mark.parametrize("name", CASES)
def test_what_a_rule_means_is_found_whatever_the_mapping(
    repository: Path, indices: Indices, name: str
) -> None:
    prepare(repository, indices, CASES[name])
    assert call("schema", "pull").exit_code == 0
    result = call("run", "--once", "--since", "1h", "--dry-run", "--strict")
    assert result.exit_code == 0, result.output
    assert ", 1 alert, 0 left out" in result.stdout


@pytest.mark.parametrize("name", MORE)
def test_so_it_is_with_types_of_the_whole_distribution(
    repository: Path, indices: Indices, name: str
) -> None:
    try:
        prepare(repository, indices, MORE[name])
    except Refused as refused:
        if f"The mapper type [{name}]" not in str(refused):
            raise
        pytest.skip(f"this Elasticsearch has no type {name}; name a whole one to run it")
    assert call("schema", "pull").exit_code == 0
    found = call("run", "--once", "--since", "1h", "--dry-run")
    # A constant is in both documents.
    alerts = "2 alerts" if name == "constant_keyword" else "1 alert"
    assert f", {alerts}, 0 left out" in found.stdout


def test_a_blind_rule_is_told_where_it_stands_and_ends_the_run_only_when_strict(
    repository: Path, indices: Indices
) -> None:
    prepare(repository, indices, ({"x": {"type": "ip"}}, {"x": "foo"}, {"x": "10.0.0.1"}))
    assert call("schema", "pull").exit_code == 0
    run = ("run", "--once", "--since", "1h", "--dry-run")
    result = call(*run)
    assert result.exit_code == 0
    assert "sigma_rules/rule.yml:6:17: warning S2H412: x is of the type ip" in result.stderr
    assert "blind: 1 of 1 rules with a snapshot" in result.stderr
    assert call(*run, "--strict").exit_code == 1
    report = json.loads(call(*run, "--json").stdout)
    assert report["blindness"] == {"checked": 1, "blind": 1, "never": 1}
    assert [finding["code"] for finding in report["findings"]] == ["S2H412", "S2H410"]


def test_an_index_that_keeps_no_documents_is_told_before_and_after(
    repository: Path, indices: Indices
) -> None:
    prepare(repository, indices, ({"x": {"type": "keyword"}}, {"x": "foo"}, {}))
    mapping = {
        "_source": {"enabled": False},
        "properties": {"@timestamp": {"type": "date"}, "x": {"type": "keyword"}},
    }
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    index = indices.create(mapping, [{"@timestamp": now, "x": "foo"}], name="bare")
    (repository / "mappings/schemas/odd.yml").write_text(PROFILE.format(index=index))
    assert call("schema", "pull").exit_code == 0
    result = call("run", "--once", "--since", "1h", "--dry-run")
    assert "warning S2H416" in result.stderr
    assert "error S2H501: the index does not keep its documents" in result.stderr
    assert "0 alerts, 1 left out" in result.stdout


def test_of_several_patterns_one_may_be_without_an_index_where_the_snapshot_says_so(
    repository: Path, indices: Indices
) -> None:
    prepare(repository, indices, ({"x": {"type": "keyword"}}, {"x": "foo"}, {"x": "FOO"}))
    later = f"{INDEX_PREFIX}later-{uuid.uuid4().hex}"
    both = f"{indices.names[0]}', '{later}-*"
    (repository / "mappings/schemas/odd.yml").write_text(PROFILE.format(index=both))
    run = ("run", "--once", "--since", "1h", "--dry-run")

    before = call(*run)
    assert before.exit_code == 3
    assert f"no such index [{later}-*]" in before.stdout
    assert "`sigma2hive schema pull` notes those without an index" in before.stdout

    assert call("schema", "pull").exit_code == 0
    known = call(*run)
    assert known.exit_code == 0
    assert ", 1 alert, 0 left out" in known.stdout
    told = " ".join(known.stdout.split())
    assert f"still without an index, as the snapshot says: {later}-*" in told
    assert json.loads(call(*run, "--json").stdout)["without_index"] == [f"{later}-*"]

    # The snapshot is stale now, and what comes is found nevertheless.
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    indices.names.append(f"{later}-1")
    indices.cluster.request("PUT", f"{later}-1", {"mappings": MAPPED})
    indices.add(f"{later}-1", [{"@timestamp": now, "x": "foo"}])
    stale = call(*run)
    assert stale.exit_code == 0
    assert ", 2 alerts, 0 left out" in stale.stdout
    assert "without an index" not in stale.stdout

    # That a pattern had an index says that one is missing now.
    indices.cluster.request("DELETE", indices.names[0])
    gone = call(*run)
    assert gone.exit_code == 3
    assert f"no such index [{indices.names[0]}]" in gone.stdout


CORRELATION = """\
---
title: Many
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
    type: event_count
    rules: [5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d]
    group-by: [x]
    timespan: 10m
    condition: {gte: 1}
"""
MUTE = """\
---
title: Known
id: 33333333-3333-4333-8333-333333333333
logsource: {product: windows, service: security}
filter:
    rules: [22222222-2222-4222-8222-222222222222]
    selection: {z: none}
    condition: not selection
"""


def test_what_only_the_index_knows_is_there_to_group_by_and_to_mute_by(
    repository: Path, indices: Indices
) -> None:
    absent = {"type": "keyword", "null_value": "NONE"}
    properties = {"x": absent, "z": absent, "y": {"type": "keyword"}}
    prepare(repository, indices, (properties, {"y": "foo"}, {"y": "foo", "x": None, "z": None}))
    file = repository / "sigma_rules/rule.yml"
    file.write_text(file.read_text() + CORRELATION)
    assert call("schema", "pull").exit_code == 0
    run = ("run", "--once", "--since", "1h", "--dry-run", "--strict")
    assert ", 1 alert, 0 left out" in call(*run).stdout
    file.write_text(file.read_text() + MUTE)
    assert ", 0 alerts, 0 left out" in call(*run).stdout
