"""Rules, correlations and filters from YAML: what is read, and what is said about mistakes."""

from decimal import Decimal

import pytest

from sigma2hive.model.conditions import atoms_of
from sigma2hive.model.rules import (
    CorrelationRule,
    DetectionRule,
    FilterRule,
    Level,
    RefusedCorrelation,
)
from tests.sigma_texts import HEAD, detection, parse

CORRELATION = """\
title: Failed logons from one address
id: 7c1d4f0c-98c3-4a5f-9a0e-8a1f6a1e2b3c
level: medium
correlation:
    type: event_count
    rules: [failed_logon]
    group-by: [IpAddress]
    timespan: 10m
    condition:
        gte: 6
"""
FILTER = """\
title: Backup account
id: 0e2f7a62-55b0-4f0e-9d43-0f6f6a1d2e3f
logsource:
    product: windows
filter:
    rules: any
    selection:
        User|endswith: 'svc-backup'
    condition: not selection
"""
SELECTION = detection("selection:\n    A: 1\ncondition: selection")


def findings(text: str) -> list[str]:
    """Findings as "line:column code"."""
    _, diagnostics = parse(text)
    return [
        f"{finding.location.line}:{finding.location.column} {finding.code}"
        for finding in diagnostics
    ]


def test_a_file_may_hold_a_rule_a_correlation_and_a_filter() -> None:
    documents, diagnostics = parse(f"{SELECTION}---\n{CORRELATION}---\n{FILTER}")
    assert [type(entry) for entry in documents] == [DetectionRule, CorrelationRule, FilterRule]
    assert not list(diagnostics)
    assert [entry.info.location.line for entry in documents] == [1, 12, 23]


def test_a_correlation_keeps_its_figures() -> None:
    (rule,), _ = parse(CORRELATION)
    assert isinstance(rule, CorrelationRule)
    assert rule.timespan_ns == 600 * 1_000_000_000
    assert [(bound.operator, bound.number) for bound in rule.bounds] == [("gte", 6)]
    assert rule.group_by == ("IpAddress",)
    assert rule.info.level is Level.MEDIUM


def test_every_atom_knows_its_place_and_what_was_written() -> None:
    text = detection("""
        selection:
            Image|endswith:
                - '\\a.exe'
                - '\\b.exe'
        condition: selection
    """)
    (rule,), _ = parse(text)
    assert isinstance(rule, DetectionRule)
    origins = [atom.origin for atom in atoms_of(rule.condition)]
    assert [(origin.item, origin.value) for origin in origins] == [
        ("Image|endswith", "\\a.exe"),
        ("Image|endswith", "\\b.exe"),
    ]
    assert [origin.location.line for origin in origins] == [10, 11]


@pytest.mark.parametrize(
    ("detection_text", "expected"),
    [
        ("selection:\n    A|bogus: 1\ncondition: selection", "9:9 S2H203"),
        ("selection:\n    A: 1\ncondition: selektion", "10:16 S2H206"),
        ("selection:\n    A: 1\ncondition: selection and 1 of filter_*", "10:30 S2H206"),
        ("selection:\n    A: 1\ncondition: selection | count() > 5", "10:26 S2H205"),
        ("selection:\n    A: 1\ncondition: selection and", "10:29 S2H205"),
        ("selection:\n    A: 1\ncondition: [selection, nope]", "10:28 S2H206"),
        ("selection:\n    A: 1", "7:1 S2H204"),
        ("selection: {}\ncondition: selection", "8:5 S2H204"),
        ("selection: []\ncondition: selection", "8:5 S2H204"),
        ("selection:\n    A: []\ncondition: selection", "9:9 S2H207"),
        ("selection:\n    A|re: '('\ncondition: selection", "9:9 S2H215"),
        ("selection:\n    A|re: 5\ncondition: selection", "9:9 S2H207"),
        ("selection:\n    A|cidr: 300.0.0.0/8\ncondition: selection", "9:9 S2H207"),
        ("selection:\n    A|gte: many\ncondition: selection", "9:9 S2H207"),
        ("selection:\n    A|base64: 'a*'\ncondition: selection", "9:9 S2H207"),
        ("selection:\n    A|expand: '%users%'\ncondition: selection", "9:9 S2H212"),
        ("selection:\n    A: {b: c}\ncondition: selection", "9:9 S2H204"),
        ("keywords:\n    - null\ncondition: keywords", "9:11 S2H207"),
        ("selection:\n    A:\n        - x\n        - {y: z}\ncondition: selection", "9:9 S2H204"),
    ],
)
def test_a_mistake_in_a_detection_has_its_place(detection_text: str, expected: str) -> None:
    assert findings(detection(detection_text)) == [expected]


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("id: 5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d\n", "", "1:1 S2H201"),
        ("5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d", "17", "2:1 S2H202"),
        ("title: A rule\n", "", "1:1 S2H204"),
        ("level: low\n", "", "1:1 S2H213"),
        ("level: low", "level: hihg", "6:1 S2H204"),
        ("    product: windows\n    service: security\n", "    definition: x\n", "3:1 S2H204"),
        ("product: windows", "product: [windows]", "4:5 S2H204"),
        ("level: low", "level: low\ntags: {a: b}", "7:1 S2H204"),
        ("level: low", "level: low\nsigma2hive: loud", "7:1 S2H204"),
    ],
)
def test_a_mistake_in_the_metadata_has_its_place(wrong: str, right: str, expected: str) -> None:
    assert wrong in HEAD
    assert findings(SELECTION.replace(wrong, right)) == [expected]


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("event_count", "event_cuont", "5:5 S2H209"),
        ("timespan: 10m", "timespan: ten minutes", "8:5 S2H209"),
        ("timespan: 10m", "timespan: 0m", "8:5 S2H209"),
        ("gte: 6", "gte: many", "10:9 S2H209"),
        ("gte: 6", "lte: 6", "9:5 S2H209"),  # an empty group would meet it
        ("gte: 6", "eq: 6", "9:5 S2H209"),
        ("gte: 6", "gte: 0", "9:5 S2H209"),
        ("gte: 6", "gte: 6\n        lt: 6", "9:5 S2H209"),  # no count meets both
        ("gte: 6", "gt: 5\n        eq: 5", "9:5 S2H209"),
        ("gte: 6", "gte: 6\n        lte: 6\n        neq: 6", "9:5 S2H209"),
        ("gte: 6", "gte: 6\n        field: User", "11:9 S2H209"),
        ("group-by", "groupby", "7:5 S2H209"),
        ("rules: [failed_logon]", "rules: []", "6:5 S2H209"),
        ("gte: 6", "gte: 010", "10:9 S2H209"),  # YAML reads 8
        ("gte: 6", "gte: 1:00", "10:9 S2H209"),  # YAML reads 60
        ("timespan: 10m", "timespan:", "8:5 S2H209"),
        ("timespan: 10m", "timespan: 10m\n    aliases: {a: {b: }}", "9:5 S2H209"),
    ],
)
def test_a_mistake_in_a_correlation_has_its_place(wrong: str, right: str, expected: str) -> None:
    assert findings(CORRELATION.replace(wrong, right)) == [expected]


@pytest.mark.parametrize(
    ("condition", "chosen"),
    [
        ("1 of them", ["a"]),
        ("1 of *", ["a"]),
        ("1 of *_x", []),
        ("1 of _*", ["hidden", "x"]),
        ("_hidden", ["hidden"]),
    ],
)
def test_names_that_begin_with_an_underscore_are_chosen_by_name_only(
    condition: str, chosen: list[str]
) -> None:
    selections = "a: {F: a}\n_hidden: {F: hidden}\n_y_x: {F: x}"
    documents, diagnostics = parse(detection(f"{selections}\ncondition: '{condition}'"))
    values = [
        atom.origin.value
        for rule in documents
        if isinstance(rule, DetectionRule)
        for atom in atoms_of(rule.condition)
    ]
    assert values == chosen
    assert [finding.code for finding in diagnostics] == ([] if chosen else ["S2H206"])


def test_a_filter_says_which_rules_it_is_for() -> None:
    assert findings(FILTER.replace("    rules: any\n", "")) == ["5:1 S2H211"]


def test_a_filter_needs_no_id() -> None:
    # The examples of the standard have none.
    nameless = FILTER.replace("id: 0e2f7a62-55b0-4f0e-9d43-0f6f6a1d2e3f\n", "")
    documents, diagnostics = parse(f"{nameless}---\n{nameless}")
    assert not list(diagnostics)
    assert [type(entry) for entry in documents] == [FilterRule, FilterRule]
    assert len({entry.info.id for entry in documents}) == 2
    again, _ = parse(f"{nameless}---\n{nameless}")
    assert [entry.info.id for entry in again] == [entry.info.id for entry in documents]


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "title: x\n"])
def test_what_is_no_rule_is_said_so(text: str) -> None:
    assert findings(text) == ["1:1 S2H107"]


def test_a_bad_document_does_not_hide_the_next() -> None:
    documents, diagnostics = parse(f"title: x\n---\n{SELECTION}")
    assert len(documents) == 1
    assert len(diagnostics) == 1


def test_placeholders_become_their_values() -> None:
    text = detection("selection:\n    User|expand: '%admins%'\ncondition: selection")
    (rule,), diagnostics = parse(text, {"admins": ("anna", "ben*")})
    assert isinstance(rule, DetectionRule)
    assert len(list(atoms_of(rule.condition))) == 2
    assert not list(diagnostics)


def test_the_nearest_name_is_offered() -> None:
    _, diagnostics = parse(detection("selection:\n    A|contians: x\ncondition: selection"))
    assert "'contains'" in next(iter(diagnostics)).hint


def of_kind(kind: str, condition: str) -> str:
    return CORRELATION.replace("event_count", kind).replace(
        "condition:\n        gte: 6", f"condition: {condition}"
    )


@pytest.mark.parametrize(
    ("kind", "condition", "bounds", "values", "percentile"),
    [
        ("value_count", "{gte: 3, field: User}", [("gte", 3)], ("User",), None),
        ("value_count", "{gt: 3, field: [User, Host]}", [("gt", 3)], ("User", "Host"), None),
        ("value_sum", "{gt: 0, lt: -1.50, field: n}", None, ("n",), None),  # none meets both
        ("value_sum", "{gte: -5, lt: -1, field: n}", [("gte", -5), ("lt", -1)], ("n",), None),
        ("value_avg", "{gt: 0.5, field: n}", [("gt", Decimal("0.5"))], ("n",), None),
        ("value_avg", "{gte: 0, lt: 10, field: n}", [("gte", 0), ("lt", 10)], ("n",), None),
        ("value_avg", "{gte: 2.0, field: n}", [("gte", 2)], ("n",), None),
        ("value_median", "{gte: 7, field: n}", [("gte", 7)], ("n",), None),
        ("value_percentile", "{gte: 7, field: n, percentile: 95}", [("gte", 7)], ("n",), 95),
        (
            *("value_percentile", "{gte: 7, field: n, percentile: 99.9}", [("gte", 7)]),
            *(("n",), Decimal("99.9")),
        ),
        ("temporal", "{gte: 1}", [("gte", 1)], (), None),
        ("temporal_ordered", "", [], (), None),
    ],
)
def test_a_correlation_of_any_kind_says_what_it_asks(
    kind: str,
    condition: str,
    bounds: list[tuple[str, int | Decimal]] | None,
    values: tuple[str, ...],
    percentile: int | Decimal | None,
) -> None:
    (rule,), diagnostics = parse(of_kind(kind, condition))
    if bounds is None:
        assert [finding.code for finding in diagnostics] == ["S2H209"]
        return
    assert isinstance(rule, CorrelationRule), [finding.message for finding in diagnostics]
    assert [(bound.operator, bound.number) for bound in rule.bounds] == bounds
    assert rule.values == values
    assert rule.percentile == percentile


@pytest.mark.parametrize(
    ("kind", "condition", "expected"),
    [
        ("value_count", "{gte: 3}", "9:5 S2H209"),  # of which field?
        ("value_count", "{gte: 3, field: }", "9:25 S2H209"),
        ("value_count", "{field: User}", "9:5 S2H209"),
        ("value_count", "{gte: 1.5, field: User}", "9:17 S2H209"),
        ("value_count", "{lte: 3, field: User}", "9:5 S2H209"),
        ("value_count", "{gte: 3, field: User, percentile: 5}", "9:38 S2H209"),
        ("value_count", "{gte: 3, field: {a: b}}", "9:25 S2H209"),
        ("value_sum", "{gte: 3, field: [a, b]}", "9:25 S2H209"),
        ("value_sum", "{gte: 0, field: n}", "9:5 S2H209"),  # a sum of nothing is 0
        ("value_sum", "{gt: -1, field: n}", "9:5 S2H209"),
        ("value_sum", "{gt: 1.5, lte: 1.5, field: n}", "9:5 S2H209"),
        ("value_sum", "{gte: 1e6, field: n}", "9:17 S2H209"),
        ("value_sum", "{gte: '6', field: n}", "9:17 S2H209"),
        ("value_avg", "{lt: 3, field: n}", "9:5 S2H209"),
        ("value_avg", "{eq: 3, field: n}", "9:5 S2H209"),
        ("value_percentile", "{lte: 1, field: image}", "9:5 S2H209"),  # the example of Sigma 2.1
        ("value_percentile", "{gte: 3, field: n}", "9:5 S2H209"),
        ("value_percentile", "{gte: 3, field: n, percentile: 101}", "9:35 S2H209"),
        ("value_percentile", "{gte: 3, field: n, percentile: many}", "9:35 S2H209"),
        ("value_median", "{gte: 3, field: n, percentile: 50}", "9:35 S2H209"),
        ("temporal", "{gte: 1, field: User}", "9:25 S2H209"),
        ("temporal", "{lt: 2}", "9:5 S2H209"),
        ("temporal", "{}", "9:5 S2H209"),
        ("temporal", "[a]", "9:5 S2H209"),
        ("temporal", "a and not b", "9:5 S2H214"),
        ("temporal_ordered", "a or b", "9:5 S2H214"),
        ("value_sum", "a or b", "9:5 S2H209"),
    ],
)
def test_what_a_kind_cannot_be_asked_has_its_place(
    kind: str, condition: str, expected: str
) -> None:
    found = findings(of_kind(kind, condition))
    assert expected in found
    assert len({entry.split()[1] for entry in found}) == 1


def test_an_order_in_which_a_rule_comes_twice_is_refused() -> None:
    twice = of_kind("temporal_ordered", "").replace("[failed_logon]", "[a, b, a]")
    assert findings(twice) == ["6:5 S2H209"]
    assert findings(twice.replace("temporal_ordered", "temporal")) == []


def test_a_condition_in_words_keeps_the_rules_that_it_names_silent() -> None:
    # pySigma takes the rules from the condition where `rules` is not there.
    text = of_kind("temporal", "(first or second) and not third")
    ((found,), _) = parse(text.replace("    rules: [failed_logon]\n", ""))
    assert isinstance(found, RefusedCorrelation)
    assert found.rules == ("first", "second", "third")


@pytest.mark.parametrize("section", ["{}", "[a]", "{type: , rules: [a], timespan: }"])
def test_what_is_missing_is_called_missing(section: str) -> None:
    text = CORRELATION[: CORRELATION.index("correlation:")] + f"correlation: {section}\n"
    _, diagnostics = parse(text)
    assert [finding.code for finding in diagnostics] == ["S2H209"]
    assert "None" not in next(iter(diagnostics)).message


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("level: low", "levle: low", ["6:1 S2H204", "1:1 S2H213"]),
        ("level: low", "level: low\nreference: x", ["7:1 S2H204"]),
        ("level: low", "level: low\nstatus: tset", ["7:1 S2H204"]),
        ("    service: security", "    servce: security", ["5:5 S2H204"]),
        # A rule may say things of its own.
        ("level: low", "level: low\nowner: soc\nlevels: x\nseverity: 3", []),
        ("    service: security", "    service: security\n    note: x", []),
    ],
)
def test_a_key_that_is_nearly_a_standard_one_is_told(
    right: str, wrong: str, expected: list[str]
) -> None:
    text = SELECTION.replace(right, wrong)
    documents, diagnostics = parse(text)
    assert len(documents) == 1
    assert findings(text) == expected
    assert all(finding.severity == "warning" for finding in diagnostics)


def test_a_uuid_is_one_in_any_letter_case() -> None:
    upper = FILTER.replace("any", "[5F0E0E0A-3F5E-4E9F-8F5C-2F1F0A1B2C3D, Name-With-Dashes]")
    (entry,), _ = parse(upper.replace("0e2f7a62", "0E2F7A62"))
    assert isinstance(entry, FilterRule)
    assert entry.info.id.startswith("0e2f7a62")
    assert entry.rules == ("5f0e0e0a-3f5e-4e9f-8f5c-2f1f0a1b2c3d", "Name-With-Dashes")
