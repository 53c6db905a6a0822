"""The alert that tells of matches beyond a cap.

Takes a tally; gives an alert within TheHive's limits. What events say is escaped as in any alert.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sigma2hive.alerts.blocks import table
from sigma2hive.alerts.text import code_span, data_text, markdown_text, plain
from sigma2hive.model.alerts import Alert
from sigma2hive.model.mappings import AlertSettings
from sigma2hive.model.times import moment_of, shown_time
from sigma2hive.runner.building import RuleFacts
from sigma2hive.runner.floods.caps import HOUR_NS
from sigma2hive.runner.floods.groups import shown_group
from sigma2hive.runner.floods.tallies import Counted, Tally
from sigma2hive.settings import FloodSettings

#: By this tag summaries are found.
SUMMARY_TAG = "flood-summary"
#: What stands in a summary of all rules where others have their rule.
ALL_RULES_ID = "sigma2hive:floods"
_SEVERITIES = ("", "low", "medium", "high", "critical")
_MAX_TITLE = 512
_MAX_TAG = 128
_MARKING = 2


class Looking(Protocol):
    """Gives what holds for a rule."""

    def facts_by_id(self, rule_id: str) -> RuleFacts:
        """Return what holds for a rule of that id."""


def build_summary(tally: Tally, looking: Looking, caps: FloodSettings) -> Alert:
    """Return the alert of a tally, which has counted something."""
    type_, source, source_ref = tally.identity
    rule = tally.rule
    settings = AlertSettings() if rule is None else looking.facts_by_id(rule.id).settings
    title = _title(tally)
    tags = () if rule is None else tuple(data_text(tag, _MAX_TAG) for tag in rule.tags)
    fixed = {
        name: value
        for name, value in settings.custom_fields.items()
        if isinstance(value, (bool, int, float))
    }
    return Alert(
        type=type_,
        source=source,
        source_ref=source_ref,
        rule_id=ALL_RULES_ID if rule is None else rule.id,
        rule_title=plain(title, _MAX_TITLE),
        title=plain(f"Flood: {title}", _MAX_TITLE),
        description="\n\n".join(part for part in _parts(tally, looking, caps) if part),
        severity=tally.severity,
        date_ns=tally.first_ns,
        tlp=_MARKING if settings.tlp is None else settings.tlp,
        pap=_MARKING if settings.pap is None else settings.pap,
        tags=tuple(dict.fromkeys((*tags[: _MAX_TAG - 1], SUMMARY_TAG))),
        custom_fields=fixed,
        case_template=settings.case_template or "",
        assignee=settings.assignee or "",
        events=tally.samples,
    )


def _title(tally: Tally) -> str:
    if tally.rule is not None:
        return tally.rule.title
    return f"Matches of severity {_SEVERITIES[tally.severity]} beyond the cap of all rules"


def command_of(tally: Tally) -> str:
    """Return the command that shows the matches of a tally."""
    rule = "" if tally.rule is None else f"--rule {tally.rule.id} "
    start, end = (_minute(time) for time in (tally.start_ns, tally.start_ns + HOUR_NS))
    return f"sigma2hive matches {rule}--fate summarised --since {start} --until {end}"


def _parts(tally: Tally, looking: Looking, caps: FloodSettings) -> Iterator[str]:
    is_one = tally.matches == 1
    yield (
        f"**{tally.matches:,} {'match' if is_one else 'matches'} made no alert of "
        f"{'its' if is_one else 'their'} own**, so that a flood of matches is no flood of alerts. "
        f"{'It is' if is_one else 'All of them are'} kept; this alert grows until the hour is over."
    )
    yield "\n".join(_facts(tally, looking, caps))
    if tally.rule is None:
        yield table("Rules", ("Rule", "Owner", "Matches"), list(_rules(tally, looking)))
    yield _counted("Groups", "Group", tally.groups, is_group=True)
    yield _counted("Hosts", "Host", tally.hosts)
    yield _counted("Users", "User", tally.users)


def _facts(tally: Tally, looking: Looking, caps: FloodSettings) -> Iterator[str]:
    if tally.rule is not None:
        name = markdown_text(tally.rule.title)
        yield f"- Rule: {name} ({code_span(tally.rule.id, in_table=False)})"
    end_ns = tally.start_ns + HOUR_NS
    yield f"- Found from {shown_time(tally.start_ns)} to {shown_time(end_ns)}"
    yield f"- Events from {shown_time(tally.first_ns)} to {shown_time(tally.last_ns)}"
    yield (
        f"- Caps: {caps.per_group:,} alerts within an hour for one group, {caps.per_rule:,} for a "
        f"rule, {caps.in_all:,} in all"
    )
    if tally.rule is not None:
        owner = looking.facts_by_id(tally.rule.id).settings.owner
        whose = f"{markdown_text(owner)}, who owns the rule" if owner else "whoever owns the rule"
        yield (
            f"- For {whose}: it reached a cap. Make it narrower, add a filter, or let its matches "
            "join one alert with `suppress`"
        )
    yield f"- All of them: `{command_of(tally)}`"


def _rules(tally: Tally, looking: Looking) -> Iterator[tuple[str, ...]]:
    for rule_id, count in sorted(tally.rules.items(), key=lambda entry: (-entry[1], entry[0])):
        facts = looking.facts_by_id(rule_id)
        owner = markdown_text(facts.settings.owner or "")
        yield code_span(facts.info.title), owner, f"{count:,}"


def _counted(title: str, head: str, counted: Counted, *, is_group: bool = False) -> str:
    if not counted.counts:
        return ""
    beyond = f", and {counted.beyond:,} matches of others" if counted.beyond else ""
    rows = [
        (code_span(shown_group(value) if is_group else value), f"{count:,}")
        for value, count in counted.ordered()
    ]
    return table(f"{title} ({len(counted.counts):,}{beyond})", (head, "Matches"), rows)


def _minute(time_ns: int) -> str:
    return f"{moment_of(time_ns):%Y-%m-%dT%H:%MZ}"
