"""What a cluster says of its fields, as facts: types that the test bench lacks among them."""

from __future__ import annotations

from typing import Any

import pytest

from sigma2hive.diagnostics import Diagnostics
from sigma2hive.model.fields import Field, FieldType
from sigma2hive.model.index_names import index_family, is_within
from sigma2hive.model.snapshot_types import index_view
from sigma2hive.model.snapshots import Snapshot
from sigma2hive.schema import IndexFacts, field_line, render_snapshots, snapshot_of
from sigma2hive.schema.nodes import Node
from sigma2hive.schema.snapshots import read_snapshots
from sigma2hive.yamlmarks import parse_yaml

LOWERCASE = {
    "index.analysis.normalizer.lower.type": "custom",
    "index.analysis.normalizer.lower.filter": ["lowercase"],
}
KEYWORD = {"type": "keyword"}


def facts_of(
    properties: dict[str, Any],
    *seen: str,
    name: str = "a",
    settings: dict[str, Any] | None = None,
    **mapping: Any,
) -> IndexFacts:
    """An index with these properties; `seen` are what its field capabilities list besides."""
    visible = dict.fromkeys((*properties, *seen), True)
    return IndexFacts(name, {"properties": properties, **mapping}, settings or {}, visible)


def lines(*indices: IndexFacts) -> list[str]:
    return [field_line(fact) for fact in snapshot_of("p-*", indices).fields]


def type_of(path: str, *indices: IndexFacts) -> Field:
    return index_view((snapshot_of("p-*", indices),), ("p-*",)).types.field(path)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": "wildcard", "ignore_above": 2147483647}, "wildcard"),
        ({"type": "wildcard", "ignore_above": 1024}, "wildcard ignore_above=1024"),
        ({"type": "constant_keyword"}, "constant_keyword"),
        ({"type": "constant_keyword", "value": "a b"}, 'constant_keyword value="a b"'),
        ({"type": "match_only_text"}, "match_only_text"),
        ({"type": "unsigned_long"}, "unsigned_long"),
        ({"type": "keyword", "normalizer": "lowercase"}, "keyword normalizer=lowercase"),
        ({"type": "keyword", "normalizer": "lower"}, "keyword normalizer=lowercase"),
        ({"type": "keyword", "normalizer": "gone"}, "keyword normalizer=custom"),
        ({"type": "ip", "ignore_malformed": "true"}, "ip takes_malformed"),
        ({"type": "long", "script": {"source": "emit(1)"}}, "long script"),
        ({"type": "boolean", "null_value": True}, 'boolean null_value="true"'),
        ({"type": "geo_point"}, "geo_point"),
    ],
)
def test_a_field_is_one_line(spec: dict[str, Any], expected: str) -> None:
    assert lines(facts_of({"x": spec}, settings=LOWERCASE)) == [f"x {expected}"]


def test_the_index_decides_where_the_field_says_nothing() -> None:
    settings = {"index.mapping.ignore_above": "8191", "index.mode": "logsdb"}
    index = facts_of({"x": KEYWORD, "y": {"type": "ip"}}, settings=settings)
    assert lines(index) == ["x keyword ignore_above=8191", "y ip takes_malformed"]


def test_a_field_that_these_credentials_may_not_see_is_left_out() -> None:
    hidden = IndexFacts("a", {"properties": {"x": KEYWORD, "y": KEYWORD}}, {}, {"y": True})
    assert lines(hidden) == ["y keyword"]


def test_the_fields_of_a_passthrough_object_go_by_their_short_names_too() -> None:
    properties = {
        "attributes": {"type": "passthrough", "priority": 1, "properties": {"x": KEYWORD}}
    }
    index = facts_of(properties, "attributes.x", "x")
    assert lines(index)[1:] == ["attributes.x keyword", "x alias target=attributes.x"]
    assert type_of("x", index).path == "attributes.x"


def test_what_documents_are_stored_without_is_marked() -> None:
    properties = {"a": KEYWORD, "b": {"properties": {"c": KEYWORD}}, "d": KEYWORD}
    source = {"excludes": ["b", "d*"]}
    assert lines(facts_of(properties, "b.c", _source=source)) == [
        "a keyword",
        "b.c keyword unkept",
        "d keyword unkept",
    ]


def test_a_runtime_field_stands_before_a_mapped_one() -> None:
    runtime = {"x": {"type": "long", "script": {}}, "c": {"type": "composite", "script": {}}}
    runtime["c"]["fields"] = {"y": {"type": "keyword"}}
    index = facts_of({"x": KEYWORD}, "c.y", runtime=runtime)
    assert lines(index) == ["c.y keyword runtime script", "x long runtime script"]
    assert type_of("x", index).is_computed


def test_rollover_leaves_one_name_and_another_mapping_a_second() -> None:
    names = [f".ds-logs-x-2026.11.{day}-00000{day}" for day in (24, 25, 26)]
    old, new = {"x": KEYWORD}, {"x": {"type": "ip"}}
    found = snapshot_of(
        "logs-*",
        [
            facts_of(old, name=names[0]),
            facts_of(old, name=names[1]),
            facts_of(new, name=names[2]),
        ],
    )
    assert found.indices == ("logs-x", "logs-x/2")
    assert sorted(map(field_line, found.fields)) == [
        "x ip in=logs-x",
        "x keyword in=logs-x/2",
    ]


def test_the_text_follows_from_what_there_is_and_not_from_its_order() -> None:
    properties = {"b": KEYWORD, "a": {"properties": {"z": KEYWORD, "y": {"type": "ip"}}}}
    turned = {"a": {"properties": {"y": {"type": "ip"}, "z": KEYWORD}}, "b": KEYWORD}
    one = facts_of(properties, "a.y", "a.z", name="i-2026.11.24")
    two = facts_of(turned, "a.z", "a.y", name="i-2026.11.25")
    other = facts_of({"b": {"type": "long"}}, name="j")
    texts = {
        render_snapshots([snapshot_of("p", order)])
        for order in ([one, two, other], [other, two, one], [two, other, one])
    }
    assert len(texts) == 1
    assert "      a.y ip in=i-*\n" in texts.pop()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (KEYWORD, {"type": "wildcard"}, Field("x")),
        (KEYWORD, {"type": "constant_keyword", "value": "v"}, Field("x", computed=True)),
        ({"type": "text"}, {"type": "match_only_text"}, Field("x", FieldType.TEXT)),
        ({"type": "long"}, {"type": "unsigned_long"}, Field("x", FieldType.LONG)),
        (KEYWORD, {"type": "ip"}, Field("x", opaque=True)),
        (KEYWORD, {"type": "long"}, Field("x", FieldType.OTHER, opaque=True)),
        (KEYWORD, {"type": "flattened"}, Field("x", FieldType.OTHER)),
        (KEYWORD, {"type": "version"}, Field("x", FieldType.OTHER)),
        (KEYWORD, {"type": "keyword", "normalizer": "lower"}, Field("x", opaque=True)),
        (KEYWORD, {"properties": {"y": KEYWORD}}, Field("x")),
        (
            {"type": "keyword", "ignore_above": 8},
            {"type": "keyword", "ignore_above": 9},
            Field("x", ignore_above=8),
        ),
    ],
)
def test_a_field_that_differs_is_what_can_be_asked_for_in_all(
    first: dict[str, Any], second: dict[str, Any], expected: Field
) -> None:
    pair = (
        facts_of({"x": first}, "x.y", name="a", settings=LOWERCASE),
        facts_of({"x": second}, "x.y", name="b", settings=LOWERCASE),
    )
    assert type_of("x", *pair) == type_of("x", *reversed(pair)) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        "x keyword in=elsewhere",
        "x keyword shiny",
        "x keyword ignore_above=-1",
        "x keyword normalizer=upper",
        "x keyword .sub=",
        "x keyword .sub=keyword,shiny",
        '"x keyword',
        'x keyword value="\\x"',
    ],
)
def test_a_line_that_is_none_is_told(wrong: str) -> None:
    diagnostics = Diagnostics()
    content = f"p-*:\n  indices: [a]\n  fields: |\n    y keyword\n    {wrong}\n"
    (document,) = parse_yaml("site.yml", content.encode(), diagnostics)
    (found,) = read_snapshots(Node(document, document.value, (), diagnostics))
    assert [field_line(fact) for fact in found.fields] == ["y keyword"]
    (finding,) = diagnostics
    assert finding.code == "S2H405"
    assert finding.message.startswith("line 2 of the fields")


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("logstash-2026.11.24", "logstash-*"),
        (".ds-logs-system.security-default-2026.11.24-000007", "logs-system.security-default"),
        ("winlogbeat-9.5.0-2026.11", "winlogbeat-9.5.0-*"),
        ("partial-restored-logs-000012", "logs"),
        ("dc01", "dc01"),
    ],
)
def test_an_index_is_called_as_its_successors_will_be(name: str, family: str) -> None:
    assert index_family(name) == family


def test_a_pattern_lies_within_a_wider_one() -> None:
    assert is_within("logs-windows.*", "logs-*")
    assert is_within("other:logs-windows.*", "logs-*")
    assert not is_within("logs-*", "logs-windows.*")


def test_a_pattern_without_an_index_is_kept_as_such() -> None:
    assert render_snapshots([Snapshot("a-*")]) == 'snapshot:\n  "a-*": {indices: []}\n'
