"""Text made safe: visible, defanged, escaped, cut in the open."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.alerts.text import (
    code_span,
    data_text,
    defang,
    excerpt,
    fenced,
    fit,
    joined,
    markdown_text,
    plain,
    units,
    visible,
)


def test_every_control_and_format_character_of_unicode_is_made_visible() -> None:
    hidden = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and visible(character) == character
    ]
    assert hidden == []


@pytest.mark.parametrize("text", ["Änne Größe", "日本語", "العربية", "😀", "⚠️", "naïve café"])
def test_ordinary_text_of_any_language_stays(text: str) -> None:
    assert visible(text) == text


def test_lines_stay_where_they_are_wanted() -> None:
    assert visible("a\n\tb\r\x1b", keep_lines=True) == "a\n\tb‹U+000D›‹U+001B›"
    assert visible("a\n\tb") == "a‹U+000A›‹U+0009›b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://evil.example/a.b", "hxxps[://]evil[.]example/a.b"),
        ("see HTTP://EVIL.example", "see HxxP[://]EVIL[.]example"),
        ("ftp://evil.example", "ftp[://]evil[.]example"),
        ("www.evil.example", "www[.]evil.example"),
        ("a@evil.example", "a[@]evil.example"),
        ("mailto:x", "mailto[:]x"),
        ("//evil.example/x", "[//]evil.example/x"),
        ("C:\\Windows\\system32", "C:\\Windows\\system32"),
        ("203.0.113.5", "203.0.113.5"),
        ("powershell.exe -enc A//B", "powershell.exe -enc A//B"),
    ],
)
def test_what_would_be_a_link_is_defanged(text: str, shown: str) -> None:
    assert defang(text) == shown


@given(st.text(max_size=80))
def test_defanging_twice_is_defanging_once(text: str) -> None:
    assert defang(defang(text)) == defang(text)


@given(st.text(st.characters(), max_size=60), st.integers(10, 40))
def test_cut_texts_fit_in_utf16_and_say_so(text: str, limit: int) -> None:
    for shown in (fit(text, limit), plain(text, limit), data_text(text, limit)):
        assert units(shown) <= limit
    assert fit(text, limit) == text or fit(text, limit).endswith("… [cut]")


def test_emoji_count_twice_as_in_thehive() -> None:
    assert units("a😀") == 3
    assert fit("😀" * 20, 20) == "😀" * 6 + "… [cut]"


def test_an_excerpt_tells_how_much_is_missing() -> None:
    assert excerpt("x" * 1_234_567, 3) == "xxx… [+1,234,564 characters]"
    assert excerpt("xxx", 3) == "xxx"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("a", "`a`"),
        ("", "(empty)"),
        ("a`b", "`` a`b ``"),
        ("```", "```` ``` ````"),
        (" a ", "`  a  `"),
        ("dir | find", "`dir \\| find`"),
        ("a\\|b", "`a\\‹U+007C›b`"),
        ("C:\\Temp\\", "`C:\\Temp\\`"),
    ],
)
def test_code_spans_hold_any_text(text: str, span: str) -> None:
    assert code_span(text) == span


def test_fences_are_longer_than_any_inside() -> None:
    assert fenced("a\n````\nb") == "`````\na\n````\nb\n`````"
    assert fenced("{}") == "```\n{}\n```"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, with 1. commas-and dots", "plain text, with 1. commas-and dots"),
        ("*a* _b_ [c](d)\n# e", "\\*a\\* \\_b\\_ \\[c\\]\\(d\\) \\# e"),
        ("---", "\\---"),
        ("1. one", "1\\. one"),
        ("= x", "\\= x"),
    ],
)
def test_running_text_is_escaped(text: str, shown: str) -> None:
    assert markdown_text(text) == shown


def test_many_values_are_joined_shortly() -> None:
    assert joined(("a",)) == "a"
    assert joined(("a", "b", "c")) == "a, b, c"
    assert joined(("a", "b", "c", "d", "e")) == "a, b +3 more"


@given(st.text(st.sampled_from("htps:/[]@.wxw-javscript1 "), max_size=40))
def test_what_is_defanged_stays_as_it_is(text: str) -> None:
    assert defang(defang(text)) == defang(text)


@given(st.text(st.sampled_from("htps:/[]@.w1"), max_size=30))
def test_no_address_is_left_that_a_program_makes_a_link_of(text: str) -> None:
    shown = defang(f"{text}https://evil.example www.evil.example{text}")
    assert not re.search(r"(?i)https?://|www\.\w", shown)
