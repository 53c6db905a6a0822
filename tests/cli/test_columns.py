"""Text in the columns of a terminal: nothing is wider than asked, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from sigma2hive.cli.columns import table_lines, width, wrap

texts = st.text(st.sampled_from("ab .-漢e\u0301"), max_size=300)


def test_wide_and_combining_characters_are_counted_as_terminals_show_them() -> None:
    assert [width(text) for text in ("abc", "漢字", "e\u0301", "")] == [3, 4, 1, 0]


@given(texts, st.integers(12, 80))
def test_no_line_is_too_wide_and_only_blanks_are_lost(text: str, columns: int) -> None:
    lines = list(wrap(text, "first: ", "   ", columns))
    assert all(width(line) <= columns for line in lines)
    joined = "".join(line[3:] for line in lines[1:])
    assert (lines[0] + joined).replace(" ", "") == ("first:" + text).replace(" ", "")


def test_words_stay_whole_where_they_fit_and_the_rest_is_indented() -> None:
    assert list(wrap("one two three", "- ", "  ", 10)) == ["- one two", "  three"]
    assert list(wrap("abcdefghijkl", "- ", "  ", 10)) == ["- abcdefgh", "  ijkl"]


def test_a_table_is_aligned_and_its_last_column_wrapped() -> None:
    lines = list(table_lines(("A", "Field"), [("x", "1"), ("longer", "word " * 20)]))
    assert lines[0] == "A       Field"
    assert lines[1] == "x       1"
    assert lines[2].startswith("longer  word word")
    assert lines[3].startswith("        word")
    assert all(width(line) <= 80 for line in lines)


def test_a_table_that_does_not_fit_has_a_line_for_each_cell() -> None:
    rows = [("selection", "x" * 60, "value"), ("other", "y", "z")]
    assert list(table_lines(("Part", "asks", "In the event"), rows)) == [
        "selection",
        "  asks          " + "x" * 60,
        "  In the event  value",
        "other",
        "  asks          y",
        "  In the event  z",
    ]


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=4))
def test_no_table_is_too_wide(rows: list[tuple[str, str, str]]) -> None:
    assert all(width(line) <= 80 for line in table_lines(("a", "b", "c"), rows))
