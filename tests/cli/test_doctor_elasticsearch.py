"""`doctor` on a real Elasticsearch: who answers, privileges, and whether the rules have events."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sigma2hive.cli import main
from tests.bench.accounts import User
from tests.bench.answering import Answer, answering
from tests.bench.cluster import Cluster, Indices

MAPPING = {"properties": {"@timestamp": {"type": "date"}}}
RULE = """\
title: Rule on {service}
id: 5f0e0e0a-3f5e-4e9f-8f5c-{number:012}
level: low
logsource: {{product: windows, service: {service}}}
detection: {{selection: {{event.code: 1}}, condition: selection}}
"""
Look = Callable[..., "Seen"]


class Seen:
    """What `doctor --json` said of Elasticsearch, and what it ended with."""

    def __init__(self, text: str, exit_code: int) -> None:
        self.exit_code = exit_code
        self.lines = [one for one in json.loads(text)["checks"] if one["part"] == "elasticsearch"]

    def of(self, check: str) -> list[tuple[str, str, list[str]]]:
        return [(o["status"], o["seen"], o["names"]) for o in self.lines if o["check"] == check]


def event(**ago: float) -> dict[str, Any]:
    return {"@timestamp": (datetime.now(UTC) - timedelta(**ago)).isoformat()}


@pytest.fixture
def look(elasticsearch: Cluster, look_at: Look) -> Look:
    """Run `doctor` on the real Elasticsearch as a user, with a rule for each index pattern."""
    return partial(look_at, elasticsearch.url, elasticsearch.ca_file)


@pytest.fixture
def look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Run `doctor` on the Elasticsearch at an address."""
    monkeypatch.chdir(tmp_path)

    def look_at(url: str, ca: str | None, user: User, *patterns: str) -> Seen:
        rows, rules = [], []
        for number, pattern in enumerate(patterns):
            rows.append(f"  - {{product: windows, service: s{number}, indices: ['{pattern}']}}\n")
            rules.append(RULE.format(service=f"s{number}", number=number))
        profile = "profile: site\ntitle: A site's own\nlogsources:\n" + "".join(rows)
        for name in ("sigma_rules", "mappings/schemas"):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "mappings" / "schemas" / "site.yml").write_text(profile)
        (tmp_path / "sigma_rules" / "rules.yml").write_text("---\n".join(rules))
        urls = f"urls: ['{url}'], username: '{user.name}'"
        ca_file = f", ca_file: '{ca}'" if ca else ""
        settings = f"profile: site\nelasticsearch: {{{urls}{ca_file}}}\n"
        (tmp_path / "sigma2hive.yml").write_text(settings)
        environment = {"SIGMA2HIVE_ELASTICSEARCH_PASSWORD": user.password}
        result = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
        assert user.password not in result.output
        return Seen(result.stdout, result.exit_code)

    return look_at


def test_a_key_that_may_just_read_and_events_are_fine(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    index = indices.create(MAPPING, [event(minutes=3), event(days=3)])
    seen = look(elasticsearch.users.monitor, index, f"{index}*")
    assert seen.exit_code == 0
    assert {one["status"] for one in seen.lines} == {"ok"}
    ((_, words, _),) = seen.of("indices")
    assert words == "events are in 2 patterns, the newest 3 min ago"
    name = elasticsearch.users.monitor.name
    ((_, words, _),) = seen.of("privileges")
    assert words == f"'{name}' may read 2 index patterns, and nothing beyond"
    assert ": Elasticsearch 9." in seen.of("elasticsearch")[0][1]


def test_missing_privileges_are_named_with_their_patterns(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    index = indices.create(MAPPING, [event(minutes=3)])
    seen = look(elasticsearch.users.blind, index)
    assert seen.exit_code == 1
    ((status, words, names),) = seen.of("privileges")
    assert (status, names) == ("problem", [index])
    assert "lacks read on 1 of 1" in words
    ((status, words, _),) = seen.of("indices")
    assert status == "problem"
    assert "403" in words


def test_without_monitor_all_but_the_version_is_seen(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    index = indices.create(MAPPING, [event(minutes=3)])
    seen = look(elasticsearch.users.bare, index)
    assert seen.exit_code == 1
    assert [status for status, _, _ in seen.of("elasticsearch")] == ["warning", "ok"]
    assert "lacks view_index_metadata on 1 of 1" in seen.of("privileges")[0][1]
    assert seen.of("indices")[0][0] == "ok"


def test_what_a_state_store_there_lacks_is_named(
    elasticsearch: Cluster, indices: Indices, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = indices.create(MAPPING, [event(minutes=3)])
    assert len(look(elasticsearch.users.monitor, index).of("privileges")) == 1
    monkeypatch.setenv("SIGMA2HIVE_STATE_STORE", "elasticsearch")
    seen = look(elasticsearch.users.monitor, index)
    assert seen.exit_code == 1
    status, words, _ = seen.of("privileges")[-1]
    assert status == "problem"
    assert "lacks create_index, read, write, maintenance, monitor, view_index_metadata" in words
    assert words.endswith("on sigma2hive-state-*")
    status, words, _ = look(elasticsearch.users.admin, index).of("privileges")[-1]
    assert (status, "may keep state" in words) == ("ok", True)


def test_what_an_index_of_alerts_lacks_is_named(
    elasticsearch: Cluster, indices: Indices, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = indices.create(MAPPING, [event(minutes=3)])
    monkeypatch.setenv("SIGMA2HIVE_SINKS", "elasticsearch:soc-alerts")
    status, words, _ = look(elasticsearch.users.monitor, index).of("privileges")[-1]
    assert status == "problem"
    assert "lacks create_index, index, read on soc-alerts" in words
    status, words, _ = look(elasticsearch.users.admin, index).of("privileges")[-1]
    assert status == "ok"
    assert "may write alerts to the index soc-alerts" in words


def test_a_superuser_is_told_to_be_too_much_in_few_words(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    index = indices.create(MAPPING, [event(minutes=3)])
    seen = look(elasticsearch.users.admin, index)
    assert seen.exit_code == 0
    ((status, _, names),) = seen.of("privileges")
    assert (status, names) == ("warning", ["all on the cluster", "all on all indices"])


def test_patterns_without_index_events_or_news_are_named(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    empty = indices.create(MAPPING, name="empty")
    old = indices.create(MAPPING, [event(days=3)], name="old")
    timeless = indices.create(MAPPING, [{"message": "x"}], name="timeless")
    fresh = indices.create(MAPPING, [event(seconds=3)], name="fresh")
    patterns = [empty, old, timeless, fresh, "s2h-nowhere-*"]
    seen = look(elasticsearch.users.reader, *patterns)
    assert seen.exit_code == 1
    problem, without, stale, fine = seen.of("indices")
    assert problem[0] == "problem"
    assert problem[1].startswith("no index fits 1 of 5 patterns: 1 rule cannot")
    assert problem[2] == ["s2h-nowhere-* (1 rule)"]
    assert (without[0], without[2]) == ("warning", [empty])
    assert (stale[0], stale[2]) == (
        "warning",
        [f"{old} (3 d ago)", f"{timeless} (without @timestamp)"],
    )
    assert fine == ("ok", "events are in 1 pattern, the newest just now", [])


def test_a_pattern_that_the_snapshot_knows_to_be_without_index_is_no_problem(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    fresh = indices.create(MAPPING, [event(seconds=3)], name="fresh")
    alone, besides = "s2h-nowhere-*", "s2h-nothing-*"
    patterns = (f"{fresh}', '{besides}", alone)
    seen = look(elasticsearch.users.reader, *patterns)
    assert seen.of("indices")[0][2] == [f"{besides} (1 rule)", f"{alone} (1 rule)"]
    environment = {"SIGMA2HIVE_ELASTICSEARCH_PASSWORD": elasticsearch.users.reader.password}
    assert CliRunner().invoke(main, ["schema", "pull"], env=environment).exit_code == 0
    again = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
    problem, fine = Seen(again.stdout, again.exit_code).of("indices")
    assert problem[1].startswith("no index fits 1 of 3 patterns: 1 rule cannot")
    assert problem[2] == [f"{alone} (1 rule)"]
    assert fine[0] == "ok"


def test_a_password_that_is_wrong_ends_the_questions(elasticsearch: Cluster, look: Look) -> None:
    reader = elasticsearch.users.reader
    seen = look(User(reader.name, "hunter2-is-wrong", reader.role), "s2h-*")
    assert seen.exit_code == 1
    assert [status for status, _, _ in seen.of("elasticsearch")] == ["problem"]
    assert seen.of("privileges")[0][0] == seen.of("indices")[0][0] == "skipped"


def test_a_cluster_that_nobody_connected_is_told(elasticsearch: Cluster, look: Look) -> None:
    seen = look(elasticsearch.users.reader, "elsewhere:logs-*")
    assert seen.exit_code == 4
    assert [status for status, _, _ in seen.of("privileges")] == ["skipped"]
    ((status, words, _),) = seen.of("indices")
    assert status == "problem"
    assert "elsewhere" in words


# What the real one cannot be brought to

SOMEBODY = User("anna", "hunter2-is-wrong", "")


def info(version: str) -> Answer:
    return Answer({"cluster_name": "soc", "version": {"number": version}})


def privileges(**indices: list[str]) -> Answer:
    index = {name: dict.fromkeys(had, True) for name, had in indices.items()}
    return Answer({"username": "anna", "cluster": {"monitor": True}, "index": index})


def found(documents: int) -> Answer:
    hits = {"total": {"value": documents, "relation": "eq"}, "hits": []}
    return Answer({"responses": [{"hits": hits, "aggregations": {"newest": {"value": None}}}]})


@pytest.mark.parametrize(
    ("version", "status"), [("8.19.0", "problem"), ("9.0.0", "ok"), ("10.1.0", "warning")]
)
def test_versions_that_are_not_known_are_told(look_at: Look, version: str, status: str) -> None:
    with answering(info(version), privileges(), found(0)) as server:
        seen = look_at(server.url, None, SOMEBODY, "logs")
    assert seen.of("elasticsearch")[0][0] == status


def test_security_that_is_off_is_a_warning(look_at: Look) -> None:
    words = "no handler found for uri [/_security/user/_has_privileges] and method [POST]"
    off = Answer({"error": words}, status=400)
    nothing = {"indices": [], "aliases": [], "data_streams": []}
    cursors = (off, Answer({}), Answer(nothing))
    with answering(info("9.3.2"), off, found(0), *cursors) as server:
        seen = look_at(server.url, None, SOMEBODY, "logs")
    assert seen.exit_code == 0
    ((status, said, _),) = seen.of("privileges")
    assert status == "warning"
    assert "security is off" in said
    assert seen.of("indices")[0][0] == "warning"


def test_privileges_that_are_too_many_are_named_once(look_at: Look) -> None:
    needed = ["read", "view_index_metadata"]
    had = privileges(
        **{"logs": [*needed, "write", "create", "index", "delete"], "*": ["read", "delete"]}
    )
    with answering(info("9.3.2"), had, found(0)) as server:
        seen = look_at(server.url, None, SOMEBODY, "logs")
    ((status, _, names),) = seen.of("privileges")
    assert status == "warning"
    assert names == ["delete on all indices", "read on all indices", "write on logs"]


def test_by_which_cursor_each_pattern_is_read_hangs_on_the_privilege(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    indices.create(MAPPING, [event(minutes=3)], name="cursor")
    [(status, seen, names)] = look(elasticsearch.users.monitor, "s2h-cursor-*").of("cursors")
    assert (status, names) == ("ok", ["s2h-cursor-*"])
    assert "however late" in seen
    [(status, seen, names)] = look(elasticsearch.users.reader, "s2h-cursor-*").of("cursors")
    assert (status, names) == ("warning", ["s2h-cursor-*"])
    assert "more than 25 h late is not" in seen


def test_an_index_that_cannot_be_asked_is_told_beside_those_that_can(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    ill = indices.create_red(MAPPING, name="ill")
    [(status, seen, names)] = look(elasticsearch.users.reader, "s2h-ill-*").of("cursors")
    assert (status, names) == ("problem", [ill])
    assert seen.startswith("1 index cannot be asked, and is not read until it can: ")
    assert "shard" in seen
    indices.create(MAPPING, [event(minutes=3)], name="well")
    found = look(elasticsearch.users.reader, "s2h-ill-*", "s2h-well-*").of("cursors")
    assert [(status, names) for status, _, names in found] == [
        ("warning", ["s2h-well-*"]),
        ("problem", [ill]),
    ]


def test_the_pipeline_that_is_advised_gives_every_document_the_time_of_its_arrival(
    elasticsearch: Cluster, indices: Indices, look: Look
) -> None:
    index = indices.create(MAPPING, [event(minutes=3)], name="advice")
    [line] = [o for o in look(elasticsearch.users.reader, index).lines if o["check"] == "cursors"]
    assert f"`monitor` on {index}" in line["to_do"]
    words = line["to_do"].split()
    puts = [words[at + 1 : at + 3] for at, word in enumerate(words) if word == "PUT"]
    for path, body in puts:
        json.loads(body)
        assert "_ingest/pipeline" in path or path == f"{index}/_settings"
    assert len(puts) == 2
