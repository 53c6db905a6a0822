"""The target `elastalert`: complete rules for ElastAlert 2, one YAML file each.

Takes compiled rules and correlations, and what mappings and settings ask of alerts; gives files
that are the same for the same rule. A file's name and the rule's are the Sigma rule's id, since
ElastAlert 2 keeps by name how far it has searched and what it has still to send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace

from sigma2hive.compiler.elastalert.alerts import CHANNELS, Asked, Sending, alert_keys
from sigma2hive.compiler.elastalert.counting import Counted, counted_by, duration
from sigma2hive.compiler.elastalert.filters import (
    OTHER_TARGETS,
    Filter,
    filter_of,
    plain_paths,
    refuse_references,
    roots_of,
)
from sigma2hive.compiler.elastalert.texts import Value, render_yaml
from sigma2hive.compiler.elastalert.wording import read_wording
from sigma2hive.compiler.targets import AlertsOf, Artefact, Refusal, RuleAlerts, only_counted
from sigma2hive.diagnostics import ConfigurationError, Diagnostics, nearest
from sigma2hive.model.conditions import And
from sigma2hive.model.fields import Field
from sigma2hive.model.mappings import AlertMapping, Mappings, ObservablesMapping
from sigma2hive.model.profiles import Logsource, Profile
from sigma2hive.model.rules import CompiledCorrelation, CompiledRule, RuleInfo
from sigma2hive.records import dataclass
from sigma2hive.settings import ElastalertSettings, Settings

MARK = "# _sigma2hive: elastalert\n"

_TIME_FIELD = "@timestamp"
_MINUTE_MS = 60_000
#: As many hits as Elasticsearch gives at once; ElastAlert scrolls for the rest.
_MAX_QUERY_SIZE = 10_000


def _no_mappings() -> Mappings:
    return Mappings(ObservablesMapping(), AlertMapping())


def _nothing_asked(_: RuleInfo, __: Logsource) -> RuleAlerts:
    return RuleAlerts()


@dataclass(frozen=True, slots=True)
class ElastalertTarget:
    """ElastAlert 2."""

    name = "elastalert"
    suffix = ".yml"
    mark = MARK

    settings: ElastalertSettings = field(default_factory=ElastalertSettings)
    organisation: str = ""
    mappings: Mappings = field(default_factory=_no_mappings)
    alerts_of: AlertsOf = _nothing_asked

    def configured(self, settings: Settings, _: Profile) -> ElastalertTarget:
        """Return the target as settings ask for it.

        Raises:
            ConfigurationError: the section `elastalert` names a channel that there is not (S2H402).
        """
        problems = Diagnostics()
        for item, channel in enumerate(settings.elastalert.alerts):
            if channel not in CHANNELS:
                place = settings.place_of("elastalert.alerts", item)
                message = f"elastalert.alerts cannot be {channel!r}"
                problems.error("S2H402", place, message, nearest(channel, CHANNELS))
        if problems.errors:
            raise ConfigurationError(problems, settings.root)
        organisation = settings.thehive.organisation or ""
        return replace(self, settings=settings.elastalert, organisation=organisation)

    def alerting(self, mappings: Mappings, alerts_of: AlertsOf) -> ElastalertTarget:
        """Return the target whose alerts are as mappings want them."""
        return replace(self, mappings=mappings, alerts_of=alerts_of)

    def emit(self, rule: CompiledRule) -> Artefact | Refusal:
        """Return the rule's file; a rule that only feeds correlations has none."""
        if rule.silent:
            return only_counted(rule.info, self.name)
        found = filter_of(rule)
        if isinstance(found, Refusal):
            return found
        paths_of = _paths_of(rule.fields)
        asked = self._asked(rule.info, rule.logsource, paths_of)
        keys: dict[str, Value] = {"type": "any"}
        if group := [path for name in asked.settings.group or () for path in paths_of(name)[:1]]:
            keys["query_key"] = group
        realert = self.settings.realert_minutes or 0
        fields = [entry for fields in rule.fields.values() for entry in fields]
        asked = replace(
            asked, shown=_shown(asked, plain_paths(fields)), of_rule=plain_paths(fields)
        )
        searched = _Searched(rule.indices, [found.body], found.margins)
        return self._file(asked, keys, searched, realert * _MINUTE_MS)

    def emit_correlation(
        self, correlation: CompiledCorrelation, rules: Mapping[str, CompiledRule]
    ) -> Artefact | Refusal:
        """Return the file of a correlation, approximated, where that is asked for."""
        if correlation.silent:
            return only_counted(correlation.info, self.name)
        counted = counted_by(correlation)
        if isinstance(counted, str):
            return _uncountable(correlation, counted, OTHER_TARGETS)
        if not self.settings.allow_approximate:
            hint = f"{OTHER_TARGETS}; --allow-approximate writes it with the difference in the file"
            return _uncountable(correlation, counted.differences[0], hint)
        searched = _searched(correlation, counted, rules)
        if isinstance(searched, Refusal):
            return searched
        return self._counted_file(correlation, counted, searched, rules)

    def _counted_file(
        self,
        correlation: CompiledCorrelation,
        counted: Counted,
        searched: _Searched,
        rules: Mapping[str, CompiledRule],
    ) -> Artefact | Refusal:
        leaves = [rules[rule_id] for rule_id in correlation.leaves]
        named = {name: fields for leaf in reversed(leaves) for name, fields in leaf.fields.items()}
        asked = self._asked(correlation.info, leaves[0].logsource, _paths_of(named))
        fields = [entry for fields in named.values() for entry in fields]
        shown = tuple(dict.fromkeys((*counted.present, *_shown(asked, plain_paths(fields)))))
        asked = replace(
            asked,
            group=counted.group,
            shown=shown,
            of_rule=counted.present,
            notes=(_limit(correlation), counted.differences[0]),
        )
        searched = replace(searched, differences=counted.differences)
        timespan = correlation.timespan_ns // 1_000_000
        return self._file(asked, counted.keys, searched, timespan)

    def _asked(
        self, info: RuleInfo, logsource: Logsource, paths_of: Callable[[str], tuple[str, ...]]
    ) -> Asked:
        mappings = self.mappings
        alerts = self.alerts_of(info, logsource)
        return Asked(
            info,
            mappings.alerts,
            alerts.settings,
            mappings.observables,
            (*alerts.observables, *mappings.observables.rows),
            paths_of,
        )

    def _file(
        self, asked: Asked, keys: dict[str, Value], searched: _Searched, realert_ms: int
    ) -> Artefact | Refusal:
        settings = self.settings
        info = asked.rule
        buffer_ms = settings.buffer_minutes * _MINUTE_MS
        if keys["type"] == "metric_aggregation":
            buffer_ms = realert_ms
        content: dict[str, Value] = {
            "name": info.id,
            "description": info.title,
            "index": ",".join(searched.indices),
            "timestamp_field": _TIME_FIELD,
            "timestamp_type": "iso",
            **keys,
            "priority": asked.settings.severity or 2,
            "realert": duration(realert_ms) if realert_ms else {"minutes": 0},
            "buffer_time": duration(buffer_ms),
            "max_query_size": _MAX_QUERY_SIZE,
            "include": roots_of((*asked.shown, *_read(asked))),
            "filter": searched.filters,
        }
        if asked.settings.owner:
            content["owner"] = asked.settings.owner
        refused = refuse_references(content, info.location)
        if refused is not None:
            return refused
        sending = Sending(settings.alerts, self.organisation, settings.ca_file or "")
        content |= alert_keys(asked, sending)
        text = (
            MARK + "".join(f"{line}\n" for line in _header(info, searched)) + render_yaml(content)
        )
        return Artefact(f"{info.id}{self.suffix}", text)


@dataclass(frozen=True, slots=True)
class _Searched:
    """What is searched, and how what is found differs from the rule."""

    indices: tuple[str, ...]
    filters: list[Value]
    margins: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


def _header(info: RuleInfo, searched: _Searched) -> list[str]:
    """Return the comments that a file begins with: ASCII, on lines of their own."""
    lines = [f"{info.title} ({info.location.path})"]
    lines += ["Written by sigma2hive: change the rule, not this file."]
    if searched.differences:
        lines += ["This only approximates the Sigma correlation:"]
        lines += [f"- {difference}" for difference in searched.differences]
    if searched.margins:
        lines += ["Of unusual values it says otherwise than the rule:"]
        lines += [f"- {margin}" for margin in searched.margins]
    return [f"# {_ascii(line)}" for line in lines]


def _ascii(text: str) -> str:
    line = " ".join(text.split()).replace("$", "_")
    return line.encode("ascii", "backslashreplace").decode("ascii")


def _limit(correlation: CompiledCorrelation) -> str:
    (bound,) = correlation.bounds
    seconds = correlation.timespan_ns // 1_000_000_000
    return f"{correlation.kind.value} {bound.operator.value} {bound.number} within {seconds} s."


def _searched(
    correlation: CompiledCorrelation, counted: Counted, rules: Mapping[str, CompiledRule]
) -> _Searched | Refusal:
    leaves = [rules[rule_id] for rule_id in correlation.rules]
    if len({leaf.indices for leaf in leaves}) > 1:
        return _uncountable(correlation, "its rules search different indices", OTHER_TARGETS)
    found: list[Filter] = []
    for leaf in leaves:
        conditions = [entry.condition for entry in correlation.only.get(leaf.info.id, ())]
        narrowed = replace(leaf, condition=And((leaf.condition, *conditions)))
        compiled = filter_of(narrowed if conditions else leaf)
        if isinstance(compiled, Refusal):
            return compiled
        found.append(compiled)
    bodies = [entry.body for entry in found]
    filters: list[Value] = [bodies[0] if len(bodies) == 1 else {"bool": {"should": bodies}}]
    filters += [{"exists": {"field": path}} for path in counted.present]
    margins = dict.fromkeys(margin for entry in found for margin in entry.margins)
    return _Searched(leaves[0].indices, filters, tuple(margins))


def _uncountable(correlation: CompiledCorrelation, reason: str, hint: str) -> Refusal:
    found = Diagnostics()
    message = f"ElastAlert 2 cannot count as {correlation.kind.value} does: {reason}"
    found.error("S2H311", correlation.info.location, message, hint)
    return Refusal(tuple(found))


def _paths_of(
    named: Mapping[str, tuple[Field, ...]],
) -> Callable[[str], tuple[str, ...]]:
    """Return what tells the paths of a field by its name in Sigma or in the index."""

    def paths_of(name: str) -> tuple[str, ...]:
        return plain_paths(named[name]) if name in named else (name,)

    return paths_of


def _read(asked: Asked) -> list[str]:
    """Return the paths that texts and observables read."""
    found = [path for row in asked.rows for path in asked.paths_of(row.field)]
    templates = [asked.settings.title, *asked.settings.tags]
    for template in templates:
        wording = read_wording(template.text, asked.rule, asked.paths_of) if template else None
        if wording is not None:
            found += [path for paths in wording.fields for path in paths]
    return [*found, *asked.group, *asked.paths_of("host.name"), _TIME_FIELD]


def _shown(asked: Asked, of_rule: tuple[str, ...]) -> tuple[str, ...]:
    """Return what an alert shows of an event: what alerts.yml names first, then the rule's."""
    first = [path for paths in asked.mapping.key_fields.values() for path in paths]
    found = [path for name in first for path in asked.paths_of(name)]
    return tuple(dict.fromkeys((_TIME_FIELD, *found, *of_rule)))
