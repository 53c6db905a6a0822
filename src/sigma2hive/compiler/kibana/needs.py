"""What a detection rule needs to find anything: fields of the index, integrations of the agent.

Takes conditions and index patterns; gives `required_fields` and `related_integrations`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from sigma2hive.data import SHIPPED
from sigma2hive.model.conditions import Condition, fields_of
from sigma2hive.model.fields import EVERY_FIELD, Field, FieldType
from sigma2hive.records import dataclass

Json = dict[str, object]

_ECS = "types/ecs-9.5.0.json"
#: A data stream's pattern: logs-<package>.<data set>-<namespace>.
_DATA_SET = re.compile(r"logs-([a-z0-9_]+)\.([a-z0-9_.*]*)-.+")
_NO_TYPE = frozenset({FieldType.OTHER, FieldType.OBJECT})


@dataclass(frozen=True, slots=True)
class _Package:
    version: str
    parts: dict[str, str]


def index_fields(*conditions: Condition) -> list[Field]:
    """Return the fields of the index that conditions look at, by their path once, sorted."""
    found = {source.path: source for condition in conditions for source in _sources(condition)}
    return [found[path] for path in sorted(found)]


def required_fields(fields: Iterable[Field]) -> list[Json]:
    """Return the fields with their types, and whether ECS has them."""
    ecs = _ecs_fields()
    return [
        {"name": field.path, "type": field.type.value, "ecs": field.path in ecs}
        for field in fields
        if field.type not in _NO_TYPE
    ]


def related_integrations(patterns: Iterable[str]) -> list[Json]:
    """Return the integrations of the Elastic Agent that fill the data streams.

    Those whose versions are not known are left out, since Kibana asks for one.
    """
    packages = _packages()
    found: dict[tuple[str, str], Json] = {}
    for match in filter(None, map(_DATA_SET.fullmatch, patterns)):
        package = packages.get(match[1])
        if package is not None:
            part = package.parts.get(match[2], "")
            entry: Json = {"package": match[1], "version": f">={package.version}"}
            found[match[1], part] = entry | ({"integration": part} if part else {})
    return [found[key] for key in sorted(found)]


def _sources(condition: Condition) -> Iterator[Field]:
    for field in fields_of(condition):
        for source in (field,) if field.derived is None else field.parts:
            if source.path != EVERY_FIELD and source.below is None:
                yield source


@cache
def _ecs_fields() -> frozenset[str]:
    groups = _data(_ECS)["groups"]
    return frozenset(name for group in groups for name in group["fields"].split())


@cache
def _packages() -> dict[str, _Package]:
    found = _data("kibana/integrations.json")["packages"]
    return {name: _Package(version, parts) for name, (version, parts) in found.items()}


def _data(path: str) -> Any:
    return json.loads(SHIPPED.joinpath(path).read_text(encoding="utf-8"))
