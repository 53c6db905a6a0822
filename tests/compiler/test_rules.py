"""Rules made ready for a profile of a team's own: gates, fields, filters, what is left out."""

from pathlib import Path
from textwrap import dedent

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.engine import matches
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.rules import Compiled, CompiledRule
from sigma2hive.model.values import flatten
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile

PROFILE = """\
profile: site
title: A site's own
field_types: {src.ip: ip, port: long}
derived:
    who: {join: [user.domain, user.name], separator: '\\'}
logsources:
    - product: windows
      indices: [site-*]
      default_prefix: data.
      also_read: data.{field}
      dropped: ['-', '']
      keyword_fields: [message, data.*]
      fields: {EventID: event.code, User: who, IpAddress: src.ip}
    - product: windows
      service: security
      any_of:
        - {channel: Security}
    - product: windows
      category: process_creation
      any_of:
        - {channel: Sysmon*, event.code: '1'}
        - {channel: Security, event.code: ['4688', '592']}
    - {product: windows, service: system, dropped: [], empty_is_absent: true, keyword_fields: ['*']}
    - product: silent
      indices: [silent-*]
"""
RULE_ID = "5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d"


def rule(selection: str, logsource: str = "service: security", more: str = "") -> str:
    return (
        f"title: A rule\nid: {RULE_ID}\nlevel: low\n{more}"
        f"logsource:\n    product: windows\n    {logsource}\n"
        f"detection:\n    selection:\n        {selection}\n    condition: selection\n"
    )


def compiled(tmp_path: Path, *documents: str) -> tuple[Compiled, Diagnostics]:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    (schemas / "site.yml").write_text(PROFILE)
    (tmp_path / "rules.yml").write_text("---\n".join(dedent(text) for text in documents))
    diagnostics = Diagnostics()
    profile = load_profile("site", schemas, diagnostics)
    assert profile is not None, [finding.message for finding in diagnostics]
    repository = load_repository([tmp_path / "rules.yml"], tmp_path, {}, diagnostics)
    return compile_all(repository, profile, diagnostics), diagnostics


def one(tmp_path: Path, *documents: str) -> CompiledRule:
    result, diagnostics = compiled(tmp_path, *documents)
    assert not list(diagnostics), [finding.message for finding in diagnostics]
    return result.rules[0]


def fires(compiled_rule: CompiledRule, document: dict) -> bool:
    key = EventKey(EventKeyKind.CONTENT, ("x", "0"))
    return matches(compiled_rule, Event(key, 0, flatten(document), b""))


def test_the_log_source_gates_the_rule(tmp_path: Path) -> None:
    made = one(tmp_path, rule("Image: x", "category: process_creation"))
    assert fires(made, {"channel": "sysmon/operational", "event.code": 1, "data.Image": "X"})
    assert fires(made, {"channel": "Security", "event.code": "4688", "data.Image": "x"})
    assert not fires(made, {"channel": "Security", "event.code": "1", "data.Image": "x"})
    assert not fires(made, {"data.Image": "x"})
    assert made.indices == ("site-*",)


def test_a_mapped_field_is_read_where_either_setup_has_it(tmp_path: Path) -> None:
    made = one(tmp_path, rule("EventID: 4625"))
    assert fires(made, {"channel": "security", "event": {"code": "4625"}})
    assert fires(made, {"channel": "security", "data.EventID": 4625})


def test_derived_fields_are_put_together(tmp_path: Path) -> None:
    made = one(tmp_path, rule(r"User: 'CORP\Anna'"))
    assert fires(made, {"channel": "security", "user": {"domain": "corp", "name": "anna"}})
    assert not fires(made, {"channel": "security", "user": {"name": "anna"}})


def test_a_value_that_ingestion_drops_is_met_by_its_absence(tmp_path: Path) -> None:
    made = one(tmp_path, rule("IpAddress: '-'"))
    assert fires(made, {"channel": "security"})
    assert fires(made, {"channel": "security", "src.ip": "-"})
    assert not fires(made, {"channel": "security", "src.ip": "192.0.2.1"})


@pytest.mark.parametrize("asked", ["''", "null"])
@pytest.mark.parametrize(
    ("document", "is_met"),
    [
        ({}, True),
        ({"data.Image": ""}, True),
        ({"data.Image": ["", ""]}, True),
        ({"data.Image": "x"}, False),
        ({"data.Image": " "}, False),
        ({"data.Image": "\n"}, False),
        ({"data.Image": ["", "x"]}, False),
    ],
)
def test_where_events_keep_empty_texts_they_may_say_as_little_as_no_field(
    tmp_path: Path, asked: str, document: dict, is_met: bool
) -> None:
    made = one(tmp_path, rule(f"Image: {asked}", "service: system"))
    assert fires(made, document) == is_met


def test_keywords_may_be_looked_for_in_every_field(tmp_path: Path) -> None:
    made = one(tmp_path, rule("- '*EVIL*'", "service: system"))
    assert fires(made, {"any": {"where": ["fine", "an evil one"]}})
    assert not fires(made, {"evil": "fine"})


def test_the_index_type_reaches_the_evaluator(tmp_path: Path) -> None:
    made = one(tmp_path, rule("IpAddress: '::ffff:192.0.2.1'"))
    assert fires(made, {"channel": "security", "src.ip": "192.0.2.1"})


def test_keywords_search_the_fields_that_the_profile_names(tmp_path: Path) -> None:
    text = rule("x: 1").replace("selection:\n        x: 1", "selection:\n        - mimikatz")
    made = one(tmp_path, text)
    assert fires(made, {"channel": "security", "data.Anything": "a MIMIKATZ b"})
    assert not fires(made, {"channel": "security", "other": "mimikatz"})


FILTER = f"""\
title: Known
id: 11111111-1111-4111-8111-111111111111
logsource: {{product: windows}}
filter:
    rules: [{RULE_ID}]
    selection: {{User|endswith: backup}}
    condition: not selection
"""


def test_a_filter_takes_events_away_from_the_rules_it_names(tmp_path: Path) -> None:
    made = one(tmp_path, rule("EventID: 1"), FILTER)
    assert fires(made, {"channel": "security", "event.code": 1, "data.User": "anna"})
    assert not fires(made, {"channel": "security", "event.code": 1, "data.User": "SVC-Backup"})


def test_a_filter_that_fits_no_rule_is_reported(tmp_path: Path) -> None:
    _, diagnostics = compiled(tmp_path, rule("EventID: 1"), FILTER.replace(RULE_ID, "other"))
    assert [finding.code for finding in diagnostics] == ["S2H216"]


def test_a_filter_changes_the_digest_and_a_title_does_not(tmp_path: Path) -> None:
    variants = {
        "plain": [rule("EventID: 1")],
        "retitled": [rule("EventID: 1").replace("A rule", "Another")],
        "filtered": [rule("EventID: 1"), FILTER],
        "changed": [rule("EventID: 2")],
    }
    digests = {}
    for name, documents in variants.items():
        (tmp_path / name).mkdir()
        digests[name] = one(tmp_path / name, *documents).digest
    assert digests["plain"] == digests["retitled"]
    assert len(set(digests.values())) == 3


@pytest.mark.parametrize(
    ("logsource", "reason"),
    [
        ("service: unheard-of", "no row names service=unheard-of"),
        ("category: file_event", "no row names category=file_event"),
    ],
)
def test_a_log_source_without_a_place_is_left_out(
    tmp_path: Path, logsource: str, reason: str
) -> None:
    result, diagnostics = compiled(tmp_path, rule("EventID: 1", logsource))
    assert result.rules == ()
    assert len(result.left_out) == 1
    (finding,) = diagnostics
    assert finding.code == "S2H404"
    assert reason in finding.message


def test_keywords_without_a_place_to_search_are_left_out(tmp_path: Path) -> None:
    text = rule("x: 1").replace("product: windows\n    service: security", "product: silent")
    result, diagnostics = compiled(
        tmp_path, text.replace("selection:\n        x: 1", "selection:\n        - word")
    )
    assert result.rules == ()
    assert [finding.code for finding in diagnostics] == ["S2H404"]


CORRELATION = f"""\
title: Many
level: high
id: 22222222-2222-4222-8222-222222222222
correlation:
    type: event_count
    rules: [{RULE_ID}]
    group-by: [IpAddress]
    timespan: 10m
    condition: {{gte: 6}}
"""


def test_a_rule_that_feeds_a_correlation_is_silent_unless_it_generates(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert one(tmp_path / "a", rule("EventID: 4625"), CORRELATION).silent
    loud = CORRELATION.replace("timespan", "generate: true\n    timespan")
    assert not one(tmp_path / "b", rule("EventID: 4625"), loud).silent


def test_a_correlation_reads_its_groups_where_the_profile_has_them(tmp_path: Path) -> None:
    result, _ = compiled(tmp_path, rule("EventID: 4625"), CORRELATION)
    ((name, by_rule),) = result.correlations[0].group_by
    assert name == "IpAddress"
    assert [field.path for field in by_rule[RULE_ID]] == ["src.ip", "data.IpAddress"]


def test_an_alias_names_the_field_in_each_rule(tmp_path: Path) -> None:
    aliased = CORRELATION.replace("[IpAddress]", "[address]").replace(
        "timespan", f"aliases: {{address: {{{RULE_ID}: IpAddress}}}}\n    timespan"
    )
    result, _ = compiled(tmp_path, rule("EventID: 4625"), aliased)
    ((_, by_rule),) = result.correlations[0].group_by
    assert by_rule[RULE_ID][0].path == "src.ip"


def test_what_a_correlation_asks_is_its_epoch_and_its_text_is_not(tmp_path: Path) -> None:
    variants = {
        "plain": CORRELATION,
        "retitled": CORRELATION.replace("Many", "Very many"),
        "longer": CORRELATION.replace("10m", "20m"),
        "more": CORRELATION.replace("gte: 6", "gte: 7"),
        "elsewhere": CORRELATION.replace("IpAddress", "User"),
        "strictly": CORRELATION.replace("gte", "gt"),
        "by alias": CORRELATION.replace(
            "timespan", f"aliases: {{IpAddress: {{{RULE_ID}: SourceIp}}}}\n    timespan"
        ),
    }
    epochs = {}
    for name, text in variants.items():
        (tmp_path / name).mkdir()
        result, _ = compiled(tmp_path / name, rule("EventID: 4625"), text)
        epochs[name] = result.correlations[0].epoch
    assert epochs["plain"] == epochs["retitled"]
    assert len(set(epochs.values())) == 6


SECOND_ID = "6a1f1f1b-4a6f-4fa0-9a6d-3a2a1b2c3d4e"
ALIASED = f"""\
title: Many
id: 33333333-3333-4333-8333-333333333333
level: high
correlation:
    type: event_count
    rules: [{RULE_ID}, {SECOND_ID}]
    group-by: [address, user]
    aliases:
        address: {{{RULE_ID}: IpAddress, {SECOND_ID}: SourceIp}}
        user: {{{RULE_ID}: User, {SECOND_ID}: SubjectUser}}
    timespan: 10m
    condition: {{gte: 6, lte: 90}}
"""


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ("gte: 6, lte: 90", "lte: 90, gte: 6"),
        ("[address, user]", "[user, address]"),
        ("[address, user]", "[address, user, address]"),
        ("timespan: 10m", "timespan: 600s"),
        (f"[{RULE_ID}, {SECOND_ID}]", f"[{SECOND_ID}, {RULE_ID}]"),
        (f"[{RULE_ID}, {SECOND_ID}]", f"[first, {SECOND_ID}, {RULE_ID}]"),
        (f"{{{RULE_ID}: IpAddress", "{first: IpAddress"),
        (
            f"{{{RULE_ID}: IpAddress, {SECOND_ID}: SourceIp}}",
            f"{{{SECOND_ID}: SourceIp, first: IpAddress}}",
        ),
    ],
)
def test_saying_the_same_otherwise_starts_no_epoch(
    tmp_path: Path, written: str, otherwise: str
) -> None:
    assert written in ALIASED
    first = rule("EventID: 4625", more="name: first\n")
    second = rule("EventID: 4776").replace(RULE_ID, SECOND_ID)
    epochs = set()
    for name, text in (("one", ALIASED), ("two", ALIASED.replace(written, otherwise, 1))):
        (tmp_path / name).mkdir()
        result, diagnostics = compiled(tmp_path / name, first, second, text)
        assert not list(diagnostics)
        epochs.add(result.correlations[0].epoch)
    assert len(epochs) == 1


def test_a_correlation_over_a_missing_rule_is_left_out(tmp_path: Path) -> None:
    result, diagnostics = compiled(tmp_path, CORRELATION)
    assert result.correlations == ()
    assert [finding.code for finding in diagnostics] == ["S2H210"]
    assert len(result.left_out) == 1


def aliased(aliases: str, group_by: str = "address") -> str:
    return CORRELATION.replace("[IpAddress]", f"[{group_by}]").replace(
        "timespan", f"aliases: {aliases}\n    timespan"
    )


def second(selection: str = "EventID: 4776") -> str:
    return rule(selection, more="name: second\n").replace("5f0e0e0a", "6f0e0e0a")


BOTH = f"rules: [{RULE_ID}, second]"


@pytest.mark.parametrize(
    ("aliases", "group_by", "expected"),
    [
        # Of `second` nothing is said, and nothing says that it has a field `address`.
        (f"{{address: {{{RULE_ID}: IpAddress}}}}", "address", [("error", "S2H209")]),
        (f"{{address: {{{RULE_ID}: IpAddress, secnd: User}}}}", "address", [("error", "S2H210")]),
        (f"{{adress: {{{RULE_ID}: IpAddress}}}}", "IpAddress", [("warning", "S2H209")]),
        # What is left out has the field under the alias's own name.
        (f"{{IpAddress: {{{RULE_ID}: src.ip}}}}", "IpAddress", []),
        (f"{{address: {{{RULE_ID.upper()}: IpAddress, second: src.ip}}}}", "address", []),
        (
            f"{{address: {{{RULE_ID}: IpAddress, second: IpAdress}}}}",
            "address",
            [("warning", "S2H209")],
        ),
    ],
)
def test_an_alias_that_can_never_group_is_refused(
    tmp_path: Path, aliases: str, group_by: str, expected: list[tuple[str, str]]
) -> None:
    text = aliased(aliases, group_by).replace(f"rules: [{RULE_ID}]", BOTH)
    result, diagnostics = compiled(tmp_path, rule("EventID: 4625"), second(), text)
    found = [(finding.severity, finding.code) for finding in diagnostics]
    refused = ("error", expected[0][1]) in found if expected else False
    assert found == [*expected, *([("warning", "S2H217")] if refused else [])]
    assert len(result.correlations) == (0 if refused else 1)


def test_grouping_by_a_field_that_nobody_knows_is_told_with_the_nearest(tmp_path: Path) -> None:
    result, diagnostics = compiled(
        tmp_path, rule("EventID: 4625"), CORRELATION.replace("[IpAddress]", "[IpAdress]")
    )
    assert len(result.correlations) == 1
    (finding,) = diagnostics
    assert (finding.severity, finding.code) == ("warning", "S2H209")
    assert (finding.location.line, finding.location.column) == (18, 5)
    assert "'IpAddress'" in finding.hint


def test_grouping_by_a_field_that_the_rule_itself_asks_for_is_fine(tmp_path: Path) -> None:
    asked = rule("{EventID: 4625, LogonGuid|exists: true}".strip("{}").replace(", ", "\n        "))
    _, diagnostics = compiled(tmp_path, asked, CORRELATION.replace("[IpAddress]", "[LogonGuid]"))
    assert not list(diagnostics)


@pytest.mark.parametrize("refers", ["correlation", "filter"])
def test_a_name_that_two_rules_have_is_no_reference(tmp_path: Path, refers: str) -> None:
    texts = [second(), second().replace("6f0e0e0a", "7f0e0e0a").replace("A rule", "Another")]
    if refers == "correlation":
        texts.append(CORRELATION.replace(RULE_ID, "second"))
    else:
        texts.append(FILTER.replace(RULE_ID, "second"))
    result, diagnostics = compiled(tmp_path, *texts)
    codes = [finding.code for finding in diagnostics]
    assert codes == ["S2H210", *(["S2H217"] if refers == "correlation" else [])]
    assert "rules.yml:1:1 and rules.yml:13:1" in next(iter(diagnostics)).message
    assert len(result.left_out) == 1


def test_one_name_for_two_rules_is_fine_as_long_as_nobody_uses_it(tmp_path: Path) -> None:
    _, diagnostics = compiled(tmp_path, second(), second().replace("6f0e0e0a", "7f0e0e0a"))
    assert not list(diagnostics)
