"""Adds to a world from outside: what an administrator would have set up before tests begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.doubles.thehive import catalogue, seed
from tests.doubles.thehive.world import World


def extend(world: World, given: Mapping[str, Any]) -> None:
    """Add to the catalogues; analyzers are as Cortex shows them, patterns {id: [name, tactics]}."""
    for name, (label, tactics) in given.get("patterns", {}).items():
        seed.add_pattern(world, name, label, tuple(tactics))
    for name in given.get("observable_types", []):
        seed.add_observable_type(world, name)
    for field in given.get("custom_fields", []):
        catalogue.add_custom_field(world, field, seed.SYSTEM)
    for template in given.get("case_templates", []):
        catalogue.add_case_template(world, template, seed.SYSTEM, seed.ORGANISATION)
    for worker in given.get("analyzers", []):
        world.create("Analyzer", seed.SYSTEM, {}).hidden["worker"] = worker
    for login, (roles, key) in given.get("users", {}).items():
        user = seed.add_user(world, login, login, roles, "Service")
        user.hidden["api_key"] = key
        user.fields["hasKey"] = True
