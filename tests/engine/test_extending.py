"""A program that takes over most of another finds what one made anew finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma2hive.engine import Columns, Engine, Program, compile_program, with_rules
from sigma2hive.engine.program import Decided, FieldTests, RuleProgram
from sigma2hive.model.bitmaps import rows_of
from sigma2hive.model.conditions import And
from sigma2hive.model.rules import CompiledFilter, CompiledRule
from tests.compiler.dsl_world import detections
from tests.engine.test_batches import VALUES, compiled, expected


def hits(program: Program, rules: Sequence[CompiledRule]) -> dict[int, list[int]]:
    found = Engine(rules, program).hits_in(Columns(VALUES, VALUES.__getitem__))
    return {entry.rule: list(rows_of(entry.rows)) for entry in found}


def rules_of(detections: Sequence[Mapping[str, Any]]) -> list[CompiledRule]:
    """Rules, some with a gate, and some filtered by what the one before asks."""
    made: list[CompiledRule] = []
    for number, detection in enumerate(detections):
        rule = compiled(detection, gated=number % 2 == 1)
        if rule is None:
            continue
        if number % 3 == 2 and made:
            only = CompiledFilter(made[-1].info, made[-1].unfiltered)
            both = And((rule.unfiltered, only.condition))
            rule = dataclasses.replace(rule, filters=(only,), condition=both)
        made.append(rule)
    return made


@given(st.lists(detections(), min_size=2, max_size=6), st.data())
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_any_rules_can_be_taken_over_and_added_in_any_order(
    written: Sequence[Mapping[str, Any]], data: st.DataObject
) -> None:
    rules = rules_of(written)
    places = st.sampled_from(range(len(rules))) if rules else st.nothing()
    known = data.draw(st.lists(places, unique=True))
    program = compile_program([rules[place] for place in known])
    for _ in range(2):
        # What was extended is extended again.
        wanted = data.draw(st.lists(places, unique=True))
        at = [known.index(place) if place in known else None for place in wanted]
        asked = [rules[place] for place in wanted]
        program, known = with_rules(program, at, asked), wanted
        found = hits(program, asked)
        for position, rule in enumerate(asked):
            assert found.get(position, []) == expected(rule, VALUES)


def test_nothing_that_a_program_knows_is_unknown_here() -> None:
    # What is added to one of these must be taken over too: then name it here.
    known = {
        Program: "gates gate_fields rules fields",
        FieldTests: "field equal numbers needles decided later presence gates",
        RuleProgram: "gate asked filters needs",
        Decided: "node residual",
    }
    for kind, names in known.items():
        assert [entry.name for entry in dataclasses.fields(kind)] == names.split()
