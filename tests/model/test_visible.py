"""Text that others wrote, made safe to look at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.model.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Ünïcode, 日本", "plain, Ünïcode, 日本"),
        ("\x1b[31mred", "<U+001B>[31mred"),
        ("txt\u202eexe.doc", "txt<U+202E>exe.doc"),
        ("a\r\nb\tc", "a<U+000D><U+000A>b<U+0009>c"),
        ("zero\u200bwidth\u2060", "zero<U+200B>width<U+2060>"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("half\ud800", "half<U+D800>"),
        ("line\u2028break", "line<U+2028>break"),
        ("blank\u2800\u3164\ufe01", "blank<U+2800><U+3164><U+FE01>"),
        ("red heart \u2764\ufe0f",) * 2,
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_the_result_is_one_line_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert visible(shown) == shown
