"""Queries as they are written: golden manifests, and shapes that each stand for a decision."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sigma2hive.compiler import TARGETS, Artefact, DslQuery, Refusal, compile_all, compile_query
from sigma2hive.compiler.dsl import Reason, render_manifest
from sigma2hive.compiler.dsl.query import MAX_CLAUSES
from sigma2hive.diagnostics import Diagnostics
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from tests.compiler.dsl_world import RULE_ID, compile_detection, load_world

GOLDEN = Path(__file__).parent.parent / "golden" / "dsl"
RULE = {
    "title": "A rule",
    "id": RULE_ID,
    "level": "low",
    "logsource": {"product": "windows", "service": "sysmon"},
}
CASES = sorted(folder.name for folder in GOLDEN.iterdir())


def test_the_golden_cases_are_all_here() -> None:
    assert len(CASES) == 8


@pytest.mark.parametrize("case", CASES)
def test_a_manifest_is_written_exactly_so(case: str, update_golden: bool) -> None:
    diagnostics = Diagnostics()
    profile = load_profile(case.partition("-on-")[2], None, diagnostics)
    assert profile is not None
    repository = load_repository([GOLDEN / case / "rule.yml"], GOLDEN, {}, diagnostics)
    (rule,) = compile_all(repository, profile, diagnostics).rules
    text = render_manifest(rule, compile_query(rule))
    expected = GOLDEN / case / "expected.json"
    if update_golden:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_the_target_writes_one_manifest_a_rule(tmp_path: Path) -> None:
    rule = compile_detection({"a": {"kw": "x"}, "condition": "a"}, load_world(tmp_path), tmp_path)
    assert rule is not None
    artefact = TARGETS["dsl"].emit(rule)
    assert isinstance(artefact, Artefact)
    assert artefact.name == f"{rule.info.id}.json"
    assert json.loads(artefact.text)["query"] == compile_query(rule).body


@pytest.fixture
def query_of(tmp_path: Path) -> Any:
    profile = load_world(tmp_path)

    def compiled(condition: str = "a", gated: bool = False, /, **selections: Any) -> DslQuery:
        detection = {**selections, "condition": condition}
        rule = compile_detection(detection, profile, tmp_path, gated)
        assert rule is not None
        return compile_query(rule)

    return compiled


def clause(query: DslQuery) -> Any:
    """The only clause of a rule without a log source's condition."""
    (found,) = query.body["bool"]["filter"]
    return found


IGNORED_SHORT = {"term": {"_ignored": {"value": "short"}}}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"kw": "Foo"}, {"term": {"kw": {"value": "Foo", "case_insensitive": True}}}),
        ({"kw|cased": "Foo"}, {"term": {"kw": {"value": "Foo"}}}),
        ({"kw": ["[", "]"]}, {"terms": {"kw": ["[", "]"]}}),
        ({"kw": ""}, {"term": {"kw": {"value": ""}}}),
        ({"short": "a\\*b"}, {"term": {"short": {"value": "a*b", "case_insensitive": True}}}),
        (
            {"short|startswith": "%"},
            {"bool": {"should": [{"prefix": {"short": {"value": "%"}}}, IGNORED_SHORT]}},
        ),
        (
            {"kw|endswith": ["\\cmd.exe", "*k"]},
            {
                "regexp": {
                    "kw": {"value": ".*(\\\\[Cc][Mm][Dd]\\.[Ee][Xx][Ee]|[Kk])", "flags": "NONE"}
                }
            },
        ),
        ({"kw": "Ü"}, {"regexp": {"kw": {"value": "[Üü]", "flags": "NONE"}}}),
        ({"low": "FOO"}, {"term": {"low.caseless": {"value": "foo"}}}),
        ({"ip": "::ffff:1.2.3.4"}, {"term": {"ip": {"value": "1.2.3.4"}}}),
        ({"ip|cidr": "10.0.0.0/8"}, {"term": {"ip": {"value": "10.0.0.0/8"}}}),
        ({"text|contains": "foo"}, {"exists": {"field": "text"}}),
        ({"nest.x": "foo"}, {"match_all": {}}),
        ({"data": "foo"}, {"match_all": {}}),
        ({"flat.x": "foo"}, {"term": {"flat.x": {"value": "foo", "case_insensitive": True}}}),
        ({"flat.x|contains": "foo"}, {"match_all": {}}),
        ({"initiated": "true"}, {"term": {"direction": {"value": "egress"}}}),
        ({"kw|fieldref": "text"}, {"exists": {"field": "text"}}),
    ],
)
def test_what_is_found_may_be_more(query_of: Any, selection: Any, expected: Any) -> None:
    filters = query_of(a=selection).body["bool"]["filter"]
    assert expected in filters or expected in filters[0]["bool"]["should"]


@pytest.mark.parametrize(
    "selection",
    [
        {"text|contains": "foo"},
        {"nest.x": "foo"},
        {"who": "DOM\\user"},
        {"kw|fieldref": "low"},
        {"long": 4625},
        {"kw|re": "foo(?!bar)"},
        {"date|hour": 3},
    ],
)
def test_what_is_excluded_is_certain(query_of: Any, selection: Any) -> None:
    query = query_of("not a", a=selection)
    assert query.body == {"bool": {"filter": [{"match_all": {}}]}}
    assert query.residual


def test_a_long_value_is_found_but_never_excluded(query_of: Any) -> None:
    wildcard = {"wildcard": {"short": {"value": "*x*", "case_insensitive": True}}}
    positive, negative = (
        query_of(a={"short|contains": "x"}),
        query_of("not a", a={"short|contains": "x"}),
    )
    assert clause(positive) == {"bool": {"should": [wildcard, IGNORED_SHORT]}}
    assert negative.body == {"bool": {"must_not": [wildcard]}}
    assert positive.margins == (Reason.UNINDEXED,) and not positive.residual


def test_the_log_source_comes_first(query_of: Any) -> None:
    query = query_of("a and not b", True, a={"low": "x"}, b={"kw": "y"})
    gate, rule = query.body["bool"]["filter"]
    assert "kind" in json.dumps(gate) and "low" in json.dumps(rule)
    assert list(query.body["bool"]) == ["filter", "must_not"]
    assert {"bool", "kind", "kw", "low"} == set(query.fields)


def test_long_runs_are_cut_to_what_lucene_can_afford(query_of: Any) -> None:
    query = query_of(a={"kw|contains": "a" + " " * 100 + "b"})
    wildcard, _ = clause(query)["bool"]["should"]
    assert wildcard["wildcard"]["kw"]["value"] == "*a" + " " * 8 + "*b*"
    assert [part.reason for part in query.residual] == [Reason.TOO_COMPLEX]


def test_an_expression_that_lucene_would_refuse_is_eased(query_of: Any) -> None:
    query = query_of(a={"kw|re": "cmd.{200}powershell"})
    regexp, _ = clause(query)["bool"]["should"]
    assert regexp["regexp"]["kw"]["value"] == ".*cmd.*powershell.*"


def test_a_rule_with_thousands_of_values_stays_a_query(query_of: Any) -> None:
    values = [f"value{number}x" for number in range(2 * MAX_CLAUSES)]
    query = query_of("a and b", a={"kw|contains": values}, b={"low": "foo"})
    assert len(json.dumps(query.body)) < 500
    assert {"term": {"low.caseless": {"value": "foo"}}} in query.body["bool"]["filter"]
    assert query.residual[-1].reason is Reason.TOO_MANY_CLAUSES


def test_a_deeply_nested_condition_stays_within_elasticsearchs_depth(query_of: Any) -> None:
    condition = "a"
    for _ in range(40):
        condition = f"not (b and not (a or {condition}))"
    query = query_of(condition, a={"kw": "x"}, b={"low": "y"})
    assert json.dumps(query.body).count("bool") < 40


def test_what_was_hashed_is_looked_up(query_of: Any) -> None:
    query = query_of(a={"hashes|contains": "IMP=cd"})
    assert {"prefix": {"imp": {"value": "cd", "case_insensitive": True}}} in clause(query)["bool"][
        "should"
    ]


def test_a_field_made_of_others_is_asked_for_as_these_are_now(tmp_path: Path) -> None:
    """A profile that is loaded anew may say that what `User` is made of has another type."""
    head = "profile: {}\ntitle: One\nextends: [winlogbeat]\n"
    (tmp_path / "before.yml").write_text(head.format("before"))
    types = "field_types: {user.name: text, user.domain: text}\n"
    (tmp_path / "now.yml").write_text(head.format("now") + types)
    rules = {}
    for name in ("before", "now"):
        profile = load_profile(name, tmp_path, Diagnostics())
        assert profile is not None
        detection = {"a": {"User": "CORP\\bob"}, "condition": "a"}
        path = tmp_path / "rule.yml"
        path.write_text(json.dumps(RULE | {"detection": detection}), encoding="utf-8")
        repository = load_repository([path], tmp_path, {}, Diagnostics())
        (rules[name],) = compile_all(repository, profile, Diagnostics()).rules
    # A keyword is asked for the text that it is; of an analysed one a query knows the words alone.
    asked = {name: json.dumps(compile_query(rule).body) for name, rule in rules.items()}
    of_name = re.compile(r'"user\.name": [^}]*bob')
    assert of_name.search(asked["before"])
    assert "user.name" in asked["now"]
    assert not of_name.search(asked["now"])
    emitted = {name: TARGETS["lucene"].emit(rule) for name, rule in rules.items()}
    assert isinstance(emitted["before"], Artefact)
    assert isinstance(emitted["now"], Refusal)
