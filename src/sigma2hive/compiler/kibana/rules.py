"""A rule as a detection rule of Elastic Security.

Takes a compiled rule, what it asks of the index, and what settings say besides; gives the body that
Kibana's API takes, and its text. The same rule gives the same bytes: no time, no line number.

Source: Kibana's API, "Create a detection rule", https://www.elastic.co/docs/api/doc/kibana
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence

from sigma2hive.compiler.dsl.nodes import All, Json, Node, all_of, render, render_filter
from sigma2hive.compiler.exact import Statement
from sigma2hive.compiler.kibana.filling import Filling, Schedule
from sigma2hive.compiler.kibana.guides import investigation_guide, setup_guide
from sigma2hive.compiler.kibana.inert import one_line, plain, web_addresses
from sigma2hive.compiler.kibana.needs import index_fields, related_integrations, required_fields
from sigma2hive.compiler.kibana.threat import threat_of
from sigma2hive.compiler.rendering import pretty_json
from sigma2hive.model.fields import Field
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import CompiledFilter, CompiledRule, Level, RuleInfo
from sigma2hive.records import dataclass

Body = dict[str, object]

#: The version of what we make of a rule; one that Kibana would take for another rule is a new one.
VERSION = 1
#: How a rule's file and each line of the import start.
MARK = '{"meta": {"sigma2hive": {"target": "kibana",'
_LAYOUT = re.compile(r"\n *")
#: What follows the mark.
_ID = re.compile(r' "version": [0-9]+, "id": "([^"\\]+)",')
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMES = uuid.UUID("b7f6e9c4-5a0e-5d0b-9a53-0d6f0c3f4f5e")
#: What stands between authors, but within brackets.
_AUTHORS = re.compile(r"\s*[,;]\s*(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a detection rule is about: a rule, or a correlation with all that feeds it.

    `fields` are those of the index that it needs, `telling` those that an analyst looks at;
    `unseen` says in Markdown what it does not see, `notes` what else there is to know.
    """

    info: RuleInfo
    digest: str
    profile: str
    logsources: tuple[Logsource, ...]
    indices: tuple[str, ...]
    query: Json
    fields: Sequence[Field]
    telling: Sequence[str]
    unseen: tuple[str, ...] = ()
    filters: tuple[CompiledFilter, ...] = ()
    notes: tuple[str, ...] = ()


def query_rule(rule: CompiledRule, said: Statement, filling: Filling) -> Body:
    """Return a rule of type `query`: each event that meets it is an alert."""
    subject = Subject(
        info=rule.info,
        digest=rule.digest,
        profile=rule.profile,
        logsources=(rule.logsource,),
        indices=rule.indices,
        query=query_of(said),
        fields=index_fields(rule.gate, rule.condition),
        telling=[field.path for field in index_fields(rule.condition)],
        unseen=unseen_by([said]),
        filters=rule.filters,
    )
    return common_body(subject, filling, filling.schedule) | {"type": "query"}


def query_of(said: Statement) -> Json:
    """Return what is asked, in Query DSL, the log source first."""
    node: Node = all_of((said.gate, said.condition))
    if isinstance(node, All) and node.parts:
        return render_filter(node.parts)
    return render(node)


def unseen_by(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Return in words which unusual values are not found."""
    margins = {margin.value: None for said in statements for margin in said.margins}
    paths = sorted({path for said in statements for path in said.unseen})
    told = [text[0].upper() + text[1:] for text in margins]
    if paths:
        told.append("Their fields: " + ", ".join(f"`{path}`" for path in paths))
    return tuple(told)


def common_body(subject: Subject, filling: Filling, schedule: Schedule) -> Body:
    """Return what rules of every type say."""
    info = subject.info
    level = info.level or Level.MEDIUM
    indices = filling.indices(subject.indices)
    body: Body = {
        "meta": {"sigma2hive": _meta(subject)},
        "rule_id": rule_id_of(info.id),
        "name": one_line(info.title),
        "description": plain(info.description) or one_line(info.title),
        "enabled": filling.settings.enabled,
        "severity": filling.severity(level),
        "risk_score": filling.risk_score(level),
        "index": indices,
        "language": "kuery",
        "query": "",
        "filters": [_filter(subject.query)],
        **dict(schedule.fields()),
        "max_signals": filling.settings.max_signals,
        "author": [one_line(name) for name in _AUTHORS.split(info.author) if name.strip()],
        "tags": list(_tags(subject)),
        "references": web_addresses(info.references),
        "false_positives": [one_line(text) for text in info.falsepositives if text.strip()],
        "threat": threat_of(info.tags),
        "exceptions_list": [],
        "note": investigation_guide(info, subject.telling, subject.notes),
        "setup": setup_guide(indices, subject.unseen, subject.filters),
    }
    if filling.settings.requirements:
        body["required_fields"] = required_fields(subject.fields)
        body["related_integrations"] = related_integrations(subject.indices)
    if info.license:
        body["license"] = one_line(info.license)
    if subject.telling:
        body["investigation_fields"] = {"field_names": list(subject.telling)}
    stamps = {filling.timestamp(logsource) for logsource in subject.logsources}
    if len(stamps) == 1 and (stamp := stamps.pop()) is not None:
        body["timestamp_override"] = stamp
    return body


def rule_id_of(sigma_id: str) -> str:
    """Return the id by which Kibana knows the rule: Sigma's, where it is a UUID in small letters.

    It is the same for as long as the Sigma rule keeps its id.
    """
    lowered = sigma_id.lower()
    return lowered if _UUID.fullmatch(lowered) else str(uuid.uuid5(_NAMES, sigma_id))


def render_rule(body: Mapping[str, object]) -> str:
    """Return a rule as JSON, the mark in its first line, the other keys sorted in lines."""
    rest = pretty_json({key: body[key] for key in body if key != "meta"})
    return '{"meta": ' + json.dumps(body["meta"]) + "," + rest.removeprefix("{") + "\n"


def as_import(text: str) -> str:
    """Return a rule's JSON, ASCII as it is, as one line of the import that has the mark too."""
    # A line break within a text is written as \\n there, so every real one only lays the text out.
    return _LAYOUT.sub("", text) + "\n"


def id_in_import(line: str) -> str | None:
    """Return the Sigma id of the rule that a line of the import is of; None where none is told."""
    found = _ID.match(line, len(MARK)) if line.startswith(MARK) else None
    return found and found.group(1)


def _meta(subject: Subject) -> Body:
    return {
        "target": "kibana",
        "version": VERSION,
        "id": subject.info.id,
        "digest": subject.digest,
        "profile": subject.profile,
        "path": subject.info.location.path,
    }


def _filter(query: Json) -> Body:
    """Return a custom filter as Kibana's own editor of Query DSL makes them."""
    return {
        "$state": {"store": "appState"},
        "meta": {
            "alias": "Sigma",
            "disabled": False,
            "key": "query",
            "negate": False,
            "type": "custom",
        },
        "query": query,
    }


def _tags(subject: Subject) -> Iterator[str]:
    """Yield the rule's tags, and its log source's parts, to search rules by."""
    found: dict[str, None] = {"sigma": None}
    for logsource in subject.logsources:
        parts = {
            "product": logsource.product,
            "category": logsource.category,
            "service": logsource.service,
        }
        found |= dict.fromkeys(f"{name}: {value}" for name, value in parts.items() if value)
    found |= dict.fromkeys(subject.info.tags)
    yield from dict.fromkeys(one_line(tag) for tag in found)
