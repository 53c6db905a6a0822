"""Where a rule's alerts go, and what they say: the part of a file below `alert`.

Takes what mappings and the rule ask; gives keys of a rule's file. Credentials and addresses are
names of environment variables, which ElastAlert 2 puts in when it loads the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from sigma2hive.compiler.elastalert.jinja import ESCAPED, FOR_SLACK, RAW, values_of
from sigma2hive.compiler.elastalert.observables import (
    Markings,
    account_type,
    observables_template,
    row_tags,
)
from sigma2hive.compiler.elastalert.texts import (
    Value,
    Verbatim,
    jinja_literal,
    jinja_text,
    json_text,
)
from sigma2hive.compiler.elastalert.wording import Wording, read_wording
from sigma2hive.model.mappings import (
    AlertMapping,
    AlertSettings,
    ObservableMapping,
    ObservablesMapping,
    TemplateText,
)
from sigma2hive.model.rules import RuleInfo
from sigma2hive.records import dataclass

#: What `elastalert.alerts` in the settings may name.
CHANNELS = ("thehive", "hivealerter", "webhook", "slack")

THEHIVE_URL = "${SIGMA2HIVE_THEHIVE_URL}"
THEHIVE_KEY = "${SIGMA2HIVE_THEHIVE_API_KEY}"
WEBHOOK_URL = "${ELASTALERT_WEBHOOK_URL}"
SLACK_URL = "${ELASTALERT_SLACK_URL}"

#: Source: TheHive 5.7 API, InputCreateAlert
_MAX_TITLE = 512
_MAX_TAG = 128
_MAX_TAGS = 128
#: Of a title: what stands there whatever the event says. Two values are at most 240 each.
_MAX_PLAIN_TITLE = 250
#: A longer value is not shown: a template cannot cut an escaped one in the right place.
_MAX_VALUE = 20_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a rule's alerts.

    `rows` are the rule's own observables before those of observables.yml; `paths_of` gives the
    fields of an event that a name stands for. `shown` are the paths that a text shows, `of_rule`
    those of them that the rule itself asks for, `group` those that a correlation groups by. `notes`
    is what the alert says of how it was counted.
    """

    rule: RuleInfo
    mapping: AlertMapping
    settings: AlertSettings
    observables: ObservablesMapping
    rows: Sequence[ObservableMapping]
    paths_of: Callable[[str], tuple[str, ...]]
    shown: tuple[str, ...] = ()
    of_rule: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """Where alerts go, as the section `elastalert` of the settings says."""

    channels: tuple[str, ...] = ("thehive",)
    organisation: str = ""
    ca_file: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


def alert_keys(asked: Asked, sending: Sending) -> dict[str, Value]:
    """Return the keys that send a rule's alerts: `alert`, its texts and each channel's own."""
    writers = {"thehive": _thehive, "hivealerter": _hivealerter, "webhook": _webhook}
    alerts: list[Value] = []
    for channel in sending.channels:
        if channel == "slack":
            alerts.append({"slack": {"slack_webhook_url": Verbatim(SLACK_URL)}})
        else:
            alerts.append(writers[channel](asked, sending))
    return {"alert": alerts, **_texts(asked, sending.channels)}


def _thehive(asked: Asked, sending: Sending) -> Value:
    headers: dict[str, Value] = {"Authorization": Verbatim(f"Bearer {THEHIVE_KEY}")}
    if sending.organisation:
        headers["X-Organisation"] = json_text(sending.organisation)
    content: dict[str, Value] = {
        "http_post2_url": Verbatim(f"{THEHIVE_URL}/api/v1/alert"),
        "http_post2_headers": headers,
        "http_post2_timeout": 30,
        "http_post2_payload": Verbatim(_payload(asked)),
    }
    if sending.ca_file:
        content["http_post2_ca_certs"] = sending.ca_file
    return {"post2": content}


def _webhook(asked: Asked, _: Sending) -> Value:
    content: dict[str, Value] = {
        "http_post2_url": Verbatim(WEBHOOK_URL),
        "http_post2_headers": {},
        "http_post2_timeout": 30,
        "http_post2_payload": Verbatim(_payload(asked)),
    }
    return {"post2": content}


def _payload(asked: Asked) -> str:
    """Return TheHive's alert as a template of JSON.

    Source: TheHive 5.7 API, InputCreateAlert
    """
    markings = _markings(asked.settings)
    lines = [
        f'"type": "{json_text(asked.mapping.type)}",',
        f'"source": "{json_text(asked.mapping.source)}",',
        f'"sourceRef": "{_source_ref(asked)}",',
        f'"title": "{_title(asked).as_jinja(json_text)}",',
        f'"description": "{_description(asked)}",',
        f'"severity": {asked.settings.severity or 2},',
        f'"tlp": {markings.tlp},',
        f'"pap": {markings.pap},',
        "{%- set at = milliseconds(texts(_data, '@timestamp', 1)) -%}",
        '{%- if at %}"date": {{ at }},{% endif -%}',
        f'"tags": [{_tags(asked)}],',
        *_more(asked.settings),
        '"observables": [',
    ]
    observables = observables_template(asked.rows, asked.observables, markings, asked.paths_of)
    return f"{ESCAPED}{{\n" + "\n".join(lines) + f"\n{observables}]\n}}"


def _markings(settings: AlertSettings) -> Markings:
    return Markings(
        2 if settings.tlp is None else settings.tlp, 2 if settings.pap is None else settings.pap
    )


def _source_ref(asked: Asked) -> str:
    """Return what makes a retry recognisable: the rule, when the event happened, and its _id.

    At most 128 characters: 36 of the rule's id, 14 of the time, the last 70 of the _id, or of the
    group's values where there is no event.
    """
    parts = values_of(asked.group)
    return (
        f"{json_text(asked.rule.id)}:"
        "{{ milliseconds(texts(_data, '@timestamp', 1)) }}:"
        f"{{{{ ((texts(_data, '_id', 1) or {parts})|trim|urlencode)[-70:] }}}}"
    )


def _title(asked: Asked) -> Wording:
    template = asked.settings.title
    found = None
    if template is not None:
        found = read_wording(template.text, asked.rule, asked.paths_of)
    if found is None or not found.parts or len(found.fields) > 1 or _plain_length(found) > 250:
        found = _default_title(asked)
    return found


def _plain_length(wording: Wording) -> int:
    return sum(len(part) for part in wording.parts if isinstance(part, str))


def _default_title(asked: Asked) -> Wording:
    title = asked.rule.title[:_MAX_PLAIN_TITLE]
    if asked.group:
        return Wording((f"{title}: ", (asked.group[0],)))
    return Wording((title,), (" on ", asked.paths_of("host.name") or ("host.name",)))


def _tags(asked: Asked) -> str:
    plain = [tag[:_MAX_TAG] for tag in asked.rule.tags]
    conditional: list[str] = []
    for template in asked.settings.tags:
        wording = read_wording(template.text, asked.rule, asked.paths_of)
        if wording is None:
            continue
        if not wording.fields:
            plain.append(
                "".join(part for part in wording.parts if isinstance(part, str))[:_MAX_TAG]
            )
        elif len(wording.fields) == 1:
            conditional.append(_conditional_tag(wording))
    distinct = {tag.lower(): tag for tag in reversed(plain)}
    kept = list(reversed(distinct.values()))[: _MAX_TAGS - len(conditional)]
    return ", ".join(f'"{json_text(tag)}"' for tag in kept) + "".join(conditional)


def _conditional_tag(wording: Wording) -> str:
    (paths,) = wording.fields
    values = values_of(paths)
    head, tail = _around(wording)
    room = _MAX_TAG - len(head) - len(tail) - 12
    return (
        f"{{% if ({values}) and ({values})|length <= {max(room, 1)} %}}"
        f', "{wording.as_jinja(json_text)}"{{% endif %}}'
    )


def _around(wording: Wording) -> tuple[str, str]:
    place = next(i for i, part in enumerate(wording.parts) if not isinstance(part, str))
    texts = [part if isinstance(part, str) else "" for part in wording.parts]
    return "".join(texts[:place]), "".join(texts[place:])


def _more(settings: AlertSettings) -> list[str]:
    lines = []
    if settings.case_template:
        lines.append(f'"caseTemplate": "{json_text(settings.case_template)}",')
    if settings.assignee:
        lines.append(f'"assignee": "{json_text(settings.assignee)}",')
    fixed = {
        name: value.text if isinstance(value, TemplateText) else value
        for name, value in settings.custom_fields.items()
        if not isinstance(value, TemplateText) or "{" not in value.text
    }
    if fixed:
        written = ", ".join(
            f'"{json_text(name)}": '
            + (f'"{json_text(v)}"' if isinstance(v, str) else json.dumps(v))
            for name, v in fixed.items()
        )
        lines.append(f'"customFields": {{ {written} }},')
    return lines


def _about(asked: Asked) -> list[str]:
    """Return what the rule says of itself, as lines of Markdown."""
    rule = asked.rule
    lines = [rule.description.strip() or rule.title, ""]
    lines += [f"- Rule: {rule.title} ({rule.id}), level {rule.level or 'none'}"]
    lines += [f"- Raised by ElastAlert 2. {note}" for note in asked.notes]
    if rule.falsepositives:
        lines += ["", "What else it may be:", ""]
        lines += [f"- {entry}" for entry in rule.falsepositives]
    if rule.references:
        lines += ["", "References:", ""]
        lines += [f"- {entry}" for entry in rule.references]
    return lines


def _description(asked: Asked) -> str:
    """Return Markdown; the event's values stand in a code block that they cannot end."""
    about = json_text("\n".join(_about(asked)))
    paths = ", ".join(map(jinja_literal, ("_index", "_id", *asked.shown)))
    return (
        (
            f"{about}\\n\\n```\\n"
            f"{{%- for path in [{paths}] -%}}{{%- set found = texts(_data, path, 3) -%}}"
            "{%- for value in found.split('\\n') if value -%}"
            "{{ path }}: {% if value|length > MAX %}(a value of {{ value|length }} characters)"
            "{%- else -%}{{ value|replace('`', jinja_quote) }}{%- endif -%}\\n"
            "{%- endfor -%}{%- endfor -%}```"
        )
        .replace("MAX", str(_MAX_VALUE))
        .replace("jinja_quote", '"\'"')
    )


def _texts(asked: Asked, channels: Sequence[str]) -> dict[str, Value]:
    """Return the subject and the text that channels without a template of their own take.

    Where one of these is asked for it is Jinja, which can escape; else Python's format strings,
    since ElastAlert compiles every Jinja text when it loads a file.
    """
    if "slack" in channels:
        subject = FOR_SLACK + _title(asked).as_jinja(jinja_text)
        return {"alert_subject": Verbatim(subject), **_jinja_text(asked, FOR_SLACK)}
    subject, fields = _title(asked).as_format()
    content: dict[str, Value] = {"alert_subject": subject}
    if fields:
        content["alert_subject_args"] = fields
    content["alert_missing_value"] = "-"
    if "hivealerter" in channels:
        return {**content, **_jinja_text(asked, RAW)}
    about = "\n".join(_about(asked)).replace("{", "{{").replace("}", "}}")
    shown = ("_index", "_id", "@timestamp", *asked.of_rule)
    lines = "".join(f"{path}: {{}}\n" for path in shown)
    return {
        **content,
        "alert_text_type": "alert_text_only",
        "alert_text": f"{about}\n\n{lines}",
        "alert_text_args": list(shown),
    }


def _jinja_text(asked: Asked, macros: str) -> dict[str, Value]:
    about = "{{ '\\n' }}".join(map(jinja_text, _about(asked)))
    paths = ", ".join(map(jinja_literal, ("_index", "_id", *asked.shown)))
    event = (
        "{{ '\\n\\n```\\n' }}"
        f"{{%- for path in [{paths}] -%}}{{%- set found = texts(_data, path, 3) -%}}"
        "{%- if found -%}{{ path }}: {{ one(found)|replace('`', jinja_quote) }}{{ '\\n' }}"
        "{%- endif -%}{%- endfor -%}```"
    ).replace("jinja_quote", '"\'"')
    return {
        "alert_text_type": "alert_text_jinja",
        "alert_text": Verbatim(f"{macros}{about}\n{event}"),
    }


def _hivealerter(asked: Asked, _: Sending) -> Value:
    """Return ElastAlert's own alerter for TheHive: API v0, and another sourceRef at each try.

    Source: ElastAlert 2.31.0, elastalert/alerters/thehive.py
    """
    title, title_fields = _title(asked).as_format()
    markings = _markings(asked.settings)
    config: dict[str, Value] = {
        "type": asked.mapping.type,
        "source": asked.mapping.source,
        "severity": asked.settings.severity or 2,
        "tlp": markings.tlp,
        "pap": markings.pap,
        "title": title,
        "tags": list(dict.fromkeys(tag[:_MAX_TAG] for tag in asked.rule.tags)),
        "customFields": [],
    }
    if title_fields:
        config["title_args"] = title_fields
        config["title_missing_value"] = "unknown"
    return {
        "hivealerter": {
            "hive_connection": {
                "hive_host": Verbatim("${THEHIVE_HOST}"),
                "hive_port": Verbatim("${THEHIVE_PORT}"),
                "hive_apikey": Verbatim(THEHIVE_KEY),
                "hive_verify": True,
            },
            "hive_alert_config": config,
            "hive_observable_data_mapping": list(_mapped(asked, markings)),
        }
    }


#: Row types of our own as data types of TheHive, for an alerter that looks at no value.
_PLAIN_TYPES = {"host": "hostname", "path": "filename"}


def _mapped(asked: Asked, markings: Markings) -> list[Value]:
    rows: list[Value] = []
    for row in asked.rows:
        paths = asked.paths_of(row.field)
        # One field may hold several hashes, and a row says one value.
        if row.type == "none" or not paths or paths[0].endswith(".Hashes"):
            continue
        kind = _PLAIN_TYPES.get(row.type, row.type)
        more: tuple[str, ...] = ()
        if row.type == "account":
            kind, more = account_type(asked.observables)
        rows.append(
            {
                kind: paths[0],
                "tlp": markings.tlp if row.tlp is None else row.tlp,
                "message": row.message or row.field,
                "tags": row_tags(row, more),
            }
        )
    return rows
