"""Reading the parts that mapping files and a rule's own attribute have in common.

Takes shapes (see `sigma2hive.model.shapes`); gives rows and settings, without those that are wrong.
"""

from __future__ import annotations

from collections.abc import Collection

from sigma2hive.diagnostics import nearest
from sigma2hive.model.mappings import (
    OWN_TYPES,
    SERVER_TYPES,
    AlertSettings,
    ObservableMapping,
    Suppress,
    TemplateText,
)
from sigma2hive.model.shapes import Shape
from sigma2hive.model.times import NANOSECONDS, parse_span_ns

#: TLP 0–4 and PAP 0–3 by name. Source: https://www.first.org/tlp/ and TheHive 5
TLP_NAMES = ("clear", "green", "amber", "amber+strict", "red")
PAP_NAMES = ("clear", "green", "amber", "red")
SEVERITY_NAMES = ("low", "medium", "high", "critical")

ROW_KEYS = ("field", "type", "tags", "ioc", "message", "tlp", "pap", "internal", "similarity")
SETTINGS_KEYS = (
    "title",
    "severity",
    "tlp",
    "pap",
    "tags",
    "custom_fields",
    "case_template",
    "assignee",
    "owner",
    "group",
    "suppress",
    "shadow",
)

MAX_TAG = 128
MAX_TYPE = 64
MAX_CASE_TEMPLATE = 128
MAX_LOGIN = 128
MAX_GROUP_FIELDS = 10
#: An alert does not stay open longer: what is beyond may be another matter.
MAX_SUPPRESS_NS = 24 * 3600 * NANOSECONDS
#: A template is a line or a page, not a program.
MAX_TEMPLATE = 20_000


def read_row(shape: Shape, data_types: Collection[str]) -> ObservableMapping | None:
    """Return one row of `observables`, None where it cannot be used."""
    mark = len(shape.diagnostics.errors)
    shape.allow(ROW_KEYS)
    path, kind = shape.text("field"), shape.text("type", MAX_TYPE)
    known = {*SERVER_TYPES, *OWN_TYPES, *data_types}
    for key, value in (("field", path), ("type", kind)):
        if not value and len(shape.diagnostics.errors) == mark:
            shape.report(key, f"the row has no '{key}'", "write `- {field: source.ip, type: ip}`")
    if kind == "file":
        shape.report("type", "'file' needs an attachment", "use 'filename', or 'hash' for a digest")
    elif kind and kind not in known:
        hint = nearest(kind, known)
        shape.report("type", f"'{kind}' is no observable type that is known", _with_own(hint))
    row = ObservableMapping(
        field=path or "",
        type=kind or "",
        tags=_short_tags(shape),
        ioc=shape.flag("ioc", False),
        message=shape.text("message", 1000) or "",
        tlp=shape.integer("tlp", 0, 4, TLP_NAMES),
        pap=shape.integer("pap", 0, 3, PAP_NAMES),
        internal=shape.flag("internal", False),
        similarity=shape.flag("similarity", True),
        location=shape.place("field"),
    )
    return row if len(shape.diagnostics.errors) == mark else None


def read_settings(shape: Shape, *, with_severity: bool = True) -> AlertSettings:
    """Return the settings that an alert mapping, an override and a rule may all give.

    Without `with_severity` that key is left alone: alerts.yml gives a map of levels there.
    """
    title = shape.text("title", MAX_TEMPLATE)
    return AlertSettings(
        title=None if title is None else TemplateText(title, shape.place("title")),
        severity=shape.integer("severity", 1, 4, SEVERITY_NAMES) if with_severity else None,
        tlp=shape.integer("tlp", 0, 4, TLP_NAMES),
        pap=shape.integer("pap", 0, 3, PAP_NAMES),
        tags=tuple(
            TemplateText(text, shape.place("tags", index))
            for index, text in enumerate(shape.texts("tags"))
        ),
        custom_fields=_custom_fields(shape),
        case_template=shape.text("case_template", MAX_CASE_TEMPLATE),
        assignee=shape.text("assignee", MAX_LOGIN),
        owner=shape.text("owner", MAX_TAG),
        group=_fields(shape, "group") if shape.value.get("group") is not None else None,
        suppress=_suppress(shape),
        shadow=shape.flag("shadow", False) if shape.value.get("shadow") is not None else None,
    )


def _fields(shape: Shape, key: str) -> tuple[str, ...]:
    fields = tuple(dict.fromkeys(text for text in shape.texts(key) if text))
    if len(fields) > MAX_GROUP_FIELDS:
        shape.report(key, f"'{key}' takes at most {MAX_GROUP_FIELDS} fields, not {len(fields)}")
    return fields[:MAX_GROUP_FIELDS]


def _suppress(shape: Shape) -> Suppress | None:
    below = shape.child("suppress")
    if below is None:
        return None
    below.allow(("by", "for"))
    by = _fields(below, "by")
    if by and shape.value.get("group") is not None and set(by) != set(_fields(shape, "group")):
        below.report(
            "by",
            "'by' and 'group' name different fields, but a rule's matches have one group",
            "leave 'by' out, or write the same fields",
        )
    text = below.text("for")
    for_ns = None if text is None else parse_span_ns(text)
    if for_ns is None or for_ns > MAX_SUPPRESS_NS:
        if "for" not in below.value:
            below.report("for", "'suppress' does not say for how long", "add `for: 1h`")
        elif text is not None:
            below.report("for", f"'{text}' is no span of time up to 24h", "write 30m, 1h or 24h")
        return None
    return Suppress(for_ns, by)


def _custom_fields(shape: Shape) -> dict[str, TemplateText | int | float | bool]:
    below = shape.child("custom_fields")
    found: dict[str, TemplateText | int | float | bool] = {}
    for key, value in (below.value if below else {}).items():
        if below is None or not isinstance(key, str) or not key:
            shape.report(
                "custom_fields", f"'{key}' is no name of a custom field", "put it in quotes"
            )
        elif isinstance(value, str):
            found[key] = TemplateText(value, below.place(key))
        elif isinstance(value, (bool, int, float)):
            found[key] = value
        else:
            below.report(key, f"'{key}' takes text, a number or a boolean")
    return found


def _short_tags(shape: Shape) -> tuple[str, ...]:
    tags = shape.texts("tags")
    for index, tag in enumerate(tags):
        if not 0 < len(tag) <= MAX_TAG:
            shape.report(("tags", index), f"a tag has 1 to {MAX_TAG} characters, not {len(tag)}")
    return tags


def _with_own(hint: str) -> str:
    return f"{hint}; types of your own TheHive go into `data_types` of observables.yml"
