"""Reading observables.yml, alerts.yml and maintenance.yml.

Takes a folder; gives `Mappings`, the shipped defaults where the folder says nothing. A row or key
that is wrong becomes a finding and is left out; the rest counts. Template syntax is checked by
`sigma2hive.alerts.checks`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import fields, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar

from sigma2hive.data import SHIPPED
from sigma2hive.diagnostics import Diagnostics, nearest
from sigma2hive.model.mapping_reading import (
    MAX_TEMPLATE,
    MAX_TYPE,
    SETTINGS_KEYS,
    SEVERITY_NAMES,
    read_row,
    read_settings,
)
from sigma2hive.model.mappings import (
    OWN_TYPES,
    SERVER_TYPES,
    AlertMapping,
    AlertOverride,
    Internal,
    Mappings,
    ObservableMapping,
    ObservablesMapping,
    TemplateText,
)
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import Level
from sigma2hive.model.shapes import Shape
from sigma2hive.repository.maintenance import MAINTENANCE_FILE, read_maintenance
from sigma2hive.settings import has_url_credential
from sigma2hive.yamlmarks import parse_yaml, read_content

OBSERVABLES_FILE = "observables.yml"
ALERTS_FILE = "alerts.yml"

_OBSERVABLES_KEYS = (
    "extends",
    "observables",
    "internal",
    "ignore",
    "data_types",
    "account_types",
    "limit",
)
_ALERT_KEYS = (
    *SETTINGS_KEYS,
    "extends",
    "type",
    "source",
    "description",
    "help",
    "external_link",
    "key_fields",
    "mute_by",
    "raw_events",
    "raw_characters",
    "overrides",
)
_LOGSOURCE_KEYS = ("product", "category", "service")
_NO_LEVEL = "none"
MAX_CATEGORY = 40

_Item = TypeVar("_Item")


def load_mappings(folder: Path | None, diagnostics: Diagnostics) -> Mappings:
    """Return what the mapping files in `folder` say; the shipped ones where it has none.

    A file with `extends: default` adds to the shipped one: lists are added to, rows replace the
    shipped rows of the same field, all else replaces. Without it, its lists stand alone.
    """
    shipped = Mappings(
        _read_observables(_shipped(OBSERVABLES_FILE, diagnostics), ObservablesMapping()),
        _read_alerts(_shipped(ALERTS_FILE, diagnostics), AlertMapping()),
    )
    if folder is None:
        return shipped
    observables = _team_shape(folder / OBSERVABLES_FILE, diagnostics)
    alerts = _team_shape(folder / ALERTS_FILE, diagnostics)
    maintenance = _team_shape(folder / MAINTENANCE_FILE, diagnostics)
    return Mappings(
        shipped.observables
        if observables is None
        else _read_observables(observables, shipped.observables),
        shipped.alerts if alerts is None else _read_alerts(alerts, shipped.alerts),
        () if maintenance is None else read_maintenance(maintenance),
    )


def _shipped(name: str, diagnostics: Diagnostics) -> Shape:
    content = SHIPPED.joinpath("mappings", name).read_bytes()
    shape = _shape(f"(shipped) {name}", content, diagnostics)
    if shape is None:  # pragma: no cover - a broken installation
        raise AssertionError(f"the shipped {name} cannot be read")
    return shape


def _team_shape(path: Path, diagnostics: Diagnostics) -> Shape | None:
    if not os.path.lexists(path):
        return None
    content = read_content(path, path.as_posix(), diagnostics)
    return None if content is None else _shape(path.as_posix(), content, diagnostics)


def _shape(path: str, content: bytes, diagnostics: Diagnostics) -> Shape | None:
    documents = parse_yaml(path, content, diagnostics)
    if not documents:
        return None
    if len(documents) > 1:
        diagnostics.error(
            "S2H405", documents[1].at(), "a mapping file has one document", "join the documents"
        )
    document = documents[0]
    if not isinstance(document.value, dict):
        diagnostics.error(
            "S2H405", document.at(), "the file is not a map of keys", "write `key: value` lines"
        )
        return None
    for keys in document.places_below():
        value = document.value_of(*keys)
        if isinstance(value, str) and has_url_credential(value):
            diagnostics.error(
                "S2H407",
                document.at(*keys),
                "a password in a URL: secrets never stand in a file that is committed",
                "leave it out; change it if it was committed",
            )
    return Shape(document.value, document.at, diagnostics)


def _extends(shape: Shape) -> bool:
    target = shape.text("extends")
    if target not in (None, "default"):
        shape.report("extends", f"'{target}' cannot be extended", "write `extends: default`")
    return target is not None


def _read_observables(shape: Shape, shipped: ObservablesMapping) -> ObservablesMapping:
    shape.allow(_OBSERVABLES_KEYS)
    base = shipped if _extends(shape) else replace(shipped, rows=(), internal=Internal(), ignore={})
    own_types = _data_types(shape)
    data_types = _joined(base.data_types, own_types)
    rows = [read_row(child, data_types) for child in shape.children("observables")]
    limit = shape.integer("limit", 1, 5000)
    return ObservablesMapping(
        rows=_joined_rows(base.rows, [row for row in rows if row is not None]),
        internal=_internal(shape, base.internal),
        ignore=_ignore(shape, base.ignore, data_types),
        data_types=data_types,
        account_types=shape.texts("account_types") or base.account_types,
        limit=base.limit if limit is None else limit,
    )


def _joined_rows(
    shipped: tuple[ObservableMapping, ...], own: list[ObservableMapping]
) -> tuple[ObservableMapping, ...]:
    replaced = {row.field for row in own}
    kept = [row for row in shipped if row.field not in replaced]
    return tuple(row for row in (*own, *kept) if row.type != "none")


def _data_types(shape: Shape) -> tuple[str, ...]:
    found = []
    for index, name in enumerate(shape.texts("data_types")):
        if 0 < len(name) <= MAX_TYPE:
            found.append(name)
        else:
            shape.report(("data_types", index), f"a data type has 1 to {MAX_TYPE} characters")
    return tuple(found)


def _internal(shape: Shape, base: Internal) -> Internal:
    below = shape.child("internal")
    if below is None:
        return base
    below.allow(field.name for field in fields(Internal))
    networks = [_network(below, index, text) for index, text in enumerate(below.texts("networks"))]
    return Internal(
        networks=_joined(base.networks, [network for network in networks if network is not None]),
        domains=_joined(base.domains, [text.lower().strip(".") for text in below.texts("domains")]),
        hosts=_joined(base.hosts, below.texts("hosts")),
        accounts=_joined(base.accounts, below.texts("accounts")),
    )


def _network(shape: Shape, index: int, text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip())
    except ValueError as error:
        shape.report(("networks", index), str(error), "write a network as 192.0.2.0/24")
        return None


def _ignore(shape: Shape, base: object, data_types: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found = dict(base) if isinstance(base, dict) else {}
    below = shape.child("ignore")
    if below is None:
        return found
    known = {"all", *SERVER_TYPES, *OWN_TYPES, *data_types} - {"none"}
    below.allow(known)
    for key in below.value:
        if isinstance(key, str) and key in known:
            found[key] = _joined(found.get(key, ()), _ignored_values(below, key))
    return found


def _ignored_values(shape: Shape, key: str) -> list[str]:
    values = shape.texts(key)
    for value in values:
        if value and not value.strip("* "):
            hint = "to make no observables of a field, give its row `type: none`"
            shape.report(key, f"'{value}' would ignore everything", hint)
    return [value for value in values if not value or value.strip("* ")]


def _read_alerts(shape: Shape, shipped: AlertMapping) -> AlertMapping:
    shape.allow(_ALERT_KEYS)
    base = shipped.settings
    if not _extends(shape):
        base = replace(base, tags=(), custom_fields={})
        shipped = replace(shipped, overrides=(), key_fields={})
    raw_events = shape.integer("raw_events", 0, 100)
    raw_characters = shape.integer("raw_characters", 0, 200_000)
    return AlertMapping(
        type=_name_part(shape, "type") or shipped.type,
        source=_name_part(shape, "source") or shipped.source,
        settings=read_settings(shape, with_severity=False).over(base),
        severity=_severity(shape, shipped),
        description=_template(shape, "description", shipped.description),
        help=_template(shape, "help", shipped.help),
        external_link=_template(shape, "external_link", shipped.external_link),
        key_fields=_key_fields(shape, shipped),
        mute_by=shape.texts("mute_by") if "mute_by" in shape.value else shipped.mute_by,
        raw_events=shipped.raw_events if raw_events is None else raw_events,
        raw_characters=shipped.raw_characters if raw_characters is None else raw_characters,
        overrides=(*shipped.overrides, *_overrides(shape)),
    )


def _name_part(shape: Shape, key: str) -> str | None:
    """Return a part of an alert's name; TheHive joins type, source and sourceRef by semicolons."""
    text = shape.text(key, 32)
    if text is not None and ";" in text:
        shape.report(
            key, f"'{key}' cannot hold a semicolon", "write another character in its place"
        )
    elif text is not None and not text.strip():
        shape.report(key, f"'{key}' is blank", "leave the key out for the shipped one")
    else:
        return text
    return None


def _template(shape: Shape, key: str, shipped: TemplateText) -> TemplateText:
    text = shape.text(key, MAX_TEMPLATE)
    return shipped if text is None else TemplateText(text, shape.place(key))


def _severity(shape: Shape, shipped: AlertMapping) -> dict[str, int]:
    found = dict(shipped.severity)
    below = shape.child("severity")
    if below is None:
        return found
    below.allow([*Level, _NO_LEVEL])
    for name in (*Level, _NO_LEVEL):
        number = below.integer(name, 1, 4, SEVERITY_NAMES)
        if number is not None:
            found[str(name)] = number
    return found


def _key_fields(shape: Shape, shipped: AlertMapping) -> dict[str, tuple[str, ...]]:
    found = dict(shipped.key_fields)
    below = shape.child("key_fields")
    for category in below.value if below else ():
        if below is None or not isinstance(category, str) or not 0 < len(category) <= MAX_CATEGORY:
            message = f"a category has 1 to {MAX_CATEGORY} characters"
            shape.report("key_fields", f"'{category}' is no name of a category", message)
        else:
            found[category] = below.texts(category)
    return {category: paths for category, paths in found.items() if paths}


def _overrides(shape: Shape) -> list[AlertOverride]:
    found = []
    for child in shape.children("overrides"):
        mark = len(shape.diagnostics.errors)
        child.allow((*SETTINGS_KEYS, "when"))
        when = child.child("when")
        if when is None:
            if len(shape.diagnostics.errors) == mark:
                child.report("when", "the override does not say when", "add `when: {level: high}`")
            continue
        when.allow(("level", *_LOGSOURCE_KEYS))
        override = AlertOverride(
            levels=tuple(_levels(when)),
            logsource=Logsource(*(when.text(key) for key in _LOGSOURCE_KEYS)),
            settings=read_settings(child),
        )
        # A condition that was not understood must not apply to everything.
        if len(shape.diagnostics.errors) == mark:
            found.append(override)
    return found


def _levels(when: Shape) -> Iterable[Level]:
    for text in when.texts("level"):
        try:
            yield Level(text)
        except ValueError:
            when.report("level", f"'{text}' is no level of Sigma", nearest(text, list(Level)))


def _joined(base: Iterable[_Item], more: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys((*base, *more)))
