"""The shipped type tables: which fields an index has, from data/types/*.json.

Takes a table's name; gives a `TypeTable`. The files are made by tools/make_types.py.
"""

from __future__ import annotations

import json
from functools import cache

from sigma2hive.data import SHIPPED
from sigma2hive.model.fields import Field, FieldType, TypeTable


def known_type_tables() -> list[str]:
    """Return the names of the shipped type tables, sorted."""
    folder = SHIPPED.joinpath("types")
    return sorted(
        entry.name.removesuffix(".json")
        for entry in folder.iterdir()
        if entry.name.endswith(".json")
    )


@cache
def load_type_table(name: str) -> TypeTable:
    """Return the shipped type table `name`.

    Raises:
        FileNotFoundError: no such table is shipped.
    """
    resource = SHIPPED.joinpath("types", f"{name}.json")
    content = json.loads(resource.read_text(encoding="utf-8"))
    known: dict[str, Field] = {}
    for group in content["groups"]:
        kind, limit = FieldType(group["type"]), group.get("ignore_above", 0)
        caseless = "caseless" in group.get("subfields", {})
        for path in group["fields"].split():
            known[path] = Field(
                path, kind, caseless=f"{path}.caseless" if caseless else "", ignore_above=limit
            )
            for subfield, subtype in group.get("subfields", {}).items():
                known[f"{path}.{subfield}"] = Field(f"{path}.{subfield}", FieldType(subtype))
    return TypeTable(known)


def merge_type_tables(tables: list[TypeTable]) -> TypeTable:
    """Return one table of several; of two that know a path, the earlier wins."""
    known: dict[str, Field] = {}
    for table in reversed(tables):
        known.update(table.known)
    return TypeTable(known)
