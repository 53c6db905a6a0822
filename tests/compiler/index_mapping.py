"""An index as a profile describes it, as far as the test server knows the types."""

from __future__ import annotations

from typing import Any

from sigma2hive.model.fields import Field, FieldType, TypeTable

#: Types that the test server lacks, and the one that answers the same queries.
_STAND_INS = {
    FieldType.WILDCARD: "keyword",
    FieldType.CONSTANT_KEYWORD: "keyword",
    FieldType.MATCH_ONLY_TEXT: "text",
}
_LEFT_OUT = (FieldType.OBJECT, FieldType.OTHER)

SETTINGS: dict[str, Any] = {
    "index.mapping.ignore_malformed": True,
    "index.mapping.total_fields.limit": 20_000,
    "analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}},
}


def mapping_of(types: TypeTable) -> dict[str, Any]:
    """Return what stands under `mappings`; fields that nobody names become keywords."""
    known: dict[str, Field] = {}
    table: TypeTable | None = types
    while table is not None:
        known = {**table.known, **known}
        table = table.fallback
    root: dict[str, Any] = {}
    for path in sorted(known):
        if known[path].type not in _LEFT_OUT and "*" not in path:
            _put(root, path, known)
    return {
        "dynamic_templates": [
            {
                "texts": {
                    "match_mapping_type": "string",
                    "mapping": {"type": "keyword", "ignore_above": 1024},
                }
            }
        ],
        **root,
    }


def _put(root: dict[str, Any], path: str, known: dict[str, Field]) -> None:
    field, parent, name = known[path], path.rpartition(".")[0], path.rpartition(".")[2]
    mapping: dict[str, Any] = {"type": _STAND_INS.get(field.type, field.type.value)}
    if field.ignore_above and mapping["type"] == "keyword":
        mapping["ignore_above"] = field.ignore_above
    if name == "caseless":
        mapping["normalizer"] = "lower"
    above = known.get(parent)
    is_subfield = above is not None and above.type not in (
        FieldType.OBJECT,
        FieldType.NESTED,
        FieldType.FLATTENED,
        FieldType.OTHER,
    )
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
