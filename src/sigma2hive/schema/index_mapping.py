"""The mapping of an index that has the fields and types of a profile.

Takes a type table; gives what stands under `mappings` and `settings` when an index is made. Fields
that nobody names become keywords, as Beats, Fleet and Logstash in ECS mode do it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sigma2hive.model.fields import UNKNOWN_IGNORE_ABOVE, Field, FieldType, TypeTable

INDEX_SETTINGS: Mapping[str, Any] = {
    "index.mapping.ignore_malformed": True,
    "index.mapping.total_fields.limit": 20_000,
    "analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}},
}

#: A constant_keyword takes one value only, and a mapping for any event has to take them all.
_ONE_VALUE_ONLY = {FieldType.CONSTANT_KEYWORD: "keyword"}
#: Types that a server may lack, and the one that answers the same queries.
_STAND_INS = {
    **_ONE_VALUE_ONLY,
    FieldType.WILDCARD: "keyword",
    FieldType.MATCH_ONLY_TEXT: "text",
}
_LEFT_OUT = (FieldType.OBJECT, FieldType.OTHER)
_NO_PARENTS = (FieldType.OBJECT, FieldType.NESTED, FieldType.FLATTENED, FieldType.OTHER)


def mapping_of(types: TypeTable, *, has_all_types: bool = False) -> dict[str, Any]:
    """Return what stands under `mappings`.

    Unless the server `has_all_types`, only types of its core are asked for.
    """
    known: dict[str, Field] = {}
    table: TypeTable | None = types
    while table is not None:
        known = {**table.known, **known}
        table = table.fallback
    names = _ONE_VALUE_ONLY if has_all_types else _STAND_INS
    root: dict[str, Any] = {}
    for path in sorted(known):
        if known[path].type not in _LEFT_OUT and "*" not in path:
            _put(root, path, known, names)
    keyword = {"type": "keyword", "ignore_above": UNKNOWN_IGNORE_ABOVE}
    texts = {"match_mapping_type": "string", "mapping": keyword}
    return {"dynamic_templates": [{"texts": texts}], **root}


def unflattened(values: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Return a document with these values at dotted paths, in objects.

    Raises:
        ValueError: a path is both a value and an object, which no index takes.
    """
    root: dict[str, Any] = {}
    for path, texts in values.items():
        *above, name = path.split(".")
        node = root
        for part in above:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ValueError(f"{path} lies below a value")
        if name in node:
            raise ValueError(f"{path} is a value and an object")
        found = list(texts)
        node[name] = found[0] if len(found) == 1 else found
    return root


def _put(
    root: dict[str, Any],
    path: str,
    known: Mapping[str, Field],
    names: Mapping[FieldType, str],
) -> None:
    field, parent, name = known[path], path.rpartition(".")[0], path.rpartition(".")[2]
    mapping: dict[str, Any] = {"type": names.get(field.type, field.type.value)}
    if field.ignore_above and mapping["type"] in ("keyword", "wildcard"):
        mapping["ignore_above"] = field.ignore_above
    if name == "caseless":
        mapping["normalizer"] = "lower"
    above = known.get(parent)
    is_subfield = above is not None and above.type not in _NO_PARENTS
    node = root
    for part in path.split(".")[: -2 if is_subfield else -1]:
        node = node.setdefault("properties", {}).setdefault(part, {})
        if node.get("type") == "flattened":
            return
    if is_subfield:
        node = node["properties"][parent.rpartition(".")[2]]
    node.setdefault("fields" if is_subfield else "properties", {}).setdefault(name, {}).update(
        mapping
    )
