"""The targets lucene, eql and esql as people and programs read them: golden files, and refusals.

That Lucene's text finds what is meant is shown in test_lucene_property.py, and EQL's, in Elastic's
engine for Python, in tests/regression/test_eql.py; the test server runs neither EQL nor ES|QL. EQL
is parsed here by Elastic's own parser; ES|QL holds Lucene's text.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import eql
import pytest
from eql.parser import elasticsearch_syntax

from sigma2hive.compiler import TARGETS, Artefact, Refusal, compile_all
from sigma2hive.diagnostics import ConfigurationError, Diagnostics
from sigma2hive.model.rules import CompiledRule
from sigma2hive.repository import load_repository
from sigma2hive.schema import load_profile
from sigma2hive.workflows.artefacts import (
    Changes,
    Standing,
    apply_changes,
    digest_of,
    files_of,
    plan_changes,
)
from tests.compiler.dsl_world import compile_detection, load_world

GOLDEN = Path(__file__).parent.parent / "golden" / "texts"
NAMES = ("lucene", "eql", "esql")


@pytest.fixture
def rule_of(tmp_path: Path) -> Any:
    profile = load_world(tmp_path)

    def compiled(selection: Any, condition: str = "a") -> CompiledRule:
        rule = compile_detection({"a": selection, "condition": condition}, profile, tmp_path)
        assert rule is not None
        return rule

    return compiled


def query_of(target: str, rule: CompiledRule) -> str:
    made = TARGETS[target].emit(rule)
    assert isinstance(made, Artefact), made
    assert made.plain == json.loads(made.text)["query"] + "\n"
    return str(json.loads(made.text)["query"])


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("profile", ["winlogbeat", "elastic-agent"])
def test_files_are_written_exactly_so(target: str, profile: str, update_golden: bool) -> None:
    diagnostics = Diagnostics()
    loaded = load_profile(profile, None, diagnostics)
    assert loaded is not None
    repository = load_repository([GOLDEN / "rules.yml"], GOLDEN, {}, diagnostics)
    made = compile_all(repository, loaded, diagnostics).rules
    assert len(made) == 3
    parts = []
    for rule in made:
        artefact = TARGETS[target].emit(rule)
        assert isinstance(artefact, Artefact)
        assert artefact.text.startswith(TARGETS[target].mark)
        parts += [f"== {artefact.name}\n{artefact.text}", f"== its .txt\n{artefact.plain}"]
    expected = GOLDEN / f"{target}-on-{profile}.txt"
    if update_golden:
        expected.write_text("".join(parts), encoding="utf-8")
    assert "".join(parts) == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("selection", "lucene", "eql_text"),
    [
        ({"kw": "Foo"}, "kw:/[Ff][Oo][Oo]/", '?kw : "Foo"'),
        ({"kw|cased": "Foo"}, 'kw:"Foo"', '?kw == "Foo"'),
        ({"kw|cased": ["Foo", 'a"b']}, 'kw:("Foo" OR "a\\"b")', '?kw in ("Foo", "a\\"b")'),
        ({"kw|contains|cased": "a b"}, "kw:*a\\ b*", '?kw like "*a b*"'),
        ({"kw|startswith": "a\\*"}, "kw:/[Aa]\\*.*/", '?kw regex """[Aa]\\*.*"""'),
        ({"kw|endswith": "\\"}, "kw:*\\\\", '?kw like "*\\\\"'),
        ({"low|contains": "FOO"}, "low.caseless:*foo*", '?low.caseless like "*foo*"'),
        ({"kw": "Ü"}, "kw:/[Üü]/", '?kw regex """[Üü]"""'),
        ({"kw": ""}, 'kw:""', '?kw == ""'),
        ({"kw|exists": True}, "_exists_:kw", "?kw != null"),
        ({"kw": None}, "*:* AND NOT _exists_:kw", "?kw == null"),
        ({"ip|cidr": "10.0.0.0/8"}, 'ip:"10.0.0.0/8"', 'cidrMatch(?ip, "10.0.0.0/8")'),
        ({"ip": "::1"}, 'ip:"::1"', '?ip == "::1"'),
        ({"ip": "fe80:*"}, 'ip:"fe80::/16"', 'cidrMatch(?ip, "fe80::/16")'),
        ({"long": 4625}, "long:4625", "?long == 4625"),
        ({"long": -1}, 'long:"-1"', "?long == -1"),
        ({"long|gt": 4.5}, "long:[5 TO *]", "?long >= 5"),
        ({"bool": True}, "bool:true", "?bool == true"),
        ({"kw|re": "^a/b\\\\\\Z"}, "kw:/a\\/b[\\\\]/", None),
        ({"initiated": "true"}, 'direction:"egress"', '?direction == "egress"'),
    ],
)
def test_each_kind_of_atom(rule_of: Any, selection: Any, lucene: str, eql_text: str | None) -> None:
    rule = rule_of(selection)
    assert query_of("lucene", rule) == lucene
    assert eql_text is None or query_of("eql", rule) == f"any where {eql_text}"


HIDDEN = ["\u202e", "\u200b", "\0", "\u3164", "\U000e0067"]


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("item", ["kw|cased", "kw|contains|cased", "kw", "low|contains"])
@pytest.mark.parametrize("target", NAMES)
def test_nothing_that_a_reader_would_not_see_stands_in_a_text(
    rule_of: Any, target: str, item: str, hidden: str
) -> None:
    made = TARGETS[target].emit(rule_of({item: f"a{hidden}b"}))
    if isinstance(made, Refusal):
        # A wildcard and an expression of Lucene know no code for a character.
        assert target in ("lucene", "esql") and item != "kw|cased"
        assert "a reader would not see" in made.findings[0].message
        return
    assert made.plain is not None and hidden not in made.plain
    unit = {"\0": "u0000", "\U000e0067": "uDB40"}.get(hidden, f"u{ord(hidden):04X}")
    written = f"a\\{unit}" if target != "eql" else f"a\\u{{{ord(hidden):x}}}b"
    assert written in made.plain


def test_what_joins_an_emoji_hides_nothing(rule_of: Any) -> None:
    rule = rule_of({"low|contains": "\U0001f937\u200d\u2642"})
    assert query_of("lucene", rule) == "low:*\\\U0001f937\\\u200d\\\u2642*"


def test_an_absent_field_meets_a_negation_in_eql(rule_of: Any) -> None:
    # Null where the field is absent; `not null` is null, and no hit.
    text = query_of("eql", rule_of({"kw": ["a", "b"], "short": "c"}, "not a"))
    assert text == (
        'any where not ((?kw != null and ?kw : ("a", "b")) and (?short != null and ?short : "c"))'
    )


def test_esql_holds_the_text_of_lucene(rule_of: Any) -> None:
    rule = rule_of({"kw": "Foo", "low": 'say "hi"'})
    text = query_of("lucene", rule)
    assert query_of("esql", rule) == (
        f'FROM "world-*" METADATA _id, _index, _version\n| WHERE QSTR("""{text} """)'
    )


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        ({"text|contains": "foo"}, "analysed text"),
        ({"nest.x": "foo"}, "type does not hold"),
        ({"flat.x|contains": "foo"}, "type does not hold"),
        ({"kw|fieldref": "low"}, "cannot compare two fields"),
        ({"kw|re": "foo(?!bar)"}, "cannot say this"),
        ({"kw|re": "(a|b)" * 400}, "too large"),
        ({"folded|cased": "foo"}, "letter case"),
        ({"double": 0.5}, "rounds numbers"),
        ({"date|hour": 3}, "take a time apart"),
        ({"kw|gt": 3}, "rounds numbers, or cannot compare them in text"),
        ({"kw|contains": "x" * 300}, "too large"),
        ({"ip|endswith": ".1"}, "type does not hold"),
    ],
)
@pytest.mark.parametrize("target", NAMES)
def test_what_cannot_be_said_is_refused_with_the_part_and_the_reason(
    rule_of: Any, target: str, selection: Any, reason: str
) -> None:
    made = TARGETS[target].emit(rule_of(selection))
    assert isinstance(made, Refusal)
    (finding,) = made.findings
    assert finding.code == "S2H301"
    assert reason in finding.message
    assert next(iter(selection)) in finding.message
    assert "dsl" in finding.hint


def test_all_of_sigmahq_is_written_or_refused_and_eql_parses(shared: Path) -> None:
    diagnostics = Diagnostics()
    root = shared / "data" / "sigmahq"
    profile = load_profile("winlogbeat", None, diagnostics)
    assert profile is not None
    rules = compile_all(load_repository([root], root, {}, diagnostics), profile, diagnostics).rules
    written = 0
    # One in five: reading each query back takes longer than writing all.
    for rule in rules[::5]:
        made = TARGETS["eql"].emit(rule)
        if isinstance(made, Refusal):
            assert made.findings
            continue
        written += 1
        with elasticsearch_syntax:
            assert eql.parse_query(made.plain)
    assert written > 0.85 * len(rules[::5])


@pytest.mark.parametrize("text", ['a"""b', "a\nb", "\\", '"', "`", "é😀", "a*b?"])
def test_eql_parses_hostile_texts(rule_of: Any, text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    for item in ("kw", "kw|cased", "kw|contains", "kw|startswith|cased"):
        with elasticsearch_syntax:
            assert eql.parse_query(query_of("eql", rule_of({item: escaped}, "not a")))


@pytest.mark.skipif(
    "SIGMA2HIVE_TEST_ESQL_URL" not in os.environ,
    reason="ES|QL is unverified: SIGMA2HIVE_TEST_ESQL_URL names no Elasticsearch that has it",
)
def test_esql_finds_what_is_meant_on_a_cluster_that_has_it(rule_of: Any) -> None:
    url = os.environ["SIGMA2HIVE_TEST_ESQL_URL"].rstrip("/")
    index = "world-sigma2hive-test"
    documents = [{"kw": "Foo"}, {"kw": ["x", "foo"]}, {"kw": "bar"}, {"long": 1}]

    def ask(method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    mapping = {"properties": {"kw": {"type": "keyword"}, "long": {"type": "long"}}}
    ask("PUT", index, {"mappings": mapping})
    try:
        for number, document in enumerate(documents):
            ask("PUT", f"{index}/_doc/{number}?refresh=true", document)
        for condition, expected in (("a", {"0", "1"}), ("not a", {"2", "3"})):
            query = query_of("esql", rule_of({"kw": "foo"}, condition)) + "\n| KEEP _id"
            rows = ask("POST", "_query", {"query": query})["values"]
            assert {row[0] for row in rows} == expected
    finally:
        ask("DELETE", index)


def test_a_query_to_paste_is_kept_with_its_file_and_nothing_else_is_touched(
    rule_of: Any, tmp_path: Path
) -> None:
    target, folder = TARGETS["lucene"], tmp_path / "lucene"
    made = target.emit(rule_of({"kw|contains": "a\\b"}))
    assert isinstance(made, Artefact)
    texts = dict(files_of(made))
    wanted = {name: digest_of(content) for name, content in texts.items()}

    def standing() -> Standing:
        return Standing(folder, target, {})

    def planned(wanted: Mapping[str, bytes]) -> Changes:
        return plan_changes(standing(), wanted)

    apply_changes(standing(), planned(wanted), texts)
    text = folder / made.name.replace(".json", ".txt")
    assert text.read_text("utf-8") == made.plain
    assert planned(wanted).written == ()
    notes = folder / "notes.txt"
    notes.write_text("mine", "utf-8")

    apply_changes(standing(), planned({}), {})
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    # A text of somebody else's in the place of ours is no file of ours.
    text.write_text("mine too", "utf-8")
    with pytest.raises(ConfigurationError):
        planned(wanted)
