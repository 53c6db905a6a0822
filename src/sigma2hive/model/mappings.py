"""Mappings: what a team's mapping files say, and a rule's own attribute.

Texts that are templates stay texts here, with the place they were written at; `sigma2hive.alerts`
knows their language.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network

from sigma2hive.diagnostics import Location
from sigma2hive.model.maintenance import MaintenanceWindow
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import Level
from sigma2hive.records import dataclass

#: The observable types that every TheHive 5 comes with, without `file`, which needs an attachment.
#: Source: TheHive 5, Entities Management, Observable types
SERVER_TYPES = (
    "autonomous-system",
    "domain",
    "filename",
    "fqdn",
    "hash",
    "hostname",
    "ip",
    "mail",
    "mail-subject",
    "other",
    "regexp",
    "registry",
    "uri_path",
    "url",
    "user-agent",
)

#: Row types of our own, each of which ends as one of the server's: `host` is a hostname or fqdn,
#: `path` a whole path as filename, `account` a type that the server has for account names, `none`
#: takes a row of the shipped mapping away.
OWN_TYPES = ("account", "host", "none", "path")


@dataclass(frozen=True, slots=True)
class TemplateText:
    """A template as written, and where."""

    text: str
    location: Location = field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class ObservableMapping:
    """One row: the values of `field` become observables of `type`.

    `tlp` and `pap` None are the alert's. `internal` says that whatever stands there is the team's
    own; without `similarity` TheHive does not relate alerts by it. `location` is where the field is
    written.
    """

    field: str
    type: str
    tags: tuple[str, ...] = ()
    ioc: bool = False
    message: str = ""
    tlp: int | None = None
    pap: int | None = None
    internal: bool = False
    similarity: bool = True
    location: Location = dataclasses.field(default=Location(""), compare=False)


@dataclass(frozen=True, slots=True)
class Internal:
    """What is the team's own. Letter case of names is ignored; a domain covers those below."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    domains: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservablesMapping:
    """What observables.yml says.

    `ignore` maps a row or data type, or "all", to values that never help. `data_types` are types
    that the team's TheHive has beyond `SERVER_TYPES`; of `account_types` the first that it has
    takes account names. At most `limit` observables go into one alert.
    """

    rows: tuple[ObservableMapping, ...] = ()
    internal: Internal = Internal()
    ignore: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    data_types: tuple[str, ...] = ()
    account_types: tuple[str, ...] = ("account", "username", "user")
    limit: int = 500


@dataclass(frozen=True, slots=True)
class Suppress:
    """Further matches with the same values of the fields `by` join an alert for `for_ns` after it
    was made; () is the group that the rule's matches have anyway."""

    for_ns: int
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What alerts.yml, one of its overrides or a rule asks for; None says nothing.

    `group` are the fields whose values flood control counts a rule's matches by. A rule in `shadow`
    makes no alerts; its matches are kept.
    """

    title: TemplateText | None = None
    severity: int | None = None
    tlp: int | None = None
    pap: int | None = None
    tags: tuple[TemplateText, ...] = ()
    custom_fields: Mapping[str, TemplateText | int | float | bool] = field(default_factory=dict)
    case_template: str | None = None
    assignee: str | None = None
    owner: str | None = None
    group: tuple[str, ...] | None = None
    suppress: Suppress | None = None
    shadow: bool | None = None

    def over(self, base: AlertSettings) -> AlertSettings:
        """Return `base` with what this one says on top; tags are added, custom fields merged."""
        return AlertSettings(
            title=base.title if self.title is None else self.title,
            severity=base.severity if self.severity is None else self.severity,
            tlp=base.tlp if self.tlp is None else self.tlp,
            pap=base.pap if self.pap is None else self.pap,
            tags=tuple(dict.fromkeys((*base.tags, *self.tags))),
            custom_fields={**base.custom_fields, **self.custom_fields},
            case_template=base.case_template if self.case_template is None else self.case_template,
            assignee=base.assignee if self.assignee is None else self.assignee,
            owner=base.owner if self.owner is None else self.owner,
            group=base.group if self.group is None else self.group,
            suppress=base.suppress if self.suppress is None else self.suppress,
            shadow=base.shadow if self.shadow is None else self.shadow,
        )


@dataclass(frozen=True, slots=True)
class AlertOverride:
    """Settings for the rules of these levels (() is any) and of a log source that is covered."""

    levels: tuple[Level, ...]
    logsource: Logsource
    settings: AlertSettings


@dataclass(frozen=True, slots=True)
class AlertMapping:
    """What alerts.yml says.

    `severity` maps a level's name, or "none" for a rule without level, to TheHive's 1–4.
    `description`, `help` and `external_link` are templates. `key_fields` maps a category to the
    fields that the description shows first; `mute_by` are the fields of which the filter is made
    that it offers for muting. The description shows at most
    `raw_events` raw logs within `raw_characters` characters.
    """

    type: str = "sigma"
    source: str = "sigma2hive"
    settings: AlertSettings = AlertSettings()
    severity: Mapping[str, int] = field(default_factory=dict)
    description: TemplateText = TemplateText("{{ body }}")
    help: TemplateText = TemplateText("")
    external_link: TemplateText = TemplateText("")
    key_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mute_by: tuple[str, ...] = ()
    raw_events: int = 3
    raw_characters: int = 20_000
    overrides: tuple[AlertOverride, ...] = ()

    def templates(self) -> tuple[TemplateText, ...]:
        """Return every template that stands in the mapping."""
        found = [self.description, self.help, self.external_link]
        for settings in (self.settings, *(override.settings for override in self.overrides)):
            found += templates_of(settings)
        return tuple(template for template in found if template.text)


@dataclass(frozen=True, slots=True)
class Mappings:
    """The mapping files, read."""

    observables: ObservablesMapping
    alerts: AlertMapping
    maintenance: tuple[MaintenanceWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleMapping:
    """What a rule's own `sigma2hive` attribute says."""

    settings: AlertSettings = AlertSettings()
    observables: tuple[ObservableMapping, ...] = ()


def templates_of(settings: AlertSettings) -> list[TemplateText]:
    """Return the templates of title, tags and custom fields."""
    fields = [value for value in settings.custom_fields.values() if isinstance(value, TemplateText)]
    title = [] if settings.title is None else [settings.title]
    return [*title, *settings.tags, *fields]
