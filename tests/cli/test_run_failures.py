"""`run --since` where a part of Elasticsearch cannot be searched.

Whatever fails: the error says what to do, the exit code is 4, all that can be searched is, and a
rule that was not searched raises nothing, nor does a correlation that counts its events. The real
Elasticsearch fails where it can be brought to it; the rest is played.
"""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sigma2hive.cli import main
from tests.bench.accounts import INDEX_PREFIX
from tests.bench.answering import Answer, answering
from tests.bench.cluster import Cluster, Indices

MAPPING = {"properties": {"@timestamp": {"type": "date"}, "word": {"type": "keyword"}}}
RULE = """\
title: {title}
id: {id}
name: {name}
level: high
logsource: {{product: windows, service: {service}}}
detection:
    selection: {{word: evil}}
    condition: selection
"""
MANY = """\
title: Many there
id: 33333333-3333-4333-8333-333333333333
level: high
correlation:
    type: event_count
    rules: [there, here]
    timespan: 10m
    condition: {gte: 1}
    generate: true
"""
HERE, THERE = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def write_site(folder: Path, url: str, here: str, there: str, timeout: int = 60) -> None:
    """A repository with a rule for each of two patterns, and a correlation of both."""
    (folder / "mappings" / "schemas").mkdir(parents=True)
    (folder / "sigma_rules").mkdir()
    profile = {
        "profile": "site",
        "title": "Two indices",
        "field_types": {"word": "keyword"},
        "logsources": [
            {"product": "windows", "service": service, "indices": [pattern]}
            for service, pattern in (("here", here), ("there", there))
        ],
    }
    (folder / "mappings" / "schemas" / "site.yml").write_text(json.dumps(profile))
    rules = [
        RULE.format(title="Found there", id=THERE, name="there", service="there"),
        RULE.format(title="Found here", id=HERE, name="here", service="here"),
        MANY,
    ]
    for number, text in enumerate(rules):
        (folder / "sigma_rules" / f"{number}.yml").write_text(text)
    (folder / "sigma2hive.yml").write_text(
        f"profile: site\nelasticsearch: {{urls: ['{url}'], timeout_seconds: {timeout}}}\n"
    )


def event() -> dict[str, Any]:
    moment = datetime.now(UTC) - timedelta(minutes=5)
    return {"@timestamp": moment.isoformat(), "word": "EVIL"}


def run(*arguments: str) -> Result:
    line = ["run", "--once", "--since", "24h", *arguments]
    return CliRunner().invoke(main, line, catch_exceptions=False)


def only_here_was_searched(result: Result, *said: str) -> None:
    assert result.exit_code == 4, result.output
    assert "Found here" in result.stdout
    assert "Found there" not in result.stdout and "Many there" not in result.stdout
    assert "error S2H507: 1 rule not searched: " in result.stdout
    for words in said:
        assert words in result.stdout


@pytest.fixture
def real(
    tmp_path: Path, elasticsearch: Cluster, indices: Indices, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """What makes a repository in which `here` has an event, and `there` is the pattern given."""
    monkeypatch.chdir(tmp_path)
    reader = elasticsearch.users.reader
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_USERNAME", reader.name)
    monkeypatch.setenv("SIGMA2HIVE_ELASTICSEARCH_PASSWORD", reader.password)
    here = indices.create(MAPPING, [event()])
    return lambda there: write_site(tmp_path, elasticsearch.url, here, there)


def test_a_shard_that_failed(real: Callable[[str], None], indices: Indices) -> None:
    there = f"{INDEX_PREFIX}{uuid.uuid4().hex}"
    indices.names.append(there)
    settings = {"index.routing.allocation.require._name": "nowhere"}
    body = {"settings": settings, "mappings": MAPPING}
    indices.cluster.request("PUT", f"{there}?wait_for_active_shards=0", body)
    real(there)
    only_here_was_searched(run(), "hint: look at the cluster's health; nothing was taken as")


def test_a_closed_index(real: Callable[[str], None], indices: Indices) -> None:
    there = indices.create(MAPPING, [event()])
    indices.cluster.request("POST", f"{there}/_close")
    real(there)
    only_here_was_searched(run(), "cannot search a closed index", "hint: open the index")


def test_a_closed_index_among_others_is_told(real: Callable[[str], None], indices: Indices) -> None:
    name = uuid.uuid4().hex
    closed = indices.create(MAPPING, [event()], name=name)
    indices.create(MAPPING, [event()], name=name)
    indices.cluster.request("POST", f"{closed}/_close")
    real(f"{INDEX_PREFIX}{name}*")
    result = run()
    assert result.exit_code == 0
    assert "Found there" in result.stdout
    assert f"warning S2H507: events of it were not looked at: searching {INDEX_PREFIX}{name}*" in (
        " ".join(result.stderr.split())
    )
    assert f"cannot search a closed index: {closed}" in " ".join(result.stderr.split())
    assert run("--strict").exit_code == 1


def test_a_cluster_that_is_not_connected(real: Callable[[str], None]) -> None:
    real("elsewhere:logs-*")
    only_here_was_searched(run(), "[elsewhere]", "hint: connect it as a remote cluster")


def test_a_search_that_passes_later_raises_what_was_missing(
    real: Callable[[str], None], indices: Indices
) -> None:
    there = indices.create(MAPPING, [event()])
    indices.cluster.request("POST", f"{there}/_close")
    real(there)
    run()
    indices.cluster.request("POST", f"{there}/_open?wait_for_active_shards=1")
    result = run()
    assert result.exit_code == 0
    assert "1 already there" in result.stdout and "2 stored" in result.stdout
    assert "Found there" in result.stdout and "Many there" in result.stdout


def hits(*found: dict[str, Any]) -> dict[str, Any]:
    shards = {"total": 1, "successful": 1, "failed": 0}
    rows = [
        {"_index": "logs", "_id": str(number), "_source": entry}
        for number, entry in enumerate(found)
    ]
    return {"status": 200, "timed_out": False, "_shards": shards, "hits": {"hits": rows}}


def error(kind: str, status: int) -> dict[str, Any]:
    reason = {"type": kind, "reason": "because"}
    return {"status": status, "error": {**reason, "root_cause": [reason]}}


FAILED_SHARD = {
    **hits(event()),
    "_shards": {
        "total": 2,
        "successful": 1,
        "failed": 1,
        "failures": [{"shard": 1, "reason": {"type": "io", "reason": "disk on fire"}}],
    },
}
SKIPPED_CLUSTER = {**hits(event()), "_clusters": {"total": 2, "successful": 1, "skipped": 1}}
PARTS: dict[str, tuple[dict[str, Any], str]] = {
    "busy": (error("es_rejected_execution_exception", 429), "hint: ask again later"),
    "memory": (error("circuit_breaking_exception", 429), "hint: ask for less at once"),
    "broken": (error("null_pointer_exception", 500), "hint: look into the server's log"),
    "no-shards": (error("no_shard_available_action_exception", 503), "the cluster's health"),
    "search-ended": (error("search_timeout_exception", 504), "hint: search less at once"),
    "timed-out": ({**hits(event()), "timed_out": True}, "hint: search less at once"),
    "failed-shard": (FAILED_SHARD, "left out 1 of 2 shards: disk on fire"),
    "skipped-cluster": (SKIPPED_CLUSTER, "hint: look at `GET _remote/info`"),
}


@pytest.mark.parametrize(("part", "said"), PARTS.values(), ids=PARTS)
def test_one_search_of_a_request_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(Answer({"responses": [part, hits(event())]})) as server:
        write_site(tmp_path, server.url, "here-*", "there-*")
        only_here_was_searched(run(), said)


WHOLE: dict[str, tuple[Answer | None, str]] = {
    "no-answer": (None, "hint: ask for less at once, or raise elasticsearch.timeout_seconds"),
    "busy": (Answer(error("es_rejected_execution_exception", 429), 429), "hint: ask again later"),
    "broken": (Answer(error("null_pointer_exception", 500), 500), "look into the server's log"),
    "gateway": (Answer("<html>", 502, {}, "text/html"), "hint: check that the cluster runs"),
    "unavailable": (Answer("<html>", 503, {}, "text/html"), "hint: check that the cluster runs"),
}


@pytest.mark.parametrize(("answer", "said"), WHOLE.values(), ids=WHOLE)
def test_a_server_that_answers_no_search_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(answer) as server:
        write_site(tmp_path, server.url, "here-*", "there-*", timeout=1)
        result = run("--json")
    assert result.exit_code == 4
    assert "error S2H507: " in result.stderr and said in result.stderr
    assert "alert" not in result.stdout


def many_rules(folder: Path, count: int) -> None:
    """Put rules before those of the site, so that there is more than one request."""
    for number in range(count):
        rule_id = f"44444444-4444-4444-8444-{number:012}"
        text = RULE.format(title="Other", id=rule_id, name=f"other{number}", service="there")
        (folder / "sigma_rules" / f"0{number:04}.yml").write_text(text)


def test_a_request_that_failed_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = (None, Answer({"responses": [hits(), hits(event())]}))
    with answering(*answers) as server:
        write_site(tmp_path, server.url, "here-*", "there-*", timeout=1)
        many_rules(tmp_path, 50)
        result = run()
    assert result.exit_code == 4
    assert "error S2H507: 50 rules not searched: sending 50 searches" in result.stdout
    assert "Found here" in result.stdout


def test_a_server_that_keeps_failing_is_not_asked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    busy = Answer(error("es_rejected_execution_exception", 429), 429)
    with answering(Answer({"responses": [hits()] * 50}), busy) as server:
        write_site(tmp_path, server.url, "here-*", "there-*")
        many_rules(tmp_path, 250)
        result = run()
    assert result.exit_code == 4
    assert "error S2H507: 202 rules not searched: " in result.stdout
    assert len(server.asked) == 3
