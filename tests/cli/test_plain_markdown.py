"""An alert's Markdown as plain text: what was escaped reads as it was, and nothing else changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma2hive.alerts.text import code_span, fenced, markdown_text
from sigma2hive.cli.columns import width
from sigma2hive.cli.plain_markdown import plain_lines
from sigma2hive.model.visible import visible


@pytest.mark.parametrize(
    ("markdown", "lines"),
    [
        ("Rule **A \\*b\\*** matched `x`.", ["Rule A *b* matched x."]),
        ("a `` ` `` b", ["a ` b"]),
        ("see <https://example.org/a_b>", ["see https://example.org/a_b"]),
        ("- [T1](https://example.org/)", ["- T1 https://example.org/"]),
        ("### Why\n\nbecause", ["Why", "---", "", "because"]),
        ("\n\na\n\n\nb\n\n", ["a", "", "b"]),
        ("| A | B |\n|---|---|\n| `x\\|y` | 2 |\n\nend", ["A    B", "x|y  2", "", "end"]),
        ("```yaml\na:   1\n\n  b: '`'\n```\nend", ["a:   1", "", "  b: '`'", "end"]),
        ("````\n```\n### no heading\n````", ["```", "### no heading"]),
    ],
)
def test_markdown_reads_as_plain_text(markdown: str, lines: list[str]) -> None:
    assert list(plain_lines(markdown)) == lines


def test_sections_are_left_out_by_their_heading_but_not_by_what_events_say() -> None:
    raw = fenced("### Kept\n### Raw logs")
    markdown = f"### Raw logs\n\n{raw}\n\n### Kept\n\n{raw}"
    assert list(plain_lines(markdown, leave_out=("Raw logs",))) == [
        "Kept",
        "----",
        "",
        "### Kept",
        "### Raw logs",
    ]


def test_a_line_of_code_is_not_wrapped_for_it_is_copied() -> None:
    line = "key: '" + "x" * 100 + "'"
    assert list(plain_lines(fenced(line, "yaml"))) == [line]


markup = st.text(st.sampled_from("`|\\<>[]()!*_~#&.{}% a1"), min_size=1, max_size=40)


@given(markup)
@settings(max_examples=200)
def test_code_and_running_text_come_back_as_they_were(text: str) -> None:
    def joined(markdown: str) -> str:
        return "".join(plain_lines(f"x {markdown} x")).replace(" ", "")

    whole = f"x{text}x".replace(" ", "")
    assert joined(markdown_text(text)) == whole
    # A bar after a backslash is shown by its number in code, for tables' sake.
    if "\\|" not in text:
        assert joined(code_span(text)) == whole


@given(st.text(st.characters(), max_size=200))
def test_no_line_of_text_is_too_wide_or_steers_the_terminal(text: str) -> None:
    markdown = (
        f"{markdown_text(text)}\n\n- {code_span(text)}\n\n| a |\n|---|\n| {code_span(text)} |"
    )
    for line in plain_lines(markdown):
        assert width(line) <= 80
        assert visible(line) == line
