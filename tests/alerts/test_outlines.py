"""Templates that are put together without the engine say what the engine says."""

from __future__ import annotations

from dataclasses import replace

import hypothesis
import pytest
from hypothesis import strategies as st

from sigma2hive.alerts.environment import Mode
from sigma2hive.alerts.facts import AlertContext, Facts
from sigma2hive.alerts.templates import Rendered, Renderer
from sigma2hive.model.matches import Match
from sigma2hive.model.rules import Level
from tests.alerts.matches import match

_FIELDS = ("host.name", "user.name", "rule.title", "no.such")
_TEXTS = [
    "",
    " ",
    "anna",
    "a\0b",
    "\u202e",
    "http://x.example",
    "0",
    "x" * 700,
    "{{ 7 }}",
    "\u0130",
]
_EXPRESSIONS = st.recursive(
    st.sampled_from(
        [
            *(f"field('{name}')" for name in _FIELDS),
            *("rule.title", "rule.level", "rule.owner", "rule.place", "rule.commit", "rule['id']"),
            *("group", "'text'", "''", "count", "event.host.name", "field('user.name') | upper"),
            *("'a' ~ field('host.name')", "values('user.name')", "field('no.such') is defined"),
        ]
    ),
    lambda inside: st.one_of(
        st.tuples(inside, st.sampled_from(["and", "or"]), inside).map(" ".join),
        inside.map("not ({})".format),
        st.tuples(inside, inside, inside).map(lambda each: "({} if {} else {})".format(*each)),
    ),
    max_leaves=4,
)
_TEMPLATES = st.recursive(
    st.one_of(
        st.sampled_from(["on ", "{host.name}", "{rule.title}", "{no.such}", "{", "\n", "a\0b"]),
        _EXPRESSIONS.map("{{{{ {} }}}}".format),
    ),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3).map("".join),
        st.tuples(_EXPRESSIONS, inside, inside).map(
            lambda each: "{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format(*each)
        ),
        inside.map("{{% for name, value in group %}}{{{{ name }}}}{}{{% endfor %}}".format),
        inside.map("{{% for each in values('user.name') %}}{}{{% endfor %}}".format),
    ),
    max_leaves=6,
)
_VALUES = st.lists(st.sampled_from(_TEXTS), min_size=1, max_size=5, unique=True).map(tuple)


def a_match(fields: dict[str, tuple[str, ...]], title: str, level: Level | None) -> Match:
    made = match()
    event = replace(made.events[0], values=fields)
    return replace(made, events=(event,), rule=replace(made.rule, title=title, level=level))


def by_the_engine(renderer: Renderer, text: str, mode: Mode, limit: int) -> Rendered:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sigma2hive.alerts.templates.outlined", lambda *_: None)
        return renderer.render(text, mode, limit)


@hypothesis.settings(max_examples=500, deadline=None)
@hypothesis.given(
    _TEMPLATES,
    st.dictionaries(st.sampled_from(_FIELDS[:3]), _VALUES),
    st.sampled_from(_TEXTS),
    st.sampled_from([None, Level.HIGH]),
    st.sampled_from(Mode),
    st.sampled_from([3, 40, 4_000]),
)
def test_both_ways_give_the_same(
    text: str,
    fields: dict[str, tuple[str, ...]],
    title: str,
    level: Level | None,
    mode: Mode,
    limit: int,
) -> None:
    facts = Facts(a_match(fields, title, level), AlertContext())
    found = Renderer(facts).render(text, mode, limit)
    assert found == by_the_engine(Renderer(facts), text, mode, limit)


def test_the_shipped_title_asks_the_engine_once_for_all_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (
        "{{ rule.title }}{%- for name, value in group %} {{ value }}{% endfor %}"
        '{%- if not group and field("host.name") %} on {host.name}{% endif %}'
    )

    def title(number: int) -> str:
        fields = {"host.name": (f"dc{number:02}",)}
        facts = Facts(a_match(fields, f"Rule {number}", None), AlertContext())
        return Renderer(facts).render(text, Mode.TITLE, 512).text

    assert title(1) == "Rule 1 on dc01"

    def fail(*_: object) -> None:
        raise AssertionError("the engine was asked again")

    monkeypatch.setattr("sigma2hive.alerts.templates.compiled", fail)
    monkeypatch.setattr("sigma2hive.alerts.outlines.compiled", fail)
    assert [title(number) for number in (2, 3)] == ["Rule 2 on dc02", "Rule 3 on dc03"]
