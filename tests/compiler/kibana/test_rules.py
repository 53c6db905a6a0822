"""Detection rules as Kibana gets them: golden files, schemas, and what each part says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sigma2hive.compiler import Artefact, Refusal
from sigma2hive.compiler.kibana import KibanaTarget
from sigma2hive.compiler.kibana.rules import rule_id_of
from sigma2hive.settings.keys import KibanaRuleSettings, RiskScores
from tests.compiler.kibana.world import (
    RULE_ID,
    emitted,
    refusals_of,
    rule_of,
    validator,
)

GOLDEN = Path(__file__).parent.parent.parent / "golden" / "kibana"
#: Golden file → one of our own rules, and the profile.
CASES = {
    "lsass-on-winlogbeat": ("windows/proc_access_win_lsass_memory_read.yml", "winlogbeat"),
    "shadow-copies-on-elastic-agent": (
        "windows/proc_creation_win_shadow_copies_deleted.yml",
        "elastic-agent",
    ),
    "cloudtrail-on-elastic-agent": ("cloud/aws_cloudtrail_logging_stopped.yml", "elastic-agent"),
    "proxy-on-ecs": ("network/net_proxy_program_from_bare_address.yml", "ecs"),
}

RULE = f"""\
title: A title
id: {RULE_ID}
status: test
description: What it is.
author: Ann Example, Ben Example (team; night)
date: 2026-01-02
tags: [attack.execution, attack.t1059.001]
logsource: {{product: windows, category: process_creation}}
detection:
    selection:
        CommandLine|contains: foo
    condition: selection
level: high
"""

CORRELATION = """\
title: Base
id: 11111111-1111-4111-8111-111111111111
name: base
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4625}
    condition: selection
level: low
---
title: Many
id: 22222222-2222-4222-8222-222222222222
correlation:
    type: event_count
    rules: [base]
    group-by: [IpAddress]
    timespan: 15m
    condition: {gte: 6}
level: medium
"""
ALLOWED = CORRELATION + "sigma2hive: {kibana: {allow_approximate: true}}\n"


@pytest.mark.parametrize("case", CASES)
def test_a_rule_is_written_exactly_so(case: str, project_root: Path, update_golden: bool) -> None:
    name, profile = CASES[case]
    rules = project_root / "sigma_rules"
    (artefact,) = emitted([rules / name], project_root, profile)
    assert isinstance(artefact, Artefact)
    expected = GOLDEN / f"{case}.json"
    if update_golden:
        expected.write_text(artefact.text, encoding="utf-8")
    assert artefact.text == expected.read_text(encoding="utf-8")


def test_there_is_a_rule_for_every_golden_file() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)


def test_golden_rules_are_as_published(shared: Path) -> None:
    schema = validator(shared, "query")
    for path in GOLDEN.iterdir():
        schema.validate(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("profile", "least"), [("winlogbeat", 2400), ("elastic-agent", 3000)])
def test_all_rules_of_sigmahq_are_as_published(shared: Path, profile: str, least: int) -> None:
    schema, root = validator(shared, "query"), shared / "data" / "sigmahq"
    made = emitted([root], root, profile)
    written = [entry for entry in made if isinstance(entry, Artefact)]
    assert len(written) > least
    for artefact in written:
        assert artefact.text.startswith(KibanaTarget.mark)
        body = json.loads(artefact.text)
        schema.validate(body)
        assert body["max_signals"] and body["index"]
        assert body["filters"][0]["query"] not in ({}, {"match_all": {}})
        texts = {key: value for key, value in body.items() if key not in ("filters", "meta")}
        assert "{{" not in "".join(_texts_in(texts))
    for entry in made:
        if isinstance(entry, Refusal):
            assert entry.findings
            assert all(finding.message and finding.hint for finding in entry.findings)
    # What Kibana imports holds each rule once, and takes no more than it takes at once.
    files = list(KibanaTarget().gather(lines_of(written)))
    assert max(len(entry.text.encode()) for entry in files) < 10 * 1024 * 1024
    lines = [line for entry in files for line in entry.text.splitlines()]
    assert [json.loads(line)["rule_id"] for line in lines] == sorted(
        json.loads(entry.text)["rule_id"] for entry in written
    )


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for part in value.values() for text in _texts_in(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _texts_in(part))


def test_the_import_is_one_rule_a_line_with_the_same_content(project_root: Path) -> None:
    rules = project_root / "sigma_rules" / "windows"
    written = [
        entry
        for entry in emitted([rules], project_root, "winlogbeat")
        if isinstance(entry, Artefact)
    ]
    (gathered,) = KibanaTarget().gather(lines_of(written))
    assert gathered.name == "rules.ndjson"
    lines = gathered.text.splitlines()
    assert all(line.startswith(KibanaTarget.mark) for line in lines)
    by_name = sorted(written, key=lambda entry: entry.name)
    assert list(map(json.loads, lines)) == [json.loads(entry.text) for entry in by_name]
    assert list(KibanaTarget().gather({})) == []
    # Each of them is known again by its rule's file.
    assert dict(KibanaTarget().lines_in(gathered.text)) == lines_of(written)


def lines_of(written: list[Artefact]) -> dict[str, str]:
    return {entry.name: KibanaTarget().line_of(entry.text) for entry in written}


def test_the_same_rule_has_the_same_bytes_wherever_it_stands(tmp_path: Path) -> None:
    first = rule_of(tmp_path, RULE)
    assert rule_of(tmp_path, "# a comment\n" + RULE) == first
    assert rule_of(tmp_path, RULE.replace("foo", "bar")) != first


def test_a_rule_says_all_that_sigma_says_of_it(tmp_path: Path) -> None:
    body = rule_of(tmp_path, RULE)
    assert body["rule_id"] == RULE_ID
    assert (body["type"], body["language"], body["query"]) == ("query", "kuery", "")
    assert (body["severity"], body["risk_score"], body["enabled"]) == ("high", 73, False)
    assert body["author"] == ["Ann Example", "Ben Example (team; night)"]
    assert (body["interval"], body["from"], body["to"]) == ("5m", "now-10m", "now")
    assert body["max_signals"] == 1000
    assert body["index"] == ["winlogbeat-*"]
    assert body["timestamp_override"] == "event.ingested"
    assert body["exceptions_list"] == []
    assert "building_block_type" not in body
    assert "process.command_line" in body["investigation_fields"]["field_names"]
    assert {"sigma", "product: windows", "attack.t1059.001"} <= set(body["tags"])
    assert body["meta"]["sigma2hive"]["id"] == RULE_ID


@pytest.mark.parametrize(
    ("level", "severity", "score"),
    [
        ("informational", "low", 5),
        ("low", "low", 21),
        ("medium", "medium", 47),
        ("high", "high", 73),
        ("critical", "critical", 99),
    ],
)
def test_kibana_knows_four_severities(
    tmp_path: Path, level: str, severity: str, score: int
) -> None:
    body = rule_of(tmp_path, RULE.replace("level: high", f"level: {level}"))
    assert (body["severity"], body["risk_score"]) == (severity, score)


def test_an_id_in_capitals_is_the_same_rule() -> None:
    assert rule_id_of(RULE_ID.upper()) == RULE_ID
    other = rule_id_of("not-a-uuid")
    assert other == rule_id_of("not-a-uuid") != rule_id_of("not-a-uuid-either")


def test_settings_say_how_rules_run(tmp_path: Path) -> None:
    settings = KibanaRuleSettings(
        enabled=True,
        interval_minutes=10,
        look_back_minutes=3,
        max_signals=50,
        namespace="prod",
        risk_scores=RiskScores(high=80),
    )
    body = rule_of(tmp_path, RULE, "elastic-agent", settings)
    assert (body["enabled"], body["interval"], body["from"]) == (True, "10m", "now-13m")
    assert (body["max_signals"], body["risk_score"]) == (50, 80)
    assert "logs-windows.sysmon_operational-prod" in body["index"]
    assert not [pattern for pattern in body["index"] if not pattern.endswith("-prod")]


def test_every_data_stream_of_a_kind_keeps_its_kind(tmp_path: Path) -> None:
    text = RULE.replace("{product: windows, category: process_creation}", "{category: dns}")
    text = text.replace("CommandLine|contains: foo", "query: foo.example")
    settings = KibanaRuleSettings(namespace="prod")
    assert rule_of(tmp_path, text, "elastic-agent", settings)["index"] == ["logs-*-prod"]


def test_fields_are_listed_with_types_where_that_is_asked_for(tmp_path: Path) -> None:
    body = rule_of(tmp_path, RULE, settings=KibanaRuleSettings(requirements=True))
    required = {field["name"]: (field["type"], field["ecs"]) for field in body["required_fields"]}
    assert required["process.command_line"] == ("wildcard", True)
    assert required["winlog.channel"][1] is False
    assert "required_fields" not in rule_of(tmp_path, RULE)


def test_integrations_are_those_that_fill_the_data_streams(tmp_path: Path) -> None:
    wanted = KibanaRuleSettings(requirements=True)
    found = rule_of(tmp_path, RULE, "elastic-agent", settings=wanted)["related_integrations"]
    assert [entry["package"] for entry in found] == ["endpoint", "system", "windows"]
    assert all(entry["version"].startswith(">=") for entry in found)
    assert rule_of(tmp_path, RULE, "winlogbeat", settings=wanted)["related_integrations"] == []
    text = RULE.replace(
        "product: windows, category: process_creation", "product: aws, service: cloudtrail"
    )
    text = text.replace("CommandLine|contains", "eventName")
    (aws,) = rule_of(tmp_path, text, "elastic-agent", settings=wanted)["related_integrations"]
    assert (aws["package"], aws["integration"]) == ("aws", "cloudtrail")


def test_a_filter_is_in_the_query_and_named(tmp_path: Path) -> None:
    plain = rule_of(tmp_path, RULE)
    body = rule_of(
        tmp_path,
        RULE
        + "---\ntitle: Mute the backup\nid: 33333333-3333-4333-8333-333333333333\n"
        + "logsource: {product: windows, category: process_creation}\n"
        + f"filter:\n    rules: [{RULE_ID}]\n    selection: {{ParentImage: 'C:\\\\backup.exe'}}\n"
        + "    condition: not selection\n",
    )
    assert body["filters"] != plain["filters"]
    assert "backup.exe" in json.dumps(body["filters"])
    assert "Mute the backup" in body["setup"]
    assert body["exceptions_list"] == []


def test_what_query_dsl_cannot_say_is_refused_with_part_reason_and_way_out(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(RULE.replace("CommandLine|contains: foo", "CommandLine|fieldref: Image"))
    (refusal,) = emitted([path], tmp_path, "winlogbeat")
    assert isinstance(refusal, Refusal)
    (finding,) = refusal.findings
    assert finding.code == "S2H301"
    assert finding.location.line == 11
    assert "CommandLine|fieldref" in finding.message and "compare two fields" in finding.message
    assert "dsl" in finding.hint


def test_correlations_and_their_base_rules_are_refused(tmp_path: Path) -> None:
    found = refusals_of(tmp_path, CORRELATION)
    assert [code for code, _ in found] == ["S2H330", "S2H302"]
    assert "sliding window" in found[1][1]


def test_a_threshold_rule_is_written_where_it_is_asked_for(tmp_path: Path, shared: Path) -> None:
    body = rule_of(tmp_path, ALLOWED)
    validator(shared, "threshold").validate(body)
    assert body["type"] == "threshold"
    assert body["threshold"] == {"field": ["source.ip"], "value": 6, "cardinality": []}
    # It counts what one run sees: exactly the timespan.
    assert (body["from"], body["interval"]) == ("now-15m", "5m")
    assert "only comes near" in body["note"]
    assert rule_of(tmp_path, CORRELATION, settings=KibanaRuleSettings(allow_approximate=True))


def test_a_threshold_rule_counts_values(tmp_path: Path) -> None:
    text = ALLOWED.replace("event_count", "value_count").replace(
        "{gte: 6}", "{gt: 6, field: TargetUserName}"
    )
    assert rule_of(tmp_path, text)["threshold"] == {
        "field": ["source.ip"],
        "value": 1,
        "cardinality": [{"field": "winlog.event_data.TargetUserName", "value": 7}],
    }


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{gte: 6}", "{gte: 6, lt: 9}", "one lower bound"),
        ("[IpAddress]", "[a, b, c, d, e, f]", "5 fields at most"),
        (
            "event_count\n    rules: [base]\n    group-by: [IpAddress]\n    timespan: 15m\n"
            "    condition: {gte: 6}",
            "value_sum\n    rules: [base]\n    timespan: 15m\n"
            "    condition: {gte: 6, field: LogonType}",
            "nothing for value_sum",
        ),
    ],
)
def test_what_a_threshold_rule_cannot_say_is_refused_all_the_same(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    found = refusals_of(tmp_path, ALLOWED.replace(old, new))
    assert reason in dict(found)["S2H302"]
