"""Checks of what mappings and rules name and TheHive has to have.

Takes a `Subject` and a client for one organisation; gives findings. What is missing there would be
left out of every alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sigma2hive.alerts.checks import read_custom
from sigma2hive.alerts.procedures import techniques_of
from sigma2hive.alerts.templates import counted_variable
from sigma2hive.clients.thehive import TheHiveClient
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.mappings import SERVER_TYPES, AlertSettings, RuleMapping, TemplateText
from sigma2hive.model.rules import RuleInfo
from sigma2hive.workflows.doctor.findings import (
    Finding,
    Subject,
    counted,
    ok,
    problem,
    skipped,
    warning,
)

_OWN_FILE = "mappings/observables.yml"
#: What rows of types of our own end as.
_ENDS_AS = {"host": ("hostname", "fqdn", "ip"), "path": ("filename",), "none": ()}
#: The types of custom fields that take a value of each kind.
_TAKES: Mapping[type, frozenset[str]] = {
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "float"}),
    float: frozenset({"float"}),
}
_TAKE_TEXT = frozenset({"string", "url"})


def look_at_data_types(subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say which observable types are named that TheHive lacks, and which would serve better."""
    mapping = subject.project.mappings.observables
    there = client.data_types()
    wanted = _data_types(subject)
    missing = [name for name in wanted if name.lower() not in there]
    if missing:
        yield problem(
            f"TheHive lacks {counted(len(missing), 'observable type')} that the mapping names",
            f"make them in TheHive (Entities Management), or take them out of {_OWN_FILE}",
            missing,
        )
    known = {*SERVER_TYPES, *mapping.data_types}
    better = [name for name in mapping.account_types if name in there and name not in known]
    if better and not any(name in mapping.data_types for name in mapping.account_types):
        yield warning(
            f"account names become `other`, although TheHive has the type '{better[0]}'",
            f"write data_types: [{better[0]}] into {_OWN_FILE}",
        )
    if not missing:
        yield ok(f"TheHive has all {len(wanted):,} observable types that the mapping names")


def _data_types(subject: Subject) -> list[str]:
    """Return the types that observables may get."""
    mapping = subject.project.mappings.observables
    accounts = (name for name in mapping.account_types if name in mapping.data_types)
    ends_as = {**_ENDS_AS, "account": (next(accounts, "other"),)}
    rows = [*mapping.rows, *(row for own in _own_mappings(subject) for row in own.observables)]
    found = {name for row in rows for name in ends_as.get(row.type, (row.type,))}
    return sorted(found | set(mapping.data_types))


def look_at_custom_fields(subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say which custom fields are named that TheHive lacks, or has with another type."""
    values = [pair for one in _alert_settings(subject) for pair in one.custom_fields.items()]
    if not values:
        yield skipped("the mappings name none")
        return
    wanted = {name for name, _ in values}
    there = client.custom_fields()
    missing = sorted(wanted - there.keys())
    if missing:
        yield problem(
            f"TheHive lacks {counted(len(missing), 'custom field')} that the mappings name",
            "make them in TheHive (Entities Management), or take them out of mappings/alerts.yml",
            missing,
        )
    unfit = sorted(
        {
            f"{name} ({there[name]})"
            for name, value in values
            if name in there and there[name] not in _types_that_take(value)
        }
    )
    if unfit:
        yield problem(
            f"the mapping's value does not fit the type of {counted(len(unfit), 'custom field')}",
            "give them a value of that type in mappings/alerts.yml or the rule: a template makes "
            "text, and a counted variable alone ({count}, {first_ms}) a number",
            unfit,
        )
    if not missing and not unfit:
        yield ok(f"TheHive has all {len(wanted):,} that the mappings name")


def _types_that_take(value: TemplateText | int | float | bool) -> frozenset[str]:
    """Return the types of custom fields that a run can set to what this makes."""
    if not isinstance(value, TemplateText):
        return _TAKES[type(value)]
    variable = counted_variable(value.text)
    if variable is None:
        return _TAKE_TEXT
    return _TAKES[int] | ({"date"} if variable.endswith("_ms") else frozenset())


def look_at_case_templates(subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say which case templates are named that the organisation lacks."""
    wanted = {one.case_template for one in _alert_settings(subject) if one.case_template}
    if not wanted:
        yield skipped("the mappings name none")
        return
    missing = sorted(wanted - client.case_templates())
    if missing:
        lacking = counted(len(missing), "case template")
        yield problem(
            f"the organisation lacks {lacking} that the mappings name",
            "make them in TheHive, in this organisation, or take them out of mappings/alerts.yml",
            missing,
        )
    else:
        yield ok(f"the organisation has all {len(wanted):,} that the mappings name")


def look_at_techniques(subject: Subject, client: TheHiveClient) -> Iterator[Finding]:
    """Say which of the rules' techniques TheHive's ATT&CK catalogue lacks."""
    wanted = {technique for info in _infos(subject) for technique in techniques_of(info.tags)}
    if not wanted:
        yield skipped("no rule has an ATT&CK technique among its tags")
        return
    missing = sorted(wanted - client.known_techniques(wanted))
    if len(missing) == len(wanted):
        yield problem(
            f"the ATT&CK catalogue has none of the rules' {counted(len(wanted), 'technique')}",
            "import the catalogue in TheHive (Entities Management, ATT&CK Patterns)",
            missing,
        )
    elif missing:
        yield warning(
            f"the ATT&CK catalogue lacks {len(missing):,} of {counted(len(wanted), 'technique')}, "
            "which alerts go without",
            "import a newer catalogue in TheHive, or mend the tags where ATT&CK took them back",
            missing,
        )
    else:
        yield ok(f"the ATT&CK catalogue has all of the rules' {counted(len(wanted), 'technique')}")


def _infos(subject: Subject) -> Iterator[RuleInfo]:
    """Yield what raises alerts."""
    compiled = subject.project.compiled
    yield from (rule.info for rule in compiled.rules if not rule.silent)
    yield from (correlation.info for correlation in compiled.correlations)


def _own_mappings(subject: Subject) -> Iterator[RuleMapping]:
    """Yield what rules say by themselves; what is wrong there has been told."""
    data_types = subject.project.mappings.observables.data_types
    for info in _infos(subject):
        yield read_custom(info, Diagnostics(), data_types)


def _alert_settings(subject: Subject) -> Iterable[AlertSettings]:
    """Yield every place that may name a custom field or a case template."""
    alerts = subject.project.mappings.alerts
    yield alerts.settings
    yield from (override.settings for override in alerts.overrides)
    yield from (own.settings for own in _own_mappings(subject))
