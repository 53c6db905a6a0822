"""A mistyped field is told when rules are loaded; what a team or its logs have is not."""

from dataclasses import replace
from typing import Any

import pytest

from sigma2hive.alerts import KnownFields
from sigma2hive.diagnostics import Diagnostics, Location
from sigma2hive.model.mappings import ObservableMapping
from tests.alerts.matches import MAPPINGS, rule
from tests.alerts.test_lookup import PROCESSES, SECURITY, context

SECURITY_FIELDS = KnownFields(context(SECURITY).lookup.places, frozenset({"who"}))


def told(custom: dict[str, Any], known: KnownFields = SECURITY_FIELDS) -> list[str]:
    diagnostics = Diagnostics()
    known.check_rule(rule(custom=custom), MAPPINGS, diagnostics)
    assert {finding.code for finding in diagnostics} <= {"S2H409"}
    assert not diagnostics.errors
    return [f"{finding.message} {finding.hint}" for finding in diagnostics]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("{host.nam}", "host.name"),
        ("{{ field('sorce.ip') }}", "source.ip"),
        ("{{ values('user.nmae') | first }}", "user.name"),
        ("{{ event.source.pi }}", "source.ip"),
        ("{{ event['destination.iip'] }}", "destination.ip"),
        ("{IpAdress}", "IpAddress"),
        ("{% if field('process.comand_line') %}x{% endif %}", "process.command_line"),
    ],
)
def test_a_mistyped_field_is_told_with_the_one_that_is_meant(asked: str, meant: str) -> None:
    for custom in ({"title": asked}, {"tags": [asked]}, {"custom_fields": {"a": asked}}):
        (finding,) = told(custom)
        assert f"did you mean '{meant}'?" in finding


@pytest.mark.parametrize(
    "asked",
    [
        "{source.ip} {IpAddress} {TaskContent} {winlog.event_data.Anything} {message}",
        "{{ event.source.ip }} {{ event['host.name'] }} {rule.title} {count} {who}",
        "{sigma.user} {winlog.logon.type} {@timestamp}",
        "{% for name, value in group %}{{ name }}{% endfor %} {not a field}",
    ],
)
def test_a_field_that_something_knows_is_not_told(asked: str) -> None:
    assert told({"title": asked}) == []


def test_a_rule_may_ask_for_what_only_its_own_log_source_has() -> None:
    known = KnownFields(context(PROCESSES).lookup.places)
    assert told({"title": "{ParentCommandLine}"}, known) == []


def test_rows_are_told_where_they_are_near_misses_only() -> None:
    rows = [
        {"field": "source.ipp", "type": "ip"},
        {"field": "payment.iban", "type": "other"},
        {"field": "source.ip", "type": "ip"},
    ]
    (finding,) = told({"observables": rows, "title": "{payment.iban}"})
    assert "did you mean 'source.ip'?" in finding


def test_the_shipped_mappings_are_not_told() -> None:
    diagnostics = Diagnostics()
    KnownFields(()).check_mappings(MAPPINGS, diagnostics)
    assert list(diagnostics) == []


def test_a_row_of_a_team_is_told_where_it_is_written() -> None:
    row = ObservableMapping("host.nmae", "host", location=Location("observables.yml", 3, 6))
    rows = (row, *MAPPINGS.observables.rows)
    mappings = replace(MAPPINGS, observables=replace(MAPPINGS.observables, rows=rows))
    diagnostics = Diagnostics()
    SECURITY_FIELDS.check_mappings(mappings, diagnostics)
    assert [str(finding.location) for finding in diagnostics] == ["observables.yml:3:6"]
