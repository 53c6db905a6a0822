"""SigmaHQ's Windows rules as EQL text against every regression event, in Elastic's own EQL engine.

PyPI `eql` reads a query and decides events one by one: names, quoting and escapes, comparisons,
lists, `cidrMatch`, and what becomes of null under `and`, `or` and `not` are its own. It is older
than Elasticsearch's EQL, and differs in what stands here:

- It folds letter case everywhere, `==`, `in`, `like` and `regex` too. So rules that look at letter
  case are not tried, and no text is shown to mind it.
- `:` and `like` take `?` for itself and `regex` is met by the beginning of a text: both are given
  Elasticsearch's meaning here, of whole texts.
- It knows no mapping: a document is given to it as an index types it, its numbers as numbers. A
  field with several values is nothing to it, where Elasticsearch looks at each: an event that has
  several in a field that the rule asks for is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.compiler import TARGETS, Artefact, compile_all
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.engine import prepare
from sigma2hive.model.conditions import And, atoms_of
from sigma2hive.model.fields import FieldType, TypeTable
from sigma2hive.model.profiles import Logsource
from sigma2hive.model.rules import CompiledRule
from sigma2hive.model.values import Values, flatten
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.sources.windows import normalise_windows
from tests.bench.corpus import case_changed, regression_cases
from tests.regression.raw_events import is_decided_by_case

eql = pytest.importorskip("eql")
parser = pytest.importorskip("eql.parser")

#: Of the rules without a case, one in so many.
STEP = 24
SIGNS = {"*": ".*", "?": "."}


def is_like(value: object, *patterns: str) -> bool | None:
    expressions = ("".join(SIGNS.get(c) or re.escape(c) for c in text) for text in patterns)
    return is_met(value, *expressions)


def is_met(value: object, *expressions: str) -> bool | None:
    if not isinstance(value, str):
        return None
    return any(re.fullmatch(one, value, re.DOTALL | re.IGNORECASE) for one in expressions)


def as_indexed(values: Values, types: TypeTable) -> dict[str, Any]:
    """Return an event as an index types its values, fields with several left out."""
    found: dict[str, Any] = {}
    for path, texts in values.items():
        if len(texts) == 1:
            found[path] = typed(texts[0], types.field(path).type)
    return found


def typed(text: str, kind: FieldType) -> Any:
    if kind is FieldType.BOOLEAN:
        return text == "true"
    if not kind.is_numeric:
        return text
    number = float(text)
    return int(number) if number.is_integer() else number


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *above, last = path.split(".")
        place = tree
        for name in above:
            place = place.setdefault(name, {})
        place[last] = value
    return tree


def found_by_eql(text: str, events: Mapping[int, Any]) -> set[int]:
    """Return the numbers of the events that a query finds."""
    with parser.elasticsearch_syntax:
        query = eql.parse_query(text)
    engine = eql.PythonEngine()
    engine.add_custom_function("wildcard", is_like)
    engine.add_custom_function("match", is_met)
    engine.add_query(query)
    found: set[int] = set()
    engine.add_output_hook(lambda result: found.update(e.time for e in result.events))
    engine.stream_events(eql.Event("generic", number, data) for number, data in events.items())
    return found


def paths_of(rule: CompiledRule) -> set[str]:
    atoms = [atom for part in (rule.gate, rule.condition) for atom in atoms_of(part)]
    fields = [field for atom in atoms for field in atom.fields]
    derived = [part.path for field in fields if field.derived for part in field.derived.parts]
    return {field.path for field in fields} | set(derived)


@pytest.mark.parametrize("name", ["winlogbeat", "elastic-agent"])
def test_eql_finds_what_the_reference_evaluator_finds(shared: Path, name: str) -> None:
    profile = load_profile(name, None, Diagnostics())
    assert profile is not None
    place = profile.place(Logsource("windows"))
    assert place is not None
    cases = list(regression_cases(shared))
    own = {case.rule_id for case in cases}
    records = [event for case in cases for event in case.events]
    values = [
        flatten(normalise_windows(event, profile.windows_events.value))
        for event in (*records, *map(case_changed, records))
    ]
    events = {number: nested(as_indexed(one, place.types)) for number, one in enumerate(values)}
    many = [{path for path, texts in one.items() if len(texts) > 1} for one in values]
    repository = load_repository([shared / "data" / "sigmahq"], shared, {}, Diagnostics())
    rules = [
        rule
        for number, rule in enumerate(compile_all(repository, profile, Diagnostics()).rules)
        if rule.logsource.product == "windows"
        and (rule.info.id in own or number % STEP == 0)
        and not is_decided_by_case(rule.condition)
    ]
    differences, matches, tried = [], 0, 0
    for rule in rules:
        made = TARGETS["eql"].emit(rule)
        if not isinstance(made, Artefact):
            continue
        tried += 1
        asked = paths_of(rule)
        told = {number for number in events if many[number].isdisjoint(asked)}
        # Letter case is folded anyway, and a field has no subfields there.
        text = json.loads(made.text)["query"].replace(".caseless", "")
        found = found_by_eql(text, events)
        meets = prepare(And((rule.gate, rule.condition)))
        wanted = {number for number in told if meets(values[number])}
        if (found & told) != wanted:
            differences.append((str(rule.info.location), sorted((found & told) ^ wanted)))
        matches += len(wanted)
    assert not differences, (len(differences), differences[:5])
    assert tried > 0.85 * len(rules) and matches > 200
