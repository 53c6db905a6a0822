"""Nothing that a rule's author writes does anything in Kibana."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sigma2hive.compiler.kibana.inert import markdown, one_line, plain, web_addresses
from tests.compiler.kibana.test_rules import RULE
from tests.compiler.kibana.world import rule_of

HOSTILE = (
    "{{context.rule.id}} {{{state}}} !{osquery{x}} !{investigate{y}} [a](javascript:alert(1)) "
    "<img src=x onerror=alert(1)> ![i](https://evil.example/x.png) https://evil.example \\u202Eabc"
)


def test_every_text_of_a_hostile_rule_is_inert(tmp_path: Path) -> None:
    quoted = json.dumps(HOSTILE).replace("\\\\u202E", "\\u202E")
    text = RULE.replace("A title", quoted).replace("What it is.", quoted)
    text += f"falsepositives: [{quoted}]\nreferences: [{quoted}, 'javascript:alert(1)']\n"
    text = text.replace("(team; night)", "{{team}}").replace("Ann Example", '"Ann {{a}}"')
    text = text.replace('author: "Ann {{a}}", Ben Example {{team}}', "author: 'Ann {{a}}'")
    body = rule_of(tmp_path, text)
    body.pop("filters")
    whole = json.dumps(body, ensure_ascii=False)
    assert "{{" not in whole.removeprefix("{") and "\u202e" not in whole
    note = body["note"]
    assert "!{" not in note and "<" not in note and "://" not in note
    assert re.search(r"(?<!\\)[\]\[*]", note) is None
    assert body["references"] == []
    # It can still be read.
    assert "{ {context.rule.id} }" in body["name"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, and 10.0.0.1 (a-b)", "plain words, and 10.0.0.1 (a-b)"),
        ("# head", "\\# head"),
        ("1. item", "1\\. item"),
        ("- item\n+ item", "\\- item\n\\+ item"),
        ("===", "&#61;=="),
        ("a_b *c* `d`", "a\\_b \\*c\\* \\`d\\`"),
        ("x > y & z < w", "x \\> y &amp; z &lt; w"),
        ("see http://a.example", "see http&#58;//a.example"),
    ],
)
def test_markdown_shows_the_text_as_it_was_written(text: str, expected: str) -> None:
    assert markdown(text) == expected


def test_braces_are_parted_however_many_there_are() -> None:
    assert one_line("{{{{x}}}}") == "{ { { {x} } } }"
    assert plain("a{{\n{{b") == "a{ {\n{ {b"


def test_only_addresses_on_the_web_are_references() -> None:
    texts = ["https://a.example/x", "http://b.example", "Book, page 3", "javascript:alert(1)"]
    more = ["https://c.example/{{x}}", "https://a.example/x", "ftp://d.example"]
    assert web_addresses([*texts, *more]) == ["https://a.example/x", "http://b.example"]
