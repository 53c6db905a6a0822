"""From a match to an alert.

Takes a match, the mappings and what the caller knows; gives an alert within TheHive's limits. Never
raises for what events or rules hold: what cannot be said is named in the alert.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from functools import lru_cache

from sigma2hive.alerts.checks import read_custom
from sigma2hive.alerts.description import Shown, describe
from sigma2hive.alerts.discover import MAX_LINK, WIDER, DiscoverLink, discover_link
from sigma2hive.alerts.environment import Mode
from sigma2hive.alerts.facts import AlertContext, Facts
from sigma2hive.alerts.identity import source_ref
from sigma2hive.alerts.observables import Judge, Markings, collect_observables
from sigma2hive.alerts.procedures import procedures_of
from sigma2hive.alerts.ruling import DEFAULT_MARKING, DEFAULT_SEVERITY, merged_settings
from sigma2hive.alerts.templates import (
    Rendered,
    Renderer,
    asks_for_commit,
    fields_alone,
    is_short,
    render_number,
)
from sigma2hive.alerts.text import data_text, fit, plain
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.alerts import Alert
from sigma2hive.model.folding import fold
from sigma2hive.model.mappings import (
    AlertMapping,
    AlertSettings,
    Mappings,
    ObservableMapping,
    TemplateText,
)
from sigma2hive.model.matches import Match
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import Level, RuleInfo
from sigma2hive.records import dataclass

__all__ = ["AlertBuilder", "AlertContext", "Detail", "build_alert"]

#: Source: TheHive 5.7 API, InputCreateAlert
MAX_TITLE = 512
MAX_TAG = 128
MAX_TAGS = 128
MAX_DESCRIPTION = 1_048_576
_MAX_CUSTOM_TEXT = 4096
_MAX_HELP = 10_000
#: Titles that are remembered, some megabytes at most.
_MOST_TITLES = 4096
_WEB_LINK = re.compile(r"https?://[^\s]+", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")


class Detail(IntEnum):
    """How much of an alert somebody will look at; each is more work than the one before."""

    LISTED = 1  # what it is known by, title, severity, time and events
    COUNTED = 2  # and observables, tags and all else but the description
    WHOLE = 3


def build_alert(match: Match, mappings: Mappings, context: AlertContext) -> Alert:
    """Return the alert of one match; of many, an `AlertBuilder` makes them faster.

    Raises:
        ValueError: the match has no event.
    """
    return AlertBuilder(mappings).build(match, context)


class AlertBuilder:
    """Makes alerts of matches; what a rule says of all of its alerts is read once.

    What `detail` leaves out is empty in them, as it is in an alert that has none of it.
    """

    def __init__(self, mappings: Mappings, detail: Detail = Detail.WHOLE) -> None:
        self._mappings = mappings
        self._detail = detail
        self._judge = Judge(mappings.observables)
        self._wanted: dict[str, _Wanted] = {}
        #: The same of rules that say nothing themselves, but for their titles.
        self._common: dict[tuple[Level | None, Logsource], _Wanted] = {}
        self._titles = _Titles()

    def build(self, match: Match, context: AlertContext) -> Alert:
        """Return the alert of a match.

        What the rule's own attribute says goes over the overrides of alerts.yml, and those over its
        general part. The match's events are the alert's, raw logs untouched.

        Raises:
            ValueError: the match has no event.
        """
        if not match.events:
            raise ValueError(f"a match of rule {match.rule.id} has no event")
        wanted = self._wanted_of(match.rule, context.logsource)
        mapping = self._mappings.alerts
        facts = Facts(match, context, owner=wanted.settings.owner or "")
        title = self._titles.known(wanted, facts)
        if title is not None and self._detail is Detail.LISTED:
            return _listed(facts, mapping, wanted, title)
        writer = _writer(facts)
        if title is None:
            title = self._titles.made(wanted, writer)
        alert = _listed(facts, mapping, wanted, title)
        if self._detail is Detail.LISTED:
            return alert
        alert = _counted(alert, mapping, wanted, writer, self._judge)
        if self._detail is Detail.COUNTED:
            return alert
        return replace(alert, description=writer.description(mapping, alert))

    def _wanted_of(self, rule: RuleInfo, logsource: Logsource) -> _Wanted:
        found = self._wanted.get(rule.id)
        if found is None or found.rule is not rule or found.logsource is not logsource:
            # Whoever has a rule's context at hand has one log source of it, so this is seldom.
            found = self._wanted[rule.id] = self._made_wanted(rule, logsource)
        return found

    def _made_wanted(self, rule: RuleInfo, logsource: Logsource) -> _Wanted:
        if rule.custom:
            return _wanted(rule, self._mappings, logsource)
        key = rule.level, logsource
        common = self._common.get(key)
        if common is None:
            common = self._common[key] = _wanted(rule, self._mappings, logsource)
        own = rule, _shown_title(rule), logsource
        return _Wanted(*own, common.settings, common.rows, common.asked)


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """What mappings and a rule ask of its alerts.

    `asked` are the fields that are all that the title asks of a match; None where it may ask more.
    """

    rule: RuleInfo
    rule_title: str
    logsource: Logsource
    settings: AlertSettings
    rows: tuple[ObservableMapping, ...]
    asked: tuple[str, ...] | None


def _wanted(rule: RuleInfo, mappings: Mappings, logsource: Logsource) -> _Wanted:
    custom = read_custom(rule, Diagnostics(), mappings.observables.data_types)
    settings = merged_settings(rule, mappings.alerts, logsource, custom.settings)
    title = "" if settings.title is None else settings.title.text
    asked = None if asks_for_commit(title) else fields_alone(title)
    rows = (*custom.observables, *mappings.observables.rows)
    return _Wanted(rule, _shown_title(rule), logsource, settings, rows, asked)


def _shown_title(rule: RuleInfo) -> str:
    return plain(rule.title, MAX_TITLE)


class _Titles:
    """Titles, finished once for all matches of a rule with the same values: most are of few hosts.

    Those of which something is noted in the description are made anew.
    """

    def __init__(self) -> None:
        self._known: dict[_TitleKey, str] = {}

    def known(self, wanted: _Wanted, facts: Facts) -> str | None:
        """Return the title of a match if it was made already."""
        if wanted.asked is None:
            return None
        return self._known.get(_title_key(wanted, wanted.asked, facts))

    def made(self, wanted: _Wanted, writer: _Writer) -> str:
        """Return the title of a match."""
        before = len(writer.notes)
        title = writer.title(wanted.settings.title)
        if wanted.asked is not None and len(writer.notes) == before:
            self._remember(_title_key(wanted, wanted.asked, writer.facts), title)
        return title

    def _remember(self, key: _TitleKey, title: str) -> None:
        if not is_short(key[-1]):
            return
        if len(self._known) >= _MOST_TITLES:
            self._known.clear()
        self._known[key] = title


_TitleKey = tuple[_Wanted, tuple[tuple[str, str], ...], tuple[tuple[str, ...], ...]]


def _title_key(wanted: _Wanted, asked: tuple[str, ...], facts: Facts) -> _TitleKey:
    return wanted, facts.group, tuple(map(facts.values, asked))


def _writer(facts: Facts) -> _Writer:
    link = discover_link(facts, facts.context.kibana)
    return _Writer(facts, Renderer(facts), list(facts.context.notes), link)


def _listed(facts: Facts, mapping: AlertMapping, wanted: _Wanted, title: str) -> Alert:
    """Return the alert with what a list of alerts shows."""
    match, settings = facts.match, wanted.settings
    return Alert(
        type=mapping.type,
        source=mapping.source,
        source_ref=source_ref(match),
        rule_id=match.rule.id,
        rule_title=wanted.rule_title,
        title=title,
        description="",
        severity=settings.severity or DEFAULT_SEVERITY,
        date_ns=facts.first.time_ns,
        tlp=DEFAULT_MARKING if settings.tlp is None else settings.tlp,
        pap=DEFAULT_MARKING if settings.pap is None else settings.pap,
        events=match.events,
    )


@lru_cache(maxsize=1024)  # all alerts of a rule have the same
def _own_tags(tags: tuple[str, ...]) -> Mapping[str, str]:
    """Return a rule's tags by what all spellings of them have in common."""
    found: dict[str, str] = {}
    for tag in tags:
        found.setdefault(fold(tag), data_text(tag, MAX_TAG))
    return found


def _counted(
    alert: Alert, mapping: AlertMapping, wanted: _Wanted, writer: _Writer, judge: Judge
) -> Alert:
    """Return the alert with all but its description."""
    settings = wanted.settings
    markings = Markings(alert.tlp, alert.pap)
    observables, left_out = collect_observables(wanted.rows, judge, writer.facts, markings)
    return replace(
        alert,
        tags=writer.tags(settings),
        observables=observables,
        procedures=procedures_of(wanted.rule.tags, alert.date_ns),
        custom_fields=writer.custom_fields(settings),
        case_template=settings.case_template or "",
        assignee=settings.assignee or "",
        external_link=writer.link(mapping.external_link),
        left_out=left_out,
    )


@dataclass(frozen=True, slots=True)
class _Writer:
    """Renders templates; what goes wrong on the way is noted for the description."""

    facts: Facts
    renderer: Renderer
    notes: list[str]
    discover: DiscoverLink | None = None

    def title(self, template: TemplateText | None) -> str:
        text = ""
        if template is not None:
            text = self._render("title", template, Mode.TITLE, MAX_TITLE * 8).text
        line = _BLANKS.sub(" ", text or self.facts.match.rule.title).strip()
        title = plain(line, MAX_TITLE) or f"Rule {self.facts.match.rule.id}"
        if title != line and len(line) > MAX_TITLE - 8:
            self.notes.append("The title is cut to TheHive's 512 characters.")
        return title

    def tags(self, settings: AlertSettings) -> tuple[str, ...]:
        found = dict(_own_tags(self.facts.match.rule.tags))
        for template in settings.tags:
            rendered = self._render("tag", template, Mode.DATA, MAX_TAG)
            tag = data_text(rendered.text.strip(), MAX_TAG)
            if tag and not rendered.absent:
                found.setdefault(fold(tag), tag)
        tags = tuple(dict.fromkeys(found.values()))
        if len(tags) > MAX_TAGS:
            self.notes.append(f"{len(tags) - MAX_TAGS} of {len(tags)} tags are left out.")
        return tags[:MAX_TAGS]

    def custom_fields(self, settings: AlertSettings) -> dict[str, str | int | float | bool]:
        found: dict[str, str | int | float | bool] = {}
        for name, value in settings.custom_fields.items():
            if not isinstance(value, TemplateText):
                found[name] = value
                continue
            number = render_number(value.text, self.facts)
            if number is not None:
                found[name] = number
                continue
            rendered = self._render(f"custom field {name}", value, Mode.DATA, _MAX_CUSTOM_TEXT)
            if rendered.text and not rendered.absent:
                found[name] = fit(rendered.text, _MAX_CUSTOM_TEXT)
        return found

    def link(self, template: TemplateText) -> str:
        """Return what the template says, else the events in Discover, else ""."""
        rendered = self._render("external_link", template, Mode.LINK, MAX_LINK)
        link = "" if rendered.absent else rendered.text
        if link and (len(link) > MAX_LINK or not _WEB_LINK.fullmatch(link)):
            self.notes.append("The external link is left out: it is no http(s) address that fits.")
            link = ""
        if link or self.discover is None:
            return link
        if not self.discover.is_exact:
            self.notes.append(f"The external link opens {WIDER}.")
        return self.discover.url

    def description(self, mapping: AlertMapping, alert: Alert) -> str:
        is_linked = self.discover is not None and self.discover.url == alert.external_link
        shown = Shown(
            left_out=alert.left_out,
            discover=None if is_linked else self.discover,
            help=self._render("help", mapping.help, Mode.MARKDOWN, _MAX_HELP).text,
            notes=tuple(self.notes),
            key_fields=mapping.key_fields,
            mute_by=mapping.mute_by,
            raw_events=mapping.raw_events,
            raw_characters=mapping.raw_characters,
        )
        sections = describe(self.facts, shown)
        rendered = self.renderer.render(
            mapping.description.text, Mode.MARKDOWN, MAX_DESCRIPTION, sections
        )
        if rendered.problem:
            note = f"The description's template failed: {plain(rendered.problem, 500)}"
            sections = describe(self.facts, replace(shown, notes=(*shown.notes, note)))
        return fit(rendered.text or sections["body"], MAX_DESCRIPTION)

    def _render(self, what: str, template: TemplateText, mode: Mode, limit: int) -> Rendered:
        rendered = self.renderer.render(template.text, mode, limit)
        if rendered.problem:
            self.notes.append(f"The template of the {what} failed: {plain(rendered.problem, 500)}")
        return rendered
