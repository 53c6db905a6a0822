"""Explanations name what decided, in the rule's own words, with what the event has."""

import pytest

from sigma2hive.engine import explain_rule
from sigma2hive.model.explanations import decisive
from sigma2hive.reports import reason_lines, tree_lines
from tests.engine.test_variants import event, rule

DETECTION = """{
    selection_program: {Image|endswith: ['\\a.exe', '\\b.exe', '\\c.exe', '\\d.exe']},
    selection_line: {CommandLine|contains: ' -enc '},
    filter_parent: {ParentImage: null},
    condition: all of selection_* and not filter_parent}"""


def reasons(**fields: str) -> list[str]:
    return list(
        reason_lines(decisive(explain_rule(rule(DETECTION), event(**fields).values).condition))
    )


def test_a_part_that_does_not_hold_is_told_with_what_the_event_has() -> None:
    told = reasons(
        process__executable="C:\\b.exe",
        process__command_line="x -e y",
        process__parent__executable="z",
    )

    assert told == [
        "selection_line: CommandLine|contains ' -enc ' — the event has "
        "process.command_line 'x -e y'"
    ]


def test_an_absent_field_and_an_exception_that_holds_are_told() -> None:
    told = reasons(process__command_line="x -ENC y")

    assert told == [
        "selection_program: Image|endswith none of '\\a.exe', '\\b.exe', '\\c.exe' and 1 more "
        "— the event has no process.executable",
        "filter_parent holds: ParentImage null — the event has no process.parent.executable",
    ]


def test_what_made_a_rule_match_is_told() -> None:
    told = reasons(
        process__executable="C:\\D.exe",
        process__command_line="x -ENC y",
        process__parent__executable="z",
    )

    assert told == [
        "selection_program: Image|endswith '\\d.exe' — the event has "
        "process.executable 'C:\\D.exe'",
        "selection_line: CommandLine|contains ' -enc ' — the event has "
        "process.command_line 'x -ENC y'",
        "filter_parent does not hold: ParentImage null — the event has "
        "process.parent.executable 'z'",
    ]


def test_hostile_values_are_visible_and_cut() -> None:
    made = rule("{s: {CommandLine: y}, condition: s}")
    hostile = event(process__command_line="\x1b[2J\u202e" + "x" * 10_000)

    (line,) = reason_lines(explain_rule(made, hostile.values).condition)

    assert "<U+001B>[2J<U+202E>" in line
    assert line.endswith("…'")
    assert len(line) < 500


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("s", ["s: all of"]),
        ("not s", ["not", "s: all of"]),
        ("s or t", ["any of", "s: all of", "t: ParentImage 'p'"]),
    ],
)
def test_a_selection_is_named_once_where_it_begins(condition: str, expected: list[str]) -> None:
    made = rule(
        f"{{s: {{Image: i, CommandLine: c}}, t: {{ParentImage: p}}, condition: {condition}}}"
    )
    lines = tree_lines(explain_rule(made, event().values).condition)

    named = [line.text for line in lines if line.holds is not None]
    assert [text for text in named if ":" in text or text in ("not", "any of")] == expected


def test_a_selection_with_neq_is_the_selection_and_not_its_opposite() -> None:
    made = rule("{s: {Image|neq: i}, condition: s}")

    node = explain_rule(made, event(process__executable="other").values).condition

    assert (node.selection, node.holds) == ("s", True)
