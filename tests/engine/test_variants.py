"""Variants of a test's event: other letter case, missing fields, and what the rule says then."""

import pytest

from sigma2hive.compiler import compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.engine import case_variant, matches, missing_variants
from sigma2hive.model.events import Event, EventKey, EventKeyKind
from sigma2hive.model.rules import CompiledRule, DetectionRepository, DetectionRule
from sigma2hive.schema import load_profile
from sigma2hive.sigma import parse_document
from sigma2hive.yamlmarks import parse_yaml

KEY = EventKey(EventKeyKind.CONTENT, ("0", "0"))
SYSMON = {"event.code": ("1",), "winlog.channel": ("Microsoft-Windows-Sysmon/Operational",)}


def rule(detection: str) -> CompiledRule:
    text = f"""
title: A rule
id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d
level: low
logsource: {{product: windows, category: process_creation}}
detection: {detection}
"""
    problems = Diagnostics()
    (document,) = parse_yaml("rule.yml", text.encode(), problems)
    read = parse_document(document, {}, problems)
    profile = load_profile("winlogbeat", None, problems)
    assert isinstance(read, DetectionRule)
    assert profile is not None
    (made,) = compile_all(DetectionRepository(rules=(read,)), profile, problems).rules
    return made


def event(**fields: str) -> Event:
    values = {name.replace("__", "."): (text,) for name, text in fields.items()}
    return Event(KEY, 0, {**SYSMON, **values}, b"{}")


def test_the_changed_event_differs_in_every_letter_that_has_another_case() -> None:
    changed = case_variant(
        rule("{s: {CommandLine: a}, condition: s}"),
        event(process__command_line="Ab1 é", user__name="anna"),
    )

    assert changed.event.values["process.command_line"] == ("aB1 É",)
    assert changed.event.values["user.name"] == ("ANNA",)


def test_letters_without_a_single_partner_and_times_stay() -> None:
    text = "straße İ \u212a ſ"
    changed = case_variant(
        rule("{s: {CommandLine: a}, condition: s}"),
        event(process__command_line=text, event__created="2026-01-01T00:00:00Z"),
    )

    # ß has two letters as its upper case; the Kelvin sign is no k.
    assert changed.event.values["process.command_line"] == ("STRAßE İ \u212a ſ",)
    assert changed.event.values["event.created"] == ("2026-01-01T00:00:00Z",)


@pytest.mark.parametrize(
    ("detection", "line", "is_found", "is_found_changed"),
    [
        ("{s: {CommandLine|contains: ' -Enc '}, condition: s}", "ps -enc x", True, True),
        ("{s: {CommandLine|contains|cased: ' -enc '}, condition: s}", "ps -enc x", True, False),
        ("{s: {CommandLine|re: ' -enc '}, condition: s}", "ps -enc x", True, False),
        ("{s: {CommandLine|re|i: ' -enc '}, condition: s}", "ps -enc x", True, True),
        ("{s: {CommandLine|re: ' -[0-9] '}, condition: s}", "ps -1 x", True, True),
        # An exception in one letter case only no longer excepts.
        (
            "{s: {CommandLine|contains: ps}, f: {CommandLine|re: safe}, condition: s and not f}",
            "ps safe",
            False,
            True,
        ),
    ],
)
def test_only_what_looks_at_case_changes_what_is_expected(
    detection: str, line: str, is_found: bool, is_found_changed: bool
) -> None:
    made, given = rule(detection), event(process__command_line=line)

    variant = case_variant(made, given)

    assert matches(made, given) is is_found
    assert variant.expected is is_found_changed
    assert matches(made, variant.event) is is_found_changed


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ("{s: {CommandLine: x}, condition: s}", {"process.command_line": False}),
        (
            "{s: {CommandLine: x}, f: {ParentImage: y}, condition: s and not f}",
            {"process.command_line": False, "process.parent.executable": True},
        ),
        ("{s: {CommandLine: null}, condition: s}", {"process.command_line": True}),
        ("{s: {CommandLine|exists: true}, condition: s}", {"process.command_line": False}),
        ("{s: {CommandLine|exists: false}, condition: s}", {"process.command_line": True}),
        ("{s: {CommandLine|neq: x}, condition: s}", {"process.command_line": True}),
        (
            "{s: {CommandLine|fieldref: ParentImage}, condition: s}",
            {"process.command_line": False, "process.parent.executable": False},
        ),
    ],
)
def test_a_missing_field_meets_what_asks_for_its_absence_and_nothing_else(
    detection: str, expected: dict[str, bool]
) -> None:
    made = rule(detection)
    given = event(process__command_line="x", process__parent__executable="y")

    variants = {variant.name: variant for variant in missing_variants(made, given)}

    assert {name: variant.expected for name, variant in variants.items()} == {
        f"without {path}": is_met for path, is_met in expected.items()
    }
    assert all(matches(made, entry.event) is entry.expected for entry in variants.values())
